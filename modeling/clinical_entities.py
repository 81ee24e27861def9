"""Clinical entities of a text by dictionary and regular expression."""

import os
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from .entity_terms import PATTERNS, builtin_terms
from .measurements import Measurement, find_measurements
from .term_files import read_terms
from .term_folding import fold
from .term_matcher import TermMatcher

MEASUREMENT = "measurement"
# Between the words of a term: these end a sentence, an item or a paragraph, so no term runs over them.
BREAKS = re.compile(r"[.,;:!?()\[\]{}<>|\"=]|\n\s*\n")


class Entity(NamedTuple):
    """A stretch of a text: characters `start` to `end` (not included), its kind, and what it was found by."""

    start: int
    end: int
    kind: str
    term: str


class EntityFinder:
    """Finds entities in a text: terms of a dictionary, regular expressions and, by choice, measurements.

    A term is found as whole words, whatever their case and accents, across line breaks, runs of blanks and hyphens,
    but not across a punctuation mark that it does not hold itself. Where entities overlap, the one that begins first
    stays, and of those that begin together the longest; of those of the same length a term stands before a pattern,
    that before a measurement, and of two terms the one given first. Offsets are characters of the text as it is.

    Args:
        terms: None for those of this project (`entity_terms`), or a list, a mapping from kinds to lists, or the path
            of a text file with a term a line and, after a tab, its kind. A term in several kinds has the first one.
            `*cillin` stands for every word with that ending.
        patterns: a mapping from kinds to a regular expression or several, read in any case; None for those of this
            project beside its own terms, and for none beside yours.
        measurements: whether measurements are entities too, of kind `measurement`.
        automaton: whether terms are read by pyahocorasick; by default where that is installed and has room for them
            (see `TermMatcher`). What is found is the same.

    Raises:
        ValueError: the terms are empty or of another form, or a pattern is no regular expression.

    >>> find = EntityFinder({"problem": ["chest pain", "pain"], "drug": ["*cillin"]})
    >>> find("Chest\\npain, no other pain. Amoxicillin given.")[0]
    Entity(start=0, end=10, kind='problem', term='chest pain')
    >>> [(entity.kind, entity.term) for entity in find("PAIN: Amoxicillin")]
    [('problem', 'pain'), ('drug', '*cillin')]
    """

    def __init__(
        self,
        terms: Iterable[str] | Mapping[str, Iterable[str]] | str | os.PathLike | None = None,
        patterns: Mapping[str, str | Iterable[str]] | None = None,
        measurements: bool = False,
        automaton: bool | None = None,
    ) -> None:
        self.terms, self.kinds, self.places = read_terms(builtin_terms() if terms is None else terms)
        self._matcher = TermMatcher(self.terms, automaton)
        if not len(self._matcher):
            raise ValueError("no term of the dictionary holds a letter or a digit; give terms such as 'chest pain'")
        if patterns is None and terms is None:
            given = [(kind, *one) for kind, several in PATTERNS.items() for one in several]
        else:
            given = [(kind, (" ",), one) for kind, several in (patterns or {}).items() for one in _several(several)]
        self._patterns = [(kind, cues, _compiled(kind, pattern)) for kind, cues, pattern in given]
        self.measurements = measurements

    def __call__(self, text: str, measurements: Iterable[Measurement] | None = None) -> list[Entity]:
        """Return the entities of a text in its order, none overlapping.

        Args:
            text: as it is.
            measurements: those of the text, where they were found before.
        """
        folded, places = fold(text)
        found = self._terms_in(text, folded, places)
        for kind, cues, pattern in self._patterns:
            if any(cue in folded for cue in cues):
                found += [
                    (match.start(), -match.end(), 1, 0, Entity(match.start(), match.end(), kind, match[0]))
                    for match in pattern.finditer(text)
                    if match.end() > match.start()
                ]
        if self.measurements:
            known = find_measurements(text) if measurements is None else measurements
            found += [(m.start, -m.end, 2, 0, measurement_entity(m)) for m in known]
        return _without_overlaps(found)

    def _terms_in(self, text: str, folded: str, places: np.ndarray) -> list[tuple[int, int, int, int, Entity]]:
        found = []
        for start, end, rank in self._matcher.find(folded):
            first, last = int(places[start]), int(places[end - 1]) + 1
            while last < len(text) and unicodedata.combining(text[last]):
                last += 1
            term = self.terms[rank]
            if " " in folded[start:end]:
                breaks = BREAKS.findall(text, first, last)
                if breaks and breaks != BREAKS.findall(term):
                    continue
            found.append((first, -last, 0, rank, Entity(first, last, self.kinds[self.places[rank]], term)))
        return found


def measurement_entity(measurement: Any) -> Entity:
    """Return a measurement as an entity, with its canonical spelling for a term."""
    return Entity(measurement.start, measurement.end, MEASUREMENT, measurement.canonical)


def merge_entities(*found: Iterable[Entity]) -> list[Entity]:
    """Return entities of several finders as one would give them: of equal ones those of the first finder stay.

    >>> merge_entities([Entity(4, 8, "problem", "pain")], [Entity(4, 8, "symptom", "pain"), Entity(0, 2, "drug", "x")])
    [Entity(start=0, end=2, kind='drug', term='x'), Entity(start=4, end=8, kind='problem', term='pain')]
    """
    return _without_overlaps(
        [(one.start, -one.end, order, 0, one) for order, entities in enumerate(found) for one in entities]
    )


def _without_overlaps(found: list[tuple[int, int, int, int, Entity]]) -> list[Entity]:
    entities, end = [], 0
    for start, _, _, _, entity in sorted(found, key=lambda one: one[:4]):
        if start >= end:
            entities.append(entity)
            end = entity.end
    return entities


def _several(patterns: str | Iterable[str]) -> list[str]:
    return [patterns] if isinstance(patterns, str) else list(patterns)


def _compiled(kind: str, pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern, re.IGNORECASE)
    except (re.error, TypeError) as error:
        raise ValueError(f"a pattern of kind {kind!r} is no regular expression: {error}") from error


__all__ = ["MEASUREMENT", "Entity", "EntityFinder", "measurement_entity", "merge_entities"]
