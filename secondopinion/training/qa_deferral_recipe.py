"""The `deferral` section of a recipe of questions: which policies compete, and what decides the threshold."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from ..core.errors import InputError
from .threshold_rule import ThresholdRule

AnswerPolicyName = Literal["selective", "compare_confidence", "logistic", "network"]
AnswerSignalName = Literal[
    "answer_probability",
    "span_probability",
    "n_best_margin",
    "no_answer_margin",
    "no_answer",
    "category_entropy",
    "category_max_probability",
]


@dataclass(frozen=True)
class AnswerDeferralSpec:
    """How a model that answers questions learns which of them to hand to an expert.

    Attributes:
        policies: the candidates; the one to use is declared on rows that it was not fitted on.
        right_by: what "right" is: the answer's `f1` or `exact` match. A model without spans goes by its category.
        signals: what policies read of an answer; all that the model has when left out.
        network_size: width of the hidden layer of `network`.
        regularization: inverse strength of the L2 penalty of fitted policies.
        call_cost: what asking costs, in right answers (λ).
        threshold: how the threshold is chosen. Its risk is 1 − the share that is right, and is not certified.
        fallback: whether the system falls back to the better single model where no gain over it holds up.
        seed: of splits and of networks.

    Raises:
        InputError: nothing competes, a name stands twice, or a value is out of range.
    """

    policies: list[AnswerPolicyName] = field(default_factory=lambda: ["selective", "compare_confidence", "logistic"])
    right_by: Literal["f1", "exact"] = "f1"
    signals: list[AnswerSignalName] | None = None
    network_size: int = 8
    regularization: float = 1.0
    call_cost: float = 0.0
    threshold: ThresholdRule = field(default_factory=lambda: ThresholdRule(budget=0.07))
    fallback: bool = True
    seed: int = 13

    def __post_init__(self) -> None:
        for name in ("policies", "signals"):
            given = getattr(self, name)
            if given is not None and (not given or len(set(given)) < len(given)):
                raise InputError(f"deferral.{name} is {given}; name at least one, each of them once")
        for name, least in (("network_size", 1), ("regularization", 1e-9), ("call_cost", 0.0)):
            value = getattr(self, name)
            if not (least <= value and math.isfinite(value)):
                raise InputError(f"deferral.{name} is {value}; it is at least {least:g}")
