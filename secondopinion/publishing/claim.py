"""What a published model says of itself, and whether it was found so."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """Something that a published model says of itself.

    Attributes:
        name: what it is about.
        holds: whether it was found so; None where it could not be looked at.
        told: what was found, in a sentence.
    """

    name: str
    holds: bool | None
    told: str
