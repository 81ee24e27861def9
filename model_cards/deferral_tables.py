"""The tables of a deferring system: who does how well beside it, what the policy reads, who is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secondopinion.core.wording import p_value

from .deferral_words import f1_phrase
from .tables import Table, count, dollars, drop_empty, figure_name, interval, number, plain

SYSTEMS = {
    "system": "This system",
    "classifier": "The classifier alone",
    "expert": "{expert} alone",
    "random": "Deferring as many by lot",
    "oracle": "Deferring as many with hindsight",
}
OPPONENTS = {
    "classifier": "the classifier alone",
    "expert": "{expert} alone",
    "random": "deferring as many by lot",
}
PARTS = {
    "classifier_on_kept": ("Kept", "the classifier"),
    "classifier_on_deferred": ("Deferred", "what the classifier would have said"),
    "expert_on_deferred": ("Deferred", "{expert}"),
}
DECLARING = {"f1": "F1", "accuracy": "accuracy", "loss": "mean cost of an answer"}
RULE_NAMES = {
    "kind": "Rule",
    "mode": "How the budget holds",
    "budget": "Largest share deferred",
    "cost_budget_usd_per_1000": "Most that calls for 1,000 texts may cost",
    "call_cost_bound_usd": "Most that one call can cost",
    "objective": "Objective",
    "positive_label": "Class whose F1 counts",
    "target_risk": "Risk to reach",
    "call_price": "What a call counts, in errors",
    "delta": "How often a high-probability statement may fail",
}
KINDS = {
    "budget": "a budget on the share deferred",
    "cost": "a budget on the cost of calls",
    "best_f1": "the best F1",
    "target_risk": "the fewest deferred at which the risk is reached",
}
MODES = {
    "expected": "in expectation, so it is passed in about half of all samples",
    "high_probability": "with high probability",
}
MOST_FEATURES = 30


class DeferralTables:
    """The tables of the deferral section, each built when the template asks for it.

    Args:
        facts: what run.json holds; it has `deferral`.
    """

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.labels = facts["task"]["label_names"]
        self.deferral = facts["deferral"]
        self.figures = self.deferral["figures"]
        self.intervals = self.figures.get("intervals") or {}
        self.experts = self.deferral["experts"]
        self.expert = self.experts[0]["name"] if len(self.experts) == 1 else "the experts"
        positive = self.deferral.get("positive_label")
        self.f1_key = f"f1_{positive}" if positive else "macro_f1"
        self.f1_name = figure_name(self.f1_key)

    def named(self, words: str) -> str:
        """Return words with the expert's name filled in, a capital first."""
        words = words.format(expert=self.expert)
        return words[0].upper() + words[1:] if words.startswith("the experts") else words

    def side_by_side(self) -> Table:
        """The system beside each single model, chance and hindsight."""
        losses = self.figures.get("loss") or {}
        rows = []
        for name, title in SYSTEMS.items():
            own = self.figures.get(name)
            if own is None:
                continue
            rows.append(
                [
                    self.named(title),
                    *self._cell(name, own, "f1"),
                    *self._cell(name, own, "accuracy"),
                    number(losses.get(name)),
                ]
            )
        header = ["", self.f1_name, "95% interval", "Accuracy", "95% interval", "Mean cost of an answer"]
        return drop_empty(header, rows)

    def _cell(self, owner: str, own: Mapping[str, Any], figure: str) -> list[str]:
        return [number(own.get(figure)), interval(self.intervals.get(f"{owner}.{figure}"))]

    def differences(self) -> Table:
        """What the system gains over each, row by row, with the p-value of no difference."""
        names = {"f1": self.f1_name, "accuracy": "Accuracy", "loss": "Mean cost of an answer"}
        rows = []
        for opponent, title in OPPONENTS.items():
            found = (self.figures.get("differences") or {}).get(f"system - {opponent}") or {}
            for key, name in names.items():
                if key in found:
                    own = found[key]
                    bounds = [own["low"], own["high"]] if "low" in own else None
                    rows.append(
                        [
                            f"This system − {title.format(expert=self.expert)}",
                            name,
                            f"{own['difference']:+.4f}",
                            interval(bounds),
                            p_value(own.get("p_value")),
                        ]
                    )
        return drop_empty(["Compared", "Figure", "Difference", "95% interval", "p"], rows)

    def per_class(self) -> Table:
        """Recall and F1 of each class: system, classifier, expert."""
        rows = []
        for label in self.labels:
            own = [self.figures[name]["per_class"].get(label, {}) for name in ("system", "classifier", "expert")]
            cells = [number(figures.get(kind)) for kind in ("recall", "f1") for figures in own]
            rows.append([label, *cells, count(own[0]["support"]) if "support" in own[0] else ""])
        who = ("system", "classifier", self.expert)
        header = ["Class", *(f"{kind}, {name}" for kind in ("Recall", "F1") for name in who), "Rows"]
        return drop_empty(header, rows)

    def parts(self) -> Table:
        """How right the classifier is on what it keeps, and who is how right on what is deferred."""
        asked = self.figures["deferred_rows"]
        sizes = {"Kept": self.figures["rows"] - asked, "Deferred": asked}
        rows = []
        for name, (part, who) in PARTS.items():
            own = self.figures.get(name)
            if own is not None:
                cells = [*self._cell(name, own, "accuracy"), number(own.get("f1"))]
                rows.append([part, who.format(expert=self.expert), *cells, count(sizes[part])])
        return drop_empty(["Rows", "Answered by", "Accuracy", "95% interval", self.f1_name, "How many"], rows)

    def areas(self) -> Table:
        """Areas under the deferral curve: the policy's, by lot, with hindsight."""
        rows = []
        compared = (self.figures.get("differences") or {}).get("system - random") or {}
        for key, name in (("f1", self.f1_name), ("accuracy", "Accuracy"), ("loss", "Mean cost of an answer")):
            own = (self.figures.get("audc") or {}).get(key)
            if own is None:
                continue
            others = [(self.figures.get(f"audc_{who}") or {}).get(key) for who in ("random", "oracle")]
            found = compared.get(f"audc_{key}") or {}
            bounds = [found["low"], found["high"]] if "low" in found else None
            gain = f"{found['difference']:+.4f}" if found else ""
            gained = [gain, interval(bounds), p_value(found.get("p_value"))]
            rows.append([name, number(own), *map(number, others), *gained])
        header = ["Area under the curve of", "Policy", "By lot", "Hindsight", "Policy − lot", "95% interval", "p"]
        return drop_empty(header, rows)

    def candidates(self) -> Table:
        """The figure of each candidate policy on the rows that declared one."""
        chosen, figure = self.deferral["policy"]["name"], self.deferral["policy"]["declared_by"]["figure"]
        rows = [
            [own["name"], number(own["value"]), interval([own["low"], own["high"]] if "low" in own else None)]
            for own in self.deferral["policy"]["candidates"]
        ]
        for row in rows:
            row.append("chosen" if row[0] == chosen else "")
        name = self.f1_name if figure == "f1" else DECLARING.get(figure, figure).capitalize()
        return drop_empty(["Policy", name, "95% interval", ""], rows)

    def features(self) -> Table:
        """What the policy reads, the heaviest first; a weight is for the feature after standardisation."""
        names = [expert["name"] for expert in self.experts]
        rows = [
            [
                own["name"],
                *(f"{own['weights'][name]:+.4f}" for name in names),
                f"{own['mean']:.4g}",
                f"{own['std']:.4g}",
            ]
            for own in self.sorted_features()[:MOST_FEATURES]
        ]
        weights = ["Weight"] if len(names) == 1 else [f"Weight, {name}" for name in names]
        return Table(["Feature", *weights, "Mean", "Standard deviation"], rows)

    def sorted_features(self) -> list[dict[str, Any]]:
        """Return the features by their largest weight, then by name."""
        features = self.deferral["policy"].get("features") or []
        return sorted(features, key=lambda own: (-max(map(abs, own["weights"].values())), own["name"]))

    def declared_by(self) -> str:
        """Return the figure that declared the policy, and at which shares deferred, in words."""
        declared = self.deferral["policy"]["declared_by"]
        figure = DECLARING.get(declared["figure"], declared["figure"])
        if declared["figure"] == "f1":
            figure = f1_phrase(self.f1_key)
        rates = [f"{rate:.4g}%" for rate in (100 * rate for rate in declared.get("rates") or [])]
        at = f" at {rates[0]} deferred" if len(rates) == 1 else ""
        if len(rates) > 1:
            at = f", mean at {', '.join(rates[:-1])} and {rates[-1]} deferred"
        return plain(("lowest " if declared["figure"] == "loss" else "highest ") + figure + at)

    def expert_alone_note(self) -> str:
        """Return how rows without a usable vote count where the expert stands alone."""
        silent = sum(expert["votes"]["unusable"] for expert in self.experts)
        name = plain(self.named("{expert}"))
        if not silent:
            return f"{name} answered every row."
        return f"{name} alone counts a row without a usable vote as wrong."

    def losses(self) -> Table:
        """What saying each class costs where another is true."""
        matrix = self.deferral["losses"]["matrix"]
        rows = [[label, *(f"{value:g}" for value in row)] for label, row in zip(self.labels, matrix, strict=True)]
        return Table(["True class", *(f"says {label}" for label in self.labels)], rows)

    def alone(self) -> Table:
        """Each expert by itself, on the rows where it gave a usable vote."""
        rows = []
        for expert in self.experts:
            own = expert.get("alone") or {}
            intervals = own.get("intervals") or {}
            f1 = own.get("per_class", {}).get(self.f1_key[3:], {}).get("f1") if self.f1_key[:3] == "f1_" else None
            f1 = own.get(self.f1_key) if f1 is None else f1
            figures = [("accuracy", own.get("accuracy")), (self.f1_key, f1)]
            cells = [cell for key, value in figures for cell in (number(value), interval(intervals.get(key)))]
            votes = expert["votes"]
            rows.append([expert["name"], *cells, *(count(votes[key]) for key in ("asked", "usable", "unusable"))])
        header = ["Expert", "Agrees with the label", "95% interval", self.f1_name, "95% interval"]
        return drop_empty([*header, "Asked", "Usable votes", "Unusable"], rows)


def rule_settings(rule: Mapping[str, Any], trained: int = 1) -> list[tuple[str, str]]:
    """Return a threshold rule's settings as (name, value) in words, those that are at work.

    Args:
        rule: what the facts hold.
        trained: folds among which the published one was picked; they share the probability to fail.

    >>> rule_settings({"kind": "budget", "budget": 0.07, "mode": "expected", "delta": 0.1})[1]
    ('Largest share deferred', '7%')
    """
    idle = {"objective", "positive_label", "call_price"} if rule["kind"] != "best_f1" else set()
    shown = []
    for key in ("kind", "budget", "mode", *(key for key in RULE_NAMES if key not in ("kind", "budget", "mode"))):
        value = rule.get(key)
        if value is None or key in idle or (key == "call_price" and not value):
            continue
        if key == "mode" and rule.get("budget") is None and rule.get("cost_budget_usd_per_1000") is None:
            continue
        words = _rule_value(key, value)
        if key == "delta" and trained > 1:
            words += f", divided by the {trained} folds of which one was picked"
        shown.append((RULE_NAMES[key], words))
    return shown


def _rule_value(key: str, value: Any) -> str:
    if key in ("budget", "target_risk", "delta"):
        return f"{100 * value:.4g}%"
    if key.endswith("_usd") or "_usd_" in key:
        return dollars(value)
    words = {"kind": KINDS, "mode": MODES, "objective": {"f1": "F1", "expected_cost": "mean cost of an answer"}}
    return plain(words.get(key, {}).get(value, value))
