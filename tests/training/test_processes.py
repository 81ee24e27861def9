"""Two processes train as one would: same rows a step, same gradient, same predictions, one run folder."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import train_several
import yaml
from qa_rows import question_rows, save_question_encoder, save_questions
from safetensors.numpy import load_file
from tiny_encoder import report_classes, save_encoder, save_reports

from secondopinion.core.errors import InputError
from secondopinion.core.run_folder import RunFolder
from secondopinion.training.folds import inner_split, make_folds
from secondopinion.training.report import read_predictions

pytestmark = pytest.mark.slow

LAUNCH = ["-m", "torch.distributed.run", "--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"]
LAUNCH += ["--local-addr", "127.0.0.1", "--nproc_per_node", "2"]
# A softmax over tokens does not see what is added to all of them: the gradient is rounding alone, which Adam blows up.
SHIFTS = {"qa_outputs.bias", "encoder.encoder.layer.2.branches.0.output.LayerNorm.bias"}
TRAINING = {"epochs": 1, "bf16": False, "learning_rate": 1e-3, "validation_share": 0.2}


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


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """By task, the encoder and the same training by one process and by two: {task: (encoder, {side: run, texts})}.

    Reports are trained in steps of rows that are cut into pieces; questions in steps of tokens, a layer frozen.
    """
    folder = tmp_path_factory.mktemp("processes")
    encoders = {
        "reports": save_encoder(folder / "encoder", hidden_dropout_prob=0.0),
        "questions": save_question_encoder(folder / "qa-encoder", hidden_dropout_prob=0.0, initializer_range=0.1),
    }
    data = {
        "reports": save_reports(folder / "reports", rows=rows_that_fill_every_step()),
        "questions": save_questions(folder / "questions", question_rows(24)),
    }
    arguments = {"one": [], "two": []}
    for side, batch in (("one", 16), ("two", 8)):
        models = {
            "reports": {"max_length": 32},
            "questions": {"kind": "multitask_qa", "max_length": 30, "doc_stride": 6, "frozen_layers": 1},
        }
        training = {
            "reports": {"batch_size": batch, "micro_batch_tokens": 64},
            "questions": {"step_tokens": 400, "micro_batch_tokens": 64},
        }
        for task in models:
            recipe = {
                "name": "tiny",
                "folds": {"n_splits": 3},
                "resamples": 50,
                "model": {"encoder": str(encoders[task]), "classifier_dropout": 0.0, **models[task]},
                "training": {**TRAINING, **training[task]},
            }
            config = folder / f"{task}-{side}.yaml"
            config.write_text(yaml.safe_dump(recipe))
            arguments[side] += [config, data[task], folder / "runs" / f"{task}-{side}"]
    script = [train_several.__file__, str(folder / "two"), *(str(word) for word in arguments["two"])]
    answer = subprocess.run([sys.executable, *LAUNCH, *script], capture_output=True, text=True, timeout=400)
    assert answer.returncode == 0, answer.stderr[-3000:]
    train_several.train_several(folder / "one", *arguments["one"])
    told = {path.stem: json.loads(path.read_text()) for path in Path(folder).glob("*-?.json")}
    found = {}
    for number, task in enumerate(encoders):
        runs = {side: RunFolder.open(folder / "runs" / f"{task}-{side}") for side in arguments}
        found[task] = encoders[task], runs, {name: texts[number] for name, texts in told.items()}
    return found


@pytest.mark.parametrize("task", ["reports", "questions"])
def test_two_processes_equal_one(trained, task):
    encoder, runs, _ = trained[task]
    facts = {side: run.facts["fold_results"][0] for side, run in runs.items()}
    assert {side: fact["processes"] for side, fact in facts.items()} == {"one": 1, "two": 2}
    start = load_file(encoder / "model.safetensors")
    one, two = (load_file(run.fold_folder(1) / "model.safetensors") for run in runs.values())
    moved = max(np.abs(one[f"encoder.{key}"] - start[key]).max() for key in start if f"encoder.{key}" in one)
    assert moved > 1e-3
    for key in one.keys() - SHIFTS:
        assert np.allclose(one[key], two[key], atol=2e-5), key
    for name in {"reports": ["training_loss", "validation_loss"], "questions": ["span_loss", "category_loss"]}[task]:
        losses = [fact["history"][0][name] for fact in facts.values()]
        assert losses[0] == pytest.approx(losses[1], abs=1e-5), name
    columns = ["logits"] if task == "reports" else ["score", "null_odds", "category_probabilities"]
    tables = [read_predictions(run).set_index("id").sort_index() for run in runs.values()]
    for column in columns:
        said = [np.stack(table[column].to_numpy()) for table in tables]
        assert np.abs(said[0] - said[1]).max() < 1e-3 * np.ptp(said[0], axis=0).max(), column


def test_a_text_is_tokenised_by_one_of_the_processes(trained):
    _, runs, texts = trained["reports"]
    rows = runs["one"].facts["dataset"]["rows"]
    assert texts == {"one-0": rows, "two-0": rows, "two-1": 0}


def test_steps_of_tokens_take_a_frozen_layer_and_leave_it(trained):
    encoder, runs, _ = trained["questions"]
    start = load_file(encoder / "model.safetensors")
    for run in runs.values():
        now = load_file(run.fold_folder(1) / "model.safetensors")
        frozen = [key for key in start if key.startswith(("embeddings", "encoder.layer.0"))]
        assert len(frozen) > 10
        assert all(np.array_equal(start[key], now[f"encoder.{key}"]) for key in frozen)
        assert run.facts["model"]["frozen_parameters"] == sum(start[key].size for key in frozen)
        moved = "encoder.layer.1.output.dense.weight"
        assert not np.array_equal(start[moved], now[f"encoder.{moved}"])
