"""Abbreviations of clinical text and what they stand for, where that is sure."""

import csv
import functools
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from .abbreviation_table import AMBIGUOUS, SINGLE_SENSES, TITLES
from .aligned_text import Edit
from .measurement_units import trie_pattern

# Characters on either side in which cues are looked for.
CONTEXT = 60
# A cue of so few characters is a whole word; a longer one may go on.
WHOLE_WORD = 3
LONGEST = 64
COLUMNS = ("abbreviation", "expansion", "cues")
Senses = Mapping[str, Sequence[str]]


class AbbreviationTable:
    """Abbreviations with their expansions; matched as written, as whole words, a plural s allowed.

    Args:
        entries: abbreviation -> expansion; or, where it has several senses (or is not always one), -> {expansion:
            cues}. A cue is the beginning of one or more words, in any case (one of up to three characters: a whole
            word). The sense of which alone a cue stands within 60 characters is taken, and none where that is not so,
            unless the text itself introduces the abbreviation: "multiple sclerosis (MS)".

    Raises:
        ValueError: the table is empty, an entry is not of these forms, or an expansion holds an abbreviation of the
            table, so that expanding would not come to an end.

    >>> table = AbbreviationTable({"HTN": "hypertension", "RA": {"room air": ["sats"], "arthritis": ["joint"]}})
    >>> [edit.replacement for edit in find_abbreviations("HTN. Sats 97% on RA.", table)]
    ['hypertension', 'room air']
    """

    def __init__(self, entries: Mapping[str, str | Senses]) -> None:
        if not entries:
            raise ValueError('the table of abbreviations is empty; give entries such as {"HTN": "hypertension"}')
        self.entries: dict[str, str | dict[str, list[str]]] = {}
        self._cues: dict[str, dict[str, re.Pattern]] = {}
        for short, given in entries.items():
            senses = given if isinstance(given, Mapping) else {given: ()}
            _check(short, senses)
            if isinstance(given, Mapping):
                self.entries[short] = {expansion: list(cues) for expansion, cues in given.items()}
                self._cues[short] = {
                    expansion: re.compile(rf"(?<!\w)(?:{'|'.join(map(_cue_pattern, cues))})")
                    for expansion, cues in given.items()
                    if cues
                }
            else:
                self.entries[short] = given
        self.pattern = _pattern(self.entries)
        for short, given in self.entries.items():
            for expansion in [given] if isinstance(given, str) else given:
                if inner := self.pattern.search(expansion):
                    raise ValueError(
                        f"the expansion of {short!r} holds the abbreviation {inner[0]!r}; write it out in the table"
                    )

    @classmethod
    @functools.cache
    def builtin(cls) -> "AbbreviationTable":
        """Return the authored table."""
        return cls({**SINGLE_SENSES, **AMBIGUOUS})

    @classmethod
    def from_file(cls, path: str | os.PathLike) -> "AbbreviationTable":
        """Read a table from a file.

        Args:
            path: JSON, an object of entries as the class takes them; or CSV with the columns `abbreviation`,
                `expansion` and, for those whose context has to tell, `cues` (separated by `;`), one line a sense.

        Raises:
            ValueError: there is no such file, or it is not of this form.
        """
        path = Path(path)
        if not path.is_file():
            raise ValueError(
                f"no file of abbreviations at {path}; give a JSON or CSV file, or True for the authored table"
            )
        if path.suffix.lower() == ".json":
            try:
                entries = json.loads(path.read_text(encoding="utf-8-sig"))
            except ValueError as error:
                raise ValueError(f"{path} is not JSON: {error}") from error
            if not isinstance(entries, dict):
                raise ValueError(f'{path} holds a {type(entries).__name__}; expected {{"HTN": "hypertension", …}}')
            return cls(entries)
        if path.suffix.lower() != ".csv":
            raise ValueError(f"{path} ends with {path.suffix or 'nothing'}; expected a .json or .csv file")
        return cls(_read_csv(path))

    def expansion(self, short: str, text: str, start: int, end: int) -> str | None:
        """Return what `short`, at `start` to `end` of the text, stands for; None where that is not sure."""
        given = self.entries[short]
        if isinstance(given, str):
            return given
        before, after = text[max(0, start - CONTEXT) : start].lower(), text[end : end + CONTEXT].lower()
        sure = [sense for sense, cues in self._cues[short].items() if cues.search(before) or cues.search(after)]
        return sure[0] if len(sure) == 1 else None


def find_abbreviations(text: str, table: AbbreviationTable | None = None) -> list[Edit]:
    """Return the edits that expand the abbreviations of a text, sorted; the authored table by default.

    Left as they are: an abbreviation in brackets after its expansion, and the one before it in brackets; those whose
    sense the context does not make sure.

    >>> find_abbreviations("s/p CABG, with congestive heart failure (CHF). MS noted.")
    [Edit(start=0, end=3, replacement='status post'),
     Edit(start=4, end=8, replacement='coronary artery bypass grafting')]
    """
    table = AbbreviationTable.builtin() if table is None else table
    introduced: dict[str, str | None] = {}
    edits = []
    for match in table.pattern.finditer(text):
        start, end = match.span()
        whole = match[0]
        short = whole if whole in table.entries else whole[:-1]
        if short in TITLES and text[end : end + 1] == ".":
            continue
        expansion = table.expansion(short, text, start, end)
        if expansion is None:
            if short not in introduced:
                introduced[short] = _introduced(text, short, table.entries[short])
            expansion = introduced[short]
        if expansion is None or _is_defined(text, start, end, expansion):
            continue
        edits.append(Edit(start, end, expansion if whole == short else _plural(expansion)))
    return edits


def _plural(expansion: str) -> str:
    if expansion.endswith("sis"):
        return f"{expansion[:-2]}es"
    if re.search(r"(?:s|x|sh|ch)\Z", expansion):
        return f"{expansion}es"
    return f"{expansion[:-1]}ies" if re.search(r"[^aeiou]y\Z", expansion) else f"{expansion}s"


def _cue_pattern(cue: str) -> str:
    return re.escape(cue.lower()) + (r"(?!\w)" if len(cue) <= WHOLE_WORD else "")


def _is_defined(text: str, start: int, end: int, expansion: str) -> bool:
    """Return whether the expansion stands beside, one of the two in brackets."""
    reach = len(expansion) + 3
    if text[start - 1 : start] == "(" and text[max(0, start - reach) : start - 1].rstrip().lower().endswith(
        expansion.lower()
    ):
        return True
    return text[end : end + reach].lower().lstrip().startswith(f"({expansion.lower()}")


def _introduced(text: str, short: str, senses: Mapping[str, Sequence[str]]) -> str | None:
    """Return the sense in which the text itself introduces an abbreviation."""
    for place in re.finditer(rf"\({re.escape(short)}\)", text):
        for expansion in senses:
            if _is_defined(text, place.start() + 1, place.end() - 1, expansion):
                return expansion
    return None


def _check(short: str, senses: Mapping) -> None:
    if not isinstance(short, str) or not short.strip() or not (short[0].isalpha() and short == short.strip()):
        raise ValueError(f"abbreviation {short!r} is no text that begins with a letter; correct the table")
    if len(short) > LONGEST:
        raise ValueError(f"abbreviation {short[:LONGEST]!r}… has {len(short)} characters; expected at most {LONGEST}")
    if not senses:
        raise ValueError(f"abbreviation {short!r} has no expansion; give one, or take it out of the table")
    for expansion, cues in senses.items():
        if not isinstance(expansion, str) or not expansion.strip():
            raise ValueError(f"the expansion of {short!r} is {expansion!r}; expected a text")
        if isinstance(cues, str) or not all(isinstance(cue, str) and cue.strip() for cue in cues):
            raise ValueError(f"the cues of {short!r} as {expansion!r} are {cues!r}; expected a list of texts")


def _pattern(entries: Mapping) -> re.Pattern:
    """Return a pattern of the abbreviations as whole words, anchored on their first letters."""
    firsts = sorted({short[0] for short in entries})
    letters = "".join(map(re.escape, firsts))
    branches = []
    for first in firsts:
        rests = [short[1:] for short in entries if short[0] == first]
        branches.append(rf"(?<={re.escape(first)})(?:{trie_pattern(rests, gap=None)})")
    return re.compile(rf"[{letters}](?<![\w.\-][{letters}])(?:{'|'.join(branches)})(?:(?<=\w)s)?(?!\w|-[0-9])")


def _read_csv(path: Path) -> dict[str, str | dict[str, list[str]]]:
    entries: dict[str, str | dict[str, list[str]]] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if missing := [name for name in COLUMNS[:2] if name not in (reader.fieldnames or [])]:
            raise ValueError(
                f"{path} has no column {missing[0]!r}; its first line should be {','.join(COLUMNS)}, cues if need be"
            )
        for row in reader:
            short, expansion = (row[name] or "" for name in COLUMNS[:2])
            cues = [cue.strip() for cue in (row.get("cues") or "").split(";") if cue.strip()]
            before = entries.get(short)
            if before is None and not cues:
                entries[short] = expansion
            else:
                senses = {before: []} if isinstance(before, str) else before or {}
                entries[short] = {**senses, expansion: cues}
    return entries


__all__ = ["AbbreviationTable", "find_abbreviations"]
