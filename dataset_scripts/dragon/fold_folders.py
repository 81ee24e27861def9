"""The folders of a task's folds: found, read, compared, and joined into one set of cases."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from secondopinion.core.dragon_form import (
    CONFIGURATION,
    SPLITS,
    TaskConfiguration,
    case_id,
    case_text,
    json_kind,
    read_cases,
    read_configuration,
)
from secondopinion.core.errors import InputError, closest
from secondopinion.core.fingerprint import file_sha256
from secondopinion.core.progress import progress

from .labels import check_label

_FOLD = re.compile(r"-fold(\d+)$")


@dataclass(frozen=True)
class Case:
    """One case.

    Attributes:
        id: its `uid`.
        text: its text, parts joined by a newline.
        label: as JSON gave it, checked; None where it has none.
        place: where it stands, for messages.
    """

    id: str
    text: str
    label: Any
    place: str


@dataclass(frozen=True)
class FoldFolder:
    """The cases of one fold.

    Attributes:
        path: the folder.
        task: what its configuration says.
        cases: of each split, by id.
        files: name → {sha256, cases}.
    """

    path: Path
    task: TaskConfiguration
    cases: dict[str, dict[str, Case]]
    files: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class JoinedFolds:
    """A task with all its folds.

    Attributes:
        task: what the configuration says.
        cases: the labelled ones; those of the first fold's training first, in the order of its file.
        folds: (cases,) in which fold a case is held out, from 1; 0 for one that every fold trains on.
        tests: cases without a label.
        facts: for prepare.json.
        files: name → {sha256, cases}.
    """

    task: TaskConfiguration
    cases: list[Case]
    folds: list[int]
    tests: list[Case]
    facts: dict[str, Any] = field(default_factory=dict)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)


def find_folds(sources: Sequence[str], task: str | None = None) -> list[Path]:
    """Return the folders of one task's folds, in the order of their numbers.

    Args:
        sources: folders of a fold, or folders of such folders.
        task: the beginning of the folders' names, where there are several tasks.

    Raises:
        InputError: a folder is missing or holds no fold, or the folds of several tasks are there.
    """
    found: list[Path] = []
    for source in sources:
        path = Path(source).expanduser()
        if not path.is_dir():
            what = "is a file" if path.is_file() else "does not exist"
            hint = "; for a file of cases use: secondopinion prepare json_cases --source FILE" if path.is_file() else ""
            raise InputError(f"{path} {what}; give the folder of a fold, with {CONFIGURATION} in it{hint}")
        inside = [entry for entry in sorted(path.iterdir()) if entry.is_dir() and _is_fold(entry)]
        if not _is_fold(path) and not inside:
            raise InputError(
                f"{path} holds neither {CONFIGURATION} nor folders that hold it; give the folder of a fold of a task"
            )
        found += [path] if _is_fold(path) else inside
    if task is not None:
        names = sorted({_task_name(path) for path in found})
        found = [path for path in found if path.resolve().name.startswith(task)]
        if not found:
            raise InputError(f"no folder begins with {task!r}; {closest(task, names)}")
    resolved = Counter(path.resolve() for path in found)
    if repeated := [path for path, count in resolved.items() if count > 1]:
        raise InputError(f"{repeated[0]} is given twice; give each fold once")
    tasks = sorted({_task_name(path) for path in found})
    if len(found) > 1 and len(tasks) > 1:
        raise InputError(
            f"{len(found)} folders of {len(tasks)} tasks are there ({', '.join(tasks[:4])}); choose one, as in "
            f"-o task={tasks[0]}"
        )
    return sorted(found, key=lambda path: (_fold_number(path), path.name))


def read_fold(path: Path) -> FoldFolder:
    """Read the four files of a fold.

    Raises:
        InputError: a file is missing, damaged or nested wrongly, a label is missing or wrong, or an id repeats; names
            the place.
    """
    missing = [name for name in (CONFIGURATION, *SPLITS.values()) if not (path / name).is_file()]
    if missing:
        raise InputError(f"{path} lacks {', '.join(missing)}; a fold's folder holds {', '.join(SPLITS.values())} too")
    task = read_configuration(path / CONFIGURATION)
    cases: dict[str, dict[str, Case]] = {}
    files = {CONFIGURATION: {"sha256": file_sha256(path / CONFIGURATION)}}
    for split, name in SPLITS.items():
        cases[split] = _read_split(path / name, split, task)
        files[name] = {"sha256": file_sha256(path / name), "rows": len(cases[split])}
    for split in ("training", "validation"):
        if not cases[split]:
            raise InputError(f"{path / SPLITS[split]} holds no case; {split} needs some")
    for one, other in (("training", "validation"), ("training", "test"), ("validation", "test")):
        both = cases[one].keys() & cases[other].keys()
        if both:
            raise InputError(
                f"{path}: {len(both)} cases are in {one} and in {other} (first: {min(both)!r}); a uid may be in one"
            )
    return FoldFolder(path, task, cases, files)


def join_folds(paths: Sequence[Path]) -> JoinedFolds:
    """Read folds of one task and return the union of their cases.

    Raises:
        InputError: as `read_fold`; or the folds are of different tasks, hold different cases, hold one case with
            different texts or labels, or hold a case out twice.
    """
    folders = []
    with progress(total=len(paths), label="reading folds", unit="fold") as bar:
        for path in paths:
            folders.append(read_fold(path))
            bar.update(1)
    first = folders[0]
    labelled, tests = _labelled(first), dict(first.cases["test"])
    for folder in folders[1:]:
        if folder.task != first.task:
            changed = [name for name in vars(first.task) if getattr(folder.task, name) != getattr(first.task, name)]
            raise InputError(
                f"{folder.path.name} and {first.path.name} differ in {', '.join(changed)}; give folds of one task"
            )
        _same_cases(labelled, _labelled(folder), first, folder, "training and validation")
        _same_cases(tests, folder.cases["test"], first, folder, "test")
    held_out: dict[str, int] = {}
    for number, folder in enumerate(folders, start=1):
        for name in folder.cases["validation"]:
            if name in held_out:
                other = folders[held_out[name] - 1].path.name
                raise InputError(
                    f"the case {name!r} is in validation of {other} and of {folder.path.name}; each case may be held "
                    "out once, so give one of these folds alone"
                )
            held_out[name] = number
    cases = list(labelled.values())
    texts = Counter(case.text for case in cases)
    test_texts = {case.text for case in tests.values()}
    return JoinedFolds(
        first.task,
        cases,
        [held_out.get(case.id, 0) for case in cases],
        list(tests.values()),
        {
            "folds": {str(number): folder.path.resolve().name for number, folder in enumerate(folders, start=1)},
            "held_out": {
                str(number): len(folder.cases["validation"]) for number, folder in enumerate(folders, start=1)
            },
            "never_held_out": len(cases) - len(held_out),
            "repeated_texts": sum(count - 1 for count in texts.values()),
            "texts_also_in_test": sum(count for text, count in texts.items() if text in test_texts),
        },
        {f"{folder.path.resolve().name}/{name}": notes for folder in folders for name, notes in folder.files.items()},
    )


def _is_fold(path: Path) -> bool:
    return any((path / name).exists() for name in (CONFIGURATION, *SPLITS.values()))


def _fold_number(path: Path) -> int:
    found = _FOLD.search(path.resolve().name)
    return int(found[1]) if found else 0


def _task_name(path: Path) -> str:
    return _FOLD.sub("", path.resolve().name)


def _labelled(folder: FoldFolder) -> dict[str, Case]:
    return {**folder.cases["training"], **folder.cases["validation"]}


def _read_split(path: Path, split: str, task: TaskConfiguration) -> dict[str, Case]:
    found: dict[str, Case] = {}
    rows = read_cases(path)
    if split != "test" and rows and not any(task.label_name in row for row in rows):
        targets = sorted({key for row in rows for key in row if str(key).endswith("_target")})
        there = f"they have {', '.join(targets)}" if targets else "they have no label at all"
        raise InputError(
            f"{path.parent / CONFIGURATION} names the label {task.label_name!r}, which no case of {path.name} has; "
            f"{there}. Correct label_name"
        )
    for number, row in enumerate(rows):
        place = f"{path.parent.name}/{path.name}[{number}]"
        name = case_id(row, place)
        if name is None:
            raise InputError(f"{place} has no uid; expected the case's id")
        if name in found:
            raise InputError(f"{place} has the uid {name!r} of {found[name].place}; give each case its own")
        label = None
        if split != "test":
            if task.label_name not in row:
                raise InputError(f"{place} has no {task.label_name!r}; label the case, or leave it out")
            if row[task.label_name] is None:
                raise InputError(f"{place}.{task.label_name} is {json_kind(None)}; label the case, or leave it out")
            label = check_label(task.kind, row[task.label_name], f"{place}.{task.label_name}")
        found[name] = Case(name, case_text(row, place, task.input_name), label, place)
    return found


def _same_cases(one: dict[str, Case], other: dict[str, Case], first: FoldFolder, folder: FoldFolder, part: str) -> None:
    names = f"{first.path.name} and {folder.path.name}"
    if different := one.keys() ^ other.keys():
        raise InputError(
            f"{names} hold different cases in {part}: {len(different)} are in one alone (first: {min(different)!r}); "
            "give folds of one division, or a single one"
        )
    for name, case in one.items():
        if case.text != other[name].text:
            raise InputError(f"the case {name!r} has different texts in {names} ({case.place}, {other[name].place})")
        if case.label != other[name].label:
            raise InputError(f"the case {name!r} has different labels in {names} ({case.place}, {other[name].place})")
