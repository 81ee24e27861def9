"""Bad input in SQuAD's form: wrong nesting by its path, damaged files, wrong options; each says what to do."""

import json

import pytest
from squad_files import SECRET, ask, squad, write_json

from secondopinion.core.errors import InputError
from secondopinion.dataset_scripts import prepare
from secondopinion.dataset_scripts.squad_form import SquadFormBuilder


def fails(tmp_path, value, message, **options):
    write_json(tmp_path / "a.json", value)
    with pytest.raises(InputError, match=message) as error:
        prepare("squad_form", tmp_path / "a.json", tmp_path / "out", **options)
    assert SECRET not in str(error.value)
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("data",), {}, r"a\.json: data is an object, expected a list"),
        (("data", 0), "imaginary", r"a\.json: data\[0\] is text, expected an object"),
        (("data", 0, "paragraphs"), "x", r"data\[0\]\.paragraphs is text, expected a list"),
        (("data", 0, "paragraphs", 0), [], r"^data\[0\]\.paragraphs\[0\] is a list, expected an object"),
        (
            ("data", 0, "paragraphs", 0, "context"),
            None,
            r"^data\[0\]\.paragraphs\[0\]\.context is null, expected text",
        ),
        (
            ("data", 0, "paragraphs", 0, "qas"),
            {},
            r"^data\[0\]\.paragraphs\[0\]\.qas is an object, expected a list",
        ),
        (
            ("data", 0, "paragraphs", 0, "qas", 1),
            5,
            r"^data\[0\]\.paragraphs\[0\]\.qas\[1\] is a number, expected an",
        ),
        (("data", 0, "paragraphs", 0, "qas", 1, "question"), {}, r"qas\[1\]\.question is an object, expected text"),
        (
            ("data", 0, "paragraphs", 0, "qas", 1, "is_impossible"),
            "no",
            r"is_impossible is text, expected true or fal",
        ),
        (("data", 0, "paragraphs", 0, "qas", 1, "answers"), {}, r"qas\[1\]\.answers is an object, expected a list"),
        (
            ("data", 0, "paragraphs", 0, "qas", 1, "answers", 0),
            "x",
            r"qas\[1\]\.answers\[0\] is text, expected an obj",
        ),
        (
            ("data", 0, "paragraphs", 0, "qas", 1, "answers", 0, "text"),
            1,
            r"answers\[0\]\.text is a number, expected",
        ),
        (
            ("data", 0, "paragraphs", 0, "qas", 1, "answers", 0, "answer_start"),
            "14",
            r"^data\[0\]\.paragraphs\[0\]\.qas\[1\]\.answers\[0\]\.answer_start is text, expected a whole num",
        ),
        (
            ("data", 0, "paragraphs", 0, "qas", 1, "answers", 0, "answer_start"),
            1.5,
            r"answer_start is a number, exp",
        ),
    ],
)
def test_wrong_nesting_names_its_path(tmp_path, path, value, message):
    whole = squad(ask(), ask("2"))
    place = whole
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    fails(tmp_path, whole, message)


@pytest.mark.parametrize("name", ["context", "qas"])
def test_what_is_missing(tmp_path, name):
    whole = squad(ask())
    del whole["data"][0]["paragraphs"][0][name]
    fails(tmp_path, whole, rf"^data\[0\]\.paragraphs\[0\]\.{name} is missing, expected")


def test_of_several_files_the_name_is_said(tmp_path):
    for name in ("dev", "train"):
        write_json(tmp_path / "raw" / f"{name}.json", squad(ask(question=5 if name == "train" else "q")))
    with pytest.raises(InputError, match=r"^train\.json: data\[0\]\.paragraphs\[0\]\.qas\[0\]\.question is a number"):
        prepare("squad_form", tmp_path / "raw", tmp_path / "out")


def test_emrqas_form_is_told_which_corpus_reads_it(tmp_path):
    qa = {"question": ["q"], "id": [[["q", "t"]], "form"], "answers": []}
    fails(tmp_path, squad(qa), r"qas\[0\] is in emrQA's form .*use: secondopinion prepare emrqa --source FILE")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"a\.json is empty"),
        ("id,question\n", r"a\.json is not JSON"),
        (json.dumps(squad(ask()))[:-9], r"a\.json ends early \(data\[0\], paragraph 1"),
        ("[]", r"the file is a list, expected an object"),
        ('{"rows": []}', r"has no list 'data'"),
        (json.dumps(squad()), r"none of the 0 questions became a row \(no questions\)"),
    ],
)
def test_files_that_are_something_else(tmp_path, text, message):
    fails(tmp_path, text, message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"terms": "secret"}, "terms is 'secret'; expected one of: public, unknown, private"),
        ({"max_answer_words": 0}, "max_answer_words is 0; give at least 1"),
        ({"licence": " "}, "licence is empty; name one as the Hub spells it"),
        ({"split": "note"}, "unknown option 'split' of the squad_form builder"),
    ],
)
def test_options(tmp_path, options, message):
    fails(tmp_path, squad(ask()), message, **options)


def test_two_files_of_one_name(tmp_path):
    for folder in ("a", "b"):
        write_json(tmp_path / "raw" / folder / "train.json", squad(ask()))
    with pytest.raises(InputError, match=r"two files are named 'train\.json'; give the folder of one of them"):
        prepare("squad_form", tmp_path / "raw", tmp_path / "out")


def test_no_source(tmp_path):
    with pytest.raises(InputError, match=r"SquadFormBuilder needs a source: a \.json file in SQuAD's form"):
        SquadFormBuilder(cache_dir=str(tmp_path))
    with pytest.raises(InputError, match=r"does not exist\. Give a \.json file in SQuAD's form, or a folder"):
        prepare("squad_form", tmp_path / "nowhere", tmp_path / "out")
