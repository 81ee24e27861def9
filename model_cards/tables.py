"""Numbers and tables as Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from secondopinion.core.wording import FIGURE_NAMES

PER_CLASS = {"f1": "F1", "precision": "Precision", "recall": "Recall"}


@dataclass(frozen=True)
class Table:
    """A table that can format itself.

    Args:
        header: one cell a column.
        rows: cells that are strings already; the first column is left-aligned, the others right.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __str__(self) -> str:
        """Return the Markdown, columns padded to equal width.

        >>> print(Table(["class", "F1"], [["Death", "0.8418"]]))
        | class |     F1 |
        |:------|-------:|
        | Death | 0.8418 |
        """
        cells = [[plain(cell) for cell in row] for row in (self.header, *self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "| " + " | ".join(c.rjust(w) if i else c.ljust(w) for i, (c, w) in enumerate(zip(r, widths, strict=True)))
            for r in cells
        ]
        rule = "|".join(("-" * (w + 1) + ":") if i else (":" + "-" * (w + 1)) for i, w in enumerate(widths))
        return "\n".join([line + " |" for line in lines[:1]] + [f"|{rule}|"] + [line + " |" for line in lines[1:]])


def drop_empty(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Return a table without the columns in which no row has anything to say.

    >>> print(drop_empty(["class", "F1", "interval"], [["Death", "0.8418", ""]]))
    | class |     F1 |
    |:------|-------:|
    | Death | 0.8418 |
    """
    kept = [i for i in range(len(header)) if i == 0 or any(row[i] not in ("", "–") for row in rows)]
    return Table([header[i] for i in kept], [[row[i] for i in kept] for row in rows])


def plain(value: Any) -> str:
    """Return text that cannot break out of its line or cell: `|`, `<`, backticks and line breaks disarmed."""
    text = " ".join(str(value).split())
    return text.replace("|", "\\|").replace("<", "&lt;").replace("`", "'")


def number(value: float | None, digits: int = 4) -> str:
    """Return a share with a fixed number of digits, a dash where there is none.

    >>> number(0.84181), number(None)
    ('0.8418', '–')
    """
    return "–" if value is None else f"{value:.{digits}f}"


def dollars(value: float) -> str:
    """Return a price in US dollars: to the cent, or to three digits where it is less than a dollar.

    >>> dollars(0.4), dollars(0.0841), dollars(12.5), dollars(0)
    ('$0.40', '$0.0841', '$12.50', '$0.00')
    """
    cents = f"{value:,.2f}"
    return f"${cents}" if value >= 1 or abs(float(cents) - value) < 1e-9 else f"${value:.3g}"


def spread(mean: float | None, std: float | None) -> str:
    """Return `mean ± std`; the mean alone where one fold gives no spread."""
    return number(mean) if mean is None or std is None else f"{number(mean)} ± {number(std)}"


def interval(bounds: Sequence[float] | None) -> str:
    """Return `[low, high]`, or nothing where no interval was computed."""
    return f"[{number(bounds[0])}, {number(bounds[1])}]" if bounds else ""


def count(value: int) -> str:
    """Return a whole number with commas between thousands.

    >>> count(30540)
    '30,540'
    """
    return f"{value:,}"


def figure_name(key: str) -> str:
    """Return the words for a flat figure's name.

    >>> figure_name("f1_Death"), figure_name("macro_f1")
    ('F1, Death', 'Macro F1')
    """
    if key in FIGURE_NAMES:
        return FIGURE_NAMES[key]
    for kind, words in {**PER_CLASS, **FIGURE_NAMES}.items():
        if label := key.removeprefix(f"{kind}_") if key.startswith(f"{kind}_") else "":
            return f"{words}, {label}"
    return key


def describe_rule(rule: Mapping[str, Any]) -> str:
    """Return a selection rule in words.

    >>> describe_rule({"metric": "f1", "label": "Death", "mode": "max"})
    'highest F1 of Death'
    """
    metric = PER_CLASS.get(rule["metric"]) or FIGURE_NAMES.get(rule["metric"], rule["metric"])
    superlative = "lowest" if rule.get("mode") == "min" else "highest"
    return f"{superlative} {metric} of {rule['label']}" if rule.get("label") else f"{superlative} {metric}"


def setting(value: Any) -> str:
    """Return a setting's value as one writes it in a recipe."""
    if value is None or value in ([], ()):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(setting, value))
    return str(value)


def flat_settings(value: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Return nested settings as sorted (dotted name, value) pairs.

    >>> flat_settings({"b": {"x": 1}, "a": 2})
    [('a', 2), ('b.x', 1)]
    """
    pairs: list[tuple[str, Any]] = []
    for key in sorted(value):
        item, name = value[key], f"{prefix}{key}"
        pairs += flat_settings(item, f"{name}.") if isinstance(item, Mapping) else [(name, item)]
    return pairs


def duration(seconds: float) -> str:
    """Return a span of time in the unit a person would use.

    >>> duration(3.2), duration(600), duration(7200)
    ('3 seconds', '10 minutes', '2.0 hours')
    """
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"


def slug(text: str) -> str:
    """Return a name in lower case with hyphens, for tags.

    >>> slug("MAUDE severity (demo)")
    'maude-severity-demo'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
