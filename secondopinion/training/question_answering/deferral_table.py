"""The figures of a deferring model of questions as plain text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from ..text_grid import text_grid
from .deferral_figures import WHO
from .deferral_plot import TITLES


def answer_deferral_table(deferral: Mapping[str, Any]) -> str:
    """Return the table of a `deferral` section of kind `qa`: the system beside each alone, lot and oracle.

    Args:
        deferral: as `defer` returns it.
    """
    figures = deferral["figures"]
    names = [name for name in TITLES if name in figures["system"]]
    lines = [["", *(cell for name in names for cell in (TITLES[name], "95% interval"))]]
    for who in WHO:
        cells = [f"{who} alone" if who in ("model", "expert") else who]
        for name in names:
            low, high = figures["intervals"][f"{who}.{name}"]
            cells += [f"{figures[who][name]:.3f}", f"[{low:.3f}, {high:.3f}]"]
        lines.append(cells)
    notes = [line for note in _notes(deferral) for line in textwrap.wrap(note, 110, subsequent_indent="  ")]
    return "\n".join([*text_grid(lines), "", *notes])


def _notes(deferral: Mapping[str, Any]) -> Iterator[str]:
    figures, fallback = deferral["figures"], deferral["fallback"]
    yield (
        f"deferred: {figures['deferred_rows']:,} of {figures['rows']:,} questions ({figures['deferral_rate']:.2%}), "
        f"{figures['unanswered']} of them without a usable answer"
    )
    yield f"policy: {deferral['policy']['title']}"
    yield f"threshold of the published model: {deferral['threshold']['reason']}"
    for name, gain in figures["differences"]["system - model"].items():
        yield (
            f"system − model alone: {gain['difference']:+.4f} {TITLES[name]} [{gain['low']:+.4f}, "
            f"{gain['high']:+.4f}], p = {gain['p_value']:.4g}"
        )
    if fallback["used"]:
        asks = "never asks" if fallback["to"] == "model" else "always asks"
        yield f"no gain holds up, so the published model {asks}: {fallback['reason']}"
    if cost := figures["cost"]:
        yield f"cost: ${cost['per_1000']:.4g} per 1,000 questions, {cost['share_of_expert']:.1%} of asking about all"
    for expert in deferral["experts"]:
        votes = expert["votes"]
        yield f"expert {expert['name']} ({expert['kind']}): {votes['usable']:,} of {votes['asked']:,} answers usable"
