"""Progress for long work: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any


def progress(iterable: Iterable | None = None, *, total: float | None = None, label: str, unit: str = "row") -> Any:
    """Return a `tqdm` bar over `iterable` that writes to standard error, rate and time left included.

    On a terminal it moves ten times a second, elsewhere it prints at most once every 15 seconds.
    Counts only: no text of a row is ever shown.
    """
    from tqdm import tqdm

    interval = 0.1 if sys.stderr.isatty() else 15.0
    return tqdm(iterable, total=total, desc=label, unit=unit, mininterval=interval, dynamic_ncols=True, smoothing=0.1)


def say(message: str) -> None:
    """Tell a person on standard error what happens now; results themselves go to standard output."""
    print(message, file=sys.stderr, flush=True)
