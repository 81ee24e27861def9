"""Seeded choices that stay the same whatever the version of Python."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")
_START = dt.date(2031, 1, 1)


class Draw:
    """Choices from one seed. Only `random.random()` is used: it alone is promised to stay as it is.

    >>> Draw("13 0").one("abc") == Draw("13 0").one("abc")
    True
    """

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def chance(self, share: float) -> bool:
        """Return True with a probability."""
        return self._random.random() < share

    def between(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return low + int(self._random.random() * (high - low + 1))

    def uniform(self, low: float, high: float) -> float:
        """Return a number between two."""
        return low + self._random.random() * (high - low)

    def one(self, options: Sequence[Item]) -> Item:
        """Return one of several."""
        return options[int(self._random.random() * len(options))]

    def several(self, options: Sequence[Item], count: int) -> list[Item]:
        """Return up to `count` different ones, in a drawn order."""
        left, chosen = list(options), []
        while left and len(chosen) < count:
            chosen.append(left.pop(int(self._random.random() * len(left))))
        return chosen

    def date(self, days_before: int = 0, days_spread: int = 30) -> str:
        """Return a date in one of several spellings, before a day in 2031."""
        day = _START - dt.timedelta(days=days_before + self.between(0, days_spread))
        day_of_month = str(day.day)
        return self.one(
            (
                f"{day:%m/%d/%Y}",
                f"{day:%Y-%m-%d}",
                f"{day:%B} {day_of_month}, {day:%Y}",
                f"{day_of_month} {day:%b} {day:%Y}",
            )
        )

    def month(self, years_back: int = 8) -> str:
        """Return a month or a year, such as `May 2027`."""
        year = 2030 - self.between(0, years_back)
        return self.one((f"{self.one(_MONTHS)} {year}", f"{year}", f"{self.one(_MONTHS)} of {year}"))


_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
