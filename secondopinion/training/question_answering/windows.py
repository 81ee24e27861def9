"""The windows that a fold trains on: all that hold an answer, and a share of those that hold none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.errors import InputError
from ...modeling.multitask_losses import IGNORED
from ...modeling.qa_windows import Windows, make_windows
from ..qa_recipe import QuestionAnsweringSpec
from .data import QuestionAnsweringData


def windows_of(
    data: QuestionAnsweringData, tokenizer: Any, spec: QuestionAnsweringSpec, *, reads_context: bool = True
) -> Windows:
    """Return the windows of all rows with their targets; made once for all folds.

    Each distinct question and context is tokenised once, so that rows that ask the same text cost little.

    Args:
        data: the rows.
        tokenizer: the encoder's.
        spec: sizes, and whether category targets are soft or hard.
        reads_context: False for windows of the questions alone.

    Raises:
        InputError: a text has no token, or a window no room for the context.
    """
    questions, contexts, known = [], [], {}
    for _, some_questions, some_contexts in data.texts(np.arange(len(data))):
        questions += [known.setdefault(text, text) for text in some_questions]
        contexts += [known.setdefault(text, text) for text in some_contexts]
    answers = [
        {"text": [text[start:end] for start, end in spans], "answer_start": [start for start, _ in spans]}
        if labelled
        else None
        for text, spans, labelled in zip(contexts, data.answers, data.span_labelled.tolist(), strict=True)
    ]
    try:
        return make_windows(
            tokenizer,
            questions,
            contexts if reads_context else None,
            max_length=spec.max_length,
            doc_stride=spec.doc_stride,
            max_question_length=spec.max_question_length,
            answers=answers,
            category_probs=targets(data.category_probs, spec.category_targets),
            reads_context=reads_context,
            ids=data.ids.tolist(),
        )
    except ValueError as error:
        raise InputError(f"{data.name}: {error}") from None


def targets(category_probs: np.ndarray, kind: str) -> np.ndarray:
    """Return (rows, 5) what the category task is trained on.

    Args:
        category_probs: (rows, 5), zeros where a row has no category.
        kind: `soft` leaves them, `hard` gives all to the highest, in equal shares where several are.

    >>> targets(np.array([[0.5, 0.5, 0, 0, 0], [0.6, 0.4, 0, 0, 0]]), "hard").tolist()
    [[0.5, 0.5, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0, 0.0]]
    """
    if kind == "soft":
        return category_probs
    top = category_probs.max(axis=1, keepdims=True)
    highest = (category_probs >= top - 1e-6) & (top > 0)
    return highest / np.maximum(highest.sum(axis=1, keepdims=True), 1)


def windows_in(windows: Windows, rows: np.ndarray) -> np.ndarray:
    """Return the windows of some rows, as sorted indices."""
    return np.flatnonzero(np.isin(windows.row, rows))


def training_windows(
    windows: Windows, rows: np.ndarray, negative_windows: float | None, seed: int, tasks: Sequence[str]
) -> np.ndarray:
    """Return the windows to train on, as sorted indices; the same in every epoch.

    Windows with an answer, and those that carry a row's category, are all kept. Of the others, which teach that there
    is no answer, so many are drawn that there are `negative_windows` for each window with an answer. Windows that teach
    nothing are left out.

    Args:
        windows: of all rows, with targets.
        rows: training rows, as indices.
        negative_windows: how many without an answer for each with one; None for all.
        seed: of the draw.
        tasks: what is trained. Both are drawn for alike, so that a single task sees the windows that it sees beside
            the other one, less those that teach it nothing.
    """
    chosen = windows_in(windows, rows)
    starts = np.full(len(chosen), IGNORED) if windows.start_positions is None else windows.start_positions[chosen]
    positive = starts > 0
    negative = starts == 0
    carries = (
        np.zeros(len(chosen), bool) if windows.category_probs is None else windows.category_probs[chosen].any(axis=1)
    )
    keep = positive | carries
    spare = np.flatnonzero(negative & ~keep)
    if negative_windows is not None:
        wanted = round(negative_windows * int(positive.sum())) - int((negative & keep).sum())
        random = np.random.default_rng([seed, 1])
        spare = random.choice(spare, size=min(max(wanted, 0), len(spare)), replace=False)
    keep[spare] = True
    teaches = (("span" in tasks) & (starts != IGNORED)) | (("category" in tasks) & carries)
    return chosen[keep & teaches]


def window_facts(windows: Windows, training: np.ndarray) -> dict[str, Any]:
    """Return what run.json records of a fold's windows."""
    starts = windows.start_positions
    positive = 0 if starts is None else int((starts[training] > 0).sum())
    return {
        "training": len(training),
        "with_answer": positive,
        "without_answer": 0 if starts is None else int((starts[training] == 0).sum()),
        "all": len(windows),
        "cut_questions": windows.cut_questions,
        "lost_answers": len(windows.lost_answers),
    }
