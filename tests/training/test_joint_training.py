"""Encoder, head and policy trained together: what moves, what is written, what it becomes, what is refused."""

import hashlib
import shutil

import numpy as np
import pytest
import torch
import yaml
from one_step import all_weights, one_step
from safetensors.numpy import load_file
from tiny_encoder import CLASSES, report_classes, save_encoder, save_reports
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    DataCollatorWithPadding,
)
from typer.testing import CliRunner
from votes_files import save_votes

from secondopinion.cli.app import app
from secondopinion.core.errors import InputError
from secondopinion.core.files import read_json
from secondopinion.core.run_folder import RunFolder, local_paths
from secondopinion.experts import read_votes
from secondopinion.model_cards import push_run
from secondopinion.modeling import DeferralForSequenceClassification, PooledEncoderConfig
from secondopinion.modeling.deferral_losses import deferral_score
from secondopinion.modeling.modeling_pooled_encoder import PooledEncoderForSequenceClassification
from secondopinion.scoring.engine import classifier_of, load_classifier, score_columns
from secondopinion.training import defer, evaluate_run, load_recipe, train
from secondopinion.training.asking import run_data
from secondopinion.training.batching import micro_batches
from secondopinion.training.deferral import build_system
from secondopinion.training.deferral_rows import gather_rows
from secondopinion.training.encoder import load_tokenizer
from secondopinion.training.encoder_model import build_model
from secondopinion.training.evaluate import predict_run
from secondopinion.training.folds import Folds
from secondopinion.training.joint import JointTraining
from secondopinion.training.joint_policy import own_policy, with_policy
from secondopinion.training.joint_recipe import JointSpec
from secondopinion.training.joint_votes import NO_USABLE_VOTE, joint_votes
from secondopinion.training.processes import process_place
from secondopinion.training.recipe import changed_deferral
from secondopinion.training.report import read_predictions
from secondopinion.training.trainer import ClassificationTrainer

pytestmark = pytest.mark.slow

ROWS = 240
SMALL = {"epochs": 2, "learning_rate": 3e-3, "bf16": False, "validation_share": 0.2}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with an encoder, reports, and the votes of a good panel and of a novice."""
    root = tmp_path_factory.mktemp("joint")
    save_encoder(root / "encoder")
    save_reports(root / "reports", ROWS)
    ids, gold = [f"r{i}" for i in range(ROWS)], report_classes(ROWS).tolist()
    save_votes(root / "panel.csv", ids, gold, right=0.8, unusable=0.05)
    save_votes(root / "novice.csv", ids, gold, right=0.5, seed=2)
    return root


@pytest.fixture(scope="module")
def recipe_of(root):
    """`recipe_of(loss="ova", training={…})` is a recipe that trains jointly with the panel."""

    def make(loss="ce", voters=("panel",), joint=None, **sections):
        base = {
            "name": "joint",
            "folds": {"n_splits": 3},
            "resamples": 50,
            "training": {**SMALL, **sections.pop("training", {})},
            "model": {"encoder": str(root / "encoder"), "max_length": 32, **sections.pop("model", {})},
            "experts": [{"kind": "recorded", "name": name, "path": str(root / f"{name}.csv")} for name in voters],
            "joint": {"loss": loss, **(joint or {})},
            "deferral": {"threshold": {"budget": 0.3, "mode": "expected"}, "fallback": False},
        }
        return load_recipe({**base, **sections})

    return make


@pytest.fixture(scope="module")
def trained(root, recipe_of, tmp_path_factory):
    """A run of three folds, trained from the command line; not to be changed."""
    folder = tmp_path_factory.mktemp("trained")
    plain = recipe_of(joint={"alpha": 0.5}).as_dict()
    plain["model"]["encoder"], plain["experts"][0]["path"] = str(root / "encoder"), None
    (folder / "joint.yaml").write_text(yaml.safe_dump(plain))
    command = ["train", "--config", folder / "joint.yaml", "--data", root / "reports", "--output", folder / "run"]
    assert secondopinion(*command, "--votes", root / "panel.csv").exit_code == 0
    return RunFolder.open(folder / "run")


@pytest.fixture(scope="module")
def data(trained):
    return run_data(trained)


@pytest.fixture(scope="module")
def first_fold(trained, data):
    """Training rows and held-out rows."""
    return Folds.load(trained.folds_file).for_data(data.ids.tolist(), data.fingerprint, trained.folds_file).rows(1)


@pytest.fixture(scope="module")
def fit(data, first_fold):
    """`fit(recipe, path)` trains the first of the folds of `trained`, without a report."""

    def go(recipe, path, votes=None):
        kind = JointTraining(RunFolder(path), recipe, process_place(), votes)
        kind.check(data)
        outcome = kind.fit(data, 1, *first_fold)
        kind.write_fold(data, 1, first_fold[1], outcome, 1.0)
        return kind.run

    return go


@pytest.fixture(scope="module")
def deferring(trained, tmp_path_factory):
    """A copy of it that defers; not to be changed."""
    run = RunFolder(shutil.copytree(trained.path, tmp_path_factory.mktemp("deferring") / "run"))
    defer(run)
    return run


def secondopinion(*arguments):
    """Run a command; what is wrong with the input is raised, as `main` expects."""
    answer = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if answer.exception is not None and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    return answer


def weights_of(run, fold=1):
    return load_file(run.fold_folder(fold) / "model.safetensors")


def texts_of(run, rows):
    data = run_data(run)
    place = {identifier: i for i, identifier in enumerate(data.ids.tolist())}
    return data.texts(np.array([place[identifier] for identifier in rows["id"]]))


def said_by(folder, texts, *columns):
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
    return score_columns(model, AutoTokenizer.from_pretrained(folder), texts, columns)


@pytest.fixture(scope="module")
def start(data, first_fold, recipe_of):
    """Weights as they are before the first step of fold 1."""
    recipe = recipe_of(joint={"alpha": 0.5})
    model = build_model(recipe, data, data.labels[first_fold[0]])
    model = with_policy(model, load_tokenizer(recipe), recipe)
    return {name: value.numpy().copy() for name, value in model.state_dict().items()}


def test_encoder_head_and_policy_all_move(start, trained, root):
    after = weights_of(trained)
    assert start.keys() == after.keys()
    learned = [name for name in start if not name.endswith(("head.mean", "head.std", "losses", "call_costs"))]
    assert {name.split(".")[0] for name in learned} == {"classifier", "policy"}
    for name in learned:
        assert "key.bias" in name or np.abs(start[name] - after[name]).max() > 1e-5, name  # no loss depends on those
    name = "encoder.layer.0.attention.self.query.weight"
    assert np.array_equal(start[f"classifier.encoder.{name}"], load_file(root / "encoder" / "model.safetensors")[name])


def test_the_fold_is_a_deferring_model_that_says_what_was_stored(trained):
    table = read_predictions(trained)
    assert len(table) == ROWS
    temperature = trained.facts["calibration"]["temperature"]
    assert temperature != 1.0
    for fold in (1, 2, 3):
        folder, rows = trained.fold_folder(fold), table[table["fold"] == fold]
        config = read_json(folder / "config.json")
        assert (config["model_type"], config["policy"], config["alpha"]) == ("deferral", "ce", 0.5)
        assert (config["expert_names"], config["threshold"], config["temperature"]) == (["panel"], None, temperature)
        said = said_by(folder, texts_of(trained, rows), "logits", "deferral_score", "expert_scores", "deferred")
        assert np.abs(said["deferral_score"] - rows["deferral_score"].to_numpy()).max() < 1e-5
        assert np.abs(said["expert_scores"] - np.stack(rows["expert_scores"])).max() < 1e-5
        assert np.abs(said["logits"] * temperature - np.stack(rows["logits"])).max() < 1e-4
        assert said["deferral_score"].std() > 1e-3
        assert not said["deferred"].any()
        own = (said["deferral_score"] > 0).mean()
        assert trained.facts["fold_results"][fold - 1]["own_deferral_rate"] == pytest.approx(own)


def test_standing_logits_are_the_classifiers(trained):
    rows = read_predictions(trained).query("fold == 2")
    texts = texts_of(trained, rows)
    logits = predict_run(trained, texts, fold=2)
    shares = torch.softmax(torch.from_numpy(logits), -1).numpy()
    assert np.abs(shares - np.stack(rows["probabilities"])).max() < 1e-5
    model, tokenizer = load_classifier(trained.fold_folder(2))
    inner = classifier_of(model)
    assert type(inner).__name__ == "PooledEncoderForSequenceClassification"
    assert np.allclose(score_columns(inner, tokenizer, texts, ["logits"])["logits"], logits, atol=1e-5)


def test_the_run_records_whose_votes_it_learned_from(trained, root):
    joint = trained.facts["joint"]
    votes = read_votes(root / "panel.csv").rows
    digest = hashlib.sha1()
    for vote in sorted(votes, key=lambda vote: vote.id):
        digest.update(f"{vote.id}\t{vote.label}\n".encode())
    gold = dict(zip([f"r{i}" for i in range(ROWS)], report_classes(ROWS), strict=True))
    usable = [vote for vote in votes if vote.label is not None]
    assert 0 < len(usable) < ROWS
    assert (joint["loss"], joint["alpha"]) == ("ce", 0.5)
    assert joint["experts"] == [
        {
            "name": "panel",
            "kind": "recorded",
            "model": None,
            "prompt_name": None,
            "prompt_sha1": None,
            "votes": {"asked": ROWS, "usable": len(usable), "unusable": ROWS - len(usable)},
            "votes_sha1": digest.hexdigest(),
            "right": pytest.approx(np.mean([vote.label == gold[vote.id] for vote in usable]), abs=1e-6),
        }
    ]
    assert trained.facts["model"]["class"] == "DeferralForSequenceClassification"
    assert trained.facts["recipe"]["joint"] == {"loss": "ce", "alpha": 0.5, "experts": None}
    assert not list(local_paths(trained.facts))
    assert load_recipe(trained.facts["recipe"]).joint == JointSpec(alpha=0.5)
    assert len(read_votes(trained.votes_folder / "panel.parquet").rows) == ROWS


def test_rows_without_a_usable_vote_are_marked(trained, root, recipe_of):
    data = run_data(trained)
    found = joint_votes(trained, recipe_of(voters=("panel", "novice")), data)
    assert list(found.votes) == ["panel", "novice"]
    for name, column in zip(found.votes, found.right.T, strict=True):
        said = {vote.id: vote.label for vote in read_votes(root / f"{name}.csv").rows}
        labels = [said[identifier] for identifier in data.ids]
        gold = [CLASSES[i] for i in data.labels]
        expected = [
            NO_USABLE_VOTE if label is None else float(label == true) for label, true in zip(labels, gold, strict=True)
        ]
        assert column.tolist() == expected


def weights_after_one_step(folder, tokenizer, batch_size, accumulation, budget):
    """Weights after a plain gradient step over 24 rows of two experts, one of them often silent."""
    torch.manual_seed(0)
    encoder = BertConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        vocab_size=21,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    config = PooledEncoderConfig(
        encoder_config=encoder, num_labels=3, classifier_dropout=0.0, class_weights=[3.0, 0.5, 1.0]
    )
    model = DeferralForSequenceClassification.from_classifier(
        PooledEncoderForSequenceClassification(config),
        tokenizer,
        policy="ce",
        alpha=0.5,
        expert_names=["panel", "novice"],
        signals=[],
        traits=[],
        embedding=True,
    )
    random = np.random.default_rng(3)
    rows = [
        {
            "input_ids": random.integers(4, 21, n).tolist(),
            "labels": int(random.integers(0, 3)),
            "expert_right": random.choice([1.0, 0.0, NO_USABLE_VOTE], 2).tolist(),
        }
        for n in random.integers(2, 30, 24)
    ]
    arguments = one_step(folder, batch_size, accumulation)
    trainer = ClassificationTrainer(
        model=model,
        args=arguments,
        train_dataset=rows,
        data_collator=DataCollatorWithPadding(tokenizer),
        lengths=[len(row["input_ids"]) for row in rows],
        length_grouped=True,
        micro_batch_tokens=budget,
    )
    before = all_weights(model)
    trainer.train()
    return before, all_weights(model)


def test_a_step_that_is_cut_has_the_gradient_of_one_batch(root, tmp_path):
    """Class weights and all."""
    tokenizer = AutoTokenizer.from_pretrained(root / "encoder")
    start, whole = weights_after_one_step(tmp_path / "whole", tokenizer, 24, 1, 0)
    same, pieces = weights_after_one_step(tmp_path / "cut", tokenizer, 4, 6, 40)
    assert torch.equal(start, same)
    assert (whole - start).abs().max() > 1e-3
    assert torch.allclose(whole, pieces, atol=1e-6)


def test_as_many_experts_as_tokens_are_no_tokens():
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]])
    batch = {"attention_mask": mask, "input_ids": mask, "expert_right": torch.arange(6.0).view(2, 3)}
    pieces = list(micro_batches(batch, 3))
    assert [piece["input_ids"].shape[1] for piece in pieces] == [3, 2]
    assert [piece["expert_right"].tolist() for piece in pieces] == [[[0.0, 1.0, 2.0]], [[3.0, 4.0, 5.0]]]


def test_an_interrupted_training_continues_and_ends_the_same(trained, root, recipe_of, fit, tmp_path, monkeypatch):
    """Stopped as soon as the first checkpoint is on disk."""
    save = ClassificationTrainer._save_checkpoint

    def save_and_stop(self, *arguments, **options):
        save(self, *arguments, **options)
        raise KeyboardInterrupt

    recipe = recipe_of(joint={"alpha": 0.5})
    with monkeypatch.context() as patch:
        patch.setattr(ClassificationTrainer, "_save_checkpoint", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            fit(recipe, tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    assert not list(run.finished_folds())
    assert read_json(run.path / "joint.json")["experts"] == trained.facts["joint"]["experts"]
    fit(recipe, run.path)
    assert list(run.finished_folds()) == [1]
    assert read_json(run.fold_facts_file(1))["resumed"]
    one, two = weights_of(run), weights_of(trained)
    for name in one:
        assert np.allclose(one[name], two[name], atol=1e-5), name
    assert np.allclose(np.load(run.fold_scores_file(1)), np.load(trained.fold_scores_file(1)), atol=1e-5)


def test_a_run_is_not_continued_with_other_votes(trained, data, root, recipe_of, tmp_path):
    run = RunFolder(shutil.copytree(trained.path, tmp_path / "run"))
    other = save_votes(tmp_path / "panel.csv", [f"r{i}" for i in range(ROWS)], report_classes(ROWS).tolist(), seed=9)
    recipe = recipe_of(joint={"alpha": 0.5})
    with pytest.raises(InputError, match=r"was started with other votes of panel.*Give the old votes, or a new"):
        train(recipe, root / "reports", run.path, votes=[other])
    both = recipe_of(voters=("panel", "novice"), joint={"alpha": 0.5})
    with pytest.raises(InputError, match=r"with votes of panel, not of panel, novice.*Set joint.experts: \[panel\]"):
        train(both, root / "reports", run.path)
    with pytest.raises(InputError, match=r"another recipe \(joint.alpha: 0.5 → 1.0; joint.loss: 'ce' → 'ova'\)"):
        train(recipe_of("ova"), root / "reports", run.path)
    JointTraining(run, recipe, process_place(), [root / "panel.csv"]).check(data)


def test_the_order_of_experts_is_the_run_s(data, root, recipe_of, tmp_path):
    """A column of votes belongs to one deferral logit in all folds."""
    run = RunFolder(tmp_path / "run")
    kind = JointTraining(run, recipe_of(voters=("panel", "novice")), process_place())
    kind.check(data)
    kind._keep_votes(data)
    with pytest.raises(InputError, match=r"with votes of panel, novice, not of novice, panel"):
        JointTraining(run, recipe_of(voters=("novice", "panel")), process_place()).check(data)


def test_an_adapter_trains_encoder_head_and_policy(start, recipe_of, fit, tmp_path):
    run = fit(recipe_of(model={"lora": {"r": 4}}, training={"epochs": 1, "learning_rate": 2e-2}), tmp_path / "lora")
    weights = weights_of(run)
    assert weights.keys() == start.keys()
    encoder = "classifier.encoder."
    for name in (f"{encoder}encoder.layer.0.attention.self.query.weight", "classifier.classifier.weight"):
        assert np.abs(weights[name] - start[name]).max() > 1e-5, name
    assert np.abs(weights["policy.head.output.weight"] - start["policy.head.output.weight"]).max() > 1e-5
    table = f"{encoder}embeddings.word_embeddings.weight"
    assert np.array_equal(weights[table], start[table])
    assert read_json(run.fold_folder(1) / "config.json")["model_type"] == "deferral"


@pytest.mark.parametrize("loss", ["rs", "asm"])
def test_a_fold_scores_by_the_rule_of_its_loss(loss, recipe_of, fit, tmp_path):
    run = fit(recipe_of(loss, training={"epochs": 1}), tmp_path / "run")
    model, tokenizer = load_classifier(run.fold_folder(1))
    assert (model.config.policy, model.config.temperature) == (loss, 1.0)
    batch = tokenizer(["the patient died", "a pump alarm failed"], padding=True, return_tensors="pt")
    with torch.no_grad():
        said = model(**batch)
        features = model.read(batch["input_ids"], batch["attention_mask"])[2]
        columns = torch.cat([said.logits, model.policy.outputs(features, None, None)], dim=1)
    assert torch.allclose(said.deferral_score, deferral_score(loss, columns, len(CLASSES)), atol=1e-6)
    assert np.load(run.fold_scores_file(1)).std() > 1e-3


def test_two_experts_on_two_folds(root, recipe_of, tmp_path):
    """Of two folds only the published one's rows count: its policy cannot be cross-fitted over the other's model."""
    recipe = recipe_of("ova", ("panel", "novice"), training={"epochs": 1}, folds={"n_splits": 2})
    run = train(recipe, root / "reports", tmp_path / "run")
    section = defer(run)
    assert section["policy"]["name"] == "ova"
    assert [own["name"] for own in section["experts"]] == ["panel", "novice"]
    table = read_predictions(run)
    assert np.stack(table["expert_scores"]).shape == (ROWS, 2)
    counted = table["fold"] == run.selected_fold
    assert section["figures"]["rows"] == counted.sum()
    assert (table["deferral_score"] == np.stack(table["expert_scores"]).max(axis=1))[counted].all()
    assert table["deferral_score"][~counted].isna().all()
    config = read_json(run.system_folder / "config.json")
    assert (config["policy"], config["expert_names"]) == ("ova", ["panel", "novice"])


def test_the_published_system_is_the_folds_own_model_with_a_threshold(deferring):
    section = deferring.facts["deferral"]
    assert section["policy"]["name"] == "ce"
    assert section["policy"]["trained_along"] is True
    assert [own["name"] for own in section["policy"]["candidates"]] == ["ce"]
    own, system = (
        load_file(folder / "model.safetensors")
        for folder in (deferring.fold_folder(deferring.selected_fold), deferring.system_folder)
    )
    assert own.keys() == system.keys()
    assert all(np.array_equal(own[name], system[name]) for name in own)
    assert section["threshold"]["value"] == read_json(deferring.system_folder / "config.json")["threshold"]
    assert read_json(deferring.fold_folder(deferring.selected_fold) / "config.json")["threshold"] is None


def test_the_threshold_is_chosen_on_rows_that_the_model_did_not_see(deferring, trained):
    """Scores of the system's rows are those that the run stored out of fold, and none is of a row it was trained on."""
    section, before, after = deferring.facts["deferral"], read_predictions(trained), read_predictions(deferring)
    assert np.array_equal(before["deferral_score"], after["deferral_score"])
    held_out = after[after["fold"] == deferring.selected_fold]
    assert section["parts"]["choose"] + section["parts"]["certify"] == len(held_out)
    assert section["parts"]["fit"] == ROWS - len(held_out)
    said = said_by(deferring.system_folder, texts_of(deferring, held_out), "deferral_score", "deferred", "logits")
    assert np.abs(said["deferral_score"] - held_out["deferral_score"].to_numpy()).max() < 1e-5
    assert (said["deferred"] == (said["deferral_score"] > np.float32(section["threshold"]["value"]))).all()
    assert 0.1 < said["deferred"].mean() < 0.5


def test_pushed_and_loaded_it_decides_the_same(deferring, tmp_path):
    """What is pushed is the system, byte for byte, which `test_deferral_model` loads without this package."""
    push_run(deferring, tmp_path / "published", license="apache-2.0")
    for file in deferring.system_folder.iterdir():
        assert (tmp_path / "published" / file.name).read_bytes() == file.read_bytes(), file.name
    rows = read_predictions(deferring).query(f"fold == {deferring.selected_fold}")
    said = said_by(tmp_path / "published", texts_of(deferring, rows), "deferral_score", "deferred")
    assert np.abs(said["deferral_score"] - rows["deferral_score"].to_numpy()).max() < 1e-5
    assert 0 < said["deferred"].sum() < len(rows)
    card = (tmp_path / "published" / "README.md").read_text()
    joint = deferring.facts["joint"]
    assert "trained together" in card
    assert joint["experts"][0]["votes_sha1"] in card
    assert "α = 0.5" in card
    assert f"asks about {joint['own_rate']:.1%} of texts that its model had not seen" in card
    assert "It is the one that the model was trained with." in card


def test_a_run_that_is_published_before_it_defers_says_what_it_is(trained, tmp_path):
    push_run(trained, tmp_path / "published", license="apache-2.0")
    card = " ".join((tmp_path / "published" / "README.md").read_text().split())
    assert "trained together" in card
    assert "no threshold" in card
    said = said_by(tmp_path / "published", ["the patient died"], "deferral_score", "deferred")
    assert not said["deferred"].any()


def test_a_policy_that_is_fitted_afterwards_stands_beside_it(trained, data, root, tmp_path):
    run = RunFolder(shutil.copytree(trained.path, tmp_path / "run"))
    spec = changed_deferral(run.path, {"policies": ["compare_confidence", "ce"]})
    rows = gather_rows(run, data, {"panel": read_votes(root / "panel.csv").rows}, spec)
    assert [own["name"] for own in build_system(run, rows, spec).candidates] == ["compare_confidence", "ce"]
    alone = defer(run, spec=changed_deferral(run.path, {"policies": ["selective"]}))
    assert alone["policy"]["name"] == "selective"
    assert alone["policy"]["trained_along"] is False
    rows = read_predictions(run).query(f"fold == {run.selected_fold}")
    said = said_by(run.system_folder, texts_of(run, rows), "logits", "deferral_score")
    shares = torch.softmax(torch.from_numpy(said["logits"]), -1).numpy()
    assert np.abs(shares - np.stack(rows["probabilities"])).max() < 1e-5
    assert np.abs(said["deferral_score"] - rows["deferral_score"].to_numpy()).max() < 1e-5


def test_other_data_is_measured_by_classifier_and_system(deferring, tmp_path):
    import pandas as pd

    run = RunFolder(shutil.copytree(deferring.path, tmp_path / "run"))
    save_reports(tmp_path / "other", 60, seed=7)
    table = pd.read_parquet(tmp_path / "other" / "train.parquet")
    table["id"], gold = "n" + table["id"], report_classes(60, 7).tolist()
    table.assign(label=gold).to_parquet(tmp_path / "other" / "train.parquet")
    votes = save_votes(tmp_path / "panel.csv", table["id"].tolist(), gold)
    record = evaluate_run(run, tmp_path / "other", votes=[votes])
    said = said_by(run.system_folder, table["text"].tolist(), "logits", "deferred")
    right = (np.array(CLASSES)[said["logits"].argmax(axis=1)] == gold).mean()
    assert record["summary"]["out_of_fold"]["accuracy"] == pytest.approx(right)
    assert record["deferral"]["figures"]["deferred_rows"] == said["deferred"].sum()


def test_votes_of_another_run_are_its_out_of_fold_predictions(trained, data, recipe_of, tmp_path):
    part = RunFolder(shutil.copytree(trained.path, tmp_path / "part"))
    expert = {"kind": "run", "name": "other", "path": str(part.path)}
    found = joint_votes(RunFolder(tmp_path / "x"), recipe_of(experts=[expert]), data)
    table = read_predictions(part).set_index("id").loc[data.ids]
    assert found.right[:, 0].tolist() == (table["label"] == table["gold"]).astype(float).tolist()
    assert found.facts[0]["kind"] == "run"
    read_predictions(part).query("fold == 1").to_parquet(part.predictions_file)
    with pytest.raises(InputError, match=r"of 240 rows have no vote of 'other'.*Train all folds of that run"):
        joint_votes(RunFolder(tmp_path / "x"), recipe_of(experts=[expert]), data)


def test_votes_of_an_earlier_ask_are_given_as_a_file(root, data, recipe_of, tmp_path):
    recipe = recipe_of(experts=[{"kind": "llm", "name": "qwen", "model": "q"}])
    with pytest.raises(InputError, match=r"no votes of 'qwen'.*secondopinion ask RUN --config.*--expert qwen.*--votes"):
        train(recipe, root / "reports", tmp_path / "run")
    with pytest.raises(InputError, match="holds votes of 'panel', but the recipe trains with qwen; give the expert"):
        train(recipe, root / "reports", tmp_path / "run", votes=[root / "panel.csv"])
    file = tmp_path / "qwen.csv"
    file.write_text((root / "panel.csv").read_text().replace(",panel,", ",qwen,"))
    with pytest.raises(InputError, match="so does another file; give each expert once"):
        train(recipe, root / "reports", tmp_path / "y", votes=[file, file])
    run = RunFolder(tmp_path / "run")
    first = JointTraining(run, recipe, process_place(), [file])
    first.check(data)
    first._keep_votes(data)
    again = JointTraining(run, recipe, process_place())  # the run kept them
    again.check(data)
    assert np.array_equal(again.votes.right, first.votes.right)
    assert again.votes.facts == first.votes.facts
    assert first.votes.facts[0]["kind"] == "llm"


def test_an_expert_without_votes_is_named(root, recipe_of, tmp_path):
    recipe = recipe_of(experts=[{"kind": "recorded", "name": "panel"}, {"kind": "run", "name": "words"}])
    with pytest.raises(InputError, match=r"no votes of 'panel'.*lacks 'path'. Add it, or give a file.*--votes FILE"):
        train(recipe, root / "reports", tmp_path / "run")
    with pytest.raises(InputError, match=r"no votes of 'words'.*lacks 'path'"):
        train(recipe, root / "reports", tmp_path / "run", votes=[root / "panel.csv"])
    gone = recipe_of(experts=[{"kind": "recorded", "name": "panel", "path": str(tmp_path / "gone.csv")}])
    with pytest.raises(InputError, match=r"gone.csv does not exist"):
        train(gone, root / "reports", tmp_path / "run")
    assert not list((tmp_path / "run").glob("*.json"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"joint": {"loss": "mao"}}, "joint.loss: no loss 'mao'; known: asm, ce, ova, rs"),
        ({"joint": {"loss": "oav"}}, "joint.loss: no loss 'oav'; did you mean 'ova'"),
        ({"joint": {"loss": "two_stage"}}, r"'two_stage' is defined over a classifier that stays.*secondopinion defer"),
        ({"joint": {"los": "ce"}}, "joint: unknown key 'los'; did you mean 'loss'"),
        ({"experts": []}, "joint learns where an expert is right, and the recipe names none"),
        ({"joint": {"loss": "ce", "experts": ["panle"]}}, "no expert 'panle'; did you mean 'panel'"),
        ({"joint": {"loss": "ce", "experts": ["panel", "panel"]}}, "names one twice"),
        ({"joint": {"loss": "ce", "alpha": 1.5}}, "joint.alpha is 1.5; it is at least 0 and at most 1"),
        ({"joint": {"loss": "ce", "alpha": -0.1}}, "joint.alpha is -0.1"),
        ({"joint": {"loss": "rs", "alpha": 0.0}}, "teaches the policy nothing"),
        ({"joint": {"loss": "ova", "alpha": 0.5}}, "the loss 'ova' has no alpha"),
        ({"model": {"kind": "tfidf"}}, "model.kind is 'tfidf'; use 'pooled_encoder', or leave joint out"),
    ],
)
def test_sections_that_do_not_fit_are_refused(changes, message, root, recipe_of, tmp_path):
    plain = {**recipe_of().as_dict(), **changes}
    with pytest.raises(InputError, match=message):
        train(load_recipe(plain), root / "reports", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("loss", ["rs", "asm"])
def test_a_loss_for_one_expert_refuses_two(loss, root, recipe_of, tmp_path):
    with pytest.raises(InputError, match=rf"joint.loss '{loss}' is defined for one expert, not 2 \(panel, novice\)"):
        train(recipe_of(loss, ("panel", "novice")), root / "reports", tmp_path / "run")
    assert recipe_of(loss, ("panel", "novice"), {"experts": ["novice"]}).joint.experts == ["novice"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: lines[:-7], r"7 of 240 rows have no vote of 'panel' \(first id: 'r233'\).*empty label"),
        (lambda lines: [*lines, "zz,panel,Death,0\n"], "votes are for ids that the data set does not have"),
        (lambda lines: [*lines, lines[1]], "more than one vote of the same expert"),
        (lambda lines: [line.replace("Injury", "Injry") for line in lines], "label outside the classes: 'Injry'"),
        (lambda lines: [lines[0], *(f"r{i},panel,,0\n" for i in range(ROWS))], "none of the 240 votes of 'panel'"),
    ],
)
def test_votes_that_do_not_fit_are_refused_before_anything_is_written(change, message, root, recipe_of, tmp_path):
    lines = (root / "panel.csv").read_text().splitlines(keepends=True)
    file = tmp_path / "panel.csv"
    file.write_text("".join(change(lines)))
    recipe = recipe_of(experts=[{"kind": "recorded", "name": "panel", "path": str(file)}])
    with pytest.raises(InputError, match=message):
        train(recipe, root / "reports", tmp_path / "run")
    assert not list((tmp_path / "run").glob("fold*"))


def test_votes_without_a_joint_section_are_refused(root, recipe_of, tmp_path):
    plain = recipe_of().as_dict()
    del plain["joint"]
    (tmp_path / "plain.yaml").write_text(yaml.safe_dump(plain))
    command = ["train", "--config", tmp_path / "plain.yaml", "--data", root / "reports", "--output", tmp_path / "run"]
    with pytest.raises(InputError, match="votes are for a recipe with a joint section.*secondopinion defer RUN"):
        secondopinion(*command, "--votes", root / "panel.csv")


def test_defer_needs_votes_of_those_it_was_trained_to_ask(trained, root, tmp_path):
    run = RunFolder(shutil.copytree(trained.path, tmp_path / "run"))
    with pytest.raises(InputError, match="was trained to ask panel, and votes of panel are not there"):
        defer(run, votes=[root / "novice.csv"])
    assert own_policy(run, ["selective"]) is None
    both = own_policy(run, ["selective", "ce"]).of_own_experts({"novice": 1, "panel": 2})
    assert both == {"panel": 2}


def test_what_defer_does_without_being_told(recipe_of):
    """The run's own policy is the only candidate, with and without a deferral section."""
    assert recipe_of().deferral.policies == ["ce"]
    bare = recipe_of("ova", deferral=None)
    assert bare.stated_deferral.policies == ["ova"]
    assert changed_deferral(bare, {"threshold": {"budget": 0.1}}).policies == ["ova"]
    assert recipe_of(deferral={"policies": ["selective"]}).deferral.policies == ["selective"]


def test_the_shipped_recipe_asks_the_bag_of_words_on_the_same_folds():
    joint, words = load_recipe("l2d_ade_joint"), load_recipe("ade_tfidf")
    joint.joint.require(joint.model.kind, joint.experts)
    joint.deferral.require(["Not-Related", "Related"])
    assert (joint.joint.loss, joint.joint.expert_names(joint.experts)) == ("ce", ["ade_tfidf"])
    assert joint.folds == words.folds
