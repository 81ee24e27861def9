"""A folder of parts, each written whole or not at all, and the table that they become."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...core.errors import InputError
from ...core.files import atomic_file, read_json, remove_partials, write_json
from .tables import TABLES, check_free, write_tables

JOB, PARTS = "job.json", "part-*.parquet"
MARK = b"secondopinion_mark"


class PartsFolder:
    """Where long work writes: parts in order, and a record of what decides them.

        part-00000.parquet …  some rows, in order
        job.json              what decides the rows

    Args:
        path: the folder; or a table (.parquet, .csv, .jsonl), which is put together at the end from a folder beside it.
    """

    def __init__(self, path: Path) -> None:
        self.target = path
        self.single = path.suffix.lower() in TABLES
        self.folder = path.absolute().with_name(f".{path.name}.work") if self.single else path.absolute()

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
        if self.target.is_dir() and any(self.target.iterdir()) and not (self.folder / JOB).exists():
            raise InputError(f"{self.target} holds something other than scored parts; give another --output")

    def begun_with(self) -> dict[str, Any] | None:
        """Return what decides the rows that are there, or None where none were begun."""
        stored = self.folder / JOB
        return read_json(stored) if stored.exists() else None

    def begin(self, job: dict[str, Any], *, force: bool = False) -> bool:
        """Begin a job, or go on with it; whether there is something to go on with.

        Args:
            job: what decides every row: plain data.
            force: begin anew where the folder is of another job.

        Raises:
            InputError: something else is there, or parts of another job.
        """
        self.check(force=force)
        before = self.begun_with()
        if before == job:
            remove_partials(self.folder)
            return True
        if before is not None:
            if self.parts() and not force:
                changed = sorted(key for key in {*job, *before} if before.get(key) != job.get(key))
                raise InputError(
                    f"{self.folder} holds rows of a job that was begun differently ({', '.join(changed)}); finish it "
                    "with the old settings, give another --output, or --force to begin anew"
                )
            self.clear()
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / JOB, job)
        return False

    def clear(self) -> None:
        """Remove what was written, and no other file."""
        for path in [*self.parts(), self.folder / JOB]:
            path.unlink(missing_ok=True)
        remove_partials(self.folder)

    def part(self, number: int) -> Path:
        """Return the file of a part."""
        return self.folder / f"part-{number:05d}.parquet"

    def parts(self) -> list[Path]:
        """Return the files of the parts, in order."""
        return sorted(self.folder.glob(PARTS), key=part_number)

    def mark(self, number: int) -> str | None:
        """Return what a part was marked with; None where it is missing or damaged."""
        import pyarrow.parquet as pq
        from pyarrow import ArrowInvalid

        try:
            return ((pq.read_schema(self.part(number)).metadata or {}).get(MARK) or b"").decode()
        except (ArrowInvalid, OSError):
            return None

    def write_part(self, number: int, table: Any, mark: str) -> None:
        """Write the rows of a part, whole or not at all.

        Args:
            number: from 0.
            table: its rows.
            mark: what decides these rows alone.

        Raises:
            DiskFullError: no room was left.
        """
        import pyarrow.parquet as pq

        with atomic_file(self.part(number)) as temporary:
            pq.write_table(table.replace_schema_metadata({MARK: mark}), temporary)

    def join_parts(self, seen: Callable[[Any], object]) -> None:
        """Put the table together from its parts, one at a time, and remove the folder beside it.

        Args:
            seen: is shown each part.

        Raises:
            DiskFullError: no room was left.
        """
        import pyarrow.parquet as pq

        def tables() -> Any:
            for path in self.parts():
                table = pq.read_table(path).replace_schema_metadata(None)
                seen(table)
                yield table

        with atomic_file(self.target) as temporary:
            write_tables(tables(), temporary, self.target.suffix.lower())
        shutil.rmtree(self.folder, ignore_errors=True)


def part_number(path: Path) -> int:
    """Return the number of a part's file."""
    return int(path.stem[5:])


__all__ = ["PartsFolder", "part_number"]
