"""What the whole deferral curve says: its points, its areas, the router figures, and their intervals.

The intervals resample rows, or groups of rows, and compute each curve anew: percentiles (BCa would need a curve for
every row left out).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .curve import CPT_LEVELS, Curve, Curves, Ranking, oracle_scores, reliability, router_figures
from .intervals import p_values
from .rows import Rows, draw_weights

POINTS = 201
# Below this share of resamples in which a figure exists, an interval from the others would flatter it.
_ENOUGH = 0.9
_NOISE = 1e-12
_CPT = tuple(f"cpt{kind}.{level}" for kind in ("", "_f1") for level in CPT_LEVELS)
FIGURES = ("audc.accuracy", "audc.f1", "aurc", "e_aurc", "augrc", "apgr", "apgr_f1", *_CPT)
EMPTY = ("curve", "audc", "audc_random", "audc_oracle", "aurc", "e_aurc", "augrc", "apgr", "apgr_f1", "cpt", "cpt_f1")


def curve_figures(
    rows: Rows, scores: np.ndarray, n_resamples: int, confidence_level: float, random_state: int | None
) -> tuple[dict[str, Any], dict[str, list[float]], dict[str, dict[str, float]]]:
    """Return the figures of the score, their intervals, and {figure: the policy's minus that of deferring by lot}.

    Args:
        rows: what is measured, in canonical order.
        scores: (rows,) deferral scores.
        n_resamples: number of resamples; 0 gives no intervals.
        confidence_level: of the intervals.
        random_state: seed.
    """
    curves, n = Curves(rows, scores), len(rows)
    places = np.unique(np.rint(np.linspace(0, n, POINTS)).astype(np.int64))
    rates = places / n
    observed = _summary(curves, None, rates)
    whole, best_order = curves.draw(), Curves(rows, oracle_scores(rows))
    policy, oracle = curves.lines(whole), best_order.lines(best_order.draw())
    curve: dict[str, Any] = {"rate": rates.tolist()}
    for name, values, by_lot, best in zip(("accuracy", "f1"), policy, curves.lot(places, whole), oracle, strict=True):
        points = {"policy": values.at(places), "random": by_lot, "oracle": best.at(places)}
        curve[name] = {who: line.tolist() for who, line in points.items()}
    figures = _nested(dict(zip(FIGURES, observed.tolist(), strict=False)), policy, curves.lot_means(whole), oracle)
    curve |= _extras(figures, rows, scores, places)
    figures["curve"] = curve | {"threshold": {"policy": _thresholds(scores, places)}}
    curve = figures["curve"]
    figures["reliability"] = {
        "classifier_wrong": reliability(scores, rows.classifier != rows.gold, 0.0, 1.0),
        "gain": reliability(scores, oracle_scores(rows), -1.0, 1.0),
    }
    pairs = {f"audc_{name}": at for at, name in enumerate(("accuracy", "f1"))}
    differences = {
        name: {"difference": _quiet(observed[at] - observed[len(FIGURES) + at])} for name, at in pairs.items()
    }
    if not n_resamples:
        return figures, {}, differences
    samples = np.stack([_summary(curves, weights, rates) for weights in draw_weights(rows, n_resamples, random_state)])
    tails = np.array([(1 - confidence_level) / 2, (1 + confidence_level) / 2])
    intervals = {}
    for at, name in enumerate(FIGURES):
        defined = samples[:, at][~np.isnan(samples[:, at])]
        if not np.isnan(observed[at]) and len(defined) >= _ENOUGH * n_resamples:
            intervals[name] = np.quantile(defined, tails).tolist()
        elif name not in figures["undefined"]:
            share = 1 - len(defined) / n_resamples
            figures["undefined"][f"intervals.{name}"] = (
                f"in {share:.0%} of the resamples the expert is no better than the classifier"
            )
    bands = np.quantile(samples[:, len(FIGURES) + 2 :], tails, axis=0).reshape(2, 2, len(rates))
    for place, name in enumerate(("accuracy", "f1")):
        curve[name] |= {"low": bands[0, place].tolist(), "high": bands[1, place].tolist()}
    for name, at in pairs.items():
        differences[name] |= difference_ends(samples[:, at] - samples[:, len(FIGURES) + at], tails)
    return figures, intervals, differences


def _thresholds(scores: np.ndarray, places: np.ndarray) -> list[float | None]:
    """Return for each number of rows the score above which they lie; None where none or all of them are deferred."""
    falling = np.sort(scores.astype(np.float64))[::-1]
    inside = np.clip(places, 1, max(len(scores) - 1, 1))
    middle = (falling[inside - 1] + falling[np.minimum(inside, len(scores) - 1)]) / 2
    return [
        float(value) if 0 < place < len(scores) else None for value, place in zip(middle, places.tolist(), strict=True)
    ]


def difference_ends(samples: np.ndarray, tails: np.ndarray) -> dict[str, float]:
    """Return {low, high, p_value} of (resamples,) differences; `tails` are the interval's two quantiles."""
    samples = np.where(np.abs(samples) < _NOISE, 0.0, samples)
    low, high = np.quantile(samples, tails).tolist()
    return {"low": low, "high": high, "p_value": float(p_values(samples[:, None])[0])}


def _summary(curves: Curves, weights: np.ndarray | None, rates: np.ndarray) -> np.ndarray:
    """Return the FIGURES (NaN if undefined), AUDC of deferring by lot (accuracy, F1), accuracy and F1 at the rates."""
    draw = curves.draw(weights)
    accuracy, f1 = curves.lines(draw)
    apgr, cpt = router_figures(accuracy)
    apgr_f1, cpt_f1 = router_figures(f1)
    head = [accuracy.mean, f1.mean, *curves.areas(draw), apgr, apgr_f1]
    head += [*cpt.values(), *cpt_f1.values(), *curves.lot_means(draw)]
    places = np.rint(rates * f1.rows).astype(np.int64)
    points = [accuracy.at(places), f1.at(places)]
    return np.concatenate([[np.nan if value is None else value for value in head], *points])


def _nested(
    head: dict[str, float], policy: tuple[Curve, Curve], lot: tuple[float, float], oracle: tuple[Curve, Curve]
) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "audc": {"accuracy": head["audc.accuracy"], "f1": head["audc.f1"]},
        "audc_random": {"accuracy": lot[0], "f1": lot[1]},
        "audc_oracle": {"accuracy": oracle[0].mean, "f1": oracle[1].mean},
        **{name: head[name] for name in ("aurc", "e_aurc", "augrc")},
        "undefined": {},
    }
    for kind, curve, title in zip(("", "_f1"), policy, ("accuracy", "F1"), strict=True):
        figures[f"apgr{kind}"], figures[f"cpt{kind}"] = router_figures(curve)
        if figures[f"apgr{kind}"] is None:
            reason = (
                f"deferring every row gives {title} {curve.values[-1]:.4f}, no more than the classifier's "
                f"{curve.values[0]:.4f}: there is no gap to recover"
            )
            undefined = [f"apgr{kind}", *(f"cpt{kind}.{level}" for level in CPT_LEVELS)]
            figures["undefined"] |= dict.fromkeys(undefined, reason)
    return figures


def _extras(figures: dict[str, Any], rows: Rows, scores: np.ndarray, places: np.ndarray) -> dict[str, Any]:
    """Return the points of loss and cost, where losses and prices are known, and add the areas under the loss."""
    n, found = len(rows), {}
    if rows.losses is not None:
        gain = oracle_scores(rows, rows.losses)
        start = float(rows.losses[rows.gold, rows.classifier].sum())
        lines = {
            "policy": (start - _running(scores, gain)) / n,
            "random": (start - gain.sum() * np.arange(n + 1) / n) / n,
            "oracle": (start - _running(gain, gain)) / n,
        }
        found["loss"] = {who: line[places].tolist() for who, line in lines.items()}
        for who, line in lines.items():
            figures["audc" if who == "policy" else f"audc_{who}"]["loss"] = float(line.mean())
    if rows.costs is not None:
        found["cost_per_1000"] = {"policy": (_running(scores, rows.costs)[places] / n * 1000).tolist()}
    return found


def _running(scores: np.ndarray, amounts: np.ndarray) -> np.ndarray:
    """Return (rows + 1,) the sum of the amounts of the k rows of highest score, ties averaged."""
    ranking = Ranking(scores)
    sums = np.add.reduceat(amounts[ranking.order], ranking.starts)
    return np.concatenate([[0.0], np.cumsum(np.repeat(sums / ranking.sizes, ranking.sizes))])


def _quiet(value: float) -> float:
    return 0.0 if abs(value) < _NOISE else float(value)
