"""A plot of the figures with their intervals: F1 of each class, and the figures of all classes together."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .drawing import BLUE, ORANGE, Panel, class_points, drawn, points

WHOLE = {"accuracy": "Accuracy", "macro_f1": "Macro F1", "weighted_f1": "Weighted F1"}


def plot_class_figures(figures: Mapping[str, Any], path: str | os.PathLike | Any) -> Path | Any:
    """Draw F1 of each class, and accuracy, macro and weighted F1, as points with their intervals, where there are any.

    Args:
        figures: what `per_class_figures` returned.
        path: a file to write, or matplotlib axes; see `drawn`.

    Returns:
        The path, or the axes.

    Raises:
        ValueError: the figures hold no class.
    """
    return drawn(path, panels(figures))


def panels(figures: Mapping[str, Any]) -> list[Panel]:
    """Return the panels of `plot_class_figures`."""
    if not figures.get("per_class"):
        raise ValueError("the figures hold no class; give what per_class_figures returned")
    whole = [(title, figures[name], name, ORANGE, "s") for name, title in WHOLE.items()]
    return [
        class_points("F1 of each class (rows)", figures, figures["per_class"], BLUE, "o"),
        points("All classes", figures, whole),
    ]
