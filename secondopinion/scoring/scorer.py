"""A model that scores texts: tokens, batches, a backend, and rows in the order given."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError
from .backends import Backend
from .backends.tuning import Batching
from .batch_runner import Batch, BatchRunner, RowOutputs
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
        self.encode = TextEncoder(reader, max_length, long_texts)
        self.runner = BatchRunner(backend, multiple=multiple, cache=cache, batching=batching)
        self._pad = Padder(reader, multiple)

    @property
    def backend(self) -> Backend:
        """What computes."""
        return self.runner.backend

    @property
    def batching(self) -> Batching | None:
        """How rows are put together; None before the first were."""
        return self.runner.batching

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
        rows = RowOutputs(len(encoded.lengths))
        self.runner.run(encoded.lengths, functools.partial(self._inputs, encoded), rows, advance=advance)
        outputs = rows.found
        if encoded.owners is not None:
            pooled = self.encode.long_texts.pooled
            outputs = {name: pooled(rows, encoded.owners, encoded.texts) for name, rows in outputs.items()}
        wrong = ~np.isfinite(outputs["logits"]).reshape(len(outputs["logits"]), -1).all(axis=1)
        if wrong.any():
            raise InputError(f"the model gives no finite number for {wrong.sum()} of {len(wrong)} texts; it is damaged")
        return Scores(outputs, int(encoded.lengths.sum()))

    def tune(self, encoded: EncodedTexts, force: bool = False) -> Batching:
        """Use the quickest batching for such texts, and return it; see `tuned`."""
        return self.runner.tune(encoded.lengths, functools.partial(self._inputs, encoded), force=force)

    def facts(self) -> dict[str, Any]:
        """Return what a record says of how rows were computed: backend and batches."""
        return {
            "computed_by": self.backend.facts(),
            "batching": None if self.batching is None else asdict(self.batching),
        }

    def close(self) -> None:
        """Let the threads go."""
        self.runner.close()

    def _inputs(self, encoded: EncodedTexts, places: np.ndarray) -> Batch:
        wanted = self.backend.inputs
        given = {name: value for name, value in self._pad(encoded, places).items() if name in wanted}
        if "truncated" in wanted:
            given["truncated"] = encoded.truncated[places]
        return given


__all__ = ["Scorer", "Scores"]
