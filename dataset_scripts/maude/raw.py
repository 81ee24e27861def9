"""FDA's raw files: pipe-delimited, no quoting, ISO-8859-1; joined through SQLite on disk.

`mdrfoi*` holds the master records (with the event type), `foitext*` the narratives, `foidev*` or `device*`
the devices, `patient*` the outcomes; `...add` and `...change` files bring later versions. A later row with
the same key replaces an earlier one, except that a change without text leaves the old text.
"""

from __future__ import annotations

import errno
import io
import os
import re
import shutil
import sqlite3
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TextIO

from secondopinion.core.errors import InputError
from secondopinion.core.progress import progress, say

from .records import parse_key
from .source import DamagedSource, Unit

_STARTS_A_ROW = re.compile(r"^\s*\d{2,}(?:\.\d+)?\s*\|")
_TEXT_COLUMNS = (
    "mdr_report_key",
    "mdr_text_key",
    "text_type_code",
    "patient_sequence_number",
    "date_report",
    "foi_text",
)
_HEADERLESS = {
    "foitext": _TEXT_COLUMNS,
    "patient": (
        "mdr_report_key",
        "patient_sequence_number",
        "date_received",
        "sequence_number_treatment",
        "sequence_number_outcome",
    ),
}
_TABLES = {
    "mdrfoi": (
        "report",
        ("mdr_report_key",),
        (
            "event_key",
            "report_number",
            "report_source_code",
            "date_received",
            "event_type",
            "manufacturer_name",
        ),
    ),
    "foitext": ("text", ("mdr_report_key", "mdr_text_key"), ("text_type_code", "foi_text")),
    "foidev": (
        "device",
        ("mdr_report_key", "device_sequence_number"),
        ("brand_name", "generic_name", "manufacturer_d_name", "device_report_product_code", "date_received"),
    ),
    "patient": ("patient", ("mdr_report_key", "patient_sequence_number"), ("sequence_number_outcome",)),
}
_ALIASES = {
    "text": "foi_text",
    "device_sequence_no": "device_sequence_number",
    "patient_sequence_no": "patient_sequence_number",
    "source": "report_source_code",
}


def file_kind(path: Path) -> str:
    """Return `mdrfoi`, `foitext`, `foidev` or `patient` for a file's name."""
    name = path.name.lower()
    return "foidev" if name.startswith("device") else next(k for k in _TABLES if name.startswith(k))


def _load_order(path: Path) -> tuple[int, int, str]:
    name = path.name.lower()
    version = 2 if "change" in name else 1 if "add" in name else 0
    return list(_TABLES).index(file_kind(path)), version, name


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Yield the lines of a raw file, or of the one .txt inside its zip."""
    try:
        if path.suffix.lower() != ".zip":
            with open(path, encoding="iso-8859-1", newline="\n") as handle:
                yield handle
            return
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.namelist() if m.lower().endswith(".txt")]
            if len(members) != 1:
                raise DamagedSource(path.name, f"expected one .txt in this zip, found {len(members)}")
            with archive.open(members[0]) as stream:
                yield io.TextIOWrapper(stream, encoding="iso-8859-1", newline="\n")
    except (zipfile.BadZipFile, EOFError) as error:
        raise DamagedSource(path.name, f"the zip is damaged ({type(error).__name__})", "Download it again") from None


def read_rows(lines: Iterator[str]) -> Iterator[str]:
    """Yield rows: a line that does not begin like `123|` continues the one before.

    >>> list(read_rows(iter(["10|A|one\\n", "two\\n", " 11.0|B|three\\n"])))
    ['10|A|one two', ' 11.0|B|three']
    """
    row: list[str] = []
    for line in lines:
        line = line.rstrip("\r\n")
        if _STARTS_A_ROW.match(line):
            if row:
                yield " ".join(row)
            row = [line]
        elif row and line.strip():
            row.append(line)
    if row:
        yield " ".join(row)


def read_fields(path: Path) -> Iterator[dict[str, str]]:
    """Yield each row of a raw file as {column: value}, columns in lower case.

    Surplus pipes belong to the text in `foitext`; elsewhere what comes after the last column is left out.

    Raises:
        InputError: there is no header and the columns are not known without one.
    """
    kind = file_kind(path)
    with open_text(path) as handle:
        first = handle.readline()
        lines: Iterator[str] = handle
        if "mdr_report_key" in first.lower():
            columns = tuple(name.strip().lower() for name in first.rstrip("\r\n").split("|"))
        elif kind in _HEADERLESS:
            columns = _HEADERLESS[kind]
            lines = _chain(first, handle)
        else:
            raise InputError(
                f"{path.name}: its first line names no columns (expected MDR_REPORT_KEY|...). "
                "Take the file as FDA publishes it, with its header"
            )
        columns = tuple(_ALIASES.get(name, name) for name in columns)
        for row in read_rows(lines):
            values = row.split("|", len(columns) - 1) if kind == "foitext" else row.split("|")
            yield {name: value.strip() for name, value in zip(columns, values, strict=False)}


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


class RawSource:
    """FDA's raw files of one folder, read as one piece.

    Args:
        files: what was found.
        folder: for the tables.
        left_out: names of files that are not read.
    """

    kind = "raw"

    def __init__(self, files: Sequence[Path], folder: Path, left_out: Sequence[str] = ()) -> None:
        self.files = sorted(files, key=_load_order)
        self.folder, self.left_out = folder, list(left_out)
        self.has_labels = any(file_kind(f) == "mdrfoi" for f in self.files)
        if not self.has_labels:
            say("no mdrfoi*.txt is here: the reports have no event type and so no label")

    def units(self) -> Iterator[Unit]:
        """Yield the one unit."""
        state = {p.name: [p.stat().st_size, p.stat().st_mtime_ns] for p in self.files}
        unit = Unit("raw", {"files": state}, lambda: iter(()))
        unit.records = lambda: self._records(unit)
        yield unit

    def _records(self, unit: Unit) -> Iterator[dict[str, Any]]:
        unit.notes["files"] = {p.name: {"bytes": p.stat().st_size} for p in self.files}
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        with closing(sqlite3.connect(self.folder / "raw.sqlite", isolation_level=None)) as database:
            database.execute("PRAGMA journal_mode=OFF")
            database.execute("PRAGMA synchronous=OFF")
            database.execute("PRAGMA cache_size=-32768")
            for name, keys, values in _TABLES.values():
                columns = ", ".join(f"{c} TEXT NOT NULL DEFAULT ''" for c in (*keys, *values))
                database.execute(f"CREATE TABLE {name} ({columns}, PRIMARY KEY ({', '.join(keys)})) WITHOUT ROWID")
            for path in self.files:
                _load(database, path)
            yield from _joined(database)
        shutil.rmtree(self.folder, ignore_errors=True)


def _load(database: sqlite3.Connection, path: Path) -> None:
    """Read one file into its table; later rows replace earlier ones, an empty text replaces none."""
    name, keys, values = _TABLES[file_kind(path)]
    columns = (*keys, *values)
    updates = [
        f"{c} = CASE WHEN excluded.{c} = '' THEN {name}.{c} ELSE excluded.{c} END"
        if c in ("foi_text", "event_type", "text_type_code")
        else f"{c} = excluded.{c}"
        for c in values
    ]
    statement = (
        f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))}) "
        f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {', '.join(updates)}"
    )

    def rows() -> Iterator[list[str]]:
        for row in progress(read_fields(path), label=f"loading {path.name}"):
            yield [parse_key(row.get(c, "")) if c in keys else row.get(c, "") for c in columns]

    try:
        database.execute("BEGIN")
        database.executemany(statement, rows())
        database.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if "full" not in str(error):
            raise
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error


def _joined(database: sqlite3.Connection) -> Iterator[dict[str, Any]]:
    """Yield one record a report, in openFDA's shape; without a master record it has no event type."""
    keys = database.execute("SELECT mdr_report_key FROM report UNION SELECT mdr_report_key FROM text")
    cursors = {
        "report": "SELECT * FROM report WHERE mdr_report_key = ?",
        "mdr_text": "SELECT text_type_code, foi_text AS text FROM text WHERE mdr_report_key = ? "
        "ORDER BY length(mdr_text_key), mdr_text_key",
        "device": "SELECT * FROM device WHERE mdr_report_key = ? "
        "ORDER BY length(device_sequence_number), device_sequence_number",
        "patient": "SELECT sequence_number_outcome FROM patient WHERE mdr_report_key = ? "
        "ORDER BY patient_sequence_number",
    }
    for (key,) in keys:
        found = {name: _named(database.execute(query, (key,))) for name, query in cursors.items()}
        report = found.pop("report")
        record: dict[str, Any] = {**(report[0] if report else {"mdr_report_key": key}), **found}
        if not record.get("date_received"):
            record["date_received"] = next((d["date_received"] for d in found["device"] if d["date_received"]), "")
        yield record


def _named(cursor: sqlite3.Cursor) -> list[dict[str, Any]]:
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
