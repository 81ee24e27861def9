"""A stranger pastes the card's own lines, in a process where secondopinion cannot be imported."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess

import forked
import pytest
from fork_server import NOT_YET
from stranger import WITHOUT_THIS_PACKAGE, ask_stranger

from secondopinion.model_cards import push_run

pytestmark = pytest.mark.slow

STRANGER = (
    WITHOUT_THIS_PACKAGE
    + """try:
    import secondopinion
except ModuleNotFoundError:
    pass
else:
    sys.exit("secondopinion can be imported")

task = json.load(sys.stdin)
names = {}
exec(task["lines"], names)
model = names["model"]
if "tokenizer" in names:
    import torch

    torch.set_num_threads(1)
    batch = names["tokenizer"](task["texts"], padding=True, return_tensors="pt")
    with torch.inference_mode():
        scores = model.eval()(**batch).logits.tolist()
    labels = [model.config.id2label[i] for i in range(model.config.num_labels)]
else:
    scores, labels = model.decision_function(task["texts"]).tolist(), None
print(json.dumps({"scores": scores, "labels": labels, "class": type(model).__name__}))
"""
)
TEXTS = ["patient died pump stopped", "battery low", "lead fracture harm patient alarm nothing unclear"]


def paste(card, folder, **environment):
    """Run the card's python block elsewhere and return the scores of TEXTS."""
    (lines,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    assert len(lines.strip().splitlines()) == 3
    return ask_stranger(STRANGER, {"lines": lines, "texts": TEXTS}, folder, **environment)


def own_logits(run):
    import torch
    from transformers import AutoTokenizer

    from secondopinion.modeling import PooledEncoderForSequenceClassification

    folder = run.fold_folder(run.selected_fold)
    model = PooledEncoderForSequenceClassification.from_pretrained(folder).eval()
    batch = AutoTokenizer.from_pretrained(folder)(TEXTS, padding=True, return_tensors="pt")
    with torch.inference_mode():
        return model(**batch).logits.tolist()


def flat(rows):
    return [value for row in rows for value in row]


def test_a_forked_process_begins_as_a_new_one(tmp_path):
    about = """import json, os, random, sys, tempfile, threading
import numpy
print(json.dumps({"arguments": sys.argv[1:], "read": sys.stdin.read(), "folder": os.getcwd(), "own": os.environ["OWN"],
                  "temporary": tempfile.gettempdir(), "threads": len(os.listdir("/proc/self/task")),
                  "name": __name__, "imported": [name for name in NOT_YET if name in sys.modules],
                  "drawn": [random.random(), numpy.random.random()]}))
sys.exit("the end")
"""
    settings = {"folder": tmp_path, "environment": {"OWN": "1", "TMPDIR": str(tmp_path)}, "given": "words"}
    done = [forked.run(f"NOT_YET = {NOT_YET}\n{about}", 1, "two", **settings) for _ in range(2)]
    assert [(one.returncode, one.stderr) for one in done] == [(1, "the end\n")] * 2
    first, second = (json.loads(one.stdout) for one in done)
    assert not {*first.pop("drawn")} & {*second.pop("drawn")}
    here = {"folder": str(tmp_path), "temporary": str(tmp_path), "own": "1", "imported": []}
    assert first == second == here | {"arguments": ["1", "two"], "read": "words", "threads": 1, "name": "__main__"}
    with pytest.raises(subprocess.TimeoutExpired):
        forked.run("import time; time.sleep(60)", timeout=0.1)
    process = forked.Forked("import time; time.sleep(60)")
    assert process.poll() is None
    process.terminate()
    assert process.wait(30) == process.poll() == -signal.SIGTERM


def test_an_encoder_from_the_hub_and_later_commits_do_not_matter(hub, make_run, tmp_path):
    run = make_run()
    token = hub.add_token("ann")
    push_run(run, "ann/severity", token=token)
    card = hub.state.repo("ann/severity").files()["README.md"].decode()
    push_run(make_run("tfidf", name="later"), "ann/severity", token=token)
    assert "model.safetensors" not in hub.state.repo("ann/severity").files()
    here = tmp_path / "elsewhere"
    here.mkdir()
    result = paste(card, here, HF_ENDPOINT=hub.url)
    assert result["class"] == "PooledEncoderForSequenceClassification"
    assert result["labels"] == run.facts["task"]["label_names"]
    assert flat(result["scores"]) == pytest.approx(flat(own_logits(run)), abs=1e-6)


def test_an_encoder_from_a_folder(make_run, tmp_path):
    run = make_run()
    here = tmp_path / "elsewhere"
    here.mkdir()
    push_run(run, here / "model")
    result = paste((here / "model" / "README.md").read_text(), here, HF_HUB_OFFLINE="1")
    assert flat(result["scores"]) == pytest.approx(flat(own_logits(run)), abs=1e-6)


def test_the_baseline_from_the_hub(hub, make_run, tmp_path):
    from secondopinion.training.baseline import TfidfClassifier

    run = make_run("tfidf")
    push_run(run, "ann/baseline", token=hub.add_token("ann"))
    here = tmp_path / "elsewhere"
    here.mkdir()
    result = paste(hub.state.repo("ann/baseline").files()["README.md"].decode(), here, HF_ENDPOINT=hub.url)
    expected = TfidfClassifier.load(run.fold_folder(run.selected_fold)).logits(TEXTS)
    assert flat(result["scores"]) == pytest.approx(expected.ravel().tolist(), abs=1e-9)


def test_the_whole_tree_downloads(hub, make_run, tmp_path):
    from huggingface_hub import snapshot_download

    run = make_run()
    result = push_run(run, "ann/severity", token=hub.add_token("ann"))
    folder = snapshot_download("ann/severity", revision=result.tag, cache_dir=tmp_path / "cache")
    present = sorted(
        os.path.relpath(os.path.join(base, name), folder).replace(os.sep, "/")
        for base, _, names in os.walk(folder)
        for name in names
    )
    assert present == sorted([".gitattributes", *result.files])
