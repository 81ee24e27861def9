"""Files in SQuAD's form to a folder: versions 1 and 2, groups, terms, offsets that are wrong; real ones too."""

import json
from pathlib import Path

import datasets
import pytest
import yaml
from squad_files import CONTEXT, SECRET, ask, squad, write_json
from typer.testing import CliRunner

from secondopinion.cli.app import app
from secondopinion.core.errors import InputError
from secondopinion.core.run_folder import local_paths
from secondopinion.dataset_scripts import prepare
from secondopinion.dataset_scripts.emrqa import CATEGORIES
from secondopinion.dataset_scripts.emrqa.question_rows import FEATURES
from secondopinion.dataset_scripts.squad_form import SquadFormBuilder

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "covid_qa"


def built(tmp_path, *files, **options):
    """Return the facts and the rows by id of some files, without a folder."""
    for number, value in enumerate(files):
        write_json(tmp_path / "raw" / f"file{number}.json", value)
    builder = SquadFormBuilder(cache_dir=str(tmp_path / "cache"), source=str(tmp_path / "raw"), **options)
    builder.download_and_prepare()
    return builder.facts, {row["id"]: row for row in builder.as_dataset(split="train")}


def spans(row):
    return list(zip(row["answers"]["answer_start"], row["answers"]["text"], strict=True))


class TestRows:
    def test_version_1(self, tmp_path, load):
        several = ask("2", answers=(("pain", 44), ("the pain left", 40), ("pain", 44)))
        facts = prepare("squad_form", write_json(tmp_path / "train.json", squad(ask(), several)), tmp_path / "out")
        rows = load(tmp_path / "out")
        assert rows.features == FEATURES
        first, second = rows
        assert (first["context"], first["question"], first["title"]) == (CONTEXT, "What came back?", "Pain")
        assert spans(first) == [(14, "pain")]
        assert spans(second) == [(44, "pain"), (40, "the pain left")]
        assert (first["span_labelled"], first["category_probs"], first["category_source"]) == (True, [0] * 5, "")
        assert first["meta"]["dataset"] == "train"
        assert (facts["rows"], facts["answers"], facts["rows_with_several_answers"]) == (2, 3, 1)
        assert facts["merged"] == {"the same span again": 1}
        assert json.loads((tmp_path / "out" / "prepare.json").read_text()) == facts
        assert list(local_paths(facts)) == []

    def test_version_2(self, tmp_path):
        impossible = ask("2", answers=(), is_impossible=True, plausible_answers=[{"text": "pain", "answer_start": 14}])
        contradiction = ask("3", is_impossible=True)
        facts, rows = built(tmp_path, squad(ask(is_impossible=False), impossible, contradiction, version="v2.0"))
        assert [(spans(row), row["span_labelled"]) for row in rows.values()] == [
            ([(14, "pain")], True),
            ([], True),
            ([], True),
        ]
        assert facts["unanswerable"] == 2
        assert facts["merged"] == {"answers of a question that is_impossible says has none": 1}
        assert rows["2"]["meta"]["answer_type"] == "empty"

    def test_offsets_count_characters_also_behind_emojis(self, tmp_path):
        place = CONTEXT.rindex("pain")
        _, rows = built(tmp_path, squad(ask(answers=(("pain", place),))))
        (row,) = rows.values()
        assert place == 65
        assert spans(row) == [(place, "pain")]
        assert row["context"][place : place + 4] == "pain"

    def test_nothing_is_trimmed(self, tmp_path):
        _, rows = built(tmp_path, squad(ask(question=" Which ?\n", answers=((" a", 1),)), context="  a \r\n\t"))
        (row,) = rows.values()
        assert (row["context"], row["question"], spans(row)) == ("  a \r\n\t", " Which ?\n", [(1, " a")])

    def test_ids_are_unique(self, tmp_path):
        nameless = {key: value for key, value in ask().items() if key != "id"}
        facts, rows = built(tmp_path, squad(ask("7"), ask(7), ask("7-2"), ask("7"), nameless))
        assert list(rows) == ["7", "7-2", "7-2-2", "7-3", "data[0].paragraphs[0].qas[4]"]
        assert facts["repeated_ids"] == 3

    def test_a_file_that_is_one_document(self, tmp_path):
        facts, rows = built(tmp_path, squad(ask())["data"][0])
        assert (facts["rows"], rows["1"]["group"]) == (1, "Pain")

    def test_a_million_characters(self, tmp_path):
        context = "x " * 500_000 + "pain"
        facts, rows = built(
            tmp_path, squad(*(ask(str(n), answers=(("pain", 1_000_000),)) for n in range(20)), context=context)
        )
        assert all(spans(row) == [(1_000_000, "pain")] for row in rows.values())
        assert (facts["rows"], facts["longest_context_characters"]) == (20, 1_000_004)


class TestGroups:
    def test_document_id_then_title_then_place(self, tmp_path):
        files = (
            squad(ask("a"), context="a pain", document_id=1667),
            squad(ask("b"), context="b pain", title="Title"),
            squad(ask("c"), context="c pain", title=None),
            squad(ask("d"), context="d pain", title=None),
        )
        for file in files:
            file["data"][0]["paragraphs"][0]["qas"][0]["answers"] = [{"text": "pain", "answer_start": 2}]
        facts, rows = built(tmp_path, *files)
        assert [row["group"] for row in rows.values()] == ["1667", "Title", "file2 data[0]", "file3 data[0]"]
        assert [row["meta"]["dataset"] for row in rows.values()] == ["file0", "file1", "file2", "file3"]
        assert facts["datasets"] == {f"file{n}": 1 for n in range(4)}

    def test_the_same_text_under_two_titles_is_one_group(self, tmp_path):
        files = (
            squad(ask("a")),
            squad(ask("b"), title="Other", context=CONTEXT + " "),
            squad(ask("c"), title="Third", context="x" * 14 + "pain"),
        )
        facts, rows = built(tmp_path, *files)
        assert [row["group"] for row in rows.values()] == ["Pain", "Pain", "Third"]
        assert (facts["groups"], facts["contexts_of_another_document"]) == (2, 1)


class TestOffsets:
    WRONG = (
        ask("right"),
        ask("shifted", answers=(("pain", 43),)),
        ask("nowhere", answers=(("fever", 14),)),
        ask("outside", answers=(("pain", 400),)),
        ask("negative", answers=(("pain", -1),)),
        ask("runs over the end", answers=(("pain ?!", 65),)),
        ask("empty", answers=((" ", 3),)),
        ask("one of two", answers=(("pain", 45), ("pain", 14))),
    )

    def test_they_are_dropped_and_counted(self, tmp_path):
        facts, rows = built(tmp_path, squad(*self.WRONG))
        assert {key: spans(row) for key, row in rows.items()} == {"right": [(14, "pain")], "one of two": [(14, "pain")]}
        assert facts["dropped"] == {
            "answers: empty text": 1,
            "answers: outside the context": 3,
            "answers: text is not at its offset": 3,
            "question: none of its answers could be used": 6,
        }
        assert facts["dropped_at"]["answers: empty text"] == ["data[0].paragraphs[0].qas[6].answers[0]"]
        assert facts["rows"] + 6 == facts["read"]

    def test_or_moved_to_the_nearest_place(self, tmp_path):
        facts, rows = built(tmp_path, squad(*self.WRONG), repair=True)
        assert {key: spans(row) for key, row in rows.items()} == {
            "right": [(14, "pain")],
            "shifted": [(44, "pain")],
            "outside": [(65, "pain")],
            "negative": [(14, "pain")],
            "one of two": [(44, "pain"), (14, "pain")],
        }
        assert facts["merged"] == {"answer moved to the nearest place with its text": 4}
        assert facts["dropped"]["answers: text is nowhere in the context"] == 2

    def test_when_none_is_right_the_remedy_is_said(self, tmp_path):
        write_json(tmp_path / "a.json", squad(self.WRONG[1]))
        with pytest.raises(
            InputError, match=r"none of the 1 questions became a row .*text is not at its .*repair=true"
        ):
            prepare("squad_form", tmp_path / "a.json", tmp_path / "out")

    def test_empty_questions_and_contexts_are_dropped(self, tmp_path):
        files = squad(ask("1"), ask("2", question=" \n")), squad(ask("3"), ask("4"), context=" ", title="Empty")
        facts, rows = built(tmp_path, *files)
        assert list(rows) == ["1"]
        assert facts["dropped"] == {"context: empty": 2, "question: empty": 1}
        assert facts["dropped_at"]["context: empty"][0] == "file1.json: data[0].paragraphs[0].qas[0]"

    def test_long_answers_are_left_out(self, tmp_path):
        facts, rows = built(tmp_path, squad(ask(), ask("2", answers=(("the pain left", 40),))), max_answer_words=2)
        assert list(rows) == ["1"]
        assert facts["dropped"]["answers: longer than max_answer_words"] == 1


class TestTerms:
    def test_they_are_strict_unless_stated(self, tmp_path):
        policy = built(tmp_path, squad(ask()))[0]["policy"]
        assert (policy["text_may_leave_machine"], policy["publish_text"], policy["publish_models"]) == (
            False,
            False,
            True,
        )
        assert policy["contains_patient_text"]

    @pytest.mark.parametrize(("terms", "allowed"), [("public", True), ("private", False)])
    def test_as_stated(self, tmp_path, terms, allowed):
        policy = built(tmp_path, squad(ask()), terms=terms, licence="cc-by-4.0")[0]["policy"]
        assert policy["licence"] == "cc-by-4.0"
        assert {policy[k] for k in ("text_may_leave_machine", "publish_text", "publish_models")} == {allowed}

    def test_the_card_says_them(self, tmp_path):
        source = write_json(tmp_path / "a.json", squad(ask(category="Symptoms"), ask("2", answers=(("fever", 1),))))
        facts = prepare("squad_form", source, tmp_path / "out", terms="public", licence="apache-2.0")
        text = (tmp_path / "out" / "README.md").read_text()
        front = yaml.safe_load(text.split("---\n")[1])
        assert (front["license"], front["task_categories"]) == ("apache-2.0", ["question-answering"])
        assert "| Symptoms | 1 | 100.0% |" in text
        assert "| answers: text is not at its offset | 1 |" in text
        assert facts["fingerprint"] in text
        assert not any(mark in text for mark in ("{{", "{%", SECRET, "not be published"))


def test_the_documented_way(tmp_path, load):
    source = write_json(tmp_path / "train.json", squad(ask(), ask("2", category="Symptoms")))
    builder = SquadFormBuilder(cache_dir=str(tmp_path / "cache"), source=str(source))
    builder.download_and_prepare(file_format="parquet")
    rows = builder.as_dataset(split="train")
    prepare("squad_form", source, tmp_path / "out")
    assert rows[:] == load(tmp_path / "out")[:]
    assert rows.features == builder.info.features
    assert isinstance(builder.as_dataset(), datasets.DatasetDict)


def test_the_command(tmp_path):
    source = write_json(tmp_path / "train.json", squad(*TestOffsets.WRONG))
    words = ["prepare", "squad_form", "--source", source, "--output", tmp_path / "out", "-o", "repair=true"]
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    assert "5 rows from 8 records" in result.stdout
    assert "in another row: answer moved to the nearest place with its text: 4" in result.stdout


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    if not SHARED.exists():
        pytest.skip("../shared/data/covid_qa is not on this machine")
    output = tmp_path_factory.mktemp("real") / "covid_qa"
    facts = prepare("squad_form", SHARED, output, terms="public", licence="apache-2.0")
    return facts, datasets.load_dataset(str(output), split="train")


class TestCovidQa:
    def test_counts(self, real):
        facts, rows = real
        assert (facts["read"], facts["rows"], len(rows)) == (1_620, 1_620, 1_620)
        assert facts["datasets"] == {"covid-qa-dev": 203, "covid-qa-train": 1_417}
        assert (facts["dropped"], facts["merged"], facts["repeated_ids"]) == ({}, {}, 0)
        assert (facts["groups"], facts["duplicates"], facts["contexts_of_another_document"]) == (
            124,
            {"largest_group": 119},
            0,
        )
        assert (facts["longest_answer_words"], facts["longest_context_characters"]) == (144, 70_846)
        assert facts["class_counts"] == dict.fromkeys(CATEGORIES, 0) | {"unlabelled": 1_620}

    def test_every_answer_is_at_its_offset_and_no_document_is_in_both_files(self, real):
        _, rows = real
        files = {}
        for row in rows:
            for start, text in spans(row):
                assert row["context"][start : start + len(text)] == text
            files.setdefault(row["group"], set()).add(row["meta"]["dataset"])
        assert len(files) == 124
        assert max(map(len, files.values())) == 1
