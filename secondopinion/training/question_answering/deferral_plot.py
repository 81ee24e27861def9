"""The deferral curve of a model that answers questions, drawn from its figures."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...metrics.deferral_rate.plots import draw_curve
from ..plot_file import plot_file

CURVE = "answer_deferral_curve.png"
TITLES = {"f1": "answer F1", "exact": "exact match", "category_accuracy": "category accuracy"}


def write_curve(folder: str | os.PathLike, figures: Mapping[str, Any]) -> None:
    """Draw how right the system is against the share deferred, a panel for each figure, to `answer_deferral_curve.png`.

    Args:
        folder: where to.
        figures: as `answer_deferral_figures` returns them.
    """
    names = [name for name in TITLES if name in figures["curve"]]
    with plot_file(Path(folder) / CURVE) as figure:
        figure.set_size_inches(4.9 * len(names), 4.4)
        panels = figure.subplots(1, len(names), squeeze=False)[0]
        for name, axes in zip(names, panels, strict=True):
            _panel(axes, figures, name)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3 if names[1:] else 2)


def _panel(axes: Any, figures: Mapping[str, Any], name: str) -> None:
    alone = {who: figures[who][name] for who in ("model", "expert")}
    decided = (figures["deferral_rate"], figures["system"][name], figures["intervals"][f"system.{name}"])
    draw_curve(axes, figures["curve"], name, alone, decided, TITLES[name], "questions")
