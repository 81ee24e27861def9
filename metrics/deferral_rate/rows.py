"""The rows that are measured: what is true, what the classifier and the expert say, and who is asked."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from .confusion import as_list, encode, label_table

UNUSABLE = -1


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows as numbers; classes are positions in `names`.

    Args:
        names: the classes' names.
        positive: position of the class whose F1 is *the* F1; None stands for the macro mean.
        gold: (rows,) true classes.
        classifier: (rows,) the classifier's classes.
        expert: (rows,) the expert's classes, `UNUSABLE` where its vote is none.
        groups: (rows,) numbers of the groups of dependent rows, or None.
        costs: (rows,) price of asking the expert, or None.
        losses: (classes, classes) cost of saying the column where the row is true, or None.
    """

    names: tuple[str, ...]
    positive: int | None
    gold: np.ndarray
    classifier: np.ndarray
    expert: np.ndarray
    groups: np.ndarray | None = None
    costs: np.ndarray | None = None
    losses: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.gold)

    @property
    def usable(self) -> np.ndarray:
        """(rows,) whether the expert's vote is a class."""
        return self.expert != UNUSABLE

    @property
    def answer(self) -> np.ndarray:
        """(rows,) what the system says where it defers: the expert's class, or the classifier's without one."""
        return np.where(self.usable, self.expert, self.classifier)

    def take(self, order: np.ndarray) -> Rows:
        """Return the rows in another order."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        per_row = ("gold", "classifier", "expert", "groups", "costs")
        return replace(self, **{name: columns[name][order] for name in per_row if columns[name] is not None})

    def canonical_order(self, *columns: np.ndarray | None) -> np.ndarray:
        """Return (rows,) an order that depends on what the rows hold alone, not on the order they came in."""
        keys = (self.groups, self.costs, self.expert, self.classifier, self.gold, *columns)
        return np.lexsort([key for key in keys if key is not None])


def read_rows(
    references: Sequence[Any],
    predictions: Sequence[Any],
    expert_predictions: Sequence[Any],
    label_names: Sequence[str] | None = None,
    positive_label: Any = None,
    groups: Sequence[Any] | None = None,
    call_costs: Sequence[float] | float | None = None,
    loss_matrix: Sequence[Sequence[float]] | None = None,
) -> Rows:
    """Return checked rows.

    Raises:
        ValueError: columns of different lengths or none at all, a label outside the classes, a price or loss that is
            negative or no number.

    >>> read_rows(["a", "b"], ["a", "a"], [None, "b"]).answer.tolist()
    [0, 1]
    """
    truth, said, votes = as_list(references), as_list(predictions), as_list(expert_predictions)
    votes = [None if isinstance(vote, float) and math.isnan(vote) else vote for vote in votes]
    if not len(truth) == len(said) == len(votes):
        raise ValueError(
            f"{len(truth)} references, {len(said)} predictions and {len(votes)} expert_predictions; every row needs "
            "all three (None where the expert's vote is unusable)"
        )
    every = [*truth, *said, *(vote for vote in votes if vote is not None)]
    values, names = label_table(every, every, label_names=label_names)
    usable = np.array([vote is not None for vote in votes], dtype=bool)
    expert = np.full(len(votes), UNUSABLE, dtype=np.int64)
    expert[usable] = encode([vote for vote in votes if vote is not None], values, "expert_predictions")
    rows = Rows(
        names=tuple(names),
        positive=_positive(positive_label, values, names),
        gold=encode(truth, values, "references"),
        classifier=encode(said, values, "predictions"),
        expert=expert,
    )
    return replace(
        rows,
        groups=None if groups is None else _groups(groups, len(rows)),
        costs=None if call_costs is None else _costs(call_costs, len(rows)),
        losses=None if loss_matrix is None else _losses(loss_matrix, names),
    )


def read_scores(scores: Sequence[float], rows: int, name: str = "deferral_scores") -> np.ndarray:
    """Return (rows,) scores as float64.

    Raises:
        ValueError: their number differs from that of the rows, or one is not a finite number.
    """
    scores = _numbers(scores, name)
    if scores.shape != (rows,):
        raise ValueError(f"{rows} rows but {name} of shape {scores.shape}; give one score a row")
    if not np.isfinite(scores).all():
        raise ValueError(f"{name}: {(~np.isfinite(scores)).sum()} of {rows} are not finite; give a finite score a row")
    return scores


def read_decisions(deferred: Sequence[Any], rows: int) -> np.ndarray:
    """Return (rows,) bool.

    Raises:
        ValueError: their number differs from that of the rows, or one is neither true nor false.
    """
    values = as_list(deferred)
    if len(values) != rows:
        raise ValueError(f"{rows} rows but {len(values)} values in deferred; give True or False for each row")
    wrong = sorted({type(value).__name__ for value in values if value not in (0, 1)})
    if wrong:
        raise ValueError(f"deferred holds values other than True and False ({', '.join(wrong)}); give a bool a row")
    return np.array(values, dtype=bool)


def deferred_count(rate: float, rows: int) -> int:
    """Return how many of `rows` a rate lets defer: never more than the rate.

    Raises:
        ValueError: the rate is outside [0, 1].

    >>> deferred_count(0.07, 100), deferred_count(0.5, 3)
    (7, 1)
    """
    if isinstance(rate, bool) or not isinstance(rate, int | float | np.number) or not 0 <= rate <= 1:
        raise ValueError(f"rate is {rate!r}; give the share of rows to defer, from 0 to 1")
    return math.floor(rate * rows + 1e-9)


def tie_free(scores: np.ndarray, ids: Sequence[Any] | None = None) -> np.ndarray:
    """Return (rows,) ranks in the scores' order; of tied rows the one whose id has the lower SHA-1 ranks higher.

    Without `ids` a row's number serves as its id, so then, and only then, ties depend on the order of the rows.

    Raises:
        ValueError: ids repeat, or their number differs from that of the rows.

    >>> tie_free(np.array([0.5, 0.9, 0.5]), ["a", "b", "c"]).tolist()
    [0, 2, 1]
    """
    ids = range(len(scores)) if ids is None else as_list(ids)
    if len(ids) != len(scores):
        raise ValueError(f"{len(scores)} rows but {len(ids)} ids; give one id a row")
    texts = [str(value) for value in ids]
    if len(set(texts)) < len(texts):
        raise ValueError(f"{len(texts) - len(set(texts))} ids repeat; ties are broken by id, so each row needs its own")
    digests = np.array([hashlib.sha1(text.encode("utf-8", "surrogatepass")).hexdigest() for text in texts])
    ranks = np.empty(len(scores), dtype=np.int64)
    ranks[np.lexsort((digests, -scores))] = np.arange(len(scores))[::-1]
    return ranks


def top_k(ranks: np.ndarray, k: int) -> np.ndarray:
    """Return (rows,) bool that marks the k rows of highest rank (`tie_free`)."""
    return ranks >= len(ranks) - k


def draw_weights(rows: Rows, n_resamples: int, random_state: int | None) -> Iterator[np.ndarray]:
    """Yield (rows,) how often each row is in a resample of rows, or of whole groups, with replacement."""
    generator = np.random.default_rng(random_state)
    units = len(rows) if rows.groups is None else int(rows.groups.max()) + 1
    for _ in range(n_resamples):
        times = np.bincount(generator.integers(0, units, units), minlength=units)
        yield times if rows.groups is None else times[rows.groups]


def check_bootstrap(n_resamples: int, confidence_level: float) -> None:
    """Raise ValueError where a setting of the intervals is out of range; 0 resamples stand for no intervals."""
    if n_resamples < 0:
        raise ValueError(f"n_resamples is {n_resamples}; give 0 for no intervals, 2000 say for intervals")
    if not 0 < confidence_level < 1:
        raise ValueError(f"confidence_level is {confidence_level}; it lies between 0 and 1, 0.95 say")


def _positive(label: Any, values: Sequence[Any], names: Sequence[str]) -> int | None:
    if label is None:
        return None
    for known in (names, values):
        if label in known:
            return list(known).index(label)
    raise ValueError(f"positive_label is {label!r}, which is none of the classes {list(names)}")


def _groups(groups: Sequence[Any], rows: int) -> np.ndarray:
    groups = np.asarray(groups)
    if groups.shape != (rows,):
        raise ValueError(f"{rows} rows but {len(groups)} groups; give one group a row")
    try:
        return np.unique(groups, return_inverse=True)[1]
    except TypeError:
        raise ValueError("groups mix kinds or lack values; name each row's group by a string or a number") from None


def _costs(costs: Sequence[float] | float, rows: int) -> np.ndarray:
    costs = _numbers(costs, "call_costs")
    if costs.shape not in ((), (rows,)):
        raise ValueError(f"{rows} rows but call_costs of shape {costs.shape}; give one price, or a price a row")
    if not (np.isfinite(costs) & (costs >= 0)).all():
        raise ValueError("call_costs hold a price that is negative or no number; give what a call costs, 0 if nothing")
    return np.broadcast_to(costs, (rows,)).copy()


def _losses(matrix: Sequence[Sequence[float]], names: Sequence[str]) -> np.ndarray:
    losses, k = _numbers(matrix, "loss_matrix"), len(names)
    if losses.shape != (k, k):
        raise ValueError(f"loss_matrix has shape {losses.shape}; with the classes {list(names)} it is ({k}, {k})")
    if not (np.isfinite(losses) & (losses >= 0)).all() or np.diagonal(losses).any():
        raise ValueError("loss_matrix holds costs of mistakes: numbers from 0 on, and 0 on its diagonal")
    return losses


def _numbers(values: Any, name: str) -> np.ndarray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} hold something that is no number; give numbers alone") from None
