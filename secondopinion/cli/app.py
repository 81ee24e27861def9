"""The verbs, in the order of `--help`. Each imports what it needs when it runs, so that `--help` answers at once."""

from __future__ import annotations

from . import (
    ablation_verbs,
    adoption_verbs,
    card_verbs,
    comparison_verbs,
    data_verbs,
    deferral_verbs,
    encoder_verbs,
    qa_verbs,
    run_verbs,
    scoring_verbs,
    space_verbs,
)
from .root import app

ORDER = (
    "prepare",
    "convert",
    "train",
    "adopt",
    "ablate",
    "ask",
    "defer",
    "evaluate",
    "compare",
    "quantize",
    "score",
    "extract",
    "card",
    "push",
    "verify",
    "space",
    "demo",
)
VERBS = (
    card_verbs,
    data_verbs,
    encoder_verbs,
    run_verbs,
    ablation_verbs,
    adoption_verbs,
    comparison_verbs,
    deferral_verbs,
    qa_verbs,
    scoring_verbs,
    space_verbs,
)

app.registered_commands.sort(key=lambda command: ORDER.index(command.name or command.callback.__name__))

__all__ = ["VERBS", "app"]
