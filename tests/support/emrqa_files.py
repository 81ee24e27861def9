"""Authored files of the shape of emrQA's data.json, with all its irregularities; no note or patient in them exists."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

MEDICATION_LINES = [
    "DISCHARGE SUMMARY\n",
    "Zorbitol 81 mg was stopped ; zorbitol 325 mg was begun for a tingling\n",
    "of both elbows .\n",
    "\n",
    "He was on Quellinase 5 mg twice a day , never on Zorbitol again .\n",
]
RELATION_LINES = [
    "Echo showed a leaky valve .",
    "The leaky valve was treated with mendostat , then with mendostat drip .",
]
RISK_TEXT = "Record date: 2091-03-02\n\nBlood pressure 180/95 , later 120/70 .\nBlood pressure 180/95 at home .\n"
SMOKING_TEXT = "He smokes imaginary pipes .\nHe has two cats ."
OBESITY_TEXT = "A heavy , invented person ."

DRUG_FORM = "MedicationEvent (|medication|) [dosage=x]"
REASON_FORM = "MedicationEvent (|medication|) given {ConditionEvent (x) OR SymptomEvent (x)}"
TEST_FORM = "LabEvent (x) OR VitalEvent (x)"
TREATED_FORM = "MedicationEvent (x) given {ConditionEvent (|problem|)}"
SMOKING_FORM = "SmokingUseEvent (x)"
OBESITY_FORM = "ConditionEvent (|problem|)"


def answer(
    text: str, line: int | str, token: int | str, evidence: str, kind: str = "single", **fields: Any
) -> dict[str, Any]:
    """Return one answer; its evidence begins at the line of the answer unless `evidence_start` is given."""
    return {
        "answer_start": [line, token],
        "text": text,
        "evidence": evidence,
        "evidence_start": line,
        "answer_entity_type": kind,
        **fields,
    }


def complex_answer(parts: Sequence[tuple[str, int, int, str]], **fields: Any) -> dict[str, Any]:
    """Return one answer of several entities, each (text, line, token, evidence)."""
    return {
        "answer_start": [[line, token] for _, line, token, _ in parts],
        "text": [text for text, *_ in parts],
        "evidence": [evidence for *_, evidence in parts],
        "evidence_start": [line for _, line, *_ in parts],
        "answer_entity_type": "complex",
        **fields,
    }


def class_answer(text: str) -> dict[str, Any]:
    """Return an answer as smoking and obesity have them: a class, no place, no entity type."""
    return {"answer_start": "", "text": text, "evidence": "", "evidence_start": ""}


def asked(
    pairs: Sequence[tuple[str, str]], logical_form: str, *answers: Mapping[str, Any], reverse: bool = False
) -> dict[str, Any]:
    """Return one element of `qas`; `pairs` are (question, template)."""
    identity = [[list(pair) for pair in pairs], logical_form]
    return {
        "question": [question for question, _ in pairs],
        "id": identity[::-1] if reverse else identity,
        "answers": list(answers),
    }


def paragraph(note_id: Any, context: str | Sequence[str], *qas: Mapping[str, Any]) -> dict[str, Any]:
    """Return one note with its questions."""
    return {"note_id": note_id, "context": context, "qas": list(qas)}


def section(title: str, *paragraphs: Mapping[str, Any]) -> dict[str, Any]:
    """Return one sub-dataset."""
    return {"paragraphs": list(paragraphs), "title": title}


def write_emrqa(path: Path, sections: Sequence[Mapping[str, Any]]) -> Path:
    """Write a file as emrQA's data.json is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"data": list(sections)}, ensure_ascii=False), encoding="utf-8")
    return path


def medication() -> dict[str, Any]:
    """Numbers from 1, entities that occur several times, evidence of two lines joined by a comma, a dose of parts."""
    two = MEDICATION_LINES[1] + "," + MEDICATION_LINES[2]
    dose = (
        ("What is the dose of zorbitol?", "What is the dose of |medication|?"),
        ("zorbitol, how much", "|medication|, how much"),
    )
    why = (("Why was zorbitol begun", "Why was |medication| begun"),)
    both = (("Which drugs and doses?", "Which drugs and doses?"),)
    ever = (("Was he ever on zorbitol?", "Was he ever on |medication|?"),)
    return section(
        "medication",
        paragraph(
            "0001",
            MEDICATION_LINES,
            asked(
                dose,
                DRUG_FORM,
                answer("325 mg", 2, 7, MEDICATION_LINES[1]),
                answer("81 mg", 2, 1, MEDICATION_LINES[1]),
                answer("81 mg", 2, 1, MEDICATION_LINES[1]),
            ),
            asked(why, REASON_FORM, answer("tingling of both elbows", 2, 13, two)),
            asked(
                both,
                "MedicationEvent (x) [dosage=x]",
                complex_answer(
                    [("zorbitol", 2, 6, MEDICATION_LINES[1]), ("325 mg", 2, 7, MEDICATION_LINES[1])],
                ),
                complex_answer(
                    [("Quellinase", 5, 3, MEDICATION_LINES[4]), ("5 mg", 5, 4, MEDICATION_LINES[4])],
                    answer_start=[[5, 5], [3, 4]],
                ),
            ),
            asked(ever, "MedicationEvent (|medication|)", answer("yes", 2, 0, MEDICATION_LINES[1])),
            asked(why, REASON_FORM, answer("tingling of both elbows", 2, 13, two)),
            asked((("Which invented cat?", "Which cat?"),), DRUG_FORM, answer("cat", 2, 0, MEDICATION_LINES[1])),
            asked((("Which line?", "Which line?"),), DRUG_FORM, answer("mg", 99, 0, "nothing of the note")),
            asked((("Which of the two?", "Which?"),), DRUG_FORM, answer("mg", 2, "", MEDICATION_LINES[1])),
            asked((("Nothing at all?", "Nothing?"),), DRUG_FORM),
            asked((("  ", "  "),), DRUG_FORM, answer("mg", 2, 2, MEDICATION_LINES[1])),
        ),
    )


def relations() -> dict[str, Any]:
    """Lines without their ends, `id` in the other order, empty answers with a line, a complex answer out of step."""
    treated = (("What was given for the leaky valve", "What was given for the |problem|"),)
    return section(
        "relations",
        paragraph(
            "record-12",
            RELATION_LINES,
            asked(treated, TREATED_FORM, answer("mendostat", 2, 11, RELATION_LINES[1]), reverse=True),
            asked(
                (("Is there a problem with mendostat", "Is there a problem with |treatment|"),),
                "MedicationEvent (|treatment|) causes {ConditionEvent (x)}",
                answer("", 2, "", RELATION_LINES[1], "empty"),
            ),
            asked(
                (("What did the echo show?", "What did the |test| show?"),),
                "LabEvent (|test|) reveals {ConditionEvent (x)}",
                complex_answer([("leaky valve", 1, 3, RELATION_LINES[0])], evidence=[]),
            ),
        ),
        paragraph("record-13", [" ", ""], asked(treated, TREATED_FORM, answer("mendostat", 1, 0, "x"))),
        paragraph(
            "record-14", RELATION_LINES, asked(treated, TREATED_FORM, answer("Mendostat", 2, 7, RELATION_LINES[1]))
        ),
    )


def risk() -> dict[str, Any]:
    """Characters of the note instead of lines and tokens, a few of them off, as the XML's own are."""
    first, second = RISK_TEXT.index("Blood"), RISK_TEXT.rindex("Blood")
    lines = RISK_TEXT.split("\n")
    pressure = (("What is her blood pressure?", "What is her |test|?"),)
    return section(
        "risk-dataset",
        paragraph(
            101,
            RISK_TEXT.splitlines(keepends=True),
            asked(
                pressure,
                TEST_FORM,
                answer("180/95", second, second + 18, lines[3]),
                answer("120/70", first, first + 31, lines[2]),
            ),
        ),
    )


def smoking() -> dict[str, Any]:
    """A plain text, a class for an answer, one flat pair for an id."""
    return section(
        "smoking",
        paragraph(
            "7",
            SMOKING_TEXT,
            {
                "question": ["Does he smoke?"],
                "id": [["Does he smoke?", "Does he smoke?"], SMOKING_FORM],
                "answers": [class_answer("CURRENT SMOKER")],
            },
        ),
    )


def obesity() -> dict[str, Any]:
    """A question that is no list; the same question with each class, as the published file has them."""
    obese = (("Is this an obese person?", "Is this an |problem| person?"),)
    return section(
        "obesity",
        paragraph(
            "7",
            OBESITY_TEXT,
            {
                "question": "What else beside Obesity",
                "id": [["What else beside Obesity", "What else beside Obesity"], OBESITY_FORM],
                "answers": [class_answer("Gout"), class_answer("Asthma")],
            },
            asked(obese, OBESITY_FORM, class_answer("yes")),
            asked(obese, OBESITY_FORM, class_answer("UNK")),
        ),
        paragraph("8", SMOKING_TEXT, asked(obese, OBESITY_FORM, class_answer("no"))),
    )


def all_five() -> list[dict[str, Any]]:
    """Return the five sub-datasets."""
    return [medication(), relations(), risk(), smoking(), obesity()]


def many_notes(count: int, questions: int = 20, lines: int = 60) -> list[dict[str, Any]]:
    """Return one sub-dataset of notes with an answer in every question, for sampling and for memory."""
    paragraphs = []
    for number in range(count):
        context = [f"Line {n} of note {number} names drug{n % 7} {n} mg .\n" for n in range(lines)]
        qas = [
            asked(
                ((f"How much drug{n % 7} in {n}?", f"How much |medication| {n % 5}?"),),
                DRUG_FORM,
                answer(f"{n % lines} mg", n % lines + 1, 7, context[n % lines]),
            )
            for n in range(questions)
        ]
        paragraphs.append(paragraph(f"n{number}", context, *qas))
    return [section("relations", *paragraphs)]
