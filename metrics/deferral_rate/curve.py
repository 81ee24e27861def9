"""The deferral curve: what the system reaches when the k rows of highest score are deferred, for k = 0 to all.

Rows of equal score are taken in every order at once: between the ends of such a block the table of counts grows in
equal steps, which is its expectation over the orders. So accuracy, cost, loss and risk are exact expectations, F1 is
that of the expected table, and no figure depends on the order of the rows. A resampled row that is drawn twice is two
rows of equal score.

AURC and E-AURC: Geifman & El-Yaniv, "Selective Classification for Deep Neural Networks" (2017), and Geifman, Uziel &
El-Yaniv, "Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers" (2019). AUGRC: Traub et al., "Overcoming
Common Flaws in the Evaluation of Selective Classification Systems" (2024). APGR and CPT: Ong et al., "RouteLLM:
Learning to Route LLMs with Preference Data" (2024).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .rows import Rows

CPT_LEVELS = (0.5, 0.8, 0.95)
_NOISE = 1e-9
# Where the F1 of deferring by lot, a smooth function of the rate, is read to integrate it over a resample.
_NODES, _SHARES = np.polynomial.legendre.leggauss(64)
_NODES = np.concatenate([[0.0, 1.0], (_NODES + 1) / 2])
_DENSE = 1000


class Ranking:
    """Rows from the first deferred to the last, in blocks of equal score.

    Args:
        scores: (rows,) higher is rather deferred.
    """

    def __init__(self, scores: np.ndarray) -> None:
        self.order = np.argsort(-scores, kind="stable")
        ranked = scores[self.order]
        self.starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
        self.sizes = np.diff(self.starts, append=len(scores))
        self.tied = len(self.starts) < len(scores)


class Steps:
    """Adds up what deferring rows changes. Blocks in which nothing changes cost nothing: most rows agree.

    Args:
        ranking: the rows' order.
        effects: (effects, rows) what deferring a row changes, in that order.
    """

    def __init__(self, ranking: Ranking, effects: np.ndarray) -> None:
        active = np.add.reduceat((effects != 0).any(axis=0), ranking.starts, dtype=np.int64) > 0
        self._rows = np.flatnonzero(np.repeat(active, ranking.sizes))
        self._starts = np.cumsum(ranking.sizes[active]) - ranking.sizes[active]
        self._tied = len(self._starts) < len(self._rows)
        self._effects = np.ascontiguousarray(effects[:, self._rows])

    def total(self, weights: np.ndarray) -> np.ndarray:
        """Return (effects,) what deferring every row changes; `weights` (rows,) as in `cumulate`."""
        return self._effects @ weights[self._rows].astype(np.float64)

    def cumulate(self, weights: np.ndarray, upto: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (steps + 1,) how many rows are deferred at each step and (effects, steps + 1) what is changed by then.

        Args:
            weights: (rows,) how often each row is in the resample, in the order of the ranking.
            upto: (rows,) their running sum.
        """
        times = weights[self._rows]
        count = int(times.sum())
        deferred = np.zeros(count + 1, dtype=np.int64)
        deferred[1:] = np.repeat(upto[self._rows] - np.cumsum(times), times)
        deferred[1:] += np.arange(1, count + 1)
        if self._tied:
            sizes = np.add.reduceat(times, self._starts)
            sums = np.add.reduceat(self._effects * times, self._starts, axis=1)
            steps = np.repeat(sums / np.maximum(sizes, 1), sizes, axis=1)
        else:
            steps = self._effects[:, np.repeat(np.arange(len(times)), times)]
        changes = np.zeros((len(steps), count + 1), dtype=steps.dtype)
        np.cumsum(steps, axis=1, out=changes[:, 1:])
        return deferred, changes


@dataclass(frozen=True, eq=False)
class Curve:
    """A figure along the deferral curve, level between the steps.

    Args:
        rows: number of rows.
        deferred: (steps,) rows deferred at each step, from 0 on.
        values: (steps,) the figure from there to the next step.
    """

    rows: int
    deferred: np.ndarray
    values: np.ndarray

    def at(self, k: np.ndarray) -> np.ndarray:
        """Return the figure with k rows deferred."""
        return self.values[np.searchsorted(self.deferred, k, side="right") - 1]

    @property
    def mean(self) -> float:
        """The mean over k = 0 to all rows."""
        return float(self.values @ np.diff(self.deferred, append=self.rows + 1)) / (self.rows + 1)


@dataclass(frozen=True, eq=False)
class Draw:
    """The rows, or a resample of them, in the order of a ranking.

    Args:
        rows: number of rows drawn.
        weights: (rows,) how often each row was drawn.
        upto: (rows,) their running sum.
        table: (classes, classes) counts with nothing deferred.
    """

    rows: int
    weights: np.ndarray
    upto: np.ndarray
    table: np.ndarray


class Curves:
    """Computes the deferral curve of one score, for the rows or for a resample of them.

    Args:
        rows: what is measured.
        scores: (rows,) deferral scores.
    """

    def __init__(self, rows: Rows, scores: np.ndarray) -> None:
        self.rows, self.ranking = rows, Ranking(scores)
        order = self.ranking.order
        gold, said, answer = rows.gold[order], rows.classifier[order], rows.answer[order]
        self._classes = range(len(rows.names)) if rows.positive is None else (rows.positive,)
        self._cell = gold * len(rows.names) + said
        effects = [(answer == gold).astype(np.int32) - (said == gold)]
        for j in self._classes:
            effects += [((gold == j) & (answer == j)).astype(np.int32) - ((gold == j) & (said == j))]
            effects += [(answer == j).astype(np.int32) - (said == j)]
        self._steps = Steps(self.ranking, np.stack(effects).astype(np.int32))
        self._wrong = (said != gold).astype(np.int64)

    def draw(self, weights: np.ndarray | None = None) -> Draw:
        """Return a resample that holds each row as often as `weights` (rows,) say; without them the rows themselves."""
        k = len(self.rows.names)
        ranked = np.ones(len(self.rows), dtype=np.int64) if weights is None else weights[self.ranking.order]
        table = np.bincount(self._cell, ranked, k * k).reshape(k, k)
        upto = np.cumsum(ranked)
        return Draw(int(upto[-1]), ranked, upto, table)

    def lines(self, draw: Draw) -> tuple[Curve, Curve]:
        """Return the curves of accuracy and F1."""
        deferred, changes = self._steps.cumulate(draw.weights, draw.upto)
        accuracy = (np.trace(draw.table) + changes[0]) / draw.rows
        return Curve(draw.rows, deferred, accuracy), Curve(draw.rows, deferred, self._mean_f1(draw.table, changes))

    def at(self, k: int, draw: Draw) -> tuple[float, float]:
        """Return accuracy and F1 where exactly k rows are deferred; for a ranking without ties."""
        taken = np.clip(k - (draw.upto - draw.weights), 0, draw.weights)
        changes = self._steps.total(taken)[:, None]
        return float(np.trace(draw.table) + changes[0, 0]) / draw.rows, float(self._mean_f1(draw.table, changes)[0])

    def lot(self, k: np.ndarray, draw: Draw) -> tuple[np.ndarray, np.ndarray]:
        """Return accuracy and F1 (of the expected table) where k rows drawn by lot are deferred."""
        whole, share = self._steps.total(draw.weights), k / draw.rows
        return (np.trace(draw.table) + whole[0] * share) / draw.rows, self._mean_f1(draw.table, whole, share)

    def lot_means(self, draw: Draw) -> tuple[float, float]:
        """Return the mean of both over k = 0 to all rows; beyond 1,000 rows F1's by quadrature (to about 1e-7)."""
        whole, n = self._steps.total(draw.weights), draw.rows
        accuracy = float(np.trace(draw.table) + whole[0] / 2) / n
        if n <= _DENSE:
            return accuracy, float(self._mean_f1(draw.table, whole, np.arange(n + 1) / n).mean())
        f1 = self._mean_f1(draw.table, whole, _NODES)
        return accuracy, float(n * (f1[2:] @ _SHARES) / 2 + f1[:2].mean()) / (n + 1)

    def areas(self, draw: Draw) -> tuple[float, float, float]:
        """Return AURC, E-AURC and AUGRC; see `selective_areas`."""
        sizes, errors = draw.weights, draw.weights * self._wrong
        if self.ranking.tied:
            sizes, errors = (np.add.reduceat(column, self.ranking.starts) for column in (sizes, errors))
        return selective_areas(sizes[::-1], errors[::-1])

    def _mean_f1(self, base: np.ndarray, changes: np.ndarray, times: np.ndarray | float = 1.0) -> np.ndarray:
        total = np.zeros(np.broadcast_shapes(np.shape(changes[0]), np.shape(times)))
        support, said = base.sum(axis=1), base.sum(axis=0)
        for place, j in enumerate(self._classes):
            # A class that no row is in has no hits, whatever is said; then 0/0 counts as 0 here as everywhere.
            if support[j]:
                more_hits, more_said = changes[1 + 2 * place : 3 + 2 * place]
                f1 = more_hits * (2.0 * times) + 2 * base[j, j]
                f1 /= more_said * times + (support[j] + said[j])
                total += f1
        total /= len(self._classes)
        return total


def oracle_scores(rows: Rows, losses: np.ndarray | None = None) -> np.ndarray:
    """Return (rows,) what deferring each row gains: in rows that are right, or in loss."""
    if losses is None:
        return (rows.answer == rows.gold).astype(np.float64) - (rows.classifier == rows.gold)
    return losses[rows.gold, rows.classifier] - losses[rows.gold, rows.answer]


def selective_areas(sizes: np.ndarray, errors: np.ndarray) -> tuple[float, float, float]:
    """Return AURC, E-AURC and AUGRC of the negated score as the classifier's confidence.

    AURC is the mean, over i = 1 to n rows kept, of the share of errors among them; E-AURC is what it exceeds the best
    order of the same errors by (exactly, not by the integral that stands for it in the paper); AUGRC is the area under
    the share of all rows that are kept and wrong, over coverage.

    Args:
        sizes: (blocks,) rows of each block of equal score, the most confident first; empty ones may be there.
        errors: (blocks,) the classifier's errors in each.

    >>> [round(area, 4) for area in selective_areas(np.array([1, 1]), np.array([0, 1]))]
    [0.25, 0.0, 0.125]
    """
    ends = np.cumsum(sizes)
    n, wrong = int(ends[-1]), int(errors.sum())
    weight = _coverage_weights(n)
    rate = errors / np.maximum(sizes, 1)
    aurc = float(rate @ (weight[ends] - weight[ends - sizes])) / n
    best = float(weight[n] - weight[n - wrong]) / n
    augrc = float(rate @ (sizes * (n - ends + sizes / 2))) / n**2
    return aurc, max(0.0, aurc - best), augrc


@lru_cache(maxsize=2)
def _coverage_weights(n: int) -> np.ndarray:
    """Return (n + 1,) the running sum of what an error kept at place q adds: 1/i for every coverage i = q to n."""
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, n + 1))])
    return np.concatenate([[0.0], np.cumsum(harmonic[n] - harmonic[:n])])


def router_figures(curve: Curve) -> tuple[float | None, dict[str, float | None]]:
    """Return APGR and {"level": CPT} of a curve from the weak model (none deferred) to the strong (all deferred).

    APGR is the mean share of the gap between both that is recovered; CPT the least rate at which the level's share
    of it is. Both are None unless the strong end is better than the weak one.

    Args:
        curve: of accuracy or F1.

    >>> router_figures(Curve(2, np.arange(3), np.array([0.5, 0.9, 1.0])))[1]
    {'0.5': 0.5, '0.8': 0.5, '0.95': 1.0}
    """
    weak, strong = float(curve.values[0]), float(curve.values[-1])
    gap = strong - weak
    if gap <= _NOISE:
        return None, dict.fromkeys(map(str, CPT_LEVELS))
    crossed = {level: (curve.values >= weak + level * gap - _NOISE).argmax() for level in CPT_LEVELS}
    return (curve.mean - weak) / gap, {
        str(level): int(curve.deferred[at]) / curve.rows for level, at in crossed.items()
    }


def reliability(
    scores: np.ndarray, outcome: np.ndarray, low: float, high: float, n_bins: int = 10
) -> dict[str, float | list[dict[str, float]]] | None:
    """Return {bins: [{low, high, count, score, outcome}], error} of scores read as predictions of an outcome.

    `error` is the mean gap between a bin's mean score and mean outcome, weighted by rows (expected calibration error).

    Args:
        scores: (rows,) deferral scores.
        outcome: (rows,) what they are held against.
        low: least score that can be such a prediction.
        high: largest such score. None is returned where a score is outside.
        n_bins: bins of equal width; empty ones are left out.
    """
    if scores.min() < low or scores.max() > high:
        return None
    edges = np.linspace(low, high, n_bins + 1)
    place = np.clip(np.searchsorted(edges, scores, side="right") - 1, 0, n_bins - 1)
    count = np.bincount(place, minlength=n_bins)
    filled = np.flatnonzero(count)
    score = np.bincount(place, scores, n_bins)[filled] / count[filled]
    mean = np.bincount(place, outcome, n_bins)[filled] / count[filled]
    bins = [
        {"low": float(edges[i]), "high": float(edges[i + 1]), "count": int(count[i]), "score": a, "outcome": b}
        for i, a, b in zip(filled, score.tolist(), mean.tolist(), strict=True)
    ]
    return {"bins": bins, "error": float(np.abs(score - mean) @ count[filled] / len(scores))}
