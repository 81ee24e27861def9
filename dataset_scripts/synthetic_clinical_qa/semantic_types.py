"""The semantic types of what the generator writes: a table for `TableLinker`, in place of a linker to UMLS itself."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from secondopinion.core.files import atomic_file

from ..emrqa.linkers import COLUMNS
from .drugs import DRUGS
from .entities import ACUTE_CONDITIONS, CONDITIONS, LABS, PROCEDURES, REACTIONS, STUDIES, SYMPTOMS

# The first pattern found in a condition's name gives its type; T047, disease or syndrome, where none is.
_CONDITION_TYPES = (
    (re.compile(r"cancer|melanoma|fibroids"), "T191"),
    (re.compile(r"disorder|insomnia"), "T048"),
    (re.compile(r"fracture|tear|hematoma|injury|bleed"), "T037"),
    (re.compile(r"stenosis|aneurysm|stone|effusion"), "T190"),
)
# Complications, reasons to stop a drug, and what else is written and is in no list.
_OTHERS = {
    "T046": "hyperkalemia; transient hypotension; hypotension; delayed wound healing; urinary retention; bradycardia",
    "T047": "wound infection; postoperative ileus; pneumothorax; gout; pancreatitis; hepatitis; neutropenia; ascites; "
    "postherpetic neuralgia; hypertriglyceridemia; prediabetes; hyperuricemia; cellulitis; "
    "exercise-induced bronchospasm",
    "T048": "postoperative delirium",
    "T059": "blood cultures; urine culture; final pathology",
    "T184": "a rash; muscle aches",
    "T033": "blood in the urine; unsteady gait; black stools; no acute abnormality; a normal study; "
    "unremarkable appearances",
}
# Names that linkers are not sure about: (type, score) in place of the usual score.
_DOUBTFUL = {"anxiety": ("T048", 0.4), "insomnia": ("T184", 0.5), "low mood": ("T048", 0.3), "migraine": ("T184", 0.3)}
_SCORE, _UNSURE = 0.95, 0.7


def semantic_types() -> Iterator[tuple[str, str, float]]:
    """Yield (term, semantic types, score); a term may come twice, as of two concepts.

    >>> dict((term, types) for term, types, _ in semantic_types())["chest pain"]
    'T184'
    """
    for drug in DRUGS:
        yield drug.name, "T109 T121", _SCORE
    for name in (*CONDITIONS, *ACUTE_CONDITIONS):
        yield name, next((kind for pattern, kind in _CONDITION_TYPES if pattern.search(name)), "T047"), _SCORE
    for name in dict.fromkeys((*SYMPTOMS, *REACTIONS)):
        if name not in _OTHERS["T033"].split("; "):
            yield name, "T184", _SCORE
    for name in PROCEDURES:
        yield name, "T060" if "biopsy" in name or name.endswith("oscopy") else "T061", _SCORE
    for name in STUDIES:
        yield name, "T060", _SCORE
    for test in LABS:
        yield test.name, "T059", _SCORE
    for kind, names in _OTHERS.items():
        for name in names.split("; "):
            yield name, kind, _UNSURE
    for name, (kind, score) in _DOUBTFUL.items():
        yield name, kind, score


def write_table(path: str | os.PathLike) -> None:
    """Write the table as `TableLinker` reads it, whole or not at all."""
    lines = ["\t".join((COLUMNS[0], COLUMNS[1], "score"))]
    lines += ["\t".join((term, types, f"{score:g}")) for term, types, score in semantic_types()]
    with atomic_file(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
