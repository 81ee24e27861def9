"""Policies cross-fitted over folds: which one to use, and what it would have done on rows that it never saw.

For folds j, i ≠ j: the policy that scores fold j is fitted on all other folds, and the rows on which it is *declared*
are the other folds' rows i, each scored by a policy fitted without i and j. So nothing about fold j's truth reaches its
own scores. A fit without {i, j} serves both i and j: K folds need K + K(K − 1)/2 fits of each candidate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from secondopinion.metrics.confusion import confusion_table, table_figures

from ..core.errors import InputError
from ..core.progress import progress
from .policy_fitting import DeferralRows, FittedPolicy
from .threshold import top_k

PSEUDO_FOLDS = 5


@dataclass(frozen=True)
class CrossFit:
    """What cross-fitting comes to.

    Attributes:
        outer: candidate → (rows, experts) scores of each row by a policy fitted without its fold.
        inner: candidate → {fold j: (rows, experts)} scores of the other folds' rows, without j and without their
            own fold; NaN in fold j itself.
        final: candidate → {fold j: the policy fitted without j}.
        fold: (rows,) the folds.
    """

    outer: dict[str, np.ndarray]
    inner: dict[str, dict[int, np.ndarray]]
    final: dict[str, dict[int, FittedPolicy]]
    fold: np.ndarray


def policy_folds(rows: DeferralRows) -> np.ndarray:
    """Return (rows,) folds for cross-fitting: those of the run, or five of groups where it trained fewer than three.

    Groups are dealt one by one in the order of the SHA-1 of their name, so the order of the rows does not matter.
    """
    trained = np.unique(rows.fold)
    if len(trained) >= 3:
        return rows.fold
    names = list(map(str, rows.ids if rows.groups is None else rows.groups))
    dealt = sorted(set(names), key=lambda name: hashlib.sha1(name.encode("utf-8", "surrogatepass")).hexdigest())
    place = {name: 1 + number % PSEUDO_FOLDS for number, name in enumerate(dealt)}
    return np.array([place[name] for name in names])


def cross_fit(
    rows: DeferralRows, fold: np.ndarray, candidates: list[str], fit: Callable[[str, DeferralRows], FittedPolicy]
) -> CrossFit:
    """Fit every candidate without each fold and without each pair of folds.

    Args:
        rows: out-of-fold rows.
        fold: (rows,) folds, three or more.
        candidates: names of policies.
        fit: makes a fitted policy of a name and rows.

    Raises:
        InputError: there are too few folds.
    """
    numbers = [int(n) for n in np.unique(fold)]
    if len(numbers) < 3:
        raise InputError(f"{len(numbers)} folds are too few to declare a policy on some and measure it on another")
    empty = np.full((len(rows), len(rows.expert_names)), np.nan, dtype=np.float32)
    outer = {name: empty.copy() for name in candidates}
    inner = {name: {j: empty.copy() for j in numbers} for name in candidates}
    final: dict[str, dict[int, FittedPolicy]] = {name: {} for name in candidates}
    pairs = list(combinations(numbers, 2))
    total = len(candidates) * (len(numbers) + len(pairs))
    with progress(total=total, label="fitting policies", unit="fit") as bar:
        for name in candidates:
            for j in numbers:
                final[name][j] = fit(name, rows.take(np.flatnonzero(fold != j)))
                held_out = np.flatnonzero(fold == j)
                outer[name][held_out] = final[name][j].scores(rows.take(held_out))
                bar.update(1)
            for i, j in pairs:
                policy = fit(name, rows.take(np.flatnonzero((fold != i) & (fold != j))))
                for validation, test in ((i, j), (j, i)):
                    chosen = np.flatnonzero(fold == validation)
                    inner[name][test][chosen] = policy.scores(rows.take(chosen))
                bar.update(1)
    return CrossFit(outer, inner, final, fold)


def best_expert(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (rows,) the highest score, and which expert has it, of (rows, experts) scores."""
    place = scores.argmax(axis=1)
    return scores[np.arange(len(scores)), place], place


def system_figure(
    name: str, rows: DeferralRows, said: np.ndarray, losses: np.ndarray, positive_label: str | None
) -> float:
    """Return the figure that declares a policy, of what the system said: higher is better.

    Args:
        name: `f1`, `accuracy` or `loss` (its negative mean).
        rows: the rows.
        said: (rows,) classes.
        losses: (classes, classes).
        positive_label: the class whose F1 counts; macro F1 without it.
    """
    if name == "loss":
        return float(-losses[rows.gold, said].mean())
    names = rows.label_names
    figures = table_figures(confusion_table(rows.gold, said, len(names)))
    if name == "accuracy":
        return float(figures[0])
    return float(figures[1] if positive_label is None else figures[4 + names.index(positive_label)])


def declare(
    rows: DeferralRows,
    scores: dict[str, np.ndarray],
    rates: Sequence[float],
    figure: str,
    losses: np.ndarray,
    positive_label: str | None,
) -> tuple[str, list[dict[str, Any]]]:
    """Return the candidate with the best figure on validation rows, averaged over rates, and all candidates' figures.

    Ties go to the candidate that is named first, so simple ones are named first.

    Args:
        rows: validation rows.
        scores: candidate → (rows, experts).
        rates: shares deferred, exact top-k.
        figure: see `system_figure`.
        losses: (classes, classes).
        positive_label: for F1.
    """
    answered = rows.answered()
    measured = []
    for name, table in scores.items():
        score, expert = best_expert(table)
        second = answered[np.arange(len(rows)), expert]
        reached = []
        for rate in rates:
            deferred = top_k(score, rows.ids, int(np.floor(rate * len(rows) + 1e-9)))
            said = np.where(deferred, second, rows.classifier)
            reached.append(system_figure(figure, rows, said, losses, positive_label))
        measured.append({"name": name, "value": float(np.mean(reached))})
    return max(measured, key=lambda entry: entry["value"])["name"], measured
