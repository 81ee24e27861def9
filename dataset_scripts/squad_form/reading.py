"""The JSON of SQuAD, version 1 or 2, with or without categories → rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from secondopinion.core.errors import InputError

from ..emrqa.note_groups import NoteGroups
from ..emrqa.paragraph_files import Section, require_object, wrong_field
from ..emrqa.question_rows import QuestionTally, Span, question_row
from ..emrqa.shapes import EMPTY, SINGLE, form_of
from .configuration import SquadFormConfig
from .given_categories import category_of, source_of

ELSEWHERE = "answers: text is not at its offset"
NOWHERE = "answers: text is nowhere in the context"
OUTSIDE = "answers: outside the context"
NO_TEXT = "answers: empty text"
TOO_LONG = "answers: longer than max_answer_words"
NO_ANSWER_LEFT = "question: none of its answers could be used"
NO_QUESTION = "question: empty"
NO_CONTEXT = "context: empty"
MOVED = "answer moved to the nearest place with its text"
IGNORED = "answers of a question that is_impossible says has none"
SAME_SPAN = "the same span again"


class SquadReader:
    """Makes rows of paragraphs in SQuAD's form.

    Args:
        config: what becomes of answers.
        tally: counts what is read, merged and dropped.
    """

    def __init__(self, config: SquadFormConfig, tally: QuestionTally) -> None:
        self.config, self.tally = config, tally
        self.groups = NoteGroups()
        self.repeated_ids = 0
        self._ids: dict[str, int] = {}

    def rows(self, section: Section, path: str, paragraph: Any, name: str) -> Iterator[dict[str, Any]]:
        """Yield the rows of one paragraph.

        Args:
            section: the document it stands in.
            path: where it stands, such as `data[0].paragraphs[3]`.
            paragraph: the JSON.
            name: of the file; tells documents without a name apart, and stands in `meta.dataset`.

        Raises:
            InputError: it is not nested as SQuAD's are, or a category is wrong; names the place.
        """
        require_object(paragraph, path)
        context, qas = paragraph.get("context"), paragraph.get("qas")
        if isinstance(qas, list) and any(isinstance(qa, dict) and form_of(qa) == "emrqa" for qa in qas[:1]):
            raise InputError(
                f"{path}.qas[0] is in emrQA's form (paraphrases or ids in lists), not in SQuAD's; "
                "use: secondopinion prepare emrqa --source FILE"
            )
        if not isinstance(context, str):
            raise wrong_field(paragraph, "context", path, "text")
        if not isinstance(qas, list):
            raise wrong_field(paragraph, "qas", path, "a list")
        document = _name(paragraph.get("document_id")) or _name(section.title) or f"{name} {section.path}".strip()
        shared = {
            "title": section.title or document,
            "context": context,
            "group": self.groups.name(document, context) if context.strip() else document,
        }
        for number, qa in enumerate(qas):
            place = f"{path}.qas[{number}]"
            self.tally.read += 1
            if not context.strip():
                self.tally.drop(NO_CONTEXT, place)
                continue
            row = self._row(qa, place, shared, {"note_id": document, "dataset": name})
            if row is not None:
                yield row

    def _row(self, qa: Any, path: str, shared: dict[str, str], meta: dict[str, str]) -> dict[str, Any] | None:
        require_object(qa, path)
        question = qa.get("question")
        if not isinstance(question, str):
            raise wrong_field(qa, "question", path, "text")
        if not question.strip():
            self.tally.drop(NO_QUESTION, path)
            return None
        probs = category_of(qa, path)
        source = source_of(qa, path, probs)
        spans = self._spans(qa, path, shared["context"])
        if spans is None:
            return None
        labelled = "answers" in qa or bool(qa.get("is_impossible"))
        kind = (SINGLE if spans else EMPTY) if labelled else None
        return question_row(
            **shared,
            id=self._id(qa, path),
            question=question,
            spans=spans,
            span_labelled=labelled,
            category_probs=probs,
            category_source=source,
            meta={**meta, "answer_type": kind},
        )

    def _id(self, qa: Mapping[str, Any], path: str) -> str:
        name = _name(qa.get("id")) or path
        if name not in self._ids:
            self._ids[name] = 1
            return name
        self.repeated_ids += 1
        while (further := f"{name}-{self._ids[name] + 1}") in self._ids:
            self._ids[name] += 1
        self._ids[further] = 1
        return further

    def _spans(self, qa: Mapping[str, Any], path: str, context: str) -> list[Span] | None:
        """Return the spans of a question, none where it has no answer; None where the question is dropped."""
        impossible = qa.get("is_impossible", False)
        if not isinstance(impossible, bool):
            raise wrong_field(qa, "is_impossible", path, "true or false")
        answers = qa.get("answers", [])
        if not isinstance(answers, list):
            raise wrong_field(qa, "answers", path, "a list")
        if impossible:
            self.tally.merged[IGNORED] += len(answers)
            return []
        spans: dict[tuple[int, int], Span] = {}
        for number, answer in enumerate(answers):
            place = f"{path}.answers[{number}]"
            found = self._span(answer, place, context)
            if isinstance(found, str):
                self.tally.drop(found, place)
            elif (found.start, found.end) in spans:
                self.tally.merged[SAME_SPAN] += 1
            else:
                spans[found.start, found.end] = found
        if answers and not spans:
            self.tally.drop(NO_ANSWER_LEFT, path)
            return None
        return list(spans.values())

    def _span(self, answer: Any, path: str, context: str) -> Span | str:
        require_object(answer, path)
        text, start = answer.get("text"), answer.get("answer_start")
        if not isinstance(text, str):
            raise wrong_field(answer, "text", path, "text")
        if isinstance(start, bool) or not isinstance(start, int):
            raise wrong_field(answer, "answer_start", path, "a whole number: the first character of the answer")
        if not text.strip():
            return NO_TEXT
        if self.config.max_answer_words is not None and len(text.split()) > self.config.max_answer_words:
            return TOO_LONG
        if start >= 0 and context.startswith(text, start):
            return Span(start, start + len(text))
        if not self.config.repair:
            return ELSEWHERE if 0 <= start <= len(context) - len(text) else OUTSIDE
        nearest = nearest_place(context, text, start)
        if nearest is None:
            return NOWHERE
        self.tally.merged[MOVED] += 1
        return Span(nearest, nearest + len(text))


def nearest_place(context: str, text: str, start: int) -> int | None:
    """Return the place of a text that is nearest to where it should be, the earlier of two; None where it is nowhere.

    >>> nearest_place("pain, then pain", "pain", 10), nearest_place("pain", "fever", 0)
    (11, None)
    """
    start = min(max(start, 0), len(context))
    before = context.rfind(text, 0, start + len(text))
    after = context.find(text, start)
    places = [place for place in (before, after) if place >= 0]
    return min(places, key=lambda place: (abs(place - start), place), default=None)


def _name(value: Any) -> str:
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
