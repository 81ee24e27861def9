"""A patient's facts → a clinical note: sections in a drawn order, short and long, and the word that it is synthetic."""

from __future__ import annotations

from dataclasses import dataclass

from .course import CourseWriter
from .drawing import Draw
from .entities import SERVICES
from .facts import Patient
from .findings import FindingsWriter
from .history import HistoryWriter
from .note_text import NoteText
from .patients import draw_patient
from .treatment import TreatmentWriter

KINDS = ("DISCHARGE SUMMARY", "CLINIC NOTE", "ADMISSION NOTE", "PROGRESS NOTE")
DISCLAIMER = "authored text, no such patient exists"
SHORT, LONG = 0.25, 0.35
_COURSE_WORDS = (100, 950)


@dataclass(frozen=True)
class Note:
    """A note.

    Attributes:
        number: of the note, which is its id.
        patient: what is true of its patient; what the note tells has a place.
        text: the note; `lines` joined.
        lines: each with its end.
        words: how many there are.
    """

    number: int
    patient: Patient
    text: str
    lines: list[str]
    words: int


def write_note(draw: Draw, number: int) -> Note:
    """Write one note. Every fact that a question may ask for stands in it once, or not at all.

    A quarter of the notes has few sections, a third has a long hospital course.

    Args:
        draw: choices; the same seed gives the same note.
        number: of the note.

    >>> note = write_note(Draw("13 0"), 0)
    >>> note.lines[0].startswith("SYNTHETIC"), "".join(note.lines) == note.text
    (True, True)
    """
    patient, text = draw_patient(draw), NoteText()
    shared = (draw, text, patient, draw.chance(0.5))
    history, treatment, findings = HistoryWriter(*shared), TreatmentWriter(*shared), FindingsWriter(*shared)
    text.line(f"SYNTHETIC {draw.one(KINDS)} ({DISCLAIMER})")
    text.line(f"Record {number:05d}    Service: {draw.one(SERVICES)}    Dictated: {draw.date(0, 20)}")
    text.line()
    past = draw.several([history.past_history, history.procedures, history.family_and_social], 3)
    drugs = draw.several([treatment.medications, treatment.allergies, treatment.consults], 3)
    seen = draw.several([findings.vitals, findings.labs, findings.studies], 3)
    size = draw.uniform(0, 1)
    if size < SHORT:
        opening = [history.complaint] if draw.chance(0.5) else [history.complaint, history.present_illness]
        sections = [*opening, *draw.several([*past, *drugs, *seen], draw.between(3, 4))]
    else:
        middle = [*past, *drugs] if draw.chance(0.6) else [*drugs, *past]
        sections = [history.complaint, history.present_illness, *middle, *seen]
        if size > 1 - LONG:
            words, course = draw.between(*_COURSE_WORDS), CourseWriter(*shared)
            sections.insert(draw.between(2, len(sections)), lambda: course.course(words))
    for section in (*sections, treatment.assessment):
        section()
        text.line()
    lines = text.lines()
    whole = "".join(lines)
    return Note(number, patient, whole, lines, len(whole.split()))
