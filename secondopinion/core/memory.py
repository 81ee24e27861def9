"""Whether an error says that memory ran out."""

from __future__ import annotations

import sys

# The last two are how cuBLAS and oneDNN say it.
_SIGNS = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "could not create a primitive",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory could not be had, on a GPU or a CPU.

    >>> is_out_of_memory(RuntimeError("shape mismatch"))
    False
    """
    torch = sys.modules.get("torch")
    if isinstance(error, MemoryError) or (torch is not None and isinstance(error, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)


__all__ = ["is_out_of_memory"]
