"""Sentences that state a measurement; those that decide a case and those that do not read alike."""

from __future__ import annotations

from ..synthetic_clinical_qa.drawing import Draw
from .spelling import spell

# {X}: the finding at the start of a sentence, {x}: inside one, {v}: its value, {e}: an earlier one.
FIRST = (
    "{X} measures {v}.",
    "{X}: {v}.",
    "{X} {v}.",
    "{X} now {v}.",
    "There is mention of {x}, {v} today.",
    "On this occasion {x} came to {v}.",
    "{X} was recorded as {v}.",
    "The figure for {x} is {v}.",
    "We note {x} at {v}.",
    "{X} is given as {v} by the reporting clinician.",
    "Of note, {x} ({v}).",
    "The formal report puts {x} at {v}.",
)
AGAIN = (
    "In summary, {x} is {v}.",
    "I went through the result with the patient: {x} {v}.",
    "To repeat the main figures: {x} {v}.",
    "The patient was told that {x} is {v}.",
    "As above, {x} stands at {v}.",
    "For the record, {x}: {v}.",
)
EARLIER = (
    "{X} {v}, against {e} at the last visit.",
    "{X} is {v} (earlier {e}).",
    "Compared with {e} before, {x} is now {v}.",
)
WORSE = (
    "{X} has worsened to {v}.",
    "{X} is clearly worse, {v}.",
    "{X} has progressed to {v}.",
    "There was a marked change in {x}, now {v}.",
    "Since the last report {x} has deteriorated to {v}.",
    "{X} {v}, which is much worse than {e}.",
)
STEADY = (
    "{X} is stable at {v}.",
    "{X} remains unchanged, {v}.",
    "{X} has settled at {v}.",
    "There was no change in {x}, still {v}.",
    "Since the last report {x} has stayed steady at {v}.",
    "{X} {v}, which is no different from {e}.",
)
# How often it fits the value when a sentence says how things go.
_FITS = 0.97
_EARLIER_SHARE = 0.2


def state(
    draw: Draw,
    name: str,
    values: tuple[float, float],
    unit: str,
    digits: int,
    *,
    high: bool,
    told: float,
    again: bool = False,
) -> str:
    """Return a sentence that gives a finding its value, and now and then an earlier one too.

    Args:
        draw: choices.
        name: of the finding.
        values: what it is, and what it may have been before, in `unit`.
        unit: of both.
        digits: after the decimal point.
        high: whether the value is one of those that decide for urgency, were it of the finding that decides.
        told: how often the sentence says how things go.
        again: whether it was stated before in the letter.

    >>> state(Draw("13 2"), "renal cyst", (14, 12), "mm", 0, high=False, told=0.9)
    'There was no change in the renal cyst, still 1.4cm.'
    """
    if draw.chance(told):
        templates = WORSE if high == draw.chance(_FITS) else STEADY
    else:
        templates = AGAIN if again else EARLIER if draw.chance(_EARLIER_SHARE) else FIRST
    value, earlier = values
    return draw.one(templates).format(
        X=name[0].upper() + name[1:],
        x=name if name.isupper() else draw.one(("the ", "")) + name,
        v=spell(draw, value, unit, digits),
        e=spell(draw, earlier, unit, digits),
    )
