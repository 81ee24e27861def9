"""A corpus scored shard by shard: reading and tokenising run ahead of the model, asking runs behind it."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from ..core.machine import package_versions
from ..core.progress import progress, say
from .encoding import merged
from .opening import OpenModel
from .output_folder import OutputFolder
from .predictions_table import column_types, scored_columns, table_of
from .shards import Plan, Rows, Shard, ShardReader

# Shards whose answers are waited for while later ones are scored.
WAITING = 4


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


class ShardScorer:
    """Scores shards one after the other.

    Args:
        model: as `open_model` gives it.
        reader: of the plan's sources.
        asker: answers what is deferred; None decides without asking.
    """

    def __init__(self, model: OpenModel, reader: ShardReader, asker: Asker | None = None) -> None:
        self.model, self.reader, self.asker = model, reader, asker
        self.types = column_types(model.config, model.deferring, asker is not None and asker.asks)

    def encoded(self, shard: Shard) -> tuple[Rows, list[int], Any, list[str]]:
        """Return rows, places of those with a text, their tokens, and the texts where an expert may need them."""
        rows, places, parts, texts = Rows(), [], [], []
        for few in self.reader.read(shard):
            start = len(rows.ids)
            told = [number for number, text in enumerate(few.texts) if text is not None]
            given = [few.texts[number] for number in told]
            places += [start + number for number in told]
            if given:
                parts.append(self.model.scorer.encode(given))
            if self.asker is not None and self.asker.asks:
                texts += given
            rows.ids += few.ids
            for name, values in few.kept.items():
                rows.kept.setdefault(name, []).extend(values)
        return rows, places, merged(parts) if parts else None, texts

    def columns(self, places: Sequence[int], encoded: Any, advance: Any = None) -> tuple[dict[str, Any], int]:
        """Return the columns of the rows with a text, and how many tokens were computed."""
        if encoded is None:
            return {name: [] for name in self.types}, 0
        scores = self.model.scorer.score_encoded(encoded, advance)
        return scored_columns(self.model.config, scores.outputs, len(places)), scores.tokens


class Asker:
    """Admits deferrals under a budget and asks experts for them.

    Args:
        experts: name → callable from (texts, ids) to rows with `label` and `error`; None asks nobody.
        budget: a `StreamingBudget`, or None for none.
        classes: of the model.
    """

    def __init__(self, experts: Mapping[str, Callable[..., Sequence[Any]]] | None, budget: Any, classes: Sequence[str]):
        self.experts, self.budget, self.classes = experts, budget, dict.fromkeys(classes, 0.0)
        self.asks = experts is not None

    def admit(self, columns: dict[str, Any]) -> None:
        """Take back the deferrals that the budget has no room for."""
        if self.budget is not None and columns["deferred"]:
            columns["deferred"] = self.budget.admit(columns["deferred"], columns["deferral_score"])

    def answer(self, columns: dict[str, Any], texts: Sequence[str], ids: Sequence[str]) -> None:
        """Ask for the deferred rows, and fill in whose answer is the final one."""
        from ..modeling.pipeline_deferring_text_classification import read_vote

        rows = len(columns["deferred"])
        columns["expert_label"], columns["expert_error"] = [None] * rows, [None] * rows
        columns["final_label"] = list(columns["label"])
        for name, expert in (self.experts or {}).items():
            wanted = [
                number for number in range(rows) if columns["deferred"][number] and columns["expert"][number] == name
            ]
            if not wanted:
                continue
            votes = list(expert([texts[number] for number in wanted], [ids[number] for number in wanted]))
            if len(votes) != len(wanted):
                raise InputError(f"expert {name!r} gave {len(votes)} answers to {len(wanted)} texts; expected one each")
            for number, vote in zip(wanted, votes, strict=True):
                label, error = read_vote(vote, name, self.classes)
                columns["expert_label"][number], columns["expert_error"][number] = label, error
                columns["final_label"][number] = label or columns["label"][number]


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
    columns = columns or Columns()
    folder = OutputFolder(Path(output).expanduser())
    job = job_facts(model, plan, columns, asked)
    done = folder.claim(job, plan.identities(), force=force)
    reader = ShardReader(plan.sources, columns.id, columns.text, columns.keep)
    worker = ShardScorer(model, reader, asker)
    if asker is not None and asker.budget is not None and done:
        counts = folder.counts()
        asker.budget.seen, asker.budget.deferred = counts["rows"] - counts["without_text"], counts["deferred"]
    started = time.perf_counter()
    scored = Scored(folder.target)
    with progress(total=plan.rows, label="scoring") as bar:
        bar.update(sum(shard.rows for shard in plan.shards if shard.number in done))
        todo = [shard for shard in plan.shards if shard.number not in done]
        for result in written_shards(worker, todo, folder, bar.update):
            scored.add(result, first=not done)
    scored.seconds = time.perf_counter() - started
    return finished(folder, scored, job, plan, model)


@dataclass(frozen=True)
class ShardResult:
    """What became of a shard.

    Attributes:
        number: of the shard.
        rows: that were written.
        tokens: that were computed.
        error: why none were written; None where they were.
    """

    number: int
    rows: int = 0
    tokens: int = 0
    error: str | None = None


def written_shards(
    worker: ShardScorer, shards: Iterable[Shard], folder: OutputFolder, advance: Callable[[int], object]
) -> Iterator[ShardResult]:
    """Score shards and write each; yield what became of it."""
    for shard, result in scored_shards(worker, shards, advance):
        if isinstance(result, InputError):
            yield ShardResult(shard.number, error=str(result))
            continue
        table, tokens = result
        folder.write(shard.number, table)
        yield ShardResult(shard.number, len(table), tokens)


def scored_shards(
    worker: ShardScorer, shards: Iterable[Shard], advance: Callable[[int], object]
) -> Iterator[tuple[Shard, tuple[Any, int] | InputError]]:
    """Yield each shard with its table and its tokens, or with what is wrong with it, in order.

    The next shard is read and tokenised while one is computed; what is deferred is asked while later ones are.
    """
    waiting: deque[tuple[Shard, Future | None, Any]] = deque()
    with ThreadPoolExecutor(1, "reading") as ahead, ThreadPoolExecutor(1, "asking") as behind:
        for shard, result in _one_ahead(ahead, worker.encoded, shards):
            if isinstance(result, InputError):
                waiting.append((shard, None, result))
            else:
                rows, places, encoded, texts = result
                found, tokens = worker.columns(places, encoded, advance)
                advance(len(rows.ids) - len(places))
                waiting.append((shard, *_asked(worker, behind, rows, places, found, tokens, texts)))
            while waiting and (len(waiting) > WAITING or waiting[0][1] is None or waiting[0][1].done()):
                yield _settled(*waiting.popleft())
        while waiting:
            yield _settled(*waiting.popleft())


def _asked(
    worker: ShardScorer,
    behind: ThreadPoolExecutor,
    rows: Rows,
    places: Sequence[int],
    columns: dict[str, Any],
    tokens: int,
    texts: Sequence[str],
) -> tuple[Future | None, Any]:
    def table() -> tuple[Any, int]:
        return table_of(rows, places, columns, worker.types, worker.reader.types), tokens

    if worker.asker is None or not places:
        return None, table()
    worker.asker.admit(columns)
    if not worker.asker.asks:
        return None, table()

    def answered() -> tuple[Any, int]:
        worker.asker.answer(columns, texts, [rows.ids[place] for place in places])
        return table()

    return behind.submit(answered), None


def _settled(shard: Shard, future: Future | None, result: Any) -> tuple[Shard, Any]:
    return shard, result if future is None else future.result()


def _one_ahead(pool: ThreadPoolExecutor, work: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Yield (item, result or InputError) in order, computing the next result meanwhile."""

    def tried(item: Any) -> Any:
        try:
            return work(item)
        except InputError as error:
            return error

    before: tuple[Any, Future] | None = None
    for item in items:
        future = pool.submit(tried, item)
        if before is not None:
            yield before[0], before[1].result()
        before = (item, future)
    if before is not None:
        yield before[0], before[1].result()


def job_facts(model: OpenModel, plan: Plan, columns: Columns, asked: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what decides the rows of an output: plain data, no path."""
    return {
        "model": model.facts,
        "input": [source.name for source in plan.sources],
        "rows": {"per_part": plan.rows_per_shard, "limit": plan.limit},
        "columns": {"id": columns.id, "text": columns.text, "keep": list(columns.keep)},
        "asked": dict(asked) if asked else None,
    }


def finished(folder: OutputFolder, scored: Scored, job: dict[str, Any], plan: Plan, model: OpenModel) -> Scored:
    """Write the manifest, or put the table together, where every shard is there; and return the counts.

    Raises:
        DiskFullError: no room was left.
    """
    counts = folder.counts()
    scored.rows, scored.without_text, scored.labels = counts["rows"], counts["without_text"], counts["labels"]
    scored.deferred = counts["deferred"] if model.deferring else None
    complete = len(folder.parts()) == len(plan.shards)
    if scored.failed:
        say(f"{len(scored.failed):,} of {len(plan.shards):,} shards could not be scored")
    if complete or not folder.single:
        batching = getattr(model.scorer, "batching", None)
        manifest = {
            **counts,
            "complete": complete,
            "parts": [{"file": path.name, "bytes": path.stat().st_size} for path in folder.parts()],
            "failed": {str(number): reason for number, reason in sorted(scored.failed.items())},
            "left_out": sorted(plan.unreadable),
            "job": job,
            "computed_by": model.scorer.backend.facts()
            if hasattr(model.scorer, "backend")
            else {"name": "scikit-learn"},
            "batching": None
            if batching is None
            else {"token_budget": batching.token_budget, "streams": batching.streams},
            "packages": package_versions(),
        }
        folder.finish(manifest)
    return scored


__all__ = ["Asker", "Columns", "Scored", "ShardResult", "ShardScorer", "finished", "job_facts", "score_corpus"]
