"""Precision, recall, F1 and support of each class, their means, the confusion matrix and intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import datasets
import evaluate

from .confusion import confusion_table, encode, flatten, label_table, nested_figures
from .drawing import drawn
from .intervals import figure_intervals, paired_difference, paired_differences
from .plots import panels, plot_class_figures

__all__ = [
    "PerClassF1",
    "flatten",
    "paired_difference",
    "paired_differences",
    "per_class_figures",
    "plot_class_figures",
]

_DESCRIPTION = """\
Precision, recall, F1 and support of each class, beside accuracy, macro, weighted and micro F1 and the
confusion matrix, with bootstrap intervals on request. For single-label classification.
"""

_KWARGS_DESCRIPTION = """
Args:
    predictions (list of int or str): the predicted class of each row.
    references (list of int or str): the true class of each row.
    labels (list, optional): every class, in the order of the results. The macro mean runs over all of them,
        also over one that no row has. Default: the classes that occur, sorted.
    label_names (list of str, optional): the classes' names; without labels, 0 means the first name.
    zero_division (0.0 or 1.0): what stands for 0/0. Default 0.0.
    n_resamples (int): bootstrap resamples; 0, the default, gives no intervals.
    confidence_level (float): of the intervals. Default 0.95.
    random_state (int): seed of the resamples. Default 0.
    groups (list, optional): the group of each row, where rows depend on one another (near-duplicates); whole
        groups are then resampled.
    method (str): "BCa" (default) or "percentile".
Returns:
    accuracy, macro_f1, weighted_f1, micro_f1 (float)
    per_class: {name: {precision, recall, f1, support}}
    confusion_matrix: {labels, counts}; a row for each true class, a column for each predicted one
    intervals: {figure: [low, high]}, with n_resamples > 0; figures are named accuracy, macro_f1, f1_<name>,
        precision_<name>, recall_<name>, …
Examples:
    >>> metric = evaluate.load("metrics/per_class_f1")  # or the name of its Space
    >>> results = metric.compute(references=["flu", "flu", "cold"], predictions=["flu", "cold", "cold"])
    >>> round(results["macro_f1"], 4), results["per_class"]["cold"]["support"]
    (0.6667, 1)
    >>> results["confusion_matrix"]
    {'labels': ['cold', 'flu'], 'counts': [[1, 0], [1, 1]]}
    >>> truth, said = [0, 1, 1, 0] * 25, [0, 1, 0, 0] * 25
    >>> names = ["no", "yes"]
    >>> results = metric.compute(references=truth, predictions=said, label_names=names, n_resamples=2000)
    >>> low, high = results["intervals"]["f1_yes"]
    >>> low < results["per_class"]["yes"]["f1"] < high
    True
"""

_CITATION = """\
@book{efron1993introduction,
  title = {An Introduction to the Bootstrap},
  author = {Efron, Bradley and Tibshirani, Robert J.},
  publisher = {Chapman and Hall},
  year = {1993}
}
"""


def per_class_figures(
    references: Sequence[Any],
    predictions: Sequence[Any],
    labels: Sequence[Any] | None = None,
    label_names: Sequence[str] | None = None,
    zero_division: float = 0.0,
    n_resamples: int = 0,
    confidence_level: float = 0.95,
    random_state: int | None = 0,
    groups: Sequence[Any] | None = None,
    method: str = "BCa",
) -> dict[str, Any]:
    """Return the figures as plain data; what the module's `compute` does, without `evaluate` in between.

    Args:
        references: (rows,) true classes, integers or strings.
        predictions: (rows,) predicted classes.
        labels: the classes' values in the order of the results; the macro mean runs over all of them.
        label_names: the classes' names.
        zero_division: 0.0 or 1.0, what stands for 0/0.
        n_resamples: bootstrap resamples; 0 gives no intervals.
        confidence_level: of the intervals.
        random_state: seed.
        groups: (rows,) rows that depend on one another share a group; groups are resampled.
        method: `BCa` or `percentile`.

    Raises:
        ValueError: no rows, different numbers of rows, an unknown label, or a setting out of range.

    >>> figures = per_class_figures([0, 0, 1], [0, 1, 1], label_names=["cold", "flu"])
    >>> figures["per_class"]["cold"]
    {'precision': 1.0, 'recall': 0.5, 'f1': 0.6666666666666666, 'support': 2}
    """
    if not isinstance(zero_division, int | float) or math.isnan(zero_division) or zero_division not in (0, 1):
        raise ValueError(f"zero_division is {zero_division!r}; give 0.0 or 1.0 (a figure must be a number)")
    if n_resamples < 0:
        raise ValueError(f"n_resamples is {n_resamples}; give 0 for no intervals, 2000 say for intervals")
    values, names = label_table(references, predictions, labels, label_names)
    truth = encode(references, values, "references")
    predicted = encode(predictions, values, "predictions")
    figures = nested_figures(confusion_table(truth, predicted, len(names)), names, zero_division)
    if n_resamples:
        figures["intervals"] = figure_intervals(
            truth,
            predicted,
            names,
            n_resamples=n_resamples,
            confidence_level=confidence_level,
            random_state=random_state,
            groups=groups,
            method=method,
            zero_division=zero_division,
        )
    return figures


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION, _KWARGS_DESCRIPTION)
class PerClassF1(evaluate.Metric):
    def _info(self) -> evaluate.MetricInfo:
        kinds = (datasets.Value("string"), datasets.Value("int64"))
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_KWARGS_DESCRIPTION,
            features=[datasets.Features({"predictions": kind, "references": kind}) for kind in kinds],
            reference_urls=["https://scikit-learn.org/stable/modules/model_evaluation.html"],
        )

    def add_batch(self, *, predictions: Any = None, references: Any = None, **kwargs: Any) -> None:
        """Add rows. Checked here first: `evaluate` itself answers empty rows with an IndexError."""
        label_table(references, predictions)
        super().add_batch(predictions=predictions, references=references, **kwargs)

    def plot(self, figures: Mapping[str, Any], path: Any) -> Any:
        """Draw computed figures with their intervals to a file, or into axes."""
        return drawn(path, panels(figures))

    def _compute(self, predictions: Sequence, references: Sequence, **settings: Any) -> dict[str, Any]:
        return per_class_figures(references, predictions, **settings)
