"""Tables as plain text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence


def text_grid(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table: names to the left, numbers to the right, a rule below the first row.

    >>> text_grid([["", "F1"], ["system", "0.5"]])
    ['         F1', '-----------', 'system  0.5']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        numbers = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *numbers]))
    return [lines[0], "-" * len(lines[0]), *lines[1:]]
