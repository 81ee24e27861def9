"""What is spread evenly over folds where rows have no one class: the rarest label, or where a number lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

MOST_BINS = 10


def rarest_label(holds: np.ndarray) -> np.ndarray:
    """Return (rows,) the number of the rarest label that a row has, -1 where it has none.

    Args:
        holds: (rows, labels) bool.

    >>> rarest_label(np.array([[True, True], [True, False], [False, False]])).tolist()
    [1, 0, -1]
    """
    counts = np.where(holds, holds.sum(axis=0), np.iinfo(np.int64).max)
    return np.where(holds.any(axis=1), counts.argmin(axis=1), -1)


def quantile_bins(values: np.ndarray, groups: Sequence[Any] | None, least: int) -> np.ndarray:
    """Return (rows,) numbers of at most ten bins of equal numbers of rows, with `least` units or more in each.

    >>> quantile_bins(np.arange(6.0), None, 3).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    units = len(values) if groups is None else len(np.unique(groups))
    bins = max(1, min(MOST_BINS, units // max(least, 1)))
    edges = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1]))
    return merge_rare(np.searchsorted(edges, values, side="right"), groups, least)


def merge_rare(strata: np.ndarray, groups: Sequence[Any] | None, least: int) -> np.ndarray:
    """Return (rows,) strata in which those with fewer than `least` units (rows, or groups) are one.

    Where that one is still too small it joins the largest.

    >>> merge_rare(np.array([0, 0, 0, 1, 2]), None, 2).tolist()
    [0, 0, 0, 1, 1]
    """
    strata = np.unique(strata, return_inverse=True)[1]
    units = np.arange(len(strata)) if groups is None else np.asarray(groups)
    found = {s: len(np.unique(units[strata == s])) for s in np.unique(strata).tolist()}
    rare = [s for s, count in found.items() if count < least]
    if not rare:
        return strata
    merged = np.where(np.isin(strata, rare), rare[0], strata)
    if len(np.unique(units[merged == rare[0]])) < least:
        merged[merged == rare[0]] = max(found, key=lambda s: found[s])
    return merged
