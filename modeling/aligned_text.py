"""A rewritten text that knows where each of its characters comes from."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Edit(NamedTuple):
    """Characters `start` to `end` (half open) of a text give way to `replacement`; `start == end` inserts."""

    start: int
    end: int
    replacement: str


class AlignedText:
    """A text beside the original that it was made from.

    Both are cut into the same pieces: unchanged ones, whose characters correspond one to one, and changed ones, which
    correspond as a whole, so that a span that touches a changed piece maps to all of it. Mapping is monotone, and takes
    logarithmic time in the number of changed pieces.

    Args:
        text: the rewritten text.
        original: what it was made from.
        changes: (start, end, original start, original end) of each changed piece, sorted; what lies between them is
            equal in both texts.

    Raises:
        ValueError: the changes are not sorted, or leave unequal lengths between them.

    >>> aligned = apply_edits("an 18mm nodule", [Edit(5, 5, " ")])
    >>> aligned.text, aligned.to_original(6, 8), aligned.from_original(3, 7)
    ('an 18 mm nodule', (5, 7), (3, 8))
    """

    def __init__(self, text: str, original: str, changes: Sequence[tuple[int, int, int, int]] = ()) -> None:
        self.text = text
        self.original = original
        self.changes = tuple(changes)
        at, original_at = 0, 0
        for change in (*self.changes, (len(text), len(text), len(original), len(original))):
            start, end, original_start, original_end = change
            if start - at != original_start - original_at or not (
                at <= start <= end <= len(text) and original_at <= original_start <= original_end <= len(original)
            ):
                raise ValueError(
                    f"changed piece {change} does not follow one that ends at {at} (original {original_at}) in a text "
                    f"of {len(text)} characters (original {len(original)}); expected sorted pieces with equal text "
                    "between them"
                )
            at, original_at = end, original_end
        new = [[change[place] for change in self.changes] for place in range(4)]
        self._sides = (_Side(*new), _Side(*new[2:], *new[:2]))

    def __repr__(self) -> str:
        return f"AlignedText({len(self.text)} characters of {len(self.original)}, {len(self.changes)} changes)"

    def to_original(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of the original that characters `start` to `end` come from.

        An empty span maps to an empty one. So does a span of nothing but inserted characters.

        Raises:
            ValueError: the span is not inside the text.
        """
        return _mapped(start, end, len(self.text), self._sides[0])

    def from_original(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of the text that characters `start` to `end` of the original became.

        Raises:
            ValueError: the span is not inside the original.
        """
        return _mapped(start, end, len(self.original), self._sides[1])

    def to_original_spans(self, spans: np.ndarray | Sequence[tuple[int, int]]) -> np.ndarray:
        """Return what `to_original` gives for each span, at once.

        Args:
            spans: (spans, 2) starts and ends in the text.

        Returns:
            (spans, 2) int64 in the original.

        Raises:
            ValueError: a span is not inside the text.
        """
        return _mapped_spans(spans, len(self.text), self._sides[0])

    def from_original_spans(self, spans: np.ndarray | Sequence[tuple[int, int]]) -> np.ndarray:
        """Return what `from_original` gives for each span, at once; shapes as in `to_original_spans`."""
        return _mapped_spans(spans, len(self.original), self._sides[1])

    def compose(self, after: "AlignedText") -> "AlignedText":
        """Return the alignment of two rewritings in a row.

        Args:
            after: the second, of this one's text.

        Raises:
            ValueError: `after` was not made from this one's text.

        >>> first = apply_edits("BP 120 over 80", [Edit(6, 12, "/")])
        >>> both = first.compose(apply_edits(first.text, [Edit(0, 2, "blood pressure")]))
        >>> both.text, both.to_original(0, 14), both.to_original(19, 21)
        ('blood pressure 120/80', (0, 2), (12, 14))
        """
        if after.original != self.text:
            raise ValueError(
                f"the second rewriting is of a text of {len(after.original)} characters, this one's has "
                f"{len(self.text)}, or they differ; compose what was made from this one's text"
            )
        if not self.changes or not after.changes:
            return AlignedText(after.text, self.original, self.changes or after.changes)
        pieces = sorted([change[:2] for change in self.changes] + [change[2:] for change in after.changes])
        merged = [list(pieces[0])]
        for start, end in pieces[1:]:
            if start <= merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], end)
            else:
                merged.append([start, end])
        before, behind = self._sides[0], after._sides[1]
        changes = [
            (behind.least(start), behind.most(end), before.least(start), before.most(end)) for start, end in merged
        ]
        return AlignedText(after.text, self.original, changes)


class _Side:
    """The changed pieces seen from one of the two texts: `starts`, `ends` here, `other_starts`, `other_ends` there."""

    def __init__(self, starts: list[int], ends: list[int], other_starts: list[int], other_ends: list[int]) -> None:
        self.starts, self.ends, self.other_starts, self.other_ends = starts, ends, other_starts, other_ends

    def least(self, place: int) -> int:
        """Return the boundary there of `place`, a boundary here: before every piece that touches it."""
        at = bisect_left(self.ends, place)
        if at < len(self.starts) and self.starts[at] <= place:
            return self.other_starts[at]
        return place + (self.other_ends[at - 1] - self.ends[at - 1] if at else 0)

    def most(self, place: int) -> int:
        """Return the boundary there of `place`, a boundary here: behind every piece that touches it."""
        at = bisect_right(self.starts, place) - 1
        if at < 0:
            return place
        if place <= self.ends[at]:
            return self.other_ends[at]
        return place + self.other_ends[at] - self.ends[at]

    def first(self, place: int) -> int:
        """Return where the character at `place` begins there."""
        at = bisect_right(self.starts, place) - 1
        if at < 0:
            return place
        if place < self.ends[at]:
            return self.other_starts[at]
        return place + self.other_ends[at] - self.ends[at]

    def last(self, place: int) -> int:
        """Return where the character before `place` ends there."""
        at = bisect_left(self.starts, place) - 1
        if at < 0:
            return place
        if place <= self.ends[at]:
            return self.other_ends[at]
        return place + self.other_ends[at] - self.ends[at]


def _mapped(start: int, end: int, length: int, side: _Side) -> tuple[int, int]:
    if not 0 <= start <= end <= length:
        raise ValueError(f"span ({start}, {end}) is not inside a text of {length} characters; expected 0 ≤ start ≤ end")
    if start == end:
        point = side.first(start)
        return point, point
    first = side.first(start)
    return first, max(first, side.last(end))


def _mapped_spans(spans: np.ndarray | Sequence[tuple[int, int]], length: int, side: _Side) -> np.ndarray:
    array = np.asarray(spans, dtype=np.int64).reshape(-1, 2)
    start, end = array[:, 0], array[:, 1]
    wrong = np.flatnonzero((start < 0) | (end < start) | (end > length))
    if len(wrong):
        raise ValueError(
            f"span {tuple(array[wrong[0]].tolist())} (number {wrong[0]}) is not inside a text of {length} characters; "
            "expected 0 ≤ start ≤ end"
        )
    if not side.starts:
        return array.copy()
    starts, ends, other_starts, other_ends = (
        np.array(places, dtype=np.int64) for places in (side.starts, side.ends, side.other_starts, side.other_ends)
    )
    shift = np.concatenate([[0], other_ends - ends])
    at = np.searchsorted(starts, start, side="right")
    inside = (at > 0) & (start < ends[at - 1])
    first = np.where(inside, other_starts[at - 1], start + shift[at])
    at = np.searchsorted(starts, end, side="left")
    inside = (at > 0) & (end <= ends[at - 1])
    last = np.where(inside, other_ends[at - 1], end + shift[at])
    return np.stack([first, np.where(start == end, first, np.maximum(first, last))], axis=1)


def apply_edits(text: str, edits: Sequence[Edit]) -> AlignedText:
    """Return `text` with its edits made, aligned with it.

    Args:
        text: the original.
        edits: sorted, not overlapping, in its characters.

    Raises:
        ValueError: an edit is outside the text, or begins before the end of the one before it.
    """
    parts, changes = [], []
    at, length = 0, 0
    for number, (start, end, replacement) in enumerate(edits):
        if not at <= start <= end <= len(text):
            raise ValueError(
                f"edit {number} of characters {start} to {end} is not behind the one that ends at {at}, or not inside "
                f"a text of {len(text)} characters; sort edits and leave out those that overlap"
            )
        parts += text[at:start], replacement
        length += start - at
        changes.append((length, length + len(replacement), start, end))
        length += len(replacement)
        at = end
    parts.append(text[at:])
    return AlignedText("".join(parts), text, changes)


def shortest_edit(text: str, start: int, end: int, replacement: str) -> Edit | None:
    """Return the edit of `text[start:end]` without the characters that both ends keep; None where nothing changes.

    >>> shortest_edit("18mm", 0, 4, "18 mm")
    Edit(start=2, end=2, replacement=' ')
    """
    old = text[start:end]
    if old == replacement:
        return None
    shorter = min(len(old), len(replacement))
    head = next((place for place in range(shorter) if old[place] != replacement[place]), shorter)
    tail = next(
        (place for place in range(shorter - head) if old[-1 - place] != replacement[-1 - place]), shorter - head
    )
    return Edit(start + head, end - tail, replacement[head : len(replacement) - tail])


__all__ = ["AlignedText", "Edit", "apply_edits", "shortest_edit"]
