"""An expert whose answers were written down before."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from ..core.errors import InputError
from .votes import Vote, Votes, check_votes, read_votes

NO_VOTE = "no recorded vote"


class RecordedExpert:
    """Answers from votes on disk (Parquet, CSV or JSON Lines) or in memory, by the rows' ids.

    Args:
        votes: a path, what `read_votes` returned, or the votes themselves.
        label_names: the classes; by default the labels that occur, in which case none of them can be unknown.
        name: of the expert. Where the votes are of several, those of the one with this name are taken; where they are
            of one, it answers under this name.
        ids: the rows of the data set; votes for other rows are then refused.
        prompt_sha1: the prompt that the votes must have been asked with.

    Raises:
        InputError: the votes do not fit (see `check_votes`), or belong to several experts and none was chosen.

    >>> expert = RecordedExpert([Vote("r1", "panel", "yes")])
    >>> [vote.label for vote in expert(["some text", "another"], ids=["r1", "r2"])]
    ['yes', None]
    """

    def __init__(
        self,
        votes: str | os.PathLike | Votes | Iterable[Vote],
        label_names: Sequence[str] | None = None,
        *,
        name: str | None = None,
        ids: Iterable[str] | None = None,
        prompt_sha1: str | None = None,
    ) -> None:
        if isinstance(votes, (str, os.PathLike)):
            votes = read_votes(votes)
        rows = list(votes.rows if isinstance(votes, Votes) else votes)
        self._facts = dict(votes.facts) if isinstance(votes, Votes) else {}
        names = sorted({vote.expert for vote in rows})
        if len(names) > 1 and name not in names:
            wanted = "choose one with name=" if name is None else f"{name!r} is not among them"
            raise InputError(f"the votes are of {len(names)} experts: {', '.join(names)}; {wanted}")
        if len(names) > 1:
            rows = [vote for vote in rows if vote.expert == name]
        classes = label_names or sorted({vote.label for vote in rows if vote.label is not None})
        known = [vote.id for vote in rows] if ids is None else ids
        self.counts = check_votes(rows, known, classes, prompt_sha1)
        self.label_names = list(classes)
        self.name = name or names[0]
        self._votes = {vote.id: replace(vote, expert=self.name) for vote in rows}

    def facts(self) -> dict[str, Any]:
        """Return plain data for run.json: what the votes' file says of the expert, and that they are recorded."""
        return {**self._facts, "name": self.name, "kind": "recorded", "remote": False}

    def __call__(self, texts: Sequence[str], ids: Sequence[str] | None = None) -> list[Vote]:
        """Return the vote of each row; a row without one gets an unusable vote that says so.

        Raises:
            InputError: no ids were given, or not one a text.
        """
        if ids is None:
            raise InputError(
                "recorded votes are found by the rows' ids, and none were given: call expert(texts, ids=[…]). "
                "For new texts, ask a live expert"
            )
        if len(ids) != len(texts):
            raise InputError(f"each text needs one id; got {len(texts)} texts and {len(ids)} ids")
        return [self._votes.get(str(row)) or Vote(str(row), self.name, None, error=NO_VOTE) for row in ids]
