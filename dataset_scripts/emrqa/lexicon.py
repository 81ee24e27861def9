"""A lexicon with suffix rules: the category of an answer where no logical form and no linker speaks.

It is conservative: a text without a word that it knows has no label.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .caching import cached
from .lexicon_terms import LAB_WITH_VALUE, QUESTION_TERMS, SUFFIXES, TERMS
from .phrases import PhraseIndex
from .soft_labels import CATEGORIES, normalised
from .umls import value_follows

_PLACES = {category: place for place, category in enumerate(CATEGORIES)}
_LAB = _PLACES["Lab Reports"]
_WITH_VALUE = -1
_DIGIT = re.compile(r"\d")
_WORD = re.compile(r"[^\W\d_]{5,}")
_DOSE = re.compile(
    r"\d(?<![\w./].)[\d,.]*(?:\s*-\s*\d[\d.]*)?\s*-?\s*(?:mg|mgs|meq|mcg|µg|μg|milligrams?|micrograms?|units?(?!\s+of\b)|tabs?"
    r"|tablets?|caps?|capsules?|puffs?|gtts|drops)\b(?!\s*/\s*d?l)(?!\s*%)",
    re.IGNORECASE,
)
# These two are searched in lower case.
_TIMES = re.compile(
    r"[btqp](?<!\w.)(?:(?<=[btq])\.?i\.?d|(?<=p)\.?(?:o|r\.?n)|(?<=q)\.?(?:h\.?s|o\.?d|d"
    r"|\s?\d{1,2}(?:-\d{1,2})?\s?h(?:r?s?|ours)))\b"
)
_LAB_UNIT = re.compile(
    r"\d\s*(?:(?:m?g|mcg|[uµμ]g|ng|pg|mmol|[uµμ]mol|meq|[mkµμu]?i?u|units)\s*/\s*d?l"
    r"|(?:ng|pg|mcg|[uµμ]g|[mµμu]?i?u)\s*/\s*ml)\b"
    r"|\d\s*(?:mm\s?hg|k\s?/\s?[uµμ]l|mm\s?/\s?hr?|bpm)\b"
)
# The answer to these is another kind of thing than the drug, test or problem that they name.
_NAMES_SOMETHING_ELSE = re.compile(
    r"\bwhy\b|\b(?:reasons?|indications?|allerg\w+|reactions?|side effects?|happen\w*)\b|\bhow\b.*\bdiagnosed\b"
    r"|\b(?:what|which)\b.*\bfor\W*$",
    re.IGNORECASE,
)


class Lexicon:
    """Reads the category off words: whole words, whatever their case, with suffix rules for unknown ones.

    >>> lexicon = Lexicon()
    >>> lexicon.read("Lisinopril 10 mg daily"), lexicon.read("the left side")
    ((0.0, 1.0, 0.0, 0.0, 0.0), None)
    >>> lexicon.label("What was the potassium?", ["Potassium 4.1"])
    (0.0, 0.0, 0.0, 0.0, 1.0)
    """

    def __init__(self) -> None:
        terms = [(term, _PLACES[category]) for category, words in TERMS.items() for term in _split(words)]
        self._terms = PhraseIndex([*((term, _WITH_VALUE) for term in _split(LAB_WITH_VALUE)), *terms])
        asked = [(term, _PLACES[category]) for category, words in QUESTION_TERMS.items() for term in _split(words)]
        self._question_terms = PhraseIndex(asked)
        self._suffixes = [
            (
                re.compile(rf"[a-z]{{2,}}(?:{'|'.join(_split(endings))})(?:s|es)?"),
                frozenset(_split(others)),
                _PLACES[name],
            )
            for name, endings, others in SUFFIXES
        ]

        self._by_word: dict[str, int | None] = {}
        self._by_answer: dict[str, tuple[int, ...]] = {}
        self._by_question: dict[str, tuple[float, ...] | None] = {}

    def label(self, question: str, answers: Sequence[str]) -> tuple[float, ...] | None:
        """Return weights over `CATEGORIES` from the answers; where those say nothing, from the question.

        The question counts only if all that it names is of one category and its answer is of the same kind: not "why
        does she take aspirin", not "which drugs does she take against pain".
        """
        counts = [cached(self._by_answer, answer, self.count) for answer in answers]
        if any(map(any, counts)):
            return normalised([sum(column) for column in zip(*counts, strict=True)])
        return cached(self._by_question, question, self._asked)

    def read(self, text: str) -> tuple[float, ...] | None:
        """Return weights over `CATEGORIES`, in proportion to `count`; None where no word is known."""
        return normalised(self.count(text))

    def count(self, text: str, *, question: bool = False) -> tuple[int, ...]:
        """Return for each category how many distinct words of it stand in a text.

        Args:
            text: of an answer, or of a question.
            question: also know the words that name a kind of answer ("dosage", "level").
        """
        found: set[tuple[int, str]] = set()
        taken = []
        for index in (self._terms, self._question_terms) if question else (self._terms,):
            for start, end, place in index.find(text):
                if place == _WITH_VALUE:
                    if not value_follows(text, end) or _DOSE.match(text, _digits(text, end)):
                        continue
                    place = _LAB
                taken.append((start, end))
                found.add((place, text[start:end].lower()))
        for match in _WORD.finditer(text):
            word = match[0].lower()
            place = cached(self._by_word, word, self._suffix_place)
            if place is not None and not any(start <= match.start() < end for start, end in taken):
                found.add((place, word))
        lower = text.lower()
        digits = _DIGIT.search(text)
        if (digits and _DOSE.search(text)) or _TIMES.search(lower):
            found.add((_PLACES["Medication"], ""))
        if digits and _LAB_UNIT.search(lower):
            found.add((_LAB, ""))
        places = [place for place, _ in found]
        return tuple(places.count(place) for place in range(len(CATEGORIES)))

    def _asked(self, question: str) -> tuple[float, ...] | None:
        if _NAMES_SOMETHING_ELSE.search(question):
            return None
        weights = normalised(self.count(question, question=True))
        return weights if weights and max(weights) == 1 else None

    def _suffix_place(self, word: str) -> int | None:
        for pattern, others, place in self._suffixes:
            if pattern.fullmatch(word):
                return None if word in others or word.removesuffix("s") in others else place
        return None


def _digits(text: str, at: int) -> int:
    while at < len(text) and not text[at].isdigit():
        at += 1
    return at


def _split(words: str) -> list[str]:
    return [" ".join(word.split()) for word in words.split(",") if word.strip()]
