"""Why a text got its score: the features that moved it, the strongest first."""

from __future__ import annotations

from typing import Any

import look
from system import Pull, Reading

SHOWN_PULLS = 8

FEATURES = {
    "max_probability": "Highest class probability",
    "margin": "Lead over the second class",
    "entropy": "Spread over the classes",
    "energy": "Energy of the logits",
    "log_odds": "Log-odds of the answer",
    "length": "Length of the text (log)",
    "fragmentation": "Words cut into pieces",
    "digit_share": "Share of digits",
    "negation": "Negations",
    "hedging": "Hedges",
    "measurements": "Measurements",
    "drugs": "Words that look like drugs",
    "truncated": "Text was cut",
    "embedding": "What the encoder makes of it",
    "dropout_mutual_information": "Dropout: disagreement",
    "dropout_variation_ratio": "Dropout: changed answers",
    "member_mutual_information": "Fold models: disagreement",
    "member_variation_ratio": "Fold models: other answers",
}
SCORES = {
    "selective": "The score is the loss that the classifier itself expects of its answer, less the price of a call.",
    "compare_confidence": "The sum is the log-odds that the expert is right. The score is that probability less the "
    "classifier's own, less the price of a call.",
    "logistic": "The sum is the log-odds that the expert is right where the classifier is wrong. The score is that "
    "probability less the price of a call.",
    "network": "The sum compares the expert's log-odds with the classifier's; the score is the difference of both "
    "probabilities, less the price of a call.",
    "two_stage": "The sum is the score.",
}
JOINT = "The sum is the deferral logit; the score holds it against the logits of the classes."


def why(config: Any, reading: Reading | None) -> str:
    """Return a table of features with their parts.

    Args:
        config: of the model.
        reading: of a text; None before there is one.
    """
    if reading is None:
        return _card(_note("Read a text to see what moves its score."))
    meaning = SCORES.get(config.policy, JOINT)
    if not reading.pulls:
        return _card(_note(meaning))
    pulls = [pull for pull in reading.pulls if abs(pull.amount) >= 5e-4]
    top, rest = pulls[:SHOWN_PULLS], pulls[SHOWN_PULLS:]
    if rest:
        top = [*top, Pull(f"{len(rest)} more", None, None, sum(pull.amount for pull in rest))]
    largest = max((abs(pull.amount) for pull in top), default=1.0)
    body = "".join(_row(pull, largest) for pull in top)
    total = reading.start + sum(pull.amount for pull in reading.pulls)
    parts = "Each part is weight × standardised value."
    if config.network_size:
        parts = "Each part is slope × standardised value: a first-order reading of a small network."
    sums = f"From {_signed(reading.start)} for a text that is average in everything to {_signed(total)}."
    heads = "".join(
        f'<th scope="col">{name}</th>' for name in ("Feature", "Value", "Against the average", "Keep ← part → ask")
    )
    return _card(
        f'<table class="so-figures dc-why"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'
        + _note(f"{sums} {parts} {meaning}")
    )


def reasons(reading: Reading) -> str:
    """Return in a few words what spoke for asking: features only, nothing of the text."""
    named = [pull for pull in reading.pulls if pull.amount > 0 and pull.value is not None][:3]
    return "; ".join(f"{feature_title(pull.name)} {pull.value:.2f}" for pull in named)


def feature_title(name: str) -> str:
    """Return what a feature is called on the page.

    >>> feature_title("predicted_class=Death"), feature_title("length")
    ('The answer is Death', 'Length of the text (log)')
    """
    if name.startswith("predicted_class="):
        return f"The answer is {name.removeprefix('predicted_class=')}"
    return FEATURES.get(name, name)


def _row(pull: Pull, largest: float) -> str:
    side = "ask" if pull.amount > 0 else "keep"
    width = 50 * abs(pull.amount) / largest
    value = "" if pull.value is None else _minus(f"{pull.value:.2f}")
    standard = "" if pull.standard is None else f"{_signed(pull.standard, 1)} sd"
    return (
        f'<tr><th scope="row">{look.text(feature_title(pull.name))}</th><td>{value}</td><td>{standard}</td>'
        f'<td><span class="dc-pull"><i class="{side}" style="width:{width:.2f}%"></i></span>'
        f"{_signed(pull.amount)}</td></tr>"
    )


def _card(body: str) -> str:
    title = "Why this score"
    return f'<div class="so"><section class="so-card" aria-label="{title}"><h2>{title}</h2>{body}</section></div>'


def _signed(value: float, digits: int = 2) -> str:
    return _minus(f"{value:+.{digits}f}")


def _minus(number: str) -> str:
    return number.replace("-", "−")


def _note(line: str) -> str:
    return f'<p class="so-note">{look.text(line)}</p>'
