"""The sections of a note that tell what was before: complaint, illness, conditions, operations, family."""

from __future__ import annotations

from .facts import Problem, Procedure, Symptom
from .sections import SectionWriter


class HistoryWriter(SectionWriter):
    """Writes the history."""

    def complaint(self) -> None:
        """Write why the patient came."""
        self.header("Chief complaint", "Reason for visit", "Presenting complaint")
        self.add(self.patient.complaint.name, "~.", "Patient presents with ~.", "Here because of ~.")
        self.note.line()

    def present_illness(self) -> None:
        """Write the symptoms that there are, and those that there are not."""
        draw, note, patient = self.draw, self.note, self.patient
        self.header("History of present illness", "HPI", "Present illness")
        sex, complaint = "woman" if patient.female else "man", patient.complaint.name.text
        opening = draw.one((f" came in with {complaint}", f" was seen for {complaint}", " came in with the above"))
        note.write(f"This {patient.age}-year-old {sex}{opening}")
        self._detail(patient.complaint, (" that began ~", ", which started ~", " with onset ~"))
        for symptom in patient.symptoms:
            self.add(symptom.name, f" {self.she} also reports ~", " Associated with this there has been ~")
            self._detail(symptom, (" that began ~", ", first noticed ~", ", starting ~"))
        if patient.denied:
            note.write(draw.one((f" {self.she} denies ", " There has been no ", " Negative for ")))
            self.add_all(patient.denied, " or ")
            note.write(".")
        if draw.chance(0.6):
            note.write(f" An earlier visit on {draw.date(400, 900)} was for something unrelated.")
        note.line()

    def past_history(self) -> None:
        """Write the chronic conditions, as a list or in sentences."""
        note, listed = self.note, self.draw.chance(0.6)
        self.header("Past medical history", "Medical history", "Active problems")
        for number, problem in enumerate(self.patient.problems, start=1):
            before = (f"{number}. ", "- ") if listed else ("There is a history of ", "Known ", f"{self.she} has ")
            note.write(before[0] if listed else self.draw.one(before))
            self._problem(problem)
            note.write("\n" if listed else " ")
        if not listed:
            note.line()

    def procedures(self) -> None:
        """Write what was done before."""
        self.header("Past surgical history", "Procedures", "Operations and procedures")
        for procedure in self.patient.procedures:
            self._procedure(procedure)
            self.note.line()

    def family_and_social(self) -> None:
        """Write about relatives, tobacco and alcohol."""
        draw, note, patient = self.draw, self.note, self.patient
        self.header("Family and social history", "Social and family history")
        for relative in patient.family:
            note.write(f"{self.her.capitalize()} ", relative.who)
            self.add(relative.problem, " had ~. ", " was diagnosed with ~. ", " has ~. ")
        if patient.smoking:
            self.add(patient.smoking, f"{self.she} smokes ~. ", "Tobacco: ~. ")
        else:
            self.add(patient.smoking_quit, f"{self.she} quit smoking in ~. ", "Former smoker, stopped in ~. ")
        self.add(patient.alcohol, f"{self.she} drinks ~. ", "Alcohol: ~. ")
        note.line(draw.one(("Lives with family.", "Lives alone.", "Retired teacher.", "Works in an office.")))

    def _detail(self, symptom: Symptom, onsets: tuple[str, ...]) -> None:
        name = symptom.name.text
        self.add(symptom.onset, *onsets)
        self.note.write(".")
        self.add(
            symptom.severity, f" {self.she} rated the {name} ~.", f" The {name} was called ~.", " Its severity is ~."
        )
        self.add(
            symptom.worse, f" The {name} is worse with ~.", f" The {name} is aggravated by ~.", " It comes with ~."
        )
        self.add(symptom.better, f" The {name} is relieved by ~.", f" The {name} improves with ~.", " It eases with ~.")

    def _problem(self, problem: Problem) -> None:
        self.note.write(problem.name)
        self.add(problem.date, ", diagnosed in ~", ", first diagnosed ~", " since ~", " (diagnosed ~)", ", ~")
        self.add(problem.status, ", ~", ", currently ~", "; ~")
        self.note.write(".")

    def _procedure(self, procedure: Procedure) -> None:
        note = self.note
        note.write(self.draw.one(("- ", "Status post ", "")))
        dated_before = procedure.date is not None and self.draw.chance(0.3)
        if dated_before:
            note.write(procedure.date, ": ")
        note.write(procedure.name)
        self.add(None if dated_before else procedure.date, " on ~", ", done on ~", ", dated ~")
        self.add(procedure.reason, " for ~", ", the indication being ~", " because of ~")
        self.add(procedure.service, ", performed by ~", " by ~", " (~)")
        note.write(".")
        self.add(procedure.complication, " Complicated by ~.", " This was followed by ~.", " Afterwards ~ was noted.")
