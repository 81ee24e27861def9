"""Terms found in text as whole words, whatever their case: the longest first, none overlapping."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

Payload = TypeVar("Payload")

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


class PhraseIndex(Generic[Payload]):
    """Finds terms in time linear in the text, however many terms there are.

    A term is a series of words; what stands between them (blanks, a line break, a hyphen) does not matter, sentence
    ends do.

    Args:
        terms: (term, what to give back where it is found); of a term given twice the last counts. Terms without a
            letter or digit are left out.

    >>> index = PhraseIndex([("chest pain", "whole"), ("pain", "part")])
    >>> list(index.find("Chest  pain, then pain; painless."))
    [(0, 11, 'whole'), (18, 22, 'part')]
    """

    def __init__(self, terms: Iterable[tuple[str, Payload]]) -> None:
        self._payloads: dict[tuple[str, ...], Payload] = {}
        self._longest: dict[str, int] = {}
        for term, payload in terms:
            words = tuple(_WORD.findall(term.lower()))
            if words:
                self._payloads[words] = payload
                self._longest[words[0]] = max(len(words), self._longest.get(words[0], 0))

    def __len__(self) -> int:
        return len(self._payloads)

    def find(self, text: str) -> Iterator[tuple[int, int, Payload]]:
        """Yield (start, end, payload) in the order of the text; offsets are characters of `text` as it is."""
        # Lower case may be longer than the original ("İ"), so each word is lowered by itself.
        words = list(_WORD.finditer(text))
        at = 0
        while at < len(words):
            first = words[at][0].lower()
            length = self._match(text, words, at, first) if first in self._longest else None
            if length:
                payload = self._payloads[tuple(word[0].lower() for word in words[at : at + length])]
                yield words[at].start(), words[at + length - 1].end(), payload
            at += length or 1

    def _match(self, text: str, words: list[re.Match[str]], at: int, first: str) -> int:
        """Return how many words the longest term has that begins at word `at`; 0 where none does."""
        key, most, best = [first], self._longest[first], 0
        while True:
            if tuple(key) in self._payloads:
                best = len(key)
            after = at + len(key)
            if len(key) == most or after == len(words):
                return best
            if not _joins(text[words[after - 1].end() : words[after].start()]):
                return best
            key.append(words[after][0].lower())


def _joins(between: str) -> bool:
    return len(between) <= 16 and not between.strip(" \t\r\n-/'’")
