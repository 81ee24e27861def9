"""Linear models over sparse features: one output at a time, so that labels may be missing in some rows."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np


def logistic(
    features: Any, labels: np.ndarray, n_classes: int, settings: dict[str, Any], *, binary: bool = False
) -> dict[str, Any]:
    """Fit a logistic regression, also where a class has no row.

    Args:
        features: (rows, terms) sparse.
        labels: (rows,) class numbers.
        n_classes: number of classes, those without a row included.
        settings: `regularization`, `class_weights` and `max_iter`.
        binary: whether one output, the logit of class 1, is wanted instead of one for each class.

    Returns:
        `{coef (outputs, terms), intercept (outputs,), converged}`.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    outputs = 1 if binary else n_classes
    coef = np.zeros((outputs, features.shape[1]))
    present = np.unique(labels)
    if len(present) < 2:
        # Nothing to tell apart: as sure as so many rows of one kind allow (Laplace's rule of succession).
        sure = np.log(len(labels) + 1.0)
        values = (
            [sure if 1 in present else -sure] if binary else np.where(np.isin(range(n_classes), present), sure, 0.0)
        )
        return {
            "coef": coef,
            "intercept": np.array(values, dtype=float) if len(labels) else np.zeros(outputs),
            "converged": True,
        }
    model = LogisticRegression(
        C=settings["regularization"],
        class_weight="balanced" if settings["class_weights"] == "inverse_frequency" else None,
        max_iter=settings["max_iter"],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(features, labels)
    converged = int(model.n_iter_.max()) < settings["max_iter"]
    if binary:
        return {"coef": model.coef_, "intercept": model.intercept_, "converged": converged}
    intercept = np.full(n_classes, -np.log(len(labels) + 1.0))
    if len(present) == 2:
        coef[present[1]], intercept[present] = model.coef_[0], [0.0, model.intercept_[0]]
    else:
        coef[present], intercept[present] = model.coef_, model.intercept_
    return {"coef": coef, "intercept": intercept, "converged": converged}


def ridge(features: Any, targets: np.ndarray, settings: dict[str, Any]) -> tuple[np.ndarray, float]:
    """Fit a ridge regression whose penalty is 1 / `regularization`: ((terms,) weights, intercept)."""
    from sklearn.linear_model import Ridge

    if not len(targets):
        return np.zeros(features.shape[1]), 0.0
    # sparse_cg has no random part; the mean is taken off first, because it fits no intercept as exactly as this.
    model = Ridge(alpha=1.0 / settings["regularization"], solver="lsqr", tol=1e-6)
    model.fit(features, targets)
    return np.asarray(model.coef_, dtype=np.float64).ravel(), float(np.ravel(model.intercept_)[0])
