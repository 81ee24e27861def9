"""Soft targets over the five categories, from a logical form and from linked concepts."""

from __future__ import annotations

from collections.abc import Sequence

CATEGORIES = ("Diagnosis", "Medication", "Symptoms", "Procedure", "Lab Reports")
NO_EVIDENCE = (0.0,) * len(CATEGORIES)


def soft_target(prior: Sequence[float] | None, evidence: Sequence[float] | None, alpha: float) -> tuple[float, ...]:
    """Return probabilities over `CATEGORIES`, or all zeros where nothing speaks: weight 0, never a default class.

        target_c ∝ α · prior_c + (1 − α) · evidence_c,      evidence_c = Σ over links of score · type weight_c

    with the prior summing to 1 and the evidence as it is (`umls.link_evidence`), so that one weak link moves the
    target little and many links move it far. Where one of the two is missing or all zeros, the other stands alone.

    Args:
        prior: five weights of a logical form, or None.
        evidence: five sums over links, or None.
        alpha: weight of the prior, from 0 to 1.

    Raises:
        ValueError: not five weights, or one is negative or no number.

    >>> [round(p, 4) for p in soft_target((0.5, 0, 0.5, 0, 0), (0, 0, 0.8, 0, 0), alpha=0.7)]
    [0.3723, 0.0, 0.6277, 0.0, 0.0]
    >>> soft_target(None, (0, 0, 0.8, 0, 0), alpha=0.7), soft_target(None, None, alpha=0.7)
    ((0.0, 0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0, 0.0))
    """
    first, second = normalised(prior), _checked(evidence)
    if first is None or not any(second):
        return first or normalised(second) or NO_EVIDENCE
    return normalised([alpha * p + (1 - alpha) * e for p, e in zip(first, second, strict=True)]) or NO_EVIDENCE


def normalised(weights: Sequence[float] | None) -> tuple[float, ...] | None:
    """Return five weights divided by their sum; None where they are missing or all zeros.

    >>> normalised((1, 0, 3, 0, 0)), normalised((0, 0, 0, 0, 0))
    ((0.25, 0.0, 0.75, 0.0, 0.0), None)
    """
    weights = _checked(weights)
    total = sum(weights)
    return tuple(weight / total for weight in weights) if total else None


def _checked(weights: Sequence[float] | None) -> tuple[float, ...]:
    if weights is None:
        return NO_EVIDENCE
    weights = tuple(map(float, weights))
    if len(weights) != len(CATEGORIES):
        raise ValueError(f"{len(weights)} weights came; one for each of {', '.join(CATEGORIES)} is needed")
    if not all(0 <= weight < float("inf") for weight in weights):
        raise ValueError("a category weight is negative or no finite number; weights are counts or shares, at least 0")
    return weights
