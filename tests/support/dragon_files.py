"""Folders in the form of the DRAGON benchmark, with authored cases of every kind of label."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

BINARY, CLASSES = "single_label_binary_classification", "single_label_multi_class_classification"
BINARIES, FACTORS = "multi_label_binary_classification", "multi_label_multi_class_classification"
NUMBER, NUMBERS = "single_label_regression", "multi_label_regression"
LABELS: dict[str, list[Any]] = {
    BINARY: [True, False],
    CLASSES: ["10", "9", "2"],
    BINARIES: [[True, False, False], [False, False, True], [True, True, False]],
    FACTORS: [["mild", "low"], ["severe", "high"], ["moderate", "low"]],
    NUMBER: [38, 61.5, 12],
    NUMBERS: [[1.5, 4], [2, None], [7.25, 3]],
}
SECRET = "zebrawood quillfish"
SITES = (
    "liver",
    "lung",
    "kidney",
    "spleen",
    "colon",
    "breast",
    "femur",
    "ovary",
    "thyroid",
    "skin",
    "knee",
    "orbit",
    "aorta",
)


def make_cases(kind: str, first: int, count: int, labelled: bool = True) -> list[dict[str, Any]]:
    """Return cases whose texts differ in a site and in words that no other has."""
    cases = []
    for number in range(first, first + count):
        words = " ".join(SITES[(number * step) % len(SITES)] for step in range(1, 6))
        case: dict[str, Any] = {"uid": f"c{number}", "text": f"Case {number}: {words} lesion. {SECRET}"}
        if labelled:
            case[f"{kind}_target"] = LABELS[kind][number % len(LABELS[kind])]
        cases.append(case)
    return cases


def write_fold(
    folder: Path, kind: str = BINARY, fold: int = 0, folds: int = 3, size: int = 4, **configuration: Any
) -> Path:
    """Write one fold of `folds`: `size` cases held out in each, the others to train on, four without a label."""
    folder.mkdir(parents=True)
    settings = {
        "jobid": 1,
        "task_name": "Task900_mine",
        "input_name": "text",
        "label_name": f"{kind}_target",
        "recommended_truncation_side": "left",
        "version": "1.0",
        **configuration,
    }
    (folder / "nlp-task-configuration.json").write_text(json.dumps(settings))
    cases = make_cases(kind, 0, folds * size)
    held_out = range(fold * size, (fold + 1) * size)
    put(folder, "training", [case for number, case in enumerate(cases) if number not in held_out])
    put(folder, "validation", [case for number, case in enumerate(cases) if number in held_out])
    put(folder, "test", make_cases(kind, 100, 4, labelled=False))
    return folder


def put(folder: Path, split: str, cases: Any) -> None:
    """Write the cases of a split."""
    (folder / f"nlp-{split}-dataset.json").write_text(json.dumps(cases))


def get(folder: Path, split: str) -> list[dict[str, Any]]:
    """Read the cases of a split."""
    return json.loads((folder / f"nlp-{split}-dataset.json").read_text())
