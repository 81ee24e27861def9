"""Labels of every kind that is classification or regression: checked, numbered, as columns of a data set."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import datasets

from secondopinion.core.dragon_form import (
    BINARY,
    KINDS,
    MULTI_CLASS,
    MULTI_LABEL_BINARY,
    MULTI_LABEL_MULTI_CLASS,
    MULTI_LABEL_REGRESSION,
    REGRESSION,
    json_kind,
)
from secondopinion.core.errors import InputError

BINARY_NAMES = ("false", "true")
_EXAMPLES = {
    BINARY: "true or false",
    MULTI_CLASS: "text, the class's name",
    MULTI_LABEL_BINARY: "a list of true and false",
    MULTI_LABEL_MULTI_CLASS: "a list of texts, a class's name for each factor",
    REGRESSION: "a number",
    MULTI_LABEL_REGRESSION: "a list of numbers",
}


@dataclass(frozen=True)
class LabelColumn:
    """What labels of one kind are, in one task.

    Attributes:
        kind: one of the benchmark's names of kinds.
        names: classes of a single label, in the order of their numbers, or the labels of several; empty for a number.
        factors: of multi-label multi-class, the classes of each factor.
        names_given: whether somebody named the labels; else they are called label_1, label_2, ...
    """

    kind: str
    names: list[str] = field(default_factory=list)
    factors: list[list[str]] = field(default_factory=list)
    names_given: bool = False

    @property
    def feature(self) -> Any:
        """The column's type in `datasets`."""
        if self.kind in (BINARY, MULTI_CLASS):
            return datasets.ClassLabel(names=list(self.names))
        if self.kind == MULTI_LABEL_BINARY:
            return datasets.List(datasets.Value("int64"))
        if self.kind == MULTI_LABEL_MULTI_CLASS:
            return datasets.List(datasets.Value("string"))
        return datasets.Value("float64") if self.kind == REGRESSION else datasets.List(datasets.Value("float64"))

    def encode(self, value: Any, place: str) -> Any:
        """Return a checked label as the column holds it.

        Raises:
            InputError: it is of a class that no training case has; names the place.
        """
        if self.kind == BINARY:
            return int(value)
        if self.kind == MULTI_CLASS:
            return self.names.index(_known(value, self.names, place, "the task"))
        if self.kind == MULTI_LABEL_BINARY:
            return [int(each) for each in value]
        if self.kind == MULTI_LABEL_MULTI_CLASS:
            for number, (each, classes) in enumerate(zip(value, self.factors, strict=True)):
                _known(each, classes, f"{place}[{number}]", f"factor {self.names[number]!r}")
            return list(value)
        return value

    def counts(self, encoded: Sequence[Any]) -> dict[str, int]:
        """Return how many encoded labels are of each class, or positive; of numbers nothing."""
        if self.kind in (BINARY, MULTI_CLASS):
            found = Counter(encoded)
            return {name: found[number] for number, name in enumerate(self.names)}
        if self.kind == MULTI_LABEL_BINARY:
            return {name: sum(row[number] for row in encoded) for number, name in enumerate(self.names)}
        if self.kind == MULTI_LABEL_MULTI_CLASS:
            found = Counter((number, each) for row in encoded for number, each in enumerate(row))
            return {
                f"{name}: {each}": found[number, each]
                for number, name in enumerate(self.names)
                for each in self.factors[number]
            }
        return {}

    def facts(self, encoded: Sequence[Any]) -> dict[str, Any]:
        """Return what prepare.json records of the labels."""
        facts = {"kind": self.kind, "names": self.names, "factors": self.factors, "names_given": self.names_given}
        if self.kind in (REGRESSION, MULTI_LABEL_REGRESSION):
            rows = [row if isinstance(row, list) else [row] for row in encoded]
            columns = list(zip(*rows, strict=True)) if rows else []
            known = [[value for value in column if value is not None] for column in columns]
            facts["ranges"] = [
                {"min": min(column), "mean": math.fsum(column) / len(column), "max": max(column)} if column else {}
                for column in known
            ]
            facts["not_known"] = [len(rows) - len(column) for column in known]
        return facts


def learn_labels(
    kind: str, training: Sequence[tuple[str, Any]], label_names: Sequence[str] | None = None
) -> LabelColumn:
    """Return the column that the labels of training cases make.

    Args:
        kind: one of the benchmark's names.
        training: (place, checked label) of each training case.
        label_names: names of several labels, in their order; of a single label with classes, all its classes in order.

    Raises:
        InputError: numbers of labels differ between cases, a single class is left, or names do not fit.

    >>> learn_labels("single_label_multi_class_classification", [("a", "10"), ("b", "9")]).names
    ['9', '10']
    """
    names = [str(name) for name in label_names or ()]
    if len(set(names)) != len(names):
        raise InputError(f"label_names repeat: {', '.join(names)}; name each once")
    if any(": " in name for name in names):
        raise InputError("label_names hold ': ', which stands between a label and its class; name them without it")
    if kind in (BINARY, MULTI_CLASS):
        return _single(kind, training, names)
    if kind == REGRESSION:
        if len(names) > 1:
            raise InputError(f"label_names has {len(names)} names, but each case has one number")
        return LabelColumn(kind, names or ["value"], names_given=bool(names))
    width = len(training[0][1])
    if width == 0:
        raise InputError(f"{training[0][0]} is an empty list; expected {_EXAMPLES[kind]}")
    if names and len(names) != width:
        raise InputError(f"label_names has {len(names)} names, but each case has {width} labels")
    check_widths(training, width)
    factors: list[list[str]] = []
    if kind == MULTI_LABEL_MULTI_CLASS:
        factors = [in_order({value[number] for _, value in training}) for number in range(width)]
        alone = [number for number, classes in enumerate(factors) if len(classes) < 2]
        if alone:
            raise InputError(f"every training case has the same class for label {alone[0]}; there is nothing to learn")
    return LabelColumn(kind, names or [f"label_{n + 1}" for n in range(width)], factors, bool(names))


def check_widths(labels: Sequence[tuple[str, Any]], width: int) -> None:
    """Raise InputError unless every label holds so many values; names the place."""
    for place, value in labels:
        if len(value) != width:
            raise InputError(f"{place} holds {len(value)} labels, the first training case has {width}")


def check_label(kind: str, value: Any, place: str) -> Any:
    """Return a label as JSON gave it, with its parts' types settled.

    In a list of numbers null stands for one that is not known; the benchmark leaves it out of the figure.

    Raises:
        InputError: it is not of the kind; names the place, never a text.

    >>> check_label("single_label_regression", 3, "cases[0].label")
    3.0
    """
    if kind.startswith("multi_label"):
        if not isinstance(value, list):
            raise _wrong(kind, value, place)
        read, gaps = _PART[kind], kind == MULTI_LABEL_REGRESSION
        return [
            None if each is None and gaps else read(each, f"{place}[{number}]", kind)
            for number, each in enumerate(value)
        ]
    return _PART[kind](value, place, kind)


def infer_kind(values: Sequence[Any]) -> str:
    """Return the kind of labels of plain JSON: true/false, text or whole numbers (classes), numbers, or lists of these.

    Raises:
        InputError: they are of several kinds, or of none.

    >>> infer_kind(["mild", "severe"]), infer_kind([[True, False]]), infer_kind([1, 2.5])
    ('single_label_multi_class_classification', 'multi_label_binary_classification', 'single_label_regression')
    """
    listed = {isinstance(value, list) for value in values}
    parts = {type(part) for value in values for part in (value if isinstance(value, list) else [value])}
    parts -= {type(None)} if listed == {True} else set()
    if len(listed) == 1:
        several = listed == {True}
        if parts == {bool}:
            return MULTI_LABEL_BINARY if several else BINARY
        if parts <= {int, float} and float in parts:
            return MULTI_LABEL_REGRESSION if several else REGRESSION
        if parts == {int} and several:
            zero_one = all(part in (0, 1) for value in values for part in value)  # null is neither
            return MULTI_LABEL_BINARY if zero_one else MULTI_LABEL_REGRESSION
        if parts == {str} or parts == {int}:
            return MULTI_LABEL_MULTI_CLASS if several else MULTI_CLASS
    found = sorted({json_kind(value).split(" of ")[0] for value in values})
    raise InputError(
        f"the labels are of no one kind ({', '.join(found)}); give all of them as true/false, as text, as numbers, or "
        f"as lists of these, or name label_kind: {', '.join(KINDS)}"
    )


def in_order(names: set[str]) -> list[str]:
    """Return class names sorted: as numbers where all are, so that 10 stands after 9; else as text.

    >>> in_order({"10", "9"}), in_order({"b", "a", "10"})
    (['9', '10'], ['10', 'a', 'b'])
    """
    try:
        numbers = {name: float(name) for name in names}
    except ValueError:
        return sorted(names)
    if not all(map(math.isfinite, numbers.values())):
        return sorted(names)
    return sorted(names, key=lambda name: (numbers[name], name))


def _single(kind: str, training: Sequence[tuple[str, Any]], names: list[str]) -> LabelColumn:
    if kind == BINARY:
        if names and len(names) != 2:
            raise InputError(f"label_names has {len(names)} names; a binary label has two, false's first")
        found = {value for _, value in training}
        if len(found) < 2:
            raise InputError(f"every training case is {str(*found).lower()}; there is nothing to learn")
        return LabelColumn(kind, names or list(BINARY_NAMES), names_given=bool(names))
    classes = in_order({value for _, value in training})
    if len(classes) < 2:
        raise InputError("every training case has the same class; there is nothing to learn")
    if names:
        for place, value in training:
            _known(value, names, place, "label_names")
    return LabelColumn(kind, names or classes, names_given=bool(names))


def _known(value: str, names: Sequence[str], place: str, whose: str) -> str:
    if value not in names:
        shown = repr(value) if len(value) <= 20 else f"of {len(value)} characters"
        listed = ", ".join(names) if len(names) <= 20 else f"{len(names)} classes"
        raise InputError(
            f"{place}: the class {shown} is not among those of {whose} ({listed}), which are those of the training "
            "cases; correct it, or move a case of it into training"
        )
    return value


def _wrong(kind: str, value: Any, place: str) -> InputError:
    return InputError(f"{place} is {json_kind(value)}, expected {_EXAMPLES[kind]} ({kind})")


def _truth(value: Any, place: str, kind: str) -> bool:
    if isinstance(value, bool) or (isinstance(value, int) and value in (0, 1)):
        return bool(value)
    raise _wrong(kind, value, place)


def _class(value: Any, place: str, kind: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise _wrong(kind, value, place)
    return str(value)


def _number(value: Any, place: str, kind: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _wrong(kind, value, place)
    return float(value)


_PART = {
    BINARY: _truth,
    MULTI_LABEL_BINARY: _truth,
    MULTI_CLASS: _class,
    MULTI_LABEL_MULTI_CLASS: _class,
    REGRESSION: _number,
    MULTI_LABEL_REGRESSION: _number,
}
