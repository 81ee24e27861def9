"""Who answers the rows that a model defers, while later rows are scored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..core.errors import InputError


class Asker:
    """Admits deferrals under a budget and asks experts for them.

    Args:
        experts: name → callable from (texts, ids) to rows with `label` and `error`; None asks nobody.
        budget: a `StreamingBudget`, or None for none.
        classes: of the model.
    """

    def __init__(self, experts: Mapping[str, Callable[..., Sequence[Any]]] | None, budget: Any, classes: Sequence[str]):
        self.experts, self.budget, self.classes = experts, budget, dict.fromkeys(classes, 0.0)
        self.asks = experts is not None

    def go_on(self, rows: int, deferred: int) -> None:
        """Count what was admitted before a stop.

        Args:
            rows: with a text, scored before.
            deferred: of these.
        """
        if self.budget is not None:
            self.budget.seen, self.budget.deferred = rows, deferred

    def admit(self, columns: dict[str, Any]) -> None:
        """Take back the deferrals that the budget has no room for."""
        if self.budget is not None and columns["deferred"]:
            columns["deferred"] = self.budget.admit(columns["deferred"], columns["deferral_score"])

    def answer(self, columns: dict[str, Any], texts: Sequence[str], ids: Sequence[str]) -> None:
        """Ask for the deferred rows, and fill in whose answer is the final one.

        Raises:
            InputError: an expert gives something else than a row for each text.
        """
        from ..modeling.pipeline_deferring_text_classification import read_votes

        rows = len(columns["deferred"])
        columns["expert_label"], columns["expert_error"] = [None] * rows, [None] * rows
        columns["final_label"] = list(columns["label"])
        for name, expert in (self.experts or {}).items():
            places = [place for place in range(rows) if columns["deferred"][place] and columns["expert"][place] == name]
            if not places:
                continue
            votes = expert([texts[place] for place in places], [ids[place] for place in places])
            try:
                told = read_votes(votes, name, len(places), self.classes)
            except ValueError as error:
                raise InputError(str(error)) from None
            for place, (label, why_not) in zip(places, told, strict=True):
                columns["expert_label"][place], columns["expert_error"][place] = label, why_not
                columns["final_label"][place] = label or columns["label"][place]


__all__ = ["Asker"]
