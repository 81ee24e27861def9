"""Categories that questions in SQuAD's form bring: names, probabilities, sources; and wrong ones by their place."""

import pytest
from squad_files import SECRET, ask, squad, write_json

from secondopinion.core.errors import InputError
from secondopinion.dataset_scripts import prepare
from secondopinion.dataset_scripts.squad_form import SquadFormBuilder


def built(tmp_path, *files, **options):
    """Return the facts and the rows by id of some files, without a folder."""
    for number, value in enumerate(files):
        write_json(tmp_path / "raw" / f"file{number}.json", value)
    builder = SquadFormBuilder(cache_dir=str(tmp_path / "cache"), source=str(tmp_path / "raw"), **options)
    builder.download_and_prepare()
    return builder.facts, {row["id"]: row for row in builder.as_dataset(split="train")}


def spans(row):
    return list(zip(row["answers"]["answer_start"], row["answers"]["text"], strict=True))


class TestCategories:
    def test_one_name_a_list_a_mapping_or_none(self, tmp_path):
        facts, rows = built(
            tmp_path,
            squad(
                ask("1", category="Symptoms"),
                ask("2", category_probs=[0.25, 0, 0.75, 0, 0]),
                ask("3", category_probs={"Procedure": 0.5, "Lab Reports": 0.5}, category_source="logical_form+umls"),
                ask("4", category_probs=[0, 0, 0, 0, 0], category_source=""),
                ask("5", category=None),
                ask("6", category_probs=[0.3333, 0.3333, 0.3333, 0, 0]),
            ),
        )
        assert [row["category_probs"] for row in rows.values()] == [
            [0, 0, 1, 0, 0],
            [0.25, 0, 0.75, 0, 0],
            [0, 0, 0, 0.5, 0.5],
            [0] * 5,
            [0] * 5,
            pytest.approx([1 / 3, 1 / 3, 1 / 3, 0, 0]),
        ]
        assert [row["category_source"] for row in rows.values()] == [
            "given",
            "given",
            "logical_form+umls",
            "",
            "",
            "given",
        ]
        assert facts["categories"] == {"sources": ["given", "logical_form+umls"]}
        assert facts["class_counts"] == {
            "Diagnosis": 1,
            "Medication": 0,
            "Symptoms": 2,
            "Procedure": 1,
            "Lab Reports": 0,
            "unlabelled": 2,
        }

    def test_rows_with_a_category_alone(self, tmp_path):
        nothing = {"id": "2", "question": "Which?"}
        facts, rows = built(
            tmp_path, squad({"id": "1", "question": "Which?", "category": "Medication"}, nothing, ask("3"))
        )
        assert list(rows) == ["1", "3"]
        assert (rows["1"]["span_labelled"], spans(rows["1"]), rows["1"]["meta"]["answer_type"]) == (False, [], None)
        assert facts["dropped"] == {"question: neither span nor category": 1}
        assert facts["span_unlabelled"] == 1

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"category": "Symptom"}, r"category is none of the five categories; did you mean 'Symptoms'"),
            ({"category": 3}, r"category is none of the five categories; known: Diagnosis, Medication"),
            ({"category": ["Symptoms"]}, r"category is none of the five categories"),
            (
                {"category": "Symptoms", "category_probs": [0, 0, 1, 0, 0]},
                r"has both category and category_prob",
            ),
            ({"category_probs": [0.5, 0, 0.75, 0, 0]}, r"category_probs sum to 1\.25, expected 1 \(or all zeros"),
            ({"category_probs": [0.2, 0, 0, 0, 0.2]}, r"category_probs sum to 0\.4, expected 1"),
            (
                {"category_probs": [1, 0]},
                r"category_probs is a list of 2, expected five probabilities, in the order Diag",
            ),
            ({"category_probs": "high"}, r"category_probs is text, expected five probabilities"),
            ({"category_probs": [2, -1, 0, 0, 0]}, r"category_probs\[1\] is no probability"),
            ({"category_probs": [True, 0, 0, 0, 0]}, r"category_probs\[0\] is no probability"),
            ({"category_probs": [None, 0, 0, 0, 1]}, r"category_probs\[0\] is no probability"),
            ({"category_probs": {"Symptom": 1}}, r"category_probs names 'Symptom'; did you mean 'Symptoms'"),
            (
                {"category": "Symptoms", "category_source": ""},
                r"category_source is empty beside a category; name who gave",
            ),
            (
                {"category": "Symptoms", "category_source": "lexicn"},
                r"category_source names an unknown source; did you mean 'lexicon'",
            ),
            (
                {"category": "Symptoms", "category_source": 1},
                r"category_source is a number, expected text: given, logica",
            ),
            ({"category_source": "umls"}, r"category_source names a source, but the question has no category"),
        ],
    )
    def test_wrong_ones_name_their_place(self, tmp_path, fields, message):
        write_json(tmp_path / "a.json", squad(ask(), ask("2", **fields)))
        with pytest.raises(InputError, match=rf"^data\[0\]\.paragraphs\[0\]\.qas\[1\][. ]{message}") as error:
            prepare("squad_form", tmp_path / "a.json", tmp_path / "out")
        assert SECRET not in str(error.value)
        assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
