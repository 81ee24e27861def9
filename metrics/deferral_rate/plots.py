"""Plots of deferral: the curve with what it is to be held against, and how well the score predicts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Okabe & Ito (2008): told apart under every common kind of colour blindness; line styles differ as well.
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
    "legend.frameon": False,
}
LINES = (
    ("oracle", GREEN, (0, (4, 2))),
    ("random", GREY, (0, (1, 1.5))),
    ("policy", BLUE, "solid"),
)
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
        path: a file to write (its ending says the format; it appears whole or not at all); or matplotlib axes for the
            first figure, or a sequence of axes, one for each.
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

    def draw(panels: list[Any]) -> None:
        for name, axes in zip(figure_names, panels, strict=False):
            _curve(axes, figures, name, titles[name])

    return _drawn(path, draw, len(figure_names), (4.9, 4.2))


def deferral_curve_figure(figures: Mapping[str, Any]) -> Any:
    """Return a matplotlib figure with the panels of `plot_deferral_curve`, for a page that shows it."""
    with _canvas(2, (4.9, 4.2)) as (figure, panels):
        plot_deferral_curve(figures, panels)
        _legend(figure, panels)
    return figure


def plot_reliability(figures: Mapping[str, Any], path: str | os.PathLike | Any) -> Path | Any:
    """Draw how well the deferral score predicts: the classifier's errors, or the gain of asking.

    A score that lies in [0, 1] is read as the probability that the classifier is wrong; one that is negative as well,
    within [-1, 1], as the gain (share of rows the expert sets right, less those it spoils). The size of a point shows
    its rows.

    Args:
        figures: what `deferral_figures` returned.
        path: a file to write, or matplotlib axes.

    Returns:
        The path, or the axes.

    Raises:
        ValueError: the figures hold no reliability: there were no scores, or they are no such predictions.
    """
    kinds = figures.get("reliability") or {}
    kind = next((name for name in ("classifier_wrong", "gain") if kinds.get(name)), None)
    if kind is None:
        raise ValueError("the deferral scores lie outside [-1, 1] (or are missing): they predict no share or gain")

    def draw(panels: list[Any]) -> None:
        _reliability(panels[0], kinds[kind], kind, figures["rows"])

    return _drawn(path, draw, 1, (5.2, 4.8))


def _curve(axes: Any, figures: Mapping[str, Any], name: str, title: str) -> None:
    curve, lines = figures["curve"], figures["curve"][name]
    rates = curve["rate"]
    for alone, colour in (("classifier", ORANGE), ("expert", INK)):
        level = figures["loss"][alone] if name == "loss" else figures[alone][name]
        axes.axhline(level, color=colour, linewidth=1.1, linestyle=(0, (6, 2, 1, 2)), label=f"{alone} alone")
    if "low" in lines:
        axes.fill_between(rates, lines["low"], lines["high"], color=BLUE, alpha=0.13, linewidth=0)
    for who, colour, line in LINES:
        width = 2.0 if who == "policy" else 1.4
        axes.plot(rates, lines[who], color=colour, linestyle=line, linewidth=width, label=_name(who))
    rate = figures["deferral_rate"]
    value = figures["loss"]["system"] if name == "loss" else figures["system"][name]
    ends = (figures.get("intervals") or {}).get("loss.system" if name == "loss" else f"system.{name}")
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
    axes.set_xlabel("share of rows deferred")
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


def _name(who: str) -> str:
    return {"policy": "deferring by score", "random": "deferring by lot", "oracle": "oracle"}[who]


def _drawn(path: Any, draw: Any, panels: int, size: tuple[float, float]) -> Any:
    """Draw into given axes, or into a new figure that is written to a file."""
    if not isinstance(path, str | os.PathLike):
        draw([path] if hasattr(path, "plot") else list(path))
        return path
    path = Path(path)
    with _canvas(panels, size) as (figure, axes):
        draw(axes)
        if panels > 1:
            _legend(figure, axes)
        elif not axes[0].get_legend():
            axes[0].legend(loc="best")
        temporary = path.with_name(f".{path.name}.partial")
        kind = path.suffix.lstrip(".") or "png"
        try:
            figure.savefig(temporary, format=kind, metadata={"Software": None} if kind == "png" else None)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    return path


def _legend(figure: Any, panels: list[Any]) -> None:
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)


@contextmanager
def _canvas(panels: int, size: tuple[float, float]) -> Iterator[tuple[Any, list[Any]]]:
    """Yield an empty figure in our style and its panels, whatever the user's own settings of matplotlib are."""
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with style.context(["default", STYLE]):
        figure = Figure(figsize=(size[0] * panels, size[1]))
        FigureCanvasAgg(figure)
        yield figure, list(figure.subplots(1, panels, squeeze=False)[0])
