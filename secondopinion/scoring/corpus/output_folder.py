"""A folder of scored shards: each once, with a record of the job and a manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...core.files import write_json
from ...core.progress import say
from .parts_folder import PartsFolder, part_number

MANIFEST = "manifest.json"


class OutputFolder(PartsFolder):
    """Where a scoring job writes; see `PartsFolder`. Beside parts and job lies `manifest.json`: what was done.

    Args:
        path: the folder; or a table (.parquet, .csv, .jsonl), which is put together at the end from a folder beside it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._marks: dict[int, str] = {}

    def claim(self, job: dict[str, Any], shards: Mapping[int, Any], *, force: bool = False) -> set[int]:
        """Begin, or go on with, a job; return the numbers of the shards that are written already.

        Args:
            job: what decides every row: plain data.
            shards: number → what decides the rows of that shard alone, such as the state of its files: plain data.
                What was written of other ones is scored anew.
            force: begin anew where the folder is of another job.

        Raises:
            InputError: the folder holds parts of another job.
        """
        self._marks = {
            number: hashlib.sha1(json.dumps([job, own], sort_keys=True).encode()).hexdigest()
            for number, own in shards.items()
        }
        if not self.begin(job, force=force):
            return set()
        done = self.done()
        stale = [path for path in self.parts() if part_number(path) not in done]
        for path in stale:
            path.unlink()
        if done or stale:
            changed = f", {len(stale):,} of input that has changed since are scored anew" if stale else ""
            say(f"continuing: {len(done):,} parts were scored before{changed}")
        return done

    def clear(self) -> None:
        """Remove what was written, and no other file."""
        super().clear()
        (self.folder / MANIFEST).unlink(missing_ok=True)

    def done(self) -> set[int]:
        """Return the numbers of the shards that are written by this job."""
        return {number for number in map(part_number, self.parts()) if self.holds(number)}

    def holds(self, number: int) -> bool:
        """Whether a shard is written by this job."""
        return number in self._marks and self.mark(number) == self._marks[number]

    def write(self, number: int, table: Any) -> None:
        """Write the rows of a shard, whole or not at all.

        Raises:
            DiskFullError: no room was left.
        """
        self.write_part(number, table, self._marks[number])

    def counts(self) -> dict[str, Any]:
        """Return how many rows the parts hold, of each label, without a text, and deferred."""
        import pyarrow.parquet as pq

        tally = Tally()
        for path in self.parts():
            tally.add(pq.read_table(path, columns=tally.wanted(pq.read_schema(path).names)))
        return tally.counts()

    def join(self) -> dict[str, Any]:
        """Put the table together from its parts, remove the folder beside it, and return its counts.

        Raises:
            DiskFullError: no room was left.
        """
        tally = Tally()
        self.join_parts(tally.add)
        return tally.counts()

    def record(self, manifest: dict[str, Any]) -> None:
        """Write the manifest."""
        write_json(self.folder / MANIFEST, manifest)


class Tally:
    """Counts rows, labels and deferrals of scored tables."""

    def __init__(self) -> None:
        self.rows = self.empty = self.deferred = 0
        self.labels: dict[str, dict[str, int]] = {}

    @staticmethod
    def wanted(names: list[str]) -> list[str]:
        """Return the columns that are looked at."""
        return [name for name in names if name in ("label", "deferred") or name.startswith(("label_", "value"))]

    def add(self, table: Any) -> None:
        """Count the rows of a table."""
        import pyarrow.compute as pc

        said = [name for name in self.wanted(table.column_names) if name != "deferred"]
        self.rows += len(table)
        self.empty += table[said[0]].null_count
        if "deferred" in table.column_names:
            self.deferred += pc.sum(table["deferred"]).as_py() or 0
        for name in said:
            if name.startswith("value"):
                continue
            found = self.labels.setdefault(name, {})
            for pair in pc.value_counts(table[name].drop_null()).to_pylist():
                found[str(pair["values"])] = found.get(str(pair["values"]), 0) + pair["counts"]

    def counts(self) -> dict[str, Any]:
        """Return `rows`, `without_text`, `deferred` and `labels` (column → label → rows): plain data."""
        return {
            "rows": self.rows,
            "without_text": self.empty,
            "deferred": self.deferred,
            "labels": {name: dict(sorted(found.items())) for name, found in self.labels.items()},
        }


__all__ = ["OutputFolder"]
