"""Several experts asked about the same texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..core.errors import InputError
from .votes import Expert, Vote


class SeveralExperts:
    """Asks every expert about every text, and returns all their votes.

    Args:
        experts: objects with a `name` that answer texts and ids with votes; names are unique.

    Raises:
        InputError: no experts, one without a name, or two of the same name.

    >>> from secondopinion.experts import RecordedExpert
    >>> a, b = (RecordedExpert([Vote("r1", name, label)]) for name, label in (("a", "yes"), ("b", "no")))
    >>> [(vote.expert, vote.label) for vote in SeveralExperts([a, b])(["some text"], ids=["r1"])]
    [('a', 'yes'), ('b', 'no')]
    """

    def __init__(self, experts: Sequence[Expert]) -> None:
        self.experts = list(experts)
        names = [getattr(expert, "name", None) for expert in self.experts]
        if not names:
            raise InputError("give at least one expert")
        if not all(isinstance(name, str) and name for name in names):
            raise InputError(
                "each expert needs a name, so that its votes can be told apart; "
                "wrap a plain function in ModelExpert(function, label_names, name=…)"
            )
        repeated = sorted(name for name, count in Counter(names).items() if count > 1)
        if repeated:
            raise InputError(f"several experts are called {repeated[0]!r}; give each a name of its own")
        self.names: list[str] = names
        self.name = " + ".join(names)

    def __call__(self, texts: Sequence[str], ids: Sequence[str] | None = None) -> list[Vote]:
        """Return (experts × texts) votes in one list: all of the first expert, then all of the second, …

        Raises:
            InputError: an expert's answers are not one vote a text in the order given, under its own name.
        """
        return [vote for votes in self.by_expert(texts, ids) for vote in votes]

    def by_expert(self, texts: Sequence[str], ids: Sequence[str] | None = None) -> list[list[Vote]]:
        """Return one list of votes an expert, each in the order of the texts; raises as a call does."""
        ids = [str(row) for row in (range(len(texts)) if ids is None else ids)]
        if len(ids) != len(texts):
            raise InputError(f"each text needs one id; got {len(texts)} texts and {len(ids)} ids")
        answers = []
        for expert in self.experts:
            votes = list(expert(texts, ids))
            if [(vote.id, vote.expert) for vote in votes] != [(row, expert.name) for row in ids]:
                raise InputError(
                    f"expert {expert.name!r} was asked about {len(ids)} rows and gave {len(votes)} votes that are not "
                    "one a row in the order given, under its own name"
                )
            answers.append(votes)
        return answers
