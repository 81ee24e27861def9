"""The pages of the metrics: the tables people give, the figures they get, what is wrong said in words."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest
import yaml
from pins import pins

METRICS = Path(__file__).resolve().parents[2] / "metrics"
NAMES = ("clinical_qa", "deferral_rate", "dragon", "per_class_f1")
KIND = "single_label_binary_classification"
# What each page calls its example's first rows of figures.
FIRST_ROWS = {
    "clinical_qa": ["Exact match", "F1", "Exact match, questions with an answer"],
    "deferral_rate": ["System", "Classifier alone", "Expert alone"],
    "dragon": ["Score: AUC", "AUC", "Accuracy"],
    "per_class_f1": ["Death", "Injury", "Malfunction"],
}


def cells(html: str) -> list[list[str]]:
    """Return the text of each row of the tables."""
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows if "<td" in row]


@pytest.mark.parametrize("name", NAMES)
def test_the_example_gives_figures_plots_and_a_file(app, start, name):
    page = app(name).PAGE
    settings = start(page)
    results = page.compute(page.example(), settings)
    html = page.answer(page.example(), settings)
    assert [row[0] for row in cells(html)][:3] == FIRST_ROWS[name]
    assert html.count("<svg") == len(page.module.panels(results))
    assert 'role="img" aria-label="' in html
    assert "#0072b2" not in html.lower()
    assert "var(--so-blue)" in html
    link = re.search(rf'download="{name}.json" href="data:application/json;base64,([^"]*)"', html)
    assert json.loads(base64.b64decode(link.group(1))) == results
    assert "95% interval" in html
    assert "90% interval" in page.answer(page.example(), settings | {"confidence_level": 0.9})
    wide, narrow = (
        page.compute(page.example(), settings | {"confidence_level": level})["intervals"] for level in (0.95, 0.8)
    )
    key = next(iter(wide))
    assert wide[key][0] <= narrow[key][0] <= narrow[key][1] <= wide[key][1]
    assert wide[key] != narrow[key]
    assert "intervals" not in page.compute(page.example(), settings | {"n_resamples": 0}) or name == "deferral_rate"


@pytest.mark.parametrize("name", NAMES)
def test_card_and_requirements(name):
    from packaging.requirements import Requirement

    _, front, body = (METRICS / name / "README.md").read_text().split("---\n", 2)
    facts = yaml.safe_load(front)
    assert (facts["sdk"], facts["python_version"]) == ("gradio", "3.11")
    assert (METRICS / name / facts["app_file"]).is_file()
    assert {"evaluate", "metric"} <= set(facts["tags"])
    assert "# Metric card" in body
    needed = [Requirement(line) for line in (METRICS / name / "requirements.txt").read_text().splitlines()]
    for requirement in needed:
        assert pins()[requirement.name] in requirement.specifier, requirement
    assert f"gradio=={facts['sdk_version']}" in map(str, needed)


def parquet(path, rows):
    import pyarrow
    from pyarrow import parquet as writer

    writer.write_table(pyarrow.Table.from_pylist(rows), path)


def test_the_same_rows_in_every_form(app, start, tmp_path):
    page = app("per_class_f1").PAGE
    rows = [
        {"Gold": "a, or b", "pred": "c", "note": "n1", "group": 1},
        {"Gold": "c", "pred": "c", "note": "", "group": 2},
    ]
    expected = page.compute('Gold,pred,note,group\n"a, or b",c,n1,1\nc,c,,2\n', start(page))
    assert expected["per_class"]["c"]["support"] == 1
    (tmp_path / "a.tsv").write_text("\ufeffgroup\tGold\tpred\n1\ta, or b\tc\n\n2\tc\tc\n")
    (tmp_path / "b.json").write_text(json.dumps(rows))
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    parquet(tmp_path / "d.parquet", rows)
    for path in sorted(tmp_path.iterdir()):
        text = page.read_files([str(path)])
        assert page.compute(text, start(page)) == expected, path.name
        assert path.suffix != ".parquet" or "n1" not in text, "columns that are not asked for stay in the file"
    assert not list(tmp_path.iterdir()), "a file is removed as soon as it was read"


def test_a_file_that_cannot_be_read_is_removed_as_well(app, tmp_path):
    page = app("per_class_f1").PAGE
    bad, other, large = tmp_path / "a.csv", tmp_path / "b.parquet", tmp_path / "c.csv"
    bad.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="not UTF-8 text: save it as CSV"):
        page.read_files([str(bad)])
    other.write_bytes(b"PAR1 no PAR1")
    with pytest.raises(ValueError, match="no Parquet file"):
        page.read_files([str(other)])
    parquet(other, [{"gold": 1, "said": 2}])
    with pytest.raises(ValueError, match="lacks the column prediction .* Its columns are: gold, said"):
        page.read_files([str(other)])
    with open(large, "wb") as file:
        file.truncate(32 * 2**20 + 1)
    with pytest.raises(ValueError, match="larger than 32 MB"):
        page.read_files([str(large)])
    assert not list(tmp_path.iterdir())


DEFERRAL, QA, CLASSES = "reference,prediction,expert,score\n", "prediction,answers,{}\nx,x,{}", "reference,prediction\n"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("per_class_f1", " \n", "The table is empty: give a header and a line for each row"),
        ("per_class_f1", "a,b\nc,d", "lacks the column reference (or as references, gold, label, labels); prediction"),
        ("per_class_f1", "truth,b <i>\nc,d", "Its columns are: truth, b &lt;i&gt;"),
        ("per_class_f1", CLASSES, "a header and no rows"),
        ("per_class_f1", CLASSES + "a,b\nc", "Line 3 lacks a value: 2 columns were expected, 1 came"),
        ("per_class_f1", CLASSES + "a,b\n\nc,", "Line 4 lacks a value in the column prediction"),
        ("per_class_f1", CLASSES + '"a,b\n', "Line 2 lacks a value"),
        ("per_class_f1", CLASSES + "a,b\n" * 200_001, "has 200,001 rows; this page takes 200,000"),
        ("per_class_f1", '{"reference": 1,', "neither JSON lines nor a JSON list (line 1, column"),
        ("per_class_f1", "[1]", "Row 1 is a int: give an object for each row"),
        ("per_class_f1", '[{"gold": ["a"], "pred": "a"}]', "Row 1: the column reference is a list, not one value"),
        ("deferral_rate", DEFERRAL + "a,b,a,high", "Line 2: the column score is no number"),
        ("deferral_rate", DEFERRAL + "a,,a,1", "Line 2 lacks a value in the column prediction"),
        ("deferral_rate", DEFERRAL + "a,b,a,nan", "1 of 1 are not finite"),
        ("deferral_rate", "gold,pred,vote\na,b,a", "lacks the column score or deferred"),
        ("deferral_rate", "gold,pred,vote,deferred\na,b,a,maybe", "the column deferred is neither true nor false"),
        ("dragon", "a,b\n1,2", "lacks the column reference"),
        ("dragon", "reference,prediction\n1,0.5", "tell no single task: choose it in the field Task"),
        ("dragon", f"{KIND}_target,{KIND}\nmaybe,0.5", "The reference 1 is neither true nor false"),
        ("dragon", f"{KIND}_target,{KIND}\ntrue,high", "The prediction 1 is no number"),
        ("dragon", f"{KIND}_target,{KIND}\ntrue,1.5", "predictions[0] is 1.5; give the probability of true"),
        ("clinical_qa", "id,prediction\nq,x", "lacks the column answers or gold_category or category_probs"),
        ("clinical_qa", "id,answers\nq,x", "lacks the column prediction_text or category"),
        (
            "clinical_qa",
            'prediction,answers,na_prob\n"a\nb",x,high',
            "Line 3: the column no_answer_probability is no number",
        ),
        ("clinical_qa", QA.format("category_probs", "a b"), "Line 2: the column category_probs holds no five numbers"),
        ("clinical_qa", QA.format("span_labelled", "perhaps"), "the column span_labelled is neither true nor false"),
        ("clinical_qa", QA.format("gold_category", "Drug"), "the column gold_category holds none of Diagnosis"),
        ("clinical_qa", QA.format("category", "Drug"), "the category &#x27;Drug&#x27; is unknown"),
        ("clinical_qa", QA.format("group", "a") + "\ny,y,", "Some rows lack a group"),
        ("clinical_qa", "id,prediction,answers\nq,x,x\nq,y,y", "1 ids repeat"),
    ],
)
def test_tables_that_cannot_be_read(app, start, name, text, message):
    page = app(name).PAGE
    html = page.answer(text, start(page))
    assert 'class="so-notice stop" role="alert"' in html
    assert message in html, html
    assert "<svg" not in html


def test_settings_reach_the_metric(app, start):
    page = app("per_class_f1").PAGE
    given = start(page) | {"labels": " b, a ,c", "zero_division": 1}
    results = page.compute(CLASSES + "a,a\nb,a\n", given)
    assert list(results["per_class"]) == ["b", "a", "c"]
    assert results["per_class"]["c"]["f1"] == 1.0
    page = app("deferral_rate").PAGE
    results = page.compute(page.example(), start(page) | {"percent": 20, "positive_label": " ADE "})
    assert results["deferred_rows"] == 48
    assert results["system"]["f1"] == results["system"]["per_class"]["ADE"]["f1"]


def test_decisions_in_the_table_need_no_scores(app, start):
    page = app("deferral_rate").PAGE
    table = "gold,pred,vote,asked,cost\na,b,a,yes,0.01\nb,b,,no,0.01\na,a,b,no,0.01\n"
    results = page.compute(table, start(page))
    assert (results["deferred_rows"], results["system"]["accuracy"], results["cost"]["total"]) == (1, 1.0, 0.01)
    assert "Without a column score there is no curve" in page.summary(results)
    html = page.answer(table, start(page))
    assert html.count("<svg") == 2
    assert "at 33.3% deferred" in html


def test_the_benchmarks_two_files_are_matched_by_uid(app, start, tmp_path):
    page = app("dragon").PAGE
    cases, said = tmp_path / "cases.json", tmp_path / "nlp-predictions-dataset.json"
    cases.write_text(
        json.dumps([{"uid": "a", f"{KIND}_target": True, "text": "x"}, {"uid": "b", f"{KIND}_target": False}])
    )
    said.write_text(json.dumps([{"uid": "b", KIND: 0.9}, {"uid": "a", KIND: 0.2}]))
    text = page.read_files([str(cases), str(said)])
    assert page.compute(text, start(page))["score"] == 0.0
    with pytest.raises(ValueError, match="1 references have no prediction"):
        page.compute("\n".join(text.splitlines()[:-1]), start(page))


def test_several_labels_and_classes_of_a_csv(app, start):
    page = app("dragon").PAGE
    several = start(page) | {"task_type": "multi_label_binary_classification", "average": "macro"}
    table = "reference;prediction\n[1, 0];[0.9, 0.8]\n[0, 1];[0.1, 0.9]\n"
    results = page.compute(table, several)
    assert (results["score"], results["per_label"]["label_2"]["auc"]) == (1.0, 1.0)
    assert "AUC of each label" in page.answer(table, several)
    kind = "single_label_multi_class_classification"
    results = page.compute(f"{kind}_target,{kind}\n1,1\n2,2\n10,2\n", start(page) | {"ordinal": True})
    assert (results["figure"], results["accuracy"]) == ("linear_kappa", pytest.approx(2 / 3))
    unknown = "single_label_regression_target,single_label_regression\n1,1\n,2\n"
    assert page.compute(unknown, start(page))["score"] == 1.0


def test_questions_as_csv_and_as_json(app, start):
    page = app("clinical_qa").PAGE
    table = (
        "\ufeffquestion_id;prediction;gold;category;gold_category;na_prob;note\n"
        'q1;"red; rash";rash|red rash;Symptoms;Symptoms|Diagnosis;0.2;n1\n\n'
        "q2;;;;;0.9;n1\n"
    )
    found = page.compute(table, start(page) | {"n_resamples": 0})
    assert (found["exact"], found["total"], found["NoAns_exact"], found["category_accuracy"]) == (1.0, 2, 1.0, 1.0)
    rows = [
        {"id": 1, "prediction_text": "a\nb", "answers": {"text": ["a b"], "answer_start": [0]}, "span_labelled": None},
        {"id": 2, "prediction_text": "", "answers": [], "category_probs": [0, 1, 0, 0, 0]},
        {"id": 3, "prediction_text": "x", "answers": "x", "gold_category": "Procedure"},
    ]
    for text in (json.dumps(rows), "\n".join(map(json.dumps, rows))):
        found = page.compute(text, start(page))
        assert (found["exact"], found["total"]) == (1.0, 3)
    found = page.compute("category,gold_category\nSymptoms,Symptoms\nDiagnosis,Symptoms\n", start(page))
    assert (found["category_accuracy"], found["category_total"], "exact" in found) == (0.5, 2, False)
    found = page.compute("category_probabilities\tgold_category\n0.1 0.1 0.6 0.1 0.1\tSymptoms\n", start(page))
    assert found["category_accuracy"] == 1.0


def test_thresholds_and_rows_without_a_category_are_shown(app, start):
    page = app("clinical_qa").PAGE
    table = "prediction,answers,na_prob,category,gold_category\nx,x,0.1,,Symptoms\ny,,0.8,Symptoms,Symptoms\n"
    rows = cells(page.answer(table, start(page) | {"n_resamples": 0}))
    assert ["Best F1, no answer above 0.100", "1.000", "", "2"] in rows
    assert ["true Symptoms", "0", "0", "1", "0", "0", "1"] in rows
