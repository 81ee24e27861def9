"""Plain JSON cases to a folder: forms of the file, what labels look like, ids, groups, folds, what is refused."""

import json
from collections import Counter

import datasets
import pytest
from dragon_files import BINARIES, BINARY, CLASSES, FACTORS, NUMBER, NUMBERS, SECRET
from typer.testing import CliRunner

from secondopinion.cli.app import app
from secondopinion.core.errors import InputError
from secondopinion.dataset_scripts import prepare

CASES = [{"text": f"Note {n}: {SECRET}", "label": "benign" if n % 2 else "cancer"} for n in range(6)]


def write(path, value):
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n\n" for row in value))
    else:
        path.write_text(json.dumps(value))
    return path


def rows_of(folder):
    return datasets.load_dataset(str(folder), split="train")


def test_lists_objects_and_lines_give_the_same_rows(tmp_path):
    prints = set()
    for name, value in (("a.json", CASES), ("b.json", {"cases": CASES}), ("c.jsonl", CASES)):
        (tmp_path / name[0]).mkdir()
        path = write(tmp_path / name[0] / f"notes.{name.split('.')[1]}", value)
        facts = prepare("json_cases", path, tmp_path / name[0] / "out")
        prints.add(facts["fingerprint"])
    assert len(prints) == 1
    rows = rows_of(tmp_path / "c" / "out")
    assert rows.column_names == ["id", "text", "label", "group", "meta"]
    assert rows.features["label"].names == ["benign", "cancer"]
    assert rows["id"][:2] == ["notes-0", "notes-1"]
    assert facts["ids_made"] == 6
    assert facts["policy"]["publish_models"] is False
    assert rows[0]["meta"] == {"task": "notes", "label_kind": CLASSES, "truncation_side": "right"}
    assert SECRET not in (tmp_path / "c" / "out" / "README.md").read_text()


def test_ids_groups_folds_and_names_of_fields(tmp_path):
    cases = [
        {"case": n, "note": ["One.", f"Two {n}."], "size": n + 0.5, "patient": n // 2, "fold": n % 3} for n in range(6)
    ]
    fields = {"id_field": "case", "text_field": "note", "label_field": "size", "group_field": "patient"}
    words = [word for name, value in fields.items() for word in ("-o", f"{name}={value}")]
    path = write(tmp_path / "notes.json", cases)
    command = ["prepare", "json_cases", "--source", str(path), "--output", str(tmp_path / "out"), *words]
    answer = CliRunner().invoke(app, [*command, "-o", "synthetic=true", "-o", "terms=public"])
    assert answer.exit_code == 0, answer.output
    rows = rows_of(tmp_path / "out")
    assert rows[3] == {
        "id": "3",
        "text": "One.\nTwo 3.",
        "label": 3.5,
        "group": "1",
        "fold": 0,
        "meta": {"task": "notes", "label_kind": NUMBER, "truncation_side": "right"},
    }
    assert Counter(rows["fold"]) == {0: 2, 1: 2, 2: 2}
    assert "**They are synthetic.**" in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        ([True, False], BINARY),
        ([3, 4], CLASSES),
        ([3, 4.5], NUMBER),
        ([[1, 0], [0, 0]], BINARIES),
        ([[True, True], [False, True]], BINARIES),
        ([["a", "x"], ["b", "y"]], FACTORS),
        ([[1.5, 2], [3, None]], NUMBERS),
    ],
)
def test_what_labels_look_like_decides_their_kind(labels, kind, tmp_path):
    path = write(tmp_path / "notes.json", [{**case, "label": labels[n % 2]} for n, case in enumerate(CASES)])
    assert prepare("json_cases", path, tmp_path / "out")["label_kind"] == kind


def test_a_stated_kind_decides_where_labels_do_not(tmp_path):
    path = write(tmp_path / "notes.json", [{**case, "label": n % 3} for n, case in enumerate(CASES)])
    assert prepare("json_cases", path, tmp_path / "out", label_kind=NUMBER)["label"]["ranges"][0]["max"] == 2.0
    facts = prepare("json_cases", path, tmp_path / "classes", ordinal=True)
    assert (facts["label_names"], facts["metric"]["figure"]) == (["0", "1", "2"], "linear_kappa")


def changed(**fields):
    return [CASES[0], {**CASES[1], **fields}, *CASES[2:]]


@pytest.mark.parametrize(
    ("value", "options", "message"),
    [
        ([], {}, "notes.json holds no case"),
        ({"notes": CASES}, {}, 'holds an object without "cases"'),
        ({"cases": 5}, {}, "notes.json.cases is a number, expected a list of cases"),
        (["a"], {}, r"notes.json\[0\] is text, expected an object"),
        (changed(text=None), {}, r"notes.json\[1\].text is null, expected text"),
        (changed(text=""), {}, r"notes.json\[1\].text is empty"),
        (changed(label=None), {}, r"notes.json\[1\].label is null; label the case"),
        (changed(label=[1, "a"]), {}, "the labels are of no one kind"),
        (changed(label=5), {"label_kind": NUMBER}, r"\[0\].label is text, expected a number"),
        (CASES, {"label_field": "labels"}, r"\[0\] has no 'labels' for its label; did you mean 'label'"),
        (CASES, {"text_field": "note"}, r"\[0\] has no 'note'; it has label, text"),
        (CASES, {"label_kind": "binary"}, "label_kind is 'binary'; "),
        (CASES, {"truncation_side": "top"}, "truncation_side is 'top'"),
        (CASES, {"terms": "auto"}, "terms is 'auto'; expected one of: public, unknown, private"),
        ([{**case, "id": "x"} for case in CASES], {}, r"\[1\] has the id 'x' of notes.json\[0\]"),
        (changed(id=[1]), {}, r"\[1\].id is a list of 1, expected an id"),
        (changed(fold=1), {}, r"\[0\].fold is null, expected the number of the fold"),
        ([{**case, "fold": 0} for case in CASES], {}, "fold is 0 in every case"),
        ([{**case, "fold": 1} for case in CASES], {}, "fold 1 holds every case out; nothing is left to train on"),
        ([{**case, "fold": -1} for case in CASES], {}, r"\[0\].fold is -1, expected"),
        ([{**case, "label": "same"} for case in CASES], {}, "every training case has the same class"),
    ],
)
def test_damage_is_told_with_its_place(value, options, message, tmp_path):
    path = write(tmp_path / "notes.json", value)
    with pytest.raises(InputError, match=message) as caught:
        prepare("json_cases", path, tmp_path / "out", **options)
    assert SECRET not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_lines_that_are_damaged(tmp_path):
    path = tmp_path / "notes.jsonl"
    path.write_text(json.dumps(CASES[0]) + '\n{"text": \n')
    with pytest.raises(InputError, match=r"notes.jsonl: line 2 is not JSON \(Expecting value, column 10\)"):
        prepare("json_cases", path, tmp_path / "out")
    path.write_bytes(b'{"text": "\xff"}')
    with pytest.raises(InputError, match=r"notes.jsonl is not UTF-8 text \(byte 10\)"):
        prepare("json_cases", path, tmp_path / "out")
    with pytest.raises(InputError, match="is a folder; give one file"):
        prepare("json_cases", tmp_path, tmp_path / "out")
    with pytest.raises(InputError, match="gone.json does not exist"):
        prepare("json_cases", tmp_path / "gone.json", tmp_path / "out")
