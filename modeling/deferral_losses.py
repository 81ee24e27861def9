"""Surrogate losses for training a classifier together with its decision to ask, and each one's own decision.

Notation: K classes, J experts, scores g of shape (batch, K + J) whose last J columns are the deferral logits, y the
true class, e how right an expert is (1 for right, 0 for wrong, between where mistakes differ in cost). Logarithms are
natural. All is computed in fp32 and stays finite at logits of ±10⁴; a row with the label -100 is left out.

Where e is -100 the expert gave no usable vote, so nobody knows whether it would have been right: a joint surrogate then
leaves its deferral logit out of that row's loss, as though this expert could not be asked. A row without any usable
vote keeps the classes' part alone: their cross-entropy (ce, rs, asm), or their binary cross-entropies (ova).
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch.nn import functional

IGNORED = -100
_NEVER = -1e30


def ce_loss(
    scores: torch.Tensor, labels: torch.Tensor, expert_right: torch.Tensor, alpha: float = 1.0, reduction: str = "mean"
) -> torch.Tensor:
    """Cross-entropy surrogate: −e·ln p_d − (α·e + 1 − e)·ln p_y, p = softmax(g) (Mozannar and Sontag 2020).

    For several experts −Σ_j e_j·ln p_dj − (1 − (1 − α)·max_j e_j)·ln p_y: with one expert the formula above, with
    α = 1 the loss of Verma et al. 2023.

    Args:
        scores: (batch, K + J).
        labels: (batch,) true classes.
        expert_right: (batch,) or (batch, J), from 0 to 1; -100 where there is no usable vote.
        alpha: weight of the class where the expert is right.
        reduction: `mean` over the labelled rows, `sum`, or `none` for (batch,) with 0 at unlabelled rows.

    Raises:
        ValueError: shapes that do not fit, or an unknown reduction.

    >>> scores, label = torch.zeros(1, 3), torch.tensor([0])
    >>> round(ce_loss(scores, label, torch.tensor([1.0])).item(), 6)  # 2 ln 3
    2.197225
    """
    scores, labels, right = prepare(scores, labels, expert_right)
    logs = torch.log_softmax(scores, dim=1)
    classes = scores.shape[1] - right.shape[1]
    weight = 1.0 - (1.0 - alpha) * right.amax(dim=1)
    losses = -(right * logs[:, classes:]).sum(dim=1) - weight * of_label(logs, labels)
    return reduce(losses, labels, reduction)


def rs_loss(
    scores: torch.Tensor, labels: torch.Tensor, expert_right: torch.Tensor, alpha: float = 1.0, reduction: str = "mean"
) -> torch.Tensor:
    """Realizable surrogate (Mozannar et al. 2023): −α·ln((e·exp g_d + exp g_y) / Σ exp g) − (1 − α)·ln softmax_K(g)_y.

    For one expert. With α = 0 it is the classifier's cross-entropy, and the deferral logit learns nothing.

    Args:
        scores: (batch, K + 1).
        labels: (batch,) true classes.
        expert_right: (batch,) or (batch, 1), from 0 to 1; -100 where there is no usable vote.
        alpha: weight of the joint part, from 0 to 1.
        reduction: as in `ce_loss`.

    Raises:
        ValueError: several experts, shapes that do not fit, or an unknown reduction.

    >>> scores, label = torch.zeros(1, 3), torch.tensor([0])
    >>> round(rs_loss(scores, label, torch.tensor([1.0])).item(), 6)  # −ln 2/3
    0.405465
    """
    scores, labels, right = prepare(scores, labels, expert_right)
    refuse_several(right, "rs")
    logs = torch.log_softmax(scores, dim=1)
    joint = -torch.stack([right[:, 0].log() + logs[:, -1], of_label(logs, labels)], dim=1).logsumexp(dim=1)
    alone = -of_label(torch.log_softmax(scores[:, :-1], dim=1), labels)
    return reduce(alpha * joint + (1.0 - alpha) * alone, labels, reduction)


def ova_loss(
    scores: torch.Tensor, labels: torch.Tensor, expert_right: torch.Tensor, reduction: str = "mean"
) -> torch.Tensor:
    """One-versus-all surrogate; σ(g_dj) estimates P(expert j right) (Verma and Nalisnick 2022; Verma et al. 2023).

    φ(g_y) + Σ_{k≠y} φ(−g_k) + Σ_j [φ(−g_dj) + e_j·(φ(g_dj) − φ(−g_dj))] with φ(z) = ln(1 + exp(−z)): the binary
    cross-entropies of all columns.

    Args:
        scores: (batch, K + J).
        labels: (batch,) true classes.
        expert_right: (batch,) or (batch, J), from 0 to 1; -100 where there is no usable vote.
        reduction: as in `ce_loss`.

    Raises:
        ValueError: shapes that do not fit, or an unknown reduction.

    >>> scores, label = torch.zeros(1, 3), torch.tensor([0])
    >>> round(ova_loss(scores, label, torch.tensor([1.0])).item(), 6)  # 3 ln 2
    2.079442
    """
    scores, labels, right = prepare(scores, labels, expert_right)
    classes = scores.shape[1] - right.shape[1]
    targets = torch.cat([functional.one_hot(labels.clamp(min=0), classes).float(), right], dim=1)
    losses = functional.binary_cross_entropy_with_logits(scores, targets, reduction="none").sum(dim=1)
    return reduce(losses, labels, reduction)


def asm_loss(
    scores: torch.Tensor, labels: torch.Tensor, expert_right: torch.Tensor, reduction: str = "mean"
) -> torch.Tensor:
    """Asymmetric softmax surrogate; ψ_d estimates P(expert right) (Cao et al. 2023).

    −ln ψ_y − e·ln ψ_d − (1 − e)·ln(1 − ψ_d), where ψ_k is the softmax over the K classes and
    ψ_d = exp g_d / (Σ_{j≤K+1} exp g_j − max_{k≤K} exp g_k). For one expert.

    Args:
        scores: (batch, K + 1).
        labels: (batch,) true classes.
        expert_right: (batch,) or (batch, 1), from 0 to 1; -100 where there is no usable vote.
        reduction: as in `ce_loss`.

    Raises:
        ValueError: several experts, shapes that do not fit, or an unknown reduction.

    >>> scores, label = torch.zeros(1, 3), torch.tensor([0])
    >>> round(asm_loss(scores, label, torch.tensor([1.0])).item(), 6)  # 2 ln 2
    1.386294
    """
    scores, labels, right = prepare(scores, labels, expert_right)
    refuse_several(right, "asm")
    alone = -of_label(torch.log_softmax(scores[:, :-1], dim=1), labels)
    odds = scores[:, -1] - rivals(scores[:, :-1])
    asked = functional.binary_cross_entropy_with_logits(odds, right[:, 0], reduction="none")
    return reduce(alone + asked, labels, reduction)


def two_stage_loss(
    scores: torch.Tensor, classifier_right: torch.Tensor, expert_costs: torch.Tensor, reduction: str = "mean"
) -> torch.Tensor:
    """Two-stage surrogate over a fixed classifier h (Mao et al. 2023): −1[h = y]·ln s_0 − Σ_j (1 − c_j)·ln s_j.

    s = softmax(g). An expert that costs more than 1, the costliest mistake, counts as one that costs 1: its weight
    would be negative and the loss without a minimum.

    Args:
        scores: (batch, 1 + J), the classifier's first.
        classifier_right: (batch,) how right the classifier is, from 0 to 1.
        expert_costs: (batch, J), or (batch,) for one expert: cost of a wrong answer plus price of the call.
        reduction: `mean`, `sum` or `none`.

    Raises:
        ValueError: shapes that do not fit, or an unknown reduction.

    >>> round(two_stage_loss(torch.zeros(1, 2), torch.tensor([1.0]), torch.tensor([[0.25]])).item(), 6)  # 1.75 ln 2
    1.213008
    """
    rows = scores.shape[0]
    costs = expert_costs.float().reshape(rows, -1) if expert_costs.shape[:1] == (rows,) else expert_costs
    if scores.dim() != 2 or costs.shape != (rows, scores.shape[1] - 1) or classifier_right.shape != (rows,):
        raise ValueError(
            f"scores {tuple(scores.shape)}, classifier_right {tuple(classifier_right.shape)} and expert_costs "
            f"{tuple(expert_costs.shape)} do not fit; expected (batch, 1 + experts), (batch,) and (batch, experts)"
        )
    weights = torch.cat([classifier_right.float().unsqueeze(1), (1.0 - costs).clamp(min=0.0)], dim=1)
    losses = -(weights * torch.log_softmax(scores.float(), dim=1)).sum(dim=1)
    return reduce(losses, torch.zeros(rows, dtype=torch.long, device=scores.device), reduction)


class Surrogate(NamedTuple):
    """A joint surrogate loss.

    Attributes:
        loss: the function.
        alphas: values of α to choose from on validation rows; empty where the loss has none.
    """

    loss: Callable[..., torch.Tensor]
    alphas: tuple[float, ...]


SURROGATES = {
    "ce": Surrogate(ce_loss, (0.0, 0.5, 1.0)),
    "rs": Surrogate(rs_loss, (0.0, 0.1, 0.3, 0.5, 0.9, 1.0)),
    "ova": Surrogate(ova_loss, ()),
    "asm": Surrogate(asm_loss, ()),
}


def surrogate_loss(
    kind: str,
    scores: torch.Tensor,
    labels: torch.Tensor,
    expert_right: torch.Tensor,
    alpha: float = 1.0,
    reduction: str = "mean",
) -> torch.Tensor:
    """Return the loss named `kind`; `alpha` is used by those that have one.

    Raises:
        ValueError: the surrogate is unknown, or what it raises itself.
    """
    surrogate = known(kind)
    options = {"alpha": alpha} if surrogate.alphas else {}
    return surrogate.loss(scores, labels, expert_right, reduction=reduction, **options)


def deferral_score(kind: str, scores: torch.Tensor, num_labels: int) -> torch.Tensor:
    """Return what asking is expected to gain, above 0 exactly where the surrogate's paper defers: g_d > max_k g_k.

    `ce` and `rs`: p_d − max_k p_k of the softmax over all columns. `ova`: σ(g_d) − max_k σ(g_k). `asm`:
    ψ_d − max_k ψ_k. A difference too small for fp32 keeps its sign, so that no logits blur the decision.

    Args:
        kind: `ce`, `rs`, `ova` or `asm`.
        scores: (batch, K + J); of several experts the one with the largest logit counts.
        num_labels: K.

    Returns:
        (batch,) float32, from -1 to 1.

    Raises:
        ValueError: the surrogate is unknown, or there is no deferral column.

    >>> [round(x, 6) for x in deferral_score("ova", torch.tensor([[0.0, -1.0, 2.0]]), 2).tolist()]
    [0.380797]
    """
    known(kind)
    if scores.dim() != 2 or scores.shape[1] <= num_labels:
        raise ValueError(
            f"scores have the shape {tuple(scores.shape)}; expected (batch, {num_labels} classes + 1 or more experts)"
        )
    scores = scores.float()
    best = scores[:, :num_labels].amax(dim=1)
    asked = scores[:, num_labels:].amax(dim=1)
    difference = asked - best
    # σ(a) − σ(b) = (1 − exp(b − a))·σ(a)·σ(−b) for a ≥ b does not cancel; likewise exp(a) − exp(b).
    larger, smaller = torch.maximum(asked, best), torch.minimum(asked, best)
    gain = -torch.expm1(-difference.abs())
    if kind in ("ce", "rs"):
        gain = gain * torch.exp(larger - torch.logsumexp(scores, dim=1))
    else:
        shift = rivals(scores[:, :num_labels]) if kind == "asm" else 0.0
        gain = gain * torch.sigmoid(larger - shift) * torch.sigmoid(shift - smaller)
    gain = gain.clamp(min=torch.finfo(torch.float32).tiny)
    return torch.where(difference == 0, torch.zeros_like(gain), torch.copysign(gain, difference))


def known(kind: str) -> Surrogate:
    """Return the surrogate of a name, or raise ValueError."""
    if kind not in SURROGATES:
        raise ValueError(f"unknown surrogate loss {kind!r}; known: {', '.join(SURROGATES)}")
    return SURROGATES[kind]


def prepare(
    scores: torch.Tensor, labels: torch.Tensor, expert_right: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return fp32 (batch, K + J), (batch,) and fp32 (batch, J), or raise ValueError where they do not fit.

    Without a usable vote the deferral logit becomes one that softmax and sigmoid take for 0, and the expert is wrong.
    """
    right = expert_right.unsqueeze(1) if expert_right.dim() == 1 else expert_right
    rows = scores.shape[0]
    fits = scores.dim() == 2 and right.dim() == 2 and labels.shape == (rows,) and right.shape[0] == rows
    if not fits or right.shape[1] < 1 or scores.shape[1] < right.shape[1] + 2:
        raise ValueError(
            f"scores {tuple(scores.shape)}, labels {tuple(labels.shape)} and expert_right {tuple(expert_right.shape)} "
            "do not fit; expected (batch, classes + experts) with 2 classes or more, (batch,) and (batch, experts)"
        )
    voted = right != IGNORED
    unasked = torch.cat([torch.zeros_like(scores[:, : -right.shape[1]], dtype=torch.bool), ~voted], dim=1)
    return scores.float().masked_fill(unasked, _NEVER), labels, right.float() * voted


def refuse_several(right: torch.Tensor, kind: str) -> None:
    """Raise ValueError where a loss that is defined for one expert is given several."""
    if right.shape[1] != 1:
        raise ValueError(
            f"the surrogate {kind!r} is defined for one expert, not {right.shape[1]}; use 'ce', 'ova' or 'two_stage'"
        )


def of_label(values: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return (batch,) the column of each row's label; the first column's where the row has none."""
    return values.gather(1, labels.clamp(min=0).unsqueeze(1)).squeeze(1)


def rivals(class_scores: torch.Tensor) -> torch.Tensor:
    """Return (batch,) ln Σ exp over the classes without the highest one."""
    highest = class_scores.argmax(dim=1, keepdim=True)
    return class_scores.scatter(1, highest, float("-inf")).logsumexp(dim=1)


def reduce(losses: torch.Tensor, labels: torch.Tensor, reduction: str) -> torch.Tensor:
    """Return the mean over the labelled rows (0 where there is none), their sum, or all with 0 at the others."""
    kept = labels != IGNORED
    losses = losses * kept
    if reduction == "none":
        return losses
    if reduction == "sum":
        return losses.sum()
    if reduction == "mean":
        return losses.sum() / kept.sum().clamp(min=1)
    raise ValueError(f"unknown reduction {reduction!r}; known: mean, sum, none")


__all__ = [
    "SURROGATES",
    "Surrogate",
    "asm_loss",
    "ce_loss",
    "deferral_score",
    "ova_loss",
    "rs_loss",
    "surrogate_loss",
    "two_stage_loss",
]
