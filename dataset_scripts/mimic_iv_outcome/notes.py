"""Discharge summaries from `discharge.csv.gz`, one by one; only one note is in memory at a time."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from secondopinion.core.errors import InputError
from secondopinion.core.progress import say

FILE = "discharge.csv"
NEEDED = ("note_id", "subject_id", "text")
COLUMNS = ("note_id", "subject_id", "hadm_id", "note_type", "note_seq", "charttime", "storetime", "text")
LONGEST_NOTE = 16 << 20
GZIP_START = b"\x1f\x8b"
_ADVICE = "Get the file again, or keep what was readable of it with skip_damaged (--skip-damaged)"


@dataclass
class NoteFile:
    """A file of notes, and what was met while reading it.

    Attributes:
        path: CSV, gzipped or not.
        skip_damaged: end quietly where the file cannot be read any further.
        read: notes so far.
        damage: where and why the reading ended early; None for a whole file.
        notes: `bytes` of the file, and `sha256` once it was read to its end.
    """

    path: Path
    skip_damaged: bool = False
    read: int = 0
    damage: str | None = None
    notes: dict[str, Any] = field(default_factory=dict)

    def __iter__(self) -> Iterator[dict[str, str]]:
        """Yield notes as mappings from `COLUMNS` to text, "" where the file has no such column.

        Raises:
            InputError: the file is damaged, and `skip_damaged` is off; nothing of a note is shown.
        """
        self.read, self.damage = 0, None
        longest = csv.field_size_limit(LONGEST_NOTE)
        try:
            with _Hashed(self.path) as raw, io.BufferedReader(raw, 1 << 20) as buffered:
                self.notes = {"bytes": self.path.stat().st_size}
                yield from self._rows(buffered)
                if self.damage is None and raw.ended:
                    self.notes["sha256"] = raw.hexdigest()
        finally:
            csv.field_size_limit(longest)

    def _rows(self, buffered: io.BufferedReader) -> Iterator[dict[str, str]]:
        unzipped = gzip.GzipFile(fileobj=buffered) if buffered.peek(2)[:2] == GZIP_START else buffered
        reader = csv.reader(io.TextIOWrapper(unzipped, encoding="utf-8-sig", newline=""), strict=True)
        header = self._next(reader)
        if header is None and self.damage is None:
            raise InputError(f"{self.path.name} is empty; expected {', '.join(COLUMNS)} in its first line")
        if header is None:
            return
        missing = [name for name in NEEDED if name not in header]
        if missing:
            raise InputError(
                f"{self.path.name} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}; its first line "
                f"must name {', '.join(COLUMNS)} (MIMIC-IV-Note's discharge.csv.gz does)"
            )
        place = {name: header.index(name) for name in COLUMNS if name in header}
        while (row := self._next(reader)) is not None:
            if not row:
                continue
            if len(row) != len(header):
                self._damaged(f"note {self.read + 1} has {len(row)} columns, expected {len(header)}")
                return
            self.read += 1
            yield {name: row[place[name]] if name in place else "" for name in COLUMNS}

    def _next(self, reader: Any) -> list[str] | None:
        """Return the next row; None at the end, or where the file cannot be read any further."""
        try:
            return next(reader, None)
        except UnicodeDecodeError:
            problem = "is not UTF-8"
        except csv.Error as error:
            problem = f"is not CSV ({error})"
        except (EOFError, zlib.error, gzip.BadGzipFile):
            problem = "breaks off: the gzip file is cut short or damaged"
        self._damaged(f"after note {self.read} it {problem}")
        return None

    def _damaged(self, how: str) -> None:
        if not self.skip_damaged:
            raise InputError(f"{self.path.name}: {how}. {_ADVICE}")
        self.damage = how
        say(f"{self.path.name}: {how}; what was readable is kept")


def find_notes(source: str | Path) -> Path:
    """Return the file of discharge summaries that a source means.

    Args:
        source: the file, or a folder that holds one `discharge.csv.gz` or `discharge.csv` at any depth.

    Raises:
        InputError: there is none, or more than one.
    """
    path = Path(source).expanduser()
    wanted = "Give MIMIC-IV-Note's discharge.csv.gz, or the folder it is in"
    if not path.exists():
        raise InputError(f"source '{source}' does not exist. {wanted}")
    if path.is_file():
        return path
    found = sorted(p for p in path.rglob("*") if p.is_file() and p.name.lower() in (FILE, f"{FILE}.gz"))
    if len(found) != 1:
        held = "no discharge.csv.gz" if not found else f"{len(found)} files of discharge summaries"
        raise InputError(f"'{source}' holds {held}. {wanted}")
    return found[0]


class _Hashed(io.FileIO):
    """A file whose bytes are hashed as a buffer reads them, in order."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._digest = hashlib.sha256()
        self.ended = False

    def readinto(self, buffer: Any) -> int:
        count = super().readinto(buffer)
        self._digest.update(memoryview(buffer)[:count])
        self.ended = self.ended or not count
        return count

    def hexdigest(self) -> str:
        return self._digest.hexdigest()
