"""emrQA from data.json to a folder: spans, groups, counts of all that was dropped, policy; builder and command."""

import collections
import json
from pathlib import Path

import datasets
import pytest
import yaml
from emrqa_files import (
    DRUG_FORM,
    MEDICATION_LINES,
    RELATION_LINES,
    RISK_TEXT,
    all_five,
    answer,
    asked,
    paragraph,
    section,
    write_emrqa,
)
from typer.testing import CliRunner

from secondopinion.cli.app import app
from secondopinion.core.errors import InputError
from secondopinion.core.policy import CorpusPolicy
from secondopinion.core.run_folder import local_paths
from secondopinion.dataset_scripts import prepare
from secondopinion.dataset_scripts.emrqa import AGREEMENT, CATEGORIES, EmrQaBuilder
from secondopinion.dataset_scripts.emrqa.question_rows import BATCH_CHARACTERS, FEATURES, QuestionTally, tables

ZORBITOL = "What is the dose of zorbitol?"
YES_NO = "Was he ever on zorbitol?"
MEDICATION = "".join(MEDICATION_LINES)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_emrqa(tmp_path_factory.mktemp("raw") / "data.json", all_five())


@pytest.fixture(scope="module")
def prepared(source, tmp_path_factory):
    output = tmp_path_factory.mktemp("out") / "emrqa"
    return prepare("emrqa", source, output), output


def built(tmp_path, sections, **options):
    """Return the facts and the rows by id of a file of some sub-datasets, without a folder."""
    path = write_emrqa(tmp_path / "data.json", sections)
    builder = EmrQaBuilder(cache_dir=str(tmp_path / "cache"), source=str(path), **options)
    builder.download_and_prepare()
    return builder.facts, {row["id"]: row for row in builder.as_dataset(split="train")}


def spans(row):
    return list(zip(row["answers"]["answer_start"], row["answers"]["text"], strict=True))


class TestOutput:
    def test_columns_and_what_a_stranger_loads(self, prepared, load):
        rows = load(prepared[1])
        assert rows.features == FEATURES
        assert rows.num_rows == len(set(rows["id"])) == prepared[0]["rows"] == 11

    def test_every_answer_is_at_its_offset(self, prepared, load):
        found = 0
        for row in load(prepared[1]):
            for start, text in spans(row):
                assert row["context"][start : start + len(text)] == text != ""
                found += 1
        assert found == prepared[0]["answers"] == 11

    def test_the_stated_token_and_line_count_not_the_first_match(self, prepared, load):
        rows = {row["question"]: row for row in load(prepared[1])}
        assert spans(rows["Which drugs and doses?"])[0] == (MEDICATION.index("zorbitol"), "zorbitol")
        assert MEDICATION.lower().index("zorbitol") < MEDICATION.index("zorbitol")
        note = "\n".join(RELATION_LINES)
        both = [row for row in load(prepared[1]) if row["question"] == "What was given for the leaky valve"]
        assert [spans(row) for row in both] == [
            [(note.rindex("mendostat"), "mendostat")],
            [(note.index("mendostat"), "mendostat")],
        ]
        assert spans(rows["What is her blood pressure?"]) == [
            (RISK_TEXT.index("120/70"), "120/70"),
            (RISK_TEXT.rindex("180/95"), "180/95"),
        ]

    def test_answers_over_two_lines_and_several_of_one_question(self, prepared, load):
        rows = {row["question"]: row for row in load(prepared[1])}
        assert spans(rows["Why was zorbitol begun"])[0][1] == "tingling\nof both elbows"
        assert [text for _, text in spans(rows[ZORBITOL])] == ["81 mg", "325 mg"]
        assert [text for _, text in spans(rows["Which drugs and doses?"])] == [
            "zorbitol",
            "325 mg",
            "Quellinase",
            "5 mg",
        ]

    def test_kinds_of_answers(self, prepared, load):
        kinds = {
            row["question"]: (row["meta"]["answer_type"], row["span_labelled"], row["meta"]["class_label"])
            for row in load(prepared[1])
        }
        assert kinds[ZORBITOL] == ("single", True, None)
        assert kinds["Which drugs and doses?"] == ("complex", True, None)
        assert kinds["Is there a problem with mendostat"] == ("empty", True, None)
        assert kinds[YES_NO] == ("class", False, "yes")
        assert kinds["What else beside Obesity"] == ("class", False, "Gout")

    def test_categories_are_of_the_logical_form(self, prepared, load):
        rows = {row["question"]: row for row in load(prepared[1])}
        assert rows[ZORBITOL]["category_probs"] == [0, 1, 0, 0, 0]
        assert rows["Why was zorbitol begun"]["category_probs"] == [0.5, 0, 0.5, 0, 0]
        assert rows["What is her blood pressure?"]["category_probs"] == [0, 0, 0, 0, 1]
        assert {row["category_source"] for row in rows.values()} == {"logical_form"}

    def test_groups(self, prepared, load):
        groups = collections.defaultdict(set)
        for row in load(prepared[1]):
            groups[row["group"]].add(row["title"])
        assert dict(groups) == {
            "medication-0001": {"medication-0001"},
            "relations-record-12": {"relations-record-12", "relations-record-14"},
            "risk-101": {"risk-101"},
            "obesity-7": {"obesity-7"},
            "smoking-7": {"obesity-8"},
        }
        assert prepared[0]["groups"] == 5
        assert prepared[0]["notes_with_the_text_of_another"] == 2

    def test_all_that_was_dropped_is_counted_with_its_place(self, prepared):
        facts, _ = prepared
        assert facts["dropped"] == {
            "answers: its line is outside the note": 1,
            "answers: parts of a complex answer do not pair up": 1,
            "answers: several places in its line and no token": 1,
            "answers: text is not in its line": 1,
            "context: empty": 1,
            "question: asked of the note before, with the same answers": 1,
            "question: empty": 1,
            "question: neither span nor category": 1,
            "question: no answer is given": 1,
            "question: none of its answers could be used": 4,
        }
        assert facts["dropped_at"]["answers: text is not in its line"] == ["data[0].paragraphs[0].qas[5].answers[0]"]
        assert facts["dropped_at"]["context: empty"] == ["data[1].paragraphs[1].qas[0]"]
        assert facts["merged"] == {
            "the same question of the note with another class label": 1,
            "the same span again": 1,
        }
        questions = sum(n for reason, n in facts["dropped"].items() if not reason.startswith("answers"))
        merged = facts["merged"]["the same question of the note with another class label"]
        assert facts["read"] == 21 == facts["rows"] + questions + merged
        assert facts["held"] == {"medication": 10, "obesity": 4, "relations": 5, "risk": 1, "smoking": 1}

    def test_facts(self, prepared):
        facts, output = prepared
        assert json.loads((output / "prepare.json").read_text()) == facts
        assert list(local_paths(facts)) == []
        assert facts["label_names"] == list(CATEGORIES)
        assert facts["numbering"]["risk"] == {"characters": 1}
        assert facts["answers_found"] == {"as written": 9, "letter case differs": 1, "white space differs": 1}
        assert (facts["unanswerable"], facts["span_unlabelled"], facts["split"]) == (1, 4, "note")
        assert facts["categories"]["by_source"] == {"logical_form": 11, "unlabelled": 1}
        assert sum(facts["class_counts"].values()) == facts["rows"]
        assert "elbows" not in json.dumps(facts)

    def test_the_policy_forbids_sending_and_publishing(self, prepared):
        policy = CorpusPolicy.from_dict(prepared[0]["policy"])
        assert (policy.text_may_leave_machine, policy.publish_text, policy.publish_models) == (False, False, False)
        assert policy.contains_patient_text
        with pytest.raises(InputError, match="n2c2 NLP Research Data Sets Data Use Agreement"):
            policy.require_publish_models("emrqa")
        policy.require_publish_models("emrqa", AGREEMENT)

    def test_card(self, prepared):
        facts, output = prepared
        text = (output / "README.md").read_text()
        front = yaml.safe_load(text.split("---\n")[1])
        assert (front["license"], front["task_categories"]) == ("other", ["question-answering"])
        assert "| question: none of its answers could be used | 4 |" in text
        assert "| relations | 5 | 3 |" in text
        assert AGREEMENT in text
        assert facts["fingerprint"] in text
        assert not any(mark in text for mark in ("{{", "{%", "elbows", "invented"))

    def test_the_same_source_gives_the_same_rows(self, source, prepared, tmp_path, content):
        facts = prepare("emrqa", source.parent, tmp_path / "again")
        assert facts["fingerprint"] == prepared[0]["fingerprint"]
        parquet = [
            {k: v for k, v in content(folder).items() if "data/" in k} for folder in (prepared[1], tmp_path / "again")
        ]
        assert parquet[0] == parquet[1]


class TestLongNotes:
    def test_a_note_of_a_million_characters(self, tmp_path):
        context = "word " * 200_000 + "5 mg ."
        note = paragraph(
            "1", context, asked((("How much?", "How much?"),), DRUG_FORM, answer("mg", 1, 200_001, context))
        )
        facts, rows = built(tmp_path, [section("medication", note)])
        (row,) = rows.values()
        assert spans(row) == [(1_000_002, "mg")]
        assert facts["longest_context_characters"] == 1_000_006

    def test_tables_stay_small_however_long_the_notes(self):
        context = "x" * (BATCH_CHARACTERS // 4)
        row = {
            "title": "",
            "context": context,
            "question": "q",
            "answers": {"text": [], "answer_start": []},
            "category_probs": [0.0] * 5,
            "category_source": "",
            "span_labelled": True,
            "group": "g",
            "meta": dict.fromkeys(("note_id", "dataset", "template", "logical_form", "answer_type", "class_label")),
        }
        sizes = [table.num_rows for _, table in tables(({**row, "id": str(n)} for n in range(10)), QuestionTally())]
        assert sizes == [4, 4, 2]


class TestBuilder:
    def test_the_documented_way(self, source, prepared, tmp_path, load):
        builder = EmrQaBuilder(cache_dir=str(tmp_path / "cache"), source=str(source))
        builder.download_and_prepare(file_format="parquet")
        rows = builder.as_dataset(split="train")
        assert rows[:] == load(prepared[1])[:]
        assert rows.features == builder.info.features
        assert builder.facts["rows"] == 11
        assert isinstance(builder.as_dataset(), datasets.DatasetDict)

    def test_it_streams(self, source, prepared, tmp_path):
        builder = EmrQaBuilder(cache_dir=str(tmp_path / "cache"), source=str(source))
        assert len(list(builder.as_streaming_dataset(split="train"))) == prepared[0]["rows"]

    def test_the_cache_follows_the_source_the_options_and_the_table(self, source, tmp_path):
        def folder(**options):
            return EmrQaBuilder(cache_dir=str(tmp_path / "cache"), source=str(source), **options).cache_dir

        table = tmp_path / "terms.tsv"
        table.write_text("term\ttypes\nfever\tT184\n")
        with_table = folder(umls=str(table))
        assert folder() == folder()
        assert len({folder(), with_table, folder(sample=0.5), folder(datasets="risk"), folder(split="template")}) == 5
        table.write_text("term\ttypes\nhigh fever\tT184\n")
        assert folder(umls=str(table)) != with_table
        assert str(tmp_path / "terms") not in Path(with_table).name


def test_the_command(source, tmp_path):
    words = [
        "prepare",
        "emrqa",
        "--source",
        source,
        "--output",
        tmp_path / "out",
        "-o",
        "span=line",
        "-o",
        "split=template",
    ]
    words += ["--seed", 5, "-o", "sample=0.5", "-o", "datasets=medication,relations"]
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    facts = json.loads((tmp_path / "out" / "prepare.json").read_text())
    assert (facts["options"]["seed"], facts["options"]["sample"], facts["options"]["span"]) == (5, 0.5, "line")
    assert f"{facts['rows']} rows from 15 records" in result.stdout
    assert "dropped: question: not in the sample: 7" in result.stdout
