"""A plot as a file of a run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..core.files import atomic_file
from ..metrics.drawing import empty_figure


@contextmanager
def plot_file(path: str | os.PathLike) -> Iterator[Any]:
    """Yield an empty figure in the style of all plots, and write what was drawn as PNG; the same drawing, same bytes.

    Args:
        path: of the file, which appears whole or not at all.

    Raises:
        DiskFullError: no room is left.
    """
    with empty_figure() as figure:
        yield figure
        with atomic_file(path) as temporary:
            figure.savefig(temporary, format="png", metadata={"Software": None})
