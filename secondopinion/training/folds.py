"""Folds: who is held out when, named by a SHA-1 so that two runs can be compared row by row."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..core.errors import InputError, closest
from ..core.files import read_json, write_json
from ..core.fingerprint import pairs_sha1
from ..core.progress import say

STRATEGIES = ("stratified_group", "stratified")
GIVEN = "given"


@dataclass(frozen=True)
class Folds:
    """A split of a data set into folds, numbered from 1.

    Attributes:
        fold: (rows,) integers; the fold in which each row is held out, 0 for a row that never is.
        ids: (rows,) the rows' ids.
        strategy: `stratified_group` (a group never straddles folds), `stratified`, or `given` (by the data).
        n_splits: number of folds.
        seed: of the shuffle.
        dataset_fingerprint: of the data that was split.
    """

    fold: np.ndarray
    ids: Sequence[str]
    strategy: str
    n_splits: int
    seed: int
    dataset_fingerprint: str
    sha1: str = field(default="")

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha1", pairs_sha1(zip(self.ids, self.fold.tolist(), strict=True)))

    def __iter__(self) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Yield (fold, training rows, held-out rows), rows as indices."""
        for fold in range(1, self.n_splits + 1):
            yield fold, *self.rows(fold)

    def rows(self, fold: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (training rows, held-out rows) of one fold as indices."""
        held_out = self.fold == fold
        return np.flatnonzero(~held_out), np.flatnonzero(held_out)

    @property
    def sizes(self) -> list[int]:
        """Rows held out in each fold."""
        return [int((self.fold == k).sum()) for k in range(1, self.n_splits + 1)]

    def facts(self) -> dict[str, Any]:
        """Return what run.json records."""
        return {
            "strategy": self.strategy,
            "n_splits": self.n_splits,
            "seed": self.seed,
            "sha1": self.sha1,
            "sizes": self.sizes,
            **({"never_held_out": int((self.fold == 0).sum())} if self.strategy == GIVEN else {}),
        }

    def save(self, path: str | os.PathLike) -> None:
        """Write the folds, whole or not at all."""
        assignment = dict(zip(map(str, self.ids), self.fold.tolist(), strict=True))
        facts = {**self.facts(), "dataset_fingerprint": self.dataset_fingerprint}
        write_json(path, {**facts, "assignment": assignment})

    @classmethod
    def load(cls, path: str | os.PathLike) -> Folds:
        """Read folds and check that they are the ones their SHA-1 names.

        Raises:
            InputError: the file is damaged or was changed.
        """
        stored = read_json(path)
        try:
            assignment = stored["assignment"]
            folds = cls(
                fold=np.fromiter(assignment.values(), dtype=np.int64, count=len(assignment)),
                ids=list(assignment),
                strategy=stored["strategy"],
                n_splits=stored["n_splits"],
                seed=stored["seed"],
                dataset_fingerprint=stored["dataset_fingerprint"],
            )
            expected = stored["sha1"]
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path} does not hold folds ({error!r}); delete it to make new ones") from None
        if folds.sha1 != expected:
            raise InputError(
                f"{path}: its folds have SHA-1 {folds.sha1} but it says {expected}: it was changed by hand. "
                "Restore it, or delete it (and the trained folds beside it) to start anew"
            )
        return folds

    def for_data(self, ids: Sequence[str], fingerprint: str, path: str | os.PathLike = "folds.json") -> Folds:
        """Return the same folds in the order of `ids`.

        Raises:
            InputError: the data is not the data that was split.
        """
        if fingerprint != self.dataset_fingerprint or len(ids) != len(self.ids):
            raise InputError(
                f"{path} was made for data with fingerprint {self.dataset_fingerprint} ({len(self.ids)} rows), but the "
                f"data now has {fingerprint} ({len(ids)} rows): it changed. Give the old data, or a new --output"
            )
        fold_of = dict(zip(self.ids, self.fold.tolist(), strict=True))
        fold = np.fromiter((fold_of[str(i)] for i in ids), dtype=np.int64, count=len(ids))
        return Folds(fold, list(map(str, ids)), self.strategy, self.n_splits, self.seed, self.dataset_fingerprint)


def make_folds(
    ids: Sequence[str],
    labels: Sequence[Any],
    groups: Sequence[str] | None = None,
    *,
    n_splits: int = 5,
    strategy: str = "stratified_group",
    seed: int = 13,
    dataset_fingerprint: str = "",
) -> Folds:
    """Split rows into folds of nearly equal class shares.

    Args:
        ids: (rows,) unique ids.
        labels: (rows,) classes.
        groups: (rows,) what must not straddle folds; needed by `stratified_group`.
        n_splits: number of folds.
        strategy: `stratified_group` (scikit-learn's StratifiedGroupKFold) or `stratified` (StratifiedKFold).
        seed: of the shuffle.
        dataset_fingerprint: recorded, and checked when the folds are used again.

    Raises:
        InputError: a class has too few rows or groups for every fold to hold one, or the ids repeat.

    >>> folds = make_folds(list("abcdefgh"), [0, 1] * 4, list("ppqqrrss"), n_splits=2)
    >>> folds.sizes
    [4, 4]
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    ids = list(map(str, ids))
    labels = np.asarray(labels)
    if strategy not in STRATEGIES:
        raise InputError(f"unknown fold strategy {strategy!r}; {closest(strategy, STRATEGIES)}")
    if n_splits < 2:
        raise InputError(f"n_splits is {n_splits}; at least 2 folds are needed")
    _check_unique(ids)
    if strategy == "stratified_group" and groups is None:
        raise InputError("strategy 'stratified_group' needs a group for each row; give one, or use 'stratified'")
    units = np.asarray(groups if strategy == "stratified_group" else ids)
    for label in np.unique(labels):
        available = len(np.unique(units[labels == label]))
        if available < n_splits:
            kind = "groups" if strategy == "stratified_group" else "rows"
            raise InputError(
                f"class {label!s} has {available} {kind}, too few for {n_splits} folds to hold one each; "
                f"use n_splits: {max(available, 2)}, add rows of this class, or leave the class out"
            )
    splitter = {"stratified_group": StratifiedGroupKFold, "stratified": StratifiedKFold}[strategy](
        n_splits=n_splits, shuffle=True, random_state=seed
    )
    fold = np.zeros(len(ids), dtype=np.int64)
    for number, (_, held_out) in enumerate(_splits(splitter, labels, units), start=1):
        fold[held_out] = number
    return Folds(fold, ids, strategy, n_splits, seed, dataset_fingerprint)


def folds_of(data: Any, *, strategy: str, n_splits: int, seed: int) -> Folds:
    """Return the folds of a training's rows, by what a recipe or run.json says of them.

    Args:
        data: rows of a kind of model, with `ids`, `groups` (or None), `dataset`, `fingerprint` and
            `strata(strategy, n_splits)`: (rows,) what is to be spread evenly.
        strategy: one of `STRATEGIES`, or `given`: by the rows' own column `fold`.
        n_splits: number of folds; not asked for where they are given.
        seed: of the shuffle; likewise.

    Raises:
        InputError: no such folds can be made of these rows.
    """
    ids, known = data.ids.tolist(), {"dataset_fingerprint": data.fingerprint}
    if strategy == GIVEN:
        return given_folds(ids, fold_column(data.dataset), data.groups, **known)
    strata = data.strata(strategy, n_splits)
    return make_folds(ids, strata, data.groups, n_splits=n_splits, strategy=strategy, seed=seed, **known)


def fold_column(dataset: Any) -> np.ndarray | None:
    """Return (rows,) the column `fold` of a `datasets.Dataset`; None where there is none.

    Raises:
        InputError: it holds something other than whole numbers.
    """
    if "fold" not in dataset.column_names:
        return None
    values = dataset["fold"][:]
    wrong = sum(1 for value in values if not isinstance(value, int) or isinstance(value, bool))
    if wrong:
        raise InputError(
            f"column 'fold' holds no whole number in {wrong} of {len(values)} rows; give k where fold k holds the row "
            "out, and 0 where none does"
        )
    return np.asarray(values, dtype=np.int64)


def given_folds(
    ids: Sequence[str],
    fold: Sequence[int] | None,
    groups: Sequence[str] | None = None,
    *,
    dataset_fingerprint: str = "",
) -> Folds:
    """Return the folds that the data names.

    Args:
        ids: (rows,) unique ids.
        fold: (rows,) integers: k for a row held out in fold k, counted from 1; 0 for one that is always trained on.
        groups: (rows,) groups that stand on both sides of a fold are told of on stderr, and kept as the data has them.
        dataset_fingerprint: recorded, and checked when the folds are used again.

    Raises:
        InputError: there are none, a number is missing or negative, a fold has no row on one side, or the ids repeat.

    >>> folds = given_folds(list("abcd"), [0, 1, 2, 2])
    >>> folds.n_splits, folds.sizes, folds.rows(1)[0].tolist()
    (2, [1, 2], [0, 2, 3])
    """
    ids = list(map(str, ids))
    if fold is None:
        raise InputError(
            "folds.strategy is 'given', but the rows have no column 'fold' of whole numbers; add one (k: held out in "
            "fold k, 0: never held out), or let the folds be drawn: strategy: stratified_group"
        )
    fold = np.asarray(fold, dtype=np.int64)
    _check_unique(ids)
    if fold.min() < 0:
        raise InputError(f"column 'fold' holds {fold.min()}; folds count from 1, and 0 is a row that is never held out")
    n_splits = int(fold.max())
    if n_splits == 0:
        raise InputError(
            "column 'fold' is 0 in every row: nothing is held out; number the rows of fold k with k, from 1"
        )
    sizes = np.bincount(fold, minlength=n_splits + 1)
    empty = np.flatnonzero(sizes[1:] == 0) + 1
    if len(empty):
        raise InputError(
            f"column 'fold' goes up to {n_splits}, but no row has {empty[0]}; number the folds without gaps"
        )
    if sizes.max() == len(ids):
        raise InputError(
            f"column 'fold' is {n_splits} in every row, so no row is left to train on; mark training rows with 0"
        )
    if groups is not None:
        pairs = {(str(group), int(k)) for group, k in zip(groups, fold, strict=True)}
        straddling = len(pairs) - len({group for group, _ in pairs})
        if straddling:
            say(f"given folds: {straddling} groups stand on both sides of a fold; what they share flatters the figures")
    return Folds(fold, ids, GIVEN, n_splits, 0, dataset_fingerprint)


def _check_unique(ids: Sequence[str]) -> None:
    if len(set(ids)) != len(ids):
        raise InputError(f"{len(ids) - len(set(ids))} ids occur more than once; a row's id must be unique")


def _splits(splitter: Any, labels: np.ndarray, units: np.ndarray | None) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return scikit-learn's splits; its warning of small classes is left to the checks around this call."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="sklearn.model_selection")
        return list(splitter.split(np.zeros(len(labels)), labels, units))


def inner_split(
    labels: Sequence[Any], groups: Sequence[str] | None, share: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Split training rows into (training, validation) indices, stratified and, with groups, grouped.

    Args:
        labels: (rows,) classes.
        groups: (rows,) what must not straddle, or None.
        share: share of the rows to set aside, above 0 and at most 0.5.
        seed: of the shuffle.

    Raises:
        InputError: the share is out of range, or a class has no row left on one side.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    labels = np.asarray(labels)
    if not 0 < share <= 0.5:
        raise InputError(f"validation_share is {share}; it must be above 0 and at most 0.5")
    parts = max(round(1 / share), 2)
    splitter = (StratifiedKFold if groups is None else StratifiedGroupKFold)(parts, shuffle=True, random_state=seed)
    splits = _splits(splitter, labels, None if groups is None else np.asarray(groups))
    classes = set(np.unique(labels))
    for training, validation in splits:
        if set(np.unique(labels[training])) == classes == set(np.unique(labels[validation])):
            return training, validation
    raise InputError(
        f"no split with validation_share {share} keeps every class on both sides: a class has too few rows or groups. "
        "Raise validation_share, or add rows of the rare class"
    )
