"""Looks for what rows of questions and notes say in what is published; a note may not leave with its model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from secondopinion.core.run_folder import RunFolder

from .vote_leaks import WITHOUT_WORDS

LONGEST_SHARED = 40
STEP = LONGEST_SHARED // 2
LEAST_LETTERS = 16
ROW_FIELDS = frozenset(
    {"answer", "answer_text", "answers", "context", "contexts", "evidence", "prediction_text", "question", "questions"}
)
COLUMNS = ("context", "question")


def row_texts(files: Sequence[tuple[Path, str]], run: RunFolder) -> list[str]:
    """Return a sentence for each file that holds words of a row; the words themselves are not shown.

    A field of a row that is named like one (`context`, `answers`, …) and holds a text is found in any JSON. Where the
    rows lie on this machine (`local.json` says where), the notes are compared with every file: 40 characters in a row
    are too many to be there by chance; of a question the whole counts, for questions are written from templates.

    Args:
        files: (file, its name in what is published).
        run: whose rows are meant.
    """
    found, strings = {}, []
    for path, name in files:
        if Path(name).name in WITHOUT_WORDS or not name.endswith((".json", ".md", ".txt")):
            continue
        content = path.read_text(encoding="utf-8", errors="replace")
        value = json.loads(content) if name.endswith(".json") else content
        if place := next(_row_fields(value), None):
            found[name] = f"{name}: {place} holds a text, as a row does; remove it"
        strings += [(name, " ".join(string.split())) for string in _strings(value)]
    strings = [(name, string) for name, string in strings if len(string) >= LONGEST_SHARED]
    quotes = _Quotes([string for _, string in strings])
    for text, whole in _rows(run):
        for number in quotes.of(text, len(text) if whole else LONGEST_SHARED):
            name = strings[number][0]
            found.setdefault(name, f"{name}: holds a part of a row's {'question' if whole else 'context'}; remove it")
    return [found[name] for name in sorted(found)]


def _row_fields(value: Any, where: str = "") -> Iterator[str]:
    """Yield the places where a field named as one of a row holds more than a name."""
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        place = f"{where}.{key}".lstrip(".")
        if key in ROW_FIELDS and any(" " in string.strip() for string in _values(item)):
            yield place
        yield from _row_fields(item, place)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _values(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _values(item)


def _rows(run: RunFolder) -> Iterator[tuple[str, bool]]:
    """Yield the distinct (text, whether the whole counts) of the rows, where they lie on this machine as Parquet."""
    import pyarrow.parquet as pq

    folder = run.local.get("data")
    if not folder or not (root := Path(folder).expanduser()).is_dir():
        return
    seen: set[int] = set()
    for path in sorted(root.rglob("*.parquet")):
        file = pq.ParquetFile(path)
        columns = [name for name in COLUMNS if name in file.schema_arrow.names]
        for batch in file.iter_batches(batch_size=512, columns=columns):
            for name in columns:
                for text in batch.column(name).unique().to_pylist():
                    if isinstance(text, str) and hash(text) not in seen:
                        seen.add(hash(text))
                        yield " ".join(text.split()), name == "question"


class _Quotes:
    """Finds long pieces that a text shares with some strings, in time linear in the text.

    Args:
        strings: with single spaces alone.
    """

    def __init__(self, strings: Sequence[str]) -> None:
        self.strings = strings
        self.places: dict[str, list[tuple[int, int]]] = {}
        for number, string in enumerate(strings):
            for start in range(len(string) - STEP + 1):
                self.places.setdefault(string[start : start + STEP], []).append((number, start))

    def of(self, text: str, least: int) -> set[int]:
        """Return the strings that share `least` characters in a row with a text; fewer than 40 are not looked for."""
        found: set[int] = set()
        if least < LONGEST_SHARED:
            return found
        for start in range(0, len(text) - STEP + 1, STEP):
            for number, place in self.places.get(text[start : start + STEP], ()):
                if number not in found and self._shared(text, start, number, place) >= least:
                    found.add(number)
        return found

    def _shared(self, text: str, start: int, number: int, place: int) -> int:
        """Return how many characters in a row text and string share around a common piece."""
        string, before, after = self.strings[number], 0, STEP
        while before < min(start, place) and text[start - before - 1] == string[place - before - 1]:
            before += 1
        while after < min(len(text) - start, len(string) - place) and text[start + after] == string[place + after]:
            after += 1
        piece = text[start - before : start + after]
        # A line of dashes or underscores says nothing, and tables have them too.
        return len(piece) if sum(map(str.isalnum, piece)) >= LEAST_LETTERS else 0
