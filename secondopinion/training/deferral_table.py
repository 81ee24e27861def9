"""A deferring system's figures as plain text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from .text_grid import text_grid

WHO = ("system", "classifier", "expert", "random", "oracle")


def deferral_table(deferral: Mapping[str, Any]) -> str:
    """Return the table of a `deferral` section of run.json: the system beside each model alone, lot and oracle.

    Args:
        deferral: as `defer` returns it.
    """
    if deferral.get("kind") == "qa":
        from .question_answering.deferral_table import answer_deferral_table

        return answer_deferral_table(deferral)
    figures = deferral["figures"]
    positive = deferral.get("positive_label")
    f1 = f"F1 of {positive}" if positive else "macro F1"
    rows = [["", "accuracy", "95% interval", f1, "95% interval"]]
    for who in WHO:
        row = [who if who in ("system", "random", "oracle") else f"{who} alone"]
        for figure in ("accuracy", "f1"):
            row += [f"{figures[who][figure]:.3f}", _interval(figures["intervals"].get(f"{who}.{figure}"))]
        rows.append(row)
    return "\n".join([*text_grid(rows), "", *_notes(deferral)])


def _notes(deferral: Mapping[str, Any]) -> list[str]:
    figures, threshold, fallback = deferral["figures"], deferral["threshold"], deferral["fallback"]
    notes = [
        f"deferred: {figures['deferred_rows']:,} of {figures['rows']:,} rows ({figures['deferral_rate']:.2%}), "
        f"{figures['unanswered']} of them without a usable vote",
        f"policy: {deferral['policy']['title']}",
        f"threshold of the published model: {threshold['reason']}",
    ]
    gain = figures["differences"]["system - classifier"]["f1"]
    notes.append(
        f"system − classifier alone: {gain['difference']:+.4f} F1 [{gain['low']:+.4f}, {gain['high']:+.4f}], "
        f"p = {gain['p_value']:.4g}"
    )
    if fallback["used"]:
        asks = "never asks" if fallback["to"] == "classifier" else "always asks"
        notes.append(f"no gain holds up, so the published system {asks}: {fallback['reason']}")
    if deferral["certificate"]:
        notes.append(deferral["certificate"]["statement"])
    if figures.get("cost"):
        cost = figures["cost"]
        notes.append(
            f"cost: ${cost['per_1000']:.4g} per 1,000 texts, {cost['share_of_expert']:.1%} of asking about every text"
        )
    for expert in deferral["experts"]:
        votes = expert["votes"]
        notes.append(
            f"expert {expert['name']} ({expert['kind']}): {votes['usable']:,} of {votes['asked']:,} votes usable"
        )
    return [line for note in notes for line in textwrap.wrap(note, 110, subsequent_indent="  ")]


def _interval(ends: Any) -> str:
    return f"[{ends[0]:.3f}, {ends[1]:.3f}]" if ends else ""
