"""Shards scored one after the other: reading and tokenising run ahead of the model, asking runs behind it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ..core.errors import InputError
from .asker import Asker
from .corpus.output_folder import OutputFolder
from .corpus.predictions_table import column_types, scored_columns, table_of
from .corpus.shards import Rows, Shard, ShardReader
from .encoding import merged
from .opening import OpenModel

# Shards whose answers are waited for while later ones are scored.
WAITING = 4


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


__all__ = ["ShardResult", "ShardScorer", "scored_shards", "written_shards"]
