"""The part of a recipe that trains a classifier together with its decision to ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..core.errors import InputError, closest
from .deferral_recipe import SINGLE_EXPERT

LOSSES = ("ce", "rs", "ova", "asm")
WEIGHTED = ("ce", "rs")


@dataclass(frozen=True)
class JointSpec:
    """Encoder, head and deferral policy trained together, by a surrogate loss that knows where the experts are right.

    The policy is a linear layer over the pooled embedding (first token and mean over tokens): the deferral logits stand
    beside the class logits, as in the losses' papers. Class weights of the model section apply: the whole surrogate of
    a row counts by the weight of its true class.

    Attributes:
        loss: `ce` (Mozannar and Sontag 2020), `rs` (Mozannar et al. 2023), `ova` (Verma and Nalisnick 2022) or `asm`
            (Cao et al. 2023); see `modeling.deferral_losses`.
        alpha: of `ce` (what a row where the expert is right still counts for its class) and `rs` (weight of the joint
            part); the other two have none.
        experts: names among the recipe's `experts`; all by default. `rs` and `asm` are defined for one.

    Raises:
        InputError: there is no such loss.
    """

    loss: str = "ce"
    alpha: float = 1.0
    experts: list[str] | None = None

    def __post_init__(self) -> None:
        if self.loss == "two_stage":
            raise InputError(
                "joint.loss 'two_stage' is defined over a classifier that stays as it is, so nothing is trained "
                "together: leave joint out, train, and give the finished run that policy with "
                "deferral.policies: [two_stage] and: secondopinion defer RUN"
            )
        if self.loss not in LOSSES:
            raise InputError(f"joint.loss: no loss {self.loss!r}; {closest(self.loss, LOSSES)}")

    def expert_names(self, experts: Sequence[Any]) -> list[str]:
        """Return who is asked, in the order of the deferral logits.

        Args:
            experts: the recipe's.
        """
        return [spec.name for spec in experts] if self.experts is None else list(self.experts)

    def require(self, model_kind: str, experts: Sequence[Any]) -> None:
        """Raise unless the section fits the rest of the recipe.

        Args:
            model_kind: of the recipe's `model`.
            experts: the recipe's.

        Raises:
            InputError: naming what does not.
        """
        if model_kind != "pooled_encoder":
            raise InputError(
                f"joint trains an encoder together with its policy, but model.kind is {model_kind!r}; use "
                "'pooled_encoder', or leave joint out and give the finished run a policy with: secondopinion defer"
            )
        known = [spec.name for spec in experts]
        names = self.expert_names(experts)
        if not names:
            raise InputError(
                "joint learns where an expert is right, and the recipe names none; add one, for example  "
                "experts: [{kind: run, name: words, path: runs/words}]"
            )
        for name in names:
            if name not in known:
                raise InputError(f"joint.experts: the recipe names no expert {name!r}; {closest(name, known)}")
        if len(set(names)) < len(names):
            raise InputError(f"joint.experts: {names} names one twice")
        if self.loss in SINGLE_EXPERT and len(names) > 1:
            raise InputError(
                f"joint.loss {self.loss!r} is defined for one expert, not {len(names)} ({', '.join(names)}); name one "
                "in joint.experts, or use ce or ova"
            )
        if self.loss not in WEIGHTED and self.alpha != 1.0:
            raise InputError(f"joint.alpha is {self.alpha}, but the loss {self.loss!r} has no alpha; leave it out")
        if not 0.0 <= self.alpha <= 1.0:
            raise InputError(f"joint.alpha is {self.alpha}; it is at least 0 and at most 1")
        if self.loss == "rs" and self.alpha == 0.0:
            raise InputError("joint.alpha is 0, with which the loss 'rs' teaches the policy nothing; give more than 0")
