"""Looks for experts' answers and keys in what is published; an answer may quote the text that it is about."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .leaks import strings_of

PIECE = 40
COMMON = 3
SHORTEST_KEY = 8


def expert_keys(facts: Mapping[str, Any]) -> list[str]:
    """Return the keys that the recipe's experts read from this machine's environment."""
    names = [expert.get("api_key_env") for expert in facts["recipe"].get("experts") or []]
    found = {os.environ.get(name, "") for name in names if name}
    return sorted(key for key in found if len(key) >= SHORTEST_KEY)


def answer_pieces(votes: Path) -> frozenset[str]:
    """Return pieces of 40 characters of the answers as experts gave them.

    A piece that stands in more than three answers is a phrase of the expert's own, such as the form that it answers
    in; shorter answers are class names. Neither is looked for.

    Args:
        votes: the run's folder of votes; it need not be there.
    """
    import pyarrow.parquet as pq

    counted: Counter[str] = Counter()
    for path in sorted(votes.glob("*.parquet")):
        if "raw" not in pq.read_schema(path).names:
            continue
        for raw in pq.read_table(path, columns=["raw"])["raw"].to_pylist():
            text = " ".join((raw or "").split())
            counted.update({text[i : i + PIECE] for i in range(0, len(text) - PIECE + 1, PIECE)})
    return frozenset(piece for piece, answers in counted.items() if answers <= COMMON)


def quoted_answers(words: Any, name: str, pieces: frozenset[str]) -> Iterator[str]:
    """Yield a sentence where a file holds a piece of an answer; the piece itself is not shown.

    Args:
        words: what the file says (`read_words`).
        name: its name in what is published.
        pieces: see `answer_pieces`.
    """
    for string in strings_of(words) if pieces else ():
        text = " ".join(string.split())
        if any(text[i : i + PIECE] in pieces for i in range(len(text) - PIECE + 1)):
            yield f"{name}: holds a part of an expert's answer (votes/), which may quote a text; remove it"
            return
