"""What may be true of one made-up patient: each fact is words that the note holds once, or does not tell."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(eq=False)
class Mention:
    """Words that stand in the note once as this object; `start` and `end` are filled when they are written."""

    text: str
    start: int = -1
    end: int = -1

    @property
    def written(self) -> bool:
        """Whether it stands in the note."""
        return self.start >= 0


@dataclass(eq=False)
class Medication:
    """A drug that is taken, was stopped, or is not tolerated."""

    name: Mention
    dose: Mention | None = None
    route: Mention | None = None
    frequency: Mention | None = None
    reason: Mention | None = None
    started: Mention | None = None
    stopped: Mention | None = None
    effect: Mention | None = None
    earlier_dose: Mention | None = None


@dataclass(eq=False)
class Problem:
    """A chronic condition."""

    name: Mention
    date: Mention | None = None
    status: Mention | None = None


@dataclass(eq=False)
class Symptom:
    """A symptom that the patient has."""

    name: Mention
    onset: Mention | None = None
    severity: Mention | None = None
    worse: Mention | None = None
    better: Mention | None = None


@dataclass(eq=False)
class Procedure:
    """A procedure that was done."""

    name: Mention
    date: Mention | None = None
    reason: Mention | None = None
    service: Mention | None = None
    complication: Mention | None = None


@dataclass(eq=False)
class Study:
    """An imaging or functional study."""

    name: Mention
    date: Mention | None = None
    finding: Mention | None = None
    reason: Mention | None = None
    shows: bool = False


@dataclass(eq=False)
class Lab:
    """A laboratory result or a vital sign."""

    name: Mention
    value: Mention
    date: Mention | None = None
    previous: Mention | None = None
    high: bool = False
    low: bool = False


@dataclass(eq=False)
class Relative:
    """A condition in the family."""

    who: Mention
    problem: Mention


@dataclass(eq=False)
class Consult:
    """What a service advised: a drug, a procedure, a study or a laboratory test."""

    name: Mention
    advice: Mention


@dataclass(eq=False)
class Patient:
    """All that is true of one patient.

    `planned` are next steps of any kind, `planned_procedure` is one of them or None. `bystanders` are names that the
    note may hold although no fact is about them.
    """

    age: int
    female: bool
    complaint: Symptom
    symptoms: list[Symptom]
    denied: list[Mention]
    problems: list[Problem]
    principal: Problem
    medications: list[Medication]
    stopped: list[Medication]
    allergies: list[Medication]
    procedures: list[Procedure]
    planned: list[Mention]
    planned_procedure: Mention | None
    consults: list[Consult]
    studies: list[Study]
    labs: list[Lab]
    vitals: list[Lab]
    pending: Mention | None
    family: list[Relative]
    smoking: Mention | None
    smoking_quit: Mention | None
    alcohol: Mention | None
    bystanders: dict[str, list[str]] = field(default_factory=dict)
