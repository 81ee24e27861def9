"""The questions of an extraction: a YAML or text file that a person can read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.errors import InputError, closest


@dataclass(frozen=True)
class Question:
    """One question that is asked of every note.

    Attributes:
        id: its name in the table.
        question: as it is asked.
        category: the category that its answers should be of; what the model says is then compared with it.
    """

    id: str
    question: str
    category: str | None = None


def read_questions(
    source: str | os.PathLike | Sequence[str | Question], categories: Sequence[str] = ()
) -> list[Question]:
    """Read questions from a file, or take them as they are.

    A YAML file holds a list, or a mapping with `questions`; an entry is a question, or a mapping with `question` and,
    where wanted, `id` and `category`. In any other text file each line is a question.

    Args:
        source: the file, or questions.
        categories: that the model knows; others are refused.

    Raises:
        InputError: there is none, one is empty, an id stands twice, or a key or category is unknown.

    >>> read_questions(["What is the dose of metformin?"])
    [Question(id='q1', question='What is the dose of metformin?', category=None)]
    """
    if isinstance(source, str | os.PathLike):
        path = Path(source).expanduser()
        if not path.is_file():
            raise InputError(f"{source} does not exist; give a YAML file with a list of questions")
        entries, where = _entries(path), str(path)
    else:
        entries, where = list(source), "questions"
    if not entries:
        raise InputError(f"{where} holds no question")
    questions = [_question(entry, number, where) for number, entry in enumerate(entries, start=1)]
    seen: set[str] = set()
    for question in questions:
        if question.id in seen:
            raise InputError(f"{where}: the id {question.id!r} stands twice; each question needs its own")
        seen.add(question.id)
        if question.category is not None and categories and question.category not in categories:
            raise InputError(
                f"{where}: question {question.id!r} asks for category {question.category!r}; "
                f"{closest(question.category, categories)}"
            )
    return questions


def _entries(path: Path) -> list[Any]:
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix.lower() not in (".yaml", ".yml", ".json"):
        return [line.strip() for line in text.splitlines() if line.strip()]
    import yaml

    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not valid YAML: {error}") from None
    if isinstance(value, dict):
        if set(value) != {"questions"}:
            raise InputError(f"{path}: expected the key 'questions' alone, found {', '.join(map(str, value))}")
        value = value["questions"]
    if value is not None and not isinstance(value, list):
        raise InputError(f"{path} holds {type(value).__name__}; expected a list of questions")
    return value or []


def _question(entry: Any, number: int, where: str) -> Question:
    if isinstance(entry, Question):
        return entry
    if isinstance(entry, str):
        entry = {"question": entry}
    if not isinstance(entry, dict):
        raise InputError(f"{where}: entry {number} is {entry!r}; expected a question, or a mapping with 'question'")
    for key in entry:
        if key not in ("id", "question", "category"):
            raise InputError(f"{where}: entry {number}: unknown key {key!r}; {closest(key, Question.__annotations__)}")
    question, category = entry.get("question"), entry.get("category")
    if not isinstance(question, str) or not question.strip():
        raise InputError(f"{where}: entry {number} has no question; write it as question: What …?")
    return Question(str(entry.get("id", f"q{number}")), question.strip(), None if category is None else str(category))


__all__ = ["Question", "read_questions"]
