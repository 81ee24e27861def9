"""A plot of the benchmark's figures with their intervals, of the whole task and of each label."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .drawing import BLUE, GREEN, ORANGE, Panel, drawn, points

# In the order drawn. A mean absolute error has a unit of its own, and no place on an axis of shares.
FIGURES = {
    "auc": ("AUC", BLUE, "o"),
    "linear_kappa": ("Kappa, linear weights", BLUE, "o"),
    "unweighted_kappa": ("Kappa, no weights", ORANGE, "s"),
    "r_smape_score": ("R-SMAPE score", BLUE, "o"),
    "accuracy": ("Accuracy", GREEN, "D"),
}


def plot_dragon_figures(figures: Mapping[str, Any], path: str | os.PathLike | Any) -> Path | Any:
    """Draw the figures as points with their intervals, where there are any; each label's score beside them.

    Args:
        figures: what `dragon_figures` returned.
        path: a file to write, or matplotlib axes; see `drawn`.

    Returns:
        The path, or the axes.

    Raises:
        ValueError: no figure is defined.
    """
    return drawn(path, panels(figures))


def panels(figures: Mapping[str, Any]) -> list[Panel]:
    """Return the panels of `plot_dragon_figures`."""
    parts = [("", ""), *((f"_{part}", f", {part}") for part in ("pooled", "macro") if "per_label" in figures)]
    whole = [
        (f"{title}{said}", figures[name + part], name + part, colour, marker)
        for name, (title, colour, marker) in FIGURES.items()
        for part, said in (parts[1:] if f"{name}_pooled" in figures else parts[:1])
        if figures.get(name + part) is not None
    ]
    if not whole:
        raise ValueError("no figure that lies on an axis of shares is defined; give what dragon_figures returned")
    own = figures["figure"]
    title, *look = FIGURES[own]
    labels = [
        (label, row[own], f"{own}_{label}", *look)
        for label, row in figures.get("per_label", {}).items()
        if row[own] is not None
    ]
    found = [points(f"Figures ({figures['rows']:,} rows)", figures, whole)]
    return [*found, points(f"{title} of each label", figures, labels)] if labels else found
