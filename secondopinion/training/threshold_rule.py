"""What decides a threshold, declared before it is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ..core.errors import InputError, closest

Kind = Literal["budget", "cost", "best_f1", "target_risk"]
Mode = Literal["expected", "high_probability"]
Objective = Literal["f1", "expected_cost"]


@dataclass(frozen=True)
class ThresholdRule:
    """What decides the threshold, declared before it is chosen.

    Attributes:
        kind: `budget` (defer as many rows as the budget allows), `cost` (spend as much as the cap allows), `best_f1`
            (the best F1, or the lowest expected cost), `target_risk` (the fewest rows at which the risk is reached).
        budget: the share of rows that may be deferred, 0 to 1. `budget` needs it; beside another kind it is a cap.
        mode: whether budget and cost hold in expectation (`expected`: passed in about half of all draws of the
            choosing rows) or with a probability of 1 − delta (`high_probability`).
        delta: how often a high-probability statement may fail.
        cost_budget_usd_per_1000: the most that calls for 1,000 texts may cost. `cost` needs it; elsewhere a cap.
        call_cost_bound_usd: the most that a single call can cost; the costliest call seen when left out.
        objective: of `best_f1`: `f1`, or `expected_cost` under the rows' loss matrix.
        call_price: of `expected_cost`: what one call counts, in the loss matrix's units (in errors without one).
        positive_label: the class whose F1 counts; macro F1 when left out.
        target_risk: of `target_risk`: the system's mean loss to reach (its error without a loss matrix), 0 to 1.

    Raises:
        InputError: a value is out of range, or missing for its kind.

    >>> ThresholdRule(budget=0.07).title
    'a budget of 7%, in expectation'
    """

    kind: Kind = "budget"
    budget: float | None = None
    mode: Mode = "expected"
    delta: float = 0.1
    cost_budget_usd_per_1000: float | None = None
    call_cost_bound_usd: float | None = None
    objective: Objective = "f1"
    call_price: float = 0.0
    positive_label: str | None = None
    target_risk: float | None = None

    def __post_init__(self) -> None:
        for name, options in (("kind", get_args(Kind)), ("mode", get_args(Mode)), ("objective", get_args(Objective))):
            if getattr(self, name) not in options:
                given = getattr(self, name)
                raise InputError(f"threshold: {name} is {given!r}; {closest(str(given), options)}")
        needed = {"budget": "budget", "cost": "cost_budget_usd_per_1000", "target_risk": "target_risk"}.get(self.kind)
        if needed and getattr(self, needed) is None:
            example = {"budget": "0.07", "cost_budget_usd_per_1000": "2.50", "target_risk": "0.05"}[needed]
            raise InputError(f"threshold: kind {self.kind!r} needs {needed}; give {needed}: {example} say")
        for name in ("budget", "target_risk"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise InputError(f"threshold: {name} is {value}; it is a share, from 0 to 1: 0.07 for 7%")
        for name in ("cost_budget_usd_per_1000", "call_cost_bound_usd"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < float("inf"):
                raise InputError(f"threshold: {name} is {value}; give US dollars, 0 or more")
        if not 0 <= self.call_price < float("inf"):
            raise InputError(f"threshold: call_price is {self.call_price}; give what a call counts, 0 or more")
        if not 0 < self.delta < 1:
            raise InputError(f"threshold: delta is {self.delta}; it lies between 0 and 1, 0.1 say")

    @property
    def title(self) -> str:
        """The rule in words."""
        parts = {
            "budget": "",
            "cost": "",
            "best_f1": (
                "the lowest expected cost"
                if self.objective == "expected_cost"
                else f"the best F1 of {self.positive_label}"
                if self.positive_label
                else "the best macro F1"
            ),
            "target_risk": f"the fewest rows with a risk of at most {self.target_risk}",
        }
        caps = [f"a budget of {100 * self.budget:.4g}%"] if self.budget is not None else []
        if self.cost_budget_usd_per_1000 is not None:
            caps.append(f"a cost of at most ${self.cost_budget_usd_per_1000:.4g} per 1,000 texts")
        surety = "in expectation" if self.mode == "expected" else f"with probability {1 - self.delta:.4g}"
        held = [" and ".join(caps) + f", {surety}"] if caps else []
        return " within ".join(part for part in (parts[self.kind], *held) if part)
