"""The category that a question in SQuAD's form brings with it, and who gave it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from secondopinion.core.errors import InputError, closest

from ..emrqa.categories import SOURCES
from ..emrqa.paragraph_files import kind_of
from ..emrqa.question_rows import CATEGORIES, NO_CATEGORY

TOLERANCE = 1e-3
GIVEN = "given"
KNOWN_SOURCES = (GIVEN, *SOURCES)


def category_of(qa: Mapping[str, Any], path: str) -> tuple[float, ...]:
    """Return the five probabilities that a question was given, zeros where none were.

    Args:
        qa: the question; `category` names one, `category_probs` is a list of five or a mapping from names.
        path: where it stands.

    Raises:
        InputError: the name is none of the five, both are given, or the probabilities are not five, negative, or do
            not sum to one; names the place.

    >>> category_of({"category": "Symptoms"}, "data[0]")
    (0.0, 0.0, 1.0, 0.0, 0.0)
    """
    name, probs = qa.get("category"), qa.get("category_probs")
    if name is not None and probs is not None:
        raise InputError(f"{path} has both category and category_probs; keep one")
    if name is not None:
        if not isinstance(name, str) or name not in CATEGORIES:
            hint = closest(name, CATEGORIES) if isinstance(name, str) else f"known: {', '.join(CATEGORIES)}"
            raise InputError(f"{path}.category is none of the five categories; {hint}")
        return tuple(float(name == category) for category in CATEGORIES)
    if probs is None:
        return NO_CATEGORY
    place = f"{path}.category_probs"
    if isinstance(probs, dict):
        if unknown := sorted(set(probs) - set(CATEGORIES)):
            raise InputError(f"{place} names {unknown[0]!r}; {closest(unknown[0], CATEGORIES)}")
        probs = [probs.get(category, 0) for category in CATEGORIES]
    if not isinstance(probs, list) or len(probs) != len(CATEGORIES):
        came = f"a list of {len(probs)}" if isinstance(probs, list) else kind_of(probs)
        raise InputError(f"{place} is {came}, expected five probabilities, in the order {', '.join(CATEGORIES)}")
    for number, value in enumerate(probs):
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
            raise InputError(f"{place}[{number}] is no probability; expected a number from 0 to 1")
    total = math.fsum(probs)
    if total and abs(total - 1) > TOLERANCE:
        raise InputError(f"{place} sum to {total:.4g}, expected 1 (or all zeros for a question without a category)")
    return tuple(value / total if total else 0.0 for value in probs)


def source_of(qa: Mapping[str, Any], path: str, probs: Sequence[float]) -> str:
    """Return who gave a question its category: its `category_source`, `given` where it has none, or "" without one.

    Args:
        qa: the question; `category_source` is one of `KNOWN_SOURCES`, or several joined by "+".
        path: where it stands.
        probs: its category, as `category_of` returns it.

    Raises:
        InputError: the source is none of the known ones, is empty beside a category, or stands without one; names the
            place.

    >>> source_of({"category_source": "logical_form+umls"}, "data[0]", (1.0, 0.0, 0.0, 0.0, 0.0))
    'logical_form+umls'
    """
    source = qa.get("category_source")
    place = f"{path}.category_source"
    if source is not None and not isinstance(source, str):
        raise InputError(f"{place} is {kind_of(source)}, expected text: {', '.join(KNOWN_SOURCES)}")
    if not any(probs):
        if source:
            raise InputError(f"{place} names a source, but the question has no category; give one, or leave both out")
        return ""
    if source is None:
        return GIVEN
    if not source:
        raise InputError(
            f"{place} is empty beside a category; name who gave it ({', '.join(KNOWN_SOURCES)}), or leave it out for "
            f"{GIVEN!r}"
        )
    for name in source.split("+"):
        if name not in KNOWN_SOURCES:
            raise InputError(f"{place} names an unknown source; {closest(name, KNOWN_SOURCES)}, or several with '+'")
    return source
