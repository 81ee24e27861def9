"""How far experts agree with each other, and whether they err on the same rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from .vote_matrix import VoteMatrix, vote_matrix


def krippendorff_alpha(votes: Iterable[Any], label_names: Sequence[str] | None = None) -> dict[str, Any]:
    """Return Krippendorff's α for nominal data, missing votes allowed.

    α = 1 − D_o / D_e from the coincidence matrix, where a row with m votes gives each of its ordered pairs the
    weight 1 / (m − 1), and rows with a single vote count for nothing (Krippendorff 2011, Computing Krippendorff's
    Alpha-Reliability, section C).

    Args:
        votes: `Vote`s or mappings with id, expert and label; flat, or one list an expert.
        label_names: the classes; by default all that were voted for.

    Returns:
        `value`, None where it is not defined; `reason` why not; `rows` with at least two usable votes; `votes` on them.

    >>> said = {"a": "0100000010", "b": "1110010000"}
    >>> votes = [{"id": str(i), "expert": e, "label": y} for e, ys in said.items() for i, y in enumerate(ys)]
    >>> round(krippendorff_alpha(votes)["value"], 3)
    0.095
    """
    return _alpha(vote_matrix(votes, label_names))


def agreement_figures(
    votes: Iterable[Any],
    gold: Mapping[str, str | None] | None = None,
    label_names: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Return α over all experts, each pair's agreement, and (with gold) how far their errors go together.

    Args:
        votes: as for `krippendorff_alpha`.
        gold: id → true class, where it is known by other means than these votes.
        label_names: the classes; by default all that were voted for.

    Returns:
        `alpha`; `pairs`, each with `experts` (two names), `rows` both voted on, `agreement` (share), `kappa`
        (Cohen 1960) and `reason` where that is None; `errors` (None without gold), see `correlated_errors`.
    """
    matrix = vote_matrix(votes, label_names)
    pairs = [_pair(matrix, i, j) for i, j in combinations(range(len(matrix.experts)), 2)]
    errors = None if gold is None else _correlated_errors(matrix, gold)
    return {"alpha": _alpha(matrix), "pairs": pairs, "errors": errors}


def correlated_errors(
    votes: Iterable[Any], gold: Mapping[str, str | None], label_names: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return whether experts are wrong on the same rows more often than independent ones would be.

    Args:
        votes: as for `krippendorff_alpha`.
        gold: id → true class.
        label_names: the classes; by default all that were voted for.

    Returns:
        `experts`: each one's `error_rate` and `rows`. `pairs`: for each two, over the `rows` both voted on,
        `both_wrong` (share), `expected_if_independent` (product of their error rates), `same_wrong` (share of the
        both-wrong rows with the same wrong answer), `correlation` (φ of the two being wrong; None where one of them is
        always right or always wrong). `mean_correlation`, and `effective_experts` = J / (1 + (J − 1)·ρ̄) with the mean
        clipped at 0: how many independent experts are worth as much (design effect, Kish 1965).

    Raises:
        InputError: no voted row has a gold label, or one has a label outside the classes.
    """
    return _correlated_errors(vote_matrix(votes, label_names), gold)


def _alpha(matrix: VoteMatrix) -> dict[str, Any]:
    counts = matrix.counts
    usable = counts.sum(axis=1)
    paired = counts[usable >= 2].astype(float)
    size = usable[usable >= 2].astype(float)
    facts = {"value": None, "reason": None, "rows": len(paired), "votes": int(size.sum())}
    if not len(paired):
        return {**facts, "reason": "no row has two usable votes"}
    totals = paired.sum(axis=0)
    if (totals > 0).sum() == 1:
        return {**facts, "reason": "every vote is for the same class, so agreement by chance is total as well"}
    # Pairs in a row that differ, m² − Σ n_c², each with the weight 1 / (m − 1).
    observed = ((size**2 - (paired**2).sum(axis=1)) / (size - 1)).sum()
    total = totals.sum()
    expected = (total**2 - (totals**2).sum()) / (total - 1)
    return {**facts, "value": float(1 - observed / expected)}


def _pair(matrix: VoteMatrix, i: int, j: int) -> dict[str, Any]:
    from sklearn.metrics import cohen_kappa_score

    rows = (matrix.codes[:, [i, j]] >= 0).all(axis=1)
    one, other = matrix.codes[rows, i], matrix.codes[rows, j]
    facts = {
        "experts": [matrix.experts[i], matrix.experts[j]],
        "rows": len(one),
        "agreement": float((one == other).mean()) if len(one) else None,
        "kappa": None,
        "reason": None,
    }
    if not len(one):
        return {**facts, "reason": "no row has a usable vote of both"}
    if len(np.union1d(one, other)) == 1:
        return {**facts, "reason": "both always said the same one class, so agreement by chance is total as well"}
    return {**facts, "kappa": float(cohen_kappa_score(one, other))}


def _correlated_errors(matrix: VoteMatrix, gold: Mapping[str, str | None]) -> dict[str, Any]:
    truth = matrix.gold_codes(gold)
    known = (matrix.codes >= 0) & (truth >= 0)[:, None]
    wrong = known & (matrix.codes != truth[:, None])
    experts = [
        {"expert": name, "rows": int(rows), "error_rate": float(errors / rows) if rows else None}
        for name, rows, errors in zip(matrix.experts, known.sum(axis=0), wrong.sum(axis=0), strict=True)
    ]
    pairs = [_error_pair(matrix, known, wrong, i, j) for i, j in combinations(range(len(experts)), 2)]
    correlations = [pair["correlation"] for pair in pairs if pair["correlation"] is not None]
    mean = float(np.mean(correlations)) if correlations else None
    voting = int(known.any(axis=0).sum())
    effective = None if mean is None else voting / (1 + (voting - 1) * max(mean, 0.0))
    return {"experts": experts, "pairs": pairs, "mean_correlation": mean, "effective_experts": effective}


def _error_pair(matrix: VoteMatrix, known: np.ndarray, wrong: np.ndarray, i: int, j: int) -> dict[str, Any]:
    rows = known[:, i] & known[:, j]
    one, other = wrong[rows, i], wrong[rows, j]
    facts = {"experts": [matrix.experts[i], matrix.experts[j]], "rows": int(rows.sum()), "both_wrong": None}
    facts |= {"expected_if_independent": None, "same_wrong": None, "correlation": None}
    if not len(one):
        return facts
    both = one & other
    p, q = one.mean(), other.mean()
    facts["both_wrong"], facts["expected_if_independent"] = float(both.mean()), float(p * q)
    if both.any():
        same = matrix.codes[rows, i] == matrix.codes[rows, j]
        facts["same_wrong"] = float(same[both].mean())
    if 0 < p < 1 and 0 < q < 1:
        facts["correlation"] = float((both.mean() - p * q) / np.sqrt(p * (1 - p) * q * (1 - q)))
    return facts
