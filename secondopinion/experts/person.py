"""A person as expert: what was answered comes back as votes, what was not waits in the review queue."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from ..core.errors import InputError
from .review_queue import ReviewQueue, ReviewRow
from .votes import Vote

WAITING = "waiting for a person"


class PersonExpert:
    """Queues what has no answer yet, and returns the votes of what has.

    Rows that were queued before, with the classifier's answer and its score, keep them: `queue.add` first, where
    people should see both.

    Args:
        queue: where the rows wait.
        label_names: the classes to choose from.
        name: of the expert.

    >>> import tempfile
    >>> queue = ReviewQueue(tempfile.mkdtemp())
    >>> expert = PersonExpert(queue, ["no", "yes"])
    >>> expert(["fever?"], ids=["r1"])[0].error
    'waiting for a person'
    >>> queue.answer(queue.next("ann").id, "yes", "ann")
    >>> expert(["fever?"], ids=["r1"])[0].label
    'yes'
    """

    def __init__(self, queue: ReviewQueue, label_names: Sequence[str], name: str = "person") -> None:
        self.queue, self.label_names, self.name = queue, tuple(label_names), name

    def __call__(self, texts: Sequence[str], ids: Sequence[str] | None = None) -> list[Vote]:
        """Return one vote a text, in the order given.

        Without ids a row is known by its text (SHA-1), so that asking again finds the answer.

        Raises:
            InputError: not one id a text, or an id that is in the queue with another text.
        """
        ids = [_sha1(text) for text in texts] if ids is None else [str(row) for row in ids]
        if len(ids) != len(texts):
            raise InputError(f"each text needs one id; got {len(texts)} texts and {len(ids)} ids")
        self.queue.add(ReviewRow(row, text, self.label_names) for row, text in zip(ids, texts, strict=True))
        answered = {vote.id: vote for vote in self.queue.votes(self.name)}
        return [answered.get(row) or Vote(row, self.name, None, error=WAITING) for row in ids]

    def facts(self) -> dict[str, Any]:
        """Return plain data for run.json; who answered is in the votes alone."""
        return {"name": self.name, "kind": "person", "remote": False, "label_names": list(self.label_names)}


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode("utf-8", "surrogatepass")).hexdigest()
