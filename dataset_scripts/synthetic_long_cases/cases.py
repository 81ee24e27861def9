"""All cases of a data set: classes, lengths and places in equal shares, no two alike."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from ..synthetic_clinical_qa.drawing import Draw
from .findings import LABELS
from .letters import Letter, write_letter

_TRIES = 20


def write_cases(
    cases: int, held_out: float, long: float, late: float, distraction: float, seed: int
) -> Iterator[tuple[int, Letter]]:
    """Yield (fold, letter): fold 1 is held out, fold 0 never is.

    Each class has the same shares of long letters, of late statements and of held-out ones, up to rounding.

    Args:
        cases: how many.
        held_out: share of fold 1.
        long: share of long letters.
        late: share of the long ones that state what decides late.
        distraction: share of the look-alikes' sentences that say how things go.
        seed: of all choices.

    >>> [(fold, letter.label) for fold, letter in write_cases(4, 0.25, 0.5, 1.0, 0.3, 13)]
    [(0, 'urgent_review'), (0, 'routine'), (1, 'urgent_review'), (0, 'routine')]
    """
    draw = Draw(f"{seed} order")
    cells = []
    for place, label in enumerate(LABELS):
        own = cases // 2 + (cases % 2 if place == 0 else 0)
        longs = round(own * long)
        lates = round(longs * late)
        kinds = [(True, True)] * lates + [(True, False)] * (longs - lates) + [(False, False)] * (own - longs)
        cells += [(label, *kind) for kind in kinds]
    folds = _spread(draw, cells, round(cases * held_out))
    seen: set[str] = set()
    for number, place in enumerate(draw.several(range(cases), cases)):
        label, is_long, is_late = cells[place]
        for attempt in range(_TRIES):
            choices = Draw(f"{seed} {number} {attempt}")
            letter = write_letter(choices, number, label, long=is_long, late=is_late, distraction=distraction)
            body = letter.text.split("\n", 2)[2]
            if body not in seen:
                break
        seen.add(body)
        yield folds[place], letter


def _spread(draw: Draw, cells: list[tuple[str, bool, bool]], held_out: int) -> list[int]:
    """Return the fold of each case: `held_out` of them 1, spread over the kinds of cases as evenly as they go."""
    groups = [
        draw.several([i for i, cell in enumerate(cells) if cell == kind], len(cells))
        for kind in product(LABELS, (True, False), (True, False))
    ]
    # Every n-th of all cases, kind after kind, gives each kind its share.
    ordered = [place for group in groups for place in group]
    folds = [0] * len(cells)
    for step in range(held_out):
        folds[ordered[(2 * step + 1) * len(ordered) // (2 * held_out)]] = 1
    return folds
