"""Plots of a run of questions and answers, drawn from its facts, never from its rows."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...metrics.clinical_qa.plots import plot_qa_figures
from ...metrics.drawing import BLUE, GREY, draw_point
from ..plot_file import plot_file
from ..plots import draw_calibration, reliability_panels
from .table import ROWS


def write_answer_plots(folder: str | os.PathLike, facts: Mapping[str, Any]) -> list[str]:
    """Draw what the facts allow and return the names of the PNG files, sorted.

    `figures.png` shows the answer's, the category's and the joint figures and each category's F1, with intervals;
    `single_task.png` what the two tasks gain over one; `category_calibration.png` and `no_answer_calibration.png`
    whether probabilities mean what they say. The same facts give the same bytes.

    Args:
        folder: where to write; each file appears whole or not at all.
        facts: what run.json holds (or will hold).
    """
    drawings = {}
    if facts.get("single_task"):
        drawings["single_task.png"] = _gains
    if facts.get("calibration"):
        drawings["category_calibration.png"] = draw_calibration
    if (facts.get("no_answer") or {}).get("calibration"):
        drawings["no_answer_calibration.png"] = _no_answer
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    plot_qa_figures(facts["summary"]["out_of_fold"], folder / "figures.png")
    for name, draw in drawings.items():
        with plot_file(folder / name) as figure:
            draw(figure, facts)
    return sorted(["figures.png", *drawings])


def _gains(figure: Any, facts: Mapping[str, Any]) -> None:
    """Draw the difference to each single-task baseline, with its interval, around a line at zero."""
    titles = {name: title for title, name, _ in ROWS}
    rows = [
        (f"{titles.get(name, name)}\nover {baseline.replace('_', ' ')}", gain)
        for baseline, each in facts["single_task"].items()
        for name, gain in each["difference"].items()
    ]
    figure.set_size_inches(7.2, 1.4 + 0.55 * len(rows))
    axes = figure.add_subplot()
    axes.axvline(0, color=GREY, linewidth=1)
    for place, (_, gain) in enumerate(rows):
        draw_point(axes, gain["difference"], place, (gain["low"], gain["high"]), BLUE)
        axes.annotate(
            f"{gain['difference']:+.3f}", (1.02, place), xycoords=axes.get_yaxis_transform(), va="center", fontsize=8.5
        )
    axes.set_yticks(range(len(rows)), [title for title, _ in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel("both tasks minus one task, with 95% bootstrap interval")
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_title("What the two tasks gain from each other")


def _no_answer(figure: Any, facts: Mapping[str, Any]) -> None:
    """Draw how often there was no answer, against how likely the model said that was."""
    scaled = facts["no_answer"]["calibration"]
    bins = scaled["bins"]
    top, bottom = reliability_panels(figure, "probability that there is no answer", "share without an answer")
    top.plot(
        [entry["confidence"] for entry in bins],
        [entry["accuracy"] for entry in bins],
        marker="o",
        color=BLUE,
        markersize=5,
        label=f"out of fold (ECE {scaled['ece']:.3f})",
    )
    centres = np.array([(entry["low"] + entry["high"]) / 2 for entry in bins])
    bottom.bar(
        centres,
        [entry["count"] for entry in bins],
        width=0.8 * (bins[0]["high"] - bins[0]["low"]),
        color=BLUE,
        linewidth=0,
    )
    top.set_xlim(0, 1)
    top.legend(loc="upper left")
    top.set_title("Is there no answer?")
