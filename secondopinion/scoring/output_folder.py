"""A folder of scored parts: written whole or not at all, each once, with a record of the job and a manifest."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from ..core.files import atomic_file, read_json, remove_partials, write_json
from ..core.progress import say
from .tables import TABLES, check_free, write_tables

JOB, MANIFEST, PARTS = "job.json", "manifest.json", "part-*.parquet"
OWN = b"secondopinion_job"


class OutputFolder:
    """Where a scoring job writes.

        part-00000.parquet …  the rows of a shard, in order
        job.json              what decides the rows: model, backend, input, columns
        manifest.json         what was done, written at the end

    Args:
        path: the folder; or a table (.parquet, .csv, .jsonl), which is put together at the end from a folder beside it.
    """

    def __init__(self, path: Path) -> None:
        self.target = path
        self.single = path.suffix.lower() in TABLES
        self.folder = path.absolute().with_name(f".{path.name}.work") if self.single else path
        self._marks: dict[int, str] = {}

    def check(self, *, force: bool = False) -> None:
        """Check that something may be written here, before a model is loaded for it.

        Raises:
            InputError: something else is there.
        """
        if self.single:
            check_free(self.target, force)
            return
        if self.target.is_file():
            raise InputError(f"{self.target} is a file; give a folder, or a table: {', '.join(TABLES)}")
        if self.target.is_dir() and any(self.target.iterdir()) and not (self.target / JOB).exists():
            raise InputError(f"{self.target} holds something other than scored parts; give another --output")

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
        self.check(force=force)
        self._marks = {
            number: hashlib.sha1(json.dumps([job, own], sort_keys=True).encode()).hexdigest()
            for number, own in shards.items()
        }
        stored = self.folder / JOB
        if stored.exists() and force and read_json(stored) != job:
            self._clear()
        if not stored.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            write_json(stored, job)
            return set()
        before = read_json(stored)
        if before != job:
            changed = sorted(key for key in {*job, *before} if before.get(key) != job.get(key))
            raise InputError(
                f"{self.folder} holds rows that were scored by another job (other: {', '.join(changed)}); finish it "
                "with the old settings, give another --output, or --force to begin anew"
            )
        remove_partials(self.folder)
        done = self.done()
        stale = [path for path in self.parts() if _number(path) not in done]
        for path in stale:
            path.unlink()
        if done or stale:
            changed = f", {len(stale):,} of input that has changed since are scored anew" if stale else ""
            say(f"continuing: {len(done):,} parts were scored before{changed}")
        return done

    def done(self) -> set[int]:
        """Return the numbers of the shards that are written by this job."""
        return {_number(path) for path in self.parts() if self.holds(_number(path))}

    def holds(self, number: int) -> bool:
        """Whether a shard is written by this job."""
        import pyarrow.parquet as pq
        from pyarrow import ArrowInvalid

        try:
            found = pq.read_schema(self.part(number)).metadata or {}
        except (ArrowInvalid, OSError):
            return False
        return found.get(OWN) == self._marks.get(number, "").encode()

    def _clear(self) -> None:
        for path in [*self.parts(), self.folder / MANIFEST, self.folder / JOB]:
            path.unlink(missing_ok=True)
        remove_partials(self.folder)

    def part(self, number: int) -> Path:
        """Return the file of a shard."""
        return self.folder / f"part-{number:05d}.parquet"

    def parts(self) -> list[Path]:
        """Return the files of shards, in order."""
        return sorted(self.folder.glob(PARTS), key=_number)

    def write(self, number: int, table: Any) -> None:
        """Write the rows of a shard, whole or not at all.

        Raises:
            DiskFullError: no room was left.
        """
        import pyarrow.parquet as pq

        with atomic_file(self.part(number)) as temporary:
            pq.write_table(table.replace_schema_metadata({OWN: self._marks[number]}), temporary)

    def counts(self) -> dict[str, Any]:
        """Return how many rows the parts hold, of each label, without a text, and deferred."""
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        rows = empty = deferred = 0
        labels: dict[str, dict[str, int]] = {}
        for path in self.parts():
            schema = pq.read_schema(path)
            names = [name for name in schema.names if name == "label" or name.startswith(("label_", "value"))]
            wanted = [*names, *(["deferred"] if "deferred" in schema.names else [])]
            table = pq.read_table(path, columns=wanted)
            rows += len(table)
            empty += table[names[0]].null_count
            if "deferred" in wanted:
                deferred += pc.sum(table["deferred"]).as_py() or 0
            for name in names:
                if name.startswith("value"):
                    continue
                for pair in pc.value_counts(table[name].drop_null()).to_pylist():
                    found = labels.setdefault(name, {})
                    found[str(pair["values"])] = found.get(str(pair["values"]), 0) + pair["counts"]
        return {
            "rows": rows,
            "without_text": empty,
            "deferred": deferred,
            "labels": {name: dict(sorted(found.items())) for name, found in labels.items()},
        }

    def finish(self, manifest: dict[str, Any]) -> None:
        """Write the manifest; of a table, put the parts together and remove the folder beside it.

        Raises:
            DiskFullError: no room was left.
        """
        if not self.single:
            write_json(self.folder / MANIFEST, manifest)
            return
        with atomic_file(self.target) as temporary:
            write_tables(self._tables(), temporary, self.target.suffix.lower())
        shutil.rmtree(self.folder, ignore_errors=True)

    def _tables(self) -> Iterator[Any]:
        import pyarrow.parquet as pq

        for path in self.parts():
            yield pq.read_table(path).replace_schema_metadata(None)


def _number(path: Path) -> int:
    return int(path.stem[5:])


__all__ = ["OutputFolder"]
