"""A note with its answer marked at exact characters, as HTML that holds the note's text and nothing live of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import look

TONES = ("red", "blue", "amber", "violet", "green")


def tone(category: str | None, categories: Sequence[str]) -> str:
    """Return the colour of a category.

    >>> tone("Medication", ("Diagnosis", "Medication")), tone(None, ())
    ('blue', 'grey')
    """
    place = list(categories).index(category) if category in categories else len(TONES)
    return TONES[place] if place < len(TONES) else "grey"


def label(category: str, categories: Sequence[str]) -> str:
    """Return the coloured label of a category; it says its name, so that the colour is not needed."""
    return f'<span class="qa-label {tone(category, categories)}">{look.text(category)}</span>'


def pieces(length: int, spans: Sequence[tuple[int, int]], picked: int | None) -> list[tuple[int, int, str]]:
    """Return a text of some length as (start, end, kind) pieces in order: `plain`, `other` or `picked`.

    The picked span is one piece; what other spans share with it is left to it.

    >>> pieces(10, [(2, 5), (4, 8)], 0)
    [(0, 2, 'plain'), (2, 5, 'picked'), (5, 8, 'other'), (8, 10, 'plain')]
    """
    chosen = spans[picked] if picked is not None else (0, 0)
    edges = {0, length, *(edge for span in spans for edge in span)}
    edges = sorted(edge for edge in edges if edge in chosen or not chosen[0] < edge < chosen[1])
    found: list[tuple[int, int, str]] = []
    for start, end in pairwise(edges):
        if (start, end) == chosen:
            kind = "picked"
        else:
            kind = "other" if any(a <= start and end <= b for a, b in spans) else "plain"
        if found and kind == found[-1][2] != "picked":
            start = found.pop()[0]
        found.append((start, end, kind))
    return found


def marked(
    note: str, spans: Sequence[tuple[int, int]], picked: int | None, category: str | None, categories: Sequence[str]
) -> str:
    """Return a note as HTML, the picked span in the colour and with the name of its category, other spans dotted.

    Args:
        note: any text.
        spans: (start, end) characters.
        picked: which of them is the answer; None for none.
        category: of the answer.
        categories: all of them.
    """
    parts = []
    for start, end, kind in pieces(len(note), spans, picked):
        text = look.text(note[start:end])
        if kind == "picked":
            named = f' data-category="{look.text(category)}"' if category else ""
            parts.append(f'<mark id="qa-answer" class="{tone(category, categories)}"{named}>{text}</mark>')
        else:
            parts.append(text if kind == "plain" else f'<span class="qa-other">{text}</span>')
    return f'<div class="qa-note" id="qa-note" role="region" aria-label="Note" tabindex="0">{"".join(parts)}</div>'
