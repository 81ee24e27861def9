"""How all plots look: colours, style, figures with intervals; panels in a file, in the caller's axes, and on a page."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

# Okabe & Ito (2008): told apart under every common kind of colour blindness; markers and line styles differ as well.
BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
GREY, INK, GRID = "#80868B", "#202124", "#E4E6E8"
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
    "grid.color": GRID,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "svg.hashsalt": "metric",
}
# A page names each colour, so that the drawing follows its light and its dark.
NAMED = {BLUE: "blue", ORANGE: "amber", GREEN: "accent", GREY: "grey", INK: "ink", GRID: "line", "#FFFFFF": "card"}


@dataclass(frozen=True)
class Panel:
    """One drawing with axes of its own.

    Attributes:
        title: says what is drawn; also to those who hear the page.
        draw: draws into given axes, title and all.
        size: (width, height) in inches.
    """

    title: str
    draw: Callable[[Any], None]
    size: tuple[float, float]


def drawn(path: str | os.PathLike | Any, panels: Sequence[Panel]) -> Path | Any:
    """Draw panels side by side.

    Args:
        path: a file to write (its ending says the format; it appears whole or not at all); or matplotlib axes for the
            first panel, or a sequence of axes, one for each.
        panels: what is drawn.

    Returns:
        The path, or the axes.
    """
    if not isinstance(path, str | os.PathLike):
        for axes, panel in zip([path] if hasattr(path, "plot") else path, panels, strict=False):
            panel.draw(axes)
        return path
    path = Path(path)
    with _canvas(panels, 3) as figure:
        temporary = path.with_name(f".{path.name}.partial")
        kind = path.suffix.lstrip(".") or "png"
        try:
            figure.savefig(temporary, format=kind, metadata={"Software": None} if kind == "png" else None)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    return path


def on_page(panels: Sequence[Panel]) -> list[str]:
    """Return each panel as an SVG for a page that has the look of this project's Spaces."""
    return [_svg(panel) for panel in panels]


def points(title: str, figures: Mapping[str, Any], rows: Sequence[tuple[str, float, str, str, str]]) -> Panel:
    """Return a panel of figures as points, each with its interval where there is one.

    Args:
        title: of the panel.
        figures: what a metric computed; its intervals are read.
        rows: (label, figure, its name among the intervals, colour, marker) from top to bottom.
    """
    intervals = figures.get("intervals") or {}
    lowest = min(value for _, figure, name, *_ in rows for value in (figure, *(intervals.get(name) or ())))

    def draw(axes: Any) -> None:
        for height, (_, value, name, colour, marker) in enumerate(rows):
            draw_point(axes, value, height, intervals.get(name), colour, marker)
            axes.annotate(f"{value:.3f}", (1.02, height), xycoords=axes.get_yaxis_transform(), va="center")
        axes.set_yticks(range(len(rows)), [label for label, *_ in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlim(0 if lowest >= 0 else -1, 1)
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0)
        axes.set_title(title)

    return Panel(title, draw, (5.4, 1.2 + 0.36 * len(rows)))


def class_points(
    title: str, figures: Mapping[str, Any], classes: Mapping[str, Mapping[str, Any]], colour: str, marker: str
) -> Panel:
    """Return a panel of each class's F1 with its rows.

    Args:
        title: of the panel.
        figures: what a metric computed.
        classes: class → its F1 and support.
        colour: of the points.
        marker: of the points.
    """
    rows = [(f"{name} ({row['support']:,})", row["f1"], f"f1_{name}", colour, marker) for name, row in classes.items()]
    return points(title, figures, rows)


def draw_point(
    axes: Any,
    value: float,
    height: float,
    ends: Sequence[float] | None,
    colour: str,
    marker: str = "o",
    label: str | None = None,
) -> None:
    """Draw a figure as a point, and its interval as a bar behind it.

    Args:
        axes: drawn into.
        value: the figure.
        height: where it stands on the y axis.
        ends: of the interval, or None.
        colour: of both.
        marker: of the point.
        label: for the legend.
    """
    if ends:
        axes.plot(ends, [height, height], color=colour, linewidth=2.6, alpha=0.5, solid_capstyle="round")
    point = {"marker": marker, "markersize": 7, "markeredgecolor": "white", "linestyle": "", "clip_on": False}
    axes.plot(value, height, color=colour, label=label, **point)


@contextmanager
def empty_figure() -> Iterator[Any]:
    """Yield an empty figure in our style, whatever the user's own settings of matplotlib are."""
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with style.context(["default", STYLE]):
        figure = Figure()
        FigureCanvasAgg(figure)
        yield figure


@contextmanager
def _canvas(panels: Sequence[Panel], legend_columns: int, width: float = 99.0) -> Iterator[Any]:
    """Yield a figure with the panels side by side."""
    with empty_figure() as figure:
        figure.set_size_inches(
            sum(min(panel.size[0], width) for panel in panels), max(panel.size[1] for panel in panels)
        )
        axes = list(figure.subplots(1, len(panels), squeeze=False)[0])
        for panel, own in zip(panels, axes, strict=True):
            panel.draw(own)
        handles, labels = axes[0].get_legend_handles_labels()
        if handles and not axes[0].get_legend():
            figure.legend(handles, labels, loc="outside lower center", ncols=legend_columns)
        yield figure


def _svg(panel: Panel) -> str:
    file = io.StringIO()
    with _canvas([panel], 2, width=4.2) as figure:
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    spoken = f'class="metric-plot" role="img" aria-label="{escape(panel.title, quote=True)}"'
    head, _, rest = svg.partition(">")
    svg = re.sub(r' (width|height)="[^"]*"', "", head).replace("<svg", f"<svg {spoken}", 1) + ">" + rest
    for colour, name in NAMED.items():
        svg = re.sub(colour, f"var(--so-{name})", svg, flags=re.IGNORECASE)
    return svg
