"""UMLS semantic types → the five categories, and what links of a text to UMLS say of it.

The mapping follows the meaning of the types in the UMLS Semantic Network
(https://uts.nlm.nih.gov/uts/umls/semantic-network/root). A finding (T033) may be a symptom or a diagnosis, a diagnostic
procedure (T060) is often asked for its result, and health care activity (T058) is so broad that it weighs little.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from .soft_labels import CATEGORIES, NO_EVIDENCE

TYPE_WEIGHTS: dict[str, dict[str, float]] = {
    "T019": {"Diagnosis": 1.0},  # congenital abnormality
    "T020": {"Diagnosis": 1.0},  # acquired abnormality
    "T037": {"Diagnosis": 1.0},  # injury or poisoning
    "T046": {"Diagnosis": 1.0},  # pathologic function
    "T047": {"Diagnosis": 1.0},  # disease or syndrome
    "T048": {"Diagnosis": 1.0},  # mental or behavioral dysfunction
    "T049": {"Diagnosis": 1.0},  # cell or molecular dysfunction
    "T190": {"Diagnosis": 1.0},  # anatomical abnormality
    "T191": {"Diagnosis": 1.0},  # neoplastic process
    "T121": {"Medication": 1.0},  # pharmacologic substance
    "T125": {"Medication": 1.0},  # hormone
    "T127": {"Medication": 1.0},  # vitamin
    "T129": {"Medication": 1.0},  # immunologic factor
    "T195": {"Medication": 1.0},  # antibiotic
    "T200": {"Medication": 1.0},  # clinical drug
    "T184": {"Symptoms": 1.0},  # sign or symptom
    "T033": {"Symptoms": 0.6, "Diagnosis": 0.4},  # finding
    "T061": {"Procedure": 1.0},  # therapeutic or preventive procedure
    "T060": {"Procedure": 0.7, "Lab Reports": 0.3},  # diagnostic procedure
    "T058": {"Procedure": 0.3},  # health care activity
    "T034": {"Lab Reports": 1.0},  # laboratory or test result
    "T059": {"Lab Reports": 1.0},  # laboratory procedure
    "T201": {"Lab Reports": 1.0},  # clinical attribute
}
FINDING = "T033"
PHARMACOLOGIC = "T121"
BESIDE_PHARMACOLOGIC = frozenset({"T109", "T116"})

# A number right after the term, which is no date, no time and no count of days.
_VALUE = re.compile(
    r"[\s:=]*(?:\(\s*)?(?:(?:of|is|was|at|to|level|value|result)\s+){0,2}[<>≤≥~]?\s*"
    r"\d+(?:[.,]\d+)?(?![\d.,]*\d)(?:\s*/\s*\d+(?:\.\d+)?(?![\d.]*\d))?(?!\s*[/-]\s*\d)"
    r"(?!\s*(?:st|nd|rd|th|x|am|pm|a\.m|p\.m|times?|seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|wks?|months?"
    r"|years?|yrs?|episodes?|more|other|of)\b)(?!\s*-\s*(?:day|week|month|year|hour))",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Link:
    """A stretch of text that stands for a concept of UMLS.

    Attributes:
        cui: the concept, such as `C0020538`; empty where only the types are known.
        types: its semantic types, such as `("T047",)`.
        score: how sure the linker is, from 0 to 1.
        start: first character in the text.
        end: one past the last character.
    """

    cui: str
    types: tuple[str, ...]
    score: float
    start: int
    end: int


@runtime_checkable
class Linker(Protocol):
    """Whatever finds concepts in a text: any object with this method."""

    def link(self, text: str) -> list[Link]:
        """Return the concepts that stand in a text."""
        ...


def type_weights(types: Iterable[str], *, value_follows: bool = False) -> tuple[float, ...]:
    """Return the weights of a concept over `CATEGORIES`: the mean over its types that the mapping knows.

    The mean, so that a concept with two types does not count twice. Organic chemicals (T109) and proteins (T116)
    count only beside T121, as what a medication is made of.

    Args:
        types: semantic types of one concept.
        value_follows: a value stands right after it in the text, so that a finding (T033) is a lab result.

    >>> type_weights(["T060"])
    (0.0, 0.0, 0.0, 0.7, 0.3)
    >>> type_weights(["T109", "T121"]), type_weights(["T109"])
    ((0.0, 1.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0, 0.0))
    >>> type_weights(["T033"], value_follows=True)
    (0.0, 0.0, 0.0, 0.0, 1.0)
    """
    types = dict.fromkeys(types)
    known = []
    for name in types:
        if name == FINDING and value_follows:
            known.append({"Lab Reports": 1.0})
        elif name in TYPE_WEIGHTS:
            known.append(TYPE_WEIGHTS[name])
        elif name in BESIDE_PHARMACOLOGIC and PHARMACOLOGIC in types:
            known.append(TYPE_WEIGHTS[PHARMACOLOGIC])
    if not known:
        return NO_EVIDENCE
    return tuple(sum(weights.get(category, 0.0) for weights in known) / len(known) for category in CATEGORIES)


def value_follows(text: str, end: int) -> bool:
    """Whether a measured value stands right after character `end`; dates, times and durations are none.

    >>> value_follows("Temperature was 38.5 C", 11), value_follows("Temperature 2 days ago", 11)
    (True, False)
    """
    return _VALUE.match(text, end) is not None


def link_evidence(text: str, links: Sequence[Link]) -> tuple[float, ...]:
    """Return Σ over links of score × type weight, for each of `CATEGORIES`.

    >>> link_evidence("ECG", [Link("C0013798", ("T060",), 0.5, 0, 3)])
    (0.0, 0.0, 0.0, 0.35, 0.15)
    """
    total = list(NO_EVIDENCE)
    for link in links:
        weights = type_weights(link.types, value_follows=FINDING in link.types and value_follows(text, link.end))
        for place, weight in enumerate(weights):
            total[place] += link.score * weight
    return tuple(total)
