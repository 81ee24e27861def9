"""Lines → one row a sentence: its label, its relations, and where the annotated words are in it.

A sentence is positive (`Related`) when at least one relation between a drug and an adverse effect was annotated
in it, also where a copy of it stands among the negative sentences. Copies of one sentence in several articles are
one row that carries all the PubMed ids.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .lines import DOSES, EFFECTS, NEGATIVES, Line, Mention, RawFile

LABEL_NAMES = ("Not-Related", "Related")
DOSE_ONLY = f"{DOSES}: sentence is in neither of the other files"
REPEATED = "the same line again"


@dataclass
class Sentence:
    """One row to be.

    Attributes:
        text: the sentence as it was first met, without white space at its ends.
        pubmed_ids: of the articles it stands in, in order of their numbers.
        relations: of `DRUG-AE.rel`.
        doses: of `DRUG-DOSE.rel`.
        negative: whether it stands in `ADE-NEG.txt`.
    """

    text: str
    pubmed_ids: list[str] = field(default_factory=list)
    relations: list[Line] = field(default_factory=list)
    doses: list[Line] = field(default_factory=list)
    negative: bool = False

    @property
    def label(self) -> int:
        """1 where a relation was annotated, else 0."""
        return int(bool(self.relations))

    @property
    def id(self) -> str:
        """The first PubMed id with ten digits of the text's SHA-1."""
        return f"{self.pubmed_ids[0]}-{hashlib.sha1(self.text.encode()).hexdigest()[:10]}"


@dataclass
class Collected:
    """All sentences, and what became of the lines that are not a row of their own.

    Attributes:
        sentences: in order of PubMed id, then of their ids.
        dropped: lines whose content is in no row, by reason.
        merged: lines that tell more of a sentence which another line gave, by what they tell.
        both: sentences that stand among the positive and the negative ones.
    """

    sentences: list[Sentence]
    dropped: Counter[str]
    merged: Counter[str]
    both: int


def collect(files: Mapping[str, RawFile]) -> Collected:
    """Merge the lines of all files into unique sentences."""
    found: dict[str, Sentence] = {}
    articles: dict[str, set[str]] = {}
    dropped: Counter[str] = Counter()
    merged: Counter[str] = Counter()
    both = 0
    for name, what in (
        (EFFECTS, "further relation of a sentence"),
        (NEGATIVES, "negative sentence in another article"),
        (DOSES, "dose of a sentence"),
    ):
        seen: set[Line] = set()
        for line in files[name].lines if name in files else ():
            if line in seen:
                dropped[f"{name}: {REPEATED}"] += 1
                continue
            seen.add(line)
            sentence = found.get(line.sentence)
            if sentence is None and name == DOSES:
                dropped[DOSE_ONLY] += 1
                continue
            if sentence is None:
                sentence = found[line.sentence] = Sentence(line.sentence)
            elif name == NEGATIVES and sentence.relations:
                both += not sentence.negative
                merged["negative copy of a positive sentence"] += 1
            else:
                merged[what] += 1
            articles.setdefault(line.sentence, set()).add(line.pubmed_id)
            if name == NEGATIVES:
                sentence.negative = True
            else:
                (sentence.relations if name == EFFECTS else sentence.doses).append(line)
    for text, sentence in found.items():
        sentence.pubmed_ids = sorted(articles[text], key=number_order)
    ordered = sorted(found.values(), key=lambda s: (number_order(s.pubmed_ids[0]), s.id))
    return Collected(ordered, dropped, merged, both)


def number_order(pubmed_id: str) -> tuple[int, str]:
    """Return a key that orders PubMed ids as numbers."""
    return int(pubmed_id), pubmed_id


def relation_rows(sentence: Sentence) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the relations and the doses of a sentence with the places of their words in it.

    A document-level place minus the sentence's begin is the place in the sentence. That begin is not given; it is
    found as the one offset at which all annotated words of an article's sentence are where they should be. Where no
    such offset exists, or several, words that occur once are placed there, and all others nowhere (None).
    """
    begins: dict[str, int | None] = {}
    for pubmed_id in sentence.pubmed_ids:
        lines = [line for line in (*sentence.relations, *sentence.doses) if line.pubmed_id == pubmed_id]
        begins[pubmed_id] = _begin(sentence.text, lines)

    def rows(lines: Iterable[Line], entity: str) -> Iterator[dict[str, Any]]:
        for line in lines:
            begin = begins[line.pubmed_id]
            if begin is None:
                begin = _begin(sentence.text, [line])
            yield {
                "pubmed_id": line.pubmed_id,
                entity: _placed(sentence.text, line.entity, begin),
                "drug": _placed(sentence.text, line.drug, begin),
            }

    return list(rows(sentence.relations, "adverse_effect")), list(rows(sentence.doses, "dose"))


def _begin(text: str, lines: Iterable[Line]) -> int | None:
    """Return where the sentence begins in its document, or None when the lines do not settle it."""
    possible: set[int] | None = None
    for line in lines:
        for mention in (line.entity, line.drug):
            places = {mention.begin - place for place in _occurrences(text, mention.text)}
            possible = places if possible is None else possible & places
    return possible.pop() if possible is not None and len(possible) == 1 else None


def _placed(text: str, mention: Mention, begin: int | None) -> dict[str, Any]:
    start = None if begin is None else mention.begin - begin
    if start is None:
        places = _occurrences(text, mention.text)
        start = places[0] if len(places) == 1 else None
    return {
        "text": mention.text,
        "start": start,
        "end": None if start is None else start + len(mention.text),
        "document_start": mention.begin,
        "document_end": mention.end,
    }


def _occurrences(text: str, words: str) -> list[int]:
    """Return all places of `words` in `text`, overlapping ones too."""
    places, place = [], text.find(words)
    while place >= 0:
        places.append(place)
        place = text.find(words, place + 1)
    return places
