"""Three separate parts of the out-of-fold rows: to fit the policy, to choose the threshold, to certify it.

Where several folds were trained the policy is fitted on the rows that the other folds' models held out, and the rows
that the published fold's model held out are halved to choose and to certify: what is certified is then the very model
that is published, on rows it never saw. With one fold its held-out rows are cut in three.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.fingerprint import pairs_sha1
from .folds import Folds

NAMES = ("fit", "choose", "certify")
SHARES = (0.5, 0.25, 0.25)
MINIMUM = 10


@dataclass(frozen=True, eq=False)
class Parts:
    """Rows as indices, ascending.

    Attributes:
        fit: rows to fit the policy on.
        choose: rows to choose the threshold on.
        certify: rows to certify it on.
        sha1: names who is in which part, whatever the rows' order.
        left_out: rows in no part: their group has rows in the published fold too.
    """

    fit: np.ndarray
    choose: np.ndarray
    certify: np.ndarray
    sha1: str
    left_out: int = 0

    def facts(self) -> dict[str, Any]:
        """Return what run.json records: rows of each part, and the SHA-1."""
        return {**{name: len(getattr(self, name)) for name in NAMES}, "sha1": self.sha1}


def split_parts(
    ids: Sequence[str],
    groups: Sequence[Any] | None,
    folds: Sequence[int],
    published_fold: int,
    *,
    shares: tuple[float, float, float] = SHARES,
    seed: int = 13,
    single_fold: bool = False,
    minimum: int = MINIMUM,
) -> Parts:
    """Cut out-of-fold rows into three parts; a group is never in two of them.

    Groups are taken in the order of a hash of their name and the seed, so the rows' order decides nothing.

    Args:
        ids: (rows,) unique ids of the rows that have an out-of-fold prediction.
        groups: (rows,) what must not straddle parts; each row by itself when None.
        folds: (rows,) the fold each row was held out in.
        published_fold: the fold whose model is published.
        shares: of the rows that go to fit, choose and certify. With several folds only the last two matter, as shares
            of the published fold's rows in relation to each other.
        seed: of the hash.
        single_fold: use nothing but the published fold's rows, as where it is the only one trained.
        minimum: the fewest rows of a part.

    Raises:
        InputError: a part would be too small, the shares are out of range, or the columns do not fit.

    >>> ids = [f"row {i}" for i in range(80)]
    >>> parts = split_parts(ids, None, [1, 2] * 40, published_fold=2)
    >>> len(parts.fit), len(parts.choose), len(parts.certify)
    (40, 20, 20)
    """
    ids, folds = list(map(str, ids)), np.asarray(folds)
    units = ids if groups is None else list(map(str, groups))
    if not len(ids) == len(units) == len(folds):
        raise InputError(f"parts: {len(ids)} ids, {len(units)} groups and {len(folds)} folds; give one a row")
    if len(set(ids)) != len(ids):
        raise InputError(f"parts: {len(ids) - len(set(ids))} ids occur more than once; a row's id must be unique")
    if len(shares) != 3 or not all(0 < share < 1 for share in shares) or not math.isclose(sum(shares), 1, abs_tol=1e-9):
        raise InputError(f"parts: shares are {shares}; give three above 0 that add up to 1, {SHARES} say")
    published = folds == published_fold
    if not published.any():
        known = ", ".join(map(str, np.unique(folds).tolist())) or "none"
        raise InputError(f"parts: no row was held out in fold {published_fold}; there are rows of folds {known}")
    single = single_fold or bool(published.all())
    part = np.full(len(ids), -1)
    wanted = shares if single else shares[1:]
    place = _cut([units[i] for i in np.flatnonzero(published)], np.array(wanted) / sum(wanted), seed)
    part[published] = place if single else place + 1
    if not single:
        inside = {units[i] for i in np.flatnonzero(published)}
        part[~published] = [-1 if units[i] in inside else 0 for i in np.flatnonzero(~published)]
    found = [np.flatnonzero(part == number) for number in range(3)]
    _require_rows(found, wanted, minimum, int(published.sum()), published_fold, single)
    pairs = [(ids[i], name) for rows, name in zip(found, NAMES, strict=True) for i in rows]
    left_out = 0 if single else int((part == -1).sum())
    return Parts(*found, sha1=pairs_sha1(pairs), left_out=left_out)


def require_out_of_fold(ids: Sequence[str], folds: Sequence[int], split: Folds) -> None:
    """Refuse predictions of rows by a model that was trained on them.

    In-sample confidences are higher than those on new rows, so a policy fitted on them defers too little.

    Args:
        ids: (rows,) ids of the predicted rows.
        folds: (rows,) the fold whose model predicted each row.
        split: the run's folds (`folds.json`).

    Raises:
        InputError: a row is not of this split, comes twice, or was predicted by a model that had seen it.
    """
    ids, predicted_by = list(map(str, ids)), np.asarray(folds)
    if len(ids) != len(predicted_by):
        raise InputError(f"parts: {len(ids)} ids but {len(predicted_by)} folds; give one a row")
    if len(set(ids)) != len(ids):
        raise InputError(
            f"parts: {len(ids) - len(set(ids))} ids occur more than once in the predictions; give each row once"
        )
    held_out_in = dict(zip(map(str, split.ids), split.fold.tolist(), strict=True))
    unknown = sum(1 for identifier in ids if identifier not in held_out_in)
    if unknown:
        raise InputError(
            f"parts: {unknown} of {len(ids)} predicted rows are not in folds.json (SHA-1 {split.sha1}); they belong to "
            "another run. Use this run's predictions.parquet"
        )
    in_sample = sum(held_out_in[i] != fold for i, fold in zip(ids, predicted_by.tolist(), strict=True))
    if in_sample:
        raise InputError(
            f"parts: {in_sample} of {len(ids)} predictions are in-sample: made by a fold's model that was trained on "
            "the row. A policy fitted on them would trust the classifier too much. Use the out-of-fold predictions in "
            "the run's predictions.parquet"
        )


def _cut(units: Sequence[str], shares: np.ndarray, seed: int) -> np.ndarray:
    """Return (rows,) the part of each row, 0 to len(shares) - 1; rows of one unit get one part.

    A unit goes to the part in which the middle of its rows falls, the units laid end to end in the order of their hash.
    """
    names, unit, sizes = np.unique(np.asarray(units), return_inverse=True, return_counts=True)
    digests = [hashlib.sha1(f"{seed}:{name}".encode("utf-8", "surrogatepass")).hexdigest() for name in names.tolist()]
    order = np.argsort(digests)
    middle = np.empty(len(names))
    middle[order] = np.cumsum(sizes[order]) - sizes[order] / 2
    return np.searchsorted(np.cumsum(shares)[:-1] * len(units), middle, side="left")[unit]


def _require_rows(
    found: Sequence[np.ndarray], wanted: Sequence[float], minimum: int, available: int, fold: int, single: bool
) -> None:
    for number, (rows, name) in enumerate(zip(found, NAMES, strict=True)):
        if len(rows) >= minimum:
            continue
        if number == 0 and not single:
            raise InputError(
                f"parts: {len(rows)} rows of other folds to fit the policy on, at least {minimum} are needed; train "
                "more folds, or pass single_fold to use the published fold alone"
            )
        needed = math.ceil(minimum * sum(wanted) / min(wanted))
        raise InputError(
            f"parts: the part to {name} has {len(rows)} rows, at least {minimum} are needed; that takes about "
            f"{needed} held-out rows in fold {fold}, which has {available}, in groups small enough to spread. Give "
            "more rows, fewer folds, or other shares"
        )
