"""One number, or several, for each text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from .linear import ridge
from .multi_label import missing_counts
from .problem import Problem
from .statistics import RowStatistic, divide
from .strata import quantile_bins

FIGURES = ("mae", "rmse", "r2", "pearson", "r_smape")
EPSILON = 4.0
HISTOGRAM_BINS = 40


class Regression(Problem):
    """One or several numbers; labels are (rows,) or (rows, targets) floats, NaN where not known.

    Figures, each the mean over targets where there are several, `FIGURE_TARGET` of each: `mae` and `rmse` in the
    target's unit, `r2`, `pearson`, and `r_smape`, the benchmark DRAGON's 1 − mean(|y − ŷ| / (|y| + |ŷ| + ε)).

    Args:
        label_names: (targets,).
        epsilon: ε of `r_smape`, in the targets' unit.

    >>> figures = Regression(["size"]).figures(np.array([1.0, 3.0]), np.array([[1.0], [4.0]]))
    >>> figures["mae"], round(figures["r_smape"], 4)
    (0.5, 0.9545)
    """

    kind: ClassVar[str] = "regression"
    title: ClassVar[str] = "regression"
    problem_type: ClassVar[str] = "regression"
    main: ClassVar[str] = "mae"
    shown: ClassVar[tuple[str, ...]] = ("mae", "r2")
    known: ClassVar[tuple[str, ...]] = FIGURES

    def __init__(self, label_names: Sequence[str], epsilon: float = EPSILON) -> None:
        super().__init__(label_names)
        self.epsilon = float(epsilon)

    def task(self) -> dict[str, Any]:
        """See `Problem.task`."""
        return {**super().task(), "epsilon": self.epsilon}

    def _columns(self, labels: np.ndarray) -> np.ndarray:
        """Return (rows, targets) float64."""
        return np.asarray(labels, dtype=np.float64).reshape(len(labels), -1)

    def describe(self, labels: np.ndarray) -> dict[str, Any]:
        """See `Problem.describe`."""
        columns = self._columns(labels)
        targets = {}
        for name, values in zip(self.label_names, columns.T, strict=True):
            known = values[~np.isnan(values)]
            shown = {
                "rows": len(known),
                "mean": known.mean(),
                "std": known.std(),
                "min": known.min(),
                "max": known.max(),
            }
            targets[name] = {key: int(n) if key == "rows" else float(n) for key, n in shown.items()}
        return {"targets": targets, **missing_counts(self.label_names, np.isnan(columns).sum(axis=0))}

    def words(self, labels: np.ndarray) -> list[Any]:
        """See `Problem.words`."""
        return [[None if np.isnan(value) else value for value in row] for row in self._columns(labels).tolist()]

    def strata(self, labels: np.ndarray, groups: Sequence[Any] | None, least: int) -> np.ndarray:
        """Return (rows,) quantile bins of the target; of several, of the mean of the standardised targets."""
        mean, std = self._scale(labels)
        known = (self._columns(labels) - mean) / std
        counts = (~np.isnan(known)).sum(axis=1)
        return quantile_bins(divide(np.nansum(known, axis=1), counts), groups, least)

    def _scale(self, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (targets,) means and standard deviations; 0 and 1 where nothing is known or nothing varies."""
        columns = self._columns(labels)
        known = ~np.isnan(columns)
        counts = known.sum(axis=0)
        mean = divide(np.nansum(columns, axis=0), counts)
        std = np.sqrt(divide(np.nansum((columns - mean) ** 2, axis=0), counts))
        return mean, np.where(std > 0, std, 1.0)

    def head(self, labels: np.ndarray, weighted: bool) -> dict[str, Any]:
        """Return the scale of the training rows' targets; weights of classes mean nothing here."""
        mean, std = self._scale(labels)
        return {"target_mean": mean.tolist(), "target_std": std.tolist()}

    def statistic(self, labels: np.ndarray, logits: np.ndarray) -> RowStatistic:
        """See `Problem.statistic`."""
        truth = self._columns(labels)
        known = ~np.isnan(truth)
        names = list(FIGURES)
        if len(self.label_names) > 1:
            names += [f"{figure}_{name}" for figure in FIGURES for name in self.label_names]

        def measure(weights: np.ndarray) -> np.ndarray:
            targets = range(truth.shape[1])
            found = [
                self._measure(truth[known[:, i], i], logits[known[:, i], i], weights[:, known[:, i]]) for i in targets
            ]
            each = np.stack(found, axis=2)
            whole = each.mean(axis=2)
            return np.concatenate([whole, each.reshape(len(weights), -1)], axis=1) if len(targets) > 1 else whole

        return RowStatistic(names, len(labels), measure)

    def _measure(self, truth: np.ndarray, said: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return (draws, figures) of one target; 0 stands for r2 and pearson where nothing varies."""
        total = weights.sum(axis=1)
        error = truth - said
        relative = np.abs(error) / (np.abs(truth) + np.abs(said) + self.epsilon)
        y, p = (values - values.mean() if len(values) else values for values in (truth, said))

        def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
            means = divide(weights @ a, total) * divide(weights @ b, total)
            return divide(weights @ (a * b), total) - means

        # What rounding leaves of a variance that is zero is no variance.
        floor = 1e-12 * max(float(np.square(y).max(initial=0.0)), np.finfo(float).tiny)
        own = np.maximum(product(y, y), 0.0)
        own = np.where(own > floor, own, 0.0)
        theirs = np.maximum(product(p, p), 0.0)
        squared = divide(weights @ error**2, total)
        figures = [
            divide(weights @ np.abs(error), total),
            np.sqrt(squared),
            np.where(own > 0, 1 - divide(squared, own), 0.0),
            divide(product(y, p), np.sqrt(own * theirs)),
            1 - divide(weights @ relative, total),
        ]
        return np.stack(figures, axis=1)

    def figures(self, labels: np.ndarray, logits: np.ndarray) -> dict[str, Any]:
        """See `Problem.figures`."""
        return self.statistic(labels, logits).observed()

    def out_of_fold(
        self, labels: np.ndarray, logits: np.ndarray, groups: np.ndarray | None, n_resamples: int = 2000
    ) -> dict[str, Any]:
        """Return the figures, their intervals, and for a plot a histogram of predicted against true values."""
        found = super().out_of_fold(labels, logits, groups, n_resamples)
        columns = self._columns(labels)
        pairs = zip(self.label_names, columns.T, logits.T, strict=True)
        return {**found, "histograms": {name: _histogram(truth, said) for name, truth, said in pairs}}

    def calibrate(self, labels: np.ndarray, logits: np.ndarray, fold: np.ndarray) -> None:
        """Return None: a number has no probability."""

    def probabilities(self, logits: np.ndarray, temperature: float) -> None:
        """Return None: a number has no probability."""

    def prediction_columns(self, labels: np.ndarray, logits: np.ndarray, temperature: float) -> dict[str, Any]:
        """See `Problem.prediction_columns`."""
        gold, said = self.words(labels), logits.astype(np.float32).tolist()
        alone = len(self.label_names) == 1
        return {
            "gold": [row[0] for row in gold] if alone else gold,
            "logits": said,
            "label": [row[0] for row in said] if alone else said,
        }

    def align(self, other: Problem, labels: np.ndarray, name: str) -> np.ndarray:
        """See `Problem.align`; a single number may be called otherwise."""
        if isinstance(other, Regression) and len(other.label_names) == len(self.label_names) == 1:
            return labels
        return super().align(other, labels, name)

    def fit_linear(self, features: Any, labels: np.ndarray, settings: dict[str, Any]) -> dict[str, Any]:
        """Fit a ridge regression for each target on the rows in which it is known."""
        parts = []
        for column in self._columns(labels).T:
            known = np.flatnonzero(~np.isnan(column))
            parts.append(ridge(features[known], column[known], settings))
        return {
            "coef": np.stack([coef for coef, _ in parts]),
            "intercept": np.array([intercept for _, intercept in parts]),
            "facts": {},
        }


def _histogram(truth: np.ndarray, said: np.ndarray) -> dict[str, Any]:
    """Return `{edges (bins + 1,), counts (bins, bins)}`, true values by row; what a plot needs without any row."""
    known = ~np.isnan(truth)
    truth, said = truth[known], said[known]
    low, high = float(min(truth.min(), said.min())), float(max(truth.max(), said.max()))
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, HISTOGRAM_BINS + 1)
    counts, _, _ = np.histogram2d(truth, said, bins=[edges, edges])
    return {"edges": edges.tolist(), "counts": counts.astype(int).tolist()}
