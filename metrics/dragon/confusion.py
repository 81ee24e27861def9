"""Confusion tables and the figures that follow from them, for one table or for thousands at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

WHOLE = ("accuracy", "macro_f1", "weighted_f1", "micro_f1")
PER_CLASS = ("f1", "precision", "recall")


def figure_names(names: Sequence[str]) -> list[str]:
    """Return the names of the flat figures of these classes, in the order of `table_figures`.

    >>> figure_names(["Death"])
    ['accuracy', 'macro_f1', 'weighted_f1', 'micro_f1', 'f1_Death', 'precision_Death', 'recall_Death']
    """
    return [*WHOLE, *(f"{figure}_{name}" for figure in PER_CLASS for name in names)]


def label_table(
    references: Sequence[Any],
    predictions: Sequence[Any],
    labels: Sequence[Any] | None = None,
    label_names: Sequence[str] | None = None,
) -> tuple[list[Any], list[str]]:
    """Return the values that stand for the classes, and the classes' names, in one order.

    Without `labels` and `label_names` the classes are all values that occur, sorted. With `label_names`
    alone, integers count into it and strings are taken from it.

    Raises:
        ValueError: the rows are empty, their numbers differ, or the labels repeat or do not fit together.
    """
    references, predictions = as_list(references), as_list(predictions)
    if not references and not predictions:
        raise ValueError("references and predictions are empty: there is nothing to measure")
    if len(references) != len(predictions):
        raise ValueError(f"{len(references)} references but {len(predictions)} predictions; give one of each a row")
    kinds = {type(value) for value in (*references, *predictions)}
    if not kinds <= {str, int, bool}:
        found = ", ".join(sorted(kind.__name__ for kind in kinds - {str, int, bool}))
        raise ValueError(f"labels are integers or strings, but {found} is among them; convert or drop those rows")
    if str in kinds and len(kinds) > 1:
        raise ValueError("integers and strings are mixed among the labels; use one kind")
    if labels is None and label_names is None:
        labels = sorted({*references, *predictions})
    elif labels is None:
        labels = list(label_names) if str in kinds else list(range(len(label_names)))
    labels = as_list(labels)
    names = [str(value) for value in (labels if label_names is None else label_names)]
    if len(names) != len(labels):
        raise ValueError(f"{len(labels)} labels but {len(names)} label_names; give a name for each label")
    for kind, values in (("labels", labels), ("label_names", names)):
        if len(set(values)) != len(values):
            raise ValueError(f"{kind} repeat: {values}; name each class once")
    return labels, names


def encode(values: Sequence[Any], labels: Sequence[Any], what: str = "references") -> np.ndarray:
    """Return (rows,) positions of `values` in `labels`.

    Raises:
        ValueError: a value is none of the labels.

    >>> encode(["b", "a"], ["a", "b"]).tolist()
    [1, 0]
    """
    position = {label: index for index, label in enumerate(labels)}
    values = as_list(values)
    unknown = sorted({repr(value) for value in values if value not in position})
    if unknown:
        shown = ", ".join(unknown[:5]) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
        raise ValueError(
            f"{what} hold {shown}, which is none of the labels {list(labels)}; "
            "name every class in labels= (or label_names=), or leave those rows out"
        )
    return np.fromiter((position[value] for value in values), dtype=np.int64, count=len(values))


def confusion_table(references: np.ndarray, predictions: np.ndarray, n_labels: int) -> np.ndarray:
    """Return (classes, classes) counts; rows are the true class, columns the predicted one.

    >>> confusion_table(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    return np.bincount(references * n_labels + predictions, minlength=n_labels**2).reshape(n_labels, n_labels)


def table_figures(tables: np.ndarray, zero_division: float = 0.0) -> np.ndarray:
    """Return (..., 4 + 3·classes) figures of (..., classes, classes) tables, named by `figure_names`.

    The definitions, and what stands for 0/0, are scikit-learn's (`precision_recall_fscore_support` with
    `labels=` all classes): the macro mean runs over every class, also one that a table lacks. Where each row is
    predicted as one class, micro F1 and accuracy are the same number. A further column, if there is one, counts
    rows without an answer: they lower accuracy and recall, and are no false alarm of any class.

    >>> table_figures(np.array([[1, 1], [0, 1]]))[:2].round(4).tolist()
    [0.6667, 0.6667]
    """
    tables = np.asarray(tables, dtype=np.float64)
    right = np.diagonal(tables, axis1=-2, axis2=-1)
    support, predicted = tables.sum(axis=-1), tables.sum(axis=-2)[..., : tables.shape[-2]]
    total = support.sum(axis=-1, keepdims=True)
    precision = _divide(right, predicted, zero_division)
    recall = _divide(right, support, zero_division)
    f1 = _divide(2 * right, support + predicted, zero_division)
    accuracy = _divide(right.sum(axis=-1, keepdims=True), total, zero_division)
    macro = f1.mean(axis=-1, keepdims=True)
    weighted = _divide((f1 * support).sum(axis=-1, keepdims=True), total, zero_division)
    answers = predicted.sum(axis=-1, keepdims=True)
    micro = _divide(2 * right.sum(axis=-1, keepdims=True), total + answers, zero_division)
    return np.concatenate([accuracy, macro, weighted, micro, f1, precision, recall], axis=-1)


def nested_figures(table: np.ndarray, names: Sequence[str], zero_division: float = 0.0) -> dict[str, Any]:
    """Return the figures of one table (see `table_figures`) as plain data, by class.

    >>> nested_figures(np.array([[3, 0, 1], [0, 2, 0]]), ["a", "b"])["confusion_matrix"]
    {'labels': ['a', 'b'], 'counts': [[3, 0], [0, 2]], 'unanswered': [1, 0]}
    """
    table = np.asarray(table)
    flat = dict(zip(figure_names(names), table_figures(table, zero_division).tolist(), strict=True))
    per_class = {}
    for name, support in zip(names, table.sum(axis=1).tolist(), strict=True):
        per_class[name] = {figure: flat[f"{figure}_{name}"] for figure in ("precision", "recall", "f1")}
        per_class[name]["support"] = round(support)
    matrix = {"labels": list(names), "counts": [[round(count) for count in row] for row in table.tolist()]}
    if table.shape[1] > len(names):
        matrix["unanswered"] = [row.pop() for row in matrix["counts"]]
    return {**{figure: flat[figure] for figure in WHOLE}, "per_class": per_class, "confusion_matrix": matrix}


def flatten(figures: Mapping[str, Any]) -> dict[str, float]:
    """Return the scalars of `figures` under one level of names; what is flat already comes back as it is.

    >>> death = {"f1": 0.5, "precision": 0.4, "recall": 0.7, "support": 9}
    >>> flatten({"accuracy": 1.0, "per_class": {"Death": death}})
    {'accuracy': 1.0, 'f1_Death': 0.5, 'precision_Death': 0.4, 'recall_Death': 0.7}
    """
    flat = {name: float(value) for name, value in figures.items() if isinstance(value, int | float)}
    per_class = figures.get("per_class", {})
    flat.update({f"{figure}_{name}": float(row[figure]) for figure in PER_CLASS for name, row in per_class.items()})
    return flat


def _divide(numerator: np.ndarray, denominator: np.ndarray, zero_division: float) -> np.ndarray:
    out = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), float(zero_division))
    return np.divide(numerator, denominator, out=out, where=denominator > 0)


def as_list(values: Sequence[Any]) -> list[Any]:
    """Return the values of an array, a column or any sequence as plain Python values.

    >>> as_list([np.int64(3), "a"])
    [3, 'a']
    """
    if hasattr(values, "tolist"):
        return values.tolist()
    return [value.item() if isinstance(value, np.generic) else value for value in values]
