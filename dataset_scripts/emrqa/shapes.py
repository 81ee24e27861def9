"""The JSON of emrQA's `data.json` → notes, questions and answers, with all its irregularities made regular.

What is nested wrongly raises an error that names its place, such as `data[0].paragraphs[3].qas[1].answers`; no text
of a note is ever in a message.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from secondopinion.core.errors import InputError

from .paragraph_files import kind_of, require_object, wrong_field

SINGLE, EMPTY, COMPLEX = "single", "empty", "complex"
UNPAIRED = "answers: parts of a complex answer do not pair up"


@dataclass(frozen=True)
class Part:
    """One entity of an answer: its text, line and token, and its evidence line; what is not given is "" or None."""

    text: str
    line: int | None = None
    token: int | None = None
    evidence: str = ""
    evidence_start: int | None = None


@dataclass(frozen=True)
class Answer:
    """One answer.

    Attributes:
        kind: `single`, `empty` (no entity) or `complex` (several entities that belong together).
        parts: its entities, one but for `complex`.
        path: where it stands in the file.
        problem: why it cannot be used; None where it can.
    """

    kind: str
    parts: tuple[Part, ...]
    path: str
    problem: str | None = None


@dataclass(frozen=True)
class Question:
    """One element of `qas`.

    Attributes:
        paraphrases: (question, template) pairs, each question once; the template is "" where none is given.
        logical_form: the logical form's template.
        answers: as they are given.
        path: where it stands in the file.
    """

    paraphrases: tuple[tuple[str, str], ...]
    logical_form: str
    answers: tuple[Answer, ...]
    path: str


@dataclass(frozen=True)
class Paragraph:
    """One note with its questions.

    Attributes:
        note_id: as the source gives it.
        context: the text, or its lines.
        questions: the elements of `qas`, not read yet; see `read_question`.
        path: where it stands in the file.
    """

    note_id: str
    context: str | list[str]
    questions: list[Any] = field(repr=False)
    path: str

    def __iter__(self) -> Iterator[tuple[int, Any, str]]:
        """Yield (number, element of `qas`, its path)."""
        for number, element in enumerate(self.questions):
            yield number, element, f"{self.path}.qas[{number}]"


def read_paragraph(value: Any, path: str) -> Paragraph:
    """Return a paragraph.

    Args:
        value: the JSON.
        path: where it stands, such as `data[0].paragraphs[3]`.

    Raises:
        InputError: it is not nested as emrQA's are.

    >>> read_paragraph({"note_id": 7, "context": ["Fever .\\n"], "qas": []}, "data[0].paragraphs[0]").note_id
    '7'
    """
    require_object(value, path)
    note_id = value.get("note_id")
    if isinstance(note_id, bool) or not isinstance(note_id, str | int):
        raise wrong_field(value, "note_id", path, "text or a number")
    context = value.get("context")
    if isinstance(context, list):
        for number, line in enumerate(context):
            if not isinstance(line, str):
                raise InputError(f"{path}.context[{number}] is {kind_of(line)}, expected text: one line of the note")
    elif not isinstance(context, str):
        raise wrong_field(value, "context", path, "text or a list of lines")
    if not isinstance(value.get("qas"), list):
        raise wrong_field(value, "qas", path, "a list")
    return Paragraph(str(note_id).strip(), context, value["qas"], path)


def read_question(value: Any, path: str) -> Question:
    """Return a question with its paraphrases and answers.

    Args:
        value: the JSON.
        path: where it stands, such as `data[0].paragraphs[3].qas[1]`.

    Raises:
        InputError: it is not nested as emrQA's are; one of SQuAD's form is told which corpus reads it.
    """
    require_object(value, path)
    if form_of(value) == "squad_form":
        raise InputError(
            f"{path} is in SQuAD's form (its id is {kind_of(value.get('id'))}), not in emrQA's; "
            "use: secondopinion prepare squad_form --source FILE"
        )
    questions = value.get("question")
    questions = [questions] if isinstance(questions, str) else questions
    if not isinstance(questions, list) or not all(isinstance(question, str) for question in questions):
        raise wrong_field(value, "question", path, "text or a list of texts")
    pairs, logical_form = _identity(value, path)
    if not isinstance(value.get("answers"), list):
        raise wrong_field(value, "answers", path, "a list")
    answers = tuple(_answer(answer, f"{path}.answers[{number}]") for number, answer in enumerate(value["answers"]))
    return Question(_paraphrases(questions, pairs), logical_form, answers, path)


def form_of(value: Mapping[str, Any]) -> str | None:
    """Return which corpus reads an element of `qas`: `emrqa`, `squad_form`, or None where it is of neither form."""
    if isinstance(value.get("id"), list) or isinstance(value.get("question"), list):
        return "emrqa"
    return "squad_form" if isinstance(value.get("question"), str) else None


def _identity(value: Mapping[str, Any], path: str) -> tuple[list[tuple[str, str]], str]:
    """Return the pairs of `id`, each as it stands there, and the logical form; the two come in either order."""
    identity = value.get("id")
    if not isinstance(identity, list) or len(identity) != 2:
        raise wrong_field(value, "id", path, "a list of two: [[question, template], …] and the logical form")
    pairs, logical_form = identity if isinstance(identity[1], str) else reversed(identity)
    if not isinstance(pairs, list) or not isinstance(logical_form, str):
        raise InputError(f"{path}.id: expected a list of [question, template] pairs and the logical form as text")
    if len(pairs) == 2 and all(isinstance(item, str) for item in pairs):
        pairs = [pairs]
    for number, pair in enumerate(pairs):
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(item, str) for item in pair):
            raise InputError(f"{path}.id[0][{number}] is {kind_of(pair)}, expected a pair [question, template]")
    return [(first, second) for first, second in pairs], " ".join(logical_form.split())


def _paraphrases(questions: list[str], pairs: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return each question once with its template, in the order of the pairs; in a pair either may come first."""
    asked, templates = set(questions), {}
    for first, second in pairs:
        turned = second in asked and (first not in asked or "|" in first)
        question, template = (second, first) if turned else (first, second)
        if question in asked:
            templates.setdefault(question, template)
    for question in questions:
        templates.setdefault(question, "")
    cleaned: dict[str, str] = {}
    for question, template in templates.items():
        words = " ".join(question.split())
        if words:
            cleaned.setdefault(words, " ".join(template.split()))
    return tuple(cleaned.items())


def _answer(value: Any, path: str) -> Answer:
    require_object(value, path)
    text = value.get("text")
    if isinstance(text, list):
        return _complex(value, path)
    if not isinstance(text, str):
        raise wrong_field(value, "text", path, "text or a list of texts")
    line, token = _start(value.get("answer_start"), f"{path}.answer_start")
    evidence = value.get("evidence", "")
    if isinstance(evidence, list) and len(evidence) == 1:
        evidence = evidence[0]
    if evidence is not None and not isinstance(evidence, str):
        raise wrong_field(value, "evidence", path, "text: its text is one, so the evidence is one line")
    begins = value.get("evidence_start", "")
    begins = begins[0] if isinstance(begins, list) and len(begins) == 1 else begins
    begin = _number(begins, f"{path}.evidence_start")
    part = Part(text.strip(), begin if line is None else line, token, evidence or "", line if begin is None else begin)
    return Answer(SINGLE if part.text else EMPTY, (part,), path)


def _complex(value: Mapping[str, Any], path: str) -> Answer:
    texts = _texts(value, "text", path)
    count = len(texts)
    evidence = value.get("evidence", [])
    evidence = [evidence] * count if isinstance(evidence, str) else _texts(value, "evidence", path)
    begins = value.get("evidence_start", [])
    begins = begins if isinstance(begins, list) else [begins] * count
    begins = [_number(item, f"{path}.evidence_start[{number}]") for number, item in enumerate(begins)]
    starts = _starts(value.get("answer_start", []), begins, count, path)
    if not len(evidence) == len(begins) == len(starts) == count:
        return Answer(COMPLEX, (), path, UNPAIRED)
    parts = [
        Part(text.strip(), begin if line is None else line, token, words, line if begin is None else begin)
        for text, words, begin, (line, token) in zip(texts, evidence, begins, starts, strict=True)
        if text.strip()
    ]
    return Answer(COMPLEX if parts else EMPTY, tuple(parts) or (Part(""),), path)


def _starts(value: Any, begins: list[int | None], count: int, path: str) -> list[tuple[int | None, int | None]]:
    """Return (line, token) of each part, given as pairs or as a list of lines beside one of tokens."""
    name = f"{path}.answer_start"
    if not isinstance(value, list):
        return [(_number(value, name), None)] * count
    if not any(isinstance(item, list) for item in value):
        return [_start(value, name)] * count
    if not all(isinstance(item, list) for item in value):
        raise InputError(f"{name} mixes lists with numbers; expected [line, token] for each part")
    rows = [[_number(n, f"{name}[{place}]") for n in item] for place, item in enumerate(value)]
    if len(rows) == 2 and len(rows[0]) == len(rows[1]) == count and (count != 2 or [r[0] for r in rows] != begins):
        rows = [list(pair) for pair in zip(*rows, strict=True)]
    return [(row[0], row[1]) if len(row) == 2 else (row[0] if row else None, None) for row in rows]


def _start(value: Any, path: str) -> tuple[int | None, int | None]:
    if isinstance(value, list):
        if len(value) > 2 or any(isinstance(item, list) for item in value):
            raise InputError(f"{path} is a list of {len(value)}, expected [line, token]: its text is one")
        numbers = [_number(item, f"{path}[{place}]") for place, item in enumerate(value)]
        line, token = (*numbers, None, None)[:2]
        return line, token
    return _number(value, path), None


def _number(value: Any, path: str) -> int | None:
    """Return a whole number; None for "" or null, which stand for no number."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f'{path} is {kind_of(value)}, expected a whole number, or "" where there is none')
    return value


def _texts(value: Mapping[str, Any], name: str, path: str) -> list[str]:
    given = value.get(name)
    if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
        raise wrong_field(value, name, path, "a list of texts: its text is a list")
    return given
