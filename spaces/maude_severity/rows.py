"""What both models say of one report, as a row of a table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import look
from batch import Field, Scorer
from panels import MAX_CHARACTERS, Panels

NAMES = ("text", "report", "narrative", "mdr_text", "foi_text", "event_description", "description")


def scorer(panels: Panels, examples: Iterable[str]) -> Scorer:
    """Return what the tab of tables does with a report.

    Args:
        panels: of the page.
        examples: reports, written for the page.
    """
    readers = {"phase_1": panels.baseline, "phase_2": panels.encoder}
    readers = {phase: reader for phase, reader in readers.items() if reader is not None}
    both = ("agree",) if len(readers) == 2 else ()

    def score(report: str) -> dict[str, Any]:
        shares = {phase: reader.probabilities(report) for phase, reader in readers.items()}
        row: dict[str, Any] = {phase: max(found, key=found.__getitem__) for phase, found in shares.items()}
        if both:
            row["agree"] = len(set(row.values())) == 1
        for phase, found in shares.items():
            row |= {f"{phase}_p_{label}": round(found[label], 6) for label in panels.encoder.labels}
        return row

    return Scorer(
        fields=(Field("Report", NAMES, MAX_CHARACTERS),),
        columns=(*readers, *both, *(f"{phase}_p_{label}" for phase in readers for label in panels.encoder.labels)),
        score=score,
        verdict="phase_2",
        kinds=panels.encoder.labels,
        tones=look.TONES,
        example=tuple({"id": f"R{number}", "report": text} for number, text in enumerate(examples, start=1)),
    )
