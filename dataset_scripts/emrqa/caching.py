"""A memory of limited size for what is computed again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")

MAX_ENTRIES = 200_000
MAX_LENGTH = 500


def cached(memory: dict[str, Value], key: str, make: Callable[[str], Value]) -> Value:
    """Return what `make(key)` gave before, or gives now; a full memory is emptied, very long keys are not kept.

    >>> memory = {}
    >>> cached(memory, "a", str.upper), cached(memory, "a", str.lower), memory
    ('A', 'A', {'a': 'A'})
    """
    if key in memory:
        return memory[key]
    value = make(key)
    if len(key) <= MAX_LENGTH:
        if len(memory) >= MAX_ENTRIES:
            memory.clear()
        memory[key] = value
    return value
