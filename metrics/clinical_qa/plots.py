"""A plot of the figures with their intervals: the answer and the joint figures, and each category's F1."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Okabe & Ito (2008): told apart under every common kind of colour blindness; markers differ as well.
BLUE, ORANGE, GREEN, GREY, INK = "#0072B2", "#E69F00", "#009E73", "#80868B", "#202124"
STYLE = {
    "figure.dpi": 144,
    "savefig.dpi": 144,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.1,
    "figure.constrained_layout.h_pad": 0.1,
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.parse_math": False,
    "text.color": INK,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlepad": 10,
    "axes.axisbelow": True,
    "grid.color": "#E4E6E8",
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}
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
        path: a file to write (its ending says the format; it appears whole or not at all); or matplotlib axes for the
            first panel, or a sequence of axes, one for each.

    Returns:
        The path, or the axes.

    Raises:
        ValueError: the figures hold nothing that can be drawn.
    """
    panels = _panels(figures)
    if not isinstance(path, str | os.PathLike):
        for axes, panel in zip([path] if hasattr(path, "plot") else path, panels, strict=False):
            _dots(axes, *panel)
        return path
    path = Path(path)
    with _canvas(panels) as figure:
        temporary = path.with_name(f".{path.name}.partial")
        kind = path.suffix.lstrip(".") or "png"
        try:
            figure.savefig(temporary, format=kind, metadata={"Software": None} if kind == "png" else None)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    return path


def qa_figure(figures: Mapping[str, Any]) -> Any:
    """Return a matplotlib figure with the panels of `plot_qa_figures`, for a page that shows it."""
    with _canvas(_panels(figures)) as figure:
        return figure


def _panels(figures: Mapping[str, Any]) -> list[tuple[str, list[tuple]]]:
    """Return (title, [(label, value, interval or None, colour, marker), …]) of each panel."""
    intervals = figures.get("intervals") or {}
    whole = [
        (f"{title} ({figures[rows]:,})", figures[name], intervals.get(name), colour, marker)
        for name, title, rows, colour, marker in WHOLE
        if name in figures
    ]
    if not whole:
        raise ValueError("the figures hold neither answers nor categories; give what qa_figures returned")
    panels = [("Figures (rows)", whole)]
    if figures.get("per_category"):
        rows = [
            (f"{name} ({row['support']:,})", row["f1"], intervals.get(f"f1_{name}"), ORANGE, "s")
            for name, row in figures["per_category"].items()
        ]
        panels.append(("F1 of each category (rows)", rows))
    return panels


def _dots(axes: Any, title: str, rows: list[tuple]) -> None:
    for height, (_, value, ends, colour, marker) in enumerate(rows):
        if ends:
            axes.plot(ends, [height, height], color=colour, linewidth=2.6, alpha=0.5, solid_capstyle="round")
        axes.plot(value, height, color=colour, marker=marker, markersize=7, markeredgecolor="white", clip_on=False)
        axes.annotate(f"{value:.3f}", (1.02, height), xycoords=axes.get_yaxis_transform(), va="center")
    axes.set_yticks(range(len(rows)), [label for label, *_ in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    axes.set_title(title)


@contextmanager
def _canvas(panels: list[tuple[str, list[tuple]]]) -> Iterator[Any]:
    """Yield a figure with the panels in our style, whatever the user's own settings of matplotlib are."""
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with style.context(["default", STYLE]):
        figure = Figure(figsize=(5.4 * len(panels), 1.2 + 0.36 * max(len(rows) for _, rows in panels)))
        FigureCanvasAgg(figure)
        for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
            _dots(axes, *panel)
        yield figure
