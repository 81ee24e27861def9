"""The interface that every backend has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

PRECISIONS = ("float32", "bfloat16", "int8")


class Backend(Protocol):
    """Computes the outputs of a model for batches of padded tokens.

    Attributes:
        name: `torch` or `openvino`.
        precision: `float32`, `bfloat16` or `int8`.
        device: `cpu`, `cuda` …
        inputs: fields that the model takes.
        outputs: fields that it gives, one entry a row.
        width_step: of which a batch's width is best a multiple, in tokens.
    """

    name: str
    precision: str
    device: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    width_step: int

    def prepare(self, streams: int) -> None:
        """Get ready for calls from so many threads at a time, which share the cores among them."""
        ...

    def expect(self, tokens: Mapping[int, int]) -> None:
        """Be told, before batches come, width → tokens of those batches, padding included."""
        ...

    def enter(self) -> None:
        """Be called once in each of those threads before its first batch."""
        ...

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the outputs, (rows, …) each, of a batch of (rows, width) inputs.

        Those over tokens may be wider than the inputs.
        """
        ...

    def facts(self) -> dict[str, Any]:
        """Return what a record of the work says of the backend: plain data."""
        ...


__all__ = ["PRECISIONS", "Backend"]
