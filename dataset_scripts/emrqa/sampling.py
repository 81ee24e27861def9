"""Drawing without replacement from a stream whose length is known."""

from __future__ import annotations

import random
from typing import Any


class Sample:
    """Decides for each of `total` elements in turn whether it is kept; exactly `round(share × total)` are.

    Knuth's selection sampling (The Art of Computer Programming, volume 2, 3.4.2, algorithm S): every subset of that
    size is equally likely, and nothing but two counts is in memory.

    Args:
        total: how many elements will be asked about.
        share: above 0 and at most 1; at least one element is kept.
        seed: the same gives the same elements.
        name: of what is sampled; unlike names draw unlike.

    >>> sample = Sample(10, 0.3, seed=13, name="medication")
    >>> sum(sample.keep() for _ in range(10))
    3
    """

    def __init__(self, total: int, share: float, *, seed: int, name: str) -> None:
        self._left = total
        self._wanted = min(total, max(1, round(share * total)))
        self._random = random.Random(f"{seed} {name}")

    def keep(self) -> bool:
        """Return whether the next element is kept."""
        chosen = self._left > 0 and self._random.random() * self._left < self._wanted
        self._left -= 1
        self._wanted -= chosen
        return chosen


def draw(options: list[Any], seed: int, *name: Any) -> Any:
    """Return one of several options, the same for the same seed and name.

    >>> draw(["a", "b", "c"], 13, "note 1", 0) == draw(["a", "b", "c"], 13, "note 1", 0)
    True
    """
    return options[int(random.Random(f"{seed} {name}").random() * len(options))]
