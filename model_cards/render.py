"""From a card's data to its text; the same data gives the same bytes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from secondopinion.core.card import Card, template_environment
from secondopinion.core.card_edits import signed
from secondopinion.core.wording import p_phrase

from . import (
    ablation,
    comparison,
    deferral_words,
    long_context_words,
    problem_words,
    question_answering_deferral,
    question_answering_gains,
    question_answering_words,
)
from .data import CardData
from .deferral_tables import MOST_FEATURES, DeferralTables, rule_settings
from .question_answering_tables import AnswerTables
from .tables import (
    FIGURE_NAMES,
    Table,
    count,
    drop_empty,
    duration,
    figure_name,
    flat_settings,
    interval,
    number,
    plain,
    setting,
    spread,
)
from .validate import validate_card

TEMPLATES = Path(__file__).parent / "templates"
TEMPLATE = "model_card.md.jinja"
ANSWERS_TEMPLATE = "question_answering.md.jinja"
PLOT_NAMES = {
    "ablation": "What each variant of the recipe gains over the baseline, by length of the text, and what it costs",
    "answer_deferral_curve": "Deferral curve: how right the system is against the share of questions deferred",
    "calibration": "Calibration: how often a class was right, against the probability it was given",
    "deferral_curve": "Deferral curve: F1 and accuracy of the system against the share of texts deferred",
    "deferral_reliability": "Reliability of the score: what it promises against what came of it",
    "category_calibration": "Calibration of the categories: how often one was right, against its probability",
    "confusion_matrix": "Confusion matrix of the out-of-fold predictions",
    "figures_by_fold": "Figures of each fold, with their mean",
    "figures": "Figures of all held-out rows, and F1 of each category, with 95% intervals",
    "folds": "F1 of each fold, with mean and standard deviation",
    "no_answer_calibration": "Calibration of no answer: how often there was none, against its probability",
    "per_class_f1": "F1 of each class with 95% intervals, beside the baseline",
    "predicted_true": "Predicted against true values of the held-out rows, as numbers of rows",
    "single_task": "What learning both tasks gains over one of them, with 95% intervals",
}


def render_card(data: CardData) -> str:
    """Return the text of README.md: YAML front matter, Markdown, and the comment by which edits are told from it.

    Args:
        data: see `card_data`.
    """
    return signed(card_of(data))


def checked_card(data: CardData) -> str:
    """Return the text of README.md as it is published.

    Args:
        data: see `card_data`.

    Raises:
        InputError: its metadata is not valid.
    """
    text = render_card(data)
    validate_card(text)
    return text


def card_of(data: CardData) -> Card:
    """Return a card as metadata and sections.

    Args:
        data: see `card_data`.
    """
    from .number_tables import NumberTables

    tables = {
        "tables": NumberTables(data) if data.numbers else CardTables(data),
        "deferring": DeferralTables(data.facts) if data.defers else None,
        "answering": AnswerTables(data.facts) if data.answers else None,
    }
    template = _environment().get_template(ANSWERS_TEMPLATE if data.answers else TEMPLATE)
    body = template.render(card=data, facts=data.facts, **tables)
    return Card.from_template(data.metadata(), body)


@cache
def _environment() -> Any:
    from jinja2 import FileSystemLoader

    environment = template_environment(FileSystemLoader(TEMPLATES))
    environment.filters.update(count=count, number=number, p=p_phrase, plain=plain, setting=setting, figure=figure_name)
    environment.globals.update(
        ablating=ablation,
        comparing=comparison,
        plot_name=plot_name,
        lengthening=long_context_words,
        posing=problem_words,
        rule_settings=rule_settings,
        words=deferral_words,
        asking=question_answering_deferral,
        gaining=question_answering_gains,
        saying=question_answering_words,
        most_features=MOST_FEATURES,
    )
    return environment


def plot_name(file: str) -> str:
    """Return a plot's caption from its file name.

    >>> plot_name("reliability_by_fold.png")
    'Reliability by fold'
    """
    stem = Path(file).stem
    if stem.startswith("comparison_"):
        return f"Differences from {stem.removeprefix('comparison_')}, with 95% intervals: each figure, and each slice"
    return PLOT_NAMES.get(stem, stem.replace("_", " ").capitalize())


class CardTables:
    """The tables of a card, each built when the template asks for it."""

    def __init__(self, data: CardData) -> None:
        self.data, self.facts = data, data.facts
        self.mean = self.facts["summary"]["mean"]
        self.std = self.facts["summary"].get("std") or {}
        if len(self.facts["folds"]["trained"]) < 2:
            self.std = {}

    def headline(self, key: str) -> str:
        """Return mean ± std of one figure."""
        return spread(self.mean.get(key), self.std.get(key))

    def averages(self) -> Table:
        """Figures over all classes, with the interval of the out-of-fold rows."""
        pooled = self.facts["summary"]["out_of_fold"]
        intervals = pooled.get("intervals") or {}
        rows = [
            [figure_name(key), self.headline(key), number(pooled.get(key)), interval(intervals.get(key))]
            for key in FIGURE_NAMES
            if key in self.mean and key != "micro_f1"
        ]
        return drop_empty(["Figure", "Mean over folds", "All held-out rows", "95% interval"], rows)

    def per_class(self) -> Table:
        """Precision, recall and F1 of each class, with the interval of F1."""
        pooled = self.facts["summary"]["out_of_fold"]
        intervals = pooled.get("intervals") or {}
        rows = []
        for label in self.data.labels:
            own = pooled.get("per_class", {}).get(label, {})
            rows.append(
                [
                    label,
                    *(self.headline(f"{kind}_{label}") for kind in ("precision", "recall", "f1")),
                    number(own.get("f1")),
                    interval(intervals.get(f"f1_{label}")),
                    count(own["support"]) if "support" in own else "–",
                ]
            )
        header = ["Class", "Precision", "Recall", "F1", "F1, all held-out rows", "95% interval", "Rows"]
        return drop_empty(header, rows)

    def per_fold(self) -> Table:
        """F1 of each class, macro and weighted F1 of each fold; the published fold is marked."""
        selected = self.facts["selection"]["fold"]
        rows = []
        for result in sorted(self.facts["fold_results"], key=lambda result: result["fold"]):
            figures = result["figures"]
            held_out = result.get("rows", {}).get("held_out")
            best, cap = result.get("best_epoch"), result.get("epoch_cap")
            rows.append(
                [
                    f"{result['fold']} (published)" if result["fold"] == selected else str(result["fold"]),
                    *(number(figures["per_class"].get(label, {}).get("f1")) for label in self.data.labels),
                    number(figures["macro_f1"]),
                    number(figures["weighted_f1"]),
                    count(held_out) if held_out is not None else "",
                    f"{best} of {cap}" if best is not None and cap is not None else "",
                ]
            )
        header = ["Fold", *self.data.labels, "Macro F1", "Weighted F1", "Held-out rows", "Best epoch"]
        means = [self.headline(f"f1_{label}") for label in self.data.labels]
        overall = [self.headline("macro_f1"), self.headline("weighted_f1")]
        rows.append(["Mean ± std" if self.std else "Mean", *means, *overall, "", ""])
        return drop_empty(header, rows)

    def lift(self) -> Table:
        """Differences to the baseline on the same held-out rows."""
        baseline = self.facts["baseline"]
        theirs = baseline["summary"].get("out_of_fold") or {}
        ours = self.facts["summary"]["out_of_fold"]
        rows = [
            [
                figure_name(key),
                number(_flat(theirs, key)),
                number(_flat(ours, key)),
                f"{lift['difference']:+.4f}",
                interval([lift["low"], lift["high"]]),
            ]
            for key, lift in ((key, baseline["lift"][key]) for key in self._lift_order(baseline["lift"]))
        ]
        return drop_empty(["Figure", baseline["name"], "This model", "Difference", "95% interval"], rows)

    def _lift_order(self, lift: dict[str, Any]) -> list[str]:
        order = [
            *FIGURE_NAMES,
            *(f"{k}_{label}" for label in self.data.labels for k in ("f1", "precision", "recall")),
        ]
        return [key for key in order if key in lift] + sorted(set(lift) - set(order))

    def training(self) -> Table:
        """Every setting of the recipe that decides the training."""
        recipe = self.facts["recipe"]
        parts = {key: recipe[key] for key in ("model", "training", "joint", "folds", "selection") if recipe.get(key)}
        rows = [[name, setting(value)] for name, value in flat_settings(parts) if value is not None]
        return Table(["Setting", "Value"], rows)

    def classes(self) -> Table:
        """Rows and share of each class in the data."""
        rows, counts = self.facts["dataset"]["rows"], self.facts["dataset"]["class_counts"]
        ordered = [label for label in self.data.labels if label in counts]
        return Table(["Class", "Rows", "Share"], [[c, count(counts[c]), f"{counts[c] / rows:.1%}"] for c in ordered])

    def preparation(self) -> list[tuple[str, str]]:
        """Counts that the preparation of the data recorded, as (name, value); numbers only, never text.

        Shares and settings are left to the data set's own card.
        """
        facts = {k: v for k, v in (self.facts["dataset"].get("facts") or {}).items() if k != "options"}
        counts = [(k, v) for k, v in flat_settings(facts) if isinstance(v, int) and not isinstance(v, bool) and v]
        return [(plain(k.replace("_", " ").replace(".", ": ")), count(v)) for k, v in counts]

    def text_settings(self) -> str:
        """How the texts were cleaned, in words; only settings that are single words are shown."""
        options = (self.facts["dataset"].get("facts") or {}).get("options") or {}
        shown = []
        for name in sorted(options):
            values = options[name] if isinstance(options[name], list) else [options[name]]
            if name != "source" and all(isinstance(v, str) and v.isalpha() and v.islower() for v in values):
                shown.append(f"{name} {' and '.join(values)}")
        return plain("; ".join(shown))

    def calibration(self) -> Table:
        """Calibration error, Brier score and log loss, before and after."""
        calibration = self.facts["calibration"]
        names = {
            "ece": "Expected calibration error",
            "brier": "Brier score",
            "nll": "Negative log-likelihood",
        }
        rows = [
            [name, number(calibration[key]["before"]), number(calibration[key]["after"])]
            for key, name in names.items()
            if calibration.get(key)
        ]
        return Table(["Figure", "Before", "After"], rows)

    def versions(self) -> Table:
        """Package versions."""
        packages = self.facts["environment"].get("packages") or {}
        return Table(["Package", "Version"], [[name, packages[name]] for name in sorted(packages)])

    def hardware(self) -> str:
        """Processor, cores, memory and accelerators in one line."""
        hardware = self.facts["environment"].get("hardware") or {}
        words = [str(hardware["cpu"])] if hardware.get("cpu") else []
        if hardware.get("cores"):
            words.append(f"{hardware['cores']} cores")
        if hardware.get("memory_gib"):
            words.append(f"{hardware['memory_gib']} GiB of memory")
        return plain(", ".join([*words, *hardware.get("accelerators", [])]))

    def training_time(self) -> str | None:
        """How long all trained folds took together."""
        seconds = [result.get("seconds") for result in self.facts["fold_results"]]
        return None if None in seconds else duration(sum(seconds))


def _flat(figures: dict[str, Any], key: str) -> float | None:
    if key in figures:
        return figures[key]
    kind, _, label = key.partition("_")
    return figures.get("per_class", {}).get(label, {}).get(kind)
