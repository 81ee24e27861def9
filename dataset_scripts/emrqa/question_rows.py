"""The rows of every corpus of questions: SQuAD's fields, a category as five probabilities, what stays together."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import datasets
import pyarrow as pa

from secondopinion.core.fingerprint import RowFingerprint

from .soft_labels import CATEGORIES

SCHEMA_VERSION = 1
BATCH = 1000
BATCH_CHARACTERS = 1 << 24
UNLABELLED = "unlabelled"
NO_TASK = "question: neither span nor category"
NO_CATEGORY = (0.0,) * len(CATEGORIES)
META = ("note_id", "dataset", "template", "logical_form", "answer_type", "class_label")
_SHOWN_PLACES = 20
_TEXT = datasets.Value("string")
FEATURES = datasets.Features(
    {
        "id": _TEXT,
        "title": _TEXT,
        "context": _TEXT,
        "question": _TEXT,
        "answers": {"text": datasets.List(_TEXT), "answer_start": datasets.List(datasets.Value("int32"))},
        "category_probs": datasets.List(datasets.Value("float32")),
        "category_source": _TEXT,
        "span_labelled": datasets.Value("bool"),
        "group": _TEXT,
        "meta": {name: _TEXT for name in META},
    }
)


@dataclass(frozen=True)
class Span:
    """Where an answer stands in its context: `context[start:end]`."""

    start: int
    end: int


def question_row(
    *,
    id: str,
    title: str,
    context: str,
    question: str,
    spans: Iterable[Span],
    span_labelled: bool,
    category_probs: Sequence[float] = NO_CATEGORY,
    category_source: str = "",
    group: str,
    meta: dict[str, str | None],
) -> dict[str, Any]:
    """Return one row of `FEATURES`; the answers are cut from the context, so that offsets and texts agree.

    >>> row = question_row(id="1", title="", context="Fever for days.", question="How long?", spans=[Span(6, 14)],
    ...     span_labelled=True, group="note", meta={})
    >>> row["answers"]
    {'text': ['for days'], 'answer_start': [6]}
    """
    spans = list(spans)
    return {
        "id": id,
        "title": title,
        "context": context,
        "question": question,
        "answers": {"text": [context[s.start : s.end] for s in spans], "answer_start": [s.start for s in spans]},
        "category_probs": [float(value) for value in category_probs],
        "category_source": category_source,
        "span_labelled": span_labelled,
        "group": group,
        "meta": {name: meta.get(name) for name in META},
    }


@dataclass
class QuestionTally:
    """Counts of what was read, written, left out and why.

    Attributes:
        read: questions of the source, each with all its paraphrases one.
        dropped: what is in no row, by reason.
        merged: what became a part of another row, by what it is.
        places: of dropped things the first few places in the file, by reason; a place holds no text.
    """

    read: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    merged: Counter[str] = field(default_factory=Counter)
    places: dict[str, list[str]] = field(default_factory=dict)
    rows: int = 0
    categories: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    datasets: Counter[str] = field(default_factory=Counter)
    groups: Counter[str] = field(default_factory=Counter)
    notes: set[str] = field(default_factory=set)
    templates: set[str] = field(default_factory=set)
    fingerprint: RowFingerprint = field(default_factory=RowFingerprint)
    answers: int = 0
    soft: int = 0
    unanswerable: int = 0
    span_unlabelled: int = 0
    several_answers: int = 0
    longest_answer_words: int = 0
    longest_context: int = 0

    def drop(self, reason: str, place: str) -> None:
        """Count one thing that is in no row."""
        self.dropped[reason] += 1
        shown = self.places.setdefault(reason, [])
        if len(shown) < _SHOWN_PLACES:
            shown.append(place)

    def add(self, row: dict[str, Any]) -> None:
        """Count one final row."""
        probs, texts, meta = row["category_probs"], row["answers"]["text"], row["meta"]
        name = CATEGORIES[probs.index(max(probs))] if any(probs) else UNLABELLED
        self.rows += 1
        self.categories[name] += 1
        self.sources[row["category_source"]] += 1
        self.datasets[meta["dataset"] or ""] += 1
        self.groups[row["group"]] += 1
        self.notes.add(f"{meta['dataset']} {meta['note_id']}")
        if meta["template"]:
            self.templates.add(meta["template"])
        self.soft += sum(value > 0 for value in probs) > 1
        self.answers += len(texts)
        self.several_answers += len(texts) > 1
        self.span_unlabelled += not row["span_labelled"]
        self.unanswerable += row["span_labelled"] and not texts
        self.longest_answer_words = max(self.longest_answer_words, *(len(text.split()) for text in texts), 0)
        self.longest_context = max(self.longest_context, len(row["context"]))
        answers = [texts, row["answers"]["answer_start"], row["span_labelled"]]
        self.fingerprint.update([row["id"], _digest(row["context"]), row["question"], answers, probs, row["group"]])

    def facts(self) -> dict[str, Any]:
        """Return the counts, for prepare.json."""
        return {
            "schema_version": SCHEMA_VERSION,
            "label_names": list(CATEGORIES),
            "rows": self.rows,
            "class_counts": {name: self.categories[name] for name in (*CATEGORIES, UNLABELLED)},
            "category_sources": {k or "none": v for k, v in sorted(self.sources.items())},
            "soft_categories": self.soft,
            "answers": self.answers,
            "rows_with_several_answers": self.several_answers,
            "unanswerable": self.unanswerable,
            "span_unlabelled": self.span_unlabelled,
            "longest_answer_words": self.longest_answer_words,
            "longest_context_characters": self.longest_context,
            "read": self.read,
            "dropped": dict(sorted(self.dropped.items())),
            "dropped_at": {reason: places for reason, places in sorted(self.places.items())},
            "merged": {what: count for what, count in sorted(self.merged.items()) if count},
            "datasets": dict(sorted(self.datasets.items())),
            "notes": len(self.notes),
            "templates": len(self.templates),
            "groups": len(self.groups),
            "duplicates": {"largest_group": max(self.groups.values(), default=0)},
            "fingerprint": self.fingerprint.hexdigest(),
        }


def tables(rows: Iterable[dict[str, Any]], tally: QuestionTally) -> Iterator[tuple[int, pa.Table]]:
    """Yield rows as Arrow tables and count them; a row that teaches neither task is dropped.

    A table has at most `BATCH` rows, and fewer where their contexts reach `BATCH_CHARACTERS`: each row carries its
    whole context, so that a thousand rows of very long notes would be gigabytes.
    """
    schema, batch, number, characters = FEATURES.arrow_schema, [], 0, 0
    for row in rows:
        if not row["span_labelled"] and not any(row["category_probs"]):
            tally.drop(NO_TASK, row["id"])
            continue
        tally.add(row)
        batch.append(row)
        characters += len(row["context"])
        if len(batch) == BATCH or characters >= BATCH_CHARACTERS:
            yield number, pa.Table.from_pylist(batch, schema=schema)
            batch, number, characters = [], number + 1, 0
    if batch:
        yield number, pa.Table.from_pylist(batch, schema=schema)


@lru_cache(maxsize=4)
def _digest(text: str) -> str:
    return hashlib.sha1(text.encode("utf-8", "surrogatepass")).hexdigest()
