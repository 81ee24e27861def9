"""The work folder: rows that were read, kept piece by piece, so that a killed run continues where it was."""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from secondopinion.core.files import disk_errors, partial_name, read_json, remove_partials, write_json
from secondopinion.core.progress import progress, say

from .duplicates import Signer
from .labels import LABEL_NAMES, UNKNOWN_EVENT_TYPE
from .records import TextOptions, convert
from .shingles import stable_hash, word_hashes
from .source import DamagedSource, Source, Unit

BATCH = 1000
META = pa.struct(
    [
        ("event_key", pa.string()),
        ("report_number", pa.string()),
        ("date_received", pa.string()),
        ("device_group", pa.string()),
        ("brand_name", pa.string()),
        ("generic_name", pa.string()),
        ("manufacturer", pa.string()),
        ("product_code", pa.string()),
        ("report_source", pa.string()),
        ("narratives", pa.string()),
        ("outcomes", pa.list_(pa.string())),
        ("death_by_keyword", pa.bool_()),
        ("death_by_outcome", pa.bool_()),
        ("partition", pa.string()),
    ]
)
STAGED = pa.schema(
    [
        ("id", pa.string()),
        ("text", pa.string()),
        ("label", pa.int64()),
        ("meta", META),
        ("id_hash", pa.uint64()),
        ("text_hash", pa.uint64()),
        ("event_hash", pa.uint64()),
    ]
)
_MOST_UNKNOWN_TYPES = 20


class Staging:
    """Rows read so far.

    Args:
        folder: the work folder; made when needed.
        options: everything that decides what a row looks like. When they differ from what the folder was
            begun with, it is emptied.
    """

    def __init__(self, folder: Path, options: dict[str, Any]) -> None:
        self.folder = folder
        self.units_folder = folder / "units"
        marker = folder / "work.json"
        if folder.exists() and (not marker.exists() or read_json(marker) != options):
            shutil.rmtree(folder)
        self.units_folder.mkdir(parents=True, exist_ok=True)
        remove_partials(self.units_folder)
        if not marker.exists():
            write_json(marker, options)
        self.done: list[dict[str, Any]] = []

    def stem(self, name: str) -> str:
        """Return the file stem of a unit: its name made safe, with a digest that keeps two apart."""
        safe = re.sub(r"[^A-Za-z0-9.-]+", "_", name)[-60:]
        return f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"

    def facts_of(self, unit: Unit, limit: int | None) -> dict[str, Any] | None:
        """Return what was kept with a unit that is finished and unchanged, else None."""
        path = self.units_folder / f"{self.stem(unit.name)}.json"
        if not path.exists():
            return None
        facts = read_json(path)
        same = facts["identity"] == dict(unit.identity) and (facts["limit"] == limit or _room(facts, limit))
        return facts if same else None

    def read(self, source: Source, text: TextOptions, limit: int | None, skip_damaged: bool) -> None:
        """Read every unit of a source that is not finished yet.

        Raises:
            DamagedSource: a unit is damaged and `skip_damaged` is off; the units before it are kept.
            DiskFullError: no room was left; the units before are kept.
        """
        self.done, left = [], limit
        with progress(total=limit, label="reading reports", unit="report") as bar:
            for unit in source.units():
                if left == 0:
                    break
                facts = self.facts_of(unit, left)
                if facts is None:
                    facts = self._read_unit(unit, text, left, skip_damaged, bar)
                else:
                    unit.notes.update(facts["notes"])
                    bar.update(facts["read"])
                self.done.append(facts)
                if left is not None:
                    left = max(0, left - facts["read"])

    def _read_unit(
        self, unit: Unit, text: TextOptions, limit: int | None, skip_damaged: bool, bar: Any
    ) -> dict[str, Any]:
        began = time.perf_counter()
        stem = self.stem(unit.name)
        rows_file, signatures_file = (self.units_folder / f"{stem}.{end}" for end in ("parquet", "minima"))
        rows_partial, signatures_partial = partial_name(rows_file), partial_name(signatures_file)
        read, truncated, damage = 0, 0, None
        dropped: Counter[str] = Counter()
        unknown: Counter[str] = Counter()
        with disk_errors(self.units_folder), _UnitWriter(rows_partial, signatures_partial) as writer:
            try:
                for record in unit.records():
                    if limit is not None and read >= limit:
                        break
                    read += 1
                    row = convert(record, unit.name, text)
                    if isinstance(row, str):
                        dropped[row] += 1
                        if row == UNKNOWN_EVENT_TYPE and len(unknown) < _MOST_UNKNOWN_TYPES:
                            unknown[str(record.get("event_type"))[:40]] += 1
                    else:
                        truncated += row.truncated
                        writer.add(row.columns, row.event_key)
                    if read % BATCH == 0:
                        bar.update(BATCH)
            except DamagedSource as error:
                if not skip_damaged:
                    raise DamagedSource(
                        unit.name,
                        error.how_far,
                        f"{len(self.done)} finished pieces before it are kept and will not be read again. "
                        "Replace the file and run the same command, or keep what was readable of it with "
                        "skip_damaged (--skip-damaged)",
                    ) from None
                damage = error.how_far
                say(f"{unit.name}: {damage}; what was readable is kept")
            bar.update(read % BATCH)
            rows = writer.finish()
            rows_partial.replace(rows_file)
            signatures_partial.replace(signatures_file)
        facts = {
            "name": unit.name,
            "stem": stem,
            "identity": dict(unit.identity),
            "limit": limit,
            "read": read,
            "rows": rows,
            "dropped": dict(sorted(dropped.items())),
            "unknown_event_types": dict(sorted(unknown.items())),
            "truncated": truncated,
            "complete": damage is None,
            "damage": damage,
            "notes": dict(unit.notes),
            "seconds": time.perf_counter() - began,
        }
        write_json(self.units_folder / f"{stem}.json", facts)
        return facts

    @property
    def rows(self) -> int:
        """Rows staged, repeated keys included."""
        return sum(facts["rows"] for facts in self.done)

    def tables(self, columns: list[str] | None = None) -> Iterator[tuple[int, pa.Table]]:
        """Yield (number of the first row, at most 1,000 rows) in the order of reading."""
        first = 0
        for facts in self.done:
            if not facts["rows"]:
                continue
            with pq.ParquetFile(self.units_folder / f"{facts['stem']}.parquet") as file:
                for batch in file.iter_batches(batch_size=BATCH, columns=columns, use_threads=False):
                    yield first, pa.Table.from_batches([batch])
                    first += batch.num_rows

    def signatures(self) -> Iterator[Path]:
        """Yield the files of signatures in the order of the rows."""
        return (self.units_folder / f"{f['stem']}.minima" for f in self.done if f["rows"])


def _room(facts: dict[str, Any], limit: int | None) -> bool:
    """Whether a finished unit was read to its end and is no larger than what may still be read."""
    ended = facts["limit"] is None or facts["read"] < facts["limit"]
    return ended and (limit is None or facts["read"] <= limit)


class _UnitWriter:
    """Writes rows and their signatures in batches; removes its files when it is left by an error."""

    def __init__(self, rows_file: Path, signatures_file: Path) -> None:
        self.files = rows_file, signatures_file
        self.sign = Signer()
        self.count = 0

    def __enter__(self) -> _UnitWriter:
        self._parquet = pq.ParquetWriter(self.files[0], STAGED, compression="zstd")
        self._signatures = open(self.files[1], "wb")
        self._batch: list[dict[str, Any]] = []
        self._minima: list[np.ndarray] = []
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        self._signatures.close()
        if kind is not None:
            with suppress(OSError, pa.ArrowException):
                self._parquet.close()
            for path in self.files:
                path.unlink(missing_ok=True)

    def add(self, columns: dict[str, Any], event_key: str) -> None:
        text_hash, shingles = word_hashes(columns["text"])
        self._minima.append(self.sign(shingles))
        self._batch.append(
            {
                **columns,
                "label": LABEL_NAMES.index(columns["label"]),
                "id_hash": stable_hash(columns["id"]),
                "text_hash": text_hash,
                "event_hash": stable_hash(event_key) if event_key else None,
            }
        )
        if len(self._batch) == BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._batch:
            self._parquet.write_table(pa.Table.from_pylist(self._batch, schema=STAGED))
            self._signatures.write(np.stack(self._minima).astype("<u4", copy=False).data)
            self.count += len(self._batch)
            self._batch, self._minima = [], []

    def finish(self) -> int:
        """Write what is left and close; returns the number of rows."""
        self._flush()
        self._parquet.close()
        self._signatures.close()
        return self.count
