"""A corpus, a model and an output: what every engine begins with and ends with."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from ..core.machine import package_versions
from ..core.progress import progress, say
from .asker import Asker
from .corpus.output_folder import OutputFolder
from .corpus.shards import Plan, Shard, ShardReader
from .opening import OpenModel
from .shard_scorer import ShardResult, ShardScorer, written_shards


@dataclass(frozen=True)
class Columns:
    """Which columns of the input are read.

    Attributes:
        id: ids; where a row has none, its source's name and its number stand in.
        text: texts.
        keep: copied to the output.
    """

    id: str = "id"
    text: str = "text"
    keep: tuple[str, ...] = ()


@dataclass
class Scored:
    """What a scoring did.

    Attributes:
        output: folder or table.
        rows: of the output.
        scored: rows that this call scored; the others were there.
        without_text: rows that hold no text, whose prediction is null.
        seconds: that this call took from the first shard to the last.
        tokens: that were computed in it.
        labels: column → label → rows.
        deferred: rows that were deferred; None of a model without a policy.
        failed: shards that could not be scored, and why.
    """

    output: Path
    rows: int = 0
    scored: int = 0
    without_text: int = 0
    seconds: float = 0.0
    tokens: int = 0
    labels: dict[str, dict[str, int]] = field(default_factory=dict)
    deferred: int | None = None
    failed: dict[int, str] = field(default_factory=dict)

    def add(self, result: ShardResult, *, first: bool) -> None:
        """Count what became of a shard.

        Args:
            result: of the shard.
            first: whether nothing was written before this call; what fails then fails for all, and is raised.

        Raises:
            InputError: the first shard failed.
        """
        if result.error is None:
            self.scored += result.rows
            self.tokens += result.tokens
            return
        if first and not self.scored:
            raise InputError(result.error)
        self.failed[result.number] = result.error

    def __str__(self) -> str:
        """Return what a terminal shows: counts and rates, no text."""
        lines = [f"{self.rows:,} rows in {self.output}"]
        for name, counts in self.labels.items():
            lines.append(f"  {name}: " + ", ".join(f"{label} {count:,}" for label, count in counts.items()))
        if self.deferred is not None:
            lines.append(f"  deferred: {self.deferred:,} ({self.deferred / max(1, self.rows):.1%})")
        if self.without_text:
            lines.append(f"  {self.without_text:,} rows hold no text; their prediction is null")
        if self.scored and self.seconds:
            lines.append(
                f"  {self.scored:,} rows scored in {self.seconds:,.1f} s: {self.scored / self.seconds:,.1f} rows/s, "
                f"{self.tokens / self.seconds:,.0f} tokens/s"
            )
        return "\n".join(lines)


class ScoringJob:
    """A scoring from its claim on an output to the manifest.

    Args:
        model: as `open_model` gives it.
        plan: as `plan_shards` gives it.
        output: a folder, for `part-00000.parquet` … and `manifest.json`; or a table: .parquet, .csv, .jsonl.
        columns: of the input.
        asked: what names budget and experts in the job's record.

    Attributes:
        folder: where parts are written.
        done: shards that were written before; known once the output is claimed.
        scored: what the scoring did.
    """

    def __init__(
        self,
        model: OpenModel,
        plan: Plan,
        output: str | os.PathLike,
        columns: Columns | None = None,
        asked: Mapping[str, Any] | None = None,
    ) -> None:
        self.model, self.plan, self.columns = model, plan, columns or Columns()
        self.folder = OutputFolder(Path(output).expanduser())
        self.done: set[int] = set()
        self.scored = Scored(self.folder.target)
        self._asked = dict(asked) if asked else None

    @property
    def facts(self) -> dict[str, Any]:
        """What decides the rows of the output: plain data, no path."""
        own = self.columns
        return {
            "model": self.model.facts,
            "input": [source.name for source in self.plan.sources],
            "rows": {"per_part": self.plan.rows_per_shard, "limit": self.plan.limit},
            "columns": {"id": own.id, "text": own.text, "keep": list(own.keep)},
            "asked": self._asked,
        }

    def claim(self, *, force: bool = False) -> None:
        """Begin, or go on with what was begun.

        Args:
            force: replace an output that is there, or that is of another job.

        Raises:
            InputError: the output is of another job.
        """
        self.done = self.folder.claim(self.facts, self.plan.identities(), force=force)

    def left(self, shards: Iterable[Shard]) -> list[Shard]:
        """Return those of the shards that are not written yet."""
        return [shard for shard in shards if shard.number not in self.done]

    def worker(self, asker: Asker | None = None) -> ShardScorer:
        """Return what scores the shards.

        Args:
            asker: budget, and experts that answer what is deferred while later shards are scored.
        """
        if asker is not None and self.done:
            counts = self.folder.counts()
            asker.go_on(counts["rows"] - counts["without_text"], counts["deferred"])
        own = self.columns
        return ShardScorer(self.model, ShardReader(self.plan.sources, own.id, own.text, own.keep), asker)

    @contextmanager
    def shown(self, label: str, rows: int | None = None) -> Iterator[Any]:
        """Show progress, and take the time, while shards are scored.

        Args:
            label: of the bar.
            rows: all that this process scores; those of the plan by default, of which some may be done.
        """
        started = time.perf_counter()
        with progress(total=self.plan.rows if rows is None else rows, label=label) as bar:
            if rows is None:
                bar.update(sum(shard.rows for shard in self.plan.shards if shard.number in self.done))
            yield bar
        self.scored.seconds = time.perf_counter() - started

    def add(self, result: ShardResult) -> None:
        """Count what became of a shard; see `Scored.add`."""
        self.scored.add(result, first=not self.done)

    def finish(self) -> Scored:
        """Write the manifest, or put the table together, where every shard is there; and return the counts.

        Raises:
            DiskFullError: no room was left.
        """
        scored, folder = self.scored, self.folder
        parts = folder.parts()
        complete = len(parts) == len(self.plan.shards)
        if scored.failed:
            say(f"{len(scored.failed):,} of {len(self.plan.shards):,} shards could not be scored")
        counts = folder.join() if complete and folder.single else folder.counts()
        if not folder.single:
            folder.record(
                {
                    **counts,
                    "complete": complete,
                    "parts": [{"file": path.name, "bytes": path.stat().st_size} for path in parts],
                    "failed": {str(number): reason for number, reason in sorted(scored.failed.items())},
                    "left_out": sorted(self.plan.unreadable),
                    "job": self.facts,
                    **self.model.computed_by,
                    "packages": package_versions(),
                }
            )
        scored.rows, scored.without_text, scored.labels = counts["rows"], counts["without_text"], counts["labels"]
        scored.deferred = counts["deferred"] if self.model.deferring else None
        return scored


def score_corpus(
    model: OpenModel,
    plan: Plan,
    output: str | os.PathLike,
    *,
    columns: Columns | None = None,
    asker: Asker | None = None,
    asked: Mapping[str, Any] | None = None,
    force: bool = False,
) -> Scored:
    """Score every row of a corpus, in order, and write the predictions.

    A row without a text keeps its place, with nulls. A shard that cannot be read is told of at the end, when all others
    are written; the same call then scores only what is missing, as it does after a stop at any moment.

    Args:
        model: as `open_model` gives it.
        plan: as `plan_shards` gives it.
        output: a folder, for `part-00000.parquet` … and `manifest.json`; or a table: .parquet, .csv, .jsonl.
        columns: of the input.
        asker: budget, and experts that answer what is deferred while later shards are scored.
        asked: what names them in the job's record.
        force: replace an output that is there, or that is of another job.

    Returns:
        Counts, rates, and what failed.

    Raises:
        InputError: the output is of another job, the first shard cannot be read or scored, or the model gives what is
            no finite number.
        DiskFullError: no room was left; what is written stays, and the same call goes on.
    """
    job = ScoringJob(model, plan, output, columns, asked)
    job.claim(force=force)
    worker = job.worker(asker)
    with job.shown("scoring") as bar:
        for result in written_shards(worker, job.left(plan.shards), job.folder, bar.update):
            job.add(result)
    return job.finish()


__all__ = ["Columns", "Scored", "ScoringJob", "score_corpus"]
