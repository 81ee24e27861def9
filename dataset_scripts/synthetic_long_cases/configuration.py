"""What the generator of long cases makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from datasets import Version

from secondopinion.core.errors import InputError

from ..building import CorpusConfig

SOURCE = "synthetic"
MOST_CASES = 99_999


@dataclass
class SyntheticLongCasesConfig(CorpusConfig):
    """How many cases, how many of them long, and where they state what decides.

    Attributes:
        source: the word `synthetic`.
        cases: how many, at least 20.
        held_out: share of them that is held out (`fold` 1), of each class and length alike.
        long: share of cases above 512 wordpieces.
        late: share of the long ones that state what decides beyond wordpiece 512 alone.
        distraction: share of the look-alikes' sentences that say how things go ("stable", "has progressed"), as nine in
            ten of the finding's do; at 0.9 words alone tell little.
        seed: the same seed gives the same cases on any machine.
    """

    corpus: ClassVar[str] = "synthetic_long_cases"
    files: ClassVar[tuple[str, ...]] = ()

    version: Version | str | None = field(default_factory=lambda: Version("1.0.0"))
    source: str = SOURCE
    cases: int = 500
    held_out: float = 0.2
    long: float = 0.5
    late: float = 0.75
    distraction: float = 0.3
    seed: int = 13

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.source != SOURCE:
            raise InputError(
                f"source is {self.source!r}; cases are generated, so give the word {SOURCE!r}. Cases of your own are "
                'rows of {"text", "label"}'
            )
        if isinstance(self.cases, bool) or not isinstance(self.cases, int) or not 20 <= self.cases <= MOST_CASES:
            raise InputError(f"cases is {self.cases!r}; give a whole number from 20 to {MOST_CASES:,}")
        for name, low in (("held_out", 0.05), ("long", 0.0), ("late", 0.0), ("distraction", 0.0)):
            high = 0.5 if name == "held_out" else 1.0
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise InputError(f"{name} is {value!r}; give a share from {low:g} to {high:g}")
