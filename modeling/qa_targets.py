"""What a row of question answering is trained on: its answers as tokens of the context, its category."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .qa_tokens import TokenizedTexts

SUM_TOLERANCE = 1e-3


def answer_spans(answers: Any, context: str, name: str) -> list[tuple[int, int]]:
    """Return the characters of a row's answers, (first, after the last), in the order of the context.

    Args:
        answers: {"text": texts, "answer_start": their first characters}; no texts = the context holds no answer.
        context: in which they stand.
        name: how a message calls the row.

    Raises:
        ValueError: an answer is empty, outside the context, or not the context's text at its place.

    >>> answer_spans({"text": ["fever"], "answer_start": [3]}, "no fever", "row 0")
    [(3, 8)]
    """
    if not isinstance(answers, Mapping) or not {"text", "answer_start"} <= set(answers):
        given = sorted(map(str, answers)) if isinstance(answers, Mapping) else type(answers).__name__
        raise ValueError(
            f"{name}: answers are {given}; expected {{'text': [texts], 'answer_start': [numbers]}}, with empty lists "
            "where the context holds no answer, or None where nothing is known"
        )
    texts, starts = answers["text"], answers["answer_start"]
    if isinstance(texts, str) or not all(hasattr(part, "__len__") for part in (texts, starts)):
        raise ValueError(f"{name}: text and answer_start of its answers must be lists")
    if len(texts) != len(starts):
        raise ValueError(f"{name} has {len(texts)} answer texts and {len(starts)} answer_start; expected as many")
    spans = []
    for number, (text, given) in enumerate(zip(texts, starts, strict=True)):
        called = f"{name}: answer {number}"
        if not isinstance(text, str) or isinstance(given, bool) or not isinstance(given, int | np.integer):
            raise ValueError(
                f"{called} is a {type(text).__name__} at a {type(given).__name__}; expected a text (str) at a "
                "character offset (int)"
            )
        if not text.strip():
            raise ValueError(f"{called} is empty; give empty lists for a row without an answer")
        start, end = int(given), int(given) + len(text)
        if start < 0 or end > len(context):
            raise ValueError(
                f"{called} ({len(text)} characters) stands at offset {start}, outside its context of {len(context)} "
                "characters; offsets count characters of the context from 0"
            )
        if context[start:end] != text:
            raise ValueError(
                f"{called} ({len(text)} characters) is not what the context holds at offset {start}; offsets count "
                "characters (not bytes or tokens) of the very text that is given as context"
            )
        spans.append((start, end))
    return sorted(set(spans))


class AnswerTokens:
    """Finds the tokens of a context that an answer touches.

    Args:
        contexts: tokens of the contexts.
    """

    def __init__(self, contexts: TokenizedTexts) -> None:
        self.contexts = contexts
        # Tokens without text repeat their neighbour, so that both columns can be searched and never find one of them.
        self.ends = np.where(contexts.holds_text, contexts.ends, 0)
        self.starts = np.where(contexts.holds_text, contexts.starts, np.iinfo(np.int32).max)
        for begin, stop in zip(contexts.bounds[:-1], contexts.bounds[1:], strict=True):
            np.maximum.accumulate(self.ends[begin:stop], out=self.ends[begin:stop])
            backwards = self.starts[begin:stop][::-1]
            np.minimum.accumulate(backwards, out=backwards)

    def __call__(self, context: int, start: int, end: int) -> tuple[int, int] | None:
        """Return the first and the last token of characters `start` to `end`, None where no token holds them."""
        part = slice(*self.contexts.bounds[context : context + 2])
        first = int(np.searchsorted(self.ends[part], start, side="right"))
        last = int(np.searchsorted(self.starts[part], end, side="left")) - 1
        return (first, last) if first <= last else None


def category_targets(category_probs: Sequence[Sequence[float]] | np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return category targets as (rows, categories) float32.

    Args:
        category_probs: a row's probabilities of the categories; zeros where it has none.
        names: how a message calls each row.

    Raises:
        ValueError: the rows differ in length, or a row is neither probabilities that sum to 1 nor zeros.

    >>> category_targets([[0, 0], [0.5, 0.5]], ["row 0", "row 1"]).tolist()
    [[0.0, 0.0], [0.5, 0.5]]
    """
    if len(category_probs) != len(names):
        raise ValueError(f"{len(category_probs)} rows of category_probs came for {len(names)} rows; expected one each")
    try:
        targets = np.array([np.asarray(row, dtype=np.float64) for row in category_probs])
        targets = targets.reshape(len(names), -1) if len(names) == 0 else targets
    except (TypeError, ValueError):
        targets = np.zeros(0)
    if targets.ndim != 2:
        raise ValueError("category_probs must be as many numbers for every row: one probability a category")
    sums = targets.sum(axis=1)
    wrong = ~np.isfinite(targets).all(axis=1) | (targets < 0).any(axis=1)
    wrong |= (np.abs(sums - 1) > SUM_TOLERANCE) & (sums != 0)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise ValueError(
            f"{names[row]}: category_probs {targets[row].tolist()} sum to {sums[row]:g}; expected probabilities of 0 "
            "or more that sum to 1, or zeros for a row without a category"
        )
    return targets.astype(np.float32)


__all__ = ["AnswerTokens", "answer_spans", "category_targets"]
