"""The figures, all of which follow from sums over the rows: so thousands of resamples are computed at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .confusion import PER_CLASS, nested_figures, table_figures
from .rows import CATEGORIES, NONE
from .scores import Scores
from .thresholds import best_threshold

# (figure, column of what is summed, column of how many rows).
MEANS = (
    ("exact", 0, 1),
    ("f1", 2, 1),
    ("HasAns_exact", 3, 4),
    ("HasAns_f1", 5, 4),
    ("NoAns_exact", 6, 7),
    ("NoAns_f1", 8, 7),
    ("joint_accuracy", 9, 10),
)
WIDTH = 11
BY_CATEGORY = tuple(f"{figure}_{name}" for figure in PER_CLASS for name in CATEGORIES)
NAMES = (*(name for name, _, _ in MEANS), "category_accuracy", "category_macro_f1", *BY_CATEGORY)
_NOISE = 1e-12


def row_sums(scores: Scores) -> np.ndarray:
    """Return (rows, 11 + 30) what each row adds: to the means and to the table (true category, predicted or none)."""
    has, no = scores.spans & scores.has_answer, scores.spans & ~scores.has_answer
    means = [scores.exact, scores.spans, scores.f1, scores.exact * has, has, scores.f1 * has]
    means += [scores.exact * no, no, scores.f1 * no, scores.joint, scores.both]
    table = np.zeros((len(scores.ids), len(CATEGORIES) * (NONE + 1)))
    rows = np.flatnonzero(scores.labelled)
    table[rows, scores.gold[rows] * (NONE + 1) + scores.said[rows]] = 1
    return np.concatenate([np.stack(means, axis=1), table], axis=1)


def known_figures(sums: np.ndarray) -> list[str]:
    """Return the names of the figures that (sums,) define, in the order of `NAMES`."""
    known = [name for name, _, rows in MEANS if sums[rows]]
    return known + (list(NAMES[len(MEANS) :]) if sums[WIDTH:].any() else [])


def flat_figures(sums: np.ndarray, names: Sequence[str], instead: np.ndarray | None = None) -> np.ndarray:
    """Return (draws, figures) of (draws, 41) sums.

    Args:
        sums: what `row_sums` adds up to.
        names: which figures.
        instead: (figures,) what stands for a figure where a draw holds no row of its part.
    """
    labelled = sums[:, WIDTH:].sum(axis=1)
    parts = {name: (sums[:, total], sums[:, rows]) for name, total, rows in MEANS}
    columns = {name: _ratio(*part) for name, part in parts.items()}
    rows = {name: part[1] for name, part in parts.items()}
    if any(name not in parts for name in names):
        table = sums[:, WIDTH:].reshape(-1, len(CATEGORIES), NONE + 1)
        figures = table_figures(table)
        by_category = figures[:, 4:]
        occurs = (table.sum(axis=2) + table.sum(axis=1)[:, :NONE]) > 0
        columns["category_accuracy"] = figures[:, 0]
        columns["category_macro_f1"] = _ratio(by_category[:, :NONE].sum(axis=1), occurs.sum(axis=1))
        columns |= dict(zip(BY_CATEGORY, by_category.T, strict=True))
    found = np.stack([columns[name] for name in names], axis=1)
    if instead is not None:
        empty = np.stack([rows.get(name, labelled) == 0 for name in names], axis=1)
        found = np.where(empty, instead, found)
    return found


def settled(values: np.ndarray, level: np.ndarray | float) -> np.ndarray:
    """Return the values; those that differ from `level` by no more than the order of a sum are `level` itself.

    Equal resamples must compare as equal, or BCa misreads how many lie below what was observed.
    """
    return np.where(np.abs(values - level) < _NOISE, level, values)


def nested(scores: Scores) -> dict[str, Any]:
    """Return the figures as plain data; those of a part that no row has are left out."""
    sums = row_sums(scores).sum(axis=0)
    known = known_figures(sums)
    flat = dict(zip(known, flat_figures(sums[None], known)[0].tolist(), strict=True))
    figures: dict[str, Any] = {}
    for prefix, rows in (("", 1), ("HasAns_", 4), ("NoAns_", 7)):
        if sums[rows]:
            figures |= {f"{prefix}{name}": flat[f"{prefix}{name}"] for name in ("exact", "f1")}
            figures[f"{prefix}total"] = round(sums[rows])
    if sums[1] and scores.no_answer is not None:
        figures |= _best(scores)
    if sums[WIDTH:].any():
        tables = nested_figures(sums[WIDTH:].reshape(len(CATEGORIES), NONE + 1), CATEGORIES)
        figures["category_accuracy"] = flat["category_accuracy"]
        figures["category_macro_f1"] = flat["category_macro_f1"]
        figures["per_category"] = tables["per_class"]
        figures["category_confusion"] = tables["confusion_matrix"]
        figures["category_total"] = round(sums[WIDTH:].sum())
    if sums[10]:
        figures |= {"joint_accuracy": flat["joint_accuracy"], "joint_total": round(sums[10])}
    return figures


def flatten(figures: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of `figures` under one level of names; what is flat already comes back as it is.

    >>> row = {"f1": 0.5, "precision": 0.4, "recall": 0.7, "support": 9}
    >>> flatten({"exact": 1.0, "total": 9, "per_category": {"Symptoms": row}})
    {'exact': 1.0, 'total': 9.0, 'f1_Symptoms': 0.5, 'precision_Symptoms': 0.4, 'recall_Symptoms': 0.7}
    """
    flat = {name: float(value) for name, value in figures.items() if isinstance(value, int | float)}
    per_category = figures.get("per_category", {})
    flat |= {f"{figure}_{name}": float(row[figure]) for figure in PER_CLASS for name, row in per_category.items()}
    return flat


def _best(scores: Scores) -> dict[str, float]:
    at = scores.spans
    found = {}
    for name, values in zip(("exact", "f1"), scores.raw, strict=True):
        best, threshold = best_threshold(values[at], scores.no_answer[at], scores.has_answer[at], scores.silent[at])
        found |= {f"best_{name}": best, f"best_{name}_thresh": threshold}
    return found


def _ratio(total: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.divide(total, rows, out=np.zeros(len(total)), where=rows > 0)
