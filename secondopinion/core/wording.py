"""Figures, differences and p-values in words, wherever a table or a card shows them."""

from __future__ import annotations

from collections.abc import Mapping

FIGURE_NAMES = {
    "accuracy": "Accuracy",
    "macro_f1": "Macro F1",
    "micro_f1": "Micro F1",
    "weighted_f1": "Weighted F1",
    "auc": "AUC",
    "linear_kappa": "Linear kappa",
    "unweighted_kappa": "Unweighted kappa",
    "mae": "Mean absolute error",
    "rmse": "Root mean squared error",
    "r2": "R²",
    "pearson": "Pearson correlation",
    "r_smape": "R-SMAPE",
}
"""Names of the figures of classes and numbers, in the order in which tables show them."""

_OF_QUESTIONS = {"exact": "Exact match", "f1": "F1"}


def figure_title(name: str) -> str:
    """Return a figure's name as the head of a row.

    >>> figure_title("f1_Death"), figure_title("macro_f1"), figure_title("category_accuracy")
    ('F1 of Death', 'Macro F1', 'Category accuracy')
    """
    if name.startswith("f1_"):
        return f"F1 of {name.removeprefix('f1_')}"
    return {**FIGURE_NAMES, **_OF_QUESTIONS}.get(name, name.replace("_", " ").capitalize())


def difference(found: Mapping[str, float]) -> str:
    """Return a difference with its interval.

    >>> difference({"difference": 0.1, "low": -0.02, "high": 0.2})
    '+0.100 [-0.020, +0.200]'
    """
    return f"{found['difference']:+.3f} [{found['low']:+.3f}, {found['high']:+.3f}]"


def p_value(value: float | None) -> str:
    """Return a p-value as a cell of a table shows it.

    >>> p_value(0.0004), p_value(0.0312), p_value(None)
    ('< 0.001', '0.031', '–')
    """
    if value is None:
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def p_phrase(value: float) -> str:
    """Return a p-value after its `p`.

    >>> p_phrase(0.0312), p_phrase(1e-9)
    ('= 0.031', '< 0.001')
    """
    shown = p_value(value)
    return shown if shown.startswith("<") else f"= {shown}"
