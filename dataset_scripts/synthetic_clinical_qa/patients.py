"""Made-up patients: facts drawn from one seed, before a note tells some of them."""

from __future__ import annotations

from .drawing import Draw
from .drugs import DRUGS, Drug
from .entities import (
    ACUTE_CONDITIONS,
    CONDITIONS,
    LABS,
    PROCEDURES,
    REACTIONS,
    RELATIVES,
    SERVICES,
    STUDIES,
    SYMPTOMS,
    LabTest,
)
from .facts import Consult, Lab, Medication, Mention, Patient, Problem, Procedure, Relative, Study, Symptom

_DRUG_FORMS = ("extended release", "hydrochloride", "sodium", "delayed release")
_PROBLEM_FORMS = ("mild", "moderate", "longstanding", "recurrent", "biopsy-proven", "early", "severe")
_SYMPTOM_FORMS = ("intermittent", "worsening", "sudden", "persistent", "nocturnal", "exertional", "mild")
_PROCEDURE_FORMS = ("repeat", "elective", "emergent", "robotic-assisted", "minimally invasive")
_STUDY_FORMS = ("repeat", "urgent", "outpatient", "follow-up", "portable")
_STATUSES = (
    *("well controlled", "poorly controlled", "stable", "in remission", "improving", "diet controlled"),
    *("worsening", "asymptomatic", "under surveillance", "resolved", "at baseline"),
)
_ONSETS = (
    *("three days ago", "two weeks ago", "this morning", "one month ago", "yesterday evening", "six hours ago"),
    *("four days prior to admission", "ten days ago", "last Tuesday", "about five weeks ago"),
    *("two hours before arrival", "at the weekend", "eight days ago", "two months ago"),
)
_SEVERITIES = ("3 out of 10", "5/10", "7 out of 10", "8/10", "moderate in intensity", "mild", "9 out of 10", "4/10")
_WORSE = (
    *("walking", "deep breathing", "climbing stairs", "lying flat", "eating", "cold air", "bending forward"),
    *("standing up quickly", "spicy food", "exertion", "swallowing", "sitting for long", "bright light"),
)
_BETTER = (
    *("rest", "sitting upright", "acetaminophen", "warm compresses", "antacids", "ice", "leaning forward"),
    *("drinking water", "elevating the legs", "a dark room", "stretching", "sleep", "small meals"),
)
_COMPLICATIONS = (
    *("wound infection", "postoperative ileus", "urinary retention", "a small hematoma", "transient hypotension"),
    *(
        "delayed wound healing",
        "a deep vein thrombosis",
        "postoperative delirium",
        "a pneumothorax",
        "nausea",
        "neck pain",
    ),
)
_STOPPED_BECAUSE = (
    *("nausea", "dizziness", "hypotension", "dry cough", "hyperkalemia", "diarrhea", "a rash", "muscle aches"),
    *("pancreatitis", "hepatitis", "acute gout", "headache", "neutropenia", "insomnia", "bradycardia", "itching"),
)
_NORMAL_FINDINGS = (
    *("no acute abnormality", "a normal study", "no evidence of obstruction", "no mass", "preserved function"),
    *("no fracture", "unremarkable appearances"),
)
_SMOKING = ("half a pack per day", "1 pack per day", "2 packs per day", "five cigarettes a day", "1.5 packs per day")
_ALCOHOL = ("two glasses of wine a week", "one beer a day", "three drinks on weekends", "a pint of vodka daily")


def draw_patient(draw: Draw) -> Patient:
    """Return a patient whose facts do not repeat a name of the same kind.

    >>> draw_patient(Draw("13 0")).complaint.name.written
    False
    """
    drugs, procedures = draw.several(DRUGS, 18), draw.several(PROCEDURES, 10)
    studies, labs = draw.several(STUDIES, 8), draw.several(LABS, 16)
    problems = _problems(draw, drugs[:3])
    names = {problem.name.text for problem in problems}
    acute = draw.several([name for name in ACUTE_CONDITIONS if name not in names], 6)
    medications = [_medication(draw, drug, names) for drug in drugs[: draw.between(4, 7)]]
    reasons = [drug.reason.text for drug in medications if drug.reason]
    symptoms = draw.several([name for name in SYMPTOMS if name not in reasons], 13)
    complaint, others, denied = symptoms[0], symptoms[1 : draw.between(3, 4)], symptoms[4 : draw.between(6, 8)]
    steps = _steps(drugs[11].name, procedures[4], studies[3], labs[9].name)
    planned = [(kind, Mention(name)) for kind, name in draw.several(steps, draw.between(1, 2))]
    advice = draw.several(_steps(drugs[12].name, procedures[5], studies[4], labs[10].name), draw.between(1, 3))
    return Patient(
        age=draw.between(24, 89),
        female=draw.chance(0.5),
        complaint=_symptom(draw, complaint, 0.9),
        symptoms=[_symptom(draw, name, 0.5) for name in others],
        denied=[Mention(name) for name in denied],
        problems=problems,
        principal=Problem(Mention(_formed(draw, acute[0], _PROBLEM_FORMS, 0.2))),
        medications=medications,
        stopped=[_stopped(draw, drug) for drug in drugs[8 : draw.between(9, 10)]],
        allergies=[_allergy(draw, drugs[10].name)] if draw.chance(0.8) else [],
        procedures=[_procedure(draw, name, acute[1], reasons) for name in procedures[: draw.between(2, 3)]],
        planned=[mention for _, mention in planned],
        planned_procedure=next((mention for kind, mention in planned if kind == "procedure"), None),
        consults=[
            Consult(Mention(service), Mention(name))
            for service, (_, name) in zip(draw.several(SERVICES, len(advice)), advice, strict=True)
        ],
        studies=[
            Study(
                Mention(_formed(draw, name, _STUDY_FORMS, 0.25)),
                maybe(draw, 0.85, draw.date(0, 12)),
                Mention((acute[0], acute[2], draw.one(_NORMAL_FINDINGS))[place]),
                maybe(draw, 0.75, (complaint, others[0], draw.one(CONDITIONS))[place]),
                shows=place < 2,
            )
            for place, name in enumerate(studies[:3])
        ],
        labs=[_lab(draw, test) for test in labs[: draw.between(5, 8)]],
        vitals=_vitals(draw),
        pending=maybe(draw, 0.6, draw.one((labs[8].name, "blood cultures", "urine culture", "final pathology"))),
        family=[
            Relative(Mention(who), Mention(problem))
            for who, problem in zip(draw.several(RELATIVES, 2), draw.several(CONDITIONS, 2), strict=True)
        ],
        smoking=maybe(draw, 0.6, draw.one(_SMOKING)),
        smoking_quit=maybe(draw, 0.4, draw.month(20)),
        alcohol=maybe(draw, 0.6, draw.one(_ALCOHOL)),
        bystanders={
            "medication": [drug.name for drug in drugs[13:]],
            "procedure": procedures[6:],
            "study": studies[5:],
            "lab": [test.name for test in labs[11:]],
            "problem": acute[3:],
            "symptom": symptoms[8:],
        },
    )


def maybe(draw: Draw, share: float, text: str) -> Mention | None:
    """Return a mention, or None: the note does not tell."""
    return Mention(text) if draw.chance(share) else None


def _steps(drug: str, procedure: str, study: str, lab: str) -> list[tuple[str, str]]:
    return [("medication", drug), ("procedure", procedure), ("study", study), ("lab", lab)]


def _problems(draw: Draw, drugs: list[Drug]) -> list[Problem]:
    named = [name for name in dict.fromkeys(draw.one(drug.reasons) for drug in drugs) if name not in SYMPTOMS]
    others = draw.several([name for name in CONDITIONS if name not in named], draw.between(3, 5))
    texts = [*named, *(_formed(draw, name, _PROBLEM_FORMS, 0.35) for name in others)]
    return [
        Problem(Mention(text), maybe(draw, 0.75, draw.month(14)), maybe(draw, 0.7, draw.one(_STATUSES)))
        for text in texts
    ]


def _procedure(draw: Draw, name: str, acute: str, reasons: list[str]) -> Procedure:
    # A reason that a drug is taken for as well is treated by both.
    reason = draw.one((acute, draw.one(SYMPTOMS), draw.one(CONDITIONS), draw.one(reasons or SYMPTOMS)))
    return Procedure(
        Mention(_formed(draw, name, _PROCEDURE_FORMS, 0.3)),
        maybe(draw, 0.85, draw.date(200, 4000)),
        maybe(draw, 0.8, reason),
        maybe(draw, 0.55, draw.one(SERVICES)),
        maybe(draw, 0.45, draw.one(_COMPLICATIONS)),
    )


def _formed(draw: Draw, name: str, forms: tuple[str, ...], share: float) -> str:
    return f"{draw.one(forms)} {name}" if draw.chance(share) else name


def _symptom(draw: Draw, name: str, detail: float) -> Symptom:
    return Symptom(
        Mention(_formed(draw, name, _SYMPTOM_FORMS, 0.35)),
        maybe(draw, detail, draw.one(_ONSETS)),
        maybe(draw, detail * 0.7, draw.one(_SEVERITIES)),
        maybe(draw, detail * 0.7, draw.one(_WORSE)),
        maybe(draw, detail * 0.6, draw.one(_BETTER)),
    )


def _medication(draw: Draw, drug: Drug, problems: set[str]) -> Medication:
    fitting = [reason for reason in drug.reasons if reason in problems] or list(drug.reasons)
    name = f"{drug.name} {draw.one(_DRUG_FORMS)}" if draw.chance(0.3) else drug.name
    dose, earlier = draw.one(drug.doses), draw.one(drug.doses)
    return Medication(
        Mention(name),
        maybe(draw, 0.95, dose),
        maybe(draw, 0.8, draw.one(drug.route)),
        maybe(draw, 0.9, draw.one(drug.frequencies)),
        maybe(draw, 0.75, draw.one(fitting)),
        maybe(draw, 0.4, draw.month(6)),
        earlier_dose=maybe(draw, 0.6, earlier) if earlier != dose else None,
    )


def _stopped(draw: Draw, drug: Drug) -> Medication:
    return Medication(
        Mention(drug.name), stopped=Mention(draw.date(0, 300)), effect=maybe(draw, 0.8, draw.one(_STOPPED_BECAUSE))
    )


def _allergy(draw: Draw, name: str) -> Medication:
    return Medication(Mention(name), effect=maybe(draw, 0.85, draw.one(REACTIONS)))


def _lab(draw: Draw, test: LabTest) -> Lab:
    kind = draw.one(("normal", "normal", "high", "low"))
    span = test.high - test.low
    low, high = {
        "normal": (test.low, test.high),
        "high": (test.high + 0.1 * span, test.high + 1.5 * span),
        "low": (max(test.low * 0.3, test.low - 0.7 * span), test.low * 0.95),
    }[kind]

    def value() -> str:
        return f"{draw.uniform(low, high):.{test.decimals}f}{'' if test.unit in ('', '%') else ' '}{test.unit}"

    found, before = value(), value()
    return Lab(
        Mention(test.name),
        Mention(found),
        maybe(draw, 0.4, draw.date(0, 10)),
        Mention(before) if before != found and draw.chance(0.35) else None,
        kind == "high",
        kind == "low",
    )


def _vitals(draw: Draw) -> list[Lab]:
    pressure = f"{draw.between(92, 186)}/{draw.between(50, 108)}"
    values = (
        ("blood pressure", f"{pressure} mmHg" if draw.chance(0.5) else pressure),
        ("heart rate", f"{draw.between(52, 128)}"),
        ("temperature", f"{draw.uniform(36.1, 39.6):.1f} C"),
        ("respiratory rate", f"{draw.between(12, 30)}"),
        ("oxygen saturation", f"{draw.between(86, 100)}%"),
        ("weight", f"{draw.between(48, 128)} kg"),
    )
    return [Lab(Mention(name), Mention(value)) for name, value in draw.several(values, draw.between(4, 6))]
