"""The sections of a note that tell what was measured and seen: vital signs, laboratory results, studies."""

from __future__ import annotations

from .facts import Lab, Study
from .sections import SectionWriter


class FindingsWriter(SectionWriter):
    """Writes the findings."""

    def vitals(self) -> None:
        """Write the vital signs, as a list or in a row."""
        note, listed = self.note, self.draw.chance(0.5)
        self.header("Vital signs", "Physical examination", "Examination")
        between = self.draw.one((" ", ": ", " was "))
        for place, vital in enumerate(self.patient.vitals):
            note.write("" if listed or not place else ", ", vital.name, between, vital.value)
            note.write("\n" if listed else "")
        note.line("" if listed else ". ", self.draw.one(("In no distress.", "Alert and oriented.", "Looks tired.")))

    def labs(self) -> None:
        """Write the laboratory results, as a list or in a row."""
        note, listed = self.note, self.draw.chance(0.55)
        self.header("Laboratory data", "Labs", "Laboratory results")
        for place, lab in enumerate(self.patient.labs):
            note.write("" if listed or not place else "; ")
            self._lab(lab)
            note.write("\n" if listed else "")
        note.write("" if listed else ".\n")

    def studies(self) -> None:
        """Write what imaging and other studies showed."""
        self.header("Studies", "Imaging and studies", "Diagnostic studies")
        for study in self.patient.studies:
            self._study(study)
            self.note.line()

    def _lab(self, lab: Lab) -> None:
        note = self.note
        before = lab.previous is not None and self.draw.chance(0.4)
        note.write(lab.name)
        if before:
            self.add(lab.previous, " ~ -> ", ", first ~ and then ", " went from ~ to ")
        note.write("" if before else self.draw.one((" ", ": ", " of ", " was ")), lab.value)
        if lab.high or lab.low:
            marks = (" (H)", " (high)", ", elevated") if lab.high else (" (L)", " (low)", ", reduced")
            note.write(self.draw.one(marks))
        self.add(lab.date, " on ~", ", drawn ~", " from ~")
        self.add(None if before else lab.previous, ", previously ~", " (before: ~)", ", last time ~")

    def _study(self, study: Study) -> None:
        note = self.note
        note.write(study.name)
        self.add(study.date, " on ~", ", done ~", " from ~")
        self.add(study.reason, " for ~", ", ordered for ~", " to evaluate ~")
        self.add(study.finding, " showed ~.", " revealed ~.", ": ~.", " was read as ~.")
