"""Many questions of many notes: files to notes, answers to rows, rows to a table and to CSV."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import look
from marking import label
from panels import MAX_CHARACTERS, MAX_QUESTION, shortened
from questions import Question, parse
from reader import Reader
from tables import as_csv, link, read_text

KINDS = (".txt", ".jsonl")
MAX_NOTES, MAX_QUESTIONS, MAX_READ = 100, 50, 5_000_000
SHOWN_ROWS = 300
NO_ANSWER = "No answer"

Row = dict[str, Any]


def read_notes(paths: Sequence[str]) -> dict[str, str]:
    """Return id → text of uploaded files: a `.txt` is one note, a `.jsonl` holds one a line.

    Line ends stay as they are, so that offsets count the file's own characters.

    Args:
        paths: of the files.

    Raises:
        ValueError: a file is of no such kind, damaged, empty or too long, or an id stands twice. Files are named, what
            is in them is not.
    """
    notes: dict[str, str] = {}
    for path in map(Path, paths):
        if path.suffix.lower() not in KINDS:
            raise ValueError(f"{path.name} is of no kind that can be read. Expected {' or '.join(KINDS)}.")
        text = read_text(path)
        rows = [(path.name, text)] if path.suffix.lower() == ".txt" else _lines(path.name, text)
        for name, note in rows:
            if name in notes:
                raise ValueError(f"The id {name!r} stands twice. Each note needs its own.")
            if not note.strip():
                raise ValueError(f"The note {name!r} is empty. Leave it out.")
            if len(note) > MAX_CHARACTERS:
                raise ValueError(
                    f"The note {name!r} has {len(note):,} characters. This page reads up to {MAX_CHARACTERS:,}."
                )
            notes[name] = note
    return notes


def _lines(name: str, text: str) -> Iterator[tuple[str, str]]:
    # Only line feeds part rows: a text may hold other separators unescaped.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            raise ValueError(f"{name}: line {number} is not JSON.") from None
        if not isinstance(row, dict) or not isinstance(row.get("text"), str):
            raise ValueError(f"{name}: line {number} has no text. Expected {{'id': …, 'text': …}} a line.")
        yield str(row["id"]) if row.get("id") is not None else f"{name}:{number - 1}", row["text"]


def plan(text: str, notes: Mapping[str, str], categories: Sequence[str]) -> list[Question]:
    """Return the questions of an extraction.

    Raises:
        ValueError: there is nothing to ask or to read, or too much for a page.
    """
    questions = parse(text, categories)
    if not notes:
        raise ValueError("There is no note. Upload .txt or .jsonl files, or use the example notes.")
    read = sum(map(len, notes.values())) * len(questions)
    beyond = [
        (len(notes), MAX_NOTES, "notes"),
        (len(questions), MAX_QUESTIONS, "questions"),
        (max(len(question.question) for question in questions), MAX_QUESTION, "characters in a question"),
        (read, MAX_READ, "characters to read (notes × questions)"),
    ]
    for count, most, what in beyond:
        if count > most:
            raise ValueError(
                f"{count:,} {what} are too many for this page, which takes {most:,}. For more, run secondopinion "
                "extract on your machine."
            )
    return questions


def rows_of(reader: Reader, note: str, text: str, questions: Sequence[Question]) -> list[Row]:
    """Return a row for each question about a note, with the columns that `secondopinion extract` writes.

    Raises:
        ValueError: the pipeline refuses the note or a question.
    """
    answers = reader.read_many(text, [question.question for question in questions])
    return [
        _row(note, question, answer, reader.categories) for question, answer in zip(questions, answers, strict=True)
    ]


def _row(note: str, question: Question, answer: Mapping[str, Any], categories: Sequence[str]) -> Row:
    none, category = answer["no_answer"], answer["category"]
    shares = answer["category_probabilities"] or {}
    return {
        "note": note,
        "question_id": question.id,
        "question": question.question,
        "answer": None if none else answer["answer"],
        "start": None if none else answer["start"],
        "end": None if none else answer["end"],
        "score": answer["score"],
        "no_answer_probability": answer["no_answer_probability"],
        "category": category,
        "category_probability": shares.get(category),
        "as_asked": None if question.category is None or category is None else category == question.category,
        **{f"p_{name}": shares.get(name) for name in categories},
    }


def kept(rows: Sequence[Row], chosen: Sequence[str]) -> list[Row]:
    """Return the rows whose answer is of a chosen category; `NO_ANSWER` stands for those without one."""
    return [row for row in rows if (NO_ANSWER if row["answer"] is None else row["category"]) in chosen]


def table(rows: Sequence[Row], total: int, categories: Sequence[str]) -> str:
    """Return rows as a table, and a link that holds them as CSV: no file is written for it.

    Args:
        rows: to show.
        total: how many there are with those that are filtered out.
        categories: of the model.
    """
    if not rows:
        return '<div class="so"><p class="so-note">No row is of a chosen category.</p></div>' if total else ""
    answered = sum(row["answer"] is not None for row in rows)
    said = f"{len(rows):,} of {total:,} rows, {answered:,} with an answer."
    if len(rows) > SHOWN_ROWS:
        said += f" The first {SHOWN_ROWS:,} are shown; the file holds all."
    saved = link(as_csv(list(rows[0]), [list(row.values()) for row in rows]), "answers.csv")
    names = ("Note", "Question", "Answer", "Characters", "Category", "Score")
    heads = "".join(f'<th scope="col">{name}</th>' for name in names)
    body = "".join(_table_row(row, categories) for row in rows[:SHOWN_ROWS])
    return (
        f'<div class="so"><div class="so-above"><span class="so-note">{said}</span>{saved}</div>'
        f'<table class="qa-table" aria-label="Answers"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'
        "</div>"
    )


def _table_row(row: Row, categories: Sequence[str]) -> str:
    none = row["answer"] is None
    category = ""
    if row["category"] is not None and not none:
        share = row["category_probability"]
        category = label(row["category"], categories) + f" <small>{share:.0%}{_unlike(row)}</small>"
    score = row["no_answer_probability"] if none else row["score"]
    cells = {
        "Note": look.text(row["note"]),
        "Question": look.text(row["question"]),
        "Answer": f'<span class="qa-none">{NO_ANSWER}</span>' if none else look.text(shortened(row["answer"], 200)),
        "Characters": "–" if none else f"{row['start']:,} to {row['end']:,}",
        "Category": category or "–",
        "Score": f"{score:.0%}" + (" <small>none</small>" if none else ""),
    }
    inside = "".join(f'<td data-name="{name}"><div>{cell}</div></td>' for name, cell in cells.items())
    return f"<tr>{inside}</tr>"


def _unlike(row: Row) -> str:
    return ", not as asked" if row["as_asked"] is False else ""
