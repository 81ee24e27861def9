"""What a card says of the kind of problem: classes, several labels, factors, or numbers."""

from __future__ import annotations

from typing import Any

from .tables import plain

MULTI_LABEL, FACTORS, REGRESSION = "multi_label", "factors", "regression"
TAGS = {MULTI_LABEL: ("multi-label",), FACTORS: ("multi-label",), REGRESSION: ("regression",)}
NUMBER_FIGURES = ("mae", "rmse", "r2", "pearson", "r_smape")
FURTHER_FIGURES = ("auc", "linear_kappa", "unweighted_kappa")


def kind_of(facts: dict[str, Any]) -> str:
    """Return `single_label`, `multi_label`, `factors` or `regression`."""
    return facts["task"].get("kind", "single_label")


def gives_numbers(facts: dict[str, Any]) -> bool:
    """Return whether the model's outputs are numbers, not classes or labels."""
    return kind_of(facts) == REGRESSION


def headline_figures(facts: dict[str, Any]) -> tuple[str, str]:
    """Return the two figures that a card begins with."""
    return ("mae", "r2") if gives_numbers(facts) else ("macro_f1", "weighted_f1")


def linear_model(facts: dict[str, Any]) -> str:
    """Return what TF-IDF features go into.

    >>> linear_model({"task": {"kind": "regression"}})
    'ridge regression'
    """
    several = {MULTI_LABEL: " for each label", FACTORS: " for each factor"}
    return "ridge regression" if gives_numbers(facts) else f"logistic regression{several.get(kind_of(facts), '')}"


def outputs(facts: dict[str, Any]) -> str:
    """Return a sentence that names what the model tells apart.

    >>> outputs({"task": {"label_names": ["no", "yes"]}})
    'Classes: no, yes.'
    """
    kind, names = kind_of(facts), ", ".join(map(plain, facts["task"]["label_names"]))
    if kind == MULTI_LABEL:
        return f"Labels, any number of which may hold for a text: {names}."
    if kind == FACTORS:
        own = [f"{plain(f['name'])} ({', '.join(map(plain, f['classes']))})" for f in facts["task"]["factors"]]
        return f"Factors, each with one of its classes: {'; '.join(own)}."
    return f"It gives a number for a text: {names}." if kind == REGRESSION else f"Classes: {names}."


def probability(facts: dict[str, Any]) -> str:
    """Return what turns logits into probabilities, in words."""
    return {MULTI_LABEL: "the sigmoid of each label", FACTORS: "the softmax within each factor"}.get(
        kind_of(facts), "the softmax"
    )


def how_to_read(facts: dict[str, Any]) -> str | None:
    """Return what the model's `logits` are, where they are not those of one class of several."""
    return {
        MULTI_LABEL: (
            "The probability of a label is the sigmoid of its logit; it is said to hold above one half, a logit of 0."
        ),
        FACTORS: (
            "The logits of all factors stand side by side, as many for each as `label_groups` in the configuration "
            "says; a softmax within each group gives its probabilities."
        ),
        REGRESSION: "The logits are the numbers themselves, in the unit of the training data.",
    }.get(kind_of(facts))


def linear_use(facts: dict[str, Any]) -> str:
    """Return how to call the scikit-learn pipeline, and what it gives."""
    kind = kind_of(facts)
    if kind == REGRESSION:
        return '`model.predict(["text"])` gives the numbers.'
    if kind in (MULTI_LABEL, FACTORS):
        return (
            '`model.predict(["text"])` gives logits, which `label_names` in `config.json` names. Calibrated '
            f"probabilities are {probability(facts)} of the logits divided by `temperature` in `config.json`."
        )
    return (
        '`model.predict(["text"])` gives class numbers, which `label_names` in `config.json` names. Calibrated '
        'probabilities are the\nsoftmax of `model.decision_function(["text"])` divided by `temperature` in '
        "`config.json`."
    )
