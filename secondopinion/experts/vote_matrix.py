"""Votes of several experts as one matrix of class codes, whatever the order they came in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.errors import InputError, closest

SHOWN = 5


@dataclass(frozen=True)
class VoteMatrix:
    """What J experts said on n rows, both sorted by name.

    Attributes:
        ids: (n,) rows.
        experts: (J,) names.
        classes: (K,) label names.
        codes: (n, J) int64, the class of each vote; -1 where there is none, or an unusable one.
    """

    ids: list[str]
    experts: list[str]
    classes: list[str]
    codes: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """Return (n, K) int64: votes for each class."""
        return self.weighted(np.ones(len(self.experts))).astype(np.int64)

    def weighted(self, weights: np.ndarray) -> np.ndarray:
        """Return (n, K) float64: the weights (J,) of those who voted for each class."""
        scores = np.zeros((len(self.ids), len(self.classes)))
        for column, weight in zip(self.codes.T, weights, strict=True):
            voted = column >= 0
            scores[voted, column[voted]] += weight
        return scores

    def without(self, expert: str) -> VoteMatrix:
        """Return the matrix over the same rows and classes without one expert's column."""
        keep = [j for j, name in enumerate(self.experts) if name != expert]
        return VoteMatrix(self.ids, [self.experts[j] for j in keep], self.classes, self.codes[:, keep])

    def gold_codes(self, gold: Mapping[str, str | None]) -> np.ndarray:
        """Return (n,) int64: the class of each row by `gold`, -1 where it has none.

        Raises:
            InputError: a gold label is not among the classes, or no row has one.
        """
        place = {name: code for code, name in enumerate(self.classes)}
        labels = [gold.get(row) for row in self.ids]
        unknown = sorted({str(label) for label in labels if label is not None and label not in place})
        if unknown:
            raise InputError(
                f"gold labels outside the classes {self.classes}: {unknown[:SHOWN]}; pass label_names with every class"
            )
        if all(label is None for label in labels):
            raise InputError(
                f"none of the {len(self.ids)} rows that were voted on has a gold label; are the ids of the same corpus?"
            )
        return np.array([-1 if label is None else place[label] for label in labels], dtype=np.int64)


def flat_votes(votes: Iterable[Any]) -> Iterator[tuple[str, str, str | None]]:
    """Yield (id, expert, label) of votes: `Vote`s, mappings with these keys, or lists of either, one an expert.

    Raises:
        InputError: something in it is no vote.
    """
    for vote in votes:
        if isinstance(vote, Mapping):
            get = vote.get
        elif hasattr(vote, "label"):
            get = vote.__getattribute__
        elif isinstance(vote, Sequence) and not isinstance(vote, str):
            yield from flat_votes(vote)
            continue
        else:
            raise InputError(f"a vote holds id, expert and label; got {type(vote).__name__}")
        try:
            row, expert, label = get("id"), get("expert"), get("label")
        except AttributeError:
            row = expert = None
        if row is None or expert is None:
            raise InputError("a vote without an id or without the name of its expert cannot be compared with others")
        yield str(row), str(expert), label


def vote_matrix(
    votes: Iterable[Any], label_names: Sequence[str] | None = None, ids: Sequence[str] | None = None
) -> VoteMatrix:
    """Arrange votes by row and expert.

    Args:
        votes: as for `flat_votes`.
        label_names: the classes; by default all labels that occur, sorted.
        ids: the rows; by default all that occur.

    Raises:
        InputError: no votes; two votes of one expert for one row; a label outside the classes; a row not in `ids`.

    >>> rows = [{"id": "b", "expert": "x", "label": "yes"}, {"id": "a", "expert": "y", "label": None}]
    >>> vote_matrix(rows, ["no", "yes"]).codes.tolist()
    [[-1, -1], [1, -1]]
    """
    table: dict[tuple[str, str], str | None] = {}
    for row, expert, label in flat_votes(votes):
        if (row, expert) in table:
            raise InputError(f"expert {expert!r} has two votes for row {row!r}; keep one of them")
        table[row, expert] = label
    if not table:
        raise InputError("no votes were given; collect some with `secondopinion ask`")
    rows = sorted({row for row, _ in table})
    experts = sorted({expert for _, expert in table})
    if ids is not None:
        known = set(ids)
        strangers = [row for row in rows if row not in known]
        if strangers:
            raise InputError(
                f"{len(strangers)} voted rows are not in the data ({strangers[0]!r}: "
                f"{closest(strangers[0], list(known)[:1000])}); are the votes of this corpus?"
            )
        rows = sorted(known)
    classes = sorted({label for label in table.values() if label is not None})
    if label_names is not None:
        classes = list(label_names)
    place = {name: code for code, name in enumerate(classes)}
    outside = [key for key, label in table.items() if label is not None and label not in place]
    if outside:
        row, expert = min(outside)
        raise InputError(
            f"{len(outside)} votes have a label outside the classes {classes} (first: expert {expert!r}, row {row!r}); "
            "map them to a class, or to null where the answer is unusable"
        )
    codes = np.full((len(rows), len(experts)), -1, dtype=np.int64)
    row_of, column_of = {row: i for i, row in enumerate(rows)}, {name: j for j, name in enumerate(experts)}
    for (row, expert), label in table.items():
        if label is not None:
            codes[row_of[row], column_of[expert]] = place[label]
    return VoteMatrix(rows, experts, classes, codes)
