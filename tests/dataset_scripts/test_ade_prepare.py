"""ADE Corpus V2 from raw files to a folder: rows, facts, card; and the real corpus where it is at hand."""

import collections
import json
from pathlib import Path

import datasets
import pytest
import yaml
from ade_files import DOSED, DOSES, EFFECTS, LINES, NEGATIVES, RASH, write_files, write_zip

from secondopinion.core.errors import InputError
from secondopinion.core.fingerprint import dataset_fingerprint
from secondopinion.core.policy import CorpusPolicy
from secondopinion.core.run_folder import local_paths
from secondopinion.dataset_scripts import prepare
from secondopinion.dataset_scripts.ade_corpus_v2 import AdeCorpusV2Builder
from secondopinion.training import make_folds

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "ade_corpus_v2"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    output = tmp_path_factory.mktemp("out") / "ade"
    return prepare("ade_corpus_v2", write_files(tmp_path_factory.mktemp("raw")), output), output


class TestOutput:
    def test_rows(self, prepared, load):
        facts, output = prepared
        rows = load(output)
        assert rows.column_names == ["id", "text", "label", "group", "meta"]
        assert rows.features["label"].names == ["Not-Related", "Related"]
        assert len(rows) == facts["rows"] == 9
        assert facts["class_counts"] == {"Not-Related": 5, "Related": 4}
        by_text = {row["text"]: row for row in rows}
        assert by_text[RASH]["meta"]["pubmed_ids"] == ["30", "33", "34"]
        assert by_text[RASH]["meta"]["also_negative"]
        (dose,) = by_text[DOSED]["meta"]["doses"]
        assert dose["dose"] == {"text": "5 mg", "start": 15, "end": 19, "document_start": 115, "document_end": 119}

    def test_facts(self, prepared, load):
        facts, output = prepared
        rows = load(output)
        names = rows.features["label"].int2str(rows["label"])
        assert facts["fingerprint"] == dataset_fingerprint(rows["id"], rows["text"], names)
        assert json.loads((output / "prepare.json").read_text()) == facts
        assert list(local_paths(facts)) == []
        assert facts["rows"] + sum(facts["dropped"].values()) + sum(facts["merged"].values()) == facts["read"] == 16
        assert facts["conflicts"] == {"positive_and_negative": 1, "near_copies_labelled_otherwise": 0}
        assert facts["places"] == {"found": 16, "not_settled": 0}
        assert len(set(rows["group"])) == facts["groups"] == 5
        policy = CorpusPolicy.from_dict(facts["policy"])
        assert (policy.text_may_leave_machine, policy.publish_text, policy.publish_models) == (True, False, True)

    def test_card(self, prepared):
        facts, output = prepared
        text = (output / "README.md").read_text()
        front = yaml.safe_load(text.split("---\n")[1])
        assert front["license"] == "unknown"
        assert "| in another row: further relation of a sentence | 3 |" in text
        assert "| left out: ADE-NEG.txt: the same line again | 1 |" in text
        assert "10.1016/j.jbi.2012.04.008" in text
        assert facts["fingerprint"] in text
        assert not any(mark in text for mark in ("{{", "{%", "zorbitol", "Zorbitol"))

    def test_nothing_else_is_left_behind(self, prepared, content):
        _, output = prepared
        assert sorted(content(output)) == ["README.md", "data/train-00001-of-00001.parquet", "prepare.json"]
        assert [p.name for p in output.parent.iterdir()] == ["ade"]

    def test_the_same_from_a_zip_and_in_any_order_of_lines(self, prepared, tmp_path, content):
        folder = write_files(tmp_path / "raw", {name: lines[::-1] for name, lines in LINES.items()})
        again = prepare("ade_corpus_v2", write_zip(tmp_path / "raw.zip", folder), tmp_path / "out")
        assert again["fingerprint"] == prepared[0]["fingerprint"]

    def test_without_doses(self, tmp_path):
        facts = prepare("ade_corpus_v2", write_files(tmp_path / "raw", {DOSES: None}), tmp_path / "out")
        assert (facts["doses"], facts["rows"]) == (0, 9)
        assert "DRUG-DOSE.rel was not there" in (tmp_path / "out" / "README.md").read_text()

    def test_a_file_that_may_be_cut_off_is_told_of(self, tmp_path):
        cut = "\n".join(LINES[NEGATIVES]).encode()[:-4]
        prepare("ade_corpus_v2", write_files(tmp_path / "raw", {NEGATIVES: cut}), tmp_path / "out")
        assert "`ADE-NEG.txt` does not end with a line end" in (tmp_path / "out" / "README.md").read_text()


class TestBadInput:
    def test_damage_stops_and_leaves_nothing(self, tmp_path):
        raw = write_files(tmp_path / "raw", {EFFECTS: [*LINES[EFFECTS], "30|Zorbitol"]})
        with pytest.raises(InputError, match="DRUG-AE.rel, line 8: expected 8 columns between pipes") as error:
            prepare("ade_corpus_v2", raw, tmp_path / "out")
        assert "Zorbitol" not in str(error.value)
        assert [p.name for p in tmp_path.iterdir()] == ["raw"]
        facts = prepare("ade_corpus_v2", raw, tmp_path / "out", skip_damaged=True)
        assert facts["dropped"]["DRUG-AE.rel: expected 8 columns between pipes"] == 1
        assert facts["files"][EFFECTS]["damaged"] == 1
        assert facts["rows"] == 9

    def test_nothing_that_can_be_read(self, tmp_path):
        raw = write_files(tmp_path / "raw", {EFFECTS: [], DOSES: None, NEGATIVES: ["x"]})
        with pytest.raises(InputError, match="holds no sentence that can be read"):
            prepare("ade_corpus_v2", raw, tmp_path / "out", skip_damaged=True)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"near_duplicates": 0}, "near_duplicates is 0"),
            ({"near_duplicate": 1}, "did you mean 'near_duplicates'"),
            ({"search": "x"}, "unknown option 'search' of the ade_corpus_v2 builder; known: near_duplicates, skip_dam"),
        ],
    )
    def test_options(self, tmp_path, options, message):
        with pytest.raises(InputError, match=message):
            prepare("ade_corpus_v2", write_files(tmp_path / "raw"), tmp_path / "out", **options)

    def test_an_output_of_another_corpus_is_not_taken_for_this_one(self, prepared, tmp_path):
        prepare("maude", "synthetic", tmp_path / "out", reports=120)
        with pytest.raises(InputError, match="holds the corpus 'maude', not 'ade_corpus_v2'"):
            prepare("ade_corpus_v2", write_files(tmp_path / "raw"), tmp_path / "out")

    def test_a_source_that_changed_is_noticed(self, tmp_path):
        raw = write_files(tmp_path / "raw")
        prepare("ade_corpus_v2", raw, tmp_path / "out")
        write_files(raw, {NEGATIVES: LINES[NEGATIVES][:-1]})
        with pytest.raises(InputError, match=r"files that have changed since \(ADE-NEG.txt\)"):
            prepare("ade_corpus_v2", raw, tmp_path / "out")


class TestBuilder:
    def test_the_documented_way(self, tmp_path, prepared, load):
        builder = AdeCorpusV2Builder(cache_dir=str(tmp_path / "cache"), source=write_files(tmp_path / "raw"))
        builder.download_and_prepare(file_format="parquet")
        rows = builder.as_dataset(split="train")
        assert rows["id"] == load(prepared[1])["id"]
        assert rows.features == builder.info.features
        assert builder.facts["rows"] == 9
        assert isinstance(builder.as_dataset(), datasets.DatasetDict)

    def test_it_needs_a_source(self, tmp_path):
        with pytest.raises(InputError, match="AdeCorpusV2Builder needs a source: a folder or zip archive with DRUG-AE"):
            AdeCorpusV2Builder(cache_dir=str(tmp_path))


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    if not SHARED.exists():
        pytest.skip("../shared/data/ade_corpus_v2 is not on this machine")
    output = tmp_path_factory.mktemp("real") / "ade"
    facts = prepare("ade_corpus_v2", SHARED, output)
    return facts, datasets.load_dataset(str(output), split="train")[:]


class TestTheRealCorpus:
    def test_counts(self, real):
        facts, rows = real
        assert len(rows["id"]) == len(set(rows["text"])) == len(set(rows["id"])) == facts["rows"] == 20_896
        assert facts["class_counts"] == {"Not-Related": 16_625, "Related": 4_271}
        assert facts["read"] == 23_795
        assert facts["dropped"] == {"ADE-NEG.txt: the same line again": 7}
        assert facts["merged"] == {
            "dose of a sentence": 279,
            "further relation of a sentence": 2_550,
            "negative sentence in another article": 63,
        }
        assert facts["conflicts"] == {"positive_and_negative": 0, "near_copies_labelled_otherwise": 0}
        assert (facts["relations"], facts["doses"], facts["rows_with_a_dose"]) == (6_821, 279, 213)
        assert facts["groups"] == 2_908
        assert facts["duplicates"]["sentences_of_several_articles"] == 23
        assert facts["duplicates"]["articles"] == 2_972
        assert facts["fingerprint"] == "26bbdee181b265db1d83fa86fadbdeef"

    def test_every_place_is_found_and_right(self, real):
        facts, rows = real
        assert facts["places"] == {"found": 14_200, "not_settled": 0}
        wrong = 0
        for text, meta in zip(rows["text"], rows["meta"], strict=True):
            for row in (*meta["relations"], *meta["doses"]):
                spans = [span for name, span in row.items() if name != "pubmed_id"]
                wrong += sum(text[span["start"] : span["end"]] != span["text"] for span in spans)
        assert wrong == 0

    def test_no_article_and_no_repeated_sentence_is_in_two_groups(self, real):
        _, rows = real
        articles = collections.defaultdict(set)
        words = collections.defaultdict(set)
        for text, meta, group in zip(rows["text"], rows["meta"], rows["group"], strict=True):
            words["".join(filter(str.isalnum, text.casefold()))].add(group)
            for article in meta["pubmed_ids"]:
                articles[article].add(group)
        assert (len(articles), len(words)) == (2_972, 20_895)
        assert max(map(len, articles.values())) == 1
        assert max(map(len, words.values())) == 1


def test_authored_articles_do_not_straddle_folds(prepared, load):
    rows = load(prepared[1])
    folds = make_folds(rows["id"], [0] * len(rows), rows["group"], n_splits=3)
    fold_of = dict(zip(folds.ids, folds.fold.tolist(), strict=True))
    articles = collections.defaultdict(set)
    for row in rows:
        for article in row["meta"]["pubmed_ids"]:
            articles[article].add(fold_of[row["id"]])
    assert len(set(fold_of.values())) == 3
    assert max(map(len, articles.values())) == 1
