"""A note as HTML, with what was found in it or what carried the prediction marked at exact characters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import look

TONES = {
    "problem": "red",
    "finding": "red",
    "symptom": "red",
    "drug": "blue",
    "procedure": "violet",
    "test": "amber",
    "anatomy": "grey",
    "measurement": "green",
}
SHADES = 4


@dataclass(frozen=True)
class Mark:
    """A stretch of a note.

    Attributes:
        start: its first character.
        end: the character after its last.
        kind: CSS class.
        title: what a pointer or a screen reader is told.
    """

    start: int
    end: int
    kind: str
    title: str


def tone(kind: str) -> str:
    """Return the colour of a kind of entity.

    >>> tone("drug"), tone("something else")
    ('blue', 'grey')
    """
    return TONES.get(kind, "grey")


def pieces(length: int, marks: Sequence[Mark]) -> Iterator[tuple[int, int, Mark | None]]:
    """Yield a text of some length as (start, end, mark or None) in order; marks must not overlap.

    >>> [(start, end, mark is not None) for start, end, mark in pieces(9, [Mark(2, 5, "drug", "")])]
    [(0, 2, False), (2, 5, True), (5, 9, False)]
    """
    place = 0
    for mark in sorted(marks, key=lambda mark: mark.start):
        if place < mark.start:
            yield place, mark.start, None
        yield mark.start, mark.end, mark
        place = mark.end
    if place < length:
        yield place, length, None


def shade(share: float) -> str:
    """Return the class of a word's weight, from −1 (against) to 1 (for); empty where it hardly counts.

    >>> shade(0.9), shade(-0.3), shade(0.05)
    ('for-4', 'against-2', '')
    """
    level = min(SHADES, int(abs(share) * SHADES + 1))
    return "" if abs(share) < 0.1 else f"{'for' if share > 0 else 'against'}-{level}"


def marked(note: str, marks: Sequence[Mark], read: int) -> str:
    """Return a note as HTML.

    Args:
        note: any text; nothing live of it is in the page.
        marks: stretches that do not overlap.
        read: how many of its characters the model read; the rest is set apart.
    """
    parts = []
    for start, end, mark in pieces(len(note), marks):
        for begin, stop, unread in ((start, min(end, read), False), (max(start, read), end, True)):
            if begin >= stop:
                continue
            text = look.text(note[begin:stop])
            if mark is not None:
                text = f'<mark class="{mark.kind}" title="{look.text(mark.title)}">{text}</mark>'
            parts.append(f'<span class="lc-unread">{text}</span>' if unread else text)
    return f'<div class="lc-note" role="region" aria-label="Note" tabindex="0">{"".join(parts)}</div>'
