"""Each row's scores: the answer's exact match and F1, the category, and both together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .answers import Reader, score_answers
from .rows import NONE, Predictions, References, same_ids


@dataclass(frozen=True, eq=False)
class Scores:
    """Rows in the order of their ids, so that no figure depends on the order they came in.

    Args:
        place: (rows,) each row's place among the references as given.
        ids: (rows,) ids.
        spans: (rows,) whether the answer is scored; `exact` and `f1` are 0 elsewhere.
        exact: (rows,) exact match.
        f1: (rows,) F1 over tokens.
        raw: exact match and F1 before the no-answer threshold, both (rows,).
        has_answer: (rows,) whether the question has an answer.
        silent: (rows,) whether the answer as given is "".
        no_answer: (rows,) probability that there is no answer, or None where the system gives none.
        labelled: (rows,) whether the category is scored.
        gold: (rows,) true categories; where several tie, the one that was said if it is among them, else the first.
        said: (rows,) predicted categories, `NONE` where the system names none.
        groups: (rows,) numbers of the groups of dependent rows, or None.
    """

    place: np.ndarray
    ids: list[str]
    spans: np.ndarray
    exact: np.ndarray
    f1: np.ndarray
    raw: tuple[np.ndarray, np.ndarray]
    has_answer: np.ndarray
    silent: np.ndarray
    no_answer: np.ndarray | None
    labelled: np.ndarray
    gold: np.ndarray
    said: np.ndarray
    groups: np.ndarray | None

    @cached_property
    def category_right(self) -> np.ndarray:
        """(rows,) whether the category is scored and right."""
        return self.labelled & (self.gold == self.said)

    @cached_property
    def both(self) -> np.ndarray:
        """(rows,) whether answer and category are both scored."""
        return self.spans & self.labelled

    @cached_property
    def joint(self) -> np.ndarray:
        """(rows,) whether both are scored, the answer matches exactly and the category is right."""
        return self.both & (self.exact == 1) & self.category_right


def score_rows(
    predictions: Predictions,
    references: References,
    groups: Sequence[Any] | Mapping[str, Any] | None = None,
    no_answer_threshold: float = 1.0,
    name: str = "predictions",
    reader: Reader | None = None,
) -> Scores:
    """Match rows by id and score them.

    Args:
        predictions: one system's answers.
        references: what is true.
        groups: the group of each reference in the order given, or {id: group}.
        no_answer_threshold: an answer whose no-answer probability is above counts as "no answer".
        name: what the predictions are called in messages.
        reader: texts read before.

    Raises:
        ValueError: there are no rows, or ids, groups or probabilities do not fit together.
    """
    if not predictions.ids and not references.ids:
        raise ValueError(f"{name} and references are empty: there is nothing to measure")
    same_ids(predictions.ids, references.ids, name)
    place = np.array(sorted(range(len(references.ids)), key=references.ids.__getitem__))
    ids = [references.ids[at] for at in place]
    at_id = {row_id: at for at, row_id in enumerate(predictions.ids)}
    match = np.array([at_id[row_id] for row_id in ids])

    texts = [predictions.texts[at] for at in match]
    spans = references.spans[place]
    if all(text is None for text in texts):
        spans = np.zeros_like(spans)
    silence = [row_id for row_id, text, wanted in zip(ids, texts, spans, strict=True) if wanted and text is None]
    if silence:
        raise ValueError(
            f"{len(silence):,} of {int(spans.sum()):,} rows with a span label have no prediction_text in {name} "
            f'(first: {silence[0]!r}); give "" where there is no answer, or leave it out in every row (no spans at all)'
        )
    scored = np.flatnonzero(spans)
    golds = [references.texts[at] for at in place[scored]]
    exact, f1 = np.zeros(len(ids)), np.zeros(len(ids))
    exact[scored], f1[scored] = score_answers([texts[at] for at in scored], golds, reader)
    raw = (exact, f1)
    has_answer = np.zeros(len(ids), dtype=bool)
    has_answer[scored] = [bool(gold) for gold in golds]

    no_answer = _no_answer(predictions.no_answer[match], spans, ids, no_answer_threshold, name)
    if no_answer is not None:
        given_up = spans & (no_answer > no_answer_threshold)
        exact, f1 = (np.where(given_up, ~has_answer, values).astype(float) for values in raw)

    said, accepted = predictions.categories[match], references.accepted[place]
    labelled = accepted.any(axis=1) & (said != NONE).any()
    hit = np.append(accepted, np.zeros((len(ids), 1), dtype=bool), axis=1)[np.arange(len(ids)), said]
    if not spans.any() and not labelled.any():
        raise ValueError(
            f"there is nothing to measure: {name} and references share neither answers (prediction_text and a row with "
            "span_labelled) nor categories (category or category_probabilities, and category_probs)"
        )
    return Scores(
        place=place,
        ids=ids,
        spans=spans,
        exact=exact,
        f1=f1,
        raw=raw,
        has_answer=has_answer,
        silent=np.array([text == "" for text in texts]),
        no_answer=no_answer,
        labelled=labelled,
        gold=np.where(hit, said, accepted.argmax(axis=1)),
        said=said,
        groups=None if groups is None else _groups(groups, references.ids)[place],
    )


def row_columns(scores: Scores) -> dict[str, list[Any]]:
    """Return the rows' scores as columns in the order of the references; None where a row is not scored."""
    back = np.empty(len(scores.place), dtype=np.int64)
    back[scores.place] = np.arange(len(back))

    def column(values: np.ndarray, known: np.ndarray) -> list[Any]:
        cells = zip(values[back].tolist(), known[back].tolist(), strict=True)
        return [value if there else None for value, there in cells]

    return {
        "id": [scores.ids[at] for at in back],
        "exact": column(scores.exact, scores.spans),
        "f1": column(scores.f1, scores.spans),
        "has_answer": column(scores.has_answer, scores.spans),
        "category_right": column(scores.category_right, scores.labelled),
        "joint": column(scores.joint, scores.both),
    }


def _no_answer(
    values: np.ndarray, spans: np.ndarray, ids: Sequence[str], threshold: float, name: str
) -> np.ndarray | None:
    if isinstance(threshold, bool) or not isinstance(threshold, int | float | np.number) or not 0 <= threshold <= 1:
        raise ValueError(f"no_answer_threshold is {threshold!r}; give a probability from 0 to 1")
    missing = np.flatnonzero(spans & np.isnan(values))
    if not spans.any() or len(missing) == spans.sum():
        if threshold < 1 and spans.any():
            raise ValueError(f"no_answer_threshold is {threshold}, but {name} give no no_answer_probability")
        return None
    if len(missing):
        raise ValueError(
            f"{len(missing):,} of {int(spans.sum()):,} rows have no no_answer_probability in {name} "
            f"(first: {ids[missing[0]]!r}); give it for every row with a span label, or for none"
        )
    return values


def _groups(groups: Sequence[Any] | Mapping[str, Any], ids: Sequence[str]) -> np.ndarray:
    """Return (rows,) numbers of the groups."""
    if isinstance(groups, Mapping):
        missing = [row_id for row_id in ids if row_id not in groups]
        if missing:
            raise ValueError(f"{len(missing):,} of {len(ids):,} ids have no group (first: {missing[0]!r})")
        groups = [groups[row_id] for row_id in ids]
    if len(groups) != len(ids):
        raise ValueError(f"{len(ids)} references but {len(groups)} groups; give one group a reference")
    if any(group is None or group != group for group in groups):
        raise ValueError("some groups are missing; name each row's group by a string or a number")
    try:
        return np.unique(np.asarray(groups), return_inverse=True)[1]
    except TypeError:
        raise ValueError("groups mix kinds; name each row's group by a string or a number") from None
