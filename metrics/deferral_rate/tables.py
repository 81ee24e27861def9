"""Tables as people give them to a metric's page: CSV, JSON lines, a JSON list, or a Parquet file."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHOWN_NAMES = 12
ENDINGS = (".csv", ".tsv", ".txt", ".jsonl", ".json", ".parquet")


def plain(value: Any) -> Any:
    """Return a cell as it is; an empty one is None.

    >>> plain(""), plain("a"), plain(0)
    (None, 'a', 0)
    """
    return None if value == "" else value


@dataclass(frozen=True)
class Column:
    """What a metric reads from a table.

    Attributes:
        name: by which the metric knows it.
        about: what stands in it, in a few words.
        aliases: other names by which it is found, in lower case.
        read: makes a value of a cell, which is text in a CSV and anything in JSON; raises ValueError("is no number").
        filled: whether every row needs a value.
    """

    name: str
    about: str
    aliases: tuple[str, ...] = ()
    read: Callable[[Any], Any] = plain
    filled: bool = True


@dataclass(frozen=True)
class Table:
    """What was read.

    Attributes:
        columns: name → a value for each row, None where it has none; columns that the table lacks are absent.
        names: name → what the table calls it.
    """

    columns: dict[str, list[Any]]
    names: dict[str, str]

    def get(self, name: str) -> list[Any] | None:
        """Return a column, or None."""
        return self.columns.get(name)

    def rows(self) -> list[dict[str, Any]]:
        """Return {column: value} of each row, without what is None."""
        return [
            {name: values[at] for name, values in self.columns.items() if values[at] is not None}
            for at in range(len(next(iter(self.columns.values()))))
        ]


def number(value: Any) -> float | None:
    """Return a cell as a number; an empty one is None.

    >>> number("0.5"), number(2), number("")
    (0.5, 2.0, None)
    """
    try:
        return None if value == "" or value is None else float(value)
    except (TypeError, ValueError):
        raise ValueError("is no number") from None


def truth(value: Any) -> bool | None:
    """Return a cell that says yes or no.

    >>> truth("Yes"), truth(0), truth("")
    (True, False, None)
    """
    said = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": None}
    name = str(value).strip().lower()
    if name not in said:
        raise ValueError("is neither true nor false")
    return said[name]


def name(value: Any) -> str | None:
    """Return a class or an id as text; an empty cell is None.

    >>> name(3), name(" a "), name("")
    ('3', 'a', None)
    """
    if isinstance(value, dict | list):
        raise ValueError(f"is a {type(value).__name__}, not one value")
    return str(value).strip() or None


def read_table(
    text: str, columns: Sequence[Column], needs: Sequence[Sequence[str]], most: int, what: str = "row"
) -> Table:
    """Return the columns of a table.

    Args:
        text: CSV with a header (comma, semicolon or tab), JSON lines, or a JSON list of objects.
        columns: what is looked for; other columns are not read.
        needs: of each group at least one column must be there.
        most: rows that are taken.
        what: what a row stands for, in messages.

    Raises:
        ValueError: the text is no such table; the message names the line or row, or the columns found.

    >>> wanted = (Column("reference", "the true class", ("gold",)), Column("score", "a number", read=number))
    >>> read_table("gold;score\\nflu;0.5\\n", wanted, [["reference"]], 10).columns
    {'reference': ['flu'], 'score': [0.5]}
    """
    text = text.lstrip("\ufeff")
    start = text.lstrip()
    if not start:
        raise ValueError(f"The table is empty: give a header and a line for each {what}")
    header, rows = _json_rows(start, what) if start[0] in "[{" else _csv_rows(text)
    found = find(header, columns, needs)
    if not rows:
        raise ValueError("The table has a header and no rows")
    if len(rows) > most:
        raise ValueError(f"The table has {len(rows):,} rows; this page takes {most:,}: load the metric instead")
    read: dict[str, list[Any]] = {}
    for column in columns:
        if column.name in found:
            read[column.name] = [_value(row.get(found[column.name]), column, place) for place, row in rows]
    return Table(read, found)


def find(header: Sequence[str], columns: Iterable[Column], needs: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return {column's name: its name in the header}; its own name goes before the others.

    Raises:
        ValueError: a needed one is not there; says which were found.

    >>> find(["Gold", "x"], [Column("reference", "", ("gold",))], [["reference"]])
    {'reference': 'Gold'}
    """
    columns, lower = list(columns), {str(title).strip().lower(): title for title in reversed(header)}
    found = {}
    for column in columns:
        known = next((alias for alias in (column.name, *column.aliases) if alias in lower), None)
        if known is not None:
            found[column.name] = lower[known]
    missing = [group for group in needs if not set(group) & found.keys()]
    if missing:
        shown = [f"{title!s:.40}" for title in header[:SHOWN_NAMES]] + ["…"] * (len(header) > SHOWN_NAMES)
        also = {column.name: ", ".join(column.aliases[:4]) for column in columns}
        lacking = "; ".join(
            " or ".join(group) + (f" (or as {also[group[0]]})" if also.get(group[0]) else "") for group in missing
        )
        raise ValueError(f"The table lacks the column {lacking}. Its columns are: {', '.join(shown) or 'none'}")
    return found


def as_text(path: str | os.PathLike, columns: Sequence[Column], needs: Sequence[Sequence[str]]) -> str:
    """Return a file as text that `read_table` takes; of a Parquet file the columns looked for, as JSON lines.

    Raises:
        ValueError: the file is no such table.
    """
    path = Path(path)
    if path.suffix.lower() == ".parquet":
        import pyarrow
        from pyarrow import parquet

        try:
            with parquet.ParquetFile(path) as file:
                found = find(file.schema_arrow.names, columns, needs)
                rows = file.read(columns=list(found.values())).to_pylist()
        except (pyarrow.ArrowException, OSError):
            raise ValueError("This is no Parquet file that can be read") from None
        return "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("The file is not UTF-8 text: save it as CSV (UTF-8), JSON lines or Parquet") from None


def joined(texts: Iterable[str]) -> str:
    """Return several tables, one below the other, as JSON lines.

    >>> joined(['[{"uid": 1}]', "uid,said\\n1,yes\\n"])
    '{"uid": 1}\\n{"uid": "1", "said": "yes"}\\n'
    """
    rows = []
    for text in texts:
        start = text.lstrip("\ufeff \t\r\n")
        if start:
            rows += (_json_rows(start, "row") if start[0] in "[{" else _csv_rows(start))[1]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for _, row in rows)


def _value(cell: Any, column: Column, place: str) -> Any:
    try:
        value = None if cell is None else column.read(cell)
    except ValueError as error:
        raise ValueError(f"{place}: the column {column.name} {error}") from None
    if value is None and column.filled:
        raise ValueError(f"{place} lacks a value in the column {column.name}")
    return value


def _json_rows(text: str, what: str) -> tuple[list[str], list[tuple[str, dict[str, Any]]]]:
    try:
        if text[0] == "[":
            rows = [(f"Row {at}", row) for at, row in enumerate(json.loads(text), start=1)]
        else:
            lines = enumerate(text.splitlines(), start=1)
            rows = [(f"Line {at}", json.loads(line)) for at, line in lines if line.strip()]
    except (json.JSONDecodeError, RecursionError) as error:
        place = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise ValueError(
            f"This is neither JSON lines nor a JSON list{place}: give one object for each {what}"
        ) from None
    for where, row in rows:
        if not isinstance(row, dict):
            raise ValueError(f"{where} is a {type(row).__name__}: give an object for each {what}")
    return list(dict.fromkeys(key for _, row in rows for key in row)), rows


def _csv_rows(text: str) -> tuple[list[str], list[tuple[str, dict[str, Any]]]]:
    delimiter = max("\t;,", key=text.lstrip().splitlines()[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise ValueError(f"Line {reader.line_num} is no line of a table: {error}") from None
    header = [cell.strip() for cell in lines[0][1]]
    rows = []
    for at, cells in lines[1:]:
        if len(cells) < len(header):
            raise ValueError(f"Line {at} lacks a value: {len(header)} columns were expected, {len(cells)} came")
        rows.append((f"Line {at}", {title: cell.strip() for title, cell in zip(header, cells, strict=False)}))
    return header, rows
