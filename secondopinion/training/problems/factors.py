"""Several questions with classes of their own, each answered with one class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ...core.errors import InputError
from ...metrics.confusion import table_figures
from ...modeling import inverse_frequency_weights
from ...modeling.losses import MISSING
from ..calibration import calibrate, softmax
from .linear import logistic
from .multi_label import missing_counts, nested
from .problem import Problem
from .statistics import RowStatistic, divide, table_kappa, weighted_tables
from .strata import merge_rare, rarest_label

WHOLE = ("accuracy", "macro_f1", "weighted_f1", "micro_f1", "linear_kappa", "unweighted_kappa")
# Below every logit that a model gives, so that a class that a factor does not have gets no probability.
NO_CLASS = -1e9


class Factors(Problem):
    """Several factors; labels are (rows, factors) class numbers within each factor, -100 where it is not known.

    Logits are the factors' classes side by side, called `FACTOR: CLASS`. Figures: precision, recall and F1 of each
    such class, their macro and weighted F1, `micro_f1` (known factors that are right), `accuracy` (rows with every
    known factor right), and the means over factors of `linear_kappa` and `unweighted_kappa`, with
    `accuracy_FACTOR` and both kappas of each.

    >>> problem = Factors(["side", "size"], [["left", "right"], ["small", "large"]])
    >>> problem.label_names
    ['side: left', 'side: right', 'size: small', 'size: large']
    """

    kind: ClassVar[str] = "factors"
    title: ClassVar[str] = "classification of several factors"
    problem_type: ClassVar[str] = "multi_label_classification"
    main: ClassVar[str] = "macro_f1"
    known: ClassVar[tuple[str, ...]] = WHOLE
    known_of_label: ClassVar[tuple[str, ...]] = ("f1", "precision", "recall")

    def __init__(self, names: Sequence[str], classes: Sequence[Sequence[str]]) -> None:
        self.names, self.classes = list(map(str, names)), [list(map(str, each)) for each in classes]
        pairs = zip(self.names, self.classes, strict=True)
        super().__init__([f"{name}: {each}" for name, own in pairs for each in own])
        self.sizes = [len(each) for each in self.classes]
        self.starts = np.cumsum([0, *self.sizes[:-1]])

    def task(self) -> dict[str, Any]:
        """See `Problem.task`."""
        return {
            **super().task(),
            "factors": [{"name": n, "classes": own} for n, own in zip(self.names, self.classes, strict=True)],
        }

    def _one_hot(self, labels: np.ndarray) -> np.ndarray:
        """Return (rows, outputs) bool: which outputs hold."""
        holds = np.zeros((len(labels), len(self.label_names)), dtype=bool)
        row, factor = np.nonzero(labels >= 0)
        holds[row, self.starts[factor] + labels[row, factor]] = True
        return holds

    def _parts(self, logits: np.ndarray) -> list[np.ndarray]:
        return np.split(logits, self.starts[1:], axis=1)

    def _said(self, logits: np.ndarray) -> np.ndarray:
        """Return (rows, factors) the predicted classes."""
        return np.stack([part.argmax(axis=1) for part in self._parts(logits)], axis=1)

    def describe(self, labels: np.ndarray) -> dict[str, Any]:
        """See `Problem.describe`."""
        counts = self._one_hot(labels).sum(axis=0).tolist()
        counts = dict(zip(self.label_names, counts, strict=True))
        return {"class_counts": counts, **missing_counts(self.names, (labels < 0).sum(axis=0))}

    def words(self, labels: np.ndarray) -> list[Any]:
        """See `Problem.words`."""
        return [
            [None if value < 0 else own[value] for own, value in zip(self.classes, row, strict=True)]
            for row in labels.tolist()
        ]

    def strata(self, labels: np.ndarray, groups: Sequence[Any] | None, least: int) -> np.ndarray:
        """Return (rows,) the rarest of each row's classes, those with too few rows or groups taken together."""
        return merge_rare(rarest_label(self._one_hot(labels)), groups, least)

    def head(self, labels: np.ndarray, weighted: bool) -> dict[str, Any]:
        """See `Problem.head`."""
        weights = None
        if weighted:
            counts = self._one_hot(labels).sum(axis=0)
            weights = []
            for part in np.split(counts, self.starts[1:]):
                weights += inverse_frequency_weights(part.tolist())
        return {"class_weights": weights, "label_groups": self.sizes}

    def targets(self, labels: np.ndarray) -> list[Any]:
        """See `Problem.targets`."""
        return np.where(labels < 0, MISSING, labels).tolist()

    def statistic(self, labels: np.ndarray, logits: np.ndarray) -> RowStatistic:
        """See `Problem.statistic`."""
        said = self._said(logits)
        all_right = ((said == labels) | (labels < 0)).all(axis=1).astype(float)
        each = [f"{kind}_{name}" for kind in ("f1", "precision", "recall") for name in self.label_names]
        own = ("accuracy", "linear_kappa", "unweighted_kappa")
        by_factor = [f"{figure}_{name}" for figure in own for name in self.names]

        def measure(weights: np.ndarray) -> np.ndarray:
            tables = [weighted_tables(labels[:, i], said[:, i], k, weights) for i, k in enumerate(self.sizes)]
            figures = [table_figures(table) for table in tables]
            f1, precision, recall = (
                np.concatenate(
                    [f[:, 4 + at * k : 4 + (at + 1) * k] for f, k in zip(figures, self.sizes, strict=True)], 1
                )
                for at in range(3)
            )
            support = np.concatenate([table.sum(axis=2) for table in tables], axis=1)
            right = np.stack([np.trace(table, axis1=1, axis2=2) for table in tables], axis=1)
            linear, unweighted = (np.stack([table_kappa(t, flag) for t in tables], axis=1) for flag in (True, False))
            whole = [
                divide(weights @ all_right, weights.sum(axis=1)),
                f1.mean(axis=1),
                divide((f1 * support).sum(axis=1), support.sum(axis=1)),
                divide(right.sum(axis=1), support.sum(axis=1)),
                linear.mean(axis=1),
                unweighted.mean(axis=1),
            ]
            accuracy = np.stack([f[:, 0] for f in figures], axis=1)
            return np.concatenate([np.stack(whole, 1), f1, precision, recall, accuracy, linear, unweighted], axis=1)

        return RowStatistic([*WHOLE, *each, *by_factor], len(labels), measure)

    def figures(self, labels: np.ndarray, logits: np.ndarray) -> dict[str, Any]:
        """See `Problem.figures`."""
        return nested(self.statistic(labels, logits), self.label_names, self._one_hot(labels).sum(axis=0))

    def missed(self, label: str | None, labels: np.ndarray, logits: np.ndarray) -> dict[str, Any] | None:
        """See `Problem.missed`."""
        if label is None:
            return None
        from ..summary import missed

        place = self.label_names.index(label)
        factor = int(np.searchsorted(self.starts, place, side="right") - 1)
        known = labels[:, factor] >= 0
        names = self.label_names[self.starts[factor] : self.starts[factor] + self.sizes[factor]]
        return missed(label, labels[known, factor], self._said(logits)[known, factor], names)

    def calibrate(self, labels: np.ndarray, logits: np.ndarray, fold: np.ndarray) -> dict[str, Any]:
        """Return one temperature for all factors: each factor of each row is a question of its own."""
        widest = max(self.sizes)
        padded = [
            np.pad(part, ((0, 0), (0, widest - part.shape[1])), constant_values=NO_CLASS)
            for part in self._parts(logits)
        ]
        known = [labels[:, i] >= 0 for i in range(len(self.sizes))]
        return calibrate(
            np.concatenate([part[rows] for part, rows in zip(padded, known, strict=True)]),
            np.concatenate([labels[rows, i] for i, rows in enumerate(known)]),
            np.concatenate([fold[rows] for rows in known]),
        )

    def probabilities(self, logits: np.ndarray, temperature: float) -> np.ndarray:
        """See `Problem.probabilities`."""
        return np.concatenate([softmax(part / temperature) for part in self._parts(logits)], axis=1)

    def prediction_columns(self, labels: np.ndarray, logits: np.ndarray, temperature: float) -> dict[str, Any]:
        """See `Problem.prediction_columns`."""
        return {
            "gold": self.words(labels),
            "logits": logits.astype(np.float32).tolist(),
            "probabilities": self.probabilities(logits, temperature).astype(np.float32).tolist(),
            "label": self.words(self._said(logits)),
        }

    def align(self, other: Problem, labels: np.ndarray, name: str) -> np.ndarray:
        """See `Problem.align`; the other data may lack classes."""
        if not isinstance(other, Factors) or other.names != self.names:
            return super().align(other, labels, name)
        unknown = sorted(set(other.label_names) - set(self.label_names))
        if unknown:
            raise InputError(f"{name} has classes that the model does not know: {', '.join(unknown)}")
        found = np.full_like(labels, MISSING)
        for i, (theirs, ours) in enumerate(zip(other.classes, self.classes, strict=True)):
            known = labels[:, i] >= 0
            found[known, i] = np.array([ours.index(each) for each in theirs])[labels[known, i]]
        return found

    def fit_linear(self, features: Any, labels: np.ndarray, settings: dict[str, Any]) -> dict[str, Any]:
        """Fit a logistic regression for each factor on the rows in which it is known."""
        parts = []
        for column, size in zip(labels.T, self.sizes, strict=True):
            known = np.flatnonzero(column >= 0)
            parts.append(logistic(features[known], column[known], size, settings))
        return {
            "coef": np.concatenate([part["coef"] for part in parts]),
            "intercept": np.concatenate([part["intercept"] for part in parts]),
            "facts": {"converged": all(part["converged"] for part in parts)},
        }
