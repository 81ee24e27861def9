"""The rows on which a threshold is chosen or certified, sorted once so that every threshold can be read off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..core.errors import InputError, closest

ALWAYS = float(np.finfo(np.float32).min)


@dataclass(frozen=True, eq=False)
class ChoiceRows:
    """Scores, truth and both answers of some rows.

    Attributes:
        scores: (n,) deferral scores, read as float32; higher means rather defer.
        ids: (n,) unique ids.
        gold: (n,) true classes, 0 to K - 1.
        classifier: (n,) the classifier's classes.
        expert: (n,) the expert's classes, -1 where it gave no usable vote: there the classifier's class stands.
        loss_matrix: (K, K) costs [true, said], not negative, zero diagonal; 0/1 when left out.
        call_costs: what asking costs, in US dollars: (n,) or one number.
        label_names: the K classes' names.
        n_classes: K; without names and loss matrix as many as the rows show.

    Raises:
        InputError: the columns do not fit, a score is not finite, a class is out of range, an id repeats.

    >>> rows = ChoiceRows([0.9, 0.1], ["a", "b"], [1, 0], [0, 0], [1, 1])
    >>> rows.answers(np.array([True, False])).tolist()
    [1, 0]
    """

    scores: np.ndarray
    ids: Sequence[str]
    gold: np.ndarray
    classifier: np.ndarray
    expert: np.ndarray
    loss_matrix: np.ndarray | None = None
    call_costs: np.ndarray | float = 0.0
    label_names: Sequence[str] | None = None
    n_classes: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "scores", finite_scores(self.scores))
        object.__setattr__(self, "ids", list(map(str, self.ids)))
        for name in ("gold", "classifier", "expert"):
            object.__setattr__(self, name, self._classes(name))
        n = len(self.scores)
        sizes = [n, *map(len, (self.ids, self.gold, self.classifier, self.expert))]
        if len(set(sizes)) > 1:
            raise InputError(
                "threshold: {} scores, {} ids, {} true classes, {} classifier's classes, {} expert's; one of each a "
                "row".format(*sizes)
            )
        if not n:
            raise InputError("threshold: there are no rows; give the choosing or the certifying part's")
        if len(set(self.ids)) != n:
            raise InputError(f"threshold: {n - len(set(self.ids))} ids occur more than once; a row's id must be unique")
        if self.loss_matrix is not None:
            object.__setattr__(self, "loss_matrix", loss_matrix(self.loss_matrix))
        costs = np.asarray(self.call_costs, dtype=np.float64)
        if costs.shape not in ((), (n,)) or not np.isfinite(costs).all() or (costs < 0).any():
            raise InputError(
                f"threshold: call_costs of shape {costs.shape} for {n} rows; give US dollars, 0 or more, one number "
                "or one a row"
            )
        object.__setattr__(self, "call_costs", np.broadcast_to(costs, (n,)))
        known = [len(self.label_names)] if self.label_names is not None else []
        known += [len(self.loss_matrix)] if self.loss_matrix is not None else []
        highest = int(max(self.gold.max(), self.classifier.max(), self.expert.max()))
        if len(set(known)) > 1 or (known and highest >= known[0]):
            raise InputError(
                f"threshold: the rows go up to class {highest}, but there are {' and '.join(map(str, known))} classes "
                "by label_names and loss_matrix; give both for the same classes"
            )
        if self.gold.min() < 0 or self.classifier.min() < 0 or self.expert.min() < -1:
            raise InputError("threshold: a class is negative; classes start at 0, and only an expert's vote can be -1")
        object.__setattr__(self, "n_classes", known[0] if known else highest + 1)

    def _classes(self, name: str) -> np.ndarray:
        values = np.asarray(getattr(self, name))
        if values.ndim != 1 or not (values.size == 0 or np.issubdtype(values.dtype, np.integer)):
            raise InputError(
                f"threshold: {name} has dtype {values.dtype} and shape {values.shape}; give one integer a row"
            )
        return values.astype(np.int64)

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def second(self) -> np.ndarray:
        """(n,) what the system answers where it defers: the expert's class, else the classifier's."""
        return np.where(self.expert < 0, self.classifier, self.expert)

    def answers(self, deferred: np.ndarray) -> np.ndarray:
        """Return (n,) what the system answers when the rows marked in `deferred` (n,) bool go to the expert."""
        return np.where(deferred, self.second, self.classifier)

    def losses(self, said: np.ndarray, matrix: np.ndarray | None = None) -> np.ndarray:
        """Return (n,) losses in [0, 1] of answers (n,): 0/1, or the matrix' costs over its largest entry."""
        matrix = self.loss_matrix if matrix is None else loss_matrix(matrix)
        if matrix is None:
            return (said != self.gold).astype(np.float64)
        return matrix[self.gold, said] / matrix.max()

    def class_index(self, name: str) -> int:
        """Return the place of a class by its name.

        Raises:
            InputError: no class is called so.
        """
        names = list(map(str, self.label_names if self.label_names is not None else range(self.n_classes)))
        if name not in names:
            raise InputError(f"threshold: no class is called {name!r}; {closest(name, names)}")
        return names.index(name)

    @cached_property
    def order(self) -> np.ndarray:
        """(n,) rows from the highest score to the lowest, ties by id: sums are the same whatever the rows' order."""
        return np.lexsort((np.asarray(self.ids), -self.scores))

    @cached_property
    def counts(self) -> np.ndarray:
        """(blocks + 1,) numbers of rows that a threshold can defer, ascending from 0: tied rows go together."""
        ordered = self.scores[self.order]
        return np.concatenate([[0], np.flatnonzero(np.diff(ordered)) + 1, [len(self)]])

    def value_at(self, count: int) -> float | None:
        """Return the threshold that defers exactly the `count` highest scores, one of `counts`.

        None defers nothing, `ALWAYS` everything; between two scores it is their midpoint, or the lower score where no
        float32 lies between them.
        """
        if count == 0:
            return None
        if count == len(self):
            return ALWAYS
        above, below = self.scores[self.order[count - 1]], self.scores[self.order[count]]
        middle = np.float32((float(above) + float(below)) / 2)
        return float(middle if middle < above else below)

    def running(self, values: np.ndarray) -> np.ndarray:
        """Return (blocks + 1,) the sum of `values` (n,) over the rows deferred at each of `counts`."""
        return np.concatenate([[0.0], np.cumsum(values[self.order])])[self.counts]

    def risks(self) -> np.ndarray:
        """Return (blocks + 1,) the system's mean loss, in [0, 1], at each of `counts`."""
        alone = self.losses(self.classifier)
        return (alone[self.order].sum() + self.running(self.losses(self.second) - alone)) / len(self)

    def f1(self, positive: int | None = None) -> np.ndarray:
        """Return (blocks + 1,) the system's F1 at each of `counts`: of class `positive`, or macro over all K."""
        scores = []
        for k in range(self.n_classes) if positive is None else [positive]:
            truth, first, second = (column == k for column in (self.gold, self.classifier, self.second))
            hits = (truth & first).sum() + self.running((truth & second).astype(float) - (truth & first))
            said = first.sum() + self.running(second.astype(float) - first)
            both = said + truth.sum()
            scores.append(np.divide(2 * hits, both, out=np.zeros_like(both), where=both > 0))
        return np.mean(scores, axis=0)


def finite_scores(scores: np.ndarray) -> np.ndarray:
    """Return scores as (n,) float32.

    Raises:
        InputError: they have another shape, or one is not a finite number.
    """
    values = np.asarray(scores, dtype=np.float32)
    if values.ndim != 1:
        raise InputError(f"threshold: scores have shape {values.shape}; give one a row, (rows,)")
    broken = int((~np.isfinite(values)).sum())
    if broken:
        raise InputError(f"threshold: {broken} of {len(values)} deferral scores are not finite; the policy diverged")
    return values


def loss_matrix(matrix: np.ndarray) -> np.ndarray:
    """Return a cost matrix as (K, K) float64.

    Raises:
        InputError: it is not square, an entry is negative or not finite, being right costs something, or nothing does.
    """
    costs = np.asarray(matrix, dtype=np.float64)
    square = costs.ndim == 2 and costs.shape[0] == costs.shape[1] and len(costs) > 1
    if not square or not np.isfinite(costs).all() or (costs < 0).any() or np.diag(costs).any() or not costs.any():
        raise InputError(
            f"threshold: a loss matrix of shape {costs.shape} that is not a cost matrix; give K rows (true class) of K "
            "costs (answered class), 0 or more, 0 on the diagonal, [[0, 1], [5, 0]] say"
        )
    return costs
