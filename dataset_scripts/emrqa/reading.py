"""Notes in emrQA's form → rows: which spans answer a question, what is dropped and why.

Rules, in the order in which they are tried for one question:

1. An answer counts where its text is found in its line (`note_lines`). With `span="line"` it is its evidence line
   instead, which must be the text at its number. What is not where it should be is dropped, never searched elsewhere.
2. All entities of a `complex` answer are spans of their own, as SQuAD's further answers are.
3. A class label ("yes", "CURRENT SMOKER", a disease without a line) is no span: with no other answer the row has
   `span_labelled` False and takes part in the category task alone.
4. `empty` answers name no entity: with no other answer the question is unanswerable. With `span="line"` they have an
   evidence line like all others.
5. A question all of whose answers were dropped is dropped.
6. A question that a note was asked before, with the same spans, is one row. The published obesity questions come once
   with each of "yes", "no" and "UNK": the row keeps the first label, and the others are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Protocol

from .configuration import ReadingOptions
from .note_groups import NoteGroups
from .note_lines import NO_EVIDENCE, NO_PLACE, Found, NoteLines
from .question_rows import NO_CATEGORY, QuestionTally, Span, question_row
from .sampling import draw
from .shapes import COMPLEX, EMPTY, SINGLE, Answer, Paragraph, Part, Question, read_question

CLASS = "class"
YES_NO = frozenset({"yes", "no", "unk"})
CLASS_LABELS = YES_NO | {"unknown", "past smoker", "current smoker", "smoker", "non-smoker", "non smoker"}
TOO_LONG = "answers: longer than max_answer_words"
NO_ANSWERS = "question: no answer is given"
NO_ANSWER_LEFT = "question: none of its answers could be used"
NO_QUESTION = "question: empty"
NO_CONTEXT = "context: empty"
NOT_SAMPLED = "question: not in the sample"
REPEATED = "question: asked of the note before, with the same answers"
SAME_SPAN = "the same span again"
OTHER_LABEL = "the same question of the note with another class label"
BESIDE = "class label or empty answer beside a span"
_NUMBERING_EVIDENCE = 300


class Labeller(Protocol):
    """Gives a category; see `categories.CategoryLabeller`."""

    def label(self, question: str, answers: Any, logical_form: str) -> Any:
        """Return an object with `probs` (five) and `source`."""
        ...


class NoteReader:
    """Makes rows of notes in emrQA's form.

    Args:
        options: what becomes of questions and answers.
        tally: counts what is read, merged and dropped.
        labeller: gives the categories; None leaves the rows unlabelled.
    """

    def __init__(self, options: ReadingOptions, tally: QuestionTally, labeller: Labeller | None) -> None:
        self.options, self.tally, self.labeller = options, tally, labeller
        self.groups = NoteGroups()
        self.numberings: dict[str, Counter[str]] = {}
        self.found: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()

    def rows(
        self, paragraph: Paragraph, dataset: str, number: int, keep: Callable[[], bool] = lambda: True
    ) -> Iterator[dict[str, Any]]:
        """Yield the rows of one note.

        Args:
            paragraph: the note.
            dataset: the name of its sub-dataset.
            number: the note's number in it, which makes ids unique where a note comes several times.
            keep: asked once for each question: whether it is in the sample.

        Raises:
            InputError: a question is nested wrongly; names its place.
        """
        note = NoteLines(paragraph.context)
        if not note.text.strip():
            for _, _, path in paragraph:
                keep()
                self.tally.read += 1
                self.tally.drop(NO_CONTEXT, path)
            return
        group = self.groups.name(f"{dataset}-{paragraph.note_id}", note.text)
        numbering = note.numbering(_evidence(paragraph))
        self.numberings.setdefault(dataset, Counter())[numbering] += 1
        met: dict[tuple, str | None] = {}
        for place, element, path in paragraph:
            self.tally.read += 1
            if not keep():
                self.tally.drop(NOT_SAMPLED, path)
                continue
            question = read_question(element, path)
            answered = self._spans(question, note, numbering)
            if answered is None:
                continue
            spans, kind, label, ways = answered
            kept = False
            for turn, words, template in self._chosen(question, f"{dataset} {paragraph.note_id} {number} {place}"):
                key = (words, kind, *((s.start, s.end) for s in spans))
                if key in met:
                    if met[key] == label:
                        self.tally.drop(REPEATED, path)
                    else:
                        self.tally.merged[OTHER_LABEL] += 1
                    continue
                met[key], kept = label, True
                yield self._row(
                    question,
                    words,
                    spans,
                    id=f"{dataset}-{paragraph.note_id}-{number}-{place}-{turn}",
                    title=f"{dataset}-{paragraph.note_id}",
                    context=note.text,
                    group=self._group(group, template or words, question.logical_form),
                    span_labelled=kind != CLASS,
                    meta={
                        "note_id": paragraph.note_id,
                        "dataset": dataset,
                        "template": template or None,
                        "logical_form": question.logical_form or None,
                        "answer_type": kind,
                        "class_label": label,
                    },
                )
            self.kinds[kind] += kept
            self.found.update(ways if kept else ())

    def facts(self) -> dict[str, Any]:
        """Return how answers were found, for prepare.json."""
        return {
            "answer_types": dict(sorted(self.kinds.items())),
            "answers_found": dict(sorted(self.found.items())),
            "numbering": {name: dict(sorted(counts.items())) for name, counts in sorted(self.numberings.items())},
            "notes_with_the_text_of_another": self.groups.shared,
        }

    def _row(self, question: Question, words: str, spans: list[Span], **columns: Any) -> dict[str, Any]:
        probs, source = NO_CATEGORY, ""
        if self.labeller is not None:
            texts = [part.text for answer in question.answers for part in answer.parts if part.text]
            category = self.labeller.label(words, texts, question.logical_form)
            probs, source = category.probs, category.source
        return question_row(question=words, spans=spans, category_probs=probs, category_source=source, **columns)

    def _group(self, note: str, template: str, logical_form: str) -> str:
        split = self.options.split
        return note if split == "note" else (logical_form if split == "logical_form" else "") or template.lower()

    def _chosen(self, question: Question, name: str) -> Iterator[tuple[int, str, str]]:
        """Yield (number, question, template) of the paraphrases that are rows."""
        numbered = [(number, *pair) for number, pair in enumerate(question.paraphrases)]
        if not numbered:
            self.tally.drop(NO_QUESTION, question.path)
        elif self.options.paraphrases == "all":
            yield from numbered
        else:
            yield numbered[0] if self.options.paraphrases == "first" else draw(numbered, self.options.seed, name)

    def _spans(
        self, question: Question, note: NoteLines, numbering: str
    ) -> tuple[list[Span], str, str | None, list[str]] | None:
        """Return (spans, kind of the answer, class label, how each was found); None where the question is dropped."""
        if not question.answers:
            self.tally.drop(NO_ANSWERS, question.path)
            return None
        spans: dict[tuple[int, int], Span] = {}
        ways: list[str] = []
        kinds: Counter[str] = Counter()
        label = None
        for answer in question.answers:
            for part in answer.parts or (None,):
                found = answer.problem if part is None else self._place(answer, part, note, numbering)
                if isinstance(found, Found):
                    span = found.span
                    kinds[COMPLEX if answer.kind == COMPLEX else SINGLE] += 1
                    if (span.start, span.end) in spans:
                        self.tally.merged[SAME_SPAN] += 1
                    else:
                        ways.append(found.how)
                        spans[span.start, span.end] = span
                elif found in (CLASS, EMPTY):
                    kinds[found] += 1
                    label = label or (part.text if found == CLASS else None)
                else:
                    self.tally.drop(found, answer.path)
        if spans:
            self.tally.merged[BESIDE] += kinds[CLASS] + kinds[EMPTY]
            ordered = [spans[key] for key in sorted(spans)]
            return ordered, COMPLEX if kinds[COMPLEX] else SINGLE, None, ways
        if kinds[CLASS]:
            return [], CLASS, label, ways
        if kinds[EMPTY]:
            return [], EMPTY, None, ways
        self.tally.drop(NO_ANSWER_LEFT, question.path)
        return None

    def _place(self, answer: Answer, part: Part, note: NoteLines, numbering: str) -> Found | str:
        """Return where one entity, or its evidence line, stands; or `class`, `empty`, or why it is dropped."""
        if self.options.span == "line":
            found = note.evidence(part.evidence, part.evidence_start, numbering)
            if found == NO_EVIDENCE and part.line is None:
                return CLASS if part.text else EMPTY
            if found == NO_EVIDENCE and not part.text:
                return EMPTY
        elif answer.kind == EMPTY:
            return EMPTY
        elif part.text.lower() in YES_NO:
            return CLASS
        else:
            found = note.find(part.text, part.line, part.token, numbering)
            if found == NO_PLACE or (isinstance(found, str) and part.text.lower() in CLASS_LABELS):
                return CLASS
        if isinstance(found, Found) and self._too_long(note.text[found.span.start : found.span.end]):
            return TOO_LONG
        return found

    def _too_long(self, text: str) -> bool:
        longest = self.options.max_answer_words
        return longest is not None and len(text.split()) > longest


def _evidence(paragraph: Paragraph) -> Iterator[tuple[str, int]]:
    """Yield (evidence, its number) of a note's first answers, passing over what is nested in another way."""
    return islice((pair for element in paragraph.questions for pair in _evidence_of(element)), _NUMBERING_EVIDENCE)


def _evidence_of(element: Any) -> Iterator[tuple[str, int]]:
    answers = element.get("answers") if isinstance(element, dict) else None
    for answer in answers if isinstance(answers, list) else ():
        if isinstance(answer, dict):
            evidence, start = answer.get("evidence"), answer.get("evidence_start")
            listed = isinstance(evidence, list) and isinstance(start, list)
            for text, number in zip(evidence, start, strict=False) if listed else ((evidence, start),):
                if isinstance(text, str) and text.strip() and type(number) is int:
                    yield text, number
