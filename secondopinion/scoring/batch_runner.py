"""Batches of like length computed by a backend, one at a time or several at once."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.memory import is_out_of_memory
from .backends import Backend, tuning
from .backends.tuning import Batching
from .batches import token_batches

Batch = dict[str, np.ndarray]


class BatchRunner:
    """Has a backend compute rows in batches under a token budget.

    Args:
        backend: what computes.
        multiple: of which the model makes its input's length one.
        cache: where a measured batching is kept; None for none.
        batching: in place of one that is measured once so many tokens were seen that it pays.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        multiple: int = 1,
        cache: Path | None = None,
        batching: Batching | None = None,
    ) -> None:
        self.backend, self.cache, self.batching = backend, cache, batching
        self.multiple = math.lcm(multiple, backend.width_step)
        self._pool: ThreadPoolExecutor | None = None
        self._settled, self._tokens = batching is not None, 0
        self._most_tokens: float = math.inf

    def run(
        self,
        lengths: np.ndarray,
        give: Callable[[np.ndarray], Batch],
        keep: Callable[[np.ndarray, Batch], object],
        *,
        advance: Callable[[int], object] | None = None,
    ) -> None:
        """Compute rows, the longest first.

        Args:
            lengths: (rows,) tokens of each row.
            give: makes the inputs of a batch of rows.
            keep: is given the rows of a batch and its outputs; by several threads.
            advance: called with the number of rows of each batch that is done.
        """
        lengths = np.asarray(lengths)
        self._tokens += int(lengths.sum())
        if not self._settled and (
            self._tokens >= tuning.WORTH_TUNING or tuning.kept_batching(self.backend, self.cache, lengths) is not None
        ):
            self.tune(lengths, give)
        self.use(self.batching or Batching.default(self.backend))
        self._compute(lengths, np.arange(len(lengths)), give, keep, advance)

    def tune(self, lengths: np.ndarray, give: Callable[[np.ndarray], Batch], *, force: bool = False) -> Batching:
        """Use the quickest batching for such rows, and return it; see `tuned`."""

        def trial(batching: Batching, rows: Sequence[int]) -> float:
            self.use(batching)
            return self._compute(lengths, np.asarray(rows), give, lambda places, outputs: None, None)

        lengths = np.asarray(lengths)
        self.use(tuning.tuned(self.backend, trial, lengths, self.cache, force=force))
        self._settled = True
        return self.batching

    def _compute(
        self,
        lengths: np.ndarray,
        chosen: np.ndarray,
        give: Callable[[np.ndarray], Batch],
        keep: Callable[[np.ndarray, Batch], object],
        advance: Callable[[int], object] | None,
    ) -> float:
        """Compute the chosen rows; returns tokens a second.

        Padding counts: of few rows, large batches hold more of it than they do of many, which says nothing of how quick
        they are. On a CPU, streams are timed by how long they compute on average, not by when the last one ends, since
        few long rows cannot be shared evenly; those that share a card wait for each other.
        """
        lock = threading.Lock()
        planned = list(token_batches(lengths[chosen], self.batching.token_budget, self.multiple))
        tokens: Counter[int] = Counter()
        for batch in planned:
            width = -(-int(lengths[chosen[batch]].max()) // self.multiple) * self.multiple
            tokens[width] += width * len(batch)
        self.backend.expect(tokens)
        batches = iter(planned)

        def work() -> float:
            started = time.perf_counter()
            for batch in _shared(batches, lock):
                for places, outputs in self._within_memory(lengths, chosen[batch], give):
                    keep(places, outputs)
                    if advance is not None:
                        advance(len(places))
            return time.perf_counter() - started

        workers = [self._pool.submit(work) for _ in range(self.batching.streams)]
        spent = [worker.result() for worker in workers]
        return tokens.total() / max(sum(spent) / len(spent) if self.backend.device == "cpu" else max(spent), 1e-9)

    def _within_memory(
        self, lengths: np.ndarray, places: np.ndarray, give: Callable[[np.ndarray], Batch]
    ) -> Iterator[tuple[np.ndarray, Batch]]:
        """Yield the rows of a batch with their outputs; by halves where memory is too little for all of them."""
        tokens = int(lengths[places].max()) * len(places)
        if tokens <= self._most_tokens or len(places) == 1:
            try:
                outputs = self.backend(give(places))
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if len(places) == 1:
                    raise InputError(
                        f"out of memory on {self.backend.device}: one text of {tokens:,} tokens is too much. Make room "
                        "(other programs, fewer workers), take a larger device or a model that reads less of a text"
                    ) from error
            else:
                yield places, outputs
                return
            # Later batches need not fail first.
            self._most_tokens = min(self._most_tokens, max(1, tokens // 2))
        for half in np.array_split(places, 2):
            yield from self._within_memory(lengths, half, give)

    def use(self, batching: Batching) -> None:
        """Compute in these batches from now on."""
        before, self.batching = self.batching, batching
        if self._pool is not None and before is not None and before.streams == batching.streams:
            return
        self.close()
        self.backend.prepare(batching.streams)
        self._pool = ThreadPoolExecutor(batching.streams, "scoring", initializer=self.backend.enter)

    def close(self) -> None:
        """Let the threads go."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None


class RowOutputs:
    """Collects outputs with one entry a row, in the order of the rows.

    Args:
        rows: how many there are.

    Attributes:
        found: name → (rows, …); empty before the first batch.
    """

    def __init__(self, rows: int) -> None:
        self.rows, self.found = rows, {}
        self._lock = threading.Lock()

    def __call__(self, places: np.ndarray, outputs: Batch) -> None:
        """Take the outputs of some rows."""
        for name, value in outputs.items():
            with self._lock:
                if name not in self.found:
                    self.found[name] = np.zeros((self.rows, *value.shape[1:]), dtype=value.dtype)
            self.found[name][places] = value


def _shared(items: Iterator[Any], lock: threading.Lock) -> Iterator[Any]:
    """Yield from an iterator that several threads read."""
    while True:
        with lock:
            item = next(items, None)
        if item is None:
            return
        yield item


__all__ = ["BatchRunner", "RowOutputs"]
