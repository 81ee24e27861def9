"""Answers of rows as columns: what a fold leaves on disk, texts left out."""

from __future__ import annotations

import dataclasses
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.errors import InputError
from ...core.files import atomic_file
from ...modeling.no_answer import no_answer_probability
from ...modeling.qa_answers import Answers

Column = np.ndarray | None


@dataclass(frozen=True)
class AnswerRows:
    """One answer a row. Without the span task all but the categories is None, without the category task these are.

    Attributes:
        start: (rows,) first character of the answer given; -1 for none.
        end: (rows,) the character after its last; -1 for none.
        best_start: (rows,) of the best span, whether it is given or not; -1 where a context has no token.
        best_end: (rows,) likewise.
        score: (rows,) probability of what is given, an answer or none.
        null_odds: (rows,) score of the null answer minus that of the best span.
        no_answer_probability: (rows,) calibrated.
        span_probability: (rows,) of the best span.
        n_best_margin: (rows,) its probability over that of the second.
        no_answer_margin: (rows,) how far `null_odds` is from the threshold.
        category_probabilities: (rows, 5) calibrated.
        category_entropy: (rows,) of them, 0 to 1.
        raw_category_probabilities: (rows, 5) before the temperature.
    """

    start: Column = None
    end: Column = None
    best_start: Column = None
    best_end: Column = None
    score: Column = None
    null_odds: Column = None
    no_answer_probability: Column = None
    span_probability: Column = None
    n_best_margin: Column = None
    no_answer_margin: Column = None
    category_probabilities: Column = None
    category_entropy: Column = None
    raw_category_probabilities: Column = None

    def __len__(self) -> int:
        return len(next(iter(self.columns().values())))

    def columns(self) -> dict[str, np.ndarray]:
        """Return the columns that there are."""
        named = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: column for name, column in named.items() if column is not None}

    def take(self, rows: np.ndarray) -> AnswerRows:
        """Return some of the rows."""
        return AnswerRows(**{name: column[rows] for name, column in self.columns().items()})

    def always_answering(self) -> AnswerRows:
        """Return the same rows with their best spans given, whatever the threshold."""
        return dataclasses.replace(self, start=self.best_start, end=self.best_end)

    def save(self, path: str | os.PathLike) -> None:
        """Write the columns as `.npz`, whole or not at all."""
        with atomic_file(path) as temporary, open(temporary, "wb") as handle:
            np.savez_compressed(handle, **self.columns())

    @classmethod
    def load(cls, path: str | os.PathLike) -> AnswerRows:
        """Read what `save` wrote.

        Raises:
            InputError: it is something else.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                return cls(**{name: stored[name] for name in stored.files})
        except (OSError, ValueError, TypeError, zipfile.BadZipFile) as error:
            raise InputError(f"{path} does not hold answers ({error}); delete it and train its fold again") from None

    @classmethod
    def concatenate(cls, parts: Sequence[AnswerRows]) -> AnswerRows:
        """Return the rows of several, one after another."""
        names = parts[0].columns()
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})

    @classmethod
    def of(cls, answers: Answers, raw_categories: Answers | None, record: dict[str, Any] | None) -> AnswerRows:
        """Keep of decoded answers what a run needs.

        Args:
            answers: of `decode`.
            raw_categories: the same without the category's temperature; None for a model without categories.
            record: `no_answer_record` of the model's configuration.
        """
        columns: dict[str, np.ndarray] = {}
        if np.isfinite(answers.null_score).any():
            columns = {
                "start": answers.prediction_start,
                "end": answers.prediction_end,
                "best_start": answers.start[:, 0],
                "best_end": answers.end[:, 0],
                "score": answers.prediction_score,
                "null_odds": answers.null_odds,
                "no_answer_probability": no_answer_probability(answers.null_odds, record),
                "span_probability": answers.span_probability,
                "n_best_margin": answers.n_best_margin,
                "no_answer_margin": answers.no_answer_margin,
            }
        if answers.category_probabilities is not None:
            columns["category_probabilities"] = answers.category_probabilities
            columns["category_entropy"] = answers.category_entropy
            columns["raw_category_probabilities"] = raw_categories.category_probabilities
        return cls(**columns)
