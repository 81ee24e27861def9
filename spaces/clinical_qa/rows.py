"""The answer to one question about one note, as a row of a table."""

from __future__ import annotations

from typing import Any

from batch import Field, Scorer
from examples import EXAMPLES
from marking import TONES
from panels import MAX_CHARACTERS, MAX_QUESTION, Panels
from questions import Question
from retrieval import NO_ANSWER, rows_of

ANSWERED = "Answered"
COLUMNS = ("answer", "start", "end", "score", "no_answer_probability", "category", "category_probability")


def scorer(panels: Panels) -> Scorer:
    """Return what the tab of tables does with a note and a question.

    Args:
        panels: of the page.
    """
    reader = panels.reader
    shares = tuple(f"p_{name}" for name in reader.categories)

    def score(note: str, question: str) -> dict[str, Any]:
        [row] = rows_of(reader, "", note, [Question("", question)])
        found = {name: row[name] for name in (*COLUMNS, *shares)}
        kind = NO_ANSWER if row["answer"] is None else row["category"] or ANSWERED
        return {"found": kind} | found

    return Scorer(
        fields=(
            Field("Note", ("note", "context", "text", "report"), MAX_CHARACTERS),
            Field("Question", ("question", "query"), MAX_QUESTION),
        ),
        columns=("found", *COLUMNS, *shares),
        score=score,
        verdict="found",
        kinds=(*(reader.categories or (ANSWERED,)), NO_ANSWER),
        tones=(*(TONES if reader.categories else ("blue",)), "grey"),
        example=tuple(
            {"id": f"Q{number}", "question": question, "note": note}
            for number, (note, question) in enumerate(EXAMPLES.values(), start=1)
        ),
    )
