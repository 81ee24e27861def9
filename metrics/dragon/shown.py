"""Tables of figures: what a metric's page shows of what was computed, and how that becomes HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import look

INTERVAL = "interval"


@dataclass(frozen=True)
class Shown:
    """A table of figures.

    Attributes:
        title: of the table.
        headers: of the columns; one that says "interval" is shown with its level.
        rows: the first cell of each names the row.
        heat: whether cells are shaded by their share of the row, as a confusion matrix is read.
    """

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[Any]]
    heat: bool = False


def interval(results: Mapping[str, Any], name: str) -> str:
    """Return a figure's interval as text, or nothing."""
    ends = (results.get("intervals") or {}).get(name)
    return "" if ends is None else "[{:.3f}, {:.3f}]".format(*ends)


def shown_number(value: float | None) -> str:
    """Return a figure as text."""
    return "not defined" if value is None else f"{value:.3f}"


def figure_row(results: Mapping[str, Any], name: str, title: str, *further: Any) -> list[Any]:
    """Return a figure of the results with its interval as a row of `figure_table`, with cells behind."""
    return [title, shown_number(results[name]), interval(results, name), *further]


def figure_table(title: str, rows: Sequence[Sequence[Any]], *further: str) -> Shown:
    """Return rows of figures as a table, with further columns behind the interval."""
    return Shown(title, ["Figure", "Value", INTERVAL, *further], rows)


def class_table(title: str, what: str, results: Mapping[str, Any], classes: Mapping[str, Mapping[str, Any]]) -> Shown:
    """Return precision, recall, F1 and rows of each class, as the results hold them under `classes`."""
    rows = [
        [
            name,
            *(shown_number(row[figure]) for figure in ("precision", "recall", "f1")),
            interval(results, f"f1_{name}"),
            row["support"],
        ]
        for name, row in classes.items()
    ]
    return Shown(title, [what, "Precision", "Recall", "F1", f"F1, {INTERVAL}", "Rows"], rows)


def matrix(title: str, labels: Sequence[str], counts: Sequence[Sequence[int]], further: Sequence[str] = ()) -> Shown:
    """Return a confusion matrix as a table, with further columns behind the classes."""
    rows = [[f"true {label}", *row] for label, row in zip(labels, counts, strict=True)]
    return Shown(title, ["True class", *(f"as {label}" for label in labels), *further], rows, heat=True)


def as_html(table: Shown, level: str) -> str:
    """Return a table as a card; `level` is that of the intervals, such as "95%"."""
    heads = "".join(
        f'<th scope="col">{look.text(str(head).replace(INTERVAL, f"{level} {INTERVAL}"))}</th>'
        for head in table.headers
    )
    body = "".join(_row(row, table.heat) for row in table.rows)
    title = look.text(table.title)
    return (
        f'<section class="so-card"><h2>{title}</h2><div class="so-wide" tabindex="0" role="region" '
        f'aria-label="{title}"><table class="ms-table"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'
        "</div></section>"
    )


def _row(row: Sequence[Any], heat: bool) -> str:
    name, *cells = row
    total = sum(cells) if heat else 0
    marks = [f' class="heat" style="--share:{cell / total:.3f}"' if total else "" for cell in cells]
    shown = (f"{cell:,}" if isinstance(cell, int) else cell for cell in cells)
    data = "".join(f"<td{mark}>{look.text(cell)}</td>" for mark, cell in zip(marks, shown, strict=True))
    return f'<tr><th scope="row">{look.text(name)}</th>{data}</tr>'
