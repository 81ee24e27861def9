"""What the model says of one case, as a row of a table."""

from __future__ import annotations

from typing import Any

import look
from batch import Field, Scorer
from examples import EXAMPLES
from panels import MAX_CHARACTERS, Panels

NAMES = ("text", "case", "case_description", "description", "letter", "note", "report")


def scorer(panels: Panels) -> Scorer:
    """Return what the tab of tables does with a case.

    Args:
        panels: of the page.
    """
    reader = panels.reader

    def score(case: str) -> dict[str, Any]:
        reading = reader.read(case)
        row: dict[str, Any] = {
            "class": reading.label,
            "tokens": reading.all_tokens,
            "tokens_read": reading.tokens,
            "entities": len(reading.entities),
            "measurements": len(reading.measurements),
        }
        return row | {f"p_{label}": round(share, 6) for label, share in reading.probabilities.items()}

    return Scorer(
        fields=(Field("Case description", NAMES, MAX_CHARACTERS),),
        columns=(
            *("class", "tokens", "tokens_read", "entities", "measurements"),
            *(f"p_{label}" for label in reader.labels),
        ),
        score=score,
        verdict="class",
        kinds=reader.labels,
        tones=look.TONES,
        example=tuple({"id": f"C{number}", "case": case} for number, case in enumerate(EXAMPLES.values(), start=1)),
    )
