"""One class of several for each text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ...modeling import inverse_frequency_weights
from ..calibration import calibrate, softmax
from ..figures import class_figures
from ..selection import SelectionRule
from ..summary import lift, missed, out_of_fold
from .problem import Problem
from .statistics import RowStatistic, paired_lift, table_kappa, weighted_auc, weighted_tables

# Measured where a recipe or the prepared data asks for them, beside the figures that every classifier has.
FURTHER = ("auc", "linear_kappa", "unweighted_kappa")


class SingleLabel(Problem):
    """One class of several; labels are (rows,) class numbers.

    Further figures, where asked for: `auc` (of two classes; of more the mean of each class against the rest),
    `linear_kappa` and `unweighted_kappa` (Cohen's, with the order of the classes and without).

    >>> problem = SingleLabel(["no", "yes"]).measuring("auc")
    >>> problem.figures(np.array([0, 1, 1]), np.array([[1.0, 0], [0.2, 0], [0, 1]]))["auc"]
    1.0
    """

    kind: ClassVar[str] = "single_label"
    title: ClassVar[str] = "single-label classification"
    problem_type: ClassVar[str] = "single_label_classification"
    main: ClassVar[str] = "macro_f1"
    known: ClassVar[tuple[str, ...]] = ("accuracy", "macro_f1", "weighted_f1", "micro_f1", *FURTHER)
    known_of_label: ClassVar[tuple[str, ...]] = ("f1", "precision", "recall")

    def __init__(self, label_names: Sequence[str], further: Sequence[str] = ()) -> None:
        super().__init__(label_names)
        self.further = tuple(name for name in FURTHER if name in further)

    def task(self) -> dict[str, Any]:
        """See `Problem.task`."""
        return {"problem_type": self.problem_type, "label_names": self.label_names}

    def describe(self, labels: np.ndarray) -> dict[str, Any]:
        """See `Problem.describe`."""
        counts = np.bincount(labels, minlength=len(self.label_names))
        return {"class_counts": {name: int(n) for name, n in zip(self.label_names, counts, strict=True)}}

    def words(self, labels: np.ndarray) -> list[Any]:
        """See `Problem.words`."""
        return np.asarray(self.label_names)[labels].tolist()

    def strata(self, labels: np.ndarray, groups: Sequence[Any] | None, least: int) -> np.ndarray:
        """Return (rows,) the names of the classes; a class that is too rare is for `make_folds` to name."""
        return np.asarray(self.label_names)[labels]

    def inner_strata(self, labels: np.ndarray, groups: Sequence[Any] | None, share: float) -> np.ndarray:
        """See `Problem.inner_strata`."""
        return labels

    def head(self, labels: np.ndarray, weighted: bool) -> dict[str, Any]:
        """See `Problem.head`."""
        counts = np.bincount(labels, minlength=len(self.label_names)).tolist()
        return {"class_weights": inverse_frequency_weights(counts) if weighted else None}

    def measuring(self, *metrics: str) -> SingleLabel:
        """See `Problem.measuring`."""
        return SingleLabel(self.label_names, (*self.further, *metrics))

    def statistic(self, labels: np.ndarray, logits: np.ndarray) -> RowStatistic:
        """Return the further figures; those of every classifier come from their confusion table."""
        said, k = logits.argmax(axis=1), len(self.label_names)
        probabilities = softmax(logits)

        def measure(weights: np.ndarray) -> np.ndarray:
            columns = []
            tables = weighted_tables(labels, said, k, weights) if set(self.further) - {"auc"} else None
            for name in self.further:
                if name == "auc":
                    classes = [1] if k == 2 else range(k)
                    areas = [weighted_auc(probabilities[:, c], labels == c, weights) for c in classes]
                    columns.append(np.mean(areas, axis=0))
                else:
                    columns.append(table_kappa(tables, linear=name == "linear_kappa"))
            return np.stack(columns, axis=1)

        return RowStatistic(list(self.further), len(labels), measure)

    def figures(self, labels: np.ndarray, logits: np.ndarray) -> dict[str, Any]:
        """See `Problem.figures`."""
        figures = class_figures(labels, logits.argmax(axis=1), self.label_names)
        return {**figures, **self.statistic(labels, logits).observed()} if self.further else figures

    def out_of_fold(
        self, labels: np.ndarray, logits: np.ndarray, groups: np.ndarray | None, n_resamples: int = 2000
    ) -> dict[str, Any]:
        """See `Problem.out_of_fold`."""
        figures = out_of_fold(labels, logits.argmax(axis=1), self.label_names, groups, n_resamples)
        if self.further:
            statistic = self.statistic(labels, logits)
            figures |= statistic.observed()
            if n_resamples:
                figures["intervals"] |= statistic.intervals(groups, n_resamples)
        return figures

    def lift(
        self,
        labels: np.ndarray,
        logits: np.ndarray,
        baseline_logits: np.ndarray,
        groups: np.ndarray | None,
        n_resamples: int = 2000,
    ) -> dict[str, dict[str, float]]:
        """See `Problem.lift`."""
        said = [scores.argmax(axis=1) for scores in (logits, baseline_logits)]
        found = lift(labels, *said, self.label_names, groups=groups, n_resamples=n_resamples)
        if self.further:
            ours, theirs = self.statistic(labels, logits), self.statistic(labels, baseline_logits)
            found |= paired_lift(ours, theirs, groups, n_resamples)
        return found

    def missed(self, label: str | None, labels: np.ndarray, logits: np.ndarray) -> dict[str, Any] | None:
        """See `Problem.missed`."""
        return None if label is None else missed(label, labels, logits.argmax(axis=1), self.label_names)

    def calibrate(self, labels: np.ndarray, logits: np.ndarray, fold: np.ndarray) -> dict[str, Any]:
        """See `Problem.calibrate`."""
        return calibrate(logits, labels, fold)

    def probabilities(self, logits: np.ndarray, temperature: float) -> np.ndarray:
        """See `Problem.probabilities`."""
        return softmax(logits / temperature)

    def prediction_columns(self, labels: np.ndarray, logits: np.ndarray, temperature: float) -> dict[str, Any]:
        """See `Problem.prediction_columns`."""
        names = np.asarray(self.label_names)
        return {
            "gold": names[labels].tolist(),
            "logits": logits.astype(np.float32).tolist(),
            "probabilities": self.probabilities(logits, temperature).astype(np.float32).tolist(),
            "label": names[logits.argmax(axis=1)].tolist(),
        }

    def fit_linear(self, features: Any, labels: np.ndarray, settings: dict[str, Any]) -> dict[str, Any]:
        """See `Problem.fit_linear`."""
        raise NotImplementedError("a single label's baseline is TfidfClassifier itself")

    def align(self, other: Problem, labels: np.ndarray, name: str) -> np.ndarray:
        """See `Problem.align`."""
        from ...core.errors import InputError

        if not isinstance(other, SingleLabel):
            return super().align(other, labels, name)
        unknown = sorted(set(other.label_names) - set(self.label_names))
        if unknown:
            raise InputError(
                f"{name} has classes that the model does not know: {', '.join(unknown)}; "
                f"it knows {', '.join(self.label_names)}"
            )
        return np.array([self.label_names.index(each) for each in other.label_names])[labels]

    def settle(self, rule: SelectionRule, where: str, main: str | None = None) -> SelectionRule:
        """Return a rule, checked; unlike in other problems its label stands beside a figure of all classes too."""
        if rule.metric in (*self.known, *self.known_of_label):
            rule.require(self.label_names)
            return rule
        return super().settle(rule, where, main)
