"""Two processes train as one would: same rows a step, same gradient, one run folder."""

import subprocess
import sys

import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file
from tiny_encoder import report_classes, save_encoder, save_reports

from secondopinion.core.errors import InputError
from secondopinion.core.run_folder import RunFolder
from secondopinion.training.folds import inner_split, make_folds

pytestmark = pytest.mark.slow

LOOPBACK = ["--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0", "--local-addr", "127.0.0.1"]


def rows_that_fill_every_step():
    """Several processes repeat rows to fill a last short step, so none may be short here."""
    for rows in range(150, 260, 2):
        labels, groups = report_classes(rows), [f"g{i // 2}" for i in range(rows)]
        try:
            training, _ = make_folds([str(i) for i in range(rows)], labels, groups, n_splits=3).rows(1)
            inner, _ = inner_split(labels[training], np.array(groups)[training], 0.2, 13)
        except InputError:
            continue
        if len(inner) % 32 == 0:
            return rows
    raise AssertionError("no number of rows fills every step")


def test_two_processes_equal_one(tmp_path):
    encoder = save_encoder(tmp_path / "encoder", hidden_dropout_prob=0.0)
    reports = save_reports(tmp_path / "reports", rows=rows_that_fill_every_step())
    for name, batch in (("one", 16), ("two", 8)):
        recipe = {
            "name": "tiny",
            "folds": {"n_splits": 3},
            "resamples": 100,
            "model": {"encoder": str(encoder), "max_length": 32, "classifier_dropout": 0.0},
            "training": {
                "epochs": 1,
                "batch_size": batch,
                "bf16": False,
                "learning_rate": 1e-3,
                "validation_share": 0.2,
            },
        }
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(recipe))
    launch = {
        "one": [sys.executable, "-m"],
        "two": [sys.executable, "-m", "torch.distributed.run", *LOOPBACK, "--nproc_per_node", "2", "-m"],
    }
    runs = {}
    for name, command in launch.items():
        arguments = ["secondopinion", "train", "--config", str(tmp_path / f"{name}.yaml"), "--data", str(reports)]
        arguments += ["--output", str(tmp_path / "runs" / name), "--fold", "1"]
        answer = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=240)
        assert answer.returncode == 0, answer.stderr[-3000:]
        runs[name] = RunFolder.open(tmp_path / "runs" / name)
    processes = {name: run.facts["fold_results"][0]["processes"] for name, run in runs.items()}
    assert processes == {"one": 1, "two": 2}
    one, two = (load_file(run.fold_folder(1) / "model.safetensors") for run in runs.values())
    start = load_file(encoder / "model.safetensors")
    moved = max(np.abs(one[f"encoder.{key}"] - start[key]).max() for key in start if f"encoder.{key}" in one)
    assert moved > 1e-3
    for key in one:
        assert np.allclose(one[key], two[key], atol=2e-5), key
