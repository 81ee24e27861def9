"""Where the rows of a corpus come from: files of every common kind, or a data set on the Hub."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from ...core.errors import InputError
from .files import corpus_files, file_kind, file_rows, hub_dataset, parse_line

# Of a larger file, only its two ends are looked at to tell whether it is the same.
END_BYTES = 32 << 20
INDEX_EVERY = 256


class Source(Protocol):
    """Rows in an order of their own.

    Attributes:
        name: that errors and records call it by.
        seekable: whether reading can begin at any row without reading those before it.
    """

    name: str
    seekable: bool

    def count(self) -> int:
        """Return how many rows there are.

        Raises:
            InputError: the source cannot be read.
        """
        ...

    def rows(self, first: int = 0) -> Iterator[dict[str, Any]]:
        """Yield rows from one on.

        Raises:
            InputError: a row cannot be read; it is named by its number.
        """
        ...

    def column_types(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the Arrow types of columns, of those that have one; of classes a list of their names."""
        ...

    def identity(self) -> dict[str, Any]:
        """Return what tells this source from another: plain data without a path."""
        ...


class FileSource:
    """A file; see `Source`.

    Args:
        path: of a kind that `read_corpus` reads.
        id_column: the column that a text file's name, or a report's key, goes to.
        text_column: the column that its text goes to.
        narratives: how the narratives of openFDA's reports are chosen and cleaned.
    """

    def __init__(self, path: Path, id_column: str, text_column: str, narratives: dict[str, Any] | None = None) -> None:
        self.path, self.name = path, path.name
        self.columns = {"id_column": id_column, "text_column": text_column}
        self.narratives = narratives
        self.kind = file_kind(path)
        self.lines = self.kind == "json lines" and path.suffix.lower() != ".gz"
        self.seekable = self.kind == "parquet" or self.lines
        self._index: list[int] = []

    def count(self) -> int:
        """Return how many rows there are; of JSON lines, where every 256th begins is kept."""
        if self.kind == "parquet":
            import pyarrow.parquet as pq
            from pyarrow import ArrowInvalid

            try:
                return pq.read_metadata(self.path).num_rows
            except ArrowInvalid:
                raise InputError(f"{self.path} is not a Parquet file, or was cut off") from None
        if self.lines:
            return self._count_lines()
        return sum(1 for _ in self._all())

    def _count_lines(self) -> int:
        self._index, rows, place = [], 0, 0
        with open(self.path, "rb") as handle:
            for line in handle:
                if line.strip():
                    if rows % INDEX_EVERY == 0:
                        self._index.append(place)
                    rows += 1
                place += len(line)
        return rows

    def rows(self, first: int = 0) -> Iterator[dict[str, Any]]:
        """Yield rows from one on."""
        if self.kind == "parquet":
            yield from file_rows(self.path, first=first, **self.columns)
        elif self.lines and first:
            yield from self._lines_from(first)
        else:
            yield from islice(self._all(), first, None)

    def _lines_from(self, first: int) -> Iterator[dict[str, Any]]:
        if not self._index:
            self._count_lines()
        known = min(first // INDEX_EVERY, len(self._index) - 1)
        with open(self.path, "rb") as handle:
            handle.seek(self._index[known])
            lines = (line for line in handle if line.strip())
            for number, line in enumerate(islice(lines, first - known * INDEX_EVERY, None), start=first):
                yield parse_line(line, self.path, number)

    def _all(self) -> Iterator[dict[str, Any]]:
        return file_rows(self.path, narratives=self.narratives, **self.columns)

    def column_types(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the Arrow types of columns of a Parquet file."""
        if self.kind != "parquet" or not names:
            return {}
        import datasets
        import pyarrow.parquet as pq

        schema = pq.read_schema(self.path)
        return _types(schema, datasets.Features.from_arrow_schema(schema), names)

    def identity(self) -> dict[str, Any]:
        """Return name, size and a hash: of the whole up to 64 MiB, of both ends beyond."""
        size = self.path.stat().st_size
        digest = hashlib.sha1()
        with open(self.path, "rb") as handle:
            digest.update(handle.read(END_BYTES))
            handle.seek(max(END_BYTES, size - END_BYTES))
            digest.update(handle.read())
        return {"name": self.name, "bytes": size, "sha1": digest.hexdigest()}


class HubSource:
    """A split of a data set on the Hub, downloaded once to Arrow files; see `Source`."""

    seekable = True

    def __init__(self, name: str, split: str, revision: str | None = None, config: str | None = None) -> None:
        self.name, self.split, self.revision, self.config = name, split, revision, config
        self._rows: Any = None

    def _dataset(self) -> Any:
        if self._rows is None:
            self._rows = hub_dataset(self.name, self.split, self.revision, self.config)
        return self._rows

    def count(self) -> int:
        """Return how many rows there are."""
        return len(self._dataset())

    def rows(self, first: int = 0) -> Iterator[dict[str, Any]]:
        """Yield rows from one on."""
        rows = self._dataset()
        yield from rows.select(range(first, len(rows)))

    def column_types(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the Arrow types of columns."""
        features = self._dataset().features
        return _types(features.arrow_schema, features, names)

    def identity(self) -> dict[str, Any]:
        """Return name, split and the fingerprint of `datasets`."""
        return {"name": self.name, "split": self.split, "fingerprint": self._dataset()._fingerprint}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_rows": None}


def _types(schema: Any, features: Any, names: Sequence[str]) -> dict[str, Any]:
    found = {name: getattr(features[name], "names", None) for name in names if name in schema.names}
    return {name: classes or schema.field(name).type for name, classes in found.items()}


def open_sources(
    inputs: Sequence[str | os.PathLike],
    *,
    id_column: str = "id",
    text_column: str = "text",
    split: str = "train",
    revision: str | None = None,
    config: str | None = None,
    narratives: dict[str, Any] | None = None,
) -> list[Source]:
    """Return the sources that paths, patterns and names on the Hub stand for, in their order.

    Args:
        inputs: files, folders, patterns such as `reports/*.parquet`, or data sets on the Hub.
        id_column: ids.
        text_column: texts.
        split: of data sets on the Hub.
        revision: of data sets on the Hub.
        config: of data sets on the Hub.
        narratives: how the narratives of openFDA's reports are chosen and cleaned (see `TextOptions`).

    Raises:
        InputError: nothing is there, or a file is of no kind that can be read.
    """
    if not inputs:
        raise InputError("there is nothing to score; give --input a file, a folder, a pattern or a data set")
    found: list[Source] = []
    for given in inputs:
        text = str(given)
        if any(sign in text for sign in "*?[") and not Path(text).expanduser().exists():
            paths = sorted(Path(path) for path in glob.glob(os.path.expanduser(text), recursive=True))
            paths = [path for path in paths if path.is_file()]
            if not paths:
                raise InputError(f"no file fits {text}")
            files: list[Path] | None = [path for one in paths for path in corpus_files(one) or ()]
        else:
            files = corpus_files(text)
        if files is None:
            found.append(HubSource(text, split, revision, config))
        else:
            found += [FileSource(path, id_column, text_column, narratives) for path in files]
    return found


__all__ = ["FileSource", "HubSource", "Source", "open_sources"]
