"""Options of the emrQA builder: what an answer is, paraphrases, groups, samples, categories."""

import collections

import pytest
from emrqa_files import (
    DRUG_FORM,
    MEDICATION_LINES,
    OBESITY_FORM,
    RELATION_LINES,
    all_five,
    answer,
    asked,
    many_notes,
    paragraph,
    section,
    write_emrqa,
)

from secondopinion.core.errors import InputError
from secondopinion.core.run_folder import local_paths
from secondopinion.dataset_scripts import prepare
from secondopinion.dataset_scripts.emrqa import EmrQaBuilder
from secondopinion.dataset_scripts.emrqa.sampling import Sample, draw

ZORBITOL = "What is the dose of zorbitol?"
YES_NO = "Was he ever on zorbitol?"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_emrqa(tmp_path_factory.mktemp("raw") / "data.json", all_five())


def built(tmp_path, sections, **options):
    """Return the facts and the rows by id of a file of some sub-datasets, without a folder."""
    path = write_emrqa(tmp_path / "data.json", sections)
    builder = EmrQaBuilder(cache_dir=str(tmp_path / "cache"), source=str(path), **options)
    builder.download_and_prepare()
    return builder.facts, {row["id"]: row for row in builder.as_dataset(split="train")}


def spans(row):
    return list(zip(row["answers"]["answer_start"], row["answers"]["text"], strict=True))


class TestOptions:
    def test_evidence_lines(self, source, tmp_path, load):
        facts = prepare("emrqa", source, tmp_path / "out", span="line")
        rows = {row["question"]: row for row in load(tmp_path / "out")}
        assert spans(rows[ZORBITOL]) == [(18, MEDICATION_LINES[1].strip())]
        assert spans(rows["Why was zorbitol begun"])[0][1] == "".join(MEDICATION_LINES[1:3]).strip()
        assert spans(rows[YES_NO]) == [(18, MEDICATION_LINES[1].strip())]
        assert spans(rows["Is there a problem with mendostat"])[0][1] == RELATION_LINES[1]
        assert not rows["What else beside Obesity"]["span_labelled"]
        assert facts["unanswerable"] == 0
        assert "the whole evidence line" in (tmp_path / "out" / "README.md").read_text()

    def test_paraphrases(self, tmp_path):
        pairs = tuple((f"Wording {n}?", f"Wording |{n}|?") for n in range(8))
        notes = [
            paragraph(f"n{n}", ["5 mg ."], asked(pairs, DRUG_FORM, answer("mg", 1, 1, "5 mg ."))) for n in range(20)
        ]
        part = [section("medication", *notes)]
        _, first = built(tmp_path / "1", part)
        assert {row["question"] for row in first.values()} == {"Wording 0?"}
        facts, every = built(tmp_path / "2", part, paraphrases="all")
        assert (len(every), facts["read"]) == (160, 20)
        assert every["medication-n3-3-0-5"]["meta"]["template"] == "Wording |5|?"
        facts, drawn = built(tmp_path / "3", part, paraphrases="sample")
        again, _ = built(tmp_path / "4", part, paraphrases="sample")
        other, _ = built(tmp_path / "5", part, paraphrases="sample", seed=14)
        assert len(drawn) == 20
        assert len({row["question"] for row in drawn.values()}) > 4
        assert facts["fingerprint"] == again["fingerprint"] != other["fingerprint"]

    def test_template_held_out(self, tmp_path):
        facts, rows = built(tmp_path, many_notes(3), split="template")
        assert facts["split"] == "template"
        assert {(row["group"], row["meta"]["template"]) for row in rows.values()} == {
            (f"how much |medication| {n}?", f"How much |medication| {n}?") for n in range(5)
        }
        assert facts["groups"] == facts["templates"] == 5

    def test_logical_form_held_out_keeps_paraphrases_together(self, tmp_path):
        _, rows = built(tmp_path, all_five(), split="logical_form", paraphrases="all")
        assert {row["group"] for row in rows.values()} >= {DRUG_FORM, OBESITY_FORM}
        assert all(row["group"] == row["meta"]["logical_form"] for row in rows.values())

    def test_some_sub_datasets(self, tmp_path):
        facts, rows = built(tmp_path, all_five(), datasets="risk-dataset,relations")
        assert {row["meta"]["dataset"] for row in rows.values()} == {"risk", "relations"}
        assert facts["options"]["datasets"] == ["risk", "relations"]
        assert (facts["read"], facts["held"]["obesity"]) == (6, 4)

    def test_long_answers_are_left_out(self, tmp_path):
        facts, rows = built(tmp_path, all_five(), max_answer_words=2)
        assert facts["longest_answer_words"] == 2
        assert facts["dropped"]["answers: longer than max_answer_words"] == 2
        assert "Why was zorbitol begun" not in {row["question"] for row in rows.values()}

    def test_without_categories(self, tmp_path):
        facts, rows = built(tmp_path, all_five(), categories="off")
        assert facts["class_counts"]["unlabelled"] == facts["rows"] == 7
        assert facts["dropped"]["question: neither span nor category"] == 5
        assert facts["categories"] is None
        assert {tuple(row["category_probs"]) for row in rows.values()} == {(0,) * 5}

    def test_a_table_of_terms_and_alpha_reach_the_labeller(self, source, tmp_path, load):
        table = tmp_path / "terms.tsv"
        table.write_text("term\ttypes\n325 mg\tT059\n")
        facts = prepare("emrqa", source, tmp_path / "out", umls=str(table), alpha=0.4)
        row = next(row for row in load(tmp_path / "out") if row["question"] == ZORBITOL)
        assert row["category_probs"] == pytest.approx([0, 0.4, 0, 0, 0.6])
        assert row["category_source"] == "logical_form+umls"
        assert facts["options"]["umls"] == "terms.tsv"
        assert set(facts["files"]) == {"data.json", "terms.tsv"}
        assert list(local_paths(facts)) == []
        table.write_text("term\ttypes\n325 mg\tT047\nanother\tT047\n")
        with pytest.raises(InputError, match=r"files that have changed since \(terms\.tsv\)"):
            prepare("emrqa", source, tmp_path / "out", umls=str(table), alpha=0.4)


class TestSample:
    def test_a_share_without_replacement(self, tmp_path):
        facts, rows = built(tmp_path / "1", many_notes(10), sample=0.25)
        assert len(rows) == facts["rows"] == 50
        assert facts["dropped"]["question: not in the sample"] == 150
        assert facts["read"] == 200
        assert len({row["title"] for row in rows.values()}) > 5
        _, same = built(tmp_path / "2", many_notes(10), sample=0.25)
        _, other = built(tmp_path / "3", many_notes(10), sample=0.25, seed=14)
        assert list(same) == list(rows)
        assert list(other) != list(rows)

    def test_each_sub_dataset_by_itself_whatever_stands_beside_it(self, tmp_path):
        alone, beside = many_notes(10), [*all_five()[:1], *many_notes(10)]
        _, rows = built(tmp_path / "1", alone, sample=0.1)
        facts, both = built(tmp_path / "2", beside, sample=0.1)
        assert [key for key in both if key.startswith("relations")] == list(rows)
        assert facts["dropped"]["question: not in the sample"] == 180 + 9

    def test_every_subset_of_the_size_is_as_likely(self):
        kept = collections.Counter()
        for seed in range(3000):
            sample = Sample(4, 0.5, seed=seed, name="x")
            kept[tuple(n for n in range(4) if sample.keep())] += 1
        assert len(kept) == 6
        assert all(400 < count < 600 for count in kept.values())

    @pytest.mark.parametrize(("total", "share", "kept"), [(10, 1.0, 10), (3, 0.01, 1), (0, 0.5, 0), (7, 0.5, 4)])
    def test_sizes(self, total, share, kept):
        sample = Sample(total, share, seed=1, name="x")
        assert sum(sample.keep() for _ in range(total)) == kept

    def test_draws_follow_seed_and_name(self):
        drawn = [draw(list(range(10)), 13, name) for name in range(200)]
        assert drawn == [draw(list(range(10)), 13, name) for name in range(200)]
        assert set(drawn) == set(range(10))
        assert drawn != [draw(list(range(10)), 14, name) for name in range(200)]
