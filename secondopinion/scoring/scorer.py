"""A model that scores texts: tokens, batches, a backend, and rows in the order given."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError
from .backends import Backend
from .backends.tuning import Batching, tuned
from .batches import token_batches
from .encoding import EncodedTexts, LongTexts, Padder, TextEncoder


@dataclass(frozen=True)
class Scores:
    """What a model says of texts.

    Attributes:
        outputs: field → (texts, …), in the order given.
        tokens: that were computed, padding left out.
    """

    outputs: dict[str, np.ndarray]
    tokens: int


class Scorer:
    """Scores texts at the machine's speed.

    Args:
        backend: what computes.
        reader: tokenizer or processor of the model.
        max_length: tokens read of each text, or of each window.
        long_texts: what is done with longer ones.
        multiple: of which the model makes its input's length one.
        cache: where a measured batching is kept; None for none.
        batching: in place of a measured one.
    """

    def __init__(
        self,
        backend: Backend,
        reader: Any,
        max_length: int | None,
        *,
        long_texts: LongTexts | None = None,
        multiple: int = 1,
        cache: Path | None = None,
        batching: Batching | None = None,
    ) -> None:
        self.backend = backend
        self.encode = TextEncoder(reader, max_length, long_texts)
        self.multiple, self.cache = multiple, cache
        self._pad = Padder(reader, multiple)
        self.batching: Batching | None = batching
        self._pool: ThreadPoolExecutor | None = None

    def score(self, texts: Sequence[str]) -> Scores:
        """Return what the model says of texts; see `score_encoded`."""
        return self.score_encoded(self.encode(texts))

    def score_encoded(self, encoded: EncodedTexts, advance: Any = None) -> Scores:
        """Return what the model says of tokenised texts.

        Args:
            encoded: as `encode` gives them.
            advance: called with the number of rows of each batch that is done.

        Raises:
            InputError: the model gives what is no finite number.
        """
        if self.batching is None:
            self.tune(encoded)
        elif self._pool is None:
            self.use(self.batching)
        outputs = self._run(encoded, range(len(encoded.lengths)), advance)
        if encoded.owners is not None:
            pooled = self.encode.long_texts.pooled
            outputs = {name: pooled(rows, encoded.owners, encoded.texts) for name, rows in outputs.items()}
        wrong = ~np.isfinite(outputs["logits"]).reshape(len(outputs["logits"]), -1).all(axis=1)
        if wrong.any():
            raise InputError(f"the model gives no finite number for {wrong.sum()} of {len(wrong)} texts; it is damaged")
        return Scores(outputs, int(encoded.lengths.sum()))

    def tune(self, encoded: EncodedTexts, force: bool = False) -> Batching:
        """Use the quickest batching for such texts, and return it; see `tuned`."""
        trial = functools.partial(self._trial, encoded)
        self.use(tuned(self.backend, trial, encoded.lengths, self.cache, force=force))
        return self.batching

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

    def _trial(self, encoded: EncodedTexts, batching: Batching, rows: Sequence[int]) -> None:
        self.use(batching)
        self._run(encoded, rows, None)

    def _run(self, encoded: EncodedTexts, rows: Sequence[int], advance: Any) -> dict[str, np.ndarray]:
        rows = np.asarray(rows)
        wanted = set(self.backend.inputs)
        found: dict[str, np.ndarray] = {}
        lock = threading.Lock()
        batches = iter(list(token_batches(encoded.lengths[rows], self.batching.token_budget, self.multiple)))

        def work() -> None:
            for batch in _shared(batches, lock):
                places = rows[batch]
                given = {name: value for name, value in self._pad(encoded, places).items() if name in wanted}
                if "truncated" in wanted:
                    given["truncated"] = encoded.truncated[places]
                for name, value in self.backend(given).items():
                    with lock:
                        if name not in found:
                            found[name] = np.zeros((len(rows), *value.shape[1:]), dtype=value.dtype)
                    found[name][batch] = value
                if advance is not None:
                    advance(len(batch))

        for future in [self._pool.submit(work) for _ in range(self.batching.streams)]:
            future.result()
        return found


def _shared(items: Iterator[Any], lock: threading.Lock) -> Iterator[Any]:
    """Yield from an iterator that several threads read."""
    while True:
        with lock:
            item = next(items, None)
        if item is None:
            return
        yield item


__all__ = ["Scorer", "Scores"]
