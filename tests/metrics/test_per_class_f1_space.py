"""The metric's folder as a Space: loaded by name over HTTP, its card, its page."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "metrics" / "per_class_f1"


class SpaceFiles(BaseHTTPRequestHandler):
    """Serves /spaces/{namespace}/{name}/resolve/main/{file} from one folder."""

    def __init__(self, *args, folder: Path, **kwargs):
        self.folder = folder
        super().__init__(*args, **kwargs)

    def answer(self, body: bool) -> None:
        parts = self.path.split("?")[0].strip("/").split("/")
        path = self.folder / parts[-1]
        if parts[:5] != ["spaces", "someone", "per_class_f1", "resolve", "main"] or not path.is_file():
            self.send_error(404)
            return
        content = path.read_bytes()
        self.send_response(200)
        self.send_header("ETag", f'"{len(content)}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def do_GET(self):
        self.answer(body=True)

    def do_HEAD(self):
        self.answer(body=False)

    def log_message(self, *args):
        pass


@pytest.fixture
def hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(SpaceFiles, folder=FOLDER))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


STRANGER = """
import json, sys
class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "secondopinion":
            raise ImportError(name)
sys.meta_path.insert(0, Wall())
import evaluate
metric = evaluate.load("someone/per_class_f1")
assert metric is not None
print(json.dumps(metric.compute(references=["a", "b", "b"], predictions=["a", "a", "b"], n_resamples=20)))
"""


def test_loads_by_name_without_our_package(hub, tmp_path):
    environment = {**os.environ, "HF_ENDPOINT": hub, "HF_HOME": str(tmp_path), "HF_EVALUATE_OFFLINE": "0"}
    environment["HF_HUB_OFFLINE"] = "0"
    answer = subprocess.run(
        [sys.executable, "-c", STRANGER],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert answer.returncode == 0, answer.stderr
    figures = json.loads(answer.stdout.splitlines()[-1])
    assert figures["per_class"]["b"] == {
        "precision": 1.0,
        "recall": 0.5,
        "f1": pytest.approx(2 / 3),
        "support": 2,
    }
    assert "macro_f1" in figures["intervals"]


def test_card_front_matter_is_complete():
    _, front, body = (FOLDER / "README.md").read_text().split("---\n", 2)
    facts = yaml.safe_load(front)
    assert facts["sdk"] == "gradio"
    assert facts["python_version"] == "3.11"
    assert (FOLDER / facts["app_file"]).is_file()
    assert {"evaluate", "metric"} <= set(facts["tags"])
    pinned = dict(line.split("==") for line in (FOLDER / "requirements.txt").read_text().split() if "==" in line)
    assert pinned["gradio"] == facts["sdk_version"]
    assert "# Metric card" in body


def test_requirements_allow_what_is_installed():
    from packaging.requirements import Requirement

    for line in (FOLDER / "requirements.txt").read_text().splitlines():
        requirement = Requirement(line)
        assert importlib.metadata.version(requirement.name) in requirement.specifier, line


@pytest.fixture(scope="module")
def app():
    specification = importlib.util.spec_from_file_location("per_class_f1_app", FOLDER / "app.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b\nb,b", (["a", "b"], ["b", "b"], None)),
        ("gold;pred\na;b\n\n", (["a"], ["b"], None)),
        ("prediction\tid\treference\nx\t7\ty", (["y"], ["x"], None)),
        ('truth,predicted,group\n"a, or b",c,1', (["a, or b"], ["c"], ["1"])),
    ],
)
def test_tables_people_paste(app, text, expected):
    assert app.parse_table(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [("  \n", "table is empty"), ("a\nb", "Two columns are needed"), ("a,b\nc,", "Line 2 lacks a value")],
)
def test_tables_that_cannot_be_read(app, text, message):
    import gradio as gr

    with pytest.raises(gr.Error, match=message):
        app.measure(text, 0)


def test_page_answers_over_http(app):
    from gradio_client import Client

    page = app.build()
    _, url, _ = page.launch(
        prevent_thread_lock=True, quiet=True, run_history=False, server_name="127.0.0.1", share=False
    )
    try:
        per_class, overall, matrix, results = Client(url, verbose=False).predict(app.EXAMPLE, 500, api_name="/measure")
    finally:
        page.close()
    assert [row[0] for row in per_class["data"]] == ["Death", "Injury", "Malfunction", "Other"]
    assert overall["data"][1][1] == f"{results['macro_f1']:.3f}"
    assert matrix["data"][0] == ["true Death", 25, 5, 0, 0]
    low, high = results["intervals"]["f1_Death"]
    assert 0 < low < results["per_class"]["Death"]["f1"] < high < 1
