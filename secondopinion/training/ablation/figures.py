"""Figures of variants over seeds: intervals, paired differences to the baseline, McNemar's test.

Every training predicts the same held-out rows. A figure of a variant is its mean over seeds, each seed measured by
itself; its interval and that of a difference come from resampling rows (or groups of them) with all seeds and both
variants of a row drawn together, so the interval is about other rows, and the standard deviation over seeds beside it
about other trainings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ...metrics.deferral_rate.decision import mcnemar as counted_mcnemar
from ...metrics.intervals import Resampler, bootstrap

NAMES = ("accuracy", "precision", "recall", "f1", "false_positives")


def table_values(tables: np.ndarray, classes: Sequence[int], positive: int | None) -> np.ndarray:
    """Return (..., 5) figures, in the order of `NAMES`, of (..., classes, classes) tables: true × predicted.

    With a `positive` class, precision, recall, F1 and false positives are its own. Without one they are the plain means
    over `classes`, and a false positive is any row that is predicted as a wrong class.

    Args:
        tables: counts.
        classes: over which the means run.
        positive: number of a class, or None.

    >>> table_values(np.array([[3, 1], [0, 4]]), [0, 1], 1).tolist()
    [0.875, 0.8, 1.0, 0.8888888888888888, 1.0]
    """
    tables = np.asarray(tables, dtype=np.float64)
    right, support = np.diagonal(tables, axis1=-2, axis2=-1), tables.sum(axis=-1)
    predicted = tables.sum(axis=-2)
    total = support.sum(axis=-1)
    chosen = [positive] if positive is not None else list(classes)
    precision = _share(right, predicted)[..., chosen].mean(axis=-1)
    recall = _share(right, support)[..., chosen].mean(axis=-1)
    f1 = _share(2 * right, support + predicted)[..., chosen].mean(axis=-1)
    wrong = (predicted - right)[..., chosen].sum(axis=-1) if positive is not None else total - right.sum(axis=-1)
    return np.stack([_share(right.sum(axis=-1), total), precision, recall, f1, wrong], axis=-1)


def variant_figures(
    gold: np.ndarray,
    said: np.ndarray,
    positive: int | None,
    n_classes: int,
    groups: np.ndarray | None = None,
    n_resamples: int = 2000,
) -> dict[str, dict[str, Any]]:
    """Return {figure: {mean, std, low, high, by_seed}}; `std` (ddof 1) is None for one seed.

    Args:
        gold: (rows,) true classes.
        said: (seeds, rows) predicted classes.
        positive: number of a class, or None (see `table_values`).
        n_classes: how many there are.
        groups: (rows,) what is resampled as a whole, or None.
        n_resamples: bootstrap resamples.

    >>> found = variant_figures(np.array([0, 1, 1]), np.array([[0, 1, 0], [0, 1, 1]]), 1, 2, n_resamples=50)
    >>> found["recall"]["by_seed"], found["recall"]["mean"]
    ([0.5, 1.0], 0.75)
    """
    classes = np.unique(gold).tolist()
    values = np.array([table_values(_table(gold, one, n_classes), classes, positive) for one in said])
    resampler, tables_of = _paired_tables(gold, said, n_classes, groups)

    def statistic(counts: np.ndarray) -> np.ndarray:
        return np.mean([table_values(tables, classes, positive) for tables in tables_of(counts)], axis=0)

    observed, low, high = bootstrap(resampler, statistic, n_resamples)
    std = values.std(axis=0, ddof=1) if len(values) > 1 else [None] * len(NAMES)
    return {
        name: {
            "mean": float(observed[i]),
            "std": None if std[i] is None else float(std[i]),
            "low": float(low[i]),
            "high": float(high[i]),
            "by_seed": values[:, i].tolist(),
        }
        for i, name in enumerate(NAMES)
    }


def variant_differences(
    gold: np.ndarray,
    said: np.ndarray,
    baseline: np.ndarray,
    positive: int | None,
    n_classes: int,
    groups: np.ndarray | None = None,
    n_resamples: int = 2000,
) -> dict[str, dict[str, float]]:
    """Return {figure: {difference, low, high}} of a variant's mean over seeds minus the baseline's, paired by row.

    Args:
        gold: (rows,) true classes.
        said: (seeds, rows) what the variant predicts.
        baseline: (seeds, rows) what the baseline predicts; it may have other seeds.
        positive: number of a class, or None (see `table_values`).
        n_classes: how many there are.
        groups: (rows,) what is resampled as a whole, or None.
        n_resamples: bootstrap resamples.

    >>> gold = np.array([0, 1, 1, 0])
    >>> found = variant_differences(gold, gold[None], np.array([[0, 1, 0, 0]]), 1, 2, n_resamples=50)
    >>> found["accuracy"]["difference"]
    0.25
    """
    classes = np.unique(gold).tolist()
    resampler, tables_of = _paired_tables(gold, np.concatenate([said, baseline]), n_classes, groups)

    def statistic(counts: np.ndarray) -> np.ndarray:
        values = [table_values(tables, classes, positive) for tables in tables_of(counts)]
        return np.mean(values[: len(said)], axis=0) - np.mean(values[len(said) :], axis=0)

    ends = bootstrap(resampler, statistic, n_resamples)
    return {
        name: {"difference": float(difference), "low": float(low), "high": float(high)}
        for name, difference, low, high in zip(NAMES, *ends, strict=True)
    }


def mcnemar(gold: np.ndarray, said: np.ndarray, baseline: np.ndarray) -> dict[str, Any]:
    """Return McNemar's exact test (1947): of the rows that one of two predicts right, is it either's in half?

    Args:
        gold: (rows,) true classes.
        said: (rows,) what the variant predicts.
        baseline: (rows,) what the baseline predicts.

    Returns:
        `only_variant_right`, `only_baseline_right` and the two-sided `p_value`, 1 where no row tells them apart. Rows
        are taken as independent: where a group has several, read the resampled intervals.

    >>> mcnemar(np.zeros(8), np.zeros(8), np.array([1, 1, 1, 1, 1, 1, 0, 0]))
    {'only_variant_right': 6, 'only_baseline_right': 0, 'p_value': 0.03125}
    """
    ours, theirs = said == gold, baseline == gold
    return counted_mcnemar(int((ours & ~theirs).sum()), int((~ours & theirs).sum()), "variant", "baseline")


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return p-values that hold for all comparisons together (Holm 1979).

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'c': 0.06, 'b': 0.06}
    """
    highest, found = 0.0, {}
    for place, (name, p_value) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_value))
        found[name] = round(highest, 12)
    return found


def _paired_tables(gold: np.ndarray, said: np.ndarray, n_classes: int, groups: np.ndarray | None) -> tuple[Any, Any]:
    """Return a resampler over (gold, every prediction) and what turns its counts into a table for each prediction."""
    columns = np.concatenate([gold[None], said]).T
    occupied, cells = np.unique(columns, axis=0, return_inverse=True)
    cells = cells.reshape(-1)
    size = n_classes**2
    rows = np.arange(len(occupied))
    maps = [
        csr_array((np.ones(len(rows)), (rows, occupied[:, 0] * n_classes + one)), shape=(len(rows), size))
        for one in occupied[:, 1:].T
    ]

    def tables_of(counts: np.ndarray) -> list[np.ndarray]:
        return [(counts @ to).reshape(-1, n_classes, n_classes) for to in maps]

    return Resampler(cells, len(occupied), groups), tables_of


def _table(gold: np.ndarray, said: np.ndarray, n_classes: int) -> np.ndarray:
    return np.bincount(gold * n_classes + said, minlength=n_classes**2).reshape(n_classes, n_classes)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros(np.broadcast_shapes(part.shape, whole.shape)), where=whole > 0)
