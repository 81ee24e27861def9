"""The rows that a model of questions and answers sees, checked before anything is trained."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import InputError, closest
from ...core.fingerprint import RowFingerprint
from ...core.policy import PUBLIC_UNKNOWN
from ...modeling.configuration_multitask_qa import CATEGORIES
from ..data import open_dataset
from ..qa_recipe import AnswerDatasetSpec

UNLABELLED = "unlabelled"
BATCH_ROWS = 512
TOLERANCE = 1e-3


@dataclass(frozen=True)
class QuestionAnsweringData:
    """Questions with their texts and answers; the texts stay on disk until they are read.

    Attributes:
        dataset: the rows, with at least `context` and `question`.
        ids: (rows,) strings.
        groups: (rows,) strings: what must not straddle folds.
        answers: (rows,) lists of (start, end) characters of the gold answers; empty where there is no answer.
        category_probs: (rows, 5) float32 that sum to one, or are zero in a row without a category.
        span_labelled: (rows,) bool: whether the answer, or that there is none, is known.
        category_sources: how many rows have their category from which source.
        fingerprint: of ids, texts, questions, answers and categories.
        facts: what `prepare` recorded; empty for other data sets.
        name: of the corpus.
        sampled: {rows, of, seed} where the recipe drew some of the rows, else None.
    """

    dataset: Any
    ids: np.ndarray
    groups: np.ndarray
    answers: list[list[tuple[int, int]]]
    category_probs: np.ndarray
    span_labelled: np.ndarray
    category_sources: dict[str, int]
    fingerprint: str
    facts: dict[str, Any]
    name: str
    sampled: dict[str, int] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def answerable(self) -> np.ndarray:
        """(rows,) bool: whether an answer is given."""
        return np.array([bool(spans) for spans in self.answers], dtype=bool)

    @property
    def unanswerable(self) -> np.ndarray:
        """(rows,) bool: whether it is known that there is no answer."""
        return self.span_labelled & ~self.answerable

    @property
    def has_category(self) -> np.ndarray:
        """(rows,) bool: whether a category is given."""
        return self.category_probs.any(axis=1)

    @property
    def dominant_categories(self) -> np.ndarray:
        """(rows,) the name of the most probable category (the first of equals), or `unlabelled`."""
        names = np.array([*CATEGORIES, UNLABELLED])
        return names[np.where(self.has_category, self.category_probs.argmax(axis=1), len(CATEGORIES))]

    def strata(self, strategy: str, n_splits: int) -> np.ndarray:
        """Return (rows,) dominant categories and whether there is an answer; rare ones merged."""
        from .folds import strata

        return strata(self, np.arange(len(self)), n_splits, strategy != "stratified")

    def texts(self, rows: np.ndarray) -> Iterator[tuple[list[int], list[str], list[str]]]:
        """Yield (rows, questions, contexts) of some rows, a few hundred at a time."""
        for start in range(0, len(rows), BATCH_ROWS):
            chosen = rows[start : start + BATCH_ROWS]
            batch = self.dataset.select(chosen)
            yield chosen.tolist(), list(batch["question"]), list(batch["context"])

    def require(self, tasks: Sequence[str]) -> None:
        """Check that the rows can teach the tasks.

        Raises:
            InputError: no row has a category, or none has a span, for a task that is trained.
        """
        if "category" in tasks and not self.has_category.any():
            raise InputError(
                f"{self.name}: the category task is trained, but no row has a category. Label the rows "
                "(secondopinion prepare emrqa does; for rows of your own fill category_probs with five probabilities "
                f"for {', '.join(CATEGORIES)}), or train the answer alone: set model.tasks: [span]"
            )
        if "span" in tasks and not (self.span_labelled & self.answerable).any():
            raise InputError(
                f"{self.name}: the span task is trained, but no row has an answer. Give answers with answer_start, or "
                "train the category alone: set model.tasks: [category]"
            )

    def describe(self) -> dict[str, Any]:
        """Return what run.json records about the data: counts and names, no text, no path."""
        dominant = self.dominant_categories
        counts = {name: int((dominant == name).sum()) for name in (*CATEGORIES, UNLABELLED)}
        return {
            "name": self.name,
            "config": self.facts.get("config"),
            "source": self.facts.get("source"),
            "fingerprint": self.fingerprint,
            "rows": len(self),
            "sampled": self.sampled,
            "class_counts": counts,
            "category_sources": self.category_sources,
            "soft_categories": int(((self.category_probs > 0).sum(axis=1) > 1).sum()),
            "unanswerable": int(self.unanswerable.sum()),
            "span_unlabelled": int((~self.span_labelled).sum()),
            "groups": len(np.unique(self.groups)),
            "date_range": self.facts.get("date_range"),
            "policy": self.facts.get("policy") or PUBLIC_UNKNOWN.as_dict(),
            "synthetic": bool(self.facts.get("synthetic", False)),
            "facts": {
                key: self.facts[key]
                for key in ("categories", "dropped", "duplicates", "options", "read", "split")
                if key in self.facts
            },
        }


def load_questions(spec: AnswerDatasetSpec, cache: Path | None = None) -> QuestionAnsweringData:
    """Load the rows that a recipe names: a prepared folder, or any data set with the fields of SQuAD.

    Args:
        spec: the recipe's `dataset` section.
        cache: folder for Arrow files; the library's own cache when left out.

    Raises:
        InputError: nothing is there, a column is missing, or a row is wrong; see `from_rows`.
    """
    dataset, name, facts = open_dataset(spec, cache)
    return from_rows(dataset, spec, name=name, facts=facts)


def from_rows(
    dataset: Any, spec: AnswerDatasetSpec, *, name: str, facts: dict[str, Any] | None = None
) -> QuestionAnsweringData:
    """Check a `datasets.Dataset` with the fields of SQuAD.

    Columns that may be missing: `category_probs` (then no row has a category), `category_source`, `span_labelled`
    (then every row has a span, or is known to have none), the id (then rows are numbered), the group (then rows of one
    context are a group). With `spec.sample` so many rows are drawn, and only these are read.

    Raises:
        InputError: a column is missing, an id repeats, a text is empty, an answer is not where it is said to be,
            probabilities are none or name no source, or there are fewer rows than are to be drawn.
    """
    columns = dataset.column_names
    for column in ("context", "question", "answers"):
        if column not in columns:
            if {"text", "label"} <= set(columns):
                raise InputError(
                    f"{name} has texts with labels, not questions with answers; train it with a recipe of a "
                    "classifier, such as maude_offline"
                )
            raise InputError(
                f"{name} has no column {column!r}; {closest(column, columns)}. A row has the fields of SQuAD: context, "
                "question, answers {text, answer_start}"
            )
    if len(dataset) == 0:
        raise InputError(f"{name} has no rows in split {spec.split!r}")
    numbers, sampled = np.arange(len(dataset)), None
    if spec.sample is not None:
        if spec.sample > len(dataset):
            raise InputError(
                f"dataset: sample is {spec.sample:,}, but {name} has {len(dataset):,} rows in split {spec.split!r}; "
                "leave it out to take them all"
            )
        sampled = {"rows": spec.sample, "of": len(dataset), "seed": spec.sample_seed}
        draw = np.random.default_rng([spec.sample_seed, 2]).choice(len(dataset), spec.sample, replace=False)
        numbers = np.sort(draw)
        dataset = dataset.select(numbers)
    reader = _Reader(name)
    optional = [spec.id_column, spec.group_column, "category_probs", "category_source", "span_labelled"]
    wanted = ["context", "question", "answers", *(column for column in optional if column in columns)]
    for batch in dataset.select_columns(list(dict.fromkeys(wanted))).iter(batch_size=BATCH_ROWS):
        begin = len(reader.ids)
        numbered = numbers[begin : begin + len(batch["context"])].tolist()
        for row, identifier in enumerate(batch.get(spec.id_column, numbered)):
            reader.add(str(identifier), {column: batch[column][row] for column in wanted}, spec.group_column)
    reader.check()
    return QuestionAnsweringData(
        dataset=dataset,
        ids=np.array(reader.ids),
        groups=np.array(reader.groups),
        answers=reader.answers,
        category_probs=np.array(reader.category_probs, dtype=np.float32),
        span_labelled=np.array(reader.span_labelled, dtype=bool),
        category_sources=dict(sorted(reader.sources.items())),
        fingerprint=reader.fingerprint.hexdigest(),
        facts=facts or {},
        name=name,
        sampled=sampled,
    )


class _Reader:
    """Reads rows one after another and remembers, for each kind of mistake, the ids of the rows that make it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ids: list[str] = []
        self.groups: list[str] = []
        self.answers: list[list[tuple[int, int]]] = []
        self.category_probs: list[list[float]] = []
        self.span_labelled: list[bool] = []
        self.sources: dict[str, int] = {}
        self.fingerprint = RowFingerprint()
        self.mistakes: dict[str, list[str]] = {}
        self._context, self._digest = "", hashlib.sha256(b"").hexdigest()

    def add(self, identifier: str, row: dict[str, Any], group_column: str) -> None:
        """Read one row."""
        context, question = row["context"], row["question"]
        for role, text in (("context", context), ("question", question)):
            if not (isinstance(text, str) and text.strip()):
                self._mistake(f"have an empty {role}; drop them first", identifier)
        context = context if isinstance(context, str) else ""
        if context != self._context:  # rows of one context follow each other: it is hashed once
            self._context = context
            self._digest = hashlib.sha256(context.encode("utf-8", "surrogatepass")).hexdigest()
        spans = self._spans(identifier, row["answers"], context)
        probabilities = self._probabilities(identifier, row.get("category_probs"))
        labelled = row.get("span_labelled")
        labelled = True if labelled is None else bool(labelled)
        if any(probabilities):
            source = row.get("category_source", "given")
            if not source:
                self._mistake(
                    "have category_probs without a category_source; say where the category is from (logical_form, "
                    "umls, lexicon, given), or leave the column out for categories that were given",
                    identifier,
                )
            self.sources[source] = self.sources.get(source, 0) + 1
        group = row.get(group_column)
        self.ids.append(identifier)
        self.groups.append(f"context {self._digest[:16]}" if group is None else str(group))
        self.answers.append(spans if labelled else [])
        self.category_probs.append(probabilities)
        self.span_labelled.append(labelled)
        rounded = [round(value, 6) for value in probabilities]
        self.fingerprint.update([identifier, self._digest, question, spans, rounded, labelled])

    def _spans(self, identifier: str, answers: Any, context: str) -> list[tuple[int, int]]:
        """Return the (start, end) characters of a row's answers."""
        if isinstance(answers, list):
            answers = {key: [answer.get(key) for answer in answers] for key in ("text", "answer_start")}
        answers = answers or {}
        texts, starts = answers.get("text"), answers.get("answer_start")
        texts, starts = ([] if texts is None else list(texts)), ([] if starts is None else list(starts))
        if len(texts) != len(starts):
            self._mistake(
                "have answers.text and answers.answer_start of different lengths; give one of each", identifier
            )
            return []
        spans = []
        for text, start in zip(texts, starts, strict=True):
            if not isinstance(text, str) or not text:
                self._mistake("have an answer without text; an unanswerable row has empty lists", identifier)
            elif isinstance(start, bool) or not isinstance(start, int) or not 0 <= start <= len(context) - len(text):
                self._mistake("have an answer outside the context; answer_start counts characters from 0", identifier)
            elif context[start : start + len(text)] != text:
                self._mistake(
                    "have an answer that is not at its answer_start (context[answer_start : answer_start + "
                    "len(text)] must be the text); correct the offsets, and do not trim or normalise the context",
                    identifier,
                )
            else:
                spans.append((start, start + len(text)))
        return spans

    def _probabilities(self, identifier: str, value: Any) -> list[float]:
        """Return the five probabilities of a row, zeros where it has none."""
        nothing = [0.0] * len(CATEGORIES)
        if value is None:
            return nothing
        if len(value) != len(CATEGORIES) or any(p is None or not 0 <= p <= 1 + TOLERANCE for p in value):
            self._mistake(
                f"have category_probs that are not five probabilities ({', '.join(CATEGORIES)}); give five numbers "
                "from 0 to 1",
                identifier,
            )
            return nothing
        total = float(sum(value))
        if total and abs(total - 1) > TOLERANCE:
            self._mistake(
                "have category_probs that do not sum to one; normalise them, or give zeros for a row without a "
                "category",
                identifier,
            )
            return nothing
        return [float(p) / total for p in value] if total else nothing

    def _mistake(self, text: str, identifier: str) -> None:
        self.mistakes.setdefault(text, []).append(identifier)

    def check(self) -> None:
        """Raise the mistakes that were found, with the ids of the first rows."""
        for text, ids in self.mistakes.items():
            ids = list(dict.fromkeys(ids))
            shown = ", ".join(ids[:5]) + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")
            raise InputError(f"{self.name}: {len(ids)} of {len(self.ids)} rows {text}. Rows: {shown}")
        if len(set(self.ids)) != len(self.ids):
            raise InputError(
                f"{self.name}: {len(self.ids) - len(set(self.ids))} ids occur more than once; a row's id must be unique"
            )
