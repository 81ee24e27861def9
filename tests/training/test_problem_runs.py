"""Whole trainings on several labels, factors and numbers, from prepared rows to a card, and what they refuse."""

import json

import numpy as np
import pytest
from case_files import save_cases
from tiny_encoder import save_encoder

from secondopinion.cli.show import results_of
from secondopinion.core.errors import InputError
from secondopinion.model_cards import push_run, validate_card
from secondopinion.training import ask, defer, evaluate_run, load_recipe, train
from secondopinion.training.baseline import TfidfClassifier
from secondopinion.training.evaluate import predict_run
from secondopinion.training.report import read_predictions

MAIN = {"metric": "main", "label": None}
BASE = {"selection": MAIN, "resamples": 50}
KINDS = ("multi_label", "factors", "regressions")


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cases")
    return {kind: save_cases(folder / kind, kind) for kind in (*KINDS, "regression")}


@pytest.fixture(scope="module")
def phase1(tmp_path_factory, cases):
    folder = tmp_path_factory.mktemp("phase1")
    recipe = load_recipe({"name": "words", "model": {"kind": "tfidf", "min_df": 1}, **BASE}).replace(
        folds={"strategy": "given"}
    )
    folds = {"regression": [1, 2]}
    return {kind: train(recipe, cases[kind], folder / kind, folds=folds.get(kind, [2])) for kind in cases}


@pytest.fixture(scope="module")
def phase2(tmp_path_factory, cases, phase1):
    folder = tmp_path_factory.mktemp("phase2")
    encoder = save_encoder(folder / "encoder")
    recipe = load_recipe(
        {
            "name": "encoder",
            "model": {"encoder": str(encoder), "max_length": 32, "base_license": "mit"},
            "folds": {"strategy": "given", "train": [2]},
            "training": {"epochs": 5, "learning_rate": 1e-2, "bf16": False, "validation_share": 0.2, "monitor": MAIN},
            **BASE,
        }
    )
    return {kind: train(recipe, cases[kind], folder / kind, baseline=phase1[kind].path) for kind in KINDS}


def test_the_words_that_give_labels_away_are_learned(phase1):
    assert phase1["multi_label"].facts["summary"]["out_of_fold"]["auc"] > 0.95
    assert phase1["factors"].facts["summary"]["out_of_fold"]["accuracy_fatal"] > 0.9
    for kind in ("regression", "regressions"):
        figures = phase1[kind].facts["summary"]["out_of_fold"]
        assert figures["r2"] > 0.7
        low, high = figures["intervals"]["mae"]
        assert low < figures["mae"] < high


@pytest.mark.parametrize("kind", KINDS)
def test_an_encoder_learns_and_its_facts_say_how(kind, phase2):
    facts = phase2[kind].facts
    assert facts["folds"]["strategy"] == "given"
    assert facts["folds"]["sizes"] == [40, 40]
    assert facts["folds"]["never_held_out"] == 40
    assert facts["selection"]["rule"]["metric"] == ("mae" if kind == "regressions" else "macro_f1")
    assert facts["selection"]["rule"]["mode"] == ("min" if kind == "regressions" else "max")
    assert facts["baseline"]["rows_compared"] == 40
    assert (facts["calibration"] is None) == (kind == "regressions")
    for result in facts["fold_results"]:
        losses = [epoch["validation_loss"] for epoch in result["history"]]
        assert np.isfinite(losses).all()
        assert min(losses) <= losses[0]
    assert sorted(p.name for p in phase2[kind].plots.iterdir()) == sorted(facts["plots"])
    assert ("predicted_true.png" in facts["plots"]) == (kind == "regressions")


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_are_those_of_the_saved_model(kind, phase2, cases):
    import datasets

    run = phase2[kind]
    table = read_predictions(run).query("fold == 2").set_index("id")
    rows = datasets.load_dataset(str(cases[kind]), split="train").to_pandas().set_index("id").loc[table.index]
    logits = predict_run(run, rows["text"].tolist(), fold=2)
    temperature = run.facts["calibration"]["temperature"] if run.facts["calibration"] else 1.0
    assert np.allclose(logits, np.stack(table["logits"]) / temperature, atol=1e-4)
    config = json.loads((run.fold_folder(2) / "config.json").read_text())
    assert config["temperature"] == temperature
    first = table.iloc[0]
    if kind == "multi_label":
        assert np.allclose(first["probabilities"], 1 / (1 + np.exp(-logits[0])), atol=1e-5)
        assert first["label"].tolist() == (logits[0] > 0).astype(int).tolist()
    elif kind == "factors":
        assert config["label_groups"] == [2, 3]
        assert np.add.reduceat(first["probabilities"], [0, 2]) == pytest.approx([1, 1])
        assert first["label"][1] == ["none", "one", "both"][logits[0, 2:].argmax()]
    else:
        assert "probabilities" not in table
        assert config["target_std"][0] > 0
        assert np.allclose(first["label"], logits[0], atol=1e-4)


@pytest.mark.parametrize("kind", [*KINDS, "regression"])
def test_the_baseline_is_saved_without_pickle_and_loads(kind, phase1):
    run = phase1[kind]
    model = TfidfClassifier.load(run.fold_folder(2))
    table = read_predictions(run)
    assert model.problem.task() == run.facts["task"]
    assert model.logits(["death and injury"]).shape == (1, len(run.facts["task"]["label_names"]))
    assert len(table) == (80 if kind == "regression" else 40)
    if kind == "regression":
        assert table["label"].dtype == np.float64 or table["label"].dtype == np.float32
        with pytest.raises(InputError, match="numbers, which have no probability"):
            model.predict_proba(["death"])


def test_other_data_is_measured_and_must_pose_the_same_problem(phase1, phase2, tmp_path):
    other = save_cases(tmp_path / "other", "factors", rows=40, seed=5)
    record = evaluate_run(phase2["factors"], other)
    assert record["dataset"]["rows"] == 40
    assert "linear_kappa_extent" in record["summary"]["out_of_fold"]
    with pytest.raises(InputError, match="data of a classification of several factors .* trained for a regression"):
        evaluate_run(phase1["regression"], other)


def test_the_table_has_a_line_for_each_figure(phase1, phase2):
    numbers = results_of(phase2["regressions"], phase1["regressions"].path)
    assert "mean absolute error size" in numbers
    assert "lift over words: mae" in " ".join(numbers.split())
    labels = results_of(phase2["multi_label"], phase1["multi_label"].path)
    assert "AUC" in labels
    assert "injury" in labels


@pytest.mark.parametrize("kind", KINDS)
def test_a_card_says_what_the_outputs_are(kind, phase1, phase2, tmp_path):
    for run in (phase1[kind], phase2[kind]):
        push_run(run.path, tmp_path / run.facts["name"])
        text = (tmp_path / run.facts["name"] / "README.md").read_text()
        validate_card(text)
        shown = {
            "multi_label": ["any number of which may hold", "the sigmoid of", "- multi-label", "AUC", "Given folds."],
            "factors": ["Factors, each with one of its classes", "Linear kappa", "extent (none, one, both)"],
            "regressions": [
                "Mean absolute error",
                "| score",
                "- regression",
                "name: R² (out-of-fold",
                "**No uncertainty.**",
            ],
        }[kind]
        missing = [words for words in shown if words not in text]
        assert not missing
        assert "softmax" not in text or kind == "factors"


def test_experts_are_for_one_class_a_text(phase2):
    for verb in (defer, ask):
        with pytest.raises(InputError, match="is a run of a multi-label classification, but experts vote on one class"):
            verb(phase2["multi_label"].path)


def test_a_rule_without_a_figure_is_refused_before_anything_is_trained(cases, tmp_path):
    recipe = load_recipe({"name": "r", "model": {"kind": "tfidf", "min_df": 1}})
    with pytest.raises(InputError, match="a regression has no figure 'f1'.*selection: {metric: mae"):
        train(recipe, cases["regression"], tmp_path / "r")
    assert not (tmp_path / "r" / "recipe.json").exists()
