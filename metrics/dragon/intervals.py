"""Bootstrap intervals of any figure of a confusion table, and of the difference between two systems.

Resampling n rows with replacement (Efron & Tibshirani, "An Introduction to the Bootstrap", 1993) changes a
figure only through how many rows fall into each cell, and those counts are exactly multinomial: so tables
are drawn instead of rows, and the cost does not grow with the rows. Where rows depend on one another
(near-duplicates of one report), whole groups are resampled: groups that fill the same cells are one pattern,
and how often each pattern is drawn is again multinomial.
"""

# scipy.stats.bootstrap gives the same intervals (a test compares them), but it draws every row of every
# resample, its jackknife is quadratic in the rows, and it knows no groups.

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.special import ndtr, ndtri

from .confusion import encode, figure_names, label_table, table_figures

METHODS = ("BCa", "percentile")
_CHUNK = 1 << 21


class Resampler:
    """Draws the number of rows in each cell, for rows or for groups of rows resampled with replacement.

    Args:
        cells: (rows,) the cell each row falls into.
        n_cells: number of cells.
        groups: (rows,) what is drawn as a whole; without it each row by itself.
    """

    def __init__(self, cells: np.ndarray, n_cells: int, groups: Sequence[Any] | None = None) -> None:
        if groups is None:
            counts = np.bincount(cells, minlength=n_cells)
            occupied = np.flatnonzero(counts)
            self.times = counts[occupied]
            ones = np.ones(len(occupied))
            self.patterns = csr_array((ones, (np.arange(len(occupied)), occupied)), shape=(len(occupied), n_cells))
        else:
            self.times, self.patterns = _group_patterns(cells, n_cells, groups)
        self.units = int(self.times.sum())
        self.total = self.times @ self.patterns
        self._chunk = max(1, _CHUNK // max(n_cells, len(self.times)))

    def draws(self, n_resamples: int, random_state: int | None) -> Iterator[np.ndarray]:
        """Yield (chunk, cells) counts until `n_resamples` were drawn."""
        generator = np.random.default_rng(random_state)
        share = self.times / self.units
        for start in range(0, n_resamples, self._chunk):
            size = min(self._chunk, n_resamples - start)
            yield generator.multinomial(self.units, share, size=size) @ self.patterns

    def leave_one_out(self) -> Iterator[np.ndarray]:
        """Yield (chunk, cells) counts without one unit of each pattern in turn."""
        for start in range(0, len(self.times), self._chunk):
            yield self.total - self.patterns[start : start + self._chunk].toarray()


def bootstrap(
    resampler: Resampler,
    statistic: Callable[[np.ndarray], np.ndarray],
    n_resamples: int,
    confidence_level: float = 0.95,
    random_state: int | None = 0,
    method: str = "BCa",
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (figures,) the observed values and the lower and upper ends of their intervals.

    `BCa` (bias-corrected and accelerated; Efron 1987) is the default because F1 near 1, and of a class with
    few rows, has a skewed distribution, which the plain percentiles misplace; its acceleration comes from
    leaving out each row or group. A figure that no resample changes has the interval [value, value].

    Args:
        resampler: what is drawn.
        statistic: turns (tables, cells) counts into (tables, figures).
        n_resamples: number of resamples.
        confidence_level: share of the distribution between the ends.
        random_state: seed.
        method: `BCa` or `percentile`.

    Raises:
        ValueError: a setting is out of range.
    """
    return bootstrap_test(resampler, statistic, n_resamples, confidence_level, random_state, method)[:3]


def bootstrap_test(
    resampler: Resampler,
    statistic: Callable[[np.ndarray], np.ndarray],
    n_resamples: int,
    confidence_level: float = 0.95,
    random_state: int | None = 0,
    method: str = "BCa",
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return what `bootstrap` does and (figures,) two-sided p-values of "the figure is zero", for differences.

    The p-value belongs to the interval: it is 1 − the level of the widest interval of the same method that leaves
    zero out (Efron & Tibshirani, chapter 15), never below 2 / (resamples + 1).

    Args:
        resampler: what is drawn.
        statistic: turns (tables, cells) counts into (tables, figures).
        n_resamples: number of resamples.
        confidence_level: share of the distribution between the ends.
        random_state: seed.
        method: `BCa` or `percentile`.

    Raises:
        ValueError: a setting is out of range.
    """
    if method not in METHODS:
        raise ValueError(f"unknown interval method {method!r}; known: {', '.join(METHODS)}")
    if not 0 < confidence_level < 1:
        raise ValueError(f"confidence_level is {confidence_level}; it lies between 0 and 1, 0.95 say")
    if n_resamples < 1:
        raise ValueError(f"n_resamples is {n_resamples}; at least 1 is needed, 2000 say")
    observed = statistic(resampler.total[None])[0]
    samples = np.concatenate([statistic(counts) for counts in resampler.draws(n_resamples, random_state)])
    tails = np.array([(1 - confidence_level) / 2, (1 + confidence_level) / 2])
    bias = acceleration = np.zeros(len(observed))
    if method == "BCa" and resampler.units > 1:
        left_out = np.concatenate([statistic(counts) for counts in resampler.leave_one_out()])
        bias, acceleration = _bca_terms(observed, samples, left_out, resampler.times)
        tails = _bca_tails(bias, acceleration, tails)
    else:
        tails = np.repeat(tails[:, None], len(observed), axis=1)
    ends = np.array([np.quantile(samples[:, i], tails[:, i]) for i in range(len(observed))])
    return observed, ends[:, 0], ends[:, 1], p_values(samples, bias, acceleration)


def p_values(samples: np.ndarray, bias: np.ndarray | float = 0.0, acceleration: np.ndarray | float = 0.0) -> np.ndarray:
    """Return (figures,) two-sided p-values of zero from (resamples, figures) resampled differences.

    Twice the smaller share of resamples on one side of zero, zero itself counted on both sides and the observed
    rows counted as one resample more; with the terms of BCa, the share is read where that interval would end.

    >>> p_values(np.array([[0.1, 0.0], [0.2, 0.0], [0.3, 0.0]])).tolist()
    [0.5, 1.0]
    """
    n = len(samples)
    shares = np.stack([(samples <= 0).sum(axis=0) + 1, (samples >= 0).sum(axis=0) + 1]) / (n + 1)
    if not (np.any(bias) or np.any(acceleration)):
        return np.minimum(1.0, 2 * shares.min(axis=0))
    levels = np.clip(np.stack([shares[0], 1 - shares[1]]), 0.5 / (n + 1), 1 - 0.5 / (n + 1))
    shifted = ndtri(levels) - bias
    tail = ndtr(shifted / np.maximum(1 + acceleration * shifted, np.finfo(float).eps) - bias)
    return np.clip(2 * np.minimum(tail[0], 1 - tail[1]), 2 / (n + 1), 1.0)


def figure_intervals(
    references: np.ndarray,
    predictions: np.ndarray,
    names: Sequence[str],
    n_resamples: int = 2000,
    confidence_level: float = 0.95,
    random_state: int | None = 0,
    groups: Sequence[Any] | None = None,
    method: str = "BCa",
    zero_division: float = 0.0,
) -> dict[str, list[float]]:
    """Return {figure: [low, high]} of every flat figure.

    Args:
        references: (rows,) true classes as positions in `names`.
        predictions: (rows,) predicted classes as positions in `names`.
        names: the classes' names.
        n_resamples: number of resamples.
        confidence_level: of the intervals.
        random_state: seed.
        groups: (rows,) rows that depend on one another.
        method: `BCa` or `percentile`.
        zero_division: what stands for 0/0.
    """
    k = len(names)
    resampler = Resampler(references * k + predictions, k * k, groups)

    def statistic(counts: np.ndarray) -> np.ndarray:
        return table_figures(counts.reshape(-1, k, k), zero_division)

    _, low, high = bootstrap(resampler, statistic, n_resamples, confidence_level, random_state, method)
    return {name: [float(a), float(b)] for name, a, b in zip(figure_names(names), low, high, strict=True)}


def paired_differences(
    references: Sequence[Any],
    predictions_a: Sequence[Any],
    predictions_b: Sequence[Any],
    figures: Sequence[str] | None = None,
    *,
    labels: Sequence[Any] | None = None,
    label_names: Sequence[str] | None = None,
    groups: Sequence[Any] | None = None,
    n_resamples: int = 2000,
    confidence_level: float = 0.95,
    random_state: int | None = 0,
    method: str = "BCa",
    zero_division: float = 0.0,
) -> dict[str, dict[str, float]]:
    """Return {figure: {difference, low, high}} of system A minus system B on the same rows.

    Both systems are resampled together, so that rows that are hard for both do not widen the interval.

    Args:
        references: (rows,) true classes.
        predictions_a: (rows,) what A says.
        predictions_b: (rows,) what B says.
        figures: flat names (`macro_f1`, `f1_Death`, …); all when left out.
        labels: the classes' values, in order.
        label_names: the classes' names, in order.
        groups: (rows,) rows that depend on one another.
        n_resamples: number of resamples.
        confidence_level: of the intervals.
        random_state: seed.
        method: `BCa` or `percentile`.
        zero_division: what stands for 0/0.

    Raises:
        ValueError: a label or a figure is unknown, or the numbers of rows differ.

    >>> found = paired_differences([0, 1, 1, 0], [0, 1, 1, 0], [0, 1, 0, 0], ["accuracy"], n_resamples=200)
    >>> found["accuracy"]["difference"]
    0.25
    """
    rows = [len(column) for column in (references, predictions_a, predictions_b)]
    if len(set(rows)) > 1:
        raise ValueError("{} references, {} and {} predictions; every row needs all three".format(*rows))
    both = [*predictions_a, *predictions_b]
    values, names = label_table([*references, *references], both, labels, label_names)
    truth = encode(references, values)
    a = encode(predictions_a, values, "predictions")
    b = encode(predictions_b, values, "predictions")
    known = figure_names(names)
    wanted = known if figures is None else list(figures)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ValueError(f"unknown figure {unknown[0]!r}; known: {', '.join(known)}")
    k = len(names)
    occupied, cells = np.unique((truth * k + a) * k + b, return_inverse=True)
    to_a = _one_hot(occupied // k, k * k)
    to_b = _one_hot(occupied // k**2 * k + occupied % k, k * k)
    columns = [known.index(name) for name in wanted]

    def statistic(counts: np.ndarray) -> np.ndarray:
        table_a, table_b = ((counts @ to).reshape(-1, k, k) for to in (to_a, to_b))
        return (table_figures(table_a, zero_division) - table_figures(table_b, zero_division))[:, columns]

    resampler = Resampler(cells, len(occupied), groups)
    ends = bootstrap(resampler, statistic, n_resamples, confidence_level, random_state, method)
    return {
        name: {"difference": float(difference), "low": float(low), "high": float(high)}
        for name, difference, low, high in zip(wanted, *ends, strict=True)
    }


def paired_difference(
    references: Sequence[Any],
    predictions_a: Sequence[Any],
    predictions_b: Sequence[Any],
    figure: str = "macro_f1",
    **settings: Any,
) -> dict[str, float]:
    """Return {difference, low, high} of one figure, A minus B; settings as in `paired_differences`.

    >>> paired_difference([0, 1], [0, 1], [0, 1], "f1_1", n_resamples=50)
    {'difference': 0.0, 'low': 0.0, 'high': 0.0}
    """
    return paired_differences(references, predictions_a, predictions_b, [figure], **settings)[figure]


def _bca_terms(
    observed: np.ndarray, samples: np.ndarray, left_out: np.ndarray, times: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return (figures,) bias correction and acceleration of BCa (Efron & Tibshirani, chapter 14)."""
    n = len(samples)
    below = ((samples < observed).sum(axis=0) + (samples <= observed).sum(axis=0)) / (2 * n)
    bias = ndtri(np.clip(below, 0.5 / n, 1 - 0.5 / n))
    weight = times[:, None]
    influence = (weight * left_out).sum(axis=0) / weight.sum() - left_out
    spread = (weight * influence**2).sum(axis=0)
    skew = (weight * influence**3).sum(axis=0)
    return bias, np.divide(skew, 6 * spread**1.5, out=np.zeros_like(spread), where=spread > 0)


def _bca_tails(bias: np.ndarray, acceleration: np.ndarray, tails: np.ndarray) -> np.ndarray:
    """Return (2, figures) the quantiles at which BCa reads the resamples."""
    shifted = bias + ndtri(tails)[:, None]
    return ndtr(bias + shifted / np.maximum(1 - acceleration * shifted, np.finfo(float).eps))


def _group_patterns(cells: np.ndarray, n_cells: int, groups: Sequence[Any]) -> tuple[np.ndarray, csr_array]:
    """Return (patterns,) how many groups fill the cells in the same way, and (patterns, cells) that way."""
    groups = np.asarray(groups)
    if len(groups) != len(cells):
        raise ValueError(f"{len(cells)} rows but {len(groups)} groups; give one group a row")
    group = np.unique(groups, return_inverse=True)[1]
    order = np.lexsort((cells, group))
    ends = np.flatnonzero(np.diff(group[order])) + 1
    times: dict[tuple[int, ...], int] = {}
    for members in np.split(cells[order], ends):
        key = tuple(members.tolist())
        times[key] = times.get(key, 0) + 1
    row = np.repeat(np.arange(len(times)), [len(key) for key in times])
    column = np.fromiter((cell for key in times for cell in key), dtype=np.int64, count=len(row))
    # Building from coordinates adds up the rows that fall into one cell.
    patterns = csr_array((np.ones(len(row)), (row, column)), shape=(len(times), n_cells))
    return np.fromiter(times.values(), dtype=np.int64, count=len(times)), patterns


def _one_hot(columns: np.ndarray, width: int) -> csr_array:
    return csr_array((np.ones(len(columns)), (np.arange(len(columns)), columns)), shape=(len(columns), width))
