"""What can be asked of a patient's facts: for each kind of question the ways to fill it, and the answers in the note.

A filling is (slots, answers): the words for each slot, and the answers, each a tuple of mentions (several belong
together). A fact that the note does not tell has no answers: the question is unanswerable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .drugs import DRUGS
from .entities import ACUTE_CONDITIONS, CONDITIONS, LABS, PROCEDURES, SERVICES, STUDIES, SYMPTOMS
from .facts import Mention, Patient

Answer = tuple[Mention, ...]
Filling = tuple[dict[str, str], list[Answer]]
Ask = Callable[[Patient], Iterator[Filling]]
Things = Callable[[Patient], Iterable[Any]]

# What a slot may be filled with so that the note does not hold it.
ABSENT = {
    "medication": tuple(drug.name for drug in DRUGS),
    "treatment": (*(drug.name for drug in DRUGS), *PROCEDURES),
    "problem": (*CONDITIONS, *ACUTE_CONDITIONS),
    "symptom": SYMPTOMS,
    "procedure": PROCEDURES,
    "test": (*(lab.name for lab in LABS), *STUDIES),
    "study": STUDIES,
    "service": SERVICES,
}
# Bystanders (`facts.Patient`) that fit a slot: the note holds them and tells nothing of them.
BYSTANDERS = {
    "medication": ("medication",),
    "treatment": ("medication", "procedure"),
    "problem": ("problem",),
    "symptom": ("symptom",),
    "procedure": ("procedure",),
    "test": ("lab", "study"),
    "study": ("study",),
}
# The answer of these is what the question names.
NAMING = frozenset(
    {"medication_mention", "medication_current", "medication_given", "problem_mention"}
    | {"treatment_mention", "treatment_given", "study_shows"}
)


def _told(mentions: Iterable[Mention | None]) -> list[Answer]:
    return [(mention,) for mention in mentions if mention is not None and mention.written]


def _told_together(things: Iterable[Any], names: tuple[str, ...]) -> list[Answer]:
    parts = [tuple(getattr(thing, name) for name in names) for thing in things]
    return [part for part in parts if all(mention is not None and mention.written for mention in part)]


def each(slot: str, things: Things, answer: str) -> Ask:
    """Ask of each thing, named in the slot, for one of its attributes."""

    def fill(patient: Patient) -> Iterator[Filling]:
        for thing in things(patient):
            yield {slot: thing.name.text}, _told([getattr(thing, answer)])

    return fill


def pair(slot: str, other: str, things: Things, named: str, answer: str) -> Ask:
    """Ask of each thing, named in one slot with an attribute in another, for an attribute."""

    def fill(patient: Patient) -> Iterator[Filling]:
        for thing in things(patient):
            if getattr(thing, named) is not None:
                slots = {slot: thing.name.text, other: getattr(thing, named).text}
                yield slots, _told([getattr(thing, answer)])

    return fill


def sharing(slot: str, things: Things, named: str, *answers: str) -> Ask:
    """Ask for the things that share an attribute, named in the slot; several attributes belong together."""

    def fill(patient: Patient) -> Iterator[Filling]:
        there = [thing for thing in things(patient) if getattr(thing, named) is not None]
        for words in dict.fromkeys(getattr(thing, named).text for thing in there):
            found = (thing for thing in there if getattr(thing, named).text == words)
            yield {slot: words}, _told_together(found, answers)

    return fill


def listed(mentions: Callable[[Patient], Iterable[Mention | None]]) -> Ask:
    """Ask for all of several mentions, without a slot."""
    return lambda patient: iter([({}, _told(mentions(patient)))])


def listed_together(things: Things, *answers: str) -> Ask:
    """Ask for all of several things, each with attributes that belong together, without a slot."""

    def fill(patient: Patient) -> Iterator[Filling]:
        yield {}, _told_together(things(patient), answers)

    return fill


def joined(slot: str, *asks: Ask) -> Ask:
    """Ask as several others do, under one name of the slot."""
    return lambda patient: (
        ({slot: next(iter(slots.values()))}, answers) for ask in asks for slots, answers in ask(patient)
    )


def _names(things: Things) -> Ask:
    return listed(lambda patient: [thing.name for thing in things(patient)])


def _taken(patient: Patient) -> list[Any]:
    return patient.medications


def _drugs(patient: Patient) -> list[Any]:
    return [*patient.medications, *patient.stopped]


def _symptoms(patient: Patient) -> list[Any]:
    return [patient.complaint, *patient.symptoms]


def _treatments(patient: Patient) -> list[Any]:
    return [*patient.medications, *patient.procedures]


def _shown(patient: Patient) -> list[Any]:
    return [study for study in patient.studies if study.shows]


def _abnormal(patient: Patient) -> list[Any]:
    return [lab for lab in patient.labs if lab.high or lab.low]


_DRUG_START = each("medication", _taken, "started")
_DRUG_STOP = each("medication", lambda p: p.stopped, "stopped")
_DRUG_EFFECT = each("medication", lambda p: [*p.stopped, *p.allergies], "effect")
_PROBLEM_DATE = each("problem", lambda p: p.problems, "date")
_SYMPTOM_ONSET = each("symptom", _symptoms, "onset")
_PROCEDURE_DATE = each("procedure", lambda p: p.procedures, "date")
_COMPLICATION = each("procedure", lambda p: p.procedures, "complication")
_LAB_VALUE = each("test", lambda p: [*p.labs, *p.vitals], "value")
_LAB_DATE = each("test", lambda p: p.labs, "date")
_FINDING = each("study", lambda p: p.studies, "finding")

ASKS: dict[str, Ask] = {
    "medication_dose": each("medication", _taken, "dose"),
    "medication_earlier_dose": each("medication", _taken, "earlier_dose"),
    "medication_frequency": each("medication", _taken, "frequency"),
    "medication_route": each("medication", _taken, "route"),
    "medication_reason": each("medication", _taken, "reason"),
    "medication_start": _DRUG_START,
    "medication_stop": _DRUG_STOP,
    "medication_effect": _DRUG_EFFECT,
    "medication_mention": each("medication", _drugs, "name"),
    "medication_current": each("medication", _taken, "name"),
    "medication_given": pair("medication", "problem", _taken, "reason", "name"),
    "medication_list": _names(_taken),
    "medication_for": sharing("problem", _taken, "reason", "name"),
    "medication_and_dose_for": sharing("problem", _taken, "reason", "name", "dose"),
    "allergy_list": _names(lambda p: p.allergies),
    "problem_date": _PROBLEM_DATE,
    "problem_status": each("problem", lambda p: p.problems, "status"),
    "problem_onset": joined("problem", _PROBLEM_DATE, _SYMPTOM_ONSET),
    "problem_mention": each("problem", lambda p: [*p.problems, *_symptoms(p)], "name"),
    "problem_list": _names(lambda p: p.problems),
    "principal_diagnosis": listed(lambda p: [p.principal.name]),
    "related_symptoms": lambda p: iter([({"problem": p.principal.name.text}, _told(s.name for s in _symptoms(p)))]),
    "family_member": lambda p: (({"problem": r.problem.text}, _told([r.who])) for r in p.family),
    "family_list": listed(lambda p: [relative.problem for relative in p.family]),
    "chief_complaint": listed(lambda p: [p.complaint.name]),
    "symptom_onset": _SYMPTOM_ONSET,
    "symptom_severity": each("symptom", _symptoms, "severity"),
    "symptom_worse": each("symptom", _symptoms, "worse"),
    "symptom_better": each("symptom", _symptoms, "better"),
    "symptom_list": _names(_symptoms),
    "symptoms_denied": listed(lambda p: p.denied),
    "procedure_date": _PROCEDURE_DATE,
    "procedure_reason": each("procedure", lambda p: p.procedures, "reason"),
    "procedure_service": each("procedure", lambda p: p.procedures, "service"),
    "procedure_complication": _COMPLICATION,
    "procedure_list": _names(lambda p: p.procedures),
    "procedure_planned": listed(lambda p: [p.planned_procedure]),
    "procedure_for": sharing("problem", lambda p: p.procedures, "reason", "name"),
    "planned": listed(lambda p: p.planned),
    "advised": each("service", lambda p: p.consults, "advice"),
    "treatment_date": joined("treatment", _DRUG_START, _PROCEDURE_DATE),
    "treatment_last": joined("treatment", _DRUG_STOP, _PROCEDURE_DATE),
    "treatment_mention": each("treatment", lambda p: [*_drugs(p), *p.procedures], "name"),
    "treatment_reason": each("treatment", _treatments, "reason"),
    "treatment_given": pair("treatment", "problem", _treatments, "reason", "name"),
    "treatment_effect": joined("treatment", _DRUG_EFFECT, _COMPLICATION),
    "treatment_for": sharing("problem", _treatments, "reason", "name"),
    "lab_value": _LAB_VALUE,
    "lab_date": _LAB_DATE,
    "lab_on_date": pair("test", "date", lambda p: p.labs, "date", "value"),
    "lab_previous": each("test", lambda p: p.labs, "previous"),
    "labs_abnormal": _names(_abnormal),
    "labs_abnormal_with_values": listed_together(_abnormal, "name", "value"),
    "labs_high": listed(lambda p: [lab.name for lab in p.labs if lab.high]),
    "tests_pending": listed(lambda p: [p.pending]),
    "vital_value": each("test", lambda p: p.vitals, "value"),
    "test_result": joined("test", _LAB_VALUE, _FINDING),
    "test_date": joined("test", _LAB_DATE, each("study", lambda p: p.studies, "date")),
    "study_finding": _FINDING,
    "study_reason": each("test", lambda p: p.studies, "reason"),
    "study_of_symptom": sharing("problem", lambda p: p.studies, "reason", "name"),
    "study_result_for_symptom": pair("test", "problem", lambda p: p.studies, "reason", "finding"),
    "study_that_shows": sharing("problem", _shown, "finding", "name"),
    "study_shows": pair("test", "problem", _shown, "finding", "finding"),
    "smoking_amount": listed(lambda p: [p.smoking]),
    "smoking_mention": listed(lambda p: [p.smoking, p.smoking_quit]),
    "smoking_quit": listed(lambda p: [p.smoking_quit]),
    "alcohol_amount": listed(lambda p: [p.alcohol]),
}
