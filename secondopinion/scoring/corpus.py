"""Any corpus as a stream of ids and texts: files of every common kind, folders of them, data sets on the Hub."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..core.errors import InputError, closest

KINDS = {
    ".jsonl": "json lines",
    ".ndjson": "json lines",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".txt": "text",
}
PARQUET_ROWS = 256


def read_corpus(
    source: str | os.PathLike,
    *,
    id_column: str = "id",
    text_column: str = "text",
    split: str = "train",
    revision: str | None = None,
) -> Iterator[tuple[str, str]]:
    """Yield (id, text) of each row, one at a time, in the order of the source.

    Args:
        source: a file (JSON Lines, CSV, TSV, Parquet, each but Parquet also as `.gz`; a `.txt` is one text), a folder
            of such files, read in the order of their names, or a data set on the Hub, which is streamed.
        id_column: ids; where a file lacks it, its name and the row's number stand in.
        text_column: texts.
        split: of a data set on the Hub.
        revision: of a data set on the Hub.

    Raises:
        InputError: nothing is there, a column is missing, a row is damaged, or a text is empty or no text. Rows are
            named by their number; what is in them is never shown.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if _kind(file))
        if not files:
            raise InputError(f"{path} holds no file of texts; expected one of {', '.join(sorted(KINDS))}")
    elif path.is_file():
        files = [path]
        if not _kind(path):
            raise InputError(f"{path} is of no kind that can be read; expected one of {', '.join(sorted(KINDS))}")
    elif path.is_absolute() or str(source).startswith((".", "~")) or str(source).count("/") != 1:
        raise InputError(f"{source} does not exist; give a file, a folder, or a data set on the Hub (namespace/name)")
    else:
        yield from _checked(_hub_rows(str(source), split, revision), str(source), id_column, text_column)
        return
    for file in files:
        if _kind(file) == "text":
            yield from _checked(iter([{id_column: file.name, text_column: _text(file)}]), file, id_column, text_column)
        else:
            yield from _checked(_rows(file), file, id_column, text_column)


def _kind(path: Path) -> str | None:
    suffixes = path.suffixes
    last = suffixes[-1].lower() if suffixes else ""
    if last == ".gz" and len(suffixes) > 1:
        kind = KINDS.get(suffixes[-2].lower())
        return None if kind == "parquet" else kind
    return KINDS.get(last)


def _checked(
    rows: Iterator[dict[str, Any]], source: str | Path, id_column: str, text_column: str
) -> Iterator[tuple[str, str]]:
    name = source.name if isinstance(source, Path) else source
    for number, row in enumerate(rows):
        if text_column not in row:
            raise InputError(
                f"{source}: row {number} has no column {text_column!r} for the text; {closest(text_column, row)}"
            )
        text, identifier = row[text_column], row.get(id_column)
        if not isinstance(text, str) or not text.strip():
            what = f"is of type {type(text).__name__}" if not isinstance(text, str) else "is empty"
            raise InputError(f"{source}: the text of row {number} {what}; expected a text. Leave the row out")
        yield (f"{name}:{number}" if identifier is None else str(identifier)), text


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    kind = _kind(path)
    if kind == "parquet":
        yield from _parquet_rows(path)
        return
    with _opened(path) as handle:
        if kind == "csv":
            csv.field_size_limit(sys.maxsize)
            yield from csv.DictReader(handle, delimiter="\t" if ".tsv" in path.suffixes else ",")
            return
        for number, line in enumerate(handle):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise InputError(f"{path}: line {number + 1} is not JSON ({error.msg}, column {error.colno})") from None
            if not isinstance(row, dict):
                raise InputError(f"{path}: line {number + 1} holds {type(row).__name__}; expected an object a line")
            yield row


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq
    from pyarrow import ArrowInvalid

    try:
        file = pq.ParquetFile(path)
    except ArrowInvalid:
        raise InputError(f"{path} is not a Parquet file, or was cut off") from None
    with file:
        for batch in file.iter_batches(batch_size=PARQUET_ROWS):
            yield from batch.to_pylist()


def _text(path: Path) -> str:
    with _opened(path) as handle:
        return handle.read()


def _opened(path: Path) -> io.TextIOWrapper:
    raw = gzip.open(path, "rb") if path.suffix.lower() == ".gz" else open(path, "rb")  # noqa: SIM115
    return _Decoded(raw, path)


class _Decoded(io.TextIOWrapper):
    """A text file whose damage is told as an `InputError`."""

    def __init__(self, raw: Any, path: Path) -> None:
        super().__init__(raw, encoding="utf-8-sig", newline="")
        self.path = path

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        super().__exit__(kind, error, trace)
        if isinstance(error, UnicodeDecodeError):
            raise InputError(f"{self.path} is not UTF-8 text (byte {error.start}); convert it first") from None
        if isinstance(error, EOFError | gzip.BadGzipFile):
            raise InputError(f"{self.path} is damaged or cut off ({error})") from None


def _hub_rows(name: str, split: str, revision: str | None) -> Iterator[dict[str, Any]]:
    import datasets

    try:
        yield from datasets.load_dataset(name, split=split, revision=revision, streaming=True)
    except (FileNotFoundError, datasets.exceptions.DatasetNotFoundError, ConnectionError) as error:
        raise InputError(
            f"{name!r} is neither a file or folder here nor a data set that can be loaded from the Hub "
            f"({type(error).__name__})"
        ) from None


__all__ = ["KINDS", "read_corpus"]
