"""Two ways to choose whom to defer, on the same rows: which one is better, and by how much."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .areas import difference_ends
from .curve import Curves
from .decision import mcnemar
from .rows import Rows, check_bootstrap, deferred_count, draw_weights, read_rows, read_scores, tie_free, top_k

RATES = (0.05, 0.07, 0.1, 0.2)


def paired_deferral(
    references: Sequence[Any],
    predictions: Sequence[Any],
    expert_predictions: Sequence[Any],
    scores_a: Sequence[float],
    scores_b: Sequence[float],
    *,
    rates: Sequence[float] = RATES,
    label_names: Sequence[str] | None = None,
    positive_label: Any = None,
    ids: Sequence[Any] | None = None,
    groups: Sequence[Any] | None = None,
    n_resamples: int = 2000,
    confidence_level: float = 0.95,
    random_state: int | None = 0,
) -> dict[str, Any]:
    """Return how policy A's score compares with policy B's, by a paired bootstrap.

    Both are resampled together. In the areas (AUDC) tied scores are averaged; at a rate exactly k rows are deferred,
    ties broken by the SHA-1 of the id, and a resample defers that share of its own rows.

    Args:
        references: (rows,) true classes.
        predictions: (rows,) the classifier's classes.
        expert_predictions: (rows,) the expert's classes, None where its vote is unusable.
        scores_a: (rows,) A's deferral scores, higher is rather deferred.
        scores_b: (rows,) B's.
        rates: shares of rows deferred at which accuracy and F1 are compared.
        label_names: the classes' names in order.
        positive_label: the class whose F1 is compared; without it the macro F1 is.
        ids: (rows,) unique ids, to break ties.
        groups: (rows,) rows that depend on one another; whole groups are resampled.
        n_resamples: number of resamples; with 0 the differences stand alone.
        confidence_level: of the intervals.
        random_state: seed.

    Returns:
        {rows, audc: {accuracy | f1: {a, b, difference, low, high, p_value}}, at_rates: {rate: {deferred_rows,
        accuracy and f1 as under audc, mcnemar: {only_a_right, only_b_right, p_value}}}}; rates as text, "0.07".

    Raises:
        ValueError: columns do not fit together, a label is unknown, or a setting is out of range.

    >>> found = paired_deferral([0, 1, 1], [0, 0, 1], [1, 1, 1], [0, 2, 1], [2, 0, 1], rates=[0.4], n_resamples=9)
    >>> found["at_rates"]["0.4"]["accuracy"]["difference"]
    0.6666666666666667
    """
    check_bootstrap(n_resamples, confidence_level)
    rows = read_rows(references, predictions, expert_predictions, label_names, positive_label, groups)
    scores = [read_scores(scores_a, len(rows), "scores_a"), read_scores(scores_b, len(rows), "scores_b")]
    ranks = [tie_free(values, ids) for values in scores]
    rates = list(dict.fromkeys(rates))
    counts = {f"{float(rate):g}": deferred_count(rate, len(rows)) for rate in rates}
    order = rows.canonical_order(*scores, *ranks)
    rows, scores, ranks = rows.take(order), [s[order] for s in scores], [r[order] for r in ranks]
    areas = [Curves(rows, values) for values in scores]
    points = [Curves(rows, rank) if area.ranking.tied else area for area, rank in zip(areas, ranks, strict=True)]
    observed = _both(areas, points, None, rates)
    tails = np.array([(1 - confidence_level) / 2, (1 + confidence_level) / 2])
    drawn = [_both(areas, points, weights, rates) for weights in draw_weights(rows, n_resamples, random_state)]
    samples = np.stack(drawn) if drawn else None

    def compared(at: int) -> dict[str, float]:
        a, b = observed[:, at].tolist()
        ends = {} if samples is None else difference_ends(samples[:, 0, at] - samples[:, 1, at], tails)
        return {"a": a, "b": b, "difference": a - b, **ends}

    found: dict[str, Any] = {"rows": len(rows), "audc": {"accuracy": compared(0), "f1": compared(1)}, "at_rates": {}}
    for place, (rate, k) in enumerate(counts.items()):
        found["at_rates"][rate] = {
            "deferred_rows": k,
            "accuracy": compared(2 + 2 * place),
            "f1": compared(3 + 2 * place),
            "mcnemar": _mcnemar(rows, ranks, k),
        }
    return found


def _both(
    areas: Sequence[Curves], points: Sequence[Curves], weights: np.ndarray | None, rates: Sequence[float]
) -> np.ndarray:
    """Return (2, 2 + 2 · rates) of each policy: AUDC of accuracy and F1, then accuracy and F1 at each rate."""
    found = []
    for area, point in zip(areas, points, strict=True):
        draw = area.draw(weights)
        values = [curve.mean for curve in area.lines(draw)]
        draw = draw if point is area else point.draw(weights)
        for rate in rates:
            values += point.at(deferred_count(rate, draw.rows), draw)
        found.append(values)
    return np.array(found)


def _mcnemar(rows: Rows, ranks: Sequence[np.ndarray], k: int) -> dict[str, Any]:
    a, b = (np.where(top_k(rank, k), rows.answer, rows.classifier) == rows.gold for rank in ranks)
    return mcnemar(int((a & ~b).sum()), int((b & ~a).sum()), "a", "b")
