"""Plots of deferral: the curve with what it is to be held against, and how well the score predicts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from .drawing import BLUE, GREEN, GREY, INK, ORANGE, Panel, drawn, points

LINES = (
    ("oracle", "oracle", GREEN, (0, (4, 2))),
    ("random", "deferring by lot", GREY, (0, (1, 1.5))),
    ("policy", "deferring by score", BLUE, "solid"),
)
SYSTEMS = {
    "system": ("System", BLUE, "o"),
    "classifier": ("Classifier alone", ORANGE, "s"),
    "expert": ("Expert alone", INK, "D"),
    "random": ("Deferring by lot", GREY, "v"),
    "oracle": ("Oracle", GREEN, "^"),
}
TITLES = {"f1": "F1", "accuracy": "accuracy", "loss": "mean loss"}


def plot_deferral_curve(
    figures: Mapping[str, Any],
    path: str | os.PathLike | Any,
    figure_names: tuple[str, ...] = ("f1", "accuracy"),
    f1_name: str | None = None,
) -> Path | Any:
    """Draw F1 and accuracy of the system against the share deferred.

    Drawn in are deferring by lot and the oracle, the classifier alone and the expert alone (level lines), the
    bootstrap band where there is one, and the operating point with its interval.

    Args:
        figures: what `deferral_figures` returned, with a curve.
        path: a file to write, or matplotlib axes; see `drawn`.
        figure_names: what is drawn, a panel each: `f1`, `accuracy`, `loss`.
        f1_name: what F1 is called; "F1" when left out.

    Returns:
        The path, or the axes.

    Raises:
        ValueError: the figures hold no such curve.
    """
    curve = figures.get("curve")
    missing = list(figure_names) if not curve else [name for name in figure_names if name not in curve]
    if missing:
        raise ValueError(f"the figures hold no curve of {', '.join(missing)}; compute them with deferral_scores=")
    titles = TITLES | ({"f1": f1_name} if f1_name else {})
    return drawn(path, [_curve_panel(figures, name, titles[name]) for name in figure_names])


def panels(figures: Mapping[str, Any]) -> list[Panel]:
    """Return the deferral curves; of figures without scores the systems at the one decision there is."""
    if figures.get("curve"):
        return [_curve_panel(figures, name, TITLES[name]) for name in ("f1", "accuracy")]
    return [
        points(
            f"{title[0].upper()}{title[1:]} at {figures['deferral_rate']:.1%} deferred",
            figures,
            [(label, figures[who][name], f"{who}.{name}", *look) for who, (label, *look) in SYSTEMS.items()],
        )
        for name, title in list(TITLES.items())[:2]
    ]


def plot_reliability(figures: Mapping[str, Any], path: str | os.PathLike | Any) -> Path | Any:
    """Draw how well the deferral score predicts: the classifier's errors, or the gain of asking.

    A score that lies in [0, 1] is read as the probability that the classifier is wrong; one that is negative as well,
    within [-1, 1], as the gain (share of rows the expert sets right, less those it spoils). The size of a point shows
    its rows.

    Args:
        figures: what `deferral_figures` returned.
        path: a file to write, or matplotlib axes; see `drawn`.

    Returns:
        The path, or the axes.

    Raises:
        ValueError: the figures hold no reliability: there were no scores, or they are no such predictions.
    """
    kinds = figures.get("reliability") or {}
    kind = next((name for name in ("classifier_wrong", "gain") if kinds.get(name)), None)
    if kind is None:
        raise ValueError("the deferral scores lie outside [-1, 1] (or are missing): they predict no share or gain")

    draw = partial(_reliability, found=kinds[kind], kind=kind, rows=figures["rows"])
    return drawn(path, [Panel("Reliability of the deferral score", draw, (5.2, 4.8))])


def _curve_panel(figures: Mapping[str, Any], name: str, title: str) -> Panel:
    draw = partial(_curve, figures=figures, name=name, title=title)
    return Panel(f"{title[0].upper()}{title[1:]} of the system", draw, (4.9, 4.2))


def _curve(axes: Any, figures: Mapping[str, Any], name: str, title: str) -> None:
    whose = ("system", "classifier", "expert")
    values = figures["loss"] if name == "loss" else {who: figures[who][name] for who in whose}
    ends = (figures.get("intervals") or {}).get("loss.system" if name == "loss" else f"system.{name}")
    alone = {who: values[who] for who in whose[1:]}
    draw_curve(axes, figures["curve"], name, alone, (figures["deferral_rate"], values["system"], ends), title)


def draw_curve(
    axes: Any,
    curve: Mapping[str, Any],
    name: str,
    alone: Mapping[str, float],
    decided: tuple[float, float, Sequence[float] | None],
    title: str,
    rows: str = "rows",
) -> None:
    """Draw a figure of a system against the share deferred.

    Args:
        axes: drawn into.
        curve: `rate`, (points,), and for the figure `policy`, `random`, `oracle`, also (points,); `low` and `high` of
            the policy's band where there is one.
        name: of the figure.
        alone: who answers by themselves, a model and an expert → their figure.
        decided: the system as it was decided: share deferred, figure, its interval or None.
        title: what the figure is called.
        rows: what is deferred.
    """
    rates, lines = curve["rate"], curve[name]
    for (who, level), colour in zip(alone.items(), (ORANGE, INK), strict=True):
        axes.axhline(level, color=colour, linewidth=1.1, linestyle=(0, (6, 2, 1, 2)), label=f"{who} alone")
    if "low" in lines:
        axes.fill_between(rates, lines["low"], lines["high"], color=BLUE, alpha=0.13, linewidth=0)
    for who, label, colour, line in LINES:
        width = 2.0 if who == "policy" else 1.4
        axes.plot(rates, lines[who], color=colour, linestyle=line, linewidth=width, label=label)
    rate, value, ends = decided
    if ends:
        axes.plot([rate, rate], ends, color=BLUE, linewidth=2.6, alpha=0.55, solid_capstyle="round", clip_on=False)
    marker = {"marker": "o", "markersize": 7, "markeredgecolor": "white", "linestyle": "", "clip_on": False}
    axes.plot(rate, value, color=BLUE, zorder=5, label="the system as decided", **marker)
    clear = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1}
    place, align = (8, "left") if rate < 0.6 else (-8, "right")
    axes.annotate(
        f"{value:.3f} at {rate:.1%}", (rate, value), (place, -14), textcoords="offset points", ha=align, bbox=clear
    )
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.set_xlabel(f"share of {rows} deferred")
    axes.set_ylabel(title)
    axes.grid()
    axes.set_title(f"{title[0].upper()}{title[1:]} of the system")


def _reliability(axes: Any, found: Mapping[str, Any], kind: str, rows: int) -> None:
    low = 0.0 if kind == "classifier_wrong" else -1.0
    bins = found["bins"]
    axes.plot([low, 1], [low, 1], color=GREY, linewidth=1, linestyle=(0, (4, 3)), label="as predicted")
    scores, outcomes = [entry["score"] for entry in bins], [entry["outcome"] for entry in bins]
    axes.plot(scores, outcomes, color=BLUE, linewidth=1.6)
    sizes = [18 + 220 * entry["count"] / rows for entry in bins]
    label = f"{rows:,} rows in bins (mean gap {found['error']:.3f})"
    axes.scatter(scores, outcomes, s=sizes, color=BLUE, edgecolors="white", zorder=5, clip_on=False, label=label)
    axes.set_xlim(low, 1)
    axes.set_ylim(low, 1)
    axes.set_xlabel("deferral score")
    axes.set_ylabel("share of rows the classifier gets wrong" if low == 0 else "gain of asking the expert")
    axes.grid()
    axes.legend(loc="upper left")
    axes.set_title("Reliability of the deferral score")
