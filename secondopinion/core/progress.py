"""Progress for long work: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any


def progress(
    iterable: Iterable | None = None,
    *,
    total: float | None = None,
    label: str,
    unit: str = "row",
    delay: float = 0.0,
) -> Any:
    """Return a `tqdm` bar over `iterable` that writes to standard error, rate and time left included.

    On a terminal it moves ten times a second, elsewhere it prints at most once every 15 seconds.
    Counts only: no text of a row is ever shown. Nothing is shown of what takes less than `delay` seconds.
    """
    from tqdm import tqdm

    interval = 0.1 if sys.stderr.isatty() else 15.0
    options = {"mininterval": interval, "dynamic_ncols": True, "smoothing": 0.1, "delay": delay}
    return tqdm(iterable, total=total, desc=label, unit=unit, **options)


def say(message: str) -> None:
    """Tell a person on standard error what happens now; results themselves go to standard output."""
    print(message, file=sys.stderr, flush=True)
