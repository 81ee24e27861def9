"""Batches of rows of like length under a budget of tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np


def padding_multiple(model: Any) -> int:
    """Return to a multiple of how many tokens a model pads its input by itself: 1 but for transformers' Longformer."""
    if any(getattr(part, "pads_nothing", False) for part in model.modules()):
        return 1
    config = inner_config(model.config)
    if getattr(config, "model_type", None) != "longformer":
        return 1
    windows = config.attention_window
    return windows if isinstance(windows, int) else max(windows)


def inner_config(config: Any) -> Any:
    """Return the configuration of the encoder inside a model of this project's; another model's as it is."""
    for inner in ("classifier_config", "encoder_config"):
        config = getattr(config, inner, config)
    return config


def token_batches(lengths: Sequence[int], token_budget: int, multiple: int = 1) -> Iterator[np.ndarray]:
    """Yield row indices in batches of similar length, each at most `token_budget` tokens with its padding.

    A single row above the budget is a batch of its own. The longest come first, so that memory peaks at once.

    Args:
        lengths: (rows,) tokens of each row.
        token_budget: tokens of a batch at most.
        multiple: of which the model makes its input's length one (see `padding_multiple`).

    >>> [batch.tolist() for batch in token_batches([3, 9, 4], token_budget=8)]
    [[1], [2, 0]]
    """
    if multiple > 1:
        lengths = -(-np.asarray(lengths) // multiple) * multiple
    order = np.argsort(-np.asarray(lengths), kind="stable")
    batch: list[int] = []
    longest = 0
    for row in order:
        if batch and longest * (len(batch) + 1) > token_budget:
            yield np.array(batch)
            batch = []
        if not batch:
            longest = max(int(lengths[row]), 1)
        batch.append(int(row))
    if batch:
        yield np.array(batch)


__all__ = ["inner_config", "padding_multiple", "token_batches"]
