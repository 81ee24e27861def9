"""What came in: predictions and references as people give them, checked, as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

CATEGORIES = ("Diagnosis", "Medication", "Symptoms", "Procedure", "Lab Reports")
NONE = len(CATEGORIES)
SUM_TOLERANCE = 1e-3
TIE_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class Predictions:
    """One system's answers.

    Args:
        ids: (rows,) ids.
        texts: (rows,) answers, "" for no answer, None where the system answers no such question.
        no_answer: (rows,) probability that there is no answer, NaN where it was not given.
        categories: (rows,) positions in `CATEGORIES`, `NONE` where the system names none.
    """

    ids: list[str]
    texts: list[str | None]
    no_answer: np.ndarray
    categories: np.ndarray


@dataclass(frozen=True, eq=False)
class References:
    """What is true.

    Args:
        ids: (rows,) ids.
        texts: (rows,) gold answers; an empty list is an unanswerable question.
        spans: (rows,) whether the row has a span label (also "no answer").
        accepted: (rows, 5) the categories that count as right; none where the row is unlabelled.
    """

    ids: list[str]
    texts: list[list[str]]
    spans: np.ndarray
    accepted: np.ndarray


def read_predictions(rows: Sequence[Mapping[str, Any]], name: str = "predictions") -> Predictions:
    """Return checked predictions.

    Raises:
        ValueError: a row is no dict, lacks its id or repeats one, or holds a value that is none.

    >>> read_predictions([{"id": "q1", "prediction_text": "rash", "category": "Symptoms"}]).categories.tolist()
    [2]
    """
    rows, ids = _ids(rows, name)
    return Predictions(
        ids=ids,
        texts=[_text(row.get("prediction_text"), name, row_id) for row, row_id in zip(rows, ids, strict=True)],
        no_answer=np.array([_no_answer(row, name, row_id) for row, row_id in zip(rows, ids, strict=True)]),
        categories=_categories(rows, ids, name),
    )


def read_references(rows: Sequence[Mapping[str, Any]]) -> References:
    """Return checked references.

    Raises:
        ValueError: a row is no dict, lacks its id or repeats one, or holds a value that is none.

    >>> row = {"id": "q1", "answers": {"text": [], "answer_start": []}, "category_probs": [0, 0, 0.5, 0, 0.5]}
    >>> read_references([row]).accepted.tolist()
    [[False, False, True, False, True]]
    """
    rows, ids = _ids(rows, "references")
    spans = np.array([_flag(row.get("span_labelled"), row_id) for row, row_id in zip(rows, ids, strict=True)], bool)
    texts = [_golds(row, row_id, span) for row, row_id, span in zip(rows, ids, spans.tolist(), strict=True)]
    given = [_probabilities(row.get("category_probs")) for row in rows]
    probs = _probability_table(given, ids, "references", "category_probs")
    top = probs.max(axis=1, keepdims=True, initial=0)
    return References(ids, texts, spans, (probs >= top - TIE_TOLERANCE) & (top > 0))


def same_ids(predictions: Sequence[str], references: Sequence[str], name: str = "predictions") -> None:
    """Raise ValueError where two lists of ids do not hold the same ids."""
    said, true = set(predictions), set(references)
    missing = [row_id for row_id in references if row_id not in said]
    surplus = [row_id for row_id in predictions if row_id not in true]
    if not missing and not surplus:
        return
    found = []
    if missing:
        first = f"{name} (first: {missing[0]!r})"
        found.append(f"{len(missing):,} of {len(references):,} references have no row in {first}")
    if surplus:
        found.append(f"{len(surplus):,} of {len(predictions):,} {name} have no reference (first: {surplus[0]!r})")
    raise ValueError("; ".join(found) + "; give one row for each id on both sides")


def _ids(rows: Any, name: str) -> tuple[list[Mapping[str, Any]], list[str]]:
    if isinstance(rows, Mapping | str) or not hasattr(rows, "__iter__"):
        raise ValueError(f'{name} is a {type(rows).__name__}; give a list of dicts such as {{"id": "q1", ...}}')
    rows, ids = list(rows), []
    for at, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise ValueError(f'{name}[{at}] is a {type(row).__name__}; give a dict such as {{"id": "q1", ...}}')
        value = row.get("id")
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ValueError(f"{name}[{at}] has the id {value!r}; give each row its own id, a string or an integer")
        ids.append(str(value))
    if len(set(ids)) < len(ids):
        seen: set[str] = set()
        first = next(row_id for row_id in ids if row_id in seen or seen.add(row_id))
        raise ValueError(f"{len(ids) - len(set(ids)):,} ids repeat in {name} (first: {first!r}); give each id once")
    return rows, ids


def _text(value: Any, name: str, row_id: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value != value:
        return None
    raise ValueError(f'{name}, id {row_id!r}: prediction_text is a {type(value).__name__}; give a string, "" for none')


def _no_answer(row: Mapping[str, Any], name: str, row_id: str) -> float:
    value = row.get("no_answer_probability")
    if value is None:
        return np.nan
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not 0 <= number <= 1:
        shown = f"{number}" if isinstance(value, int | float | np.number) else f"a {type(value).__name__}"
        raise ValueError(
            f"{name}, id {row_id!r}: no_answer_probability is {shown}; give a number from 0 to 1, or leave it out"
        )
    return number


def _categories(rows: Sequence[Mapping[str, Any]], ids: Sequence[str], name: str) -> np.ndarray:
    """Return (rows,) the named category, or the most probable one (the first of equals)."""
    place = {category: at for at, category in enumerate(CATEGORIES)}
    found = np.full(len(rows), NONE)
    given: list[Any] = [None] * len(rows)
    for at, row in enumerate(rows):
        category = row.get("category")
        if category is None or (isinstance(category, float) and category != category):
            given[at] = _probabilities(row.get("category_probabilities"))
        elif isinstance(category, str) and category in place:
            found[at] = place[category]
        else:
            raise ValueError(
                f"{name}, id {ids[at]!r}: the category {_short(category)} is unknown; known: {', '.join(CATEGORIES)} "
                "(None where the system names none)"
            )
    probs = _probability_table(given, ids, name, "category_probabilities")
    named = probs.sum(axis=1) > 0
    found[named] = probs[named].argmax(axis=1)
    return found


def _probabilities(value: Any) -> Any:
    """Return what stands for five probabilities as a list; None, and an empty list, for none."""
    if isinstance(value, Mapping):
        return [value.get(name) for name in CATEGORIES] if set(value) == set(CATEGORIES) else list(value)
    values = _list(value)
    return value if values is None else values or None


def _probability_table(given: Sequence[Any], ids: Sequence[str], name: str, field: str) -> np.ndarray:
    """Return (rows, 5) probabilities, zeros for a row without; a row that is none raises ValueError."""
    nothing = [0.0] * len(CATEGORIES)

    def refuse(at: int, what: str) -> None:
        order = ", ".join(CATEGORIES)
        raise ValueError(
            f"{name}, id {ids[at]!r}: {field} {what}; give {len(CATEGORIES)} numbers that sum to one "
            f"(all zeros: unlabelled), in the order {order}"
        )

    for at, values in enumerate(given):
        if values is None:
            continue
        if not isinstance(values, list) or len(values) != len(CATEGORIES):
            refuse(at, f"has {len(values)} values" if isinstance(values, list) else f"is a {type(values).__name__}")
    filled = [nothing if values is None else values for values in given]
    try:
        table = np.array(filled, dtype=np.float64).reshape(len(given), len(CATEGORIES))
    except (TypeError, ValueError):
        numbers = (all(isinstance(value, int | float | np.number) for value in values) for values in filled)
        refuse(list(numbers).index(False), "holds something that is no number")
    total = table.sum(axis=1)
    wrong = ~(np.isfinite(total) & (table >= 0).all(axis=1))
    wrong |= (np.abs(total - 1) > SUM_TOLERANCE) & (total != 0)
    if wrong.any():
        at = int(np.argmax(wrong))
        others = int(wrong.sum()) - 1
        more = f" ({others:,} more rows like it)" if others else ""
        refuse(at, f"sum to {total[at]:.6g}{more}" if (table[at] >= 0).all() else f"are negative or no number{more}")
    return table


def _golds(row: Mapping[str, Any], row_id: str, span: bool) -> list[str]:
    answers = row.get("answers")
    where = f"references, id {row_id!r}: "
    if answers is None and not span:
        return []
    if not isinstance(answers, Mapping) or answers.get("text") is None:
        raise ValueError(
            where + 'answers is not {"text": [...], "answer_start": [...]}; '
            "give empty lists for an unanswerable question, span_labelled=False for a row without a span label"
        )
    texts, starts = _list(answers["text"]), answers.get("answer_start")
    if texts is None or not all(isinstance(text, str) for text in texts):
        raise ValueError(where + 'answers.text is not a list of strings; give ["aspirin"], or [] for no answer')
    if starts is not None and len(starts := _list(starts) or []) != len(texts):
        raise ValueError(where + f"{len(texts)} answers.text but {len(starts)} answers.answer_start; give one a text")
    return texts


def _list(values: Any) -> list[Any] | None:
    """Return the values of a list, array or column; None for what is no such thing."""
    if isinstance(values, str | Mapping) or not hasattr(values, "__iter__"):
        return None
    return values.tolist() if hasattr(values, "tolist") else list(values)


def _flag(value: Any, row_id: str) -> bool:
    if value is None:
        return True
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise ValueError(f"references, id {row_id!r}: span_labelled is a {type(value).__name__}; give True or False")


def _short(value: Any) -> str:
    """Return a category as text. Only a short one: a column that was mixed up may hold a patient's words."""
    text = repr(value)
    return text if len(text) <= 22 else f"of {len(text)} characters"
