"""Signals of how sure a model is of its answers to questions: what a deferral policy reads of a row."""

from collections.abc import Mapping, Sequence

import numpy as np

from .qa_answers import Answers

SPAN_SIGNALS = ("answer_probability", "span_probability", "n_best_margin", "no_answer_margin", "no_answer")
CATEGORY_SIGNALS = ("category_entropy", "category_max_probability")
ANSWER_SIGNALS = SPAN_SIGNALS + CATEGORY_SIGNALS
# Odds beyond this say nothing more; a row without any span has infinite ones.
LARGEST_MARGIN = 20.0


def known_signals(tasks: Sequence[str]) -> tuple[str, ...]:
    """Return the signals that a model of these tasks has.

    >>> known_signals(["category"])
    ('category_entropy', 'category_max_probability')
    """
    return SPAN_SIGNALS * ("span" in tasks) + CATEGORY_SIGNALS * ("category" in tasks)


def confidence_signal(tasks: Sequence[str]) -> str:
    """Return the signal that is the confidence of what is answered: a span or none, or else the category.

    >>> confidence_signal(["span", "category"]), confidence_signal(["category"])
    ('answer_probability', 'category_max_probability')
    """
    return "answer_probability" if "span" in tasks else "category_max_probability"


def answer_signals(answers: Answers, names: Sequence[str], threshold: float | None = None) -> np.ndarray:
    """Return signals of decoded answers.

    - `answer_probability`: of what is given, a span or none, among the n best spans and none.
    - `span_probability`: of the best span, whether it is given or not.
    - `n_best_margin`: probability of the best span over that of the second.
    - `no_answer_margin`: how far the null odds are from the threshold, either side of it; 20 at most.
    - `no_answer`: 1 where no answer is given.
    - `category_entropy`: of the categories, from 0 to 1.
    - `category_max_probability`: of the likeliest category.

    Args:
        answers: of `decode`.
        names: which signals, in the order wanted.
        threshold: the model's own no-answer threshold, from which the margin is measured, where the answers were
            judged by another one; that of the answers by default.

    Returns:
        (rows, len(names)) float32, finite.

    Raises:
        ValueError: a signal is unknown, or of a head that the model does not have.
    """
    margin = answers if threshold is None else answers.with_threshold(threshold)
    return stack_signals(
        {
            "answer_probability": answers.prediction_score,
            "span_probability": answers.span_probability,
            "n_best_margin": answers.n_best_margin,
            "no_answer_margin": margin.no_answer_margin,
            "no_answer": answers.no_answer,
            "category_entropy": answers.category_entropy,
            "category_max_probability": answers.category_max_probability,
        },
        names,
    )


def stack_signals(columns: Mapping[str, np.ndarray | None], names: Sequence[str]) -> np.ndarray:
    """Return columns of signals as (rows, len(names)) float32, margins cut off.

    Args:
        columns: {signal: (rows,)}, as `answer_signals` describes them; None or absent for what a model does not have.
        names: which signals, in the order wanted.

    Raises:
        ValueError: a signal is unknown or not among the columns.

    >>> stack_signals({"no_answer_margin": np.array([np.inf])}, ["no_answer_margin"]).tolist()
    [[20.0]]
    """
    check_signals(names)
    for name in names:
        if columns.get(name) is None:
            head = "category" if name in CATEGORY_SIGNALS else "span"
            raise ValueError(f"the signal {name!r} is read from the {head} head, which this model does not have")
    rows = len(next(column for column in columns.values() if column is not None))
    values = np.empty((rows, len(names)), dtype=np.float32)
    for place, name in enumerate(names):
        column = columns[name]
        values[:, place] = np.minimum(column, LARGEST_MARGIN) if name == "no_answer_margin" else column
    return values


def check_signals(names: Sequence[str]) -> None:
    """Refuse names that are no signals.

    Raises:
        ValueError: a name is unknown or stands twice.
    """
    unknown = [name for name in names if name not in ANSWER_SIGNALS]
    if unknown:
        raise ValueError(f"unknown signals of an answer {unknown}; known: {', '.join(ANSWER_SIGNALS)}")
    if len(set(names)) != len(names):
        raise ValueError(f"signals of an answer are named more than once: {list(names)}; name each once")


__all__ = [
    "ANSWER_SIGNALS",
    "CATEGORY_SIGNALS",
    "SPAN_SIGNALS",
    "answer_signals",
    "check_signals",
    "confidence_signal",
    "known_signals",
    "stack_signals",
]
