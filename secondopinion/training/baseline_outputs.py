"""Phase 1 for other problems than one class a text: the same TF-IDF terms under a linear model for each output.

A saved model loads like `TfidfClassifier`'s; `model.predict(texts)` gives (texts, outputs) logits of labels, whose
probability is `scipy.special.expit(logits / temperature)`, logits of factors' classes side by side, or the numbers
of a regression.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.progress import say
from .baseline import TfidfClassifier
from .problems import Problem


class TfidfOutputs(TfidfClassifier):
    """TF-IDF, then a logistic regression for each label or factor, or a ridge regression for each number.

    Args:
        problem: several labels, factors, or a regression.
        **settings: of `TfidfClassifier`.

    >>> import numpy as np
    >>> from secondopinion.training.problems.regression import Regression
    >>> texts = ["a small lesion", "a large lesion"] * 5
    >>> model = TfidfOutputs(Regression(["size"]), min_df=2).fit(texts, np.array([1.0, 3.0] * 5))
    >>> bool(model.logits(["large"])[0, 0] > 2)
    True
    """

    def __init__(self, problem: Problem, **settings: Any) -> None:
        self.problem = problem
        super().__init__(problem.label_names, **settings)

    def fit(self, texts: Sequence[str], labels: np.ndarray, groups: Sequence[Any] | None = None) -> TfidfOutputs:
        """Learn terms and weights; labels as `TrainingData.labels` holds them.

        Raises:
            InputError: the rows do not fit together, or no term is common enough.
        """
        from sklearn.linear_model import LinearRegression

        if len(texts) != len(labels) or (groups is not None and len(groups) != len(labels)):
            size = "" if groups is None else f", {len(groups)} groups"
            raise InputError(f"{len(texts)} texts, {len(labels)} labels{size}; every row needs each")
        steps, features = self._features(texts, groups)
        found = self.problem.fit_linear(features, labels, self.settings)
        if not found["facts"].get("converged", True):
            say("logistic regression stopped without converging for a label; raise max_iter")
        head = LinearRegression()
        head.coef_, head.intercept_, head.n_features_in_ = found["coef"], found["intercept"], features.shape[1]
        return self._keep(steps, head, features, found["facts"])

    def logits(self, texts: Sequence[str]) -> np.ndarray:
        """Return (rows, outputs) float64 scores, no temperature applied."""
        if self.pipeline is None:
            raise InputError("the model is not fitted; call fit(texts, labels), or load a saved one")
        if not len(texts):
            return np.zeros((0, len(self.label_names)))
        return np.asarray(self.pipeline.predict(texts), dtype=np.float64).reshape(len(texts), -1)

    def predict_proba(self, texts: Sequence[str]) -> np.ndarray:
        """Return (rows, outputs) probabilities, temperature applied.

        Raises:
            InputError: the outputs are numbers.
        """
        found = self.problem.probabilities(self.logits(texts), self.temperature)
        if found is None:
            raise InputError("a regression gives numbers, which have no probability; call logits(texts)")
        return found

    def _config(self) -> dict[str, Any]:
        return {"task": self.problem.task()}

    def _outputs(self) -> int:
        return len(self.pipeline.named_steps["classifier"].coef_)

    def _check_names(self) -> None:
        """Leave the names to the problem, which may have one."""
