"""How right a system is that hands some questions to an expert: at one rate, and over all rates.

Beside it stand the model alone, the expert alone, deferring by lot and an oracle at the same rate. All are means over
rows of how right an answer is, so intervals follow from sums over groups; the oracle defers the same rows in every
resample.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...metrics.clinical_qa.resample import SumResampler
from ...metrics.intervals import bootstrap_test
from .deferral_rows import AnswerDeferralRows

WHO = ("system", "model", "expert", "random", "oracle")
OPPONENTS = ("model", "expert", "random")
POINTS = 101
BAND_RESAMPLES = 500
_NOISE = 1e-12


def answer_deferral_figures(
    rows: AnswerDeferralRows,
    rank: np.ndarray,
    expert: np.ndarray,
    deferred: np.ndarray,
    *,
    n_resamples: int = 2000,
    random_state: int = 0,
) -> dict[str, Any]:
    """Return the figures of a system.

    Args:
        rows: the rows.
        rank: (rows,) deferral scores, or their ranks: higher is rather deferred.
        expert: (rows,) number of the expert that would be asked.
        deferred: (rows,) bool.
        n_resamples: of the bootstrap, over groups.
        random_state: its seed.

    Returns:
        `rows`, `deferred_rows`, `deferral_rate`, `unanswered` (deferred rows without a usable answer), {who: {figure}}
        for `WHO`, `differences` {"system - model": {figure: {difference, low, high, p_value}}}, `intervals`
        {"system.f1": [low, high]}, `audc` (mean over the curve), `curve` {rate, figure: {policy, random, oracle, low,
        high}} and `cost` {total, per_1000, share_of_expert} or None.
    """
    order = np.argsort(rows.ids.astype(str), kind="stable")  # resamples depend on the order
    rows, rank, expert, deferred = rows.take(order), rank[order], expert[order], deferred[order]
    place, n = np.arange(len(rows)), len(rows)
    names = list(rows.figures)
    own = np.stack([rows.figures[name][0] for name in names], axis=1)
    asked = np.stack([rows.figures[name][1][place, expert] for name in names], axis=1)
    gain = asked - own
    chosen = np.stack([_oracle(column, int(deferred.sum())) for column in gain.T], axis=1)
    values = [np.ones((n, 1)), deferred[:, None].astype(float), own, asked, deferred[:, None] * gain, chosen * gain]
    observed, low, high, p = bootstrap_test(
        SumResampler(np.concatenate(values, axis=1), rows.groups),
        _statistic,
        n_resamples,
        random_state=random_state,
    )
    keys = [(who, name) for who in WHO for name in names]
    keys += [(f"system - {who}", name) for who in OPPONENTS for name in names]
    table = dict(zip(keys, zip(*(part.tolist() for part in (observed, low, high, p)), strict=True), strict=True))
    curves = _curves(rows, rank, own, gain, names, min(n_resamples, BAND_RESAMPLES), random_state)
    return {
        "rows": n,
        "deferred_rows": int(deferred.sum()),
        "deferral_rate": float(deferred.mean()),
        "unanswered": int((deferred & ~rows.usable[place, expert]).sum()),
        **{who: {name: table[who, name][0] for name in names} for who in WHO},
        "intervals": {f"{who}.{name}": list(table[who, name][1:3]) for who in WHO for name in names},
        "differences": {
            f"system - {who}": {
                name: dict(zip(("difference", "low", "high", "p_value"), table[f"system - {who}", name], strict=True))
                for name in names
            }
            for who in OPPONENTS
        },
        **curves,
        "cost": _cost(rows.call_costs[place, expert], deferred),
    }


def _oracle(gain: np.ndarray, count: int) -> np.ndarray:
    """Return (rows,) bool: the rows that gain most from asking, as many as are deferred."""
    chosen = np.zeros(len(gain), dtype=bool)
    chosen[np.argsort(-gain, kind="stable")[:count]] = True
    return chosen


def _statistic(sums: np.ndarray) -> np.ndarray:
    """Return (draws, figures · (who + opponents)) of (draws, sums), in the order of the keys."""
    count, deferred = sums[:, :1], sums[:, 1:2]
    own, asked, gained, best = np.split(sums[:, 2:] / count, 4, axis=1)
    lot = own + deferred / count * (asked - own)
    system = own + gained
    said = {"system": system, "model": own, "expert": asked, "random": lot, "oracle": own + best}
    found = np.concatenate([*(said[who] for who in WHO), *(system - said[who] for who in OPPONENTS)], axis=1)
    return np.where(np.abs(found) < _NOISE, 0.0, found)


def _curves(
    rows: AnswerDeferralRows,
    rank: np.ndarray,
    own: np.ndarray,
    gain: np.ndarray,
    names: list[str],
    n_resamples: int,
    random_state: int,
) -> dict[str, Any]:
    """Return `curve` and `audc`: what the system reaches when the rows of highest score are deferred."""
    n = len(rows)
    rates = np.linspace(0.0, 1.0, POINTS)
    places = np.concatenate([rates, np.arange(n + 1) / n])
    curve: dict[str, Any] = {"rate": rates.tolist()}
    audc: dict[str, Any] = {}
    ranked = Ranking(rank)
    bands = _bands(rows, ranked, own, gain, rates, n_resamples, random_state)
    ones = np.ones(n)
    for place, name in enumerate(names):
        start, column = own[:, place].mean(), gain[:, place]
        lines = {
            "policy": start + ranked.mean(ones, column, places),
            "random": start + places * column.mean(),
            "oracle": start + Ranking(column).mean(ones, column, places),
        }
        curve[name] = {who: line[:POINTS].tolist() for who, line in lines.items()}
        curve[name] |= {"low": bands[0][place].tolist(), "high": bands[1][place].tolist()}
        audc[name] = {who: float(line[POINTS:].mean()) for who, line in lines.items()}
    return {"curve": curve, "audc": audc}


class Ranking:
    """Rows from the first deferred to the last; rows of equal score are deferred in all orders at once.

    Args:
        score: (rows,) higher is rather deferred.

    >>> ranking = Ranking(np.array([0.5, 0.9, 0.5]))
    >>> ranking.mean(np.ones(3), np.array([1.0, 0.0, 0.0]), np.array([1 / 3, 2 / 3])).tolist()
    [0.0, 0.16666666666666666]
    """

    def __init__(self, score: np.ndarray) -> None:
        self.order = np.argsort(-score, kind="stable")
        ranked = score[self.order]
        self.starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))

    def mean(self, weights: np.ndarray, gain: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """Return (rates,) what deferring that share of the rows adds to the mean over all.

        Args:
            weights: (rows,) how often each row is counted.
            gain: (rows,) what deferring a row adds.
            rates: shares of the rows, 0 to 1.
        """
        counts = np.concatenate([[0.0], np.cumsum(np.add.reduceat(weights[self.order], self.starts))])
        sums = np.concatenate([[0.0], np.cumsum(np.add.reduceat((weights * gain)[self.order], self.starts))])
        return np.interp(rates * counts[-1], counts, sums) / counts[-1]


def _bands(
    rows: AnswerDeferralRows,
    ranked: Ranking,
    own: np.ndarray,
    gain: np.ndarray,
    rates: np.ndarray,
    n_resamples: int,
    random_state: int,
) -> np.ndarray:
    """Return (2, figures, rates) the 95% percentile band of the policy's curves, groups resampled."""
    generator = np.random.default_rng(random_state)
    group = np.unique(rows.groups, return_inverse=True)[1]
    units = int(group.max()) + 1
    drawn = np.empty((n_resamples, own.shape[1], len(rates)))
    for number in range(n_resamples):
        weights = np.bincount(generator.integers(units, size=units), minlength=units)[group].astype(np.float64)
        for place in range(own.shape[1]):
            start = weights @ own[:, place] / weights.sum()
            drawn[number, place] = start + ranked.mean(weights, gain[:, place], rates)
    return np.quantile(drawn, [0.025, 0.975], axis=0)


def _cost(costs: np.ndarray, deferred: np.ndarray) -> dict[str, float] | None:
    """Return {total, per_1000, share_of_expert} US dollars of the calls made, or None where calls are free."""
    if not costs.any():
        return None
    paid = float(costs[deferred].sum())
    return {"total": paid, "per_1000": 1000 * paid / len(costs), "share_of_expert": paid / float(costs.sum())}
