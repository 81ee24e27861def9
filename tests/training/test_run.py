"""A whole training on a tiny encoder: what it writes, that it resumes, what it refuses."""

import json
import os
import shutil
import signal
import time

import numpy as np
import pytest
from checkpoints import has_whole_checkpoint
from forked import COMMAND_LINE, Forked
from safetensors.numpy import load_file, save_file
from tiny_encoder import CLASSES, save_encoder, save_reports

from secondopinion.core.errors import DiskFullError, InputError
from secondopinion.training import evaluate_run, load_recipe, train
from secondopinion.training.evaluate import predict_run
from secondopinion.training.report import read_predictions

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder") / "tiny")


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    return save_reports(tmp_path_factory.mktemp("reports") / "reports")


def recipe_of(encoder, **sections):
    model = {"encoder": str(encoder), "max_length": 32, **sections.pop("model", {})}
    training = {
        "epochs": 3,
        "learning_rate": 5e-3,
        "bf16": False,
        "validation_share": 0.2,
        **sections.pop("training", {}),
    }
    base = {"name": "tiny", "folds": {"n_splits": 3}, "resamples": 200, "training": training, "model": model}
    return load_recipe({**base, **sections})


@pytest.fixture(scope="module")
def phase1(tmp_path_factory, reports):
    recipe = load_recipe(
        {"name": "phase1", "model": {"kind": "tfidf", "min_df": 1}, "folds": {"n_splits": 3}, "resamples": 200}
    )
    return train(recipe, reports, tmp_path_factory.mktemp("runs") / "phase1")


@pytest.fixture(scope="module")
def phase2(tmp_path_factory, encoder, reports, phase1):
    return train(recipe_of(encoder), reports, tmp_path_factory.mktemp("runs") / "phase2", baseline=phase1.path)


@pytest.mark.parametrize("name", ["phase1", "phase2"])
def test_a_run_holds_every_fact_and_no_path(name, request, reports):
    run = request.getfixturevalue(name)
    facts = run.facts
    assert facts["folds"]["trained"] == [1, 2, 3]
    assert facts["dataset"]["rows"] == 160 == sum(facts["folds"]["sizes"])
    assert set(facts["summary"]["out_of_fold"]["per_class"]) == set(CLASSES)
    assert facts["selection"]["rule"] == {"metric": "f1", "label": "Death", "mode": "max"}
    best = max(r["figures"]["per_class"]["Death"]["f1"] for r in facts["fold_results"])
    assert facts["selection"]["value"] == pytest.approx(best)
    assert facts["selection"]["fold"] == run.selected_fold
    assert str(reports.parent) not in json.dumps(facts)
    assert sorted(p.name for p in run.plots.iterdir()) == sorted(facts["plots"])
    assert not (run.path / "cache").exists()
    assert not [p for p in run.path.iterdir() if p.name.endswith(".partial")]


def test_both_phases_share_folds_and_the_lift_is_stated(phase1, phase2):
    assert phase1.facts["folds"]["sha1"] == phase2.facts["folds"]["sha1"]
    lift = phase2.facts["baseline"]["lift"]
    assert phase2.facts["baseline"]["rows_compared"] == 160
    ours, theirs = (run.facts["summary"]["out_of_fold"]["macro_f1"] for run in (phase2, phase1))
    assert lift["macro_f1"]["difference"] == pytest.approx(ours - theirs)


def test_predictions_are_out_of_fold_and_calibrated(phase2):
    table = read_predictions(phase2)
    assert len(table) == 160 == table["id"].nunique()
    assert table["probabilities"].map(sum).to_numpy() == pytest.approx(np.ones(160), abs=1e-5)
    temperature = phase2.facts["calibration"]["temperature"]
    for fold in (1, 2, 3):
        assert json.loads((phase2.fold_folder(fold) / "config.json").read_text())["temperature"] == temperature
    said = np.array(CLASSES)[np.stack(table["probabilities"]).argmax(axis=1)]
    assert (said == table["label"]).all()
    assert (table["label"] == table["gold"]).mean() == phase2.facts["summary"]["out_of_fold"]["accuracy"]


def test_predictions_are_those_of_the_saved_model(phase2, reports):
    import datasets

    table = read_predictions(phase2).query("fold == 2").set_index("id")
    rows = datasets.load_dataset(str(reports), split="train").to_pandas().set_index("id").loc[table.index]
    logits = predict_run(phase2, rows["text"].tolist(), fold=2)
    expected = np.stack(table["logits"]) / phase2.facts["calibration"]["temperature"]
    assert np.allclose(logits, expected, atol=1e-4)


def test_training_facts_tell_how_it_went(phase2):
    for result in phase2.facts["fold_results"]:
        assert result["epoch_cap"] == 3
        assert result["history"][result["best_epoch"] - 1]["monitor"] == result["monitor_value"]
        assert result["peaked_at_cap"] == (result["best_epoch"] == 3)
        assert sum(result["rows"].values()) == 160
    assert phase2.facts["model"]["parameters"] > 1000


def test_the_same_seed_gives_the_same_model(phase2, encoder, reports, tmp_path, without_plots):
    again = train(recipe_of(encoder), reports, tmp_path / "again", folds=[1])
    one, two = (load_file(run.fold_folder(1) / "model.safetensors") for run in (phase2, again))
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_folds_can_be_added_later(encoder, reports, tmp_path):
    run = train(recipe_of(encoder, training={"epochs": 1}), reports, tmp_path / "r", folds=[2])
    assert run.facts["folds"]["trained"] == [2]
    before = (run.fold_folder(2) / "model.safetensors").stat().st_mtime_ns
    run = train(recipe_of(encoder, training={"epochs": 1}), reports, tmp_path / "r", folds=[1, 2])
    assert run.facts["folds"]["trained"] == [1, 2]
    assert (run.fold_folder(2) / "model.safetensors").stat().st_mtime_ns == before


def test_a_killed_training_continues_and_ends_the_same(encoder, reports, tmp_path, without_plots):
    """SIGKILL while a fold is under way; the rerun starts from its checkpoint and reaches the same weights."""
    import yaml

    recipe = recipe_of(encoder, training={"epochs": 6, "early_stopping_patience": 6, "learning_rate": 1e-3})
    plain = recipe.as_dict() | {"model": {**recipe.as_dict()["model"], "encoder": str(encoder)}}
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(plain))
    given = ["--config", tmp_path / "r.yaml", "--data", reports, "--fold", 1, "--output", tmp_path / "killed"]
    killed = Forked(COMMAND_LINE, "train", *given)
    work = tmp_path / "killed" / "cache" / "fold-1"
    deadline = time.monotonic() + 120
    while not has_whole_checkpoint(work):
        assert time.monotonic() < deadline, "no checkpoint was written"
        assert killed.poll() is None, "the training ended before it could be killed"
        time.sleep(0.005)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert not (tmp_path / "killed" / "fold-1.json").exists()
    run = train(load_recipe(plain), reports, tmp_path / "killed", folds=[1])
    assert run.facts["fold_results"][0]["resumed"]
    whole = train(load_recipe(plain), reports, tmp_path / "whole", folds=[1])
    one, two = (load_file(r.fold_folder(1) / "model.safetensors") for r in (run, whole))
    for name in one:
        assert np.allclose(one[name], two[name], atol=1e-5), name


def test_a_full_disk_loses_nothing(encoder, reports, tmp_path, monkeypatch, without_plots):
    from transformers import PreTrainedModel

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    recipe = recipe_of(encoder, training={"epochs": 1})
    with monkeypatch.context() as patch:
        patch.setattr(PreTrainedModel, "save_pretrained", full)
        with pytest.raises(DiskFullError, match="no room left on the disk"):
            train(recipe, reports, tmp_path / "r", folds=[1])
    assert not (tmp_path / "r" / "fold-1").exists()
    assert train(recipe, reports, tmp_path / "r", folds=[1]).facts["folds"]["trained"] == [1]


def test_an_adapter_trains_and_loads_as_a_plain_model(encoder, reports, tmp_path, without_plots):
    recipe = recipe_of(encoder, model={"lora": {"r": 4}}, training={"epochs": 2, "learning_rate": 2e-2})
    run = train(recipe, reports, tmp_path / "lora", folds=[1])
    assert run.facts["model"]["adapter"] == {"type": "lora", "r": 4, "alpha": 16}
    weights = load_file(run.fold_folder(1) / "model.safetensors")
    assert not [name for name in weights if "lora" in name or "base_layer" in name]
    start = load_file(encoder / "model.safetensors")
    changed = "encoder.layer.0.attention.self.query.weight"
    assert np.abs(weights[f"encoder.{changed}"] - start[changed]).max() > 1e-6
    assert np.array_equal(
        weights["encoder.embeddings.word_embeddings.weight"], start["embeddings.word_embeddings.weight"]
    )


@pytest.mark.parametrize("name", ["phase1", "phase2"])
def test_evaluate_measures_other_data_and_refuses_training_rows(name, request, reports, tmp_path):
    run = request.getfixturevalue(name)
    assert evaluate_run(run.path) == run.facts
    with pytest.raises(InputError, match="160 of 160 rows of reports took part in the run's folds"):
        evaluate_run(run, reports)
    other = save_reports(tmp_path / "other", rows=60, seed=9)
    import pandas as pd

    table = pd.read_parquet(other / "train.parquet")
    table["id"] = "x" + table["id"]
    table["label"] = [CLASSES[i] for i in table["label"]]
    table.to_parquet(other / "train.parquet")
    record = evaluate_run(run, other)
    assert record["dataset"]["rows"] == 60
    assert record["summary"]["out_of_fold"]["macro_f1"] > 0.3
    assert (run.path / "evaluations" / f"other-{record['dataset']['fingerprint']}.json").exists()


def test_another_recipe_or_other_data_in_the_same_folder_is_refused(phase2, encoder, tmp_path):
    reports = save_reports(tmp_path / "changed", rows=150, seed=4)
    with pytest.raises(InputError, match="the data changed. Give the old data, or a new --output"):
        train(recipe_of(encoder), reports, phase2.path)


def test_a_changed_recipe_is_named(encoder, reports, tmp_path, without_plots):
    train(recipe_of(encoder, training={"epochs": 1}), reports, tmp_path / "r", folds=[1])
    with pytest.raises(InputError, match=r"another recipe \(training.epochs: 1 → 2\)"):
        train(recipe_of(encoder, training={"epochs": 2}), reports, tmp_path / "r")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something other than a run"):
        train(recipe_of(encoder), reports, tmp_path / "mine")


def test_a_baseline_on_other_folds_is_refused(encoder, reports, phase1, tmp_path):
    recipe = recipe_of(encoder, training={"epochs": 1}, folds={"n_splits": 3, "seed": 99})
    with pytest.raises(InputError, match="Train both on the same data with the same folds section"):
        train(recipe, reports, tmp_path / "r", folds=[1], baseline=phase1.path)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"selection": {"metric": "f1", "label": "Deth"}}, "did you mean 'Death'"),
        ({"training": {"monitor": {"metric": "f1", "label": "Deth"}}}, "did you mean 'Death'"),
        ({"model": {"max_length": 512}}, "has positions for 64 tokens; lower max_length"),
        ({"model": {"encoder": "./nowhere"}}, "the folder does not exist"),
        ({"model": {"encoder": "offline:none"}}, "known: all-MiniLM-L6-v2"),
        ({"model": {"encoder_sha256": "00"}}, "have SHA-256 .*, expected 00"),
        ({"dataset": {"text_column": "txt"}}, "no column 'txt' for the text; did you mean 'text'"),
    ],
)
def test_wrong_recipes_are_refused_before_anything_is_trained(sections, message, encoder, reports, tmp_path):
    with pytest.raises(InputError, match=message):
        train(recipe_of(encoder, **sections), reports, tmp_path / "r", folds=[1])
    assert not list((tmp_path / "r").glob("fold-*/"))


def test_an_encoder_of_another_kind_is_refused(encoder, phase2, reports, tmp_path):
    with pytest.raises(InputError, match="is already a PooledEncoderForSequenceClassification, not an encoder"):
        train(recipe_of(phase2.fold_folder(1)), reports, tmp_path / "r", folds=[1])
    other = tmp_path / "other"
    shutil.copytree(encoder, other)
    weights = load_file(encoder / "model.safetensors")
    save_file(
        {f"another.{name}": value for name, value in weights.items()}, other / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(InputError, match="lacks .* weights of BertModel.*another architecture"):
        train(recipe_of(other), reports, tmp_path / "s", folds=[1])


def test_no_such_fold_and_no_data(encoder, reports, tmp_path):
    with pytest.raises(InputError, match="no fold 7: folds count from 1 to 3"):
        train(recipe_of(encoder), reports, tmp_path / "r", folds=[7])
    with pytest.raises(InputError, match="no data given: name it with --data"):
        train(recipe_of(encoder), output=tmp_path / "x")
    with pytest.raises(InputError, match="is not a folder; make it with: secondopinion prepare"):
        train(recipe_of(encoder), "./nowhere", tmp_path / "y")
