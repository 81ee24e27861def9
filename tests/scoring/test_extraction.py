"""Many questions of many notes: the table, its filters, and work that was stopped."""

import json
import re

import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from secondopinion.core.errors import InputError
from secondopinion.scoring.questions.extraction import NOTES_PER_PART, extract
from secondopinion.scoring.questions.question_file import Question

QUESTIONS = [Question("dose", "dose", "Medication"), Question("pain", "pain")]
NOTES = [(f"n{i}", f"takes {i} mg" if i % 3 else f"has pain {i}") for i in range(NOTES_PER_PART + 5)]


class Finder:
    """Answers by a pattern, as a pipeline answers; counts what it is asked."""

    def __init__(self, fails_after=None):
        self.asked, self.fails_after = 0, fails_after

    def __call__(self, question, context, **options):
        if self.fails_after is not None and self.asked >= self.fails_after:
            raise KeyboardInterrupt
        self.asked += len(question)
        return [self.answer(q, c) for q, c in zip(question, context, strict=True)]

    def answer(self, question, context):
        found = re.search(r"\d+ mg" if question == "dose" else r"pain \d+", context)
        category = "Medication" if question == "dose" else "Symptoms"
        return {
            "answer": found.group() if found else "",
            "start": found.start() if found else None,
            "end": found.end() if found else None,
            "score": 0.5,
            "no_answer": found is None,
            "no_answer_probability": 0.1 if found else 0.9,
            "category": category,
            "category_probabilities": {category: 1.0},
        }


def test_a_row_for_each_pair_with_places_that_hold_the_answer(tmp_path):
    done = extract(Finder(), QUESTIONS, NOTES, tmp_path / "a.parquet")
    rows = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert [(row["note"], row["question_id"]) for row in rows] == [(n, q.id) for n, _ in NOTES for q in QUESTIONS]
    texts = dict(NOTES)
    answered = [row for row in rows if row["answer"] is not None]
    assert len(answered) == len(NOTES) == done.answered
    assert all(texts[row["note"]][row["start"] : row["end"]] == row["answer"] for row in answered)
    assert {row["as_asked"] for row in rows if row["question_id"] == "dose"} == {True}
    assert {row["as_asked"] for row in rows if row["question_id"] == "pain"} == {None}
    assert (done.notes, done.rows) == (len(NOTES), 2 * len(NOTES))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.parquet"]


def test_filters_by_category_and_by_having_an_answer(tmp_path):
    extract(Finder(), QUESTIONS, NOTES, tmp_path / "a.jsonl", categories=["Symptoms"])
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert {row["category"] for row in rows} == {"Symptoms"}
    assert all(row["answer"] for row in rows)
    extract(Finder(), QUESTIONS, NOTES, tmp_path / "b.csv", answered_only=True)
    assert len(pyarrow.csv.read_csv(tmp_path / "b.csv")) == len(NOTES)


def test_stopped_work_continues_without_asking_twice(tmp_path):
    output = tmp_path / "a.parquet"
    stopped, whole = Finder(fails_after=1), Finder()
    with pytest.raises(KeyboardInterrupt):
        extract(stopped, QUESTIONS, NOTES, output)
    assert not output.exists()
    rest = Finder()
    extract(rest, QUESTIONS, NOTES, output)
    assert stopped.asked + rest.asked == 2 * len(NOTES)
    extract(whole, QUESTIONS, NOTES, tmp_path / "b.parquet")
    assert pq.read_table(output).equals(pq.read_table(tmp_path / "b.parquet"))


def test_stopped_work_is_not_continued_with_something_else(tmp_path):
    output = tmp_path / "a.parquet"
    with pytest.raises(KeyboardInterrupt):
        extract(Finder(fails_after=1), QUESTIONS, NOTES, output)
    with pytest.raises(InputError, match=r"begun differently \(questions\)"):
        extract(Finder(), QUESTIONS[:1], NOTES, output)
    with pytest.raises(InputError, match="about other notes than those"):
        extract(Finder(), QUESTIONS, NOTES[1:], output)
    done = extract(Finder(), QUESTIONS[:1], NOTES, output, force=True)
    assert done.rows == len(NOTES)


def test_an_output_that_is_there_is_kept(tmp_path):
    (tmp_path / "a.csv").write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        extract(Finder(), QUESTIONS, NOTES, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "mine"


def test_wrong_calls(tmp_path):
    with pytest.raises(InputError, match=r"ends in '.xlsx'; expected one of .parquet, .csv, .jsonl"):
        extract(Finder(), QUESTIONS, NOTES, tmp_path / "a.xlsx")
    with pytest.raises(InputError, match="there are no notes"):
        extract(Finder(), QUESTIONS, [], tmp_path / "a.csv")
    assert list(tmp_path.iterdir()) == []
