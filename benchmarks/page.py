"""The documentation's page of results: a table and a plot for each machine, and how each ratio is measured."""

from __future__ import annotations

import ast
import io
import re
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common import Result
from registry import BENCHMARKS, HERE
from stored import Stored

from secondopinion.core.files import atomic_file
from secondopinion.metrics import drawing
from secondopinion.model_cards.tables import Table

BEGIN, END = "<!-- results: python benchmarks/run.py --draw -->", "<!-- end of results -->"
# What the drawing's colours become on a dark page.
DARK = {
    drawing.INK: "#dfe8e9",
    drawing.GREY: "#9fb0b3",
    drawing.GRID: "#33484c",
    drawing.BLUE: "#56b4e9",
    drawing.RED: "#ff9a62",
    "#FFFFFF": "#1f2a2c",
}


def results_table(stored: Mapping[str, Stored]) -> str:
    """Return every result as a row of Markdown, in the order of the benchmarks."""
    rows = [
        [result.work, result.rival, shown(result), asked(result), result.note]
        for one in stored.values()
        for result in one.results
    ]
    return str(Table(["work", "beside", "ratio", "asked", "also"], rows))


def shown(result: Result) -> str:
    """Return a ratio with its range or quarter points.

    >>> shown(Result("score", "pipeline", 6.214, 6.04, 6.91, rounds=3))
    '6.21× (6.04–6.91)'
    """
    if result.value is None:
        return "–"
    ends = f" ({result.low:.3g}–{result.high:.3g})" if result.rounds > 1 else ""
    return f"{result.value:.3g}{result.unit}{ends}"


def asked(result: Result) -> str:
    """Return what is asked for, and whether it is reached.

    >>> asked(Result("import", "transformers", 0.03, asked=0.5, at_most=True))
    '≤0.5×: met'
    """
    if result.asked is None:
        return ""
    wanted = f"{'≤' if result.at_most else '≥'}{result.asked:g}{result.unit}"
    return wanted if result.met is None else f"{wanted}: {'met' if result.met else 'not met'}"


def described(script: Path) -> tuple[str, str, str]:
    """Return title, first command and text of a script's own description."""
    told = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or ""
    title, _, rest = told.partition("\n")
    commands = re.findall(r"^    (python .+?)(?:  +#.*)?$", rest, re.MULTILINE)
    text = re.sub(r"^    .+\n?", "", rest, flags=re.MULTILINE)
    return title.rstrip("."), commands[0] if commands else "", " ".join(text.split())


def write_page(stored: Mapping[str, Stored], path: Path) -> None:
    """Put the results into the page, and their plots beside it."""
    text = path.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise SystemExit(f"{path} has no place for results; it needs a line {BEGIN!r} and a line {END!r}")
    head, _, rest = text.partition(BEGIN)
    images = path.parent / "images"
    for old in images.glob("benchmarks*.svg"):
        old.unlink()
    parts = [_machine(number, group, images) for number, group in enumerate(by_machine(stored), 1)]
    told = "\n\n".join([*parts, _how(stored), _long()]) if stored else "No results are stored yet.\n\n" + _long()
    tail = rest.partition(END)[2]
    with atomic_file(path) as temporary:
        temporary.write_text(f"{head}{BEGIN}\n\n{told}\n\n{END}{tail}", encoding="utf-8")


def by_machine(stored: Mapping[str, Stored]) -> list[dict[str, Stored]]:
    """Return results that share machine and versions together, in order."""
    groups: dict[str, dict[str, Stored]] = {}
    for name, one in stored.items():
        groups.setdefault(repr((one.machine, sorted(one.versions.items()))), {})[name] = one
    return list(groups.values())


def _machine(number: int, stored: Mapping[str, Stored], images: Path) -> str:
    """Return the section of a machine, its plot drawn."""
    first = next(iter(stored.values()))
    machine = first.machine
    cards = "".join(f", {card}" for card in machine.get("accelerators", ()))
    days = sorted({one.measured for one in stored.values()})
    versions = ", ".join(f"{name} {version}" for name, version in first.versions.items())
    lines = [
        f"## {machine['cpu']}, {machine['cores']} cores{cards}",
        f"{machine.get('memory_gib', '?')} GiB of memory; measured {' to '.join(dict.fromkeys((days[0], days[-1])))}; "
        f"{versions}.",
    ]
    results = [result for one in stored.values() for result in one.results]
    if any(drawable(result) for result in results):
        name = f"benchmarks{'' if number == 1 else f'-{number}'}"
        spoken = "Each ratio as a point with its range, and what is asked as a line, on a logarithmic axis"
        for theme, colours in (("light", {}), ("dark", DARK)):
            with atomic_file(images / f"{name}_{theme}.svg") as temporary:
                temporary.write_text(recoloured(plot(results), colours), encoding="utf-8")
            lines.append(f"![{spoken}](images/{name}_{theme}.svg#only-{theme}){{ width=100% }}")
    return "\n\n".join([*lines, results_table(stored)])


def _how(stored: Mapping[str, Stored]) -> str:
    """Return how each was measured, as its script says."""
    scripts: dict[Path, list[Stored]] = {}
    for one in stored.values():
        scripts.setdefault(HERE / Path(one.command.split()[1]).name, []).append(one)
    parts = ["## How each is measured"]
    for script, ones in scripts.items():
        title, _, text = described(script)
        parts.append(f"**{title}.** {text}")
        parts.append("\n".join(f"- `{one.command}`{_on(one)}, {max(1, one.seconds / 60):.0f} min" for one in ones))
    return "\n\n".join(parts)


def _on(stored: Stored) -> str:
    data = "; ".join(dict.fromkeys(stored.data))
    return f" ({stored.size} size{', on ' if data else ''}{data})"


def _long() -> str:
    """Return the benchmarks that are no part of the one command."""
    within = {one.path.name for one in BENCHMARKS}
    found = [described(script)[:2] for script in sorted(HERE.glob("bench_*.py")) if script.name not in within]
    lines = ["## By a command of their own", "They take hours, or ask for something that a machine may not have."]
    return "\n\n".join([*lines, "\n".join(f"- {title}: `{command}`" for title, command in found)])


def drawable(result: Result) -> bool:
    """Whether a result is a ratio that a logarithmic axis can show."""
    return result.unit == "×" and bool(result.value) and result.value > 0


def plot(results: Sequence[Result]) -> str:
    """Return an SVG of the ratios on logarithmic axes: speeds above, times and memory below."""
    parts = [
        (title, [result for result in results if drawable(result) and result.at_most == at_most])
        for at_most, title in ((False, "Speed, in times the rival's"), (True, "Time or memory, in times the rival's"))
    ]
    parts = [(title, rows) for title, rows in parts if rows]
    with drawing.empty_figure() as figure:
        figure.set_size_inches(8.6, sum(0.9 + 0.42 * len(rows) for _, rows in parts))
        heights = [1.4 + len(rows) for _, rows in parts]
        axes = figure.subplots(len(parts), 1, squeeze=False, height_ratios=heights)[:, 0]
        for own, (title, rows) in zip(axes, parts, strict=True):
            _ratios(own, title, rows)
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return file.getvalue()


def _ratios(axes: Any, title: str, rows: Sequence[Result]) -> None:
    axes.set_xscale("log")
    axes.axvline(1, color=drawing.GREY, linewidth=1)
    for height, result in enumerate(rows):
        missed = result.met is False
        ends = (result.low, result.high) if result.rounds > 1 else None
        colour, marker = (drawing.RED, "D") if missed else (drawing.BLUE, "o")
        if result.asked is not None:
            axes.plot([result.asked] * 2, [height - 0.32, height + 0.32], color=drawing.INK, linewidth=1.6)
        drawing.draw_point(axes, result.value, height, ends, colour, marker)
        axes.annotate(f"{result.value:.3g}×", (1.01, height), xycoords=axes.get_yaxis_transform(), va="center")
    labels = [textwrap.fill(f"{row.work}, beside {row.rival}", 62) for row in rows]
    axes.set_yticks(range(len(rows)), labels, fontsize=8.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    values = [value for row in rows for value in (row.value, row.low, row.high, row.asked) if value]
    axes.set_xlim(min(0.8, *values) / 1.15, max(1.25, *values) * 1.15)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}×")
    axes.xaxis.set_minor_formatter(lambda value, _: f"{value:g}×" if f"{value:e}"[0] in "25" else "")
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    axes.set_title(title, loc="left")


def recoloured(svg: str, colours: Mapping[str, str]) -> str:
    """Return a drawing in other colours.

    >>> recoloured('<path style="stroke: #202124"/>', DARK)
    '<path style="stroke: #dfe8e9"/>'
    """
    for old, new in colours.items():
        svg = re.sub(old, new, svg, flags=re.IGNORECASE)
    return svg
