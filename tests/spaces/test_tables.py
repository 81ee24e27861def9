"""Tables in every Space: what is read of a file, what is refused, what comes out, and that nothing of it stays."""

import base64
import csv
import doctest
import io
import re
import sys
import threading
import types

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondopinion.cli.space import loaded_app
from secondopinion.publishing.spaces import stage_space

pytest.importorskip("gradio", reason="gradio is in the extra [spaces]")
PAGE = "a-session"


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("space")
    stage_space("maude_severity", folder)
    with loaded_app(folder):
        yield {name: sys.modules[name] for name in ("batch", "look", "tables")}


@pytest.fixture
def scorer(parts):
    batch = parts["batch"]

    def score(text):
        if "refuse" in text:
            raise ValueError("the model cannot read this")
        return {"class": "long" if len(text) > 5 else "short", "share": 0.25}

    return batch.Scorer(
        fields=(batch.Field("Report", ("text", "report"), 50),),
        columns=("class", "share"),
        score=score,
        verdict="class",
        kinds=("short", "long"),
        tones=("blue", "amber"),
        example=({"id": "1", "report": "an example"},),
    )


@pytest.fixture
def desk(parts, scorer):
    return parts["batch"].Desk(scorer, most=100)


@pytest.fixture
def write(tmp_path):
    def file(content, name="in.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return file


def downloaded(page):
    """Return (name, text) of the file that a page holds."""
    name, coded = re.search(r'download="([^"]+)" href="data:text/csv;charset=utf-8;base64,([^"]+)"', page).groups()
    return name, base64.b64decode(coded).decode()


def scored(desk, path, column="text"):
    desk.upload(PAGE, path)
    assert "0 of" in desk.begin(PAGE, [column])
    *_, (said, page) = desk.run(PAGE, [column])
    return said, page


def test_the_examples_in_the_code_are_true(parts):
    results = [doctest.testmod(module) for module in parts.values()]
    assert all(result.attempted for result in results)
    assert not any(result.failed for result in results)


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"x", "in.xlsx", "in.xlsx is of no kind that can be read. Expected .csv or .tsv."),
        (b"text\n\xff\xfe", "in.csv", "in.csv is not UTF-8 text (byte 5). Convert it first"),
        ("text\nzebrawood".encode("utf-16"), "in.csv", "is not UTF-8 text (byte 0)"),
        ("text\nzebrawood".encode("utf-16-le"), "in.csv", "holds a null character, as UTF-16 does"),
        (b" \n\n", "in.csv", "in.csv is empty. Expected a line that names the columns"),
        (b"text,label\n", "in.csv", "in.csv has no rows below the line that names the columns."),
        (b"text,\na,b", "in.csv", "column 2 has no name"),
        (b"text,text\na,b", "in.csv", "two columns have the same name (the 2th is one)"),
        (b"text,label\na,b\nzebrawood,d,e", "in.csv", "line 3 has 3 cells, but 2 columns are named."),
        (b'text\n"zebrawood', "in.csv", "is not CSV (unexpected end of data)"),
        (b"text\n" + b"zebrawood\n" * 101, "in.csv", "has more than 100 rows, which this page takes. For more, run"),
    ],
)
def test_files_that_cannot_be_read_are_named_and_removed(desk, write, tmp_path, content, name, message):
    page, columns = desk.upload(PAGE, write(content, name))
    assert message in page
    assert 'role="alert"' in page
    assert "zebrawood" not in page
    assert columns == ()
    assert list(tmp_path.iterdir()) == []
    assert "There is no table." in desk.begin(PAGE, ["text"])
    assert list(desk.run(PAGE, ["text"])) == []


def test_rows_columns_delimiter_and_mark_are_kept(desk, write, tmp_path):
    content = '\ufeff\nid;text;"a;b";class\n7;"two\nlines";ü;x\n\n3;;"1,5"\n5;refuse this;;\n4;' + "y" * 51 + ";;\n"
    path = write(content)
    said, page = scored(desk, path)
    assert list(tmp_path.iterdir()) == []
    assert "Done: 4 of 4 rows were read, 3 of them in vain" in said.replace("&#x27;", "'")
    name, text = downloaded(page)
    assert name == "in-scored.csv"
    assert text.startswith("\ufeff")
    header, *rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=";")
    assert header == ["id", "text", "a;b", "class", "class (scored)", "share", "problem"]
    assert rows == [
        ["7", "two\nlines", "ü", "x", "long", "0.25", ""],
        ["3", "", "1,5", "", "", "", "Report: empty"],
        ["5", "refuse this", "", "", "", "", "the model cannot read this"],
        ["4", "y" * 51, "", "", "", "", "Report: 51 characters, more than 50"],
    ]
    assert "yyyy" not in page
    assert "100.0%" in page


@settings(max_examples=150, deadline=None)
@given(value=st.one_of(st.text(max_size=12), st.sampled_from(["=1", "+1-1", "\t=1", "-2", "@a", "\r+x", "－1"])))
def test_no_cell_is_run_by_a_spreadsheet(parts, value):
    cell = parts["tables"].cell(value)
    dangerous = value.lstrip().startswith(("=", "+", "-", "@")) or value.startswith(("\t", "\r"))
    number = re.fullmatch(r"[+-]?[\d.,]+([eE][+-]?\d+)?%?", value)
    assert cell in (value, f"'{value}")
    if dangerous and not number:
        assert cell == f"'{value}"
    [[again]] = csv.reader(io.StringIO(parts["tables"].as_csv([value or "x"], []), newline=""))
    assert again == parts["tables"].cell(value or "x")


def test_the_column_is_found_by_its_name_or_chosen(parts, desk, write):
    field = desk.scorer.fields[0]
    assert field.find(("ID", " Report ", "TEXT")) == "TEXT", "names are tried in their own order"
    assert field.find(("a", "b")) is None
    assert field.find(("a",)) == "a"
    desk.upload(PAGE, write("a,b\n1,2"))
    assert "No column is chosen for the report." in desk.begin(PAGE, [None])
    assert list(desk.run(PAGE, [None])) == [], "what was not begun does not run"


def test_a_stop_keeps_what_was_read(parts, desk, write, monkeypatch):
    monkeypatch.setattr(parts["batch"], "EVERY", 0.0)
    desk.upload(PAGE, write("text\n" + "a\n" * 60))
    desk.begin(PAGE, ["text"])
    states = desk.run(PAGE, ["text"])
    first, nothing = next(states)
    assert 'max="60" value="1"' in first
    assert nothing == ""
    next(states)
    desk.stop(PAGE)
    [(said, page)] = list(states)
    assert "Stopped: 2 of 60 rows were read." in said
    rows = downloaded(page)[1].splitlines()
    assert rows[:4] == ["text,class,share,problem", "a,short,0.25,", "a,short,0.25,", "a,,,not read: stopped"]
    assert len(rows) == 61


def test_pages_do_not_see_one_another_and_leave_nothing(desk, write, parts, monkeypatch):
    late = []

    class Timer(threading.Timer):
        def start(self):
            late.append(self)

    monkeypatch.setattr(parts["batch"].threading, "Timer", Timer)
    desk.upload("one", write("text\nzebrawood"))
    desk.upload("two", write("text\na\nb"))
    assert "1 row," in desk.about("one")
    assert "2 rows," in desk.about("two")
    desk.begin("two", ["text"])
    running = desk.run("two", ["text"])
    desk.forget("two")
    assert list(running) == []
    assert "None yet." in desk.about("two")
    late[0].function(*late[0].args)
    assert desk._held == {}, "after an hour"


def test_each_row_counts_where_a_rate_holds(parts, desk, write, monkeypatch):
    import gradio

    look = parts["look"]
    monkeypatch.setattr(look, "RATE", look.RateLimit(3, 60.0))
    asked_by = look.LocalContext.request.set(types.SimpleNamespace(username="ann"))
    begin = look.counted(desk.begin, desk.answers)
    try:
        assert "There is no table." in begin(PAGE, ["text"])
        desk.upload(PAGE, write("text\na\nb\n"))
        assert "0 of 2" in begin(PAGE, ["text"])
        assert "No column is chosen" in begin(PAGE, [None])
        with pytest.raises(gradio.Error, match=r"3 times in 60 seconds, and this asks for 2 answers\. Please try"):
            begin(PAGE, ["text"])
        desk.upload(PAGE, write("text\n" + "a\n" * 4))
        with pytest.raises(gradio.Error, match=r"this asks for 4 answers at once\. Ask for 3 at most"):
            begin(PAGE, ["text"])
        desk.upload(PAGE, write("text\na\n"))
        assert "0 of 1" in begin(PAGE, ["text"])
    finally:
        look.LocalContext.request.reset(asked_by)


def test_the_example_is_scored(desk):
    page, columns = desk.take_example(PAGE)
    assert columns == ("id", "report")
    assert "example.csv · 1 row, 2 columns" in page
    desk.begin(PAGE, ["report"])
    *_, (_, page) = desk.run(PAGE, ["report"])
    assert downloaded(page)[1] == "id,report,class,share,problem\r\n1,an example,long,0.25,\r\n"
