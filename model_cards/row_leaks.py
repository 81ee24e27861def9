"""Looks for what the rows of a training say in what is published; a text may not leave with its model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from secondopinion.core.progress import progress
from secondopinion.core.run_folder import RunFolder

from .leaks import strings_of

LONGEST_SHARED = 7
"""Words that what is published may share in a row with a text; one more is too many to be there by chance."""
PIECE = 4
STEP = LONGEST_SHARED + 2 - PIECE
LEAST_LETTERS = 16
ROW_FIELDS = frozenset(
    {"answer", "answer_text", "answers", "context", "contexts", "evidence", "prediction_text", "question", "questions"}
)
ANSWERED = ("context", "question")
TERMS = "entity_terms.txt"
PATIENCE = 5.0
_WORD = re.compile(r"\w+")


def row_texts(files: Iterable[tuple[str, Any]], run: RunFolder) -> list[str]:
    """Return a sentence for each file that holds words of a row; the words themselves are not shown.

    In a run of questions, a field that is named like one of a row (`context`, `answers`, …) and holds a text is found
    in any JSON. Where the rows lie on this machine (`local.json` says where), their texts are compared with every
    file: eight words in a row, whatever their case and what stands between them. Of a question the whole counts, for
    questions are written from templates.

    Args:
        files: (a file's name in what is published, what it says as `read_words` returns it); files of several trees
            may have the same name.
        run: whose rows are meant.
    """
    answers = run.facts["model"]["kind"] == "multitask_qa"
    found: dict[str, str] = {}
    strings: dict[tuple[str, ...], set[str]] = {}
    for name, value in files:
        if answers and (place := next(_row_fields(value), None)):
            found[name] = f"{name}: {place} holds a text, as a row does; remove it"
        for string in value.splitlines() if Path(name).name == TERMS else strings_of(value):
            words = words_of(string)
            if len(words) > LONGEST_SHARED:
                strings.setdefault(tuple(words), set()).add(name)
    shared, names = SharedRuns(list(strings)), list(strings.values())
    for text, what in _rows(run, answers):
        words = words_of(text)
        for number in shared.of(words, len(words) if what == "question" else LONGEST_SHARED + 1):
            for name in names[number]:
                found.setdefault(name, f"{name}: holds a part of a row's {what}; remove it")
    return [found[name] for name in sorted(found)]


def words_of(text: str) -> list[str]:
    """Return the words of a text, in lower case.

    >>> words_of("Na+ 138,\\n no fever")
    ['na', '138', 'no', 'fever']
    """
    return _WORD.findall(text.lower())


def _row_fields(value: Any, where: str = "") -> Iterator[str]:
    """Yield the places where a field named as one of a row holds more than a name."""
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        place = f"{where}.{key}".lstrip(".")
        if key in ROW_FIELDS and any(" " in string.strip() for string in _values(item)):
            yield place
        yield from _row_fields(item, place)


def _values(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _values(item)


def _rows(run: RunFolder, answers: bool) -> Iterator[tuple[str, str]]:
    """Yield the distinct (text, its column) of the rows, where they lie on this machine as Parquet."""
    import pyarrow.parquet as pq

    folder = run.local.get("data")
    if not folder or not (root := Path(folder).expanduser()).is_dir():
        return
    wanted = ANSWERED if answers else (run.facts["recipe"]["dataset"].get("text_column") or "text",)
    files = [pq.ParquetFile(path) for path in sorted(root.rglob("*.parquet"))]
    total, seen = sum(file.metadata.num_rows for file in files), set()
    with progress(total=total, label="comparing with the rows", delay=PATIENCE) as bar:
        for file in files:
            columns = [name for name in wanted if name in file.schema_arrow.names]
            for batch in file.iter_batches(batch_size=512, columns=columns):
                for name in columns:
                    for text in batch.column(name).unique().to_pylist():
                        if isinstance(text, str) and hash(text) not in seen:
                            seen.add(hash(text))
                            yield text, name
                bar.update(batch.num_rows)


class SharedRuns:
    """Finds runs of words that a text shares with some strings, in time linear in the text.

    Args:
        strings: (strings,) the words of each.

    >>> words = "she went home on apixaban after the scan of her calf".split()
    >>> SharedRuns([["he", *words[1:9], "his"], words[:7]]).of(words, 8)
    {0}
    """

    def __init__(self, strings: Sequence[Sequence[str]]) -> None:
        self.strings = strings
        self.places: dict[tuple[str, ...], list[tuple[int, int]]] = {}
        for number, words in enumerate(strings):
            for start in range(len(words) - PIECE + 1):
                self.places.setdefault(tuple(words[start : start + PIECE]), []).append((number, start))

    def of(self, words: Sequence[str], least: int) -> set[int]:
        """Return the strings that share `least` words in a row with a text; fewer than eight are not looked for."""
        found: set[int] = set()
        if least <= LONGEST_SHARED:
            return found
        for start in range(0, len(words) - PIECE + 1, STEP):
            for number, place in self.places.get(tuple(words[start : start + PIECE]), ()):
                if number not in found and self._shared(words, start, number, place) >= least:
                    found.add(number)
        return found

    def _shared(self, words: Sequence[str], start: int, number: int, place: int) -> int:
        """Return how many words in a row text and string share around a common piece."""
        string, before, after = self.strings[number], 0, PIECE
        while before < min(start, place) and words[start - before - 1] == string[place - before - 1]:
            before += 1
        while after < min(len(words) - start, len(string) - place) and words[start + after] == string[place + after]:
            after += 1
        run = words[start - before : start + after]
        # A row of numbers says nothing, and tables have them too.
        return len(run) if sum(map(str.isalpha, "".join(run))) >= LEAST_LETTERS else 0
