"""What came in: references and predictions of one task, checked, as arrays; and the benchmark's files."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .confusion import as_list

BINARY = "single_label_binary_classification"
MULTI_CLASS = "single_label_multi_class_classification"
MULTI_LABEL_BINARY = "multi_label_binary_classification"
MULTI_LABEL_MULTI_CLASS = "multi_label_multi_class_classification"
REGRESSION = "single_label_regression"
MULTI_LABEL_REGRESSION = "multi_label_regression"
TASK_TYPES = (BINARY, MULTI_CLASS, MULTI_LABEL_BINARY, MULTI_LABEL_MULTI_CLASS, REGRESSION, MULTI_LABEL_REGRESSION)
TARGET = "_target"


@dataclass(frozen=True, eq=False)
class Rows:
    """One system's answers to a task.

    Attributes:
        task_type: one of `TASK_TYPES`.
        truth: (rows, labels) 0 or 1, positions in `classes`, or numbers; NaN for a number that is not known.
        said: (rows, labels) probabilities, positions in `classes`, or numbers.
        classes: of a task with classes, in order.
        names: of the labels.
    """

    task_type: str
    truth: np.ndarray
    said: np.ndarray
    classes: list[str]
    names: list[str]

    @property
    def several(self) -> bool:
        """Whether each row has several labels."""
        return self.task_type.startswith("multi_label")


def check_task_type(task_type: Any) -> str:
    """Return a type of task, without the `_target` of the benchmark's field names.

    Raises:
        ValueError: there is no such type.

    >>> check_task_type("single_label_regression_target")
    'single_label_regression'
    """
    name = str(task_type).removesuffix(TARGET)
    if name not in TASK_TYPES:
        close = difflib.get_close_matches(name, TASK_TYPES, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(TASK_TYPES)}"
        raise ValueError(f"unknown task_type {task_type!r}; {hint}")
    return name


def read_rows(
    predictions: Sequence[Any],
    references: Sequence[Any],
    task_type: str,
    labels: Sequence[Any] | None = None,
    label_names: Sequence[str] | None = None,
) -> Rows:
    """Return checked rows.

    Args:
        predictions: (rows,) probabilities of true, classes, numbers, or lists of these.
        references: (rows,) true/false, classes, numbers (None or NaN where not known), or lists of these.
        task_type: one of `TASK_TYPES`.
        labels: every class, in order; by default those that occur, by number where all are numbers, else as text.
        label_names: names of several labels.

    Raises:
        ValueError: no rows, numbers of rows or labels differ, or a value is none; says where, never shows a text.

    >>> read_rows(["10", "9"], ["9", "9"], "single_label_multi_class_classification").classes
    ['9', '10']
    """
    task_type = check_task_type(task_type)
    predictions, references = as_list(predictions), as_list(references)
    if not predictions and not references:
        raise ValueError("references and predictions are empty: there is nothing to measure")
    if len(predictions) != len(references):
        raise ValueError(f"{len(references)} references but {len(predictions)} predictions; give one of each a row")
    several = task_type.startswith("multi_label")
    width = _width(references, several)
    true = _table(references, "references", several, width)
    said = _table(predictions, "predictions", several, width)
    names = [str(name) for name in label_names or ()] or [f"label_{number + 1}" for number in range(width)]
    if len(names) != width or len(set(names)) != width:
        raise ValueError(f"label_names are {names} for {width} labels; name each once")
    if "class" in task_type and "binary" not in task_type:
        return _class_rows(task_type, true, said, labels, names)
    if labels is not None:
        raise ValueError(f"labels are classes, and {task_type} has none; leave them out")
    if "binary" in task_type:
        truth = _each(true, _truth, "references", several)
        return Rows(task_type, truth, _each(said, _probability, "predictions", several), [], names)
    truth = _each(true, _known_number, "references", several)
    if np.isnan(truth).all():
        raise ValueError("no reference holds a number: there is nothing to measure")
    return Rows(task_type, truth, _each(said, _number, "predictions", several), [], names)


def in_order(classes: set[str]) -> list[str]:
    """Return class names sorted: as numbers where all are, as the benchmark reads them; else as text.

    >>> in_order({"10", "9"}), in_order({"b", "10", "9"})
    (['9', '10'], ['10', '9', 'b'])
    """
    try:
        numbers = {name: float(name) for name in classes}
    except ValueError:
        return sorted(classes)
    if not all(map(math.isfinite, numbers.values())):
        return sorted(classes)
    return sorted(classes, key=lambda name: (numbers[name], name))


def read_files(
    references: Sequence[Mapping[str, Any]], predictions: Sequence[Mapping[str, Any]]
) -> tuple[str, list[Any], list[Any]]:
    """Return task_type, predictions and references of the benchmark's files, matched by `uid`.

    Args:
        references: cases with `uid` and one `*_target` field.
        predictions: what is in `nlp-predictions-dataset.json`.

    Raises:
        ValueError: a uid is missing, repeats or has no partner, or the fields do not fit.

    >>> read_files([{"uid": 1, "single_label_regression_target": 3}], [{"uid": "1", "single_label_regression": 2.5}])
    ('single_label_regression', [2.5], [3])
    """
    true, said = _by_uid(references, "references"), _by_uid(predictions, "predictions")
    targets = sorted({key for row in true.values() for key in row if str(key).endswith(TARGET)})
    if len(targets) != 1:
        raise ValueError(f"references have {len(targets)} fields that end in {TARGET!r}; each case needs the one label")
    task_type = check_task_type(targets[0])
    missing, surplus = [uid for uid in true if uid not in said], [uid for uid in said if uid not in true]
    if missing or surplus:
        first = (missing or surplus)[0]
        raise ValueError(
            f"{len(missing)} references have no prediction, {len(surplus)} predictions no reference (first: "
            f"{first!r}); give one row for each uid on both sides"
        )
    for name, rows, field in (("references", true, targets[0]), ("predictions", said, task_type)):
        if lacking := [uid for uid, row in rows.items() if field not in row]:
            raise ValueError(f"{len(lacking)} {name} have no {field!r} (first: {lacking[0]!r})")
    return task_type, [said[uid][task_type] for uid in true], [true[uid][targets[0]] for uid in true]


def _by_uid(rows: Sequence[Mapping[str, Any]], name: str) -> dict[str, Mapping[str, Any]]:
    if isinstance(rows, Mapping | str) or not hasattr(rows, "__iter__"):
        raise ValueError(f'{name} is a {type(rows).__name__}; give a list of objects such as {{"uid": "case1", ...}}')
    found: dict[str, Mapping[str, Any]] = {}
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping) or row.get("uid") is None:
            raise ValueError(f'{name}[{number}] has no uid; give an object such as {{"uid": "case1", ...}}')
        uid = str(row["uid"])
        if uid in found:
            raise ValueError(f"{name}[{number}] has the uid {uid!r} of another row; give each its own")
        found[uid] = row
    return found


def _width(references: list[Any], several: bool) -> int:
    if not several:
        return 1
    first = references[0]
    if isinstance(first, str) or not hasattr(first, "__len__") or len(first) == 0:
        raise ValueError(f"references[0] is a {type(first).__name__} without labels; give a list with one for each")
    return len(first)


def _table(values: list[Any], name: str, several: bool, width: int) -> list[list[Any]]:
    if not several:
        return [[value] for value in values]
    rows = []
    for number, value in enumerate(values):
        if isinstance(value, str) or not hasattr(value, "__len__"):
            raise ValueError(f"{name}[{number}] is a {type(value).__name__}; give a list of {width} labels")
        if len(value) != width:
            raise ValueError(f"{name}[{number}] has {len(value)} labels, the first reference has {width}")
        rows.append(as_list(value))
    return rows


def _class_rows(
    task_type: str, true: list[list[Any]], said: list[list[Any]], labels: Sequence[Any] | None, names: list[str]
) -> Rows:
    several = len(names) > 1
    true = [[_class(v, _at("references", i, j, several)) for j, v in enumerate(row)] for i, row in enumerate(true)]
    said = [[_class(v, _at("predictions", i, j, several)) for j, v in enumerate(row)] for i, row in enumerate(said)]
    occurring = {value for row in (*true, *said) for value in row}
    classes = in_order(occurring) if labels is None else [str(label) for label in as_list(labels)]
    if len(set(classes)) != len(classes):
        raise ValueError("labels repeat; name each class once")
    position = {name: number for number, name in enumerate(classes)}
    if unknown := occurring - position.keys():
        shown = [repr(name) if len(name) <= 20 else f"of {len(name)} characters" for name in sorted(unknown)]
        raise ValueError(f"the class {shown[0]} is none of the labels {classes}; name every class in labels=")
    table = [np.array([[position[value] for value in row] for row in rows], dtype=np.int64) for rows in (true, said)]
    return Rows(task_type, table[0], table[1], classes, names)


def _each(table: list[list[Any]], read: Any, name: str, several: bool) -> np.ndarray:
    return np.array(
        [[read(value, _at(name, i, j, several)) for j, value in enumerate(row)] for i, row in enumerate(table)],
        dtype=np.float64,
    )


def _at(name: str, row: int, label: int, several: bool) -> str:
    return f"{name}[{row}][{label}]" if several else f"{name}[{row}]"


def _truth(value: Any, place: str) -> float:
    if isinstance(value, bool | int | float) and value in (0, 1):
        return float(value)
    raise ValueError(f"{place} is a {type(value).__name__} that is not true or false; give True or False")


def _probability(value: Any, place: str) -> float:
    if isinstance(value, bool | int | float) and 0 <= value <= 1:
        return float(value)
    shown = value if isinstance(value, int | float) else f"a {type(value).__name__}"
    raise ValueError(f"{place} is {shown}; give the probability of true, from 0 to 1")


def _class(value: Any, place: str) -> str:
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"{place} is a {type(value).__name__}; give the name of a class")


def _number(value: Any, place: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise ValueError(f"{place} is no finite number; give one")


def _known_number(value: Any, place: str) -> float:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return math.nan
    return _number(value, place)
