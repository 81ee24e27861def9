"""The deferral curve of a model that answers questions, drawn from its figures."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...core.files import atomic_file
from ..plots import BLUE, GREY, INK, ORANGE, drawing

CURVE = "answer_deferral_curve.png"
GREEN = "#009E73"
TITLES = {"f1": "answer F1", "exact": "exact match", "category_accuracy": "category accuracy"}
LINES = (
    ("oracle", "oracle", GREEN, (0, (4, 2))),
    ("random", "deferring by lot", GREY, (0, (1, 1.5))),
    ("policy", "deferring by score", BLUE, "solid"),
)


def write_curve(folder: str | os.PathLike, figures: Mapping[str, Any]) -> None:
    """Draw how right the system is against the share deferred, a panel for each figure, to `answer_deferral_curve.png`.

    Args:
        folder: where to.
        figures: as `answer_deferral_figures` returns them.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    names = [name for name in TITLES if name in figures["curve"]]
    with drawing() as figure:
        figure.set_size_inches(4.9 * len(names), 4.4)
        panels = figure.subplots(1, len(names), squeeze=False)[0]
        for name, axes in zip(names, panels, strict=True):
            _panel(axes, figures, name)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3 if names[1:] else 2)
        with atomic_file(folder / CURVE) as temporary:
            figure.savefig(temporary, format="png", metadata={"Software": None})


def _panel(axes: Any, figures: Mapping[str, Any], name: str) -> None:
    curve, lines = figures["curve"], figures["curve"][name]
    for alone, colour in (("model", ORANGE), ("expert", INK)):
        style = {"color": colour, "linewidth": 1.1, "linestyle": (0, (6, 2, 1, 2))}
        axes.axhline(figures[alone][name], label=f"{alone} alone", **style)
    axes.fill_between(curve["rate"], lines["low"], lines["high"], color=BLUE, alpha=0.13, linewidth=0)
    for who, label, colour, line in LINES:
        width = 2.0 if who == "policy" else 1.4
        axes.plot(curve["rate"], lines[who], color=colour, linestyle=line, linewidth=width, label=label)
    rate, value = figures["deferral_rate"], figures["system"][name]
    axes.plot([rate] * 2, figures["intervals"][f"system.{name}"], color=BLUE, linewidth=2.6, alpha=0.55, clip_on=False)
    marker = {"marker": "o", "markersize": 7, "markeredgecolor": "white", "linestyle": "", "clip_on": False}
    axes.plot(rate, value, color=BLUE, zorder=5, label="the system as decided", **marker)
    place, align = (8, "left") if rate < 0.6 else (-8, "right")
    clear = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1}
    axes.annotate(
        f"{value:.3f} at {rate:.1%}", (rate, value), (place, -14), textcoords="offset points", ha=align, bbox=clear
    )
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.set_xlabel("share of questions deferred")
    axes.set_ylabel(TITLES[name])
    axes.grid()
    axes.set_title(f"{TITLES[name][0].upper()}{TITLES[name][1:]} of the system")
