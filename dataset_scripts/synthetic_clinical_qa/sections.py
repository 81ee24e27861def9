"""What the writers of a note's sections share: the note, its patient, and choices."""

from __future__ import annotations

from dataclasses import dataclass

from .drawing import Draw
from .facts import Mention, Patient
from .note_text import NoteText


@dataclass
class SectionWriter:
    """Writes sections of one note.

    Attributes:
        draw: choices.
        note: what is written.
        patient: what is true.
        capitals: whether headers are in capitals.
    """

    draw: Draw
    note: NoteText
    patient: Patient
    capitals: bool = False

    @property
    def she(self) -> str:
        """The pronoun at the start of a sentence."""
        return "She" if self.patient.female else "He"

    @property
    def her(self) -> str:
        """The possessive pronoun."""
        return "her" if self.patient.female else "his"

    def header(self, *names: str) -> None:
        """Write the header of a section, one of several."""
        name = self.draw.one(names)
        self.note.line(f"{name.upper() if self.capitals else name}:")

    def add(self, mention: Mention | None, *frames: str) -> None:
        """Write a mention in one of several frames, `~` standing for it; nothing where there is no mention."""
        if mention is not None:
            before, after = self.draw.one(frames).split("~")
            self.note.write(before, mention, after)

    def add_all(self, mentions: list[Mention], last: str) -> None:
        """Write mentions between commas, with another word before the last."""
        for place, mention in enumerate(mentions):
            self.note.write("" if not place else last if place == len(mentions) - 1 else ", ", mention)
