"""Texts from every kind of source, as one stream."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from secondopinion.core.errors import InputError
from secondopinion.scoring.corpus.files import read_corpus

ROWS = [{"id": "a", "text": "first\nnote"}, {"id": "b", "text": 'second, "quoted" ñ'}]


def write(folder, kind):
    path = folder / f"notes{kind}"
    if kind.startswith(".jsonl"):
        content = "".join(json.dumps(row) + "\n" for row in ROWS) + "\n"
    elif kind.startswith(".csv"):
        content = 'id,text\na,"first\nnote"\nb,"second, ""quoted"" ñ"\n'
    elif kind.startswith(".tsv"):
        content = 'id\ttext\na\t"first\nnote"\nb\t"second, ""quoted"" ñ"\n'
    else:
        pq.write_table(pa.Table.from_pylist(ROWS), path)
        return path
    path.write_bytes(gzip.compress(content.encode()) if kind.endswith(".gz") else content.encode())
    return path


@pytest.mark.parametrize("kind", [".jsonl", ".jsonl.gz", ".csv", ".csv.gz", ".tsv", ".parquet"])
def test_every_kind_gives_the_same_rows(tmp_path, kind):
    assert list(read_corpus(write(tmp_path, kind))) == [(row["id"], row["text"]) for row in ROWS]


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path):
    (tmp_path / "b.txt").write_text("second")
    (tmp_path / "a.txt").write_text("first")
    (tmp_path / "c.pdf").write_bytes(b"%PDF")
    assert list(read_corpus(tmp_path)) == [("a.txt", "first"), ("b.txt", "second")]


def test_other_columns_and_rows_without_an_id(tmp_path):
    path = tmp_path / "n.jsonl"
    path.write_text('{"body": "x"}\n{"body": "y"}\n')
    assert list(read_corpus(path, text_column="body")) == [("n.jsonl:0", "x"), ("n.jsonl:1", "y")]


def test_rows_are_read_one_at_a_time(tmp_path):
    path = tmp_path / "n.jsonl"
    path.write_text('{"id": "1", "text": "x"}\nnot json\n')
    rows = read_corpus(path)
    assert next(rows) == ("1", "x")
    with pytest.raises(InputError, match="line 2 is not JSON"):
        next(rows)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("n.jsonl", b'{"id": 1, "note": "secret words"}\n', "row 0 has no column 'text'"),
        ("n.jsonl", b'{"id": 1, "text": 7}\n', "the text of row 0 is of type int"),
        ("n.jsonl", b'{"id": 1, "text": " "}\n', "the text of row 0 is empty"),
        ("n.jsonl", b"[1]\n", "line 1 holds list; expected an object a line"),
        ("n.csv", b"id,text\n1,caf\xe9\n", "is not UTF-8 text"),
        ("n.jsonl.gz", gzip.compress(b'{"id": 1, "text": "x"}\n' * 2000, mtime=0)[:-20], "is damaged or cut off"),
        ("n.parquet", b"PAR1xx", "is not a Parquet file, or was cut off"),
        ("n.docx", b"x", "is of no kind that can be read"),
    ],
)
def test_what_cannot_be_read_is_told_without_its_text(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        list(read_corpus(tmp_path / name))
    assert "secret" not in str(caught.value)


def test_nothing_there(tmp_path):
    with pytest.raises(InputError, match="holds no file of texts"):
        list(read_corpus(tmp_path))
    with pytest.raises(InputError, match="does not exist; give a file, a folder, or a data set"):
        list(read_corpus(tmp_path / "none.jsonl"))
