"""Which tokens attend everywhere: the first one, and those of a capped choice of entities."""

from collections.abc import Sequence

import numpy as np


def global_tokens(spans: Sequence[tuple[int, int]], first: int, most: int) -> list[int]:
    """Return the tokens that attend everywhere, in order.

    The first token always does. Entities are taken whole. Where they have more tokens than there is room for, they are
    taken at even intervals over the text, so that a long note's later part is heard as well as its beginning: going
    through the text, each entity adds its share of the room to a credit, and is taken when the credit pays for it.

    Args:
        spans: tokens (start, end) of each entity, end not included, in the order of the text.
        first: the first token that is no padding.
        most: how many tokens at most, the first one included.

    >>> global_tokens([(1, 3), (5, 6)], first=0, most=8)
    [0, 1, 2, 5]
    >>> global_tokens([(i, i + 1) for i in range(1, 101)], first=0, most=5)
    [0, 25, 50, 75, 100]
    """
    chosen, room = {first}, most - 1
    wanted = [range(start, end) for start, end in spans]
    sizes = [sum(token != first for token in span) for span in wanted]
    # An entity that is wider than the room can never be taken; it must not thin out the others.
    fitting = [(span, size) for span, size in zip(wanted, sizes, strict=True) if size <= room]
    total = sum(size for _, size in fitting)
    credit = 0
    for span, size in fitting:
        # In whole numbers, tokens times the total, so that rounding decides nothing.
        credit += size * min(room, total)
        if credit >= size * total:
            credit -= size * total
            chosen.update(span)
    return sorted(chosen)


def token_spans(
    spans: Sequence[tuple[int, int]], starts: np.ndarray, ends: np.ndarray, whole_text: bool
) -> list[tuple[int, int] | None]:
    """Return which tokens hold each stretch of a text; None where none does, or where a part of it was cut off.

    Args:
        spans: characters (start, end), end not included.
        starts: first character of each token, in order; `ends`: the one behind it.
        whole_text: whether the tokens hold all of the text.

    >>> token_spans([(4, 9), (9, 12)], np.array([0, 4, 7]), np.array([3, 7, 10]), whole_text=False)
    [(1, 3), None]
    """
    if not len(starts):
        return [None] * len(spans)
    found = []
    for start, end in spans:
        first, after = int(np.searchsorted(ends, start, "right")), int(np.searchsorted(starts, end, "left"))
        cut = not whole_text and (start < starts[0] or end > ends[-1])
        found.append((first, after) if first < after and not cut else None)
    return found


__all__ = ["global_tokens", "token_spans"]
