"""Many questions asked of many notes: a table of answers with their places, categories and scores."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from ...core.errors import InputError
from ...core.files import disk_errors
from ...core.progress import progress, say
from ..corpus.parts_folder import PartsFolder
from ..corpus.tables import TABLES
from .question_file import Question, read_questions

NOTES_PER_PART = 32

Answerer = Callable[..., list[dict[str, Any]]]


@dataclass(frozen=True)
class Extraction:
    """What an extraction did.

    Attributes:
        output: the table.
        notes: that were asked about.
        rows: of the table.
        answered: question and note pairs that have an answer.
        categories: how many of the answers are of each category.
        deferred: pairs for which the model would ask for a second opinion; None where it has no policy.
    """

    output: Path
    notes: int
    rows: int
    answered: int
    categories: dict[str, int]
    deferred: int | None = None

    def __str__(self) -> str:
        """Return what a terminal shows: counts, no text."""
        lines = [f"{self.notes:,} notes, {self.answered:,} answers; {self.rows:,} rows in {self.output}"]
        lines += [f"  {name:<12}{n:>8,}" for name, n in self.categories.items()]
        if self.deferred is not None:
            lines.append(f"{self.deferred:,} of {self.rows:,} rows ask for a second opinion (column deferred)")
        return "\n".join(lines)


def extract(
    answerer: Answerer,
    questions: str | os.PathLike | Sequence[str | Question],
    notes: Iterable[tuple[str, str]],
    output: str | os.PathLike,
    *,
    identity: Mapping[str, Any] | None = None,
    categories: Sequence[str] | None = None,
    answered_only: bool = False,
    force: bool = False,
    **options: Any,
) -> Extraction:
    """Ask every question of every note and write a table, one row for each pair.

    Columns: `note`, `question_id`, `question`, `answer` (null where the note has none), `start` and `end` (characters
    of the note), `score`, `no_answer_probability`, `category`, `category_probability`, `as_asked` (whether it is the
    category that the question names; null where it names none) and `p_<category>` for each category. A model with a
    deferral policy adds `deferral_score` and `deferred`: whether a second opinion is worth asking.

    Notes are read a few at a time and each part is on disk before the next is begun: memory stays flat but for the ids,
    and the same call continues what was stopped.

    Args:
        answerer: a "clinical-question-answering" pipeline.
        questions: a file of questions, or questions (see `read_questions`).
        notes: (id, text) pairs, as `read_corpus` gives them.
        output: `.parquet`, `.csv` or `.jsonl`.
        identity: what else decides the answers (model, revision, source of the notes): unfinished work with another
            one is not continued.
        categories: keep answers of these categories alone.
        answered_only: leave out pairs without an answer.
        force: replace an output that is there, and unfinished work with it.
        **options: of the pipeline's call.

    Raises:
        InputError: a question, a note or the output is not as expected, an id stands twice, or unfinished work is of
            something else.
        DiskFullError: no room was left.
    """
    output = Path(output)
    names = list(answerer.model.config.id2label.values()) if hasattr(answerer, "model") else []
    defers = getattr(getattr(answerer, "model", None), "deferral", None) is not None
    asked = read_questions(questions, names)
    unknown = [name for name in categories or () if names and name not in names]
    if unknown:
        raise InputError(f"the model knows no category {unknown[0]!r}; it knows {', '.join(names)}")
    if output.suffix not in TABLES:
        raise InputError(f"{output} ends in {output.suffix!r}; expected one of {', '.join(TABLES)}")
    parts = PartsFolder(output)
    parts.check(force=force)
    job = {
        "questions": [asdict(question) for question in asked],
        "categories": sorted(categories or ()),
        "answered_only": answered_only,
        "options": {name: repr(value) for name, value in sorted(options.items())},
        "names": names,
        "defers": defers,
        **(identity or {}),
    }
    stream = _numbered(notes)
    # Nothing is begun before a first part is read: a wrong path leaves nothing behind.
    first = list(islice(stream, NOTES_PER_PART))
    if not first:
        raise InputError("there are no notes to ask about")
    if force:
        parts.clear()
    if parts.begin(job, force=force):
        say(f"continuing what was begun in {parts.folder}")
    keep, schema = _Filter(categories, answered_only), _schema(names, defers)
    total = 0
    with disk_errors(output), progress(label="notes", unit="note") as bar:
        for number, part in enumerate(chain([first], iter(lambda: list(islice(stream, NOTES_PER_PART)), []))):
            digest = hashlib.sha256(json.dumps(part).encode()).hexdigest()
            before = parts.mark(number)
            if before is None:
                parts.write_part(number, _table(answerer, asked, part, schema, keep, options), digest)
            elif before != digest:
                raise _other_notes(parts.folder)
            total += len(part)
            bar.update(len(part))
    if len(parts.parts()) != number + 1:
        raise _other_notes(parts.folder)
    tally = _Tally()
    parts.join_parts(tally.add)
    ordered = {name: tally.categories[name] for name in names if tally.categories[name]}
    return Extraction(output, total, tally.rows, tally.answered, ordered, tally.deferred if defers else None)


def _other_notes(work: Path) -> InputError:
    return InputError(
        f"{work} holds answers about other notes than those that are given now; give the notes it was begun with, or "
        "--force to begin anew"
    )


def _numbered(notes: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the notes.

    Raises:
        InputError: an id stands twice; places in a table would not say in which of the two notes they are.
    """
    seen: dict[str, int] = {}
    for number, (note, text) in enumerate(notes):
        if (other := seen.setdefault(note, number)) != number:
            raise InputError(
                f"notes {other} and {number} have the same id {note!r}; give each its own, or name another --id-column"
            )
        yield note, text


@dataclass(frozen=True)
class _Filter:
    categories: Sequence[str] | None
    answered_only: bool

    def __call__(self, row: Mapping[str, Any]) -> bool:
        if row["answer"] is None and (self.answered_only or self.categories):
            return False
        return not self.categories or row["category"] in self.categories


def _table(
    answerer: Answerer,
    questions: Sequence[Question],
    notes: Sequence[tuple[str, str]],
    schema: Any,
    keep: _Filter,
    options: Mapping[str, Any],
) -> Any:
    import pyarrow as pa

    pairs = [(note, text, question) for note, text in notes for question in questions]
    answers = answerer(
        question=[question.question for *_, question in pairs], context=[text for _, text, _ in pairs], **options
    )
    rows = (_row(note, question, answer) for (note, _, question), answer in zip(pairs, answers, strict=True))
    return pa.Table.from_pylist([row for row in rows if keep(row)], schema=schema)


def _row(note: str, question: Question, answer: Mapping[str, Any]) -> dict[str, Any]:
    none = answer["no_answer"]
    probabilities = answer.get("category_probabilities") or {}
    category = answer.get("category")
    return {
        "note": note,
        "question_id": question.id,
        "question": question.question,
        "answer": None if none else answer["answer"],
        "start": None if none else answer["start"],
        "end": None if none else answer["end"],
        "score": answer["score"],
        "no_answer_probability": answer["no_answer_probability"],
        "category": category,
        "category_probability": probabilities.get(category),
        "as_asked": None if question.category is None or category is None else category == question.category,
        **{f"p_{name}": probability for name, probability in probabilities.items()},
        "deferral_score": answer.get("deferral_score"),
        "deferred": answer.get("deferred"),
    }


def _schema(names: Sequence[str], defers: bool) -> Any:
    import pyarrow as pa

    text, whole, real = pa.string(), pa.int64(), pa.float64()
    columns = {"note": text, "question_id": text, "question": text, "answer": text, "start": whole, "end": whole}
    columns |= {"score": real, "no_answer_probability": real, "category": text, "category_probability": real}
    columns |= {"as_asked": pa.bool_(), **{f"p_{name}": real for name in names}}
    columns |= {"deferral_score": real, "deferred": pa.bool_()} if defers else {}
    return pa.schema(list(columns.items()))


@dataclass
class _Tally:
    rows: int = 0
    answered: int = 0
    deferred: int = 0
    categories: Counter[str] = field(default_factory=Counter)

    def add(self, table: Any) -> None:
        """Count the rows of a part."""
        self.rows += len(table)
        if "deferred" in table.column_names:
            self.deferred += table["deferred"].to_pylist().count(True)
        has_answer = table.filter(table["answer"].is_valid())
        self.answered += len(has_answer)
        self.categories.update(name for name in has_answer["category"].to_pylist() if name is not None)


__all__ = ["Extraction", "extract"]
