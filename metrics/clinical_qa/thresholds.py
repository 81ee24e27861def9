"""The no-answer threshold that would have been best on these rows, as SQuAD's official script 2.0 finds it."""

from __future__ import annotations

import numpy as np


def best_threshold(
    scores: np.ndarray, no_answer: np.ndarray, has_answer: np.ndarray, silent: np.ndarray
) -> tuple[float, float]:
    """Return the best mean score that a threshold on the no-answer probability reaches, and that threshold.

    A row keeps its answer where its probability is at most the threshold. Rows of equal probability fall on one side
    together; the official script may cut between them, by the order of the rows.

    Args:
        scores: (rows,) exact match or F1 of the answers as given.
        no_answer: (rows,) probability that there is no answer.
        has_answer: (rows,) whether the question has an answer.
        silent: (rows,) whether the answer given is the empty text.

    >>> best_threshold(np.array([1.0, 0.0]), np.array([0.2, 0.7]), np.array([True, False]), np.array([False, False]))
    (1.0, 0.2)
    """
    order = np.argsort(no_answer, kind="stable")
    gained = np.where(has_answer, scores, np.where(silent, 0.0, -1.0))[order]
    reached = np.cumsum(np.concatenate([[np.count_nonzero(~has_answer)], gained]))
    levels = no_answer[order]
    ends = np.flatnonzero(np.append(levels[1:] != levels[:-1], True)) + 1
    # The first of equally good thresholds, and 0 where no threshold beats answering nothing.
    best = int(np.argmax(reached[ends]))
    if reached[ends[best]] <= reached[0]:
        return float(reached[0] / len(scores)), 0.0
    return float(reached[ends[best]] / len(scores)), float(levels[ends[best] - 1])
