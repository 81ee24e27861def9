"""Figures of predicted answers, by the suite's own metric; texts are cut from their contexts and kept nowhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...core.errors import InputError
from ...metrics.clinical_qa.clinical_qa import flatten, paired_qa_differences, qa_figures, row_scores
from ..summary import summarise
from .answers import AnswerRows
from .data import QuestionAnsweringData


def measure(
    data: QuestionAnsweringData,
    rows: np.ndarray,
    answers: AnswerRows,
    *,
    n_resamples: int = 0,
    thresholds: bool = True,
) -> dict[str, Any]:
    """Return `figures` as in run.json; with `n_resamples` also intervals, over groups.

    Args:
        data: all rows.
        rows: which of them were answered, as indices.
        answers: one for each of `rows`.
        n_resamples: bootstrap resamples.
        thresholds: whether the figures of the best no-answer thresholds are among them, for which every row is scored
            once more.

    Raises:
        InputError: none of the rows has a label of a task that the model does.
    """
    said, true = predictions(data, rows, answers), references(data, rows)
    try:
        found = qa_figures(
            said, true, n_resamples=n_resamples, groups=data.groups[rows].tolist() if n_resamples else None
        )
        best = [name for name in found if name.startswith("best_")]
        if best and thresholds:  # what other thresholds would reach is read from the spans that were held back, too
            always = qa_figures(predictions(data, rows, answers.always_answering()), true)
            return found | {name: always[name] for name in best}
        return {name: value for name, value in found.items() if name not in best}
    except ValueError as error:
        raise InputError(f"{data.name}: {error}") from None


def score(data: QuestionAnsweringData, rows: np.ndarray, answers: AnswerRows) -> dict[str, list[Any]]:
    """Return each row's exact, f1, category_right and joint as columns; None where a row lacks the label."""
    return row_scores(predictions(data, rows, answers), references(data, rows))


def differences(
    data: QuestionAnsweringData, rows: np.ndarray, ours: AnswerRows, theirs: AnswerRows, n_resamples: int
) -> dict[str, dict[str, float]]:
    """Return {figure: {a, b, difference, low, high, p_value}}, ours minus theirs, for what both systems do.

    Args:
        data: all rows.
        rows: that both answered.
        ours: of the model.
        theirs: of the other one.
        n_resamples: bootstrap resamples, of whole groups.
    """
    return paired_qa_differences(
        predictions(data, rows, ours),
        predictions(data, rows, theirs),
        references(data, rows),
        groups=data.groups[rows].tolist(),
        n_resamples=n_resamples,
    )


def best_span_scores(data: QuestionAnsweringData, rows: np.ndarray, answers: AnswerRows) -> dict[str, np.ndarray]:
    """Return the scores of the best spans as if the model always answered: what a threshold is chosen by.

    Args:
        data: all rows.
        rows: which of them were answered, as indices.
        answers: one for each of `rows`.

    Returns:
        For the rows with a known span: `rows` (their places), `exact`, `f1` (0 in an unanswerable row) and
        `unanswerable`.
    """
    places = np.flatnonzero(data.span_labelled[rows])
    chosen = rows[places]
    always = answers.take(places).always_answering()
    found = row_scores(predictions(data, chosen, always), references(data, chosen)) if len(places) else {}
    unanswerable = data.unanswerable[chosen]
    scores = {name: np.array(found.get(name, []), dtype=np.float64) for name in ("exact", "f1")}
    return {
        "rows": places,
        "unanswerable": unanswerable,
        **{n: np.where(unanswerable, 0, v) for n, v in scores.items()},
    }


def summary(fold_figures: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return mean and standard deviation over folds of the figures that every fold has."""
    flat = [flatten(figures) for figures in fold_figures]
    common = set.intersection(*map(set, flat))
    return summarise([{name: value for name, value in figures.items() if name in common} for figures in flat])


def predictions(data: QuestionAnsweringData, rows: np.ndarray, answers: AnswerRows) -> list[dict[str, Any]]:
    """Return answers as the metric takes them."""
    found: list[dict[str, Any]] = [{"id": identifier} for identifier in data.ids[rows].tolist()]
    if answers.start is not None:
        starts, ends = answers.start.tolist(), answers.end.tolist()
        place = 0
        for _, _, contexts in data.texts(rows):
            for context in contexts:
                start, end = starts[place], ends[place]
                found[place]["prediction_text"] = context[start:end] if start >= 0 else ""
                place += 1
        for row, probability in zip(found, answers.no_answer_probability.tolist(), strict=True):
            row["no_answer_probability"] = min(max(probability, 0.0), 1.0)
    if answers.category_probabilities is not None:
        for row, probabilities in zip(found, answers.category_probabilities.tolist(), strict=True):
            row["category_probabilities"] = probabilities
    return found


def references(data: QuestionAnsweringData, rows: np.ndarray) -> list[dict[str, Any]]:
    """Return gold answers and categories as the metric takes them."""
    found = []
    for chosen, _, contexts in data.texts(rows):
        for row, context in zip(chosen, contexts, strict=True):
            spans = data.answers[row]
            found.append(
                {
                    "id": str(data.ids[row]),
                    "answers": {
                        "text": [context[start:end] for start, end in spans],
                        "answer_start": [start for start, _ in spans],
                    },
                    "category_probs": data.category_probs[row].tolist(),
                    "span_labelled": bool(data.span_labelled[row]),
                }
            )
    return found
