"""Authored discharge summaries in the shape of MIMIC-IV-Note; no patient, stay or hospital in them exists."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

COLUMNS = ("note_id", "subject_id", "hadm_id", "note_type", "note_seq", "charttime", "storetime", "text")
COURSE = {
    "good": "The fictional fever fell after two days, and the imaginary patient walked the ward, eating well.",
    "poor": "The fictional infection spread in spite of treatment; the imaginary family chose comfort care.",
}
CONDITION = {"good": "Mental Status: Clear and coherent.\nActivity Status: Walks alone.", "poor": "Expired."}

NOTE = "\n".join(
    [
        " ",
        "Name:  ___                    Unit No:   ___",
        " ",
        "Admission Date:  ___              Discharge Date:   ___",
        " ",
        "Service: MEDICINE",
        " ",
        "Allergies: ",
        'No Known Allergies / "Sulfa", penicillin',
        " ",
        "Chief Complaint:",
        "authored complaint {number}",
        " ",
        "History of Present Illness:",
        "This text was written for a test. An older, invented summary said:",
        "Discharge Condition:",
        "Stable, long ago.",
        " ",
        "Past Medical History:",
        "None.",
        " ",
        "Physical Exam:",
        "ADMISSION: well.",
        "Physical Exam: again, at discharge: well.",
        " ",
        "Brief Hospital Course:",
        "{course}",
        "Allergies: asked twice,",
        'as "nothing" was noted.',
        " ",
        "Medications on Admission:",
        "none",
        " ",
        "Discharge Disposition:",
        "{place}",
        " ",
        "Discharge Diagnosis:",
        "Authored illness {number}",
        " ",
        "Discharge Condition:",
        "{condition}",
        " ",
        "Discharge Instructions:",
        "Dear Mr. Nobody,",
        "be well.",
        " ",
        "Followup Instructions:",
        "___",
        "",
    ]
)


def note_id(number: int) -> str:
    """The id of a note, as MIMIC forms it."""
    return f"{90_000_000 + number // 2}-DS-{number}"


def note_text(number: int, outcome: str) -> str:
    """A summary with the template's headers, some of them where they mean nothing."""
    place = "Home" if outcome == "good" else "Expired"
    return NOTE.format(number=number, course=COURSE[outcome], condition=CONDITION[outcome], place=place)


def note(number: int, outcome: str = "good", **fields: str) -> dict[str, str]:
    """A row of the file; two notes in succession belong to one patient."""
    return {
        "note_id": note_id(number),
        "subject_id": str(90_000_000 + number // 2),
        "hadm_id": str(20_000_000 + number),
        "note_type": "DS",
        "note_seq": str(number),
        "charttime": "2150-01-01 00:00:00",
        "storetime": "2150-01-02 00:00:00",
        "text": note_text(number, outcome),
        **fields,
    }


def write_notes(path: Path, notes: Iterable[Mapping[str, str]], columns: Sequence[str] = COLUMNS) -> Path:
    """Write notes as CSV, gzipped where the name ends in .gz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row[name] for name in columns] for row in notes)
    content = buffer.getvalue().encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def write_votes_csv(path: Path, votes: Mapping[int | str, str | None]) -> Path:
    """Write one expert's votes, named after the file; keys are numbers of notes, or ids."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(("id", "expert", "label"))
        for key, label in votes.items():
            writer.writerow((key if isinstance(key, str) else note_id(key), path.stem, label or ""))
    return path
