"""Generated clinical questions: the same bytes for a seed, exact answers, questions of every kind, no easy way."""

import collections
import hashlib
import json
import re
import statistics

import pytest
import yaml

from secondopinion.core.errors import InputError
from secondopinion.core.policy import CorpusPolicy
from secondopinion.core.run_folder import local_paths
from secondopinion.dataset_scripts import parse_options, prepare
from secondopinion.dataset_scripts.emrqa.categories import CATEGORIES
from secondopinion.dataset_scripts.emrqa.linkers import TableLinker
from secondopinion.dataset_scripts.synthetic_clinical_qa.data_json import write_data_json
from secondopinion.dataset_scripts.synthetic_clinical_qa.drawing import Draw
from secondopinion.dataset_scripts.synthetic_clinical_qa.notes import write_note
from secondopinion.dataset_scripts.synthetic_clinical_qa.questions import NOT_THERE
from secondopinion.dataset_scripts.synthetic_clinical_qa.semantic_types import semantic_types, write_table
from secondopinion.dataset_scripts.synthetic_clinical_qa.templates import authored_templates, check, read_templates

SIZE = {"notes": 60, "questions": 12, "unanswerable": 0.2, "synonyms": 0.3, "seed": 13}
HEADER = "dataset,Input,Question,Logical Forms,Answer Concepts,\n"
PUBLIC = HEADER + (
    "risk,medication,What is the dose of |medication|##How much |medication|,"
    "MedicationEvent (|medication|) [dosage=x],none,\n"
    "risk,problem,Why is he on |medication|,"
    "MedicationEvent (|medication|) given {ConditionEvent (x) OR SymptomEvent (x)},,\n"
    'obesity,problem,Does |problem| exist,"UnheardOfEvent (|problem|)",,\n'
    'risk,medication,How much |medication|,"MedicationEvent (|medication|) [dosage=x]",none,\n'
)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    output = tmp_path_factory.mktemp("out") / "qa"
    return prepare("synthetic_clinical_qa", "synthetic", output, notes=60), output


@pytest.fixture(scope="module")
def rows(prepared):
    import datasets

    return datasets.load_dataset(str(prepared[1]), split="train").to_list()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("json") / "data.json"
    return path, write_data_json(path, authored_templates(), **SIZE)


@pytest.fixture
def templates(tmp_path):
    path = tmp_path / "templates-all.csv"
    path.write_text(PUBLIC)
    return path


class TestNotes:
    def test_bytes_are_the_same_on_any_machine(self, written, tmp_path):
        content = written[0].read_bytes()
        write_data_json(tmp_path / "again.json", authored_templates(), **SIZE)
        assert content == (tmp_path / "again.json").read_bytes()
        # A change of the words changes this digest on purpose; a change of machine must not.
        assert hashlib.sha256(content).hexdigest() == "e780e3b93481520b1d2a0472019726a9fe96a39ce15d9a0c2e67913165dbb09c"
        write_data_json(tmp_path / "other.json", authored_templates(), **{**SIZE, "seed": 14})
        assert content != (tmp_path / "other.json").read_bytes()

    def test_more_notes_begin_with_the_same(self, written, tmp_path):
        write_data_json(tmp_path / "few.json", authored_templates(), **{**SIZE, "notes": 5})
        few, many = (json.loads(path.read_text()) for path in (tmp_path / "few.json", written[0]))
        assert few["data"][0]["paragraphs"] == many["data"][0]["paragraphs"][:5]

    def test_every_note_says_that_it_is_synthetic(self, written):
        content = json.loads(written[0].read_text())
        assert content["synthetic"] is True
        for paragraph in content["data"][0]["paragraphs"]:
            assert paragraph["context"][0].startswith("SYNTHETIC ")
            assert "no such patient exists" in paragraph["context"][0]

    def test_lengths_and_sections_vary(self):
        notes = [write_note(Draw(f"13 {number}"), number) for number in range(150)]
        words = [note.words for note in notes]
        assert 60 < min(words) < 150
        assert 1000 < max(words) <= 1500
        assert 300 < statistics.median(words) < 600
        sections = [len(re.findall(r"(?m)^[A-Z][A-Za-z ]+:$", note.text)) for note in notes]
        assert min(sections) >= 4
        assert max(sections) >= 12
        assert not [note.number for note in notes if re.search(r"[{}~|]|\.\.|None| ,|\( ", note.text)]

    def test_lines_are_short_and_keep_every_character(self):
        note = write_note(Draw("13 8"), 8)
        assert "".join(note.lines) == note.text
        assert all(line.endswith("\n") and len(line) <= 97 for line in note.lines)


class TestQuestions:
    def test_all_shapes_of_answers(self, written):
        content = json.loads(written[0].read_text())
        qas = [qa for paragraph in content["data"][0]["paragraphs"] for qa in paragraph["qas"]]
        kinds = collections.Counter(answer["answer_entity_type"] for qa in qas for answer in qa["answers"])
        assert set(kinds) == {"single", "complex", "empty"}
        assert all(len(qa["question"]) == len(qa["id"][0]) >= 2 for qa in qas)
        assert sum(len(qa["answers"]) > 1 for qa in qas) > 50
        assert written[1]["questions"] == len(qas) == 720
        assert 0.15 < kinds["empty"] / len(qas) < 0.27

    def test_what_is_said_not_to_be_there_is_not_there(self):
        from secondopinion.dataset_scripts.synthetic_clinical_qa.questions import QuestionDrawer

        drawer, seen = QuestionDrawer(authored_templates(), 0.9, 0.0), 0
        for number in range(40):
            note = write_note(Draw(f"n {number}"), number)
            for asked in drawer.draw(Draw(f"q {number}"), note, 10):
                if asked.kind == NOT_THERE:
                    seen += 1
                    assert not all(words.lower() in note.text.lower() for words in asked.words.values())
                assert all(
                    note.text[mention.start : mention.end].split() == mention.text.split()
                    for answer in asked.answers
                    for mention in answer
                )
        assert seen > 100

    def test_templates_ask_for_facts_that_there_are(self):
        templates = authored_templates()
        check(templates)
        assert all(len(set(template.paraphrases)) == len(template.paraphrases) >= 2 for template in templates)
        assert len({template.logical_form for template in templates}) == len(templates)

    def test_every_name_that_a_note_holds_has_its_semantic_types(self, tmp_path):
        write_table(tmp_path / "terms.tsv")
        linker = TableLinker(tmp_path / "terms.tsv")
        for term, _, _ in semantic_types():
            assert linker.link(term), term


class TestRows:
    def test_answers_stand_where_they_should(self, rows, prepared):
        facts = prepared[0]
        assert facts["rows"] == len(rows) == 720
        assert facts["dropped"] == {}
        for row in rows:
            for text, start in zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True):
                assert row["context"][start : start + len(text)] == text
        assert all(row["span_labelled"] for row in rows)
        assert facts["answers_found"]["as written"] > 20 * facts["answers_found"]["white space differs"] > 0

    def test_all_categories_and_soft_ones(self, rows, prepared):
        counts, facts = prepared[0]["class_counts"], prepared[0]
        assert all(counts[name] > 0.08 * len(rows) for name in CATEGORIES)
        assert 0 < counts["unlabelled"] < 0.08 * len(rows)
        assert facts["soft_categories"] > 0.3 * len(rows)
        assert facts["category_sources"]["logical_form+umls"] > 0.3 * len(rows)
        assert all(sum(row["category_probs"]) == pytest.approx(float(row["category_source"] != "")) for row in rows)

    def test_agreement_of_the_sources_is_reported(self, prepared):
        pairs = prepared[0]["categories"]["agreement"]["pairs"]
        assert [pair["sources"] for pair in pairs] == [
            ["logical_form", "umls"],
            ["logical_form", "lexicon"],
            ["umls", "lexicon"],
        ]
        assert all(pair["rows"] > 100 and pair["agreement"] > 0.75 and pair["kappa"] > 0.7 for pair in pairs)

    def test_the_question_does_not_give_the_category_away(self, prepared):
        assert 0.7 < prepared[0]["category_from_logical_form_alone"] < 0.92

    def test_looking_for_the_words_of_the_question_does_not_find_the_answer(self, rows):
        right, told_nothing = [], 0
        for row in rows:
            pattern = re.sub(r"\\\|\w+\\\|", "(.+)", re.escape(row["meta"]["template"]))
            slot = next(iter(re.fullmatch(pattern, row["question"]).groups()), None)
            at = row["context"].lower().find(slot.lower()) if slot else -1
            if row["answers"]["text"]:
                guess = row["context"][at + len(slot) :].strip(" :,.-") if at >= 0 else ""
                right.append(any(guess.startswith(text) for text in row["answers"]["text"]))
            else:
                told_nothing += at >= 0
        assert sum(right) / len(right) < 0.3
        assert told_nothing > 20, "some unanswerable questions name what the note holds"

    def test_questions_use_other_words_than_the_note(self, rows):
        assert any("high blood pressure" in row["question"] for row in rows)
        assert not any("high blood pressure" in row["context"] for row in rows)


class TestFacts:
    def test_facts_and_policy(self, prepared):
        facts, output = prepared
        assert json.loads((output / "prepare.json").read_text()) == facts
        assert facts["synthetic"] is True
        assert list(local_paths(facts)) == []
        policy = CorpusPolicy.from_dict(facts["policy"])
        assert (policy.licence, policy.publish_text, policy.contains_patient_text) == ("cc0-1.0", True, False)
        assert facts["generated"]["questions"] == sum(facts["generated"]["questions_by_kind"].values()) == facts["read"]
        assert facts["groups"] == facts["notes"] == 60

    def test_card(self, prepared):
        facts, output = prepared
        text = (output / "README.md").read_text()
        front = yaml.safe_load(text.split("---\n")[1])
        assert front["license"] == "cc0-1.0"
        assert "synthetic" in front["tags"]
        assert front["task_categories"] == ["question-answering"]
        assert "written by a generator. No such patient" in text
        assert f"| all | {facts['rows']} | 100.0% |" in text
        assert "{" not in text.split("---\n", 2)[2].replace("{text", "")

    def test_the_same_again(self, prepared, tmp_path, content):
        again = tmp_path / "again"
        facts = prepare("synthetic_clinical_qa", "synthetic", again, notes=60)
        assert facts["fingerprint"] == prepared[0]["fingerprint"]
        data = {name: value for name, value in content(again).items() if name.endswith(".parquet")}
        assert data == {name: value for name, value in content(prepared[1]).items() if name.endswith(".parquet")}

    def test_templates_of_emrqa(self, templates, tmp_path, load):
        options = parse_options("synthetic_clinical_qa", [f"templates={templates}", "notes=12", "split=template"])
        facts = prepare("synthetic_clinical_qa", "synthetic", tmp_path / "out", **options)
        assert facts["policy"]["publish_text"] is False
        assert "may not be published" in (tmp_path / "out" / "README.md").read_text()
        assert facts["template_files"]["templates-all.csv"]["templates"] == 2
        assert sum(facts["template_files"]["templates-all.csv"]["left_out"].values()) == 2
        rows = load(tmp_path / "out")
        expected = {"what is the dose of |medication|", "how much |medication|", "why is he on |medication|"}
        assert set(rows["group"]) == expected
        assert list(local_paths(facts)) == []

    def test_changed_templates_are_noticed(self, templates, tmp_path):
        options = {"notes": 2, "templates": str(templates)}
        prepare("synthetic_clinical_qa", "synthetic", tmp_path / "out", **options)
        templates.write_text(PUBLIC.replace("How much", "How much of"))
        with pytest.raises(InputError, match="files that have changed since"):
            prepare("synthetic_clinical_qa", "synthetic", tmp_path / "out", **options)


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("notes.json", {}, "source is 'notes.json'; notes are generated, so give the word 'synthetic'"),
        ("synthetic", {"notes": 0}, "notes is 0; give a whole number from 1 to 99,999"),
        ("synthetic", {"questions": 61}, "questions is 61; give a whole number from 1 to 60"),
        ("synthetic", {"unanswerable": 0.95}, "unanswerable is 0.95; give a share from 0 to 0.9"),
        ("synthetic", {"synonyms": -1}, "synonyms is -1; give a share from 0 to 1"),
        ("synthetic", {"split": "notes"}, "split is 'notes'; expected one of: note, template"),
        ("synthetic", {"alpha": 2.0}, "alpha is 2.0; give a weight from 0 to 1"),
        ("synthetic", {"note": 3}, "unknown option 'note' of the synthetic_clinical_qa builder; did you mean 'notes'"),
        ("synthetic", {"umls": "sispacy", "notes": 2}, "unknown linker 'sispacy'; did you mean 'scispacy'"),
        ("synthetic", {"templates": "gone.csv"}, "templates 'gone.csv' is no file; give emrQA's templates-all.csv"),
    ],
)
def test_wrong_options_are_named(tmp_path, source, options, message):
    with pytest.raises(InputError, match=message):
        prepare("synthetic_clinical_qa", source, tmp_path / "out", **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "lacks the columns dataset, Question, Logical Forms"),
        (b"dataset,Question\nrisk,What\n", "lacks the column Logical Forms; its first line must name"),
        (HEADER.encode() + b"risk,,\xff,ConditionEvent (x),,\n", "is not a CSV in UTF-8"),
        (HEADER.encode() + b"risk,,Who,UnheardOfEvent (x),,\n", "holds no template that a generated note can answer"),
        (HEADER.encode() + b"risk\n", "holds no template that a generated note can answer"),
    ],
)
def test_damaged_templates_are_refused(tmp_path, content, message):
    path = tmp_path / "templates.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_templates(path)
