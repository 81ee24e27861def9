"""`extract` with a saved model, as a person types it: the table, its filters, a kill in between, and wrong input."""

import json
import os
import re
import shutil
import signal
import time

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from forked import COMMAND_LINE, Forked
from qa_run import NOTE, build_qa_run, save_qa_model
from typer.testing import CliRunner

from secondopinion.cli.app import app
from secondopinion.core.errors import InputError
from secondopinion.modeling import CATEGORIES
from secondopinion.scoring.questions.extraction import NOTES_PER_PART

YAML = """questions:
  - id: drug
    question: Which medicine was handed to the bed during that night?
    category: Medication
  - How fast was the pulse?
"""
SECRET = "zebrawood quillfish"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Return a model whose heads speak up, so that its answers are of all categories, and of both kinds."""
    import torch

    from secondopinion.modeling import MultiTaskQAForQuestionAnswering

    folder = save_qa_model(tmp_path_factory.mktemp("models") / "tiny-qa", no_answer_threshold=-5.0)
    loud = MultiTaskQAForQuestionAnswering.from_pretrained(folder)
    with torch.no_grad():
        for head in (loud.qa_outputs, loud.classifier):
            head.weight.mul_(30)
        loud.classifier.bias.copy_(torch.tensor([7.6, 10.4, 0.4, 5.5, 6.9]))
    loud.save_pretrained(folder)
    return folder


@pytest.fixture
def questions(tmp_path):
    (tmp_path / "Q.yaml").write_text(YAML)
    return tmp_path / "Q.yaml"


@pytest.fixture(scope="module")
def notes():
    """Return id → text, in two parts of an extraction, in an order that no sorting gives."""
    draw, words = (
        np.random.default_rng(0),
        NOTE.format(bed="four", drug="Aspirin", hour="noon", pulse="seventy").split(),
    )
    texts = [" ".join(draw.choice(words, draw.integers(4, 60))) for _ in range(NOTES_PER_PART + 8)]
    return {f"note-{(7 * i) % len(texts):02d}": f"{text}\r\n" for i, text in enumerate(texts)}


@pytest.fixture
def as_lines(tmp_path, notes):
    path = tmp_path / "notes.jsonl"
    rows = [{"id": name, "text": text} for name, text in notes.items()]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def extract(*arguments):
    """Return what the command prints; what is wrong with the input is raised, as `main` expects."""
    answer = CliRunner().invoke(app, ["extract", *map(str, arguments)])
    if answer.exception is not None and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    return answer


@pytest.fixture
def table(model, questions, as_lines, tmp_path):
    """Return rows of an extraction with options."""

    def run(*options, output="a.parquet"):
        extract(
            model, "--questions", questions, "--notes", as_lines, "--output", tmp_path / output, "--force", *options
        )
        return pq.read_table(tmp_path / output).to_pylist()

    return run


def test_the_table_holds_the_pipelines_answers(table, model, notes, tmp_path):
    from transformers import pipeline

    rows = table()
    asked = {"drug": "Which medicine was handed to the bed during that night?", "q2": "How fast was the pulse?"}
    assert [(row["note"], row["question_id"]) for row in rows] == [(note, name) for note in notes for name in asked]
    columns = ["note", "question_id", "question", "answer", "start", "end", "score", "no_answer_probability"]
    columns += ["category", "category_probability", "as_asked", *(f"p_{name}" for name in CATEGORIES)]
    assert list(rows[0]) == columns
    pipe = pipeline("clinical-question-answering", model=str(model), trust_remote_code=True)
    for row in rows[:12]:
        own = pipe(question=asked[row["question_id"]], context=notes[row["note"]])
        assert row["question"] == asked[row["question_id"]]
        assert row["answer"] == (None if own["no_answer"] else own["answer"])
        assert (row["start"], row["end"], row["category"]) == (own["start"], own["end"], own["category"])
        assert row["score"] == pytest.approx(own["score"], abs=1e-5)
        assert row["no_answer_probability"] == pytest.approx(own["no_answer_probability"], abs=1e-5)
        shares = [row[f"p_{name}"] for name in CATEGORIES]
        assert shares == pytest.approx(list(own["category_probabilities"].values()), abs=1e-5)
        assert row["category_probability"] == max(shares)
    for row in rows:
        if row["answer"] is not None:
            assert notes[row["note"]][row["start"] : row["end"]] == row["answer"]
        assert row["as_asked"] == (row["category"] == "Medication" if row["question_id"] == "drug" else None)
    assert 0 < sum(row["answer"] is None for row in rows) < len(rows), "both kinds are tested"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Q.yaml", "a.parquet", "notes.jsonl"]


def test_every_kind_of_notes_and_of_table_holds_the_same(table, model, questions, notes, tmp_path):
    wanted = table()
    few = dict(sorted(notes.items())[:5])
    kinds = {}
    (tmp_path / "folder").mkdir()
    for name, text in few.items():
        (tmp_path / "folder" / name).with_suffix(".txt").write_text(text, newline="")
    kinds["folder"] = tmp_path / "folder"
    columns = {"key": list(few), "body": list(few.values())}
    pq.write_table(pa.table(columns), tmp_path / "n.parquet")
    pyarrow.csv.write_csv(pa.table(columns), tmp_path / "n.csv")
    named = ("--id-column", "key", "--text-column", "body")
    for kind, options in {"folder": (), "n.parquet": named, "n.csv": named}.items():
        for suffix in ("parquet", "csv", "jsonl"):
            output = tmp_path / f"out-{kind}.{suffix}"
            extract(model, "--questions", questions, "--notes", tmp_path / kind, "--output", output, *options)
            if suffix == "parquet":
                rows = pq.read_table(output).to_pylist()
            elif suffix == "csv":
                rows = pyarrow.csv.read_csv(
                    output,
                    convert_options=pyarrow.csv.ConvertOptions(
                        strings_can_be_null=True, quoted_strings_can_be_null=False
                    ),
                ).to_pylist()
            else:
                rows = [json.loads(line) for line in output.read_text().splitlines()]
            expected = sorted((row for row in wanted if row["note"] in few), key=lambda row: row["note"])
            assert len(rows) == len(expected) == 10
            for row, other in zip(rows, expected, strict=True):
                if kind == "folder":
                    row["note"] = row["note"].removesuffix(".txt")
                assert row == {k: pytest.approx(v, abs=1e-5) if isinstance(v, float) else v for k, v in other.items()}


def test_filters_keep_rows_as_they_are(table):
    rows = table()
    found = sorted({row["category"] for row in rows if row["answer"] is not None})
    assert len(found) > 1, "the filter has something to leave out"
    one = table("--category", found[0])
    assert one == [row for row in rows if row["answer"] is not None and row["category"] == found[0]]
    assert table("-c", found[0], "-c", found[1]) == [
        row for row in rows if row["answer"] is not None and row["category"] in found[:2]
    ]
    assert table("--answered-only") == [row for row in rows if row["answer"] is not None]


def test_threshold_and_limit(table, notes):
    always = table("--no-answer-threshold", "1e6", "--limit", "3")
    assert {row["note"] for row in always} == set(list(notes)[:3])
    assert all(row["answer"] for row in always)
    never = table("--no-answer-threshold", "-1e6", "--limit", "3")
    assert [row["answer"] for row in never] == [None] * 6
    assert table("--no-answer-threshold", "-1e6", "--limit", "3", "--answered-only") == []


def test_a_run_folder_answers_by_its_selected_fold(model, questions, as_lines, tmp_path, table):
    run = build_qa_run(tmp_path / "run", model, trained=[2], resamples=10)
    printed = extract(run, "--questions", questions, "--notes", as_lines, "--output", tmp_path / "b.parquet").stdout
    assert pq.read_table(tmp_path / "b.parquet").to_pylist() == table()
    assert re.search(r"40 notes, \d+ answers; 80 rows in .*b\.parquet", printed)
    assert not any(word in printed for word in NOTE.split() if len(word) > 6)


def test_a_kill_loses_and_doubles_nothing(model, questions, notes, tmp_path):
    rows = [{"id": f"{copy}-{name}", "text": text} for copy in range(12) for name, text in notes.items()]
    (tmp_path / "many.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = ["--questions", questions, "--notes", tmp_path / "many.jsonl"]
    output, work = tmp_path / "a.csv", tmp_path / ".a.csv.work"
    process = Forked(COMMAND_LINE, "extract", model, *given, "--output", output)
    try:
        deadline = time.monotonic() + 240
        while not (work / "part-00001.parquet").exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert not output.exists()
    done = sorted(work.glob("part-*.parquet"))
    assert 2 <= len(done) < len(rows) / NOTES_PER_PART
    # Marked, so that the parts are seen again in the table if they are not asked anew.
    kept = 0
    for path in done:
        part = pq.read_table(path)
        kept += len(part)
        marked = part.set_column(part.column_names.index("score"), "score", pa.array([7.0] * len(part)))
        pq.write_table(marked, path)
    with pytest.raises(InputError, match=r"begun differently \(limit\)"):
        extract(model, *given, "--output", output, "--limit", "9")
    assert "continuing what was begun" in extract(model, *given, "--output", output).output
    extract(model, *given, "--output", tmp_path / "whole.csv")
    resumed, whole = (pyarrow.csv.read_csv(tmp_path / name) for name in ("a.csv", "whole.csv"))
    assert resumed.drop_columns("score").equals(whole.drop_columns("score"))
    assert resumed["score"][:kept].to_pylist() == [7.0] * kept
    assert resumed["score"][kept:].equals(whole["score"][kept:])
    assert not work.exists()


def test_work_is_not_continued_with_fewer_notes(model, questions, as_lines, tmp_path, monkeypatch):
    from secondopinion.scoring.questions import extraction

    def full(*_):
        raise OSError("stopped")

    given = (model, "--questions", questions, "--notes", as_lines, "--output", tmp_path / "a.csv")
    with monkeypatch.context() as patch:
        patch.setattr(extraction.PartsFolder, "join_parts", full)
        with pytest.raises(OSError, match="stopped"):
            extract(*given)
    lines = as_lines.read_text().splitlines(keepends=True)
    as_lines.write_text("".join(lines[:NOTES_PER_PART]))
    with pytest.raises(InputError, match="holds answers about other notes than those that are given now"):
        extract(*given)
    as_lines.write_text("".join(lines))
    extract(*given)
    assert len(pyarrow.csv.read_csv(tmp_path / "a.csv")) == 2 * len(lines)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("- {question: A, categry: x}", r"Q.yaml: entry 1: unknown key 'categry'; did you mean 'category'"),
        (
            "- {question: A, category: Medicaton}",
            r"Q.yaml: question 'q1' asks for category .*did you mean 'Medication'",
        ),
        ("- A?\n- {id: q1, question: B}", r"Q.yaml: the id 'q1' stands twice"),
        ("- A?\n- ", r"Q.yaml: entry 2 is None; expected a question"),
        ("- question: ' '", r"Q.yaml: entry 1 has no question"),
        ("ask: [A]", r"Q.yaml: expected the key 'questions' alone, found ask"),
        ("questions: {a: b}", r"Q.yaml holds dict; expected a list of questions"),
        ("- [", r"Q.yaml is not valid YAML"),
        ("", r"Q.yaml holds no question"),
    ],
)
def test_bad_questions_name_the_file_and_begin_nothing(model, as_lines, tmp_path, content, message):
    (tmp_path / "Q.yaml").write_text(content)
    with pytest.raises(InputError, match=message):
        extract(model, "--questions", tmp_path / "Q.yaml", "--notes", as_lines, "--output", tmp_path / "a.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Q.yaml", "notes.jsonl"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"id": "a", "text": SECRET}, {"id": "b", "text": " "}], r"notes.jsonl: the text of row 1 is empty"),
        ([{"id": "a", "text": SECRET}, {"id": "b"}], r"notes.jsonl: row 1 has no column 'text'"),
        ([{"id": "a", "text": None}], r"the text of row 0 is of type NoneType"),
        (
            [{"id": "a", "text": SECRET}, {"id": "b", "text": SECRET}, {"id": "a", "text": f"{SECRET} too"}],
            r"notes 0 and 2 have the same id 'a'; give each its own, or name another --id-column",
        ),
        ([], r"there are no notes to ask about"),
    ],
)
def test_bad_notes_are_named_without_their_text(model, questions, tmp_path, rows, message):
    path = tmp_path / "notes.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(InputError, match=message) as raised:
        extract(model, "--questions", questions, "--notes", path, "--output", tmp_path / "a.csv")
    assert SECRET not in str(raised.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Q.yaml", "notes.jsonl"], "nothing was begun"


def test_the_same_id_far_apart_is_found_too(model, questions, as_lines, tmp_path):
    lines = as_lines.read_text().splitlines(keepends=True)
    as_lines.write_text("".join([*lines, lines[1]]))
    with pytest.raises(InputError, match=r"notes 1 and 40 have the same id 'note-07'"):
        extract(model, "--questions", questions, "--notes", as_lines, "--output", tmp_path / "a.csv")


def test_other_wrong_input(model, questions, as_lines, tmp_path):
    given = ("--questions", questions, "--notes", as_lines, "--output", tmp_path / "a.csv")
    with pytest.raises(InputError, match=r"the model knows no category 'Drugs'; it knows Diagnosis, Medication"):
        extract(model, *given, "-c", "Drugs")
    with pytest.raises(InputError, match=r"a.xlsx ends in '.xlsx'; expected one of .parquet, .csv, .jsonl"):
        extract(model, *given[:-1], tmp_path / "a.xlsx")
    with pytest.raises(InputError, match=r"none.yaml does not exist; give a YAML file"):
        extract(model, "--questions", tmp_path / "none.yaml", *given[2:])
    with pytest.raises(InputError, match=r"nowhere does not exist; give a file, a folder"):
        extract(model, *given[:3], tmp_path / "nowhere", *given[4:])
    with pytest.raises(InputError, match=r"unknown precision 'float8'"):
        extract(model, *given, "--dtype", "float8")
    with pytest.raises(InputError, match=r"cannot be used to answer questions"):
        extract(tmp_path, *given)
    category = save_qa_model(tmp_path / "category", tasks=["category"])
    with pytest.raises(InputError, match=r"was trained for category alone and finds no answers"):
        extract(category, *given)
    shutil.rmtree(category)
    (tmp_path / "a.csv").write_text("mine")
    there = extract(model, *given)
    assert there.exit_code == 2
    assert "is there already" in re.sub(r"[\s│]+", " ", there.output)
    assert (tmp_path / "a.csv").read_text() == "mine"
    extract(model, *given, "--force")
    assert len(pyarrow.csv.read_csv(tmp_path / "a.csv")) == 80
