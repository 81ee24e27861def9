"""A plot of the figures with their intervals: the answer and the joint figures, and each category's F1."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .drawing import BLUE, GREEN, ORANGE, Panel, class_points, drawn, points

# (figure, what it is called, its number of rows, colour, marker).
WHOLE = (
    ("exact", "Exact match", "total", BLUE, "o"),
    ("f1", "F1", "total", BLUE, "o"),
    ("HasAns_exact", "Exact, with an answer", "HasAns_total", BLUE, "o"),
    ("HasAns_f1", "F1, with an answer", "HasAns_total", BLUE, "o"),
    ("NoAns_exact", "Right, without an answer", "NoAns_total", BLUE, "o"),
    ("category_accuracy", "Category accuracy", "category_total", ORANGE, "s"),
    ("category_macro_f1", "Category macro F1", "category_total", ORANGE, "s"),
    ("joint_accuracy", "Joint: exact and category", "joint_total", GREEN, "D"),
)


def plot_qa_figures(figures: Mapping[str, Any], path: str | os.PathLike | Any) -> Path | Any:
    """Draw the figures as points with their intervals, where there are any.

    The left panel holds the answer's, the category's and the joint figures, the right one each category's F1; without
    a scored category there is one panel.

    Args:
        figures: what `qa_figures` returned.
        path: a file to write, or matplotlib axes; see `drawn`.

    Returns:
        The path, or the axes.

    Raises:
        ValueError: the figures hold nothing that can be drawn.
    """
    return drawn(path, panels(figures))


def panels(figures: Mapping[str, Any]) -> list[Panel]:
    """Return the panels of `plot_qa_figures`."""
    whole = [
        (f"{title} ({figures[rows]:,})", figures[name], name, colour, marker)
        for name, title, rows, colour, marker in WHOLE
        if name in figures
    ]
    if not whole:
        raise ValueError("the figures hold neither answers nor categories; give what qa_figures returned")
    found = [points("Figures (rows)", figures, whole)]
    if figures.get("per_category"):
        found.append(class_points("F1 of each category (rows)", figures, figures["per_category"], ORANGE, "s"))
    return found
