"""Several labels, any number of which hold for a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ...modeling.losses import positive_weights
from ..calibration import calibrate
from .linear import logistic
from .problem import Problem
from .statistics import RowStatistic, divide, weighted_auc
from .strata import merge_rare, rarest_label

MISSING = -1
WHOLE = ("accuracy", "macro_f1", "weighted_f1", "micro_f1", "auc")


class MultiLabel(Problem):
    """Several labels; labels are (rows, labels) integers: 1 holds, 0 does not, -1 is not known.

    A label is said to hold where its logit is above 0, that is its probability above one half. Figures: precision,
    recall and F1 of each label (of its positive cases), their macro, weighted and micro F1, `auc` (mean of the labels'
    areas under the ROC curve, `auc_LABEL` each) and `accuracy` (rows with every known label right, as scikit-learn).

    >>> problem = MultiLabel(["fever", "cough"])
    >>> figures = problem.figures(np.array([[1, 0], [0, 1]]), np.array([[2.0, -1.0], [1.0, 3.0]]))
    >>> figures["per_class"]["fever"]
    {'precision': 0.5, 'recall': 1.0, 'f1': 0.6666666666666666, 'support': 1}
    """

    kind: ClassVar[str] = "multi_label"
    title: ClassVar[str] = "multi-label classification"
    problem_type: ClassVar[str] = "multi_label_classification"
    main: ClassVar[str] = "macro_f1"
    shown: ClassVar[tuple[str, ...]] = ("macro_f1", "auc")
    known: ClassVar[tuple[str, ...]] = WHOLE
    known_of_label: ClassVar[tuple[str, ...]] = ("f1", "precision", "recall")

    def describe(self, labels: np.ndarray) -> dict[str, Any]:
        """See `Problem.describe`."""
        counts = dict(zip(self.label_names, (labels == 1).sum(axis=0).tolist(), strict=True))
        return {"class_counts": counts, **missing_counts(self.label_names, (labels < 0).sum(axis=0))}

    def words(self, labels: np.ndarray) -> list[Any]:
        """See `Problem.words`."""
        return labels.tolist()

    def strata(self, labels: np.ndarray, groups: Sequence[Any] | None, least: int) -> np.ndarray:
        """Return (rows,) each row's rarest label, those with too few rows or groups taken together."""
        return merge_rare(rarest_label(labels == 1), groups, least)

    def head(self, labels: np.ndarray, weighted: bool) -> dict[str, Any]:
        """See `Problem.head`."""
        counts = (labels == 1).sum(axis=0).tolist(), (labels == 0).sum(axis=0).tolist()
        return {"class_weights": positive_weights(*counts) if weighted else None}

    def statistic(self, labels: np.ndarray, logits: np.ndarray) -> RowStatistic:
        """See `Problem.statistic`."""
        holds, known, said = labels == 1, labels >= 0, (logits > 0) & (labels >= 0)
        all_right = ((said == holds) | ~known).all(axis=1).astype(float)
        each = [f"{kind}_{name}" for kind in ("f1", "precision", "recall") for name in self.label_names]
        areas = [f"auc_{name}" for name in self.label_names]

        def measure(weights: np.ndarray) -> np.ndarray:
            right, support, predicted = (weights @ part.astype(float) for part in (holds & said, holds, said))
            f1, total = divide(2 * right, support + predicted), weights.sum(axis=1)
            area = np.stack(
                [
                    weighted_auc(logits[known[:, i], i], holds[known[:, i], i], weights[:, known[:, i]])
                    for i in range(logits.shape[1])
                ],
                axis=1,
            )
            whole = [
                divide(weights @ all_right, total),
                f1.mean(axis=1),
                divide((f1 * support).sum(axis=1), support.sum(axis=1)),
                divide(2 * right.sum(axis=1), (support + predicted).sum(axis=1)),
                area.mean(axis=1),
            ]
            parts = [np.stack(whole, axis=1), f1, divide(right, predicted), divide(right, support), area]
            return np.concatenate(parts, axis=1)

        return RowStatistic([*WHOLE, *each, *areas], len(labels), measure)

    def figures(self, labels: np.ndarray, logits: np.ndarray) -> dict[str, Any]:
        """See `Problem.figures`."""
        return nested(self.statistic(labels, logits), self.label_names, (labels == 1).sum(axis=0))

    def missed(self, label: str | None, labels: np.ndarray, logits: np.ndarray) -> dict[str, Any] | None:
        """See `Problem.missed`."""
        if label is None:
            return None
        place = self.label_names.index(label)
        holds = labels[:, place] == 1
        total, lost = int(holds.sum()), int((holds & (logits[:, place] <= 0)).sum())
        recall = (total - lost) / total if total else 0.0
        return {"label": label, "recall": recall, "missed": lost, "total": total, "predicted_as": {}}

    def calibrate(self, labels: np.ndarray, logits: np.ndarray, fold: np.ndarray) -> dict[str, Any]:
        """Return one temperature for all labels: each label of each row is a question of two answers."""
        known = labels >= 0
        scores = logits[known]
        folds = np.broadcast_to(fold[:, None], labels.shape)[known]
        return calibrate(np.stack([np.zeros_like(scores), scores], axis=1), labels[known].astype(np.int64), folds)

    def probabilities(self, logits: np.ndarray, temperature: float) -> np.ndarray:
        """See `Problem.probabilities`."""
        from scipy.special import expit

        return expit(logits / temperature)

    def prediction_columns(self, labels: np.ndarray, logits: np.ndarray, temperature: float) -> dict[str, Any]:
        """See `Problem.prediction_columns`."""
        return {
            "gold": [[None if value < 0 else value for value in row] for row in labels.tolist()],
            "logits": logits.astype(np.float32).tolist(),
            "probabilities": self.probabilities(logits, temperature).astype(np.float32).tolist(),
            "label": (logits > 0).astype(np.int64).tolist(),
        }

    def fit_linear(self, features: Any, labels: np.ndarray, settings: dict[str, Any]) -> dict[str, Any]:
        """Fit a logistic regression for each label on the rows in which it is known."""
        parts = []
        for column in labels.T:
            known = np.flatnonzero(column >= 0)
            parts.append(logistic(features[known], column[known], 2, settings, binary=True))
        return {
            "coef": np.concatenate([part["coef"] for part in parts]),
            "intercept": np.concatenate([part["intercept"] for part in parts]),
            "facts": {"converged": all(part["converged"] for part in parts)},
        }


def nested(statistic: RowStatistic, label_names: Sequence[str], support: np.ndarray) -> dict[str, Any]:
    """Return a statistic's figures in the form of `per_class_figures`: those of one label under `per_class`."""
    flat = statistic.observed()
    per_class = {
        name: {**{kind: flat.pop(f"{kind}_{name}") for kind in ("precision", "recall", "f1")}, "support": int(n)}
        for name, n in zip(label_names, support, strict=True)
    }
    return {**flat, "per_class": per_class}


def missing_counts(names: Sequence[str], counts: np.ndarray) -> dict[str, Any]:
    """Return `{missing_labels: {name: n}}` of those with labels that are not known, or nothing."""
    found = {name: int(n) for name, n in zip(names, counts, strict=True) if n}
    return {"missing_labels": found} if found else {}
