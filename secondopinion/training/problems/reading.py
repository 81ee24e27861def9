"""From a column of labels to the problem that it poses, and to arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...core.errors import InputError
from .factors import Factors
from .multi_label import MISSING, MultiLabel
from .problem import Problem
from .regression import EPSILON, Regression
from .single_label import SingleLabel

UNKNOWN_CLASS = -100
KNOWN = (
    "a class (text or integer), a number, a list of 0 and 1 (one for each label), a list of classes (one for each "
    "factor), or a list of numbers"
)
FIGURE_NAMES = {"r_smape_score": "r_smape"}


def main_figure(facts: Mapping[str, Any]) -> str | None:
    """Return the figure that prepared data is judged by, as `SelectionRule.metric`; None where it names none.

    >>> main_figure({"metric": {"figure": "r_smape_score"}})
    'r_smape'
    """
    figure = (facts.get("metric") or {}).get("figure")
    return FIGURE_NAMES.get(figure, figure)


def read_labels(
    values: Sequence[Any], feature: Any, facts: Mapping[str, Any], where: str
) -> tuple[Problem, np.ndarray]:
    """Return the problem that labels pose, and the labels as `TrainingData` holds them.

    Single values that are classes are one label of several, floats a regression. Lists of floats are a regression of
    several numbers, lists of 0 and 1 several labels, lists of names or of other integers factors with classes of
    their own. In a list None stands for what is not known.

    Args:
        values: (rows,) as the column holds them.
        feature: the column's type in `datasets`.
        facts: what `prepare` recorded: `label: {names, factors}` names labels and their classes, `metric` the figure.
        where: which column, for messages.

    Raises:
        InputError: they are of no kind that can be learned, lack labels, or do not fit the prepared names.
    """
    named = facts.get("label") or {}
    names, figure = named.get("names") or None, main_figure(facts)
    if any(isinstance(value, list) for value in values):
        return _several(values, feature, names, named, facts, where)
    if values and all(value is None or isinstance(value, float) for value in values):
        labels = _numbers([[value] for value in values], where)
        return Regression(names or ["value"], _epsilon(facts)), labels[:, 0]
    if hasattr(feature, "int2str"):
        class_names, labels = list(feature.names), np.asarray([-1 if value is None else value for value in values])
    else:
        if any(not isinstance(value, str | int) for value in values):
            raise InputError(f"{where} holds {feature}, expected classes (text or integers); known are {KNOWN}")
        class_names = sorted({str(value) for value in values})
        number = {label: i for i, label in enumerate(class_names)}
        labels = np.array([number[str(value)] for value in values])
    if (labels < 0).any():
        raise InputError(
            f"{where.split(': ')[0]}: {(labels < 0).sum()} rows have no label (-1); drop them, or label them"
        )
    return SingleLabel(class_names).measuring(*([figure] if figure else [])), labels


def _several(
    values: Sequence[Any],
    feature: Any,
    names: list[str] | None,
    named: Mapping[str, Any],
    facts: Mapping[str, Any],
    where: str,
) -> tuple[Problem, np.ndarray]:
    lengths = {len(value) if isinstance(value, list) else 0 for value in values}
    if len(lengths) > 1 or lengths == {0}:
        raise InputError(
            f"{where} holds lists of {min(lengths)} to {max(lengths)} labels; give each row as many, one for each "
            "label, None where it is not known"
        )
    (width,) = lengths
    if names is not None and len(names) != width:
        raise InputError(
            f"{where} holds {width} labels a row, but the prepared data names {len(names)}; prepare it again"
        )
    parts = {type(part) for value in values for part in value if part is not None}
    names = names or [f"label_{number + 1}" for number in range(width)]
    if float in parts and parts <= {int, float}:
        return Regression(names, _epsilon(facts)), _numbers(values, where)
    inner = getattr(feature, "feature", None)
    if hasattr(inner, "int2str"):
        texts = [[None if part in (None, -1) else inner.int2str(part) for part in value] for value in values]
        return _factors(texts, names, [list(inner.names)] * width, where)
    if parts and parts <= {int, bool} and not named.get("factors"):
        labels = np.array([[MISSING if part is None else int(part) for part in value] for value in values])
        if np.isin(labels, (MISSING, 0, 1)).all():
            _require_known(names, labels >= 0, where)
            return MultiLabel(names), labels
    if parts and (parts <= {str} or parts <= {int}):
        texts = [[None if part is None else str(part) for part in value] for value in values]
        return _factors(texts, names, named.get("factors") or None, where)
    raise InputError(f"{where} holds {feature}, which is no label; known are {KNOWN}")


def _factors(
    values: list[list[str | None]], names: list[str], classes: list[list[str]] | None, where: str
) -> tuple[Problem, np.ndarray]:
    columns = list(zip(*values, strict=True))
    if classes is None:
        classes = [sorted({each for each in column if each is not None}) for column in columns]
    labels = np.full((len(values), len(names)), UNKNOWN_CLASS, dtype=np.int64)
    for place, (name, own, column) in enumerate(zip(names, classes, columns, strict=True)):
        if len(own) < 2:
            raise InputError(
                f"{where}: {name} has the one class {', '.join(own)}; there is nothing to learn, leave it out"
            )
        number = {each: i for i, each in enumerate(own)}
        unknown = sum(1 for each in column if each is not None and each not in number)
        if unknown:
            raise InputError(f"{where}: {name} has in {unknown} rows a class that the prepared data does not name")
        labels[:, place] = [UNKNOWN_CLASS if each is None else number[each] for each in column]
    _require_known(names, labels >= 0, where)
    return Factors(names, classes), labels


def _numbers(values: Sequence[Sequence[Any]], where: str) -> np.ndarray:
    labels = np.array([[math.nan if part is None else part for part in value] for value in values], dtype=np.float64)
    infinite = int(np.isinf(labels).any(axis=1).sum())
    if infinite:
        raise InputError(f"{where}: {infinite} rows hold a number that is not finite; correct or drop them")
    _require_known([f"number {place + 1}" for place in range(labels.shape[1])], ~np.isnan(labels), where)
    return labels


def _require_known(names: Sequence[str], known: np.ndarray, where: str) -> None:
    """Raise unless every row and every label has something to learn from."""
    empty = int((~known.any(axis=1)).sum())
    if empty:
        raise InputError(f"{where}: {empty} rows have no label at all; drop them, or label them")
    never = [name for name, column in zip(names, known.T, strict=True) if not column.any()]
    if never:
        raise InputError(f"{where}: {', '.join(never)} is known in no row; leave it out")


def _epsilon(facts: Mapping[str, Any]) -> float:
    return float((facts.get("metric") or {}).get("epsilon", EPSILON))
