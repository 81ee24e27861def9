"""Exact match and F1 of an answer's text, by the rules of SQuAD's official evaluation script, version 2.0."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

import numpy as np

# Rajpurkar et al. (2018), "Know What You Don't Know", evaluate-v2.0.py.
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalize(text: str) -> str:
    """Return the text in lower case, without ASCII punctuation, the articles a, an, the, and surplus white space.

    >>> normalize("The  patient's BP: 120/80 (a high one).")
    'patients bp 12080 high one'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


class Reader:
    """Reads each text once, however many rows, answers or systems hold it."""

    def __init__(self) -> None:
        self._normal: dict[str, str] = {}
        self._counts: dict[str, tuple[Counter[str], int]] = {}

    def normal(self, text: str) -> str:
        """Return `normalize(text)`."""
        found = self._normal.get(text)
        if found is None:
            found = self._normal[text] = normalize(text)
        return found

    def f1(self, first: str, second: str) -> float:
        """Return F1 of two normalised texts over the multiset of their tokens; neither is empty."""
        (tokens, size), (others, length) = self._count(first), self._count(second)
        if len(others) < len(tokens):
            tokens, others = others, tokens
        shared = sum(min(count, others[token]) for token, count in tokens.items() if token in others)
        if not shared:
            return 0.0
        precision, recall = shared / size, shared / length
        return 2 * precision * recall / (precision + recall)

    def _count(self, normal: str) -> tuple[Counter[str], int]:
        found = self._counts.get(normal)
        if found is None:
            tokens = normal.split()
            found = self._counts[normal] = (Counter(tokens), len(tokens))
        return found


def score_answers(
    predictions: Sequence[str], golds: Sequence[Sequence[str]], reader: Reader | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return (rows,) exact match and (rows,) F1, each the best over the row's gold answers.

    F1 is over the multiset of tokens. Gold answers that normalise to nothing are left out, as in the official script;
    where none remains, the empty answer alone is right (1, else 0).

    Args:
        predictions: (rows,) predicted texts; "" is no answer.
        golds: (rows,) lists of gold texts; an empty list is an unanswerable question.
        reader: what was read before, where several systems answer the same questions.

    >>> exact, f1 = score_answers(["the aspirin 81 mg", ""], [["Aspirin", "aspirin daily"], []])
    >>> exact.tolist(), f1.tolist()
    ([0.0, 1.0], [0.5, 1.0])
    """
    reader = reader or Reader()
    exact, f1 = np.zeros(len(predictions)), np.zeros(len(predictions))
    for row, (said, gold) in enumerate(zip(predictions, golds, strict=True)):
        text = reader.normal(said)
        wanted = [answer for answer in map(reader.normal, gold) if answer]
        if not wanted or not text:
            exact[row] = f1[row] = float(not wanted and not text)
        elif text in wanted:
            exact[row] = f1[row] = 1.0
        else:
            f1[row] = max(reader.f1(text, answer) for answer in wanted)
    return exact, f1
