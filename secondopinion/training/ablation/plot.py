"""The plot of an ablation: what each variant gains over the baseline, by length of the text, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...metrics.drawing import BLUE, GREY, INK, ORANGE, draw_point
from ..plot_file import plot_file
from .table import SLICES, slice_title
from .variants import BASELINE

MARKS = {"all": (INK, "D"), "short": (ORANGE, "s"), "long": (BLUE, "o")}
NAME = "ablation.png"


def draw_ablation(folder: Path, facts: Mapping[str, Any]) -> str:
    """Write `ablation.png` and return its name; the same facts give the same bytes.

    Args:
        folder: where to.
        facts: as in `ablation.json`.
    """
    others = [one for one in facts["variants"] if one["name"] != BASELINE]
    kept = [where for where in SLICES if facts["slice_rows"].get(where)]
    baseline = next(one for one in facts["variants"] if one["name"] == BASELINE)
    with plot_file(Path(folder) / NAME) as figure:
        figure.set_size_inches(9.2, 1.9 + 0.62 * len(others))
        gains, costs = figure.subplots(1, 2, width_ratios=[3, 1.2], sharey=True)
        offsets = np.linspace(-0.22, 0.22, len(kept)) if len(kept) > 1 else [0.0]
        for where, offset in zip(kept, offsets, strict=True):
            colour, marker = MARKS[where]
            for place, one in enumerate(others):
                found = one["slices"][where]["difference"]["f1"]
                title = f"{slice_title(facts, where)}, {facts['slice_rows'][where]:,} rows"
                ends, label = (found["low"], found["high"]), title if place == 0 else None
                draw_point(gains, found["difference"], place + offset, ends, colour, marker, label)
        gains.axvline(0, color=GREY, linewidth=1)
        gains.set_yticks(range(len(others)), [one["name"] for one in others])
        gains.invert_yaxis()
        gains.grid(axis="x")
        own = baseline["slices"]["all"]["figures"]["f1"]["mean"]
        gains.set_xlabel(f"F1 minus the baseline's ({own:.3f} on all rows), 95% intervals")
        gains.set_title("Gain of each variant")
        figure.legend(*gains.get_legend_handles_labels(), loc="outside lower left", ncols=len(kept), fontsize=8.5)
        _draw_costs(costs, others, baseline)
        figure.legend(*costs.get_legend_handles_labels(), loc="outside lower right", ncols=2, fontsize=8.5)
    return NAME


def _draw_costs(axes: Any, others: list[Mapping[str, Any]], baseline: Mapping[str, Any]) -> None:
    for offset, colour, label, of in ((-0.16, BLUE, "time", _seconds), (0.16, ORANGE, "memory", _memory)):
        ratios = [of(one) / max(of(baseline), 1e-9) for one in others]
        places = [place + offset for place in range(len(others))]
        axes.barh(places, ratios, height=0.28, color=colour, alpha=0.8, label=label)
        for place, ratio in zip(places, ratios, strict=True):
            axes.text(ratio, place, f" {ratio:.2f}×", va="center", fontsize=8)
    axes.axvline(1, color=GREY, linewidth=1)
    axes.set_xlim(0, axes.get_xlim()[1] * 1.25)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("times the baseline's")
    axes.set_title("Cost")


def _seconds(one: Mapping[str, Any]) -> float:
    return float(np.mean(one["seconds"]))


def _memory(one: Mapping[str, Any]) -> float:
    return float(max(one["device_peak_memory_mb"] or one["peak_memory_mb"]))
