"""Tables on disk, written a part at a time: Parquet, CSV and JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

from ...core.errors import InputError

TABLES = (".parquet", ".csv", ".jsonl")


def check_free(output: Path, force: bool = False) -> None:
    """Check that a file may be written.

    Raises:
        InputError: it is there already, and may not be replaced; or it is a folder.
    """
    if output.is_dir():
        raise InputError(f"{output} is a folder; name a file in it")
    if output.exists() and not force:
        raise InputError(f"{output} is there already; give another --output, or --force to replace it")


def write_tables(tables: Iterable[Any], path: Path, suffix: str) -> None:
    """Write Arrow tables of one schema as one file, holding one of them at a time.

    Args:
        tables: at least one.
        path: of the file.
        suffix: .parquet, .csv or .jsonl.
    """
    if suffix == ".jsonl":
        with open(path, "w", encoding="utf-8") as handle:
            for table in tables:
                handle.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in table.to_pylist())
        return
    rest = iter(tables)
    first = next(rest)
    with _writer(path, first.schema, suffix) as writer:
        for table in chain([first], rest):
            writer.write_table(table)


def _writer(path: Path, schema: Any, suffix: str) -> Any:
    if suffix == ".parquet":
        import pyarrow.parquet as pq

        return pq.ParquetWriter(path, schema)
    from pyarrow import csv

    return csv.CSVWriter(path, schema)


__all__ = ["TABLES", "check_free", "write_tables"]
