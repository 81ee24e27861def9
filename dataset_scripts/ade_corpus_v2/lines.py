"""The raw files: where they are, and what a line of each says.

`DRUG-AE.rel` and `DRUG-DOSE.rel` have eight columns between pipes: PubMed id, sentence, adverse effect (or dose),
its begin and end in the document, drug, its begin and end. `ADE-NEG.txt` has "<PubMed id> NEG <sentence>". A
document is the PubMed id, an empty line, the title, an empty line, the abstract.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from secondopinion.core.errors import InputError

EFFECTS, DOSES, NEGATIVES = "DRUG-AE.rel", "DRUG-DOSE.rel", "ADE-NEG.txt"
FILES = (EFFECTS, DOSES, NEGATIVES)
_COLUMNS = {EFFECTS: "adverse effect", DOSES: "dose"}
_NEGATIVE = re.compile(r"(\d+)[ \t]+NEG[ \t]+(\S.*)")
_ADVICE = "Get the file again, or leave damaged lines out and count them with skip_damaged (--skip-damaged)"


@dataclass(frozen=True)
class Mention:
    """Words that were annotated, with their place in the document: `[begin, end)`."""

    text: str
    begin: int
    end: int


@dataclass(frozen=True)
class Line:
    """What one line says; `entity` and `drug` are None for a sentence without a relation."""

    pubmed_id: str
    sentence: str
    entity: Mention | None = None
    drug: Mention | None = None


@dataclass
class RawFile:
    """One of the three files as it was read.

    Attributes:
        name: one of `FILES`.
        lines: what its lines say, in order.
        read: lines that are not blank.
        damaged: how many lines were left out, by what is wrong with them.
        notes: `bytes`, `sha256`, and whether the file ends with a line end.
    """

    name: str
    lines: list[Line] = field(default_factory=list)
    read: int = 0
    damaged: Counter[str] = field(default_factory=Counter)
    notes: dict[str, Any] = field(default_factory=dict)


def read_files(source: str | Path, skip_damaged: bool = False) -> dict[str, RawFile]:
    """Read the raw files of a folder or zip archive.

    Args:
        source: where they are, at any depth; letter case of their names does not matter.
        skip_damaged: count damaged lines instead of stopping at the first.

    Returns:
        The files by name; `DRUG-DOSE.rel` may be missing.

    Raises:
        InputError: a file is missing, is there twice or is damaged.
    """
    return {name: parse(name, content, skip_damaged) for name, content in _contents(Path(source).expanduser()).items()}


def parse(name: str, content: bytes, skip_damaged: bool = False) -> RawFile:
    """Read the lines of one file.

    Raises:
        InputError: a line is not what the file's format says; names the line, shows nothing of it.
    """
    file = RawFile(name)
    file.notes = {
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "ends_with_line_end": content.endswith((b"\n", b"\r")),
    }
    for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not raw.strip():
            continue
        file.read += 1
        try:
            text = raw.decode("utf-8")
            file.lines.append(_negative(text) if name == NEGATIVES else _relation(text, _COLUMNS[name]))
        except UnicodeDecodeError:
            problem = "not UTF-8"
        except _Damage as damage:
            problem = str(damage)
        else:
            continue
        if not skip_damaged:
            raise InputError(f"{name}, line {number}: {problem}. {_ADVICE}")
        file.damaged[f"{name}: {problem}"] += 1
    return file


class _Damage(ValueError):
    """Says what is wrong with a line, without its text."""


def _relation(text: str, entity: str) -> Line:
    columns = text.strip("\r\n").split("|", 1)
    columns[1:] = columns[1].rsplit("|", 6) if len(columns) == 2 else []
    if len(columns) != 8:
        raise _Damage("expected 8 columns between pipes")
    pubmed_id, sentence, *rest = (column.strip() for column in columns)
    if not re.fullmatch(r"[0-9]+", pubmed_id):
        raise _Damage("expected a PubMed id of digits in column 1")
    if not sentence:
        raise _Damage("expected a sentence in column 2")
    return Line(pubmed_id, sentence, _mention(rest[:3], entity), _mention(rest[3:], "drug"))


def _mention(columns: list[str], what: str) -> Mention:
    text, begin, end = columns
    if not text:
        raise _Damage(f"expected the words of the {what}")
    if not (re.fullmatch(r"[0-9]{1,9}", begin) and re.fullmatch(r"[0-9]{1,9}", end) and int(begin) < int(end)):
        raise _Damage(f"expected the {what}'s begin and end as whole numbers, begin before end")
    return Mention(text, int(begin), int(end))


def _negative(text: str) -> Line:
    match = _NEGATIVE.fullmatch(text.strip())
    if match is None:
        raise _Damage("expected '<PubMed id> NEG <sentence>'")
    return Line(match[1], match[2])


def _contents(source: Path) -> dict[str, bytes]:
    if not source.exists():
        raise InputError(f"source '{source}' does not exist. {_wanted()}")
    if source.is_dir():
        found = [(path.name, path.read_bytes) for path in sorted(source.rglob("*")) if path.is_file()]
        return _choose(source, found)
    if not zipfile.is_zipfile(source):
        raise InputError(f"{source.name} is neither a folder nor a whole zip archive. {_wanted()}")
    try:
        with zipfile.ZipFile(source) as archive:
            members = [m for m in archive.infolist() if not m.is_dir() and "__MACOSX" not in m.filename]
            return _choose(source, [(PurePosixPath(m.filename).name, lambda m=m: archive.read(m)) for m in members])
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{source.name} cannot be unpacked ({error}); get the archive again") from None


def _choose(source: Path, found: list[tuple[str, Any]]) -> dict[str, bytes]:
    """Return the bytes of the three files among what was found."""
    chosen = {}
    for name in FILES:
        places = [read for place, read in found if place.casefold() == name.casefold()]
        if len(places) > 1:
            raise InputError(f"{source.name} holds {name} {len(places)} times; give the folder of one of them")
        if places:
            chosen[name] = places[0]()
        elif name != DOSES:
            raise InputError(f"{source.name} holds no {name}. {_wanted()}")
    return chosen


def _wanted() -> str:
    return f"Give a folder or a zip archive with {EFFECTS}, {NEGATIVES} and, for the doses, {DOSES}"
