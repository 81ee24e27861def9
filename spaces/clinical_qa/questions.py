"""The questions of the second tab: one a line, or the YAML that `secondopinion extract --questions` takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

KEYS = ("id", "question", "category")


@dataclass(frozen=True)
class Question:
    """One question that is asked of every note.

    Attributes:
        id: its name in the table.
        question: as it is asked.
        category: that its answers should be of, or None.
    """

    id: str
    question: str
    category: str | None = None


def parse(text: str, categories: Sequence[str] = ()) -> list[Question]:
    """Return the questions of a text: a YAML list (or a mapping with `questions`), or a question a line.

    Args:
        text: as it was typed or uploaded.
        categories: that the model knows; others are refused.

    Raises:
        ValueError: there is none, one is empty, an id stands twice, or a key or category is unknown.

    >>> parse("What hurts?\\n\\nWhich dose?")[1]
    Question(id='q2', question='Which dose?', category=None)
    >>> parse("- id: dose\\n  question: Which dose?\\n  category: Medication")
    [Question(id='dose', question='Which dose?', category='Medication')]
    """
    entries = _entries(text) if is_yaml(text) else [line.strip() for line in text.splitlines() if line.strip()]
    if not entries:
        raise ValueError("There is no question. Write one a line, or a YAML list.")
    found = [_question(entry, number) for number, entry in enumerate(entries, start=1)]
    seen: set[str] = set()
    for question in found:
        if question.id in seen:
            raise ValueError(f"The id {question.id!r} stands twice. Each question needs its own.")
        seen.add(question.id)
        if question.category is not None and categories and question.category not in categories:
            raise ValueError(
                f"Question {question.id!r} asks for category {question.category!r}. "
                f"The model knows {', '.join(categories)}."
            )
    return found


def is_yaml(text: str) -> bool:
    """Return whether a text is meant as YAML.

    >>> is_yaml("# mine\\nquestions:\\n- What?"), is_yaml("What is the dose - if any?")
    (True, False)
    """
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith(("#", "---")))
    first = next(lines, "").strip()
    return first.startswith(("- ", "[", "{", "questions:")) or first == "-"


def _entries(text: str) -> list[Any]:
    import yaml

    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" near line {mark.line + 1}" if mark else ""
        raise ValueError(f"The questions are not valid YAML{where}. Write one question a line instead.") from None
    if isinstance(value, dict):
        if set(value) != {"questions"}:
            raise ValueError(f"Expected the key 'questions' alone, found {', '.join(map(str, value))}.")
        value = value["questions"]
    if value is not None and not isinstance(value, list):
        raise ValueError(f"The YAML holds {type(value).__name__}. Expected a list of questions.")
    return value or []


def _question(entry: Any, number: int) -> Question:
    if isinstance(entry, str):
        entry = {"question": entry}
    if not isinstance(entry, dict):
        raise ValueError(f"Entry {number} is {entry!r}. Expected a question, or a mapping with 'question'.")
    for key in entry:
        if key not in KEYS:
            near = get_close_matches(str(key), KEYS, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Known are {', '.join(KEYS)}."
            raise ValueError(f"Entry {number} has an unknown key {key!r}. {hint}")
    question, category = entry.get("question"), entry.get("category")
    if not isinstance(question, str) or not question.strip():
        raise ValueError(f"Entry {number} has no question. Write it as question: What …?")
    return Question(str(entry.get("id", f"q{number}")), question.strip(), None if category is None else str(category))
