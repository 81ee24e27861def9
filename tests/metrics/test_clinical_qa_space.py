"""The metric's folder as a Space: loaded without our package, its card, its page, its plot."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from secondopinion.metrics.clinical_qa.clinical_qa import CATEGORIES, plot_qa_figures, qa_figures
from secondopinion.metrics.clinical_qa.plots import qa_figure
from secondopinion.metrics.clinical_qa.table import parse_table

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "metrics" / "clinical_qa"

STRANGER = """
import json, sys
class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "secondopinion":
            raise ImportError(name)
sys.meta_path.insert(0, Wall())
import evaluate
metric = evaluate.load(sys.argv[1])
assert metric is not None
rows = [{"id": at, "prediction_text": "rash", "category": "Symptoms"} for at in range(3)]
answers = [{"text": ["red rash"], "answer_start": [4]}, {"text": ["rash"], "answer_start": [4]}, {"text": []}]
true = [{"id": at, "answers": answers[at], "category_probs": [0, 0, 1, 0, 0]} for at in range(3)]
results = metric.compute(predictions=rows, references=true, n_resamples=20)
metric.plot(results, "figures.png")
print(json.dumps(results))
"""


def test_loads_from_a_copied_folder_without_our_package(tmp_path):
    shutil.copytree(FOLDER, tmp_path / "clinical_qa", ignore=shutil.ignore_patterns("__pycache__"))
    answer = subprocess.run(
        [sys.executable, "-c", STRANGER, str(tmp_path / "clinical_qa")],
        env={**os.environ, "HF_HOME": str(tmp_path / "cache")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert answer.returncode == 0, answer.stderr
    results = json.loads(answer.stdout.splitlines()[-1])
    assert (results["exact"], results["category_accuracy"]) == (pytest.approx(1 / 3), 1.0)
    assert (tmp_path / "figures.png").is_file()


def test_card_and_requirements():
    from packaging.requirements import Requirement

    _, front, body = (FOLDER / "README.md").read_text().split("---\n", 2)
    facts = yaml.safe_load(front)
    assert (facts["sdk"], facts["python_version"]) == ("gradio", "3.11")
    assert (FOLDER / facts["app_file"]).is_file()
    assert {"evaluate", "metric", "question-answering"} <= set(facts["tags"])
    assert "# Metric card" in body
    for line in (FOLDER / "requirements.txt").read_text().splitlines():
        requirement = Requirement(line)
        assert importlib.metadata.version(requirement.name) in requirement.specifier, line
        if requirement.name == "gradio":
            assert line == f"gradio=={facts['sdk_version']}"


def read(text, most=100):
    return parse_table(text, CATEGORIES, most)


def test_tables_people_paste():
    predictions, references, groups = read(
        "\ufeffquestion_id;prediction;gold;category;gold_category;na_prob;note\n"
        'q1;"red; rash";rash|red rash;Symptoms;Symptoms|Diagnosis;0.2;n1\n\n'
        "q2;;;;;0.9;n1\n"
    )
    first = {"id": "q1", "prediction_text": "red; rash", "category": "Symptoms", "no_answer_probability": 0.2}
    assert predictions == [first, {"id": "q2", "prediction_text": "", "no_answer_probability": 0.9}]
    assert [row["answers"]["text"] for row in references] == [["rash", "red rash"], []]
    assert [row["category_probs"] for row in references] == [[0.5, 0, 0.5, 0, 0], None]
    assert groups == ["n1", "n1"]


def test_tables_as_json():
    rows = [
        {"id": 1, "prediction_text": "a\nb", "answers": {"text": ["a b"], "answer_start": [0]}, "span_labelled": None},
        {"id": 2, "prediction_text": "", "answers": [], "category_probs": [0, 1, 0, 0, 0]},
        {"id": 3, "prediction_text": "x", "answers": "x", "gold_category": "Procedure"},
    ]
    expected = read(json.dumps(rows))
    assert read("\n".join(map(json.dumps, rows)) + "\n\n") == expected
    predictions, references, groups = expected
    assert groups is None
    found = qa_figures(predictions, references)
    assert (found["exact"], found["total"]) == (1.0, 3)


def test_a_table_of_one_task():
    predictions, references, _ = read("category,gold_category\nSymptoms,Symptoms\nDiagnosis,Symptoms\n")
    assert [row["id"] for row in predictions] == ["1", "2"]
    found = qa_figures(predictions, references)
    assert (found["category_accuracy"], found["category_total"], "exact" in found) == (0.5, 2, False)
    probabilities = "category_probabilities\tgold_category\n0.1 0.1 0.6 0.1 0.1\tSymptoms\n"
    predictions, references, _ = read(probabilities)
    assert qa_figures(predictions, references)["category_accuracy"] == 1.0


@pytest.fixture(scope="module")
def app():
    specification = importlib.util.spec_from_file_location("clinical_qa_app", FOLDER / "app.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (" \n", "table is empty"),
        ("id,prediction\nq,x", "lacks what is true: name a column answers"),
        ("id,answers\nq,x", "lacks what the model said: name a column prediction_text"),
        ("prediction,answers", "a header and no rows"),
        ("prediction,answers,category\nx,x", "Line 2 lacks a value: 3 columns"),
        ('prediction,answers,na_prob\n"a\nb",x,high', "Line 3: the no-answer probability is no number"),
        ("prediction,answers,category_probs\nx,x,a b", "Line 2: the probabilities are no numbers"),
        ("prediction,answers,span_labelled\nx,x,perhaps", "Line 2: span_labelled is neither true nor false"),
        ("prediction,answers,gold_category\nx,x,Drug", "Line 2: the gold category is none of Diagnosis"),
        ("prediction,answers,category\nx,x,Drug", "id '1': the category 'Drug' is unknown"),
        ("prediction,answers,group\nx,x,a\ny,y,", "Some rows lack a group"),
        ("id,prediction,answers\nq,x,x\nq,y,y", "1 ids repeat"),
        ('{"id": 1,', r"neither JSON lines nor a JSON list \(line 1, column"),
        ("[1]", "Row 1 is a int: give an object for each question"),
        (
            '{"prediction": "x", "answers": {"text": ["x"], "answer_start": []}}',
            "1 answers.text but 0 answers.answer_s",
        ),
        ("category,answers\n" + "Symptoms,x\n" * 50_001, "has 50,001 rows; this page takes 50,000"),
    ],
)
def test_tables_that_cannot_be_read(app, text, message):
    import gradio as gr

    with pytest.raises(gr.Error, match=message):
        app.measure(text, 0)


def test_an_opened_file_is_deleted(app, tmp_path):
    import gradio as gr

    good, bad, large = tmp_path / "a.csv", tmp_path / "b.csv", tmp_path / "c.csv"
    good.write_bytes("\ufeffprediction,answers\nñ,ñ\n".encode())
    bad.write_bytes(b"\xff\xfe\x00")
    assert app.open_file(str(good)) == "prediction,answers\nñ,ñ\n"
    with pytest.raises(gr.Error, match="not UTF-8 text"):
        app.open_file(str(bad))
    with open(large, "wb") as file:
        file.truncate(app.MAX_BYTES + 1)
    with pytest.raises(gr.Error, match="larger than 32 MB"):
        app.open_file(str(large))
    assert not list(tmp_path.iterdir())


def test_page_answers_over_http(app):
    from gradio_client import Client

    page = app.build()
    _, url, _ = page.launch(
        prevent_thread_lock=True, quiet=True, run_history=False, server_name="127.0.0.1", share=False
    )
    try:
        answer = Client(url, verbose=False).predict(app.example(), 200, api_name="/measure")
    finally:
        page.close()
    plot, whole, per_category, matrix, results = answer
    assert plot["plot"].startswith("data:image/")
    assert [row[0] for row in whole["data"]] == [title for title, _ in app.WHOLE.values()]
    assert whole["data"][1][1] == f"{results['f1']:.3f}"
    assert [row[0] for row in per_category["data"]] == list(CATEGORIES) == list(app.CATEGORIES)
    assert [row[1:] for row in matrix["data"]] == results["category_confusion"]["counts"]
    assert results["intervals"]["f1"][0] < results["f1"] < results["intervals"]["f1"][1]


def test_page_shows_thresholds_and_rows_without_a_category(app):
    table = "prediction,answers,na_prob,category,gold_category\nx,x,0.1,,Symptoms\ny,,0.8,Symptoms,Symptoms\n"
    _, whole, _, matrix, results = app.measure(table, 0)
    assert whole[-1][:2] == ["Best F1, no answer above 0.100", "1.000"]
    assert matrix["headers"][-1] == "without"
    assert matrix["data"][2] == ["true Symptoms", 0, 0, 1, 0, 0, 1]
    assert "intervals" not in results


@pytest.fixture(scope="module")
def figures(app):
    predictions, references, groups = read(app.example())
    return qa_figures(predictions, references, n_resamples=60, groups=groups)


def test_plots_are_whole_and_reproducible(figures, tmp_path):
    first, second = (plot_qa_figures(figures, tmp_path / name) for name in ("a.png", "b.png"))
    assert first.read_bytes()[:4] == b"\x89PNG"
    assert first.read_bytes() == second.read_bytes()
    with pytest.raises(ValueError, match="xyz"):
        plot_qa_figures(figures, tmp_path / "c.xyz")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_what_is_drawn(figures):
    from matplotlib.figure import Figure

    whole, by_category = qa_figure(figures).axes
    points = [line.get_xdata()[0] for line in by_category.get_lines() if line.get_marker() == "s"]
    assert points == [row["f1"] for row in figures["per_category"].values()]
    bars = [list(line.get_xdata()) for line in whole.get_lines() if len(line.get_xdata()) == 2]
    assert bars[:2] == [figures["intervals"]["exact"], figures["intervals"]["f1"]]
    assert whole.get_yticklabels()[0].get_text() == f"Exact match ({figures['total']})"
    spans = qa_figures([{"id": 1, "prediction_text": "x"}], [{"id": 1, "answers": {"text": ["x"]}}])
    assert len(qa_figure(spans).axes) == 1
    axes = Figure().subplots()
    assert plot_qa_figures(spans, axes) is axes
    with pytest.raises(ValueError, match="neither answers nor categories"):
        plot_qa_figures({}, axes)


def test_importing_the_metric_does_not_import_matplotlib():
    code = "import sys, secondopinion.metrics.clinical_qa.paired as p, secondopinion.metrics.clinical_qa.plots; "
    answer = subprocess.run(
        [sys.executable, "-c", code + "print('matplotlib' in sys.modules)"], capture_output=True, text=True, timeout=120
    )
    assert answer.stdout.strip() == "False", answer.stderr
