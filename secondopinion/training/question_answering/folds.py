"""How rows of questions and answers are spread over folds: by category, and by whether there is an answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...core.errors import InputError
from ..folds import inner_split
from .data import QuestionAnsweringData

NO_ANSWER = " · no answer"


def strata(data: QuestionAnsweringData, rows: np.ndarray, n_splits: int, grouped: bool) -> np.ndarray:
    """Return (rows,) the stratum of each of some rows: its dominant category, and whether it is unanswerable.

    Strata that are too rare for every fold to hold one are merged, so that folds can always be made.

    Args:
        data: all rows.
        rows: which of them, as indices.
        n_splits: number of folds.
        grouped: whether groups stay together.
    """
    names = data.dominant_categories[rows]
    names = np.where(data.unanswerable[rows], np.char.add(names, NO_ANSWER), names)
    return merged_strata(names, (data.groups if grouped else data.ids)[rows], n_splits)


def merged_strata(names: Sequence[str], units: Sequence[str], least: int) -> np.ndarray:
    """Return strata that each occur in at least `least` units, as far as there are so many.

    A rare stratum of unanswerable rows joins the answerable ones of its category; what is rare still joins the
    commonest stratum.

    Args:
        names: (rows,) strata.
        units: (rows,) what is moved as a whole: groups, or rows.
        least: units.

    >>> merged_strata(["a", "a", "a · no answer"], ["1", "2", "3"], 2).tolist()
    ['a', 'a', 'a']
    """
    names, units = np.asarray(names, dtype=object), np.asarray(units)

    def rare() -> list[str]:
        return [name for name in np.unique(names) if len(np.unique(units[names == name])) < least]

    for name in rare():
        if name.endswith(NO_ANSWER):
            names[names == name] = name.removesuffix(NO_ANSWER)
    while len(np.unique(names)) > 1 and (scarce := rare()):
        values, counts = np.unique(names, return_counts=True)
        others = values != scarce[0]
        names[names == scarce[0]] = values[others][counts[others].argmax()]
    return names.astype(str)


def validation_split(
    data: QuestionAnsweringData, rows: np.ndarray, share: float, seed: int, grouped: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Split training rows into (training, validation) rows, groups kept whole, strata kept on both sides.

    Where no such split exists the strata are given up: every row then counts alike.

    Args:
        data: all rows.
        rows: the training rows, as indices.
        share: share of them to set aside.
        seed: of the shuffle.
        grouped: whether groups stay together.

    Raises:
        InputError: there are too few groups.
    """
    groups = data.groups[rows] if grouped else None
    units = data.ids[rows] if groups is None else groups
    parts = max(round(1 / share), 2)
    if len(np.unique(units)) < parts:
        raise InputError(
            f"{len(np.unique(units))} groups of training rows cannot be cut into {parts} parts; raise "
            "training.validation_share (0.5 at most), or add rows of other groups"
        )
    try:
        training, validation = inner_split(strata(data, rows, parts, grouped), groups, share, seed)
    except InputError:
        training, validation = inner_split(np.zeros(len(rows), dtype=int), groups, share, seed)
    return np.sort(rows[training]), np.sort(rows[validation])
