"""A cap on the share of texts deferred, for texts that arrive one after another."""

import math
import threading
from collections.abc import Sequence
from fractions import Fraction
from typing import Any


class StreamingBudget:
    """Admits deferrals so that, after every call, rows deferred ≤ rate · rows seen. The cap cannot be passed.

    A call is one moment: its rows are seen together, and where more of them ask to be deferred than there is room for,
    those with the highest scores are admitted (the earlier row at equal scores). Row by row, that is first come, first
    served. Room that is not used is kept for later rows. Nothing is borrowed from the future: at a rate of 0.07 the
    first 14 single rows are all kept. The rate is read as the decimal number it is written as, so 29 of 100 rows fit
    a rate of 0.29. Calls from several threads are taken one at a time.

    Args:
        rate: the largest share deferred, from 0 to 1.

    Raises:
        ValueError: the rate is not from 0 to 1.

    >>> budget = StreamingBudget(0.5)
    >>> budget.admit([True]), budget.admit([True]), budget.admit([True])
    ([False], [True], [False])
    >>> budget.admit([True, True, True], scores=[0.1, 0.9, 0.5])
    [False, True, True]
    """

    def __init__(self, rate: float) -> None:
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
            raise ValueError(f"the budget's rate is {rate!r}; expected a share from 0 to 1, such as 0.07")
        self.rate = rate
        self.seen = 0
        self.deferred = 0
        self._share = Fraction(str(rate))
        self._lock = threading.Lock()

    def admit(self, wanted: Sequence[bool], scores: Sequence[float] | None = None) -> list[bool]:
        """Return for each row, in order, whether it may be deferred, and count it.

        Args:
            wanted: whether the policy would defer each row; the others are seen and kept.
            scores: deferral scores, higher = rather defer; without them earlier rows come first.

        Raises:
            ValueError: the scores are not as many as the rows, or one of them is not a number.
        """
        wanted = [bool(flag) for flag in wanted]
        scores = [0.0] * len(wanted) if scores is None else [float(score) for score in scores]
        if len(scores) != len(wanted):
            raise ValueError(f"{len(scores)} scores for {len(wanted)} rows; give one for each row, or none at all")
        if any(map(math.isnan, scores)):
            raise ValueError(f"{sum(map(math.isnan, scores))} deferral scores are not numbers; the policy is broken")
        ranked = sorted((i for i, flag in enumerate(wanted) if flag), key=lambda i: -scores[i])
        with self._lock:
            self.seen += len(wanted)
            room = math.floor(self._share * self.seen) - self.deferred
            admitted = set(ranked[:room])
            self.deferred += len(admitted)
        return [i in admitted for i in range(len(wanted))]

    def reset(self) -> None:
        """Forget every row seen."""
        with self._lock:
            self.seen = self.deferred = 0

    def state(self) -> dict[str, Any]:
        """Return what `from_state` needs to go on in another process: plain numbers.

        >>> StreamingBudget(0.07).state()
        {'rate': 0.07, 'seen': 0, 'deferred': 0}
        """
        with self._lock:
            return {"rate": self.rate, "seen": self.seen, "deferred": self.deferred}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "StreamingBudget":
        """Return a budget that goes on where `state` was taken.

        Raises:
            ValueError: the state is not one that `state` gives.
        """
        if set(state) != {"rate", "seen", "deferred"}:
            raise ValueError(f"a budget's state has the keys deferred, rate and seen, not {sorted(map(str, state))}")
        budget = cls(state["rate"])
        budget.seen, budget.deferred = int(state["seen"]), int(state["deferred"])
        if not 0 <= budget.deferred <= budget._share * budget.seen:
            raise ValueError(
                f"{budget.deferred} of {budget.seen} rows deferred is more than a rate of {budget.rate} allows; "
                "the state is damaged, or its rate was changed"
            )
        return budget

    def __getstate__(self) -> dict[str, Any]:
        return self.state()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(self.from_state(state).__dict__)

    def __repr__(self) -> str:
        return f"StreamingBudget({self.rate}): {self.deferred} of {self.seen} rows deferred"


__all__ = ["StreamingBudget"]
