"""Plots of a run: confusion matrix, calibration, folds and classes; drawn from its facts, never from its rows."""

from __future__ import annotations

import math
import os
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..metrics.confusion import flatten
from ..metrics.drawing import BLUE, GREY, INK, ORANGE, RED, draw_point
from .plot_file import plot_file
from .plots_numbers import draw_number_folds, draw_predicted_true

LETTERS = {BLUE: BLUE, ORANGE: "#8A5A00"}
SUMMARY_ROWS = {"macro_f1": "macro F1", "weighted_f1": "weighted F1"}


def write_plots(folder: str | os.PathLike, facts: Mapping[str, Any]) -> list[str]:
    """Draw what the facts allow and return the names of the PNG files, sorted.

    `confusion_matrix.png` needs one class a row, `per_class_f1.png` classes or labels, `predicted_true.png` numbers,
    `calibration.png` the calibration, `folds.png` (of numbers `figures_by_fold.png`) at least one fold's figures.
    The same facts give the same bytes.

    Args:
        folder: where to write; each file appears whole or not at all.
        facts: what run.json holds (or will hold).

    Raises:
        InputError: the facts hold no out-of-fold figures.
        DiskFullError: no room is left.
    """
    pooled = (facts.get("summary") or {}).get("out_of_fold")
    if not pooled:
        raise InputError("there is nothing to plot: the facts hold no out-of-fold figures (summary.out_of_fold)")
    numbers = "histograms" in pooled
    drawings: dict[str, Callable[[Any, Mapping[str, Any]], None]] = (
        {"predicted_true.png": draw_predicted_true} if numbers else {"per_class_f1.png": _per_class}
    )
    if "confusion_matrix" in pooled:
        drawings["confusion_matrix.png"] = _confusion_matrix
    if facts.get("calibration"):
        drawings["calibration.png"] = draw_calibration
    if facts.get("fold_results"):
        drawings["figures_by_fold.png" if numbers else "folds.png"] = draw_number_folds if numbers else _folds
    for name, draw in sorted(drawings.items()):
        with plot_file(Path(folder) / name) as figure:
            draw(figure, facts)
    return sorted(drawings)


def _confusion_matrix(figure: Any, facts: Mapping[str, Any]) -> None:
    matrix = facts["summary"]["out_of_fold"]["confusion_matrix"]
    names, counts = matrix["labels"], np.array(matrix["counts"])
    support = counts.sum(axis=1)
    share = np.divide(counts, support[:, None], out=np.zeros(counts.shape), where=support[:, None] > 0)
    side = 2.0 + 0.95 * max(len(names), 3)
    figure.set_size_inches(side + 0.9, side)
    axes = figure.add_subplot()
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*counts.shape):
        absent = support[row] == 0
        text = "–" if absent else f"{share[row, column]:.0%}\n{counts[row, column]:,}"
        colour = GREY if absent else "white" if share[row, column] > 0.55 else INK
        weight = "bold" if row == column and not absent else "normal"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontweight=weight)
    _name_columns(axes, names)
    axes.set_yticks(range(len(names)), [_with_support(name, n) for name, n in zip(names, support, strict=True)])
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_xticks(np.arange(len(names) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(names) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(f"Out-of-fold predictions, {support.sum():,} rows")
    bar = figure.colorbar(image, ax=axes, shrink=0.6, ticks=[0, 0.5, 1], format=lambda value, _: f"{value:.0%}")
    bar.set_label("share of the true class")
    bar.outline.set_visible(False)


def _per_class(figure: Any, facts: Mapping[str, Any]) -> None:
    figures = facts["summary"]["out_of_fold"]
    systems = [(str(facts.get("name") or "this run"), figures, BLUE, "o")]
    baseline = facts.get("baseline") or {}
    other = (baseline.get("summary") or {}).get("out_of_fold")
    if other:
        systems.append((str(baseline.get("name") or "baseline"), other, ORANGE, "s"))
    support = {name: row["support"] for name, row in figures["per_class"].items()}
    keys = {f"f1_{name}": _with_support(name, n) for name, n in support.items()} | SUMMARY_ROWS
    absent = {f"f1_{name}" for name, n in support.items() if not n}
    figure.set_size_inches(7.2, 1.5 + 0.52 * len(keys))
    axes = figure.add_subplot()
    offsets = np.linspace(-0.13, 0.13, len(systems)) if len(systems) > 1 else [0.0]
    lowest = 1.0
    for (name, system, colour, marker), offset in zip(systems, offsets, strict=True):
        flat, intervals = flatten(system), system.get("intervals", {})
        shown = False
        for place, key in enumerate(keys):
            if key in absent or key not in flat:
                continue
            value = flat[key]
            ends = intervals.get(key)
            lowest = min(lowest, value, *(ends or ()))
            draw_point(axes, value, place + offset, ends, colour, marker, None if shown else name)
            place_of_text = {"xy": (1.02, place + offset), "xycoords": ("axes fraction", "data"), "va": "center"}
            axes.annotate(f"{value:.3f}", **place_of_text, color=LETTERS[colour], fontsize=8.5)
            shown = True
    for place, key in enumerate(keys):
        if key in absent:
            axes.text(0.5, place, "no rows", transform=axes.get_yaxis_transform(), ha="center", va="center", color=GREY)
    axes.set_yticks(range(len(keys)), keys.values())
    axes.set_ylim(len(keys) - 0.5, -0.5)
    axes.axhline(len(support) - 0.5, color=GREY, linewidth=0.8)
    axes.set_xlim(_floor(lowest), 1.0)
    axes.set_xlabel("F1" + (", with 95% bootstrap interval" if figures.get("intervals") else ""))
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_title("F1 of each class, out of fold")
    if len(systems) > 1:
        figure.legend(loc="outside lower center", ncols=len(systems))


def draw_calibration(figure: Any, facts: Mapping[str, Any]) -> None:
    """Draw how often the model was right against how sure it was, before and after scaling."""
    scaled = facts["calibration"]
    bins = scaled["bins"]
    top, bottom = reliability_panels(figure, "probability of the predicted class", "share that was right")
    series = (("before", ORANGE, "s", "--", -1), ("after", BLUE, "o", "-", 1))
    applied = "advised" not in scaled
    series = series if applied else (("after", BLUE, "o", "-", 0),)
    for when, colour, marker, line, side in series:
        filled = [entry for entry in bins[when] if entry["count"]]
        crossed = ", cross-fitted" if when == "after" and scaled["cross_fitted"] else ""
        title = f"{when} scaling" if applied else "as the model came"
        title += f" (ECE {scaled['ece'][when]:.3f}{crossed})"
        top.plot(
            [entry["confidence"] for entry in filled],
            [entry["accuracy"] for entry in filled],
            marker=marker,
            linestyle=line,
            color=colour,
            markersize=5,
            label=title,
        )
        width = 0.42 * (filled[0]["high"] - filled[0]["low"])
        centres = [(entry["low"] + entry["high"]) / 2 + side * width / 2 for entry in filled]
        bottom.bar(centres, [entry["count"] for entry in filled], width=width, color=colour, linewidth=0)
    lowest = min(entry["low"] for when, *_ in series for entry in bins[when] if entry["count"])
    top.set_xlim(min(math.floor(lowest * 10) / 10, 0.5), 1.0)
    top.legend(loc="lower right")
    bottom.set_yscale("log")
    bottom.set_ylim(bottom=0.8)
    bottom.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    bottom.minorticks_off()
    top.set_title(f"Calibration, temperature {scaled['temperature']:.2f}" if applied else "Calibration")


def reliability_panels(figure: Any, said: str, came: str) -> tuple[Any, Any]:
    """Return the axes of a calibration, on which nothing but the line of the well calibrated is drawn.

    Args:
        figure: empty.
        said: what the x axis is, such as a probability.
        came: what the y axis is, such as a share.

    Returns:
        Axes of the shares, and below them of how many rows stand behind each.
    """
    figure.set_size_inches(5.6, 6.0)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3.2, 1])
    top.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=(0, (4, 3)), label="as sure as right")
    top.set_ylim(0, 1.02)
    top.set_ylabel(came)
    top.grid()
    bottom.set_ylabel("rows")
    bottom.grid(axis="y")
    bottom.set_xlabel(said)
    return top, bottom


def _folds(figure: Any, facts: Mapping[str, Any]) -> None:
    results = sorted(facts["fold_results"], key=lambda result: result["fold"])
    chosen = (facts.get("selection") or {}).get("fold")
    flat = [flatten(result["figures"]) for result in results]
    per_class = results[0]["figures"].get("per_class", {})
    keys = {f"f1_{name}": name for name in per_class} | SUMMARY_ROWS
    keys = {key: title for key, title in keys.items() if all(key in each for each in flat)}
    absent = {
        (result["fold"], f"f1_{name}")
        for result in results
        for name, row in result["figures"].get("per_class", {}).items()
        if not row["support"]
    }
    figure.set_size_inches(max(6.0, 1.6 + 0.95 * len(keys)), 4.0)
    axes = figure.add_subplot()
    shift = (np.arange(len(results)) - (len(results) - 1) / 2) * min(0.13, 0.6 / len(results))
    lowest = 1.0
    for place, key in enumerate(keys):
        values = np.array([each[key] for each in flat])
        lowest = min(lowest, values.min())
        if len(values) > 1:
            mean, std = values.mean(), values.std()
            axes.fill_between([place - 0.36, place + 0.36], mean - std, mean + std, color="#DCE9F2", linewidth=0)
            axes.hlines(mean, place - 0.36, place + 0.36, color=INK, linewidth=1.4)
        for result, x, value in zip(results, place + shift, values, strict=True):
            colour, marker = (RED, "D") if result["fold"] == chosen else (BLUE, "o")
            if (result["fold"], key) in absent:
                axes.annotate("no\nrows", (x, 0.03), xycoords=("data", "axes fraction"), ha="center", color=GREY)
            else:
                axes.plot(
                    x, value, marker, color=colour, markersize=6, markeredgecolor="white", clip_on=False, zorder=5
                )
    _name_columns(axes, list(keys.values()))
    axes.set_xlim(-0.6, len(keys) - 0.4)
    if len(per_class) and len(keys) > len(per_class):
        axes.axvline(len(per_class) - 0.5, color=GREY, linewidth=0.8)
    axes.set_ylim(_floor(lowest), 1.0)
    axes.set_ylabel("F1 on the held-out fold")
    axes.grid(axis="y")
    axes.tick_params(axis="x", length=0)
    folds = [result["fold"] for result in results]
    axes.set_title(f"Fold {folds[0]}" if len(folds) == 1 else f"{len(folds)} folds, left to right: {_series(folds)}")
    _fold_legend(figure, chosen if chosen in folds else None, several=len(folds) > 1)


def _fold_legend(figure: Any, chosen: int | None, several: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = (
        [Line2D([], [], color=BLUE, marker="o", linestyle="", label="a fold")] if several or chosen is None else []
    )
    if chosen is not None:
        handles.append(Line2D([], [], color=RED, marker="D", linestyle="", label=f"fold {chosen}, the published one"))
    if several:
        handles.append(Line2D([], [], color=INK, linewidth=1.4, label="mean"))
        handles.append(Patch(color="#DCE9F2", label="± 1 standard deviation (ddof 0)"))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))


def _with_support(name: str, rows: int) -> str:
    return "\n".join([*textwrap.wrap(name, 22, break_long_words=False), f"(n = {rows:,})"])


def _name_columns(axes: Any, names: Sequence[str]) -> None:
    """Write names under columns, wrapped where they are long and slanted where they are many."""
    wrapped = ["\n".join(textwrap.wrap(name, 14, break_long_words=False)) or name for name in names]
    slant = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if len(names) > 8 else {}
    axes.set_xticks(range(len(names)), wrapped, **slant)


def _series(numbers: Sequence[int]) -> str:
    """Return fold numbers as a person would list them: 1 to 5, or 1, 3."""
    run = list(range(numbers[0], numbers[-1] + 1))
    return f"{run[0]} to {run[-1]}" if len(run) > 2 and list(numbers) == run else ", ".join(map(str, numbers))


def _floor(lowest: float) -> float:
    """Return where an axis that ends at 1 may begin: a little below the lowest value, at a multiple of 0.1."""
    return max(0.0, math.floor((lowest - 0.02) * 10) / 10)
