"""The benchmark's figures as functions of how often each row is drawn: thousands of resamples are computed at once.

A figure that is not defined (an area without both classes, a kappa of a single class) is NaN here.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_array

from .rows import Rows

AUC, LINEAR, UNWEIGHTED, R_SMAPE = "auc", "linear_kappa", "unweighted_kappa", "r_smape_score"
AVERAGES = ("pooled", "macro")
EPSILON = 4.0
# What has no average over pooled rows other than its mean, so that both averages are the same number.
MEANS = ("accuracy", "mean_absolute_error")

Figures = Callable[[np.ndarray], np.ndarray]


def figures_of(rows: Rows, epsilon: float = EPSILON) -> tuple[list[str], Figures]:
    """Return the names of a task's figures, and a function from (draws, rows) counts to (draws, figures).

    For each figure `f` of a task with several labels: `f/pooled` over all labels at once, `f/macro` the mean over
    labels, and `f/0`, `f/1`, ... of each label; of a task with one label `f/pooled` alone.

    Args:
        rows: what was read.
        epsilon: of R-SMAPE.
    """
    if "binary" in rows.task_type:
        bare, of_columns = (AUC, "accuracy"), _ranking
    elif rows.classes:
        bare, of_columns = (LINEAR, UNWEIGHTED, "accuracy"), _agreement
    else:
        bare, of_columns = (R_SMAPE, "mean_absolute_error"), _errors
    width = rows.truth.shape[1]
    pooled = of_columns(rows.truth, rows.said, len(rows.classes), epsilon)
    alone = [
        of_columns(rows.truth[:, [label]], rows.said[:, [label]], len(rows.classes), epsilon) for label in range(width)
    ]
    if not rows.several:
        return [f"{name}/pooled" for name in bare], pooled
    parts = ["pooled", "macro", *map(str, range(width))]
    names = [f"{name}/{part}" for part in parts for name in bare]

    def figures(counts: np.ndarray) -> np.ndarray:
        each = np.stack([of_label(counts) for of_label in alone])
        return np.concatenate([pooled(counts), each.mean(axis=0), *each], axis=1)

    return names, figures


def _ranking(truth: np.ndarray, said: np.ndarray, n_classes: int, epsilon: float) -> Figures:
    """Area under the ROC curve, ties counted half (Mann and Whitney 1947), and accuracy at a probability of 0.5."""
    n, width = truth.shape
    values, place = np.unique(said.ravel(), return_inverse=True)
    row = np.repeat(np.arange(n), width)
    shape = (n, len(values))
    positive = csr_array((truth.ravel(), (row, place.ravel())), shape=shape)
    negative = csr_array((1 - truth.ravel(), (row, place.ravel())), shape=shape)
    right = ((said > 0.5) == (truth == 1)).mean(axis=1)

    def figures(counts: np.ndarray) -> np.ndarray:
        above, below = counts @ positive, counts @ negative
        won = (above * (np.cumsum(below, axis=1) - below / 2)).sum(axis=1)
        pairs = above.sum(axis=1) * below.sum(axis=1)
        return np.stack([_ratio(won, pairs), _ratio(counts @ right, counts.sum(axis=1))], axis=1)

    return figures


def _agreement(truth: np.ndarray, said: np.ndarray, n_classes: int, epsilon: float) -> Figures:
    """Cohen's kappa with linear weights and without (Cohen 1960, 1968), and accuracy."""
    n, width = truth.shape
    row = np.repeat(np.arange(n), width)
    cell = (truth * n_classes + said).ravel()
    cells = csr_array((np.ones(n * width), (row, cell)), shape=(n, n_classes**2))
    steps = np.abs(np.subtract.outer(np.arange(n_classes), np.arange(n_classes))).astype(float)
    apart = 1 - np.eye(n_classes)

    def figures(counts: np.ndarray) -> np.ndarray:
        table = (counts @ cells).reshape(-1, n_classes, n_classes)
        total = table.sum(axis=(1, 2))
        expected = table.sum(axis=2)[:, :, None] * table.sum(axis=1)[:, None, :]
        found = []
        for weight in (steps, apart):
            by_chance = (weight * expected).sum(axis=(1, 2))
            found.append(1 - _ratio((weight * table).sum(axis=(1, 2)) * total, by_chance))
        found.append(_ratio(np.trace(table, axis1=1, axis2=2), total))
        return np.stack(found, axis=1)

    return figures


def _errors(truth: np.ndarray, said: np.ndarray, n_classes: int, epsilon: float) -> Figures:
    """1 − the mean of |t − p| / (|t| + |p| + epsilon), and the mean absolute error; unknown truths are left out."""
    known = ~np.isnan(truth)
    error = np.where(known, np.abs(truth - said), 0.0)
    scaled = error / np.where(known, np.abs(truth) + np.abs(said) + epsilon, 1.0)
    sums = np.stack([scaled.sum(axis=1), error.sum(axis=1), known.sum(axis=1)], axis=1)

    def figures(counts: np.ndarray) -> np.ndarray:
        scaled, error, rows = (counts @ sums).T
        return np.stack([1 - _ratio(scaled, rows), _ratio(error, rows)], axis=1)

    return figures


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
