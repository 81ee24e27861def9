"""Any corpus as a stream of ids and texts: files of every common kind, folders of them, data sets on the Hub."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ...core.errors import InputError, closest

KINDS = {
    ".jsonl": "json lines",
    ".ndjson": "json lines",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".txt": "text",
    ".zip": "reports",
}
PARQUET_ROWS = 256
PARQUET_BYTES = 1 << 23


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
    files = corpus_files(source)
    if files is None:
        rows = _hub_rows(str(source), split, revision)
        yield from _checked(rows, str(source), id_column, text_column)
        return
    for file in files:
        yield from _checked(file_rows(file, id_column=id_column, text_column=text_column), file, id_column, text_column)


def corpus_files(source: str | os.PathLike) -> list[Path] | None:
    """Return the files of a corpus, in the order of their names; None of what can only be a data set on the Hub.

    Raises:
        InputError: nothing is there, or nothing that can be read.
    """
    path = Path(source).expanduser()
    kinds = ", ".join(sorted(KINDS))
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file_kind(file) and not file.name.startswith("."))
        if not files:
            raise InputError(f"{path} holds no file of texts; expected one of {kinds}")
        return files
    if path.is_file():
        if not file_kind(path):
            raise InputError(f"{path} is of no kind that can be read; expected one of {kinds}")
        return [path]
    if path.is_absolute() or str(source).startswith((".", "~")) or str(source).count("/") != 1:
        raise InputError(f"{source} does not exist; give a file, a folder, or a data set on the Hub (namespace/name)")
    return None


def file_kind(path: Path) -> str | None:
    """Return the kind of a file by its name, None of others."""
    suffixes = path.suffixes
    last = suffixes[-1].lower() if suffixes else ""
    if last == ".gz" and len(suffixes) > 1:
        kind = KINDS.get(suffixes[-2].lower())
        return None if kind in ("parquet", "reports") else kind
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


def file_rows(
    path: Path,
    *,
    first: int = 0,
    id_column: str = "id",
    text_column: str = "text",
    narratives: dict[str, Any] | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file, one at a time.

    Args:
        path: of a kind that `file_kind` knows.
        first: row to begin with; of Parquet those before it are not read.
        id_column: where a text file's name, or a report's key, goes to.
        text_column: where its text goes to.
        narratives: fields of `TextOptions`, for partitions of openFDA (`.zip`).

    Raises:
        InputError: the file is damaged; a row is named by its number, what is in it is never shown.
    """
    kind = file_kind(path)
    if kind == "parquet":
        yield from _parquet_rows(path, first)
    else:
        yield from islice(_rows_in_order(path, kind, id_column, text_column, narratives), first, None)


def _rows_in_order(
    path: Path, kind: str | None, id_column: str, text_column: str, narratives: dict[str, Any] | None
) -> Iterator[dict[str, Any]]:
    if kind == "text":
        with _opened(path) as handle:
            yield {id_column: path.name, text_column: handle.read()}
    elif kind == "reports":
        from ...dataset_scripts.maude.narratives import partition_texts

        for key, text in partition_texts(path, **(narratives or {})):
            yield {id_column: key, text_column: text}
    else:
        with _opened(path) as handle:
            if kind == "csv":
                csv.field_size_limit(sys.maxsize)
                yield from csv.DictReader(handle, delimiter="\t" if ".tsv" in path.suffixes else ",")
                return
            for number, line in enumerate(handle):
                if line.strip():
                    yield parse_line(line, path, number)


def parse_line(line: str | bytes, path: Path, number: int) -> dict[str, Any]:
    """Return the object that a line of JSON is.

    Raises:
        InputError: it is none; `number`, from 0, names the line.
    """
    try:
        row = json.loads(line)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8 text (byte {error.start} of line {number + 1}); convert it first"
        ) from None
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: line {number + 1} is not JSON ({error.msg}, column {error.colno})") from None
    if not isinstance(row, dict):
        raise InputError(f"{path}: line {number + 1} holds {type(row).__name__}; expected an object a line")
    return row


def _parquet_rows(path: Path, first: int = 0) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq
    from pyarrow import ArrowInvalid

    try:
        file = pq.ParquetFile(path)
    except ArrowInvalid:
        raise InputError(f"{path} is not a Parquet file, or was cut off") from None
    with file:
        for group in range(file.num_row_groups):
            facts = file.metadata.row_group(group)
            if first >= facts.num_rows:
                first -= facts.num_rows
                continue
            # Rows of ten megabytes are held a few at a time.
            at_once = max(1, min(PARQUET_ROWS, PARQUET_BYTES * facts.num_rows // max(1, facts.total_byte_size)))
            try:
                for batch in file.iter_batches(batch_size=at_once, row_groups=[group]):
                    if first < len(batch):
                        yield from batch.slice(first).to_pylist()
                    first = max(0, first - len(batch))
            except (ArrowInvalid, OSError) as error:
                raise InputError(f"{path} is damaged in its row group {group} ({type(error).__name__})") from None


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


def hub_dataset(
    name: str, split: str, revision: str | None = None, config: str | None = None, *, streaming: bool = False
) -> Any:
    """Return a split of a data set on the Hub.

    Raises:
        InputError: it cannot be loaded.
    """
    import datasets

    try:
        return datasets.load_dataset(name, config, split=split, revision=revision, streaming=streaming)
    except (FileNotFoundError, datasets.exceptions.DatasetNotFoundError, ConnectionError, ValueError) as error:
        raise InputError(
            f"{name!r} is neither a file or folder here nor a data set that can be loaded from the Hub "
            f"({type(error).__name__}, split {split!r})"
        ) from None


def _hub_rows(name: str, split: str, revision: str | None) -> Iterator[dict[str, Any]]:
    try:
        yield from hub_dataset(name, split, revision, streaming=True)
    except (FileNotFoundError, ConnectionError) as error:
        raise InputError(f"{name!r} broke off while it was read ({type(error).__name__}); try again") from None


__all__ = ["KINDS", "corpus_files", "file_kind", "file_rows", "hub_dataset", "parse_line", "read_corpus"]
