"""What the system says of one text, as a row of a table. Nobody is asked."""

from __future__ import annotations

from typing import Any

from batch import Field, Scorer
from examples import examples_for
from panels import MAX_CHARACTERS, TWO_TONES, Panels

NAMES = ("text", "sentence", "report", "note", "narrative", "description")


def scorer(panels: Panels) -> Scorer:
    """Return what the tab of tables does with a text, at the published threshold.

    Args:
        panels: of the page.
    """
    system, curve = panels.system, panels.curve
    budgets = ("asked_from_budget",) if curve.follows else ()

    def score(text: str) -> dict[str, Any]:
        reading = system.read(text)
        row: dict[str, Any] = {
            "decision": "ask" if curve.deferred(reading.score, curve.start) else "keep",
            "classifier": reading.answer,
            "deferral_score": round(reading.score, 6),
        }
        if budgets:
            row["asked_from_budget"] = curve.asked_from(reading.score)
        return row | {f"p_{label}": round(share, 6) for label, share in reading.probabilities.items()}

    texts = examples_for(system.labels) or {"": ("A text of the kind that the model was trained on.", "")}
    return Scorer(
        fields=(Field("Text", NAMES, MAX_CHARACTERS),),
        columns=("decision", "classifier", "deferral_score", *budgets, *(f"p_{label}" for label in system.labels)),
        score=score,
        verdict="decision",
        kinds=("keep", "ask"),
        tones=TWO_TONES,
        example=tuple({"id": f"T{number}", "text": text} for number, (text, _) in enumerate(texts.values(), start=1)),
    )
