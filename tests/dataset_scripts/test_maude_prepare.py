import hashlib
import json
import os
import subprocess
import sys

import pytest
import yaml

from secondopinion.core.errors import InputError
from secondopinion.core.fingerprint import dataset_fingerprint
from secondopinion.core.policy import CorpusPolicy
from secondopinion.core.run_folder import local_paths
from secondopinion.dataset_scripts import CORPORA, prepare


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, helpers):
    make_report, make_reports, write_zip = helpers

    folder = tmp_path_factory.mktemp("bulk")
    letter = (
        "THE PATIENT ALLEGES THAT THE PUMP STOPPED IN THE NIGHT AND THAT LOT {} WAS RECALLED BY THE CLINIC ON DAY {}."
    )
    write_zip(
        folder / "a.json.zip",
        [
            *make_reports(100, 30),
            make_report(900, "Malfunction", "THE PATIENT DIED OF AN UNRELATED CAUSE."),
            make_report(901, "Death", "THE ALARM WAS SILENT.", patient=[{"sequence_number_outcome": ["Death"]}]),
            make_report(902, "No answer provided"),
            make_report(903, "Near miss"),
            make_report(904, None),
            make_report(905, text=" "),
            make_report(910, text="THE SAME WORDS TWICE."),
            make_report(911, text="The same  words, twice!"),
            make_report(95, text=letter.format(7, 1)),
            make_report(921, text=letter.format(8, 2)),
            make_report(930, "Injury", "one event first telling of it", event_key="E1"),
            make_report(931, "Injury", "quite another story altogether now", event_key="E1"),
            make_report(940, "Injury", "the old version of a report"),
        ],
    )
    write_zip(
        folder / "b.json.zip", [make_report(940, "Death", "the new version of a report", date_received="19991231")]
    )
    output = tmp_path_factory.mktemp("out") / "maude"
    return prepare("maude", folder, output), output


class TestOutput:
    def test_the_folder_loads_by_its_card_with_class_names(self, prepared, load):
        facts, output = prepared
        rows = load(output)
        assert rows.features["label"].names == ["Death", "Injury", "Malfunction", "Other"]
        assert rows.column_names == ["id", "text", "label", "group", "meta"]
        assert len(rows) == facts["rows"] == sum(facts["class_counts"].values())

    def test_every_report_is_a_row_or_has_a_reason(self, prepared):
        facts, _ = prepared
        assert facts["dropped"] == {
            "event type: missing": 1,
            "event type: no answer provided": 1,
            "event type: none of the four": 1,
            "narrative: empty": 1,
            "repeated mdr_report_key": 1,
        }
        assert facts["rows"] + sum(facts["dropped"].values()) == facts["read"] == 44
        assert facts["unknown_event_types"] == {"Near miss": 1}

    def test_the_last_report_read_of_a_key_is_kept(self, prepared, load):
        row = {r["id"]: r for r in load(prepared[1])}["940"]
        assert (row["text"], row["label"]) == ("the new version of a report", 0)

    def test_groups(self, prepared, load):
        facts, output = prepared
        group = {row["id"]: row["group"] for row in load(output)}
        assert group["910"] == group["911"] == "910"
        assert group["95"] == group["921"] == "95"
        assert group["930"] == group["931"] == "930"
        assert group["900"] == "900"
        assert len(set(group.values())) == facts["groups"] == facts["rows"] - 3
        duplicates = facts["duplicates"]
        assert (duplicates["exact"], duplicates["same_event"], duplicates["near"]) == (1, 1, 1)
        assert (duplicates["largest_group"], duplicates["groups_of_several"]) == (2, 3)
        assert duplicates["rows_in_groups_of_several"] == 6

    def test_label_noise_counts_both_directions(self, prepared):
        noise = prepared[0]["label_noise"]
        assert noise["keyword"]["filed_otherwise"] == {"Injury": 0, "Malfunction": 1, "Other": 0}
        deaths = prepared[0]["class_counts"]["Death"]
        assert noise["keyword"]["filed_as_death_but_does_not_tell"] == deaths
        assert noise["outcome_code"]["filed_as_death"] == 1

    def test_facts_name_the_data_and_no_path_of_this_machine(self, prepared, load):
        facts, output = prepared
        rows = load(output)
        names = rows.features["label"].int2str(rows["label"])
        assert facts["fingerprint"] == dataset_fingerprint(rows["id"], rows["text"], names)
        assert json.loads((output / "prepare.json").read_text()) == facts
        assert list(local_paths(facts)) == []
        assert facts["date_range"] == ["1999-12-31", "2020-01-31"]
        assert CorpusPolicy.from_dict(facts["policy"]).publish_text
        assert facts["source"] == "bulk"
        assert not facts["synthetic"]
        for name, stored in facts["data"].items():
            assert hashlib.sha256((output / name).read_bytes()).hexdigest() == stored["sha256"]
        assert {n: (f["rows"], f["complete"]) for n, f in facts["files"].items()} == {
            "a.json.zip": (43, True),
            "b.json.zip": (1, True),
        }

    def test_the_card_states_what_the_facts_say(self, prepared):
        facts, output = prepared
        text = (output / "README.md").read_text()
        front = yaml.safe_load(text.split("---\n")[1])
        assert front["license"] == "cc0-1.0"
        assert front["dataset_info"]["splits"][0]["num_examples"] == facts["rows"]
        assert f"| Death | {facts['class_counts']['Death']} |" in text
        assert "| repeated mdr_report_key | 1 |" in text
        assert facts["fingerprint"] in text
        assert "1999-12-31 to 2020-01-31" in text
        assert "alarm was silent" not in text
        assert "{{" not in text
        assert "{%" not in text

    def test_nothing_else_is_left_behind(self, prepared, content):
        _, output = prepared
        assert sorted(content(output)) == ["README.md", "data/train-00001-of-00001.parquet", "prepare.json"]
        assert [p.name for p in output.parent.iterdir()] == ["maude"]

    def test_the_data_are_the_same_bytes_again(self, prepared, tmp_path, partitions, content):
        first, second = (prepare("maude", partitions, tmp_path / name) for name in ("one", "two"))
        assert first["fingerprint"] == second["fingerprint"]
        one, two = content(tmp_path / "one"), content(tmp_path / "two")
        assert one["data/train-00001-of-00001.parquet"] == two["data/train-00001-of-00001.parquet"]
        assert one["README.md"] == two["README.md"]


class TestAgain:
    def test_a_finished_output_is_left_alone(self, partitions, tmp_path, capsys, content):
        prepare("maude", partitions, tmp_path / "out")
        before = content(tmp_path / "out")
        facts = prepare("maude", partitions, tmp_path / "out")
        assert "already prepared (120 rows)" in capsys.readouterr().err
        assert content(tmp_path / "out") == before
        assert facts == json.loads(before["prepare.json"])

    def test_other_options_are_refused_until_forced(self, partitions, tmp_path):
        prepare("maude", partitions, tmp_path / "out")
        with pytest.raises(
            InputError, match=r"other options \(limit: None there, 50 now\); choose another output, or use force"
        ):
            prepare("maude", partitions, tmp_path / "out", limit=50)
        assert prepare("maude", partitions, tmp_path / "out", limit=50, force=True)["rows"] == 50

    def test_a_source_that_changed_is_noticed(self, partitions, tmp_path, reports, zipped):
        prepare("maude", partitions, tmp_path / "out")
        zipped(partitions / "device-event-0002-of-0003.json.zip", reports(500, 60))
        with pytest.raises(InputError, match=r"files that have changed since \(device-event-0002-of-0003.json.zip\)"):
            prepare("maude", partitions, tmp_path / "out")

    def test_a_folder_of_something_else_is_not_touched(self, partitions, tmp_path):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "thesis.txt").write_text("years of work")
        with pytest.raises(InputError, match="was not made by prepare"):
            prepare("maude", partitions, tmp_path / "out")
        assert (tmp_path / "out" / "thesis.txt").read_text() == "years of work"

    def test_limit_counts_reports_over_all_files(self, partitions, tmp_path):
        facts = prepare("maude", partitions, tmp_path / "out", limit=50)
        assert (facts["read"], len(facts["files"])) == (50, 2)


class TestSynthetic:
    def test_it_is_marked_and_seeded(self, tmp_path):
        facts = prepare("maude", "synthetic", tmp_path / "one", reports=120, seed=5)
        again = prepare("maude", "synthetic", tmp_path / "two", reports=120, seed=5)
        assert facts["synthetic"]
        assert facts["source"] == "synthetic"
        assert facts["fingerprint"] == again["fingerprint"]
        assert (
            facts["fingerprint"] != prepare("maude", "synthetic", tmp_path / "six", reports=120, seed=6)["fingerprint"]
        )
        card = (tmp_path / "one" / "README.md").read_text()
        assert "written by a generator" in card
        assert "- synthetic" in card


def test_an_unknown_corpus_is_named():
    with pytest.raises(InputError, match="unknown corpus 'mauve'; did you mean 'maude'"):
        prepare("mauve", "synthetic", "nowhere")
    assert "maude" in CORPORA


def test_importing_the_registry_is_light():
    heavy = ("datasets", "numpy", "torch")
    code = f"import sys, secondopinion.dataset_scripts; print([m for m in {heavy} if m in sys.modules])"
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert answer.stdout.strip() == "[]"


def test_the_shared_reports(shared_maude, tmp_path, load):
    facts = prepare("maude", shared_maude / "device-event-0001-of-0003.json.zip", tmp_path / "out", limit=4000)
    assert facts["read"] == 4000
    assert facts["rows"] + sum(facts["dropped"].values()) == 4000
    assert facts["rows"] > 3900
    noise = facts["label_noise"]["keyword"]
    assert noise["precision"] > 0.81
    assert noise["recall"] > 0.85
    assert facts["groups"] < facts["rows"] * 0.95
    rows = load(tmp_path / "out")
    assert not any("(b)(6)" in text or "¿" in text for text in rows["text"])
