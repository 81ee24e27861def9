"""The metric's folder as a Space: loaded without our package, its card, its page."""

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

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "metrics" / "deferral_rate"

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
asked = {"expert_predictions": ["a", None, "b"], "deferral_scores": [0.1, 0.7, 0.9], "rate": 0.4, "n_resamples": 20}
results = metric.compute(references=["a", "b", "b"], predictions=["a", "a", "a"], **asked)
metric.plot(results, "curve.png")
print(json.dumps(results))
"""


def test_loads_from_a_copied_folder_without_our_package(tmp_path):
    shutil.copytree(FOLDER, tmp_path / "deferral_rate", ignore=shutil.ignore_patterns("__pycache__"))
    answer = subprocess.run(
        [sys.executable, "-c", STRANGER, str(tmp_path / "deferral_rate")],
        env={**os.environ, "HF_HOME": str(tmp_path / "cache")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert answer.returncode == 0, answer.stderr
    results = json.loads(answer.stdout.splitlines()[-1])
    assert results["system"]["accuracy"] == pytest.approx(2 / 3)
    assert (tmp_path / "curve.png").is_file()


def test_card_and_requirements():
    from packaging.requirements import Requirement

    _, front, body = (FOLDER / "README.md").read_text().split("---\n", 2)
    facts = yaml.safe_load(front)
    assert (facts["sdk"], facts["python_version"]) == ("gradio", "3.11")
    assert (FOLDER / facts["app_file"]).is_file()
    assert {"evaluate", "metric", "learning-to-defer"} <= set(facts["tags"])
    assert "# Metric card" in body
    for line in (FOLDER / "requirements.txt").read_text().splitlines():
        requirement = Requirement(line)
        assert importlib.metadata.version(requirement.name) in requirement.specifier, line
        if requirement.name == "gradio":
            assert line == f"gradio=={facts['sdk_version']}"


@pytest.fixture(scope="module")
def app():
    specification = importlib.util.spec_from_file_location("deferral_rate_app", FOLDER / "app.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_tables_people_paste(app):
    table = "score;gold;vote;pred;group\n0.5;a;;b;1\n\n2;b;b;b;1"
    assert app.parse_table(table) == {
        "score": [0.5, 2.0],
        "reference": ["a", "b"],
        "expert": [None, "b"],
        "prediction": ["b", "b"],
        "group": ["1", "1"],
    }
    assert set(app.parse_table(app.example())) == {"reference", "prediction", "expert", "score"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (" \n", "table is empty"),
        ("a,b\n1,2", "header lacks reference, prediction, expert, score"),
        ("reference,prediction,expert,score", "a header and no rows"),
        ("reference,prediction,expert,score\na,b,a", "Line 2 lacks a value: 4 columns"),
        ("reference,prediction,expert,score\na,,a,1", "Line 2 lacks a value in the column prediction"),
        ("reference,prediction,expert,score\na,b,a,high", "Line 2: the score is no number"),
        ("reference,prediction,expert,score\na,b,a,nan", "1 of 1 are not finite"),
    ],
)
def test_tables_that_cannot_be_read(app, text, message):
    import gradio as gr

    with pytest.raises(gr.Error, match=message):
        app.measure(text, 10, "", 0)


def test_page_answers_over_http(app):
    from gradio_client import Client

    page = app.build()
    _, url, _ = page.launch(
        prevent_thread_lock=True, quiet=True, run_history=False, server_name="127.0.0.1", share=False
    )
    try:
        answer = Client(url, verbose=False).predict(app.example(), 20, "ADE", 200, api_name="/measure")
    finally:
        page.close()
    line, plot, systems, gains, results = answer
    assert "48 of 240 rows deferred (20.0%)" in line
    assert plot["plot"].startswith("data:image/")
    assert [row[0] for row in systems["data"]] == list(app.SYSTEMS.values())
    assert systems["data"][0][1] == f"{results['system']['f1']:.3f}"
    assert gains["data"][0][:2] == ["system - classifier", "f1"]
