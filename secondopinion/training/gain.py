"""Whether a system is better than a single model, tested on rows that chose neither."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from secondopinion.metrics.confusion import confusion_table, figure_names, table_figures
from secondopinion.metrics.intervals import paired_difference

from ..core.errors import InputError, closest


@dataclass(frozen=True)
class Gain:
    """What a system gains over a single model, on rows that neither chose.

    Attributes:
        figure: flat name of the figure (`accuracy`, `macro_f1`, `f1_Death`, …).
        difference: system minus single model.
        low: lower end of the interval.
        high: upper end.
        confidence_level: of the interval.
        holds: whether the interval lies above zero.
        statement: one sentence with the numbers.
    """

    figure: str
    difference: float
    low: float
    high: float
    confidence_level: float
    holds: bool
    statement: str

    def as_dict(self) -> dict[str, Any]:
        """Return what run.json records."""
        return asdict(self)


def gain_holds(
    gold: np.ndarray,
    system: np.ndarray,
    single: np.ndarray,
    *,
    label_names: Sequence[str],
    figure: str = "macro_f1",
    groups: Sequence[Any] | None = None,
    confidence_level: float = 0.95,
    n_resamples: int = 2000,
    random_state: int = 0,
) -> Gain:
    """Test by a paired bootstrap whether the system is better than a single model on the same rows.

    Args:
        gold: (rows,) true classes.
        system: (rows,) the system's answers.
        single: (rows,) the single model's answers.
        label_names: the K classes' names.
        figure: flat name, as in `metrics.confusion.figure_names`.
        groups: (rows,) rows that depend on one another; resampled together.
        confidence_level: of the interval.
        n_resamples: number of resamples.
        random_state: seed.

    Raises:
        InputError: the figure is unknown, or the numbers of rows differ.

    >>> gain_holds([0, 1] * 20, [0, 1] * 20, [0, 0] * 20, label_names=["no", "yes"], figure="accuracy").holds
    True
    """
    try:
        found = paired_difference(
            np.asarray(gold),
            np.asarray(system),
            np.asarray(single),
            figure,
            labels=list(range(len(label_names))),
            label_names=list(label_names),
            groups=groups,
            confidence_level=confidence_level,
            n_resamples=n_resamples,
            random_state=random_state,
        )
    except ValueError as error:
        raise InputError(f"gain: {error}") from None
    holds = found["low"] > 0
    statement = (
        f"{figure}: {found['difference']:+.4f} over the single model on {len(gold):,} rows "
        f"({100 * confidence_level:.4g}% interval {found['low']:+.4f} to {found['high']:+.4f}): "
        + ("the gain holds." if holds else "no gain is shown.")
    )
    return Gain(figure, **found, confidence_level=confidence_level, holds=holds, statement=statement)


def loss_gain(
    system: np.ndarray,
    single: np.ndarray,
    groups: Sequence[Any] | None = None,
    *,
    confidence_level: float = 0.95,
    n_resamples: int = 2000,
    random_state: int = 0,
) -> Gain:
    """Test by a paired bootstrap whether a system's mistakes cost less than a single model's on the same rows.

    Args:
        system: (rows,) losses of the system's answers.
        single: (rows,) losses of the single model's.
        groups: (rows,) rows that depend on one another; resampled together.
        confidence_level: of the interval.
        n_resamples: number of resamples.
        random_state: seed.

    Returns:
        The gain in `loss`: the single model's mean loss less the system's, so that more is better.

    >>> loss_gain(np.zeros(40), np.ones(40)).holds
    True
    """
    saved = np.asarray(single, dtype=np.float64) - np.asarray(system, dtype=np.float64)
    group = np.arange(len(saved)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    total, size = np.bincount(group, weights=saved), np.bincount(group)
    draw = np.random.default_rng(random_state)
    means = np.empty(n_resamples)
    for place in range(n_resamples):
        chosen = draw.integers(len(total), size=len(total))
        means[place] = total[chosen].sum() / size[chosen].sum()
    low, high = np.quantile(means, [(1 - confidence_level) / 2, (1 + confidence_level) / 2]).tolist()
    difference, holds = float(saved.mean()), bool(low > 0)
    statement = (
        f"mean loss: {difference:+.4f} saved against the single model on {len(saved):,} rows "
        f"({100 * confidence_level:.4g}% interval {low:+.4f} to {high:+.4f}): "
        + ("the gain holds." if holds else "no gain is shown.")
    )
    return Gain("loss", difference, low, high, confidence_level=confidence_level, holds=holds, statement=statement)


def better_single(
    gold: np.ndarray,
    classifier: np.ndarray,
    expert: np.ndarray,
    *,
    label_names: Sequence[str],
    figure: str = "macro_f1",
) -> tuple[str, dict[str, float]]:
    """Return which of the two single models is better, `classifier` or `expert`, and the figure of each.

    A tie goes to the classifier, which costs no call. To be asked of the choosing rows; `gain_holds` then compares the
    system with it on the certifying rows.

    Args:
        gold: (rows,) true classes.
        classifier: (rows,) the classifier's classes.
        expert: (rows,) the expert's, -1 where it gave no usable vote: there the classifier's class stands.
        label_names: the K classes' names.
        figure: flat name, as in `metrics.confusion.figure_names`.

    Raises:
        InputError: the figure is unknown.

    >>> gold, expert = np.array([0, 1, 1]), np.array([0, -1, 1])
    >>> better_single(gold, np.array([0, 1, 0]), expert, label_names=["no", "yes"], figure="f1_yes")[0]
    'expert'
    """
    names = figure_names(list(label_names))
    if figure not in names:
        raise InputError(f"gain: unknown figure {figure!r}; {closest(figure, names)}")
    gold, classifier, expert = (np.asarray(column) for column in (gold, classifier, expert))
    answers = {"classifier": classifier, "expert": np.where(expert < 0, classifier, expert)}
    values = {
        name: float(table_figures(confusion_table(gold, said, len(label_names)))[names.index(figure)])
        for name, said in answers.items()
    }
    return ("expert" if values["expert"] > values["classifier"] else "classifier"), values
