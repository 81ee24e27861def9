"""MIMIC-IV outcome from notes and votes to a folder: labels by consensus, groups, policy; and bad input."""

import json

import pytest
import yaml
from mimic_files import COURSE, note, note_id, note_text, write_notes, write_votes_csv

from secondopinion.core.errors import InputError
from secondopinion.core.fingerprint import dataset_fingerprint
from secondopinion.core.policy import CorpusPolicy
from secondopinion.core.run_folder import local_paths
from secondopinion.dataset_scripts import prepare
from secondopinion.dataset_scripts.mimic_iv_outcome import AGREEMENT, MimicIvOutcomeBuilder
from secondopinion.experts import Vote, write_votes

GOOD, POOR = "good", "poor"
VOTES = {
    "ada": {0: GOOD, 1: GOOD, 2: POOR, 3: GOOD, 4: POOR, 5: None, 6: POOR, 7: GOOD, 12: GOOD, "1-DS-1": GOOD},
    "ben": {0: GOOD, 1: GOOD, 2: POOR, 3: POOR, 4: POOR, 5: GOOD, 6: POOR, 7: GOOD, 12: GOOD, "1-DS-1": GOOD},
    "cyd": {0: GOOD, 1: POOR, 2: POOR, 3: None, 4: GOOD, 5: GOOD, 6: POOR, 7: GOOD, 12: GOOD, "1-DS-1": GOOD},
}
NOTES = [
    *(note(n, GOOD if n < 2 else POOR) for n in range(6)),
    note(6, text="No header here.\nCut."),
    note(7, text=" \n "),
    note(8),
    note(0, text="the same id again"),
    note(12, subject_id=" "),
]


def write_all(folder, votes=VOTES, notes=NOTES):
    """Return the arguments of `prepare` for authored notes and votes."""
    for name, answers in votes.items():
        write_votes_csv(folder / "votes" / f"{name}.csv", answers)
    return {"source": write_notes(folder / "discharge.csv.gz", notes), "votes": [str(folder / "votes")]}


@pytest.fixture
def given(tmp_path):
    return write_all(tmp_path)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    output = tmp_path_factory.mktemp("out") / "mimic"
    return prepare("mimic_iv_outcome", output=output, min_votes=2, **write_all(tmp_path_factory.mktemp("raw"))), output


class TestOutput:
    def test_rows(self, prepared, load):
        facts, output = prepared
        rows = load(output)
        assert rows.column_names == ["id", "text", "label", "group", "meta"]
        assert rows.features["label"].names == ["poor", "good"]
        labels = dict(zip(rows["id"], rows.features["label"].int2str(rows["label"]), strict=True))
        assert labels == {note_id(0): GOOD, note_id(1): GOOD, note_id(2): POOR, note_id(4): POOR, note_id(5): GOOD}
        assert facts["class_counts"] == {"poor": 2, "good": 3}

    def test_one_patient_is_one_group(self, prepared, load):
        group = {row["id"]: row["group"] for row in load(prepared[1])}
        assert group[note_id(0)] == group[note_id(1)] == "90000000"
        assert group[note_id(4)] == group[note_id(5)] == "90000002"
        assert len(set(group.values())) == prepared[0]["groups"] == 3
        assert prepared[0]["duplicates"] == {"largest_group": 2}

    def test_sections_in_the_order_asked_for(self, prepared, load):
        row = {r["id"]: r for r in load(prepared[1])}[note_id(0)]
        parts = row["text"].split("\n")
        assert parts[0] == "Discharge Condition: Mental Status: Clear and coherent. Activity Status: Walks alone."
        assert parts[1] == "Discharge Disposition: Home"
        assert parts[2].startswith(f"Brief Hospital Course: {COURSE[GOOD]}")
        assert "long ago" not in row["text"]
        assert row["meta"]["sections"] == ["Discharge Condition", "Discharge Disposition", "Brief Hospital Course"]

    def test_votes_are_kept_with_their_agreement(self, prepared, load):
        meta = {row["id"]: row["meta"] for row in load(prepared[1])}
        assert meta[note_id(1)]["agreement"] == meta[note_id(1)]["share"] == pytest.approx(2 / 3)
        assert (meta[note_id(5)]["usable_votes"], meta[note_id(5)]["agreement"]) == (2, 1.0)
        assert meta[note_id(5)]["votes"] == [
            {"expert": "ada", "label": None},
            {"expert": "ben", "label": GOOD},
            {"expert": "cyd", "label": GOOD},
        ]
        assert meta[note_id(5)]["hadm_id"] == "20000005"

    def test_every_note_is_a_row_or_has_a_reason(self, prepared):
        facts, _ = prepared
        assert facts["dropped"] == {
            "no subject_id": 1,
            "repeated note_id": 1,
            "sections: none found": 2,
            "votes: none": 1,
            "votes: tie": 1,
        }
        assert facts["rows"] + sum(facts["dropped"].values()) == facts["read"] == 11

    def test_votes_are_counted(self, prepared):
        votes = prepared[0]["votes"]
        assert (votes["read"], votes["notes"], votes["notes_with_a_label"]) == (30, 10, 9)
        assert votes["notes_without_a_label"] == {"votes: tie": 1}
        assert votes["notes_not_in_source"] == 1
        assert votes["experts"]["ada"] == {
            "votes": 10,
            "unusable": 1,
            "labels": {"poor": 3, "good": 6},
            "counts": True,
        }
        assert votes["unanimous_share"] == pytest.approx(7 / 10)
        # Coincidences: ten pairable notes, 28 votes, 10 for poor; two notes with one dissenter, one level note of two.
        assert votes["krippendorff_alpha"]["value"] == pytest.approx(1 - 6 * 27 / (28**2 - 10**2 - 18**2))
        assert votes["against_consensus"]["ada"] == {"all": 1.0, "others": pytest.approx(6 / 7)}

    def test_facts(self, prepared, load):
        facts, output = prepared
        rows = load(output)
        names = rows.features["label"].int2str(rows["label"])
        assert facts["fingerprint"] == dataset_fingerprint(rows["id"], rows["text"], names)
        assert json.loads((output / "prepare.json").read_text()) == facts
        assert list(local_paths(facts)) == []
        assert facts["files"]["discharge.csv.gz"]["complete"]
        assert facts["files"]["ada.csv"]["rows"] == 10
        assert facts["mean_agreement"] == pytest.approx((1 + 2 / 3 + 1 + 2 / 3 + 1) / 5)
        assert "fictional" not in json.dumps(facts)

    def test_the_policy_forbids_sending_and_publishing(self, prepared):
        policy = CorpusPolicy.from_dict(prepared[0]["policy"])
        assert (policy.text_may_leave_machine, policy.publish_text, policy.publish_models) == (False, False, False)
        assert policy.contains_patient_text
        with pytest.raises(InputError, match="PhysioNet Credentialed Health Data Use Agreement 1.5.0"):
            policy.require_publish_models("mimic_iv_outcome")
        policy.require_publish_models("mimic_iv_outcome", AGREEMENT)

    def test_card(self, prepared):
        facts, output = prepared
        text = (output / "README.md").read_text()
        front = yaml.safe_load(text.split("---\n")[1])
        assert front["license"] == "other"
        assert "Discharge Condition 5, Discharge Disposition 5, Brief Hospital Course 5." in text
        assert "1 of 10 notes that were voted on are not" in text
        assert "| votes: tie | 1 |" in text
        assert AGREEMENT in text
        assert facts["fingerprint"] in text
        assert not any(mark in text for mark in ("{{", "{%", "fictional", "90000000"))

    def test_nothing_else_is_left_behind(self, prepared, content):
        _, output = prepared
        assert sorted(content(output)) == ["README.md", "data/train-00001-of-00001.parquet", "prepare.json"]
        assert [p.name for p in output.parent.iterdir()] == ["mimic"]

    def test_it_can_be_told_that_it_is_there(self, given, tmp_path, capsys):
        facts = prepare("mimic_iv_outcome", output=tmp_path / "out", min_votes=2, **given)
        assert prepare("mimic_iv_outcome", output=tmp_path / "out", min_votes=2, **given) == facts
        assert "already prepared (5 rows)" in capsys.readouterr().err
        write_votes_csv(tmp_path / "votes" / "ada.csv", {0: GOOD})
        with pytest.raises(InputError, match=r"files that have changed since \(ada.csv\)"):
            prepare("mimic_iv_outcome", output=tmp_path / "out", min_votes=2, **given)


class TestOptions:
    def rows(self, given, tmp_path, load, **options):
        facts = prepare("mimic_iv_outcome", output=tmp_path / "out", **given, **options)
        return facts, {row["id"]: row for row in load(tmp_path / "out")}

    def test_more_votes_or_a_larger_share(self, given, tmp_path, load):
        facts, rows = self.rows(given, tmp_path, load, min_share=0.7)
        assert set(rows) == {note_id(0), note_id(2)}
        assert facts["dropped"]["votes: too few that are usable"] == 2
        assert facts["dropped"]["votes: share of the winner too small"] == 2

    def test_an_expert_that_is_left_out(self, given, tmp_path, load):
        facts, rows = self.rows(given, tmp_path, load, min_votes=2, leave_out="cyd")
        assert rows[note_id(1)]["meta"]["agreement"] == 1
        assert [vote["expert"] for vote in rows[note_id(1)]["meta"]["votes"]] == ["ada", "ben"]
        assert note_id(5) not in rows
        assert not facts["votes"]["experts"]["cyd"]["counts"]
        assert "| cyd (left out) |" in (tmp_path / "out" / "README.md").read_text()

    def test_other_methods_of_consensus(self, given, tmp_path, load):
        pytest.importorskip("crowdkit")
        facts, rows = self.rows(given, tmp_path, load, min_votes=2, consensus="dawid_skene")
        assert facts["options"]["consensus"] == "dawid_skene"
        assert rows[note_id(2)]["label"] == 0
        assert 0.5 <= rows[note_id(1)]["meta"]["share"] <= 1

    def test_other_sections_and_the_whole_note_where_there_is_none(self, given, tmp_path, load):
        facts, rows = self.rows(
            given, tmp_path, load, min_votes=2, sections="Chief Complaint", missing_sections="whole", max_characters=30
        )
        assert rows[note_id(2)]["text"] == "Chief Complaint: authored comp"
        assert (rows[note_id(6)]["text"], rows[note_id(6)]["meta"]["sections"]) == ("No header here. Cut.", [])
        assert (facts["truncated_texts"], facts["rows_without_sections"]) == (5, 1)
        assert facts["dropped"]["text: empty"] == 1

    def test_whole_notes(self, given, tmp_path, load):
        facts, rows = self.rows(given, tmp_path, load, min_votes=2, sections="all")
        assert rows[note_id(0)]["text"] == " ".join(note_text(0, GOOD).split())
        assert facts["sections"] == {}
        assert "white space is one blank" in (tmp_path / "out" / "README.md").read_text()

    def test_limit(self, given, tmp_path, load):
        facts, rows = self.rows(given, tmp_path, load, min_votes=2, limit=3)
        assert (facts["read"], len(rows)) == (3, 3)
        assert not facts["files"]["discharge.csv.gz"]["complete"]

    def test_three_classes_in_parquet_with_several_experts_in_one_file(self, tmp_path, load):
        labels = ("worse", "same", "better")
        said = {"a": (0, 1, 2), "b": (0, 1, 1), "c": (0, 2, 0)}
        votes = [
            Vote(note_id(row), name, labels[number]) for name, given in said.items() for row, number in enumerate(given)
        ]
        write_votes(tmp_path / "all.parquet", votes)
        source = write_notes(tmp_path / "discharge.csv", [note(n) for n in range(3)])
        facts, rows = self.rows(
            {"source": source, "votes": str(tmp_path / "all.parquet")}, tmp_path, load, label_names=labels
        )
        assert {key: row["label"] for key, row in rows.items()} == {note_id(0): 0, note_id(1): 1}
        assert facts["dropped"] == {"votes: tie": 1}
        assert set(facts["votes"]["experts"]) == {"a", "b", "c"}

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"votes": []}, "the labels are made from votes: give their files"),
            ({"label_names": "good"}, "give at least two classes"),
            ({"consensus": "majorty"}, "unknown consensus 'majorty'; did you mean 'majority'"),
            ({"consensus": "weighted"}, "unknown consensus 'weighted'"),
            ({"min_votes": 0}, "min_votes is 0; give at least 1"),
            ({"min_share": 2}, "min_share is 2; give a share from 0 to 1"),
            ({"sections": ""}, "sections is empty"),
            ({"missing_sections": "keep"}, "expected one of: drop, whole"),
            ({"max_characters": 0}, "max_characters is 0"),
            ({"limit": 0}, "limit is 0"),
            ({"leave_out": "ad"}, "no votes of 'ad', which is to be left out; did you mean 'ada'"),
            ({"leave_out": "ada,ben,cyd"}, "leave_out names every expert there is"),
            (
                {"near_duplicates": 0.5},
                "unknown option 'near_duplicates' of the mimic_iv_outcome builder; known: ",
            ),
        ],
    )
    def test_options_are_checked(self, given, tmp_path, options, message):
        with pytest.raises(InputError, match=message):
            prepare("mimic_iv_outcome", output=tmp_path / "out", **{**given, **options})
        assert not (tmp_path / "out").exists()


class TestBadInput:
    def refused(self, tmp_path, message, **given):
        with pytest.raises(InputError, match=message) as error:
            prepare("mimic_iv_outcome", output=tmp_path / "out", **given)
        assert "fictional" not in str(error.value)
        assert not (tmp_path / "out").exists()
        assert not (tmp_path / ".out.work").exists()

    def test_votes_for_other_notes(self, tmp_path):
        given = write_all(tmp_path, {"ada": {"x-1": GOOD, "x-2": POOR}})
        self.refused(tmp_path, "none of the 2 notes that were voted on is among the 11 notes of discharge", **given)

    def test_some_votes_for_other_notes_are_told_of(self, given, tmp_path, capsys):
        prepare("mimic_iv_outcome", output=tmp_path / "out", **given)
        assert "1 of 10 notes that were voted on are not in discharge.csv.gz" in capsys.readouterr().err

    def test_no_consensus_anywhere(self, tmp_path):
        given = write_all(tmp_path, {"ada": {0: GOOD, 1: POOR}, "ben": {0: POOR, 1: GOOD}})
        self.refused(tmp_path, r"has both a consensus and a text \(.*2 votes: tie\)", min_votes=2, **given)

    def test_two_votes_of_one_expert(self, tmp_path):
        given = write_all(tmp_path)
        write_votes(tmp_path / "votes" / "more.jsonl", [Vote(note_id(0), "ada", GOOD)])
        self.refused(tmp_path, "expert 'ada' has two votes", **given)

    def test_a_label_outside_the_classes(self, tmp_path):
        given = write_all(tmp_path, {"ada": {0: GOOD, 1: "splendid"}})
        self.refused(tmp_path, "1 votes have a label outside the classes", **given)

    def test_a_votes_file_that_is_missing_or_damaged(self, given, tmp_path):
        self.refused(tmp_path, "none.csv does not exist", **{**given, "votes": str(tmp_path / "none.csv")})
        (tmp_path / "votes" / "cut.parquet").write_bytes(b"PAR1 cut")
        self.refused(tmp_path, "cut.parquet cannot be read as parquet", **given)
        (tmp_path / "empty").mkdir()
        self.refused(tmp_path, "holds no votes: no file in it ends in", **{**given, "votes": str(tmp_path / "empty")})

    def test_two_files_of_one_name(self, given, tmp_path):
        twin = write_votes_csv(tmp_path / "more" / "ada.csv", {0: GOOD})
        self.refused(
            tmp_path, "two votes files are named 'ada.csv'", **{**given, "votes": [*given["votes"], str(twin)]}
        )

    def test_damaged_notes(self, given, tmp_path):
        content = given["source"].read_bytes()
        given["source"].write_bytes(content[:-6])
        self.refused(tmp_path, "the gzip file is cut short or damaged", min_votes=2, **given)
        facts = prepare("mimic_iv_outcome", output=tmp_path / "out", min_votes=2, skip_damaged=True, **given)
        assert not facts["files"]["discharge.csv.gz"]["complete"]
        assert "`discharge.csv.gz` is damaged: after note 11" in (tmp_path / "out" / "README.md").read_text()


class TestBuilder:
    def test_the_documented_way(self, given, tmp_path):
        builder = MimicIvOutcomeBuilder(cache_dir=str(tmp_path / "cache"), min_votes=2, **given)
        builder.download_and_prepare(file_format="parquet")
        assert len(builder.as_dataset(split="train")) == builder.facts["rows"] == 5

    def test_the_cache_follows_the_votes(self, given, tmp_path):
        def name(**options):
            return MimicIvOutcomeBuilder(cache_dir=str(tmp_path / "cache"), **given, **options).cache_dir

        first = name()
        assert name() == first
        assert name(leave_out="ada") != first
        write_votes_csv(tmp_path / "votes" / "ada.csv", {0: GOOD})
        assert name() != first
