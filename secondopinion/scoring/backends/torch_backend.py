"""A model as torch runs it, on a CPU or a GPU."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...core.machine import keep_pages, usable_threads

INPUTS = ("input_ids", "attention_mask", "token_type_ids", "global_attention_mask", "span_mask", "truncated")
LOGITS = ("logits",)
DEFERRING = ("logits", "deferral_score", "deferred", "expert")


class TorchBackend:
    """Plain torch; see `Backend`.

    Args:
        model: put into evaluation mode; its weights are cast where `precision` is another than theirs.
        precision: float32, bfloat16 or float16; by default that of the weights.
        outputs: fields of the model's output with one entry a row.
    """

    name, width_step = "torch", 1

    def __init__(self, model: Any, precision: str | None = None, outputs: Sequence[str] = LOGITS) -> None:
        import torch

        weight = next(model.parameters())
        self.precision, self.outputs = precision or str(weight.dtype).removeprefix("torch."), tuple(outputs)
        self.model = model.eval().to(getattr(torch, self.precision))
        self._device = weight.device
        self.device = self._device.type
        self.inputs = accepted_inputs(model)
        self._threads = torch.get_num_threads()

    def prepare(self, streams: int) -> None:
        """Share the cores among the threads, and keep the pages that activations free."""
        keep_pages()
        self._threads = max(1, usable_threads() // streams)

    def expect(self, tokens: Mapping[int, int]) -> None:
        """Take any width as it comes."""

    def enter(self) -> None:
        """Set how many cores an operation of this thread takes."""
        import torch

        if self.device == "cpu":
            torch.set_num_threads(self._threads)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the outputs of a batch; numbers are float32."""
        import torch

        with torch.inference_mode():
            given = {name: torch.from_numpy(value).to(self._device) for name, value in batch.items()}
            output = self.model(**given)
            found = {}
            for name in self.outputs:
                value = output[name]
                found[name] = (value.float() if value.is_floating_point() else value).cpu().numpy()
        return found

    def facts(self) -> dict[str, Any]:
        """Return name, precision, device and version."""
        import torch

        return {"name": self.name, "precision": self.precision, "device": self.device, "version": torch.__version__}


def accepted_inputs(model: Any) -> tuple[str, ...]:
    """Return the fields of tokenised texts that a model's forward takes."""
    takes = inspect.signature(model.forward).parameters
    return tuple(name for name in INPUTS if name in takes)


__all__ = ["DEFERRING", "LOGITS", "TorchBackend", "accepted_inputs"]
