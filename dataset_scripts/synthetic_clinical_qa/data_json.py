"""Generated notes with questions, written in the form of emrQA's data.json."""

from __future__ import annotations

import json
import os
import statistics
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from secondopinion.core.files import atomic_file
from secondopinion.core.progress import progress

from .drawing import Draw
from .facts import Mention
from .notes import DISCLAIMER, Note, write_note
from .questions import Asked, QuestionDrawer
from .templates import Template

TITLE = "synthetic"


def write_data_json(
    path: str | os.PathLike,
    templates: Sequence[Template],
    *,
    notes: int,
    questions: int,
    unanswerable: float,
    synonyms: float,
    seed: int,
) -> dict[str, Any]:
    """Write notes with questions, whole or not at all; the same arguments give the same bytes.

    Args:
        path: the file.
        templates: what is asked.
        notes: how many.
        questions: of a note, at most.
        unanswerable: share of questions without an answer.
        synonyms: share of questions in other words than the note's.
        seed: of everything that is drawn. A note is drawn by its number and the seed alone.

    Returns:
        What was generated: `notes`, `questions`, `note_words` (smallest, median, largest), `questions_by_kind` (what
        was answered, and why the others are not), `complex_answers`, `reworded` questions.
    """
    drawer = QuestionDrawer(templates, unanswerable, synonyms)
    kinds: Counter[str] = Counter()
    words: list[int] = []
    complex_answers = 0
    with (
        atomic_file(path) as temporary,
        open(temporary, "w", encoding="utf-8", newline="") as handle,
        progress(total=notes, label="writing notes", unit="note") as bar,
    ):
        handle.write(json.dumps({"synthetic": True, "disclaimer": DISCLAIMER})[:-1])
        handle.write(f', "data": [{{"title": "{TITLE}", "paragraphs": [')
        for number in range(notes):
            note = write_note(Draw(f"{seed} note {number}"), number)
            asked = drawer.draw(Draw(f"{seed} questions {number}"), note, questions)
            handle.write(",\n" if number else "\n")
            handle.write(json.dumps(paragraph_of(note, asked)))
            words.append(note.words)
            kinds.update(question.kind for question in asked)
            complex_answers += sum(len(answer) > 1 for question in asked for answer in question.answers)
            bar.update(1)
        handle.write("\n]}]}\n")
    return {
        "notes": notes,
        "questions": kinds.total(),
        "note_words": {"smallest": min(words), "median": statistics.median_low(words), "largest": max(words)},
        "questions_by_kind": dict(sorted(kinds.items())),
        "complex_answers": complex_answers,
    }


def paragraph_of(note: Note, asked: Sequence[Asked]) -> dict[str, Any]:
    """Return a note and its questions as an element of `paragraphs`."""
    starts = [0, *accumulate(map(len, note.lines))]
    return {
        "note_id": f"{note.number:05d}",
        "context": note.lines,
        "qas": [_question(question, note, starts) for question in asked],
    }


def _question(asked: Asked, note: Note, starts: list[int]) -> dict[str, Any]:
    filled = asked.template.fill(asked.words)
    answers = [_answer([_place(mention, note, starts) for mention in answer]) for answer in asked.answers]
    return {
        "question": [question for question, _ in filled],
        "id": [[list(pair) for pair in filled], asked.template.logical_form],
        "answers": answers or [{"answer_start": "", "text": "", "evidence": "", "evidence_start": "", **_EMPTY}],
    }


_EMPTY = {"answer_entity_type": "empty"}


def _answer(parts: list[dict[str, Any]]) -> dict[str, Any]:
    if len(parts) == 1:
        return {**parts[0], "answer_entity_type": "single"}
    return {**{key: [part[key] for part in parts] for key in parts[0]}, "answer_entity_type": "complex"}


def _place(mention: Mention, note: Note, starts: list[int]) -> dict[str, Any]:
    """Return where a mention stands as emrQA says it: its line from 1, its first token in it from 0."""
    line = bisect_right(starts, mention.start) - 1
    before = note.lines[line][: mention.start - starts[line]]
    # A mention may begin inside a token, such as after "(".
    token = len(before.split()) - bool(before and not before[-1].isspace())
    return {
        "answer_start": [line + 1, token],
        "text": mention.text,
        "evidence": note.lines[line],
        "evidence_start": line + 1,
    }
