"""The tables of a card whose model gives numbers."""

from __future__ import annotations

from .problem_words import NUMBER_FIGURES
from .render import CardTables
from .tables import Table, count, drop_empty, figure_name, interval, number


class NumberTables(CardTables):
    """As `CardTables`, with targets in the place of classes."""

    def per_class(self) -> Table | str:
        """Every figure of each target, with its interval; nothing where there is one target."""
        names = self.data.labels
        if len(names) < 2:
            return ""
        pooled = self.facts["summary"]["out_of_fold"]
        intervals = pooled.get("intervals") or {}
        rows = [
            [
                f"{name}: {figure_name(figure)}",
                self.headline(key),
                number(pooled.get(key)),
                interval(intervals.get(key)),
            ]
            for name in names
            for figure in NUMBER_FIGURES
            if (key := f"{figure}_{name}") in self.mean
        ]
        return drop_empty(["Target", "Mean over folds", "All held-out rows", "95% interval"], rows)

    def per_fold(self) -> Table:
        """The figures of each fold; the published fold is marked."""
        selected = self.facts["selection"]["fold"]
        rows = []
        for result in sorted(self.facts["fold_results"], key=lambda result: result["fold"]):
            best, cap, held_out = (
                result.get("best_epoch"),
                result.get("epoch_cap"),
                result.get("rows", {}).get("held_out"),
            )
            rows.append(
                [
                    f"{result['fold']} (published)" if result["fold"] == selected else str(result["fold"]),
                    *(number(result["figures"].get(figure)) for figure in NUMBER_FIGURES),
                    count(held_out) if held_out is not None else "",
                    f"{best} of {cap}" if best is not None and cap is not None else "",
                ]
            )
        rows.append(["Mean ± std" if self.std else "Mean", *map(self.headline, NUMBER_FIGURES), "", ""])
        return drop_empty(["Fold", *map(figure_name, NUMBER_FIGURES), "Held-out rows", "Best epoch"], rows)

    def classes(self) -> Table:
        """Rows, mean, spread and range of each target in the data."""
        targets = self.facts["dataset"]["targets"]
        rows = [
            [name, count(own["rows"]), *(f"{own[key]:.6g}" for key in ("mean", "std", "min", "max"))]
            for name, own in ((name, targets[name]) for name in self.data.labels)
        ]
        return Table(["Target", "Rows", "Mean", "Standard deviation", "Least", "Most"], rows)
