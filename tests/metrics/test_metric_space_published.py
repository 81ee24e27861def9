"""Every metric as it is published: loaded by name from a Hub over HTTP, its page started from its own files alone."""

from __future__ import annotations

import json
import os

import forked
import pytest
from huggingface_hub import HfApi
from stranger import WITHOUT_THIS_PACKAGE

from secondopinion.publishing import push_metric
from secondopinion.publishing.metrics import metric_names

pytestmark = pytest.mark.slow
pytest.importorskip("gradio", reason="gradio is in the extra [spaces]")

# One process for all: what takes the time are gradio and evaluate, not the metrics.
CHILD = (
    WITHOUT_THIS_PACKAGE
    + """
import os
from pathlib import Path

def only_here(event, details):
    if event == "socket.connect" and isinstance(details[1], tuple) and details[1][0] not in ("127.0.0.1", "::1"):
        raise OSError(f"the page asked {details[1]}")

sys.addaudithook(only_here)
os.environ["API_DOCS"] = "1"
import evaluate
from gradio_client import Client

folders = Path(sys.argv[1])
for name in sys.argv[2:]:
    metric = evaluate.load(f"ward/{name}", keep_in_memory=True)
    assert metric is not None
    sys.path.insert(0, str(folders / name))
    import app, look, space, tables

    page = app.PAGE
    demo = space.build(page)
    _, url, _ = look.launch(demo, server_name="127.0.0.1", prevent_thread_lock=True, quiet=True)
    client = Client(url, verbose=False)
    shown = client.predict(page.example(), {"n_resamples": 50}, api_name="/measure")
    try:
        client.predict("a,b\\n1,2\\n", {}, api_name="/measure")
        refused = False
    except Exception:
        refused = True
    demo.close()
    table = tables.read_table(page.example(), page.columns, page.needs, page.most)
    settings = {key: make().value for key, make in page.settings.items()}
    given = page.arguments(table, settings, sys.modules[type(metric).__module__])
    loaded = metric.compute(**given, n_resamples=50)
    metric.plot(loaded, folders / f"{name}.png")
    print(json.dumps({"name": name, "facts": page.facts(), "same": shown == json.loads(json.dumps(loaded)),
                      "figures": len(loaded["intervals"]), "refused": refused}))
    sys.path.remove(str(folders / name))
    for own in [path.stem for path in (folders / name).glob("*.py")]:
        sys.modules.pop(own, None)
"""
)


def test_each_is_loaded_by_name_and_its_page_computes(hub, tmp_path):
    token, names = hub.add_token("ann", organizations=("ward",)), metric_names()
    assert names == ["clinical_qa", "deferral_rate", "dragon", "per_class_f1"]
    for name in names:
        push_metric(name, f"ward/{name}", token=token)
        HfApi(hub.url, token=token).snapshot_download(f"ward/{name}", repo_type="space", local_dir=tmp_path / name)
    own = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "0", "HF_EVALUATE_OFFLINE": "0"}
    done = forked.run(CHILD, tmp_path, *names, folder=tmp_path, environment=os.environ | own)
    assert done.returncode == 0, done.stderr[-3000:]
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [one["name"] for one in found] == names
    for one in found:
        assert one["same"], f"{one['name']}: the page and the loaded metric differ"
        assert one["figures"] > 1
        assert one["refused"]
        assert dict(one["facts"])["Version"].startswith("secondopinion ")
        assert dict(one["facts"])["Licence"] == "apache-2.0"
        assert (tmp_path / f"{one['name']}.png").stat().st_size > 5_000
