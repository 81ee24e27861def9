"""Figures as functions of row weights: the same code measures the rows and every resample of them.

A resample of rows is a whole-number weight for each row, so that whatever can be written with weighted sums gets its
bootstrap interval from `metrics.intervals` without drawing a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ...core.errors import InputError
from ...metrics.intervals import Resampler, bootstrap

# Up to so many rows or groups intervals are BCa, whose jackknife leaves out each in turn; percentile intervals above.
BCA_UNITS = 2000


@dataclass(frozen=True)
class RowStatistic:
    """Figures of rows with weights.

    Attributes:
        names: (figures,).
        rows: number of rows.
        measure: turns (draws, rows) weights into (draws, figures).
    """

    names: list[str]
    rows: int
    measure: Callable[[np.ndarray], np.ndarray]

    def observed(self) -> dict[str, float]:
        """Return name → figure of the rows as they are."""
        if not self.rows:
            raise InputError("there are no rows to measure")
        values = self.measure(np.ones((1, self.rows)))[0]
        return dict(zip(self.names, values.tolist(), strict=True))

    def intervals(
        self, groups: Sequence[Any] | None, n_resamples: int, confidence_level: float = 0.95, random_state: int = 0
    ) -> dict[str, list[float]]:
        """Return name → [low, high] of a bootstrap over rows, or over groups of rows."""
        _, low, high = _resampled(self.measure, self.rows, groups, n_resamples, confidence_level, random_state)
        return {name: [float(a), float(b)] for name, a, b in zip(self.names, low, high, strict=True)}


def paired_lift(
    ours: RowStatistic, theirs: RowStatistic, groups: Sequence[Any] | None, n_resamples: int
) -> dict[str, dict[str, float]]:
    """Return name → {difference, low, high} of one system minus another on the same rows, resampled together."""

    def difference(weights: np.ndarray) -> np.ndarray:
        return ours.measure(weights) - theirs.measure(weights)

    ends = _resampled(difference, ours.rows, groups, n_resamples, 0.95, 0)
    return {
        name: {"difference": float(value), "low": float(low), "high": float(high)}
        for name, value, low, high in zip(ours.names, *ends, strict=True)
    }


def _resampled(
    measure: Callable[[np.ndarray], np.ndarray],
    rows: int,
    groups: Sequence[Any] | None,
    n_resamples: int,
    confidence_level: float,
    random_state: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    resampler = Resampler(np.arange(rows), rows, groups)
    method = "BCa" if resampler.units <= BCA_UNITS else "percentile"
    return bootstrap(resampler, measure, max(n_resamples, 1), confidence_level, random_state, method)


def weighted_auc(score: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return (draws,) areas under the ROC curve: the share of pairs in which the positive row scores higher.

    Ties count one half (Mann and Whitney 1947). Where only one kind of row has weight there is no pair: 0.5.

    Args:
        score: (rows,).
        positive: (rows,) bool.
        weights: (draws, rows).

    >>> weighted_auc(np.array([0.1, 0.4, 0.4]), np.array([False, True, False]), np.ones((1, 3))).tolist()
    [0.75]
    """
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.diff(score[order], prepend=np.nan) != 0)
    sorted_weights = weights[:, order]
    yes = np.add.reduceat(sorted_weights * positive[order], starts, axis=1)
    no = np.add.reduceat(sorted_weights * ~positive[order], starts, axis=1)
    below = np.cumsum(no, axis=1) - no / 2
    pairs = yes.sum(axis=1) * no.sum(axis=1)
    return np.divide((yes * below).sum(axis=1), pairs, out=np.full(len(weights), 0.5), where=pairs > 0)


def weighted_tables(truth: np.ndarray, said: np.ndarray, n_classes: int, weights: np.ndarray) -> np.ndarray:
    """Return (draws, classes, classes) confusion tables of (rows,) class numbers; negative truths take no part."""
    known = np.flatnonzero(truth >= 0)
    place = (known, truth[known] * n_classes + said[known])
    cells = csr_array((np.ones(len(known)), place), shape=(len(truth), n_classes**2))
    return (weights @ cells).reshape(-1, n_classes, n_classes)


def table_kappa(tables: np.ndarray, linear: bool = False) -> np.ndarray:
    """Return (draws,) Cohen's κ of (draws, classes, classes) tables, 0 where chance leaves nothing to gain.

    Args:
        tables: rows are the true class.
        linear: weigh a confusion by how far apart the classes are, in their order (Cohen 1968).

    >>> table_kappa(np.array([[[2.0, 0.0], [0.0, 2.0]]])).tolist()
    [1.0]
    """
    k = tables.shape[-1]
    place = np.arange(k)
    cost = np.abs(place[:, None] - place) if linear else 1 - np.eye(k)
    total = tables.sum(axis=(1, 2))
    expected = tables.sum(axis=2)[:, :, None] * tables.sum(axis=1)[:, None, :]
    by_chance = (cost * expected).sum(axis=(1, 2))
    share = np.divide(
        (cost * tables).sum(axis=(1, 2)) * total, by_chance, out=np.ones(len(tables)), where=by_chance > 0
    )
    return 1 - share


def divide(numerator: np.ndarray, denominator: np.ndarray, otherwise: float = 0.0) -> np.ndarray:
    """Return the quotient, `otherwise` where the denominator is 0."""
    out = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), otherwise)
    return np.divide(numerator, denominator, out=out, where=denominator > 0)
