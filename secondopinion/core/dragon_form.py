"""Cases in JSON: the files of the DRAGON benchmark, and plain lists of `{"text", "label"}`.

A task of DRAGON (Bosma et al. 2025, https://doi.org/10.1038/s41746-025-01626-x) is a folder of
`nlp-task-configuration.json` and `nlp-{training,validation,test}-dataset.json`; what a model says goes into
`nlp-predictions-dataset.json`, under the label's name without `_target`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import InputError, closest
from .files import read_json

CONFIGURATION = "nlp-task-configuration.json"
PREDICTIONS = "nlp-predictions-dataset.json"
SPLITS = {split: f"nlp-{split}-dataset.json" for split in ("training", "validation", "test")}
INPUTS = ("text", "text_parts")
SIDES = ("left", "right")
TARGET = "_target"

BINARY = "single_label_binary_classification"
MULTI_CLASS = "single_label_multi_class_classification"
MULTI_LABEL_BINARY = "multi_label_binary_classification"
MULTI_LABEL_MULTI_CLASS = "multi_label_multi_class_classification"
REGRESSION = "single_label_regression"
MULTI_LABEL_REGRESSION = "multi_label_regression"
KINDS = (BINARY, MULTI_CLASS, MULTI_LABEL_BINARY, MULTI_LABEL_MULTI_CLASS, REGRESSION, MULTI_LABEL_REGRESSION)
ENTITY_KINDS = ("named_entity_recognition", "multi_label_named_entity_recognition")
LINES = (".jsonl", ".ndjson")
CASES = "cases"


@dataclass(frozen=True)
class TaskConfiguration:
    """What a task's configuration says.

    Attributes:
        task: the task's name.
        input_name: the field of a case that holds its text: `text`, or `text_parts`.
        kind: of the label, one of `KINDS`.
        truncation_side: which side of a text that is too long is cut: `left` or `right`.
    """

    task: str
    input_name: str
    kind: str
    truncation_side: str

    @property
    def label_name(self) -> str:
        """The field of a case that holds its label."""
        return self.kind + TARGET


def read_configuration(path: str | os.PathLike) -> TaskConfiguration:
    """Read `nlp-task-configuration.json`.

    Raises:
        InputError: it is missing, lacks a field, or names a kind of label that is none, or that is about entities.
    """
    path = Path(path)
    value = read_json(path)
    if not isinstance(value, dict):
        raise InputError(f"{path} holds {json_kind(value)}, expected an object with task_name, input_name, label_name")

    def field(name: str) -> str:
        found = value.get(name)
        if not isinstance(found, str) or not found.strip():
            came = "is missing" if name not in value else f"is {json_kind(found)}"
            raise InputError(f"{path}: {name} {came}, expected text")
        return found

    label_name, input_name = field("label_name"), field("input_name")
    kind = label_name.removesuffix(TARGET)
    if kind in ENTITY_KINDS:
        raise InputError(
            f"{path}: label_name is {label_name!r}: the task marks entities in a text, and only classification and "
            f"regression are read here ({', '.join(name + TARGET for name in KINDS)})"
        )
    if kind not in KINDS or not label_name.endswith(TARGET):
        hint = closest(label_name, [name + TARGET for name in KINDS])
        raise InputError(f"{path}: label_name is {label_name!r}; {hint}")
    if input_name not in INPUTS:
        raise InputError(f"{path}: input_name is {input_name!r}, expected one of {', '.join(INPUTS)}")
    side = value.get("recommended_truncation_side", "right")
    if side not in SIDES:
        raise InputError(f"{path}: recommended_truncation_side is {side!r}, expected one of {', '.join(SIDES)}")
    return TaskConfiguration(field("task_name"), input_name, kind, side)


def read_cases(path: str | os.PathLike) -> list[dict[str, Any]]:
    """Read a file of cases: a JSON list of objects, `{"cases": [...]}`, or JSON Lines (`.jsonl`, `.ndjson`).

    Raises:
        InputError: it is missing, is not JSON, or is nested otherwise; names the place.
    """
    path = Path(path)
    if path.suffix.lower() in LINES:
        found: Any = _read_lines(path)
    else:
        found = read_json(path)
    place = path.name
    if isinstance(found, dict):
        if CASES not in found:
            raise InputError(
                f'{path} holds an object without "{CASES}"; expected a list of cases, or {{"{CASES}": [...]}}'
            )
        found, place = found[CASES], f"{path.name}.{CASES}"
    if not isinstance(found, list):
        raise InputError(f"{path}: {place} is {json_kind(found)}, expected a list of cases")
    for number, case in enumerate(found):
        if not isinstance(case, dict):
            raise InputError(f"{path}: {place}[{number}] is {json_kind(case)}, expected an object with a text")
    return found


def case_text(case: Mapping[str, Any], place: str, input_name: str = "text") -> str:
    """Return the text of a case; the parts of `text_parts` are joined by a newline.

    Args:
        case: the JSON object.
        place: where it stands, for messages.
        input_name: `text` or `text_parts`.

    Raises:
        InputError: the text is missing, empty, or is none; names the place, never what is there.

    >>> case_text({"text_parts": ["A lesion.", "No change."]}, "cases[0]", "text_parts")
    'A lesion.\\nNo change.'
    """
    if input_name not in case:
        raise InputError(f"{place} has no {input_name!r}; it has {', '.join(sorted(map(str, case))) or 'nothing'}")
    found = case[input_name]
    if input_name == "text_parts":
        if not isinstance(found, list):
            raise InputError(f"{place}.text_parts is {json_kind(found)}, expected a list of texts")
        for number, part in enumerate(found):
            if not isinstance(part, str):
                raise InputError(f"{place}.text_parts[{number}] is {json_kind(part)}, expected text")
        found = "\n".join(found)
    if not isinstance(found, str):
        raise InputError(f"{place}.{input_name} is {json_kind(found)}, expected text")
    if not found.strip():
        raise InputError(f"{place}.{input_name} is empty; leave the case out")
    return found


def case_id(case: Mapping[str, Any], place: str, name: str = "uid") -> str | None:
    """Return the id of a case as text, None where it has none.

    Raises:
        InputError: it is neither text nor a whole number, or is empty.

    >>> case_id({"uid": 7}, "cases[0]")
    '7'
    """
    found = case.get(name)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, str | int) or not str(found).strip():
        came = "is empty" if isinstance(found, str) else f"is {json_kind(found)}"
        raise InputError(f"{place}.{name} {came}, expected an id: text or a whole number")
    return str(found)


def json_kind(value: Any) -> str:
    """Return what JSON calls a value, for messages that must not show it.

    >>> json_kind([1, 2]), json_kind(None)
    ('a list of 2', 'null')
    """
    if isinstance(value, list):
        return f"a list of {len(value)}"
    names = {dict: "an object", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "null")


def _read_lines(path: Path) -> list[Any]:
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start}); convert it first") from None
    rows = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise InputError(f"{path}: line {number} is not JSON ({error.msg}, column {error.colno})") from None
    return rows
