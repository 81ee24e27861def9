"""Tables as files: an uploaded CSV to rows, rows to a CSV that no spreadsheet runs, and a link that holds it."""

from __future__ import annotations

import base64
import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import look

MAX_ROWS = 1_000
SUFFIXES = (".csv", ".tsv")
DELIMITERS = ",;\t"
# A cell may be as long as a file: the 128 KiB of the standard library are less than a long note.
csv.field_size_limit(5 * 1024 * 1024)

_NUMBER = re.compile(r"[+-]?[\d.,]+(?:[eE][+-]?\d+)?%?")
_FORMULA = ("=", "+", "-", "@", "|", "＝", "＋", "－", "＠")


@dataclass(frozen=True)
class Table:
    """Rows as they stand in a file.

    Attributes:
        name: of the file.
        columns: their names.
        rows: cells of each row, one a column.
        delimiter: between cells.
        marked: whether the file began with the byte order mark that some spreadsheets need.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    delimiter: str = ","
    marked: bool = False

    def free(self, names: Iterable[str]) -> dict[str, str]:
        """Return name → what a new column of this name is called beside those that are there.

        >>> Table("a.csv", ("text", "label"), ()).free(["label", "score"])
        {'label': 'label (scored)', 'score': 'score'}
        """
        found = {}
        for name in names:
            new = name
            while new in self.columns:
                new += " (scored)"
            found[name] = new
        return found


def read_text(path: Path) -> str:
    """Return what is in an uploaded file, without a byte order mark; line ends stay as they are.

    Raises:
        ValueError: it is not UTF-8. The file is named, what is in it is not.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path.name} is not UTF-8 text (byte {error.start}). Convert it first; spreadsheets call it “CSV UTF-8”."
        ) from None


def read_table(path: str, most: int = MAX_ROWS) -> Table:
    """Return the rows of an uploaded file; commas, semicolons or tabs part its cells, whichever its first line has.

    Args:
        path: of the file.
        most: rows that are taken.

    Raises:
        ValueError: the file is of another kind, damaged, empty, or too long. No cell is in the message.
    """
    file = Path(path)
    if file.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{file.name} is of no kind that can be read. Expected {' or '.join(SUFFIXES)}.")
    text = read_text(file)
    if not text.strip():
        raise ValueError(f"{file.name} is empty. Expected a line that names the columns, and rows below it.")
    if "\0" in text:
        raise ValueError(f"{file.name} holds a null character, as UTF-16 does. Save it as UTF-8.")
    delimiter = max(DELIMITERS, key=text.lstrip().splitlines()[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = tuple(next(filter(None, reader)))
        _require_names(file.name, columns)
        rows = tuple(_rows(file.name, reader, len(columns), most))
    except csv.Error as error:
        raise ValueError(f"{file.name}: line {reader.line_num} is not CSV ({error}).") from None
    if not rows:
        raise ValueError(f"{file.name} has no rows below the line that names the columns.")
    return Table(file.name, columns, rows, delimiter, file.read_bytes().startswith(b"\xef\xbb\xbf"))


def _require_names(name: str, columns: tuple[str, ...]) -> None:
    for number, column in enumerate(columns, start=1):
        if not column.strip():
            raise ValueError(f"{name}: column {number} has no name. The first line names each column.")
        if column in columns[: number - 1]:
            raise ValueError(f"{name}: two columns have the same name (the {number}th is one). Rename one.")


def _rows(name: str, reader: Any, width: int, most: int) -> Iterable[tuple[str, ...]]:
    count = 0
    for row in reader:
        if not row:
            continue
        if len(row) > width:
            raise ValueError(f"{name}: line {reader.line_num} has {len(row)} cells, but {width} columns are named.")
        count += 1
        if count > most:
            raise ValueError(
                f"{name} has more than {most:,} rows, which this page takes. For more, run secondopinion score on your "
                "machine."
            )
        yield (*row, *[""] * (width - len(row)))


def cell(value: Any) -> Any:
    """Return a value as a cell that no spreadsheet runs as a formula.

    >>> [cell(value) for value in ("=1+1", " @SUM(A1)", "-3.5", "-3+cmd|x", True, None)]
    ["'=1+1", "' @SUM(A1)", '-3.5', "'-3+cmd|x", 'true', '']
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        # A tab or a line break before the sign is skipped by some spreadsheets, so it does not save a cell.
        return f"'{value}" if value.lstrip().startswith(_FORMULA) or value.startswith(("\t", "\r")) else value
    return value


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]], delimiter: str = ",", marked: bool = False) -> str:
    """Return rows as CSV that no spreadsheet runs; a missing value is an empty cell.

    Args:
        columns: their names.
        rows: values, one a column.
        delimiter: between cells.
        marked: begin with a byte order mark.
    """
    file = io.StringIO()
    # As RFC 4180 has it; with another line end a lone carriage return would stand unquoted.
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow([cell(column) for column in columns])
    writer.writerows([cell(value) for value in row] for row in rows)
    return ("\ufeff" if marked else "") + file.getvalue()


def link(content: str, name: str) -> str:
    """Return a link that holds a CSV: nothing is written for it, and nothing is served."""
    coded = base64.b64encode(content.encode("utf-8", "replace")).decode()
    return (
        f'<a class="so-download" download="{look.text(name)}" href="data:text/csv;charset=utf-8;base64,{coded}">'
        "Download CSV</a>"
    )


def remove(paths: Sequence[str | None] | None) -> None:
    """Remove uploaded files, and the folders that were made for each."""
    for path in map(Path, filter(None, paths or [])):
        path.unlink(missing_ok=True)
        if path.is_relative_to(look.PRIVATE_FOLDER) and not any(path.parent.iterdir()):
            path.parent.rmdir()
