"""The plot of a comparison: the difference in each figure and in each slice, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...core.wording import figure_title
from ...metrics.drawing import BLUE, GREY, INK, RED, draw_point
from ..plot_file import plot_file

NAME = "comparison.png"
LONGEST = 44


def draw_comparison(folder: Path, facts: Mapping[str, Any], name: str = NAME) -> str:
    """Write the plot and return its name; the same facts give the same bytes.

    Args:
        folder: where to.
        facts: as in `comparison.json`.
        name: of the file.
    """
    first, second = (run["name"] for run in facts["runs"])
    lines = [(figure_title(one["name"]), one) for one in facts["figures"]]
    slices = [(f"{one['by']}: {one['value']} ({one['rows']:,})", one) for one in facts["slices"]]
    with plot_file(Path(folder) / name) as figure:
        figure.set_size_inches(9.2, 2.1 + 0.3 * (len(lines) + len(slices)))
        parts = [(f"{second} minus {first}", lines)]
        if slices:
            parts.append((f"{figure_title(facts['counted'])} by slice (rows)", slices))
        panels = figure.subplots(
            len(parts), 1, sharex=True, squeeze=False, height_ratios=[max(1, len(part)) for _, part in parts]
        )
        for axes, (title, part) in zip(panels[:, 0], parts, strict=True):
            for place, (_, one) in enumerate(part):
                colour = GREY if one["low"] <= 0 <= one["high"] else BLUE if one["low"] > 0 else RED
                draw_point(axes, one["difference"], place, (one["low"], one["high"]), colour)
            axes.axvline(0, color=INK, linewidth=0.8)
            names = [name if len(name) <= LONGEST else name[: LONGEST - 1] + "…" for name, _ in part]
            axes.set_yticks(range(len(part)), names)
            axes.set_ylim(len(part) - 0.4, -0.6)
            axes.grid(axis="x")
            axes.tick_params(axis="y", length=0)
            axes.set_title(title)
        panels[-1, 0].set_xlabel("difference, 95% intervals; grey: zero is in it")
    return name
