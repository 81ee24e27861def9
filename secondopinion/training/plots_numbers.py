"""Plots of a regression: predicted against true values, and the figures of each fold; drawn from facts alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..metrics.drawing import BLUE, GREY, INK, RED
from .selection import FIGURE_TITLES


def draw_predicted_true(figure: Any, facts: Mapping[str, Any]) -> None:
    """Draw for each target how many held-out rows have which true and predicted value."""
    histograms = facts["summary"]["out_of_fold"]["histograms"]
    columns = min(len(histograms), 3)
    lines = math.ceil(len(histograms) / columns)
    figure.set_size_inches(1.0 + 4.4 * columns, 0.6 + 4.2 * lines)
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes, (name, histogram) in zip(panels, histograms.items(), strict=False):
        edges, counts = np.array(histogram["edges"]), np.array(histogram["counts"])
        shown = np.ma.masked_equal(counts.T, 0)
        image = axes.pcolormesh(edges, edges, shown, cmap="Blues", vmin=-0.3 * counts.max(), rasterized=True)
        axes.plot(edges[[0, -1]], edges[[0, -1]], color=GREY, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_aspect("equal")
        axes.set_xlabel("true")
        axes.set_ylabel("predicted")
        axes.set_title(f"{name}, {counts.sum():,} rows out of fold")
        bar = figure.colorbar(image, ax=axes, shrink=0.7)
        bar.set_label("rows")
        bar.ax.set_ylim(0, counts.max())
        bar.outline.set_visible(False)
    for axes in panels[len(histograms) :]:
        axes.set_axis_off()


def draw_number_folds(figure: Any, facts: Mapping[str, Any]) -> None:
    """Draw the figures of each fold, each figure on its own scale, the published fold marked."""
    results = sorted(facts["fold_results"], key=lambda result: result["fold"])
    chosen = (facts.get("selection") or {}).get("fold")
    keys = [key for key in FIGURE_TITLES if all(key in result["figures"] for result in results)]
    figure.set_size_inches(max(5.0, 1.9 * len(keys)), 3.2)
    for axes, key in zip(figure.subplots(1, len(keys), squeeze=False).ravel(), keys, strict=True):
        values = np.array([result["figures"][key] for result in results])
        if len(values) > 1:
            axes.axhline(values.mean(), color=INK, linewidth=1.2)
        for result, value in zip(results, values, strict=True):
            colour, marker = (RED, "D") if result["fold"] == chosen else (BLUE, "o")
            axes.plot(result["fold"], value, marker, color=colour, markersize=6, markeredgecolor="white")
        axes.set_xticks([result["fold"] for result in results])
        axes.set_xlabel("fold")
        axes.margins(x=0.2, y=0.2)
        axes.grid(axis="y")
        axes.set_title(FIGURE_TITLES[key], fontsize=9)
