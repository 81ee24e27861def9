"""The tables of a question-answering model: answers, categories, folds, single-task models beside it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from secondopinion.core.wording import p_value

from .question_answering import FIGURES, UNLABELLED, figure_title
from .tables import Table, count, drop_empty, interval, number, spread

BASELINES = {"span_only": "Span alone", "category_only": "Category alone", "question_only": "Question alone"}
ROWS_OF = {
    "exact": "total",
    "f1": "total",
    "HasAns_exact": "HasAns_total",
    "HasAns_f1": "HasAns_total",
    "NoAns_exact": "NoAns_total",
    "category_accuracy": "category_total",
    "category_macro_f1": "category_total",
    "joint_accuracy": "joint_total",
}
FOLD_COLUMNS = {
    "exact": "Exact match",
    "f1": "Answer F1",
    "category_accuracy": "Category accuracy",
    "category_macro_f1": "Category macro F1",
    "joint_accuracy": "Joint accuracy",
}
SOURCES = {
    "logical_form": "the question's logical form",
    "umls": "UMLS semantic types",
    "lexicon": "a lexicon with suffix rules",
    "given": "given with the data",
}


class AnswerTables:
    """The tables of a card, each built when the template asks for it.

    Args:
        facts: what run.json holds.
    """

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.facts = facts
        self.labels = facts["task"]["label_names"]
        self.mean = facts["summary"]["mean"]
        several = len(facts["folds"]["trained"]) > 1
        self.std = (facts["summary"].get("std") or {}) if several else {}
        self.pooled = facts["summary"]["out_of_fold"]
        self.intervals = self.pooled.get("intervals") or {}
        self.single = {name: own for name in BASELINES if (own := (facts.get("single_task") or {}).get(name))}

    def headline(self, key: str) -> str:
        """Return mean ± std of one figure."""
        return spread(self.mean.get(key), self.std.get(key))

    def figures(self) -> Table:
        """Every figure: over folds, on all held-out rows, with its interval and the rows it counts."""
        rows = [
            [
                figure_title(key),
                self.headline(key),
                number(self.pooled.get(key)),
                interval(self.intervals.get(key)),
                count(self.pooled[ROWS_OF[key]]) if self.pooled.get(ROWS_OF[key]) is not None else "",
            ]
            for key in FIGURES
            if key in self.mean
        ]
        return drop_empty(["Figure", "Mean over folds", "All held-out rows", "95% interval", "Rows"], rows)

    def per_category(self) -> Table:
        """Precision, recall and F1 of each category."""
        rows = []
        for label in self.labels:
            own = (self.pooled.get("per_category") or {}).get(label) or {}
            rows.append(
                [
                    label,
                    *(self._over_folds(label, kind) for kind in ("precision", "recall", "f1")),
                    number(own.get("f1")),
                    interval(self.intervals.get(f"f1_{label}")),
                    count(round(own["support"])) if own.get("support") is not None else "–",
                ]
            )
        header = ["Category", "Precision", "Recall", "F1", "F1, all held-out rows", "95% interval", "Rows"]
        return drop_empty(header, rows)

    def _over_folds(self, label: str, kind: str) -> str:
        folds = [result["figures"].get("per_category") or {} for result in self.facts["fold_results"]]
        values = [figures[label][kind] for figures in folds if figures.get(label, {}).get(kind) is not None]
        if len(values) != len(folds):
            return number(None)
        if len(values) == 1:
            return number(values[0])
        deviation = statistics.stdev if self.facts["summary"]["ddof"] else statistics.pstdev
        return spread(statistics.fmean(values), deviation(values))

    def per_fold(self) -> Table:
        """The figures of each fold; the published fold is marked."""
        selected = self.facts["selection"]["fold"]
        keys = [key for key in FOLD_COLUMNS if key in self.mean]
        rows = []
        for result in sorted(self.facts["fold_results"], key=lambda result: result["fold"]):
            held_out = (result.get("rows") or {}).get("held_out")
            best, cap = result.get("best_epoch"), result.get("epoch_cap")
            rows.append(
                [
                    f"{result['fold']} (published)" if result["fold"] == selected else str(result["fold"]),
                    *(number(result["figures"].get(key)) for key in keys),
                    count(held_out) if held_out is not None else "",
                    f"{best:g} of {cap:g}" if best is not None and cap is not None else "",
                ]
            )
        if len(rows) > 1:
            rows.append(["Mean ± std" if self.std else "Mean", *map(self.headline, keys), "", ""])
        return drop_empty(["Fold", *(FOLD_COLUMNS[key] for key in keys), "Held-out rows", "Best epoch"], rows)

    def side_by_side(self) -> Table:
        """This model beside the single-task ones, figure by figure, on the same held-out rows."""
        rows = [
            [
                figure_title(key),
                number(self.pooled.get(key)),
                *(number((own.get("figures") or {}).get(key)) for own in self.single.values()),
            ]
            for key in FIGURES
            if self.pooled.get(key) is not None
            and any(key in (own.get("figures") or {}) for own in self.single.values())
        ]
        return drop_empty(["Figure", "This model", *(BASELINES[name] for name in self.single)], rows)

    def compared(self) -> bool:
        """Whether paired differences were computed."""
        return any(own.get("difference") for own in self.single.values())

    def differences(self) -> Table:
        """This model and each single-task one on the rows that both answered, with paired differences."""
        rows = []
        for name, own in self.single.items():
            for key in FIGURES:
                found = (own.get("difference") or {}).get(key)
                if found is not None:
                    theirs = found.get("b", (own.get("figures") or {}).get(key))
                    rows.append(
                        [
                            BASELINES[name],
                            figure_title(key),
                            number(found.get("a", self.pooled.get(key))),
                            number(theirs),
                            f"{found['difference']:+.4f}",
                            interval([found["low"], found["high"]] if "low" in found else None),
                            p_value(found.get("p_value")),
                        ]
                    )
        header = ["Beside", "Figure", "This model", "That model", "Difference", "95% interval", "p"]
        return drop_empty(header, rows)

    def classes(self) -> Table:
        """Rows of each category, those without one, and their shares."""
        dataset = self.facts["dataset"]
        counts = dataset["class_counts"]
        names = [
            *(label for label in self.labels if label in counts),
            *([UNLABELLED] if counts.get(UNLABELLED) else []),
        ]
        rows = [[_category(name), count(counts[name]), f"{counts[name] / dataset['rows']:.1%}"] for name in names]
        return Table(["Category", "Rows", "Share"], rows)

    def sources(self) -> Table:
        """Where the categories came from, and how many rows each source labelled."""
        sources = self.facts["dataset"].get("category_sources") or {}
        total = sum(sources.values())
        rows = [
            [source_name(name), count(rows), f"{rows / total:.1%}"]
            for name, rows in sorted(sources.items(), key=lambda item: (-item[1], item[0]))
        ]
        return Table(["Category from", "Rows", "Share"], rows)

    def agreement(self) -> Table:
        """How far each two sources of categories agree on the rows where both speak."""
        labelled = (self.facts["dataset"].get("facts") or {}).get("categories") or {}
        found = (labelled.get("agreement") or {}).get("pairs") or []
        rows = [
            [
                f"{source_name(pair['sources'][0])}, {source_name(pair['sources'][1])}",
                count(pair["rows"] - (pair.get("tied") or 0)),
                number(pair.get("agreement")),
                number(pair.get("kappa")),
            ]
            for pair in found
            if pair.get("rows")
        ]
        return drop_empty(["Two sources", "Rows", "Agreement", "Cohen's κ"], rows)


def source_name(source: str) -> str:
    """Return the source of a category in words; several are joined by `+`.

    >>> source_name("logical_form+lexicon")
    "the question's logical form and a lexicon with suffix rules"
    """
    parts = source.split("+")
    known = [part for part in SOURCES if part in parts]
    return " and ".join([*(SOURCES[part] for part in known), *(part for part in parts if part not in SOURCES)])


def _category(name: str) -> str:
    return "none (unlabelled)" if name == UNLABELLED else name
