"""Cases to be scored: the files of a DRAGON task, plain JSON, or any corpus, as ids and texts."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..core.dragon_form import (
    CONFIGURATION,
    SPLITS,
    TaskConfiguration,
    case_id,
    case_text,
    read_cases,
    read_configuration,
)
from ..core.errors import InputError, closest
from .corpus.files import read_corpus

_SPLIT_OF = {name: split for split, name in SPLITS.items()}


@dataclass(frozen=True)
class Cases:
    """What is scored.

    Attributes:
        ids: (rows,) unique.
        texts: (rows,).
        task: what the configuration beside the file says; None where there is none.
    """

    ids: list[str]
    texts: list[str]
    task: TaskConfiguration | None = None


def is_cases(source: str | os.PathLike) -> bool:
    """Whether a source is the folder of a DRAGON fold or a JSON file of cases, which are read as a whole."""
    path = Path(source).expanduser()
    if path.is_dir():
        return any((path / name).exists() for name in (CONFIGURATION, *SPLITS.values()))
    return path.suffix.lower() == ".json"


def read_inputs(
    source: str | os.PathLike,
    *,
    split: str | None = None,
    id_column: str = "id",
    text_column: str = "text",
    limit: int | None = None,
) -> Cases:
    """Return the cases of a source.

    Args:
        source: the folder of a fold of a DRAGON task, or one of its `nlp-*-dataset.json` files; a JSON file of cases (a
            list of `{"text"}`, or `{"cases": [...]}`); or what `read_corpus` reads: JSON Lines, CSV, TSV, Parquet, a
            folder of these, a data set on the Hub.
        split: of a DRAGON folder: training, validation or test (default); of a data set on the Hub, train by default.
        id_column: ids of a corpus or of plain JSON cases; where a case has none, its number stands in.
        text_column: their texts.
        limit: only the first so many.

    Raises:
        InputError: nothing is there, a file is missing or nested wrongly, a text is missing, or an id stands twice.
    """
    if limit is not None and limit < 1:
        raise InputError(f"limit is {limit}; give at least 1, or leave it out")
    path = Path(source).expanduser()
    if path.is_dir() and is_cases(path):
        split = split or "test"
        if split not in SPLITS:
            raise InputError(f"a DRAGON task has no split {split!r}; {closest(split, SPLITS)}")
        if not (path / SPLITS[split]).is_file():
            raise InputError(f"{path} lacks {SPLITS[split]}; give the whole folder of a fold, or another --split")
        path = path / SPLITS[split]
    if path.suffix.lower() == ".json":
        if not path.is_file():
            raise InputError(f"{path} does not exist")
        return _json_cases(path, id_column, text_column, limit)
    rows = read_corpus(source, id_column=id_column, text_column=text_column, split=split or "train")
    pairs = _unique(islice(rows, limit))
    if not pairs:
        raise InputError(f"{source} holds no text")
    return Cases(list(pairs), list(pairs.values()))


def _json_cases(path: Path, id_column: str, text_column: str, limit: int | None) -> Cases:
    task = None
    if path.name in _SPLIT_OF and (path.parent / CONFIGURATION).exists():
        task = read_configuration(path.parent / CONFIGURATION)
    rows = read_cases(path)[:limit]
    if not rows:
        raise InputError(f"{path} holds no case")
    pairs = []
    for number, row in enumerate(rows):
        place = f"{path.name}[{number}]"
        name = case_id(row, place, "uid") or case_id(row, place, id_column)
        if name is None and task is not None:
            raise InputError(f"{place} has no uid; expected the case's id")
        parts = "text_parts" if text_column == "text" and "text" not in row and "text_parts" in row else text_column
        pairs.append((name or f"{path.stem}-{number}", case_text(row, place, task.input_name if task else parts)))
    found = _unique(pairs)
    return Cases(list(found), list(found.values()), task)


def _unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    places: dict[str, int] = {}
    for number, (name, text) in enumerate(pairs):
        if name in found:
            raise InputError(f"rows {places[name]} and {number} have the same id {name!r}; give each its own")
        found[name], places[name] = text, number
    return found


__all__ = ["Cases", "is_cases", "read_inputs"]
