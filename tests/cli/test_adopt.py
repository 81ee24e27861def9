"""`adopt` as a person types it: a folder of plain transformers and a test set."""

from __future__ import annotations

import datasets
import pytest
from stock_checkpoint import save_stock
from tiny_encoder import save_reports
from typer.testing import CliRunner

from secondopinion.cli.app import app
from secondopinion.core.run_folder import RunFolder

pytestmark = pytest.mark.slow


def test_a_trainers_folder_and_a_test_set_become_a_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_stock(tmp_path / "out" / "severity")
    reports = save_reports(tmp_path / "split", rows=120)
    rows = datasets.load_dataset("parquet", data_files=str(reports / "train.parquet"), split="train")
    rows.select(range(60)).to_parquet(reports / "train.parquet")
    rows.select(range(60, 120)).to_parquet(reports / "test.parquet")
    (tmp_path / "notes.yaml").write_text("learning_rate: 3e-3\nseen: {rows: 60, when: 2026-11-22}\n")
    line = "adopt out/severity --data split --trained-on split --training-notes notes.yaml --license mit --resamples 20"
    answer = CliRunner().invoke(app, line.split())
    assert answer.exit_code == 0, answer.output
    assert "run folder: runs/severity" in answer.output
    assert "publish it: secondopinion push runs/severity --to namespace/name" in answer.output
    assert "not calibrated: ECE" in answer.output
    facts = RunFolder.open("runs/severity").facts
    assert facts["recipe"]["dataset"]["split"] == "test", "of several splits the one that is called so"
    assert facts["origin"]["measured"]["of"] == 60
    assert facts["origin"]["training_notes"]["seen"] == {"rows": 60, "when": "2026-11-22"}
    assert (
        "Its owner says of the training: learning_rate 3e-3; seen.rows 60; seen.when 2026-11-22."
        in (facts["recipe"]["description"])
    )
    published = CliRunner().invoke(app, ["push", "runs/severity", "--to", "./published"])
    assert published.exit_code == 0, published.output
    checked = CliRunner().invoke(app, ["verify", "./published"])
    assert checked.exit_code == 0, checked.output
