"""The sections of a note that tell what is taken, what is not tolerated, what was advised, and what comes next."""

from __future__ import annotations

from .facts import Medication
from .sections import SectionWriter


class TreatmentWriter(SectionWriter):
    """Writes medications, allergies, consultations, assessment and plan."""

    def medications(self) -> None:
        """Write what is taken, as a list or in sentences, and what was stopped."""
        note = self.note
        self.header("Medications", "Current medications", "Medication list", "Discharge medications")
        style = self.draw.one(("numbers", "dashes", "prose"))
        for number, drug in enumerate(self.patient.medications, start=1):
            if style == "prose":
                self._sentence(drug)
            else:
                note.write(f"{number}. " if style == "numbers" else "- ")
                self._item(drug)
                note.line()
        if style == "prose":
            note.line()
        for drug in self.patient.stopped:
            self.add(drug.name, "~ was stopped on ", "Discontinued: ~, last dose ")
            note.write(drug.stopped)
            self.add(drug.effect, " because of ~", " after it caused ~", " owing to ~")
            note.line(".")

    def allergies(self) -> None:
        """Write what is not tolerated."""
        self.header("Allergies", "Allergies and intolerances", "Adverse reactions")
        if not self.patient.allergies:
            self.note.line("No known drug allergies.")
        for drug in self.patient.allergies:
            self.note.write(drug.name)
            self.add(drug.effect, " causes ~.", " - ~.", " (~).", ": ~.")
            self.note.line("" if drug.effect else ", reaction unknown.")

    def consults(self) -> None:
        """Write what other services advised."""
        self.header("Consultations", "Consults", "Specialist opinions")
        for consult in self.patient.consults:
            self.add(consult.name, "Seen by ~, who ", "The team from ~ ", "~ saw the patient and ")
            self.add(consult.advice, "suggested ~.", "advised ~.", "asked for ~.", "recommended ~ first.")
            self.note.line()

    def assessment(self) -> None:
        """Write the principal diagnosis and what comes next."""
        draw, note, patient = self.draw, self.note, self.patient
        self.header("Assessment and plan", "Impression and plan", "Assessment")
        frames = ("The presentation is most consistent with ~.", "Principal diagnosis: ~.", "Working diagnosis is ~.")
        self.add(patient.principal.name, *frames)
        if draw.chance(0.5):
            note.write(f" No sign of {patient.bystanders['problem'][0]} was found.")
        note.line()
        for step in patient.planned:
            self.add(step, "Scheduled for ~ as an outpatient.", "Next step: ~.", "We will arrange ~.", "Plan: ~.")
            note.line()
        if patient.pending:
            self.add(patient.pending, "Pending at this time: ~.", "Still awaiting ~.", "Not back yet: ~.")
            note.line()
        note.line(draw.one(("Follow up in two weeks.", "Return if worse.", "Discussed with the family.")))

    def _item(self, drug: Medication) -> None:
        self.note.write(drug.name)
        for part in (drug.dose, drug.route, drug.frequency):
            self.add(part, " ~")
        self.add(drug.earlier_dose, " (was ~)", ", before that ~", " (changed from ~)")
        self.add(drug.reason, " for ~", ", for ~", " (for ~)")
        self.add(drug.started, ", started ~", ", since ~", "; begun in ~")
        self.note.write(self.draw.one((".", "")))

    def _sentence(self, drug: Medication) -> None:
        self.add(drug.earlier_dose, "After an earlier dose of ~, ", "Instead of ~, ")
        self.add(drug.name, f"{self.she} takes ~", f"{self.she} is on ~", f"{self.she} was continued on ~")
        self.add(drug.dose, " ~", " at a dose of ~", ", ~")
        self.add(drug.route, " ~")
        self.add(drug.frequency, " ~")
        self.add(drug.reason, " for ~", " to treat ~", " because of ~")
        self.add(drug.started, ", started in ~", ", which was begun in ~")
        self.note.write(". ")
