"""How many texts tokenizers are given, counted where each call of one passes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def counted_texts() -> Iterator[dict[str, int]]:
    """Count the texts of lists that any tokenizer is called with: `{"texts": n}`, which grows as they come."""
    from transformers import PreTrainedTokenizerBase

    counted, call = {"texts": 0}, PreTrainedTokenizerBase.__call__

    def counting(self: Any, text: Any = None, *args: Any, **kwargs: Any) -> Any:
        counted["texts"] += len(text) if isinstance(text, list | tuple) else text is not None
        return call(self, text, *args, **kwargs)

    PreTrainedTokenizerBase.__call__ = counting
    try:
        yield counted
    finally:
        PreTrainedTokenizerBase.__call__ = call
