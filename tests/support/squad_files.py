"""Authored files in SQuAD's form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CONTEXT = "The imaginary pain came back , and then the pain left . \U0001f642 Was it pain ?"
SECRET = "imaginary"


def ask(
    id: Any = "1", question: Any = "What came back?", answers: Any = (("pain", 14),), **fields: Any
) -> dict[str, Any]:
    """Return one element of `qas`; `answers` are (text, start)."""
    given = [{"text": text, "answer_start": start} for text, start in answers]
    return {"id": id, "question": question, "answers": given, **fields}


def squad(
    *qas: Any, context: Any = CONTEXT, title: str | None = "Pain", version: str = "1.1", **fields: Any
) -> dict[str, Any]:
    """Return a file of one paragraph; `fields` are further ones of the paragraph."""
    paragraphs = [{"context": context, "qas": list(qas), **fields}]
    return {
        "version": version,
        "data": [{"title": title, "paragraphs": paragraphs} if title else {"paragraphs": paragraphs}],
    }


def write_json(path: Path, value: Any) -> Path:
    """Write JSON, or text as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path
