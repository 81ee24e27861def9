"""The question-answering Space without a browser: what it marks, says, refuses, extracts, and how it is staged."""

import base64
import csv
import doctest
import html
import io
import json
import re
import sys
from pathlib import Path

import forked
import pyarrow.csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qa_folder import qa_folder

from secondopinion.cli.space import launch_space, loaded_app
from secondopinion.core.errors import InputError
from secondopinion.modeling import CATEGORIES
from secondopinion.publishing.spaces import publish_space, space_names, stage_space

pytest.importorskip("gradio", reason="gradio is in the extra [spaces]")
ROOT = Path(__file__).parents[2]
NOTE = (
    "The ward recorded a quiet night. <script>alert('x')</script> & Aspirin was given at 10:00, and the pulse settled."
)
QUESTION = "which medicine was handed to bed during that night"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return qa_folder(tmp_path_factory.mktemp("published") / "tiny-qa")


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("space")
    stage_space("clinical_qa", folder)
    return folder


@pytest.fixture(scope="module")
def app(staged):
    with loaded_app(staged) as module:
        module.parts = {name: sys.modules[name] for name in ("marking", "questions", "retrieval", "examples", "panels")}
        yield module


@pytest.fixture(scope="module")
def panels(app, folder):
    return app.Panels(app.Reader(str(folder)))


@pytest.fixture
def console(app, panels):
    return app.Console(panels)


@pytest.fixture
def desk(app, panels):
    return app.Desk(panels)


@pytest.fixture(scope="module")
def pipe(folder):
    from transformers import pipeline

    return pipeline("clinical-question-answering", model=str(folder), trust_remote_code=True)


def words_of(page):
    """Return what a person reads on a piece of the page."""
    return html.unescape(re.sub(r"<[^>]*>", "", page))


def marked_text(page):
    return html.unescape(re.search(r'<mark id="qa-answer"[^>]*>(.*?)</mark>', page, re.DOTALL).group(1))


def test_the_space_is_found_and_leaves_nothing_behind(staged):
    assert "clinical_qa" in space_names()
    with loaded_app(staged) as module:
        assert module.TITLE == "Clinical questions"
    assert not {"app", "look", "panels", "marking", "severity"} & set(sys.modules)


def test_the_examples_in_the_code_are_true(app):
    results = [doctest.testmod(app.parts[name]) for name in ("marking", "panels", "questions")]
    assert all(result.attempted for result in results)
    assert not any(result.failed for result in results)


def test_what_is_found_is_the_pipelines_own(console, pipe):
    found, notice = console.ask(NOTE, QUESTION)
    assert notice == ""
    always = pipe(question=QUESTION, context=NOTE, top_k=5, handle_impossible_answer=False)
    never = pipe(question=QUESTION, context=NOTE, no_answer_threshold=-1e9)
    assert [(span.start, span.end) for span in found.spans] == [(row["start"], row["end"]) for row in always["n_best"]]
    assert [span.score for span in found.spans] == pytest.approx([row["score"] for row in always["n_best"]], abs=1e-6)
    assert found.answered == pytest.approx(always["category_probabilities"], abs=1e-6)
    assert found.unanswered == pytest.approx(never["category_probabilities"], abs=1e-6)
    assert found.none == pytest.approx(always["no_answer_probability"], abs=1e-6)
    assert found.none_score == pytest.approx(never["score"], abs=1e-6)
    assert found.silent == pipe(question=QUESTION, context=NOTE)["no_answer"]
    assert NOTE not in repr(found)


def test_the_picked_span_is_marked_at_its_place_and_the_note_is_all_there(console, panels):
    found, _ = console.ask(NOTE, QUESTION)
    choices = panels.choices(found, NOTE)
    assert [number for _, number in choices] == [0, 1, 2, 3, 4]
    for _, number in choices:
        cards, page = console.show(found, NOTE, 100, number)
        span = found.spans[number]
        wanted = NOTE[span.start : span.end]
        assert marked_text(page) == wanted
        assert f"{span.start:,} to {span.end:,}" in cards
        assert f'<blockquote class="qa-answer">{html.escape(" ".join(wanted.split()))}</blockquote>' in cards
        body = page[page.index('<div class="qa-note"') :]
        assert words_of(body) == NOTE
        top = max(found.answered, key=found.answered.get)
        assert f'data-category="{top}"' in page
        assert f'class="qa-label {panels_tone(top)}">{top}</span>' in cards
        assert ("You picked another span" in cards) == (number > 0)


def panels_tone(category):
    return dict(zip(CATEGORIES, ("red", "blue", "amber", "violet", "green"), strict=True))[category]


def test_a_script_in_a_note_or_an_answer_is_text(console, panels, app):
    note = "<script>alert(1)</script> <img src=x onerror=alert(2)> \"quoted\" 'too' & done"
    found, _ = console.ask(note, "which medicine <b>was</b> given")
    pages = [*console.show(found, note, 100, 0), *console.show(found, note, 0, 0)]
    rows = app.parts["retrieval"].rows_of(panels.reader, "<i>id</i>", note, app.parts["questions"].parse("<u>what"))
    rows[0] |= {"answer": "<script>x</script>", "start": 0, "end": 1}
    pages.append(app.parts["retrieval"].table(rows, 1, CATEGORIES))
    for page in pages:
        assert not re.search(r"<(script|img|b|u)\b|<i>", page)
    assert "&lt;script&gt;" in pages[1]
    assert "&lt;i&gt;id&lt;/i&gt;" in pages[-1]


@settings(max_examples=200, deadline=None)
@given(data=st.data(), length=st.integers(1, 60))
def test_pieces_are_the_whole_text_once(app, data, length):
    span = st.tuples(st.integers(0, length - 1), st.integers(1, length)).filter(lambda s: s[0] < s[1])
    spans = data.draw(st.lists(span, min_size=1, max_size=5))
    picked = data.draw(st.one_of(st.none(), st.integers(0, len(spans) - 1)))
    found = app.parts["marking"].pieces(length, spans, picked)
    assert [piece[0] for piece in found] == [0, *(piece[1] for piece in found[:-1])]
    assert found[-1][1] == length
    kinds = [kind for start, end, kind in found for _ in range(start, end)]
    for place, kind in enumerate(kinds):
        inside = [a <= place < b for a, b in spans]
        wanted = "picked" if picked is not None and inside[picked] else "other" if any(inside) else "plain"
        assert kind == wanted
    assert sum(kind == "picked" for *_, kind in found) == (picked is not None)


def test_the_slider_decides_whether_there_is_an_answer(console, panels):
    found, _ = console.ask(NOTE, QUESTION)
    reader = panels.reader
    for percent, silent in (
        (100, False),
        (0, True),
        (100 * found.none + 0.01, False),
        (100 * found.none - 0.01, True),
        (reader.start, found.silent),
    ):
        assert reader.silent(found, percent) is silent
        cards, page = console.show(found, NOTE, percent, 0)
        assert ("No answer in this note" in cards) is silent
        assert ("<mark" in page) is not silent
        assert f"{found.none:.1%}" in cards
        shares = found.unanswered if silent else found.answered
        assert all(f"{share:.1%}" in cards for share in shares.values())


@pytest.mark.parametrize("record", [{"scale": 2.0, "bias": -1.0}, {"scale": 0.0, "bias": 0.3}, {"scale": 900.0}, None])
def test_the_slider_begins_at_the_models_own_threshold(app, panels, record, monkeypatch):
    from secondopinion.modeling import no_answer_probability

    monkeypatch.setattr(panels.reader.config, "no_answer_record", record)
    for threshold in (-1.0, 0.7, None):
        monkeypatch.setattr(panels.reader.config, "no_answer_threshold", threshold)
        wanted = 100 * float(no_answer_probability(threshold or 0.0, record))
        assert panels.reader.start == pytest.approx(wanted, abs=0.051)


@pytest.mark.parametrize(
    ("note", "question", "message"),
    [
        ("", QUESTION, "There is no note."),
        (" \n", QUESTION, "There is no note."),
        (NOTE, " ", "There is no question."),
        (NOTE, "why " * 300, "This question is too long.It has 1,200 characters; this page reads up to 1,000."),
        ("a " * 150_000, QUESTION, "This note is too long.It has 300,000 characters; this page reads up to 200,000."),
        (
            "a \ud83d",
            QUESTION,
            "The model cannot read this.the context of row 0 holds half a surrogate pair at character 2",
        ),
    ],
)
def test_what_cannot_be_asked_is_said(console, note, question, message):
    found, notice = console.ask(note, question)
    assert found is None
    assert 'role="alert"' in notice
    assert message in words_of(notice)
    cards, page = console.show(found, note, 50, 0, notice)
    assert notice in cards
    assert "No question yet" in cards
    assert page == ""


def test_a_question_that_is_cut_is_said(console):
    found, notice = console.ask(NOTE, "which medicine was given " * 10)
    assert found is not None
    assert "The model read the first 12 of 40 tokens of the question." in words_of(notice)


def test_a_note_that_changed_since_is_not_marked(console, panels):
    found, _ = console.ask(NOTE, QUESTION)
    cards, page = console.show(found, f" {NOTE}", 100, 0)
    assert "The note has changed since the question was asked." in cards
    assert page == ""
    assert panels.choices(found, f" {NOTE}") == []


def test_a_note_of_a_hundred_thousand_characters(console):
    sentence = "The ward recorded a quiet night and the pulse settled to many beats.\n"
    note = (sentence * 1_500)[:100_000]
    found, notice = console.ask(note, QUESTION)
    assert notice == ""
    _, page = console.show(found, note, 100, 0)
    assert marked_text(page) == note[found.spans[0].start : found.spans[0].end]
    assert words_of(page[page.index('<div class="qa-note"') :]) == note


def test_models_that_find_nothing_are_refused(app, tmp_path, model_folder):
    from qa_run import save_qa_model

    with pytest.raises(ValueError, match="type 'pooled_encoder', which answers no questions"):
        app.Reader(str(model_folder))
    with pytest.raises(ValueError, match="trained for category alone and finds no places in a note"):
        app.Reader(str(save_qa_model(tmp_path / "category", tasks=["category"])))
    with pytest.raises(InputError, match="the Space clinical_qa could not load its models: .* answers no questions"):
        launch_space("clinical_qa", model=model_folder)
    with pytest.raises(InputError, match="the Space clinical_qa takes no queue"):
        launch_space("clinical_qa", model=model_folder, queue=tmp_path)


def test_a_model_without_categories_marks_in_grey(app, tmp_path):
    from qa_run import save_qa_model

    panels = app.Panels(app.Reader(str(save_qa_model(tmp_path / "span", tasks=["span"]))))
    console = app.Console(panels)
    found, _ = console.ask(NOTE, QUESTION)
    cards, page = console.show(found, NOTE, 100, 0)
    assert "was not trained to name categories" in cards
    assert '<mark id="qa-answer" class="grey">' in page
    [row, *_], shown, notice = list(app.Desk(panels).ask("what?", {"n": NOTE}, ["No answer"]))[-1]
    assert notice == ""
    assert row["category"] is None
    assert ("1 rows" in shown) == (row["answer"] is None)


def test_what_was_published_is_shown(app, panels):
    page = app.about(panels.reader.published)
    for piece in ("Answer F1", "Category accuracy", "Span alone", "Question alone", "Trained on synthetic notes"):
        assert piece in page
    facts = panels.reader.published.facts
    assert f"{facts['summary']['out_of_fold']['joint_accuracy']:.3f}" in page
    assert f"{facts['single_task']['span_only']['figures']['f1']:.3f}" in page
    assert "<strong>Research prototype.</strong>" in page
    bare = app.Published("a/b", "main", "mit")
    assert "it has no run.json" in app.about(bare)
    assert "states no limits" in app.about(bare)


def test_the_table_is_that_of_extract(app, desk, folder, tmp_path):
    from secondopinion.scoring.corpus.files import read_corpus
    from secondopinion.scoring.questions.answerer import load_answerer
    from secondopinion.scoring.questions.extraction import extract

    (tmp_path / "notes").mkdir()
    for number in range(3):
        (tmp_path / "notes" / f"n{number}.txt").write_bytes(f"\r\n{NOTE}\r\nBed {number}, β-blocker.".encode())
    text = f"- {{id: drug, question: {QUESTION}, category: Medication}}\n- how fast was the pulse"
    (tmp_path / "q.yaml").write_text(text)
    answerer, _ = load_answerer(folder)
    extract(answerer, tmp_path / "q.yaml", read_corpus(tmp_path / "notes"), tmp_path / "a.csv")
    wanted = pyarrow.csv.read_csv(tmp_path / "a.csv").to_pylist()
    copies = []
    for path in sorted((tmp_path / "notes").iterdir()):
        copies.append(tmp_path / path.name)
        copies[-1].write_bytes(path.read_bytes())
    notes, listed = desk.upload([str(path) for path in copies], {})
    assert not any(path.exists() for path in copies), "uploaded files are removed"
    assert "3 notes" in listed
    *_, (rows, shown, notice) = desk.ask(text, notes, desk.choices)
    assert desk.answers(text, notes) == len(rows) > 1, "each of them counts where a rate holds"
    assert notice == ""
    coded = re.search(r'href="data:text/csv;charset=utf-8;base64,([^"]+)"', shown).group(1)
    (tmp_path / "own.csv").write_bytes(base64.b64decode(coded))
    found = pyarrow.csv.read_csv(tmp_path / "own.csv").to_pylist()
    assert [list(row) for row in found] == [list(row) for row in wanted]
    for own, theirs in zip(found, wanted, strict=True):
        assert own == {name: pytest.approx(v, abs=1e-5) if isinstance(v, float) else v for name, v in theirs.items()}
    assert len(rows) == 6
    assert "not as asked" in shown or all(row["as_asked"] is not False for row in rows)


def test_a_row_of_a_table_is_what_the_page_says(app, panels):
    table = app.scorer(panels)
    row = table.read([NOTE, QUESTION])
    assert tuple(row) == table.columns
    answer = panels.reader.read_many(NOTE, [QUESTION])[0]
    assert row["found"] == ("No answer" if answer["no_answer"] else answer["category"])
    assert row["answer"] == (None if answer["no_answer"] else answer["answer"])
    assert row["no_answer_probability"] == pytest.approx(answer["no_answer_probability"], abs=1e-6)
    assert set(table.kinds) == {*CATEGORIES, "No answer"}
    assert table.read([NOTE, " "]) == {"problem": "Question: empty"}
    assert "half a surrogate pair" in table.read(["a \ud83d", QUESTION])["problem"]


def test_the_table_filters_by_category(app, desk):
    notes = {f"n{i}": f"{NOTE} bed {i}" for i in range(4)}
    *_, (rows, _, _) = desk.ask(app.parts["examples"].QUESTIONS, notes, desk.choices)
    for number, row in enumerate(rows):
        row["category"] = CATEGORIES[number % 5]
        row |= {"answer": None, "start": None, "end": None} if number % 4 == 3 else {"answer": "x"} | row
    for chosen in (["Medication"], ["No answer"], ["Medication", "No answer"], []):
        page = desk.table(rows, chosen)
        wanted = [r for r in rows if ("No answer" if r["answer"] is None else r["category"]) in chosen]
        if not wanted:
            assert "No row is of a chosen category" in page
            continue
        assert page.count("<tr>") == 1 + len(wanted)
        assert f"{len(wanted)} of {len(rows)} rows" in page
        coded = re.search(r'base64,([^"]+)"', page).group(1)
        lines = list(csv.DictReader(io.StringIO(base64.b64decode(coded).decode())))
        assert [(line["note"], line["question_id"]) for line in lines] == [
            (r["note"], r["question_id"]) for r in wanted
        ]


def test_long_tables_are_shown_in_part_and_downloaded_whole(app):
    row = dict.fromkeys(("note", "question", "answer", "category"), "x") | {"start": 0, "end": 1, "score": 0.5}
    row |= {"no_answer_probability": 0.1, "category_probability": 0.5, "as_asked": None, "question_id": "q"}
    page = app.parts["retrieval"].table([row] * 400, 400, CATEGORIES)
    assert page.count("<tr>") == 301
    assert "The first 300 are shown; the file holds all." in page
    assert base64.b64decode(re.search(r'base64,([^"]+)"', page).group(1)).count(b"\n") == 401


QUESTION_FILES = [
    "What hurts?\n\n Where? \n",
    "- What hurts?\n- id: dose\n  question: Which dose?\n  category: Medication",
    "# mine\nquestions:\n  - What hurts?",
    "- {question: A, id: x}\n- {question: B, id: x}",
    "- {question: A, categry: Medication}",
    "- {question: A, category: Medicaton}",
    "- {id: x}",
    "- 7",
    "[]",
    "questions: A?",
    "{question: A?}",
    "- [",
    "",
]


@pytest.mark.parametrize("text", QUESTION_FILES)
def test_questions_are_read_as_extract_reads_them(app, text, tmp_path):
    from secondopinion.scoring.questions.question_file import read_questions

    parse, is_yaml = app.parts["questions"].parse, app.parts["questions"].is_yaml
    file = tmp_path / ("q.yaml" if is_yaml(text) else "q.txt")
    file.write_text(text)
    try:
        wanted = read_questions(file, CATEGORIES)
    except InputError:
        with pytest.raises(ValueError, match=r"[A-Z].*\."):
            parse(text, CATEGORIES)
    else:
        found = [(question.id, question.question, question.category) for question in parse(text, CATEGORIES)]
        assert found == [(question.id, question.question, question.category) for question in wanted]


@pytest.mark.parametrize(
    ("text", "notes", "message"),
    [
        ("", {"n": "a"}, "There is no question."),
        ("What?", {}, "There is no note. Upload .txt or .jsonl files"),
        ("- {question: A, categry: B}", {"n": "a"}, "unknown key 'categry'. Did you mean 'category'?"),
        ("- {question: A, category: B}", {"n": "a"}, "asks for category 'B'. The model knows Diagnosis, Medication"),
        ("- [", {"n": "a"}, "not valid YAML near line 1"),
        ("What?\n" * 51, {"n": "a"}, "51 questions are too many for this page, which takes 50."),
        ("What?", dict.fromkeys(map(str, range(101)), "a"), "101 notes are too many"),
        ("What?\n" * 50, {"n": "a" * 150_000}, "7,500,000 characters to read (notes × questions) are too many"),
        ("Why " * 300, {"n": "a"}, "1,199 characters in a question are too many"),
    ],
)
def test_extractions_that_cannot_run_are_refused(desk, text, notes, message):
    [(rows, shown, notice)] = desk.ask(text, notes, desk.choices)
    assert desk.answers(text, notes) == 0
    assert (rows, shown) == ([], "")
    assert message in words_of(notice)
    assert 'role="alert"' in notice


def test_a_note_that_cannot_be_read_stops_with_what_was_found(desk):
    *_, (rows, shown, notice) = desk.ask("what?", {"one": NOTE, "two": "\ud83d", "three": NOTE}, desk.choices)
    assert [row["note"] for row in rows] == ["one"]
    assert "<table" in shown
    assert "The note 'two' cannot be read: the context of row 0 holds half a surrogate pair" in words_of(notice)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.pdf", b"x", "a.pdf is of no kind that can be read. Expected .txt or .jsonl."),
        ("a.txt", b"\xff\xfe", "a.txt is not UTF-8 text (byte 0)"),
        ("a.txt", b" \n", "The note 'a.txt' is empty."),
        ("a.txt", b"a" * 200_001, "The note 'a.txt' has 200,001 characters."),
        ("a.jsonl", b'{"id": 1, "text": "x"}\n{', "a.jsonl: line 2 is not JSON."),
        ("a.jsonl", b'{"id": 1}', "a.jsonl: line 1 has no text."),
        ("a.jsonl", b'{"id": 1, "text": "x"}\n{"id": "1", "text": "y"}', "The id '1' stands twice."),
        ("held.txt", b"x", "The id 'held.txt' stands twice."),
    ],
)
def test_files_that_cannot_be_read_are_named_and_removed(desk, tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    notes, listed = desk.upload([str(path)], {"held.txt": "secret zebrawood"})
    assert notes == {"held.txt": "secret zebrawood"}
    assert message in words_of(listed)
    assert "zebrawood" not in listed
    assert not path.exists()


def test_json_lines_keep_their_ids_and_separators(desk, tmp_path):
    rows = [{"id": "α", "text": "one\u2028two\r\n"}, {"text": "three"}]
    (tmp_path / "n.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), newline="")
    notes, _ = desk.upload([str(tmp_path / "n.jsonl")], {})
    assert notes == {"α": "one\u2028two\r\n", "n.jsonl:1": "three"}


def test_a_file_of_questions_fills_the_box(desk, tmp_path):
    (tmp_path / "q.yaml").write_text("\ufeff- What?")
    assert desk.questions(str(tmp_path / "q.yaml"), "old") == ("- What?", "")
    (tmp_path / "q.txt").write_bytes(b"\xff")
    text, notice = desk.questions(str(tmp_path / "q.txt"), "old")
    assert text == "old"
    assert "q.txt is not UTF-8 text" in notice
    assert list(tmp_path.iterdir()) == []


def test_examples_are_authored_and_marked(app, desk):
    examples = app.parts["examples"]
    for note, question in examples.EXAMPLES.values():
        assert note.startswith("SYNTHETIC")
        assert question.endswith("?")
    assert all(note.startswith("SYNTHETIC") for note in examples.NOTES.values())
    asked = app.parts["questions"].parse(examples.QUESTIONS, CATEGORIES)
    assert [question.category for question in asked] == list(CATEGORIES)


def test_the_served_page_keeps_and_offers_nothing(folder):
    import httpx2

    url = launch_space("clinical_qa", model=folder, block=False)
    try:
        config = httpx2.get(f"{url}config").json()
        assert config["run_history"] is False
        assert config["analytics_enabled"] is False
        assert httpx2.get(f"{url}gradio_api/info").json()["named_endpoints"] == {}
        assert httpx2.get(f"{url}gradio_api/file={ROOT / 'setup.cfg'}").status_code in (403, 404)
    finally:
        import gradio

        gradio.close_all()


def test_models_are_named_by_file_and_environment(app, monkeypatch):
    for name in ("MODEL", "MODEL_REVISION", "TRUST_REMOTE_CODE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="no model is named: set MODEL"):
        app.settings()
    monkeypatch.setenv("MODEL", "a/b")
    monkeypatch.setenv("TRUST_REMOTE_CODE", "1")
    assert app.settings() == {"model": "a/b", "trust_remote_code": True}


STRANGER = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "secondopinion":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocked())
sys.path.insert(0, sys.argv[1])
import app
found, _ = app.Console(app.Panels(app.Reader(sys.argv[2], trust_remote_code=True))).ask(sys.argv[3], sys.argv[4])
print(app.TITLE, [(span.start, span.end) for span in found.spans])
"""


def test_on_the_hub_the_models_own_code_is_enough(tmp_path, folder, console, monkeypatch):
    target = publish_space("clinical_qa", tmp_path / "space", "someone/qa", revision="0123abc", trust_remote_code=True)
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    done = forked.run(STRANGER, target, folder, NOTE, QUESTION, folder=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    found, _ = console.ask(NOTE, QUESTION)
    wanted = [(span.start, span.end) for span in found.spans]
    assert done.stdout.strip().splitlines()[-1] == f"Clinical questions {wanted}"
