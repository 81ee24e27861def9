"""Frozen layers stay bit-equal and take no part in the backward pass; what cannot be frozen is refused at once."""

import dataclasses

import numpy as np
import pytest
import torch
from one_step import one_step
from safetensors.numpy import load_file
from small_encoders import ENCODERS, LAYERS
from tiny_encoder import save_encoder, save_reports
from transformers import AlbertConfig, AlbertModel

from secondopinion.core.errors import InputError
from secondopinion.modeling import (
    MultiTaskQAConfig,
    MultiTaskQAForQuestionAnswering,
    PooledEncoderConfig,
    PooledEncoderForSequenceClassification,
)
from secondopinion.training import load_recipe, plots, train
from secondopinion.training.encoder_model import lora_adapter
from secondopinion.training.frozen_weights import check_frozen, freeze
from secondopinion.training.recipe import LoraSpec
from secondopinion.training.trainer import ClassificationTrainer

QUICK = {"epochs": 2, "bf16": False, "learning_rate": 5e-3, "validation_share": 0.2}


def batch(rows=6):
    draw = torch.Generator().manual_seed(1)
    ids = torch.randint(5, 99, (rows, 11), generator=draw)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": torch.arange(rows) % 2}


def stack(features):
    return {name: torch.stack([feature[name] for feature in features]) for name in features[0]}


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("family", ENCODERS)
def test_frozen_weights_stay_and_all_others_move(family, checkpointing, tmp_path):
    torch.manual_seed(0)
    model = PooledEncoderForSequenceClassification(PooledEncoderConfig(encoder_config=ENCODERS[family](), num_labels=2))
    count = freeze(model.encoder, 1 + checkpointing, embeddings=False)
    if checkpointing:
        model.gradient_checkpointing_enable()
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    frozen = {name for name, weight in model.named_parameters() if not weight.requires_grad}
    assert count == sum(before[name].numel() for name in frozen)
    columns = batch()
    rows = [{name: value[i] for name, value in columns.items()} for i in range(6)]
    trainer = ClassificationTrainer(
        model=model,
        args=one_step(tmp_path, 6, 1, max_steps=3, optim="adamw_torch_fused", learning_rate=1e-2, weight_decay=0.1),
        train_dataset=rows,
        data_collator=stack,
        lengths=[11] * 6,
    )
    trainer.train()
    held = {id(weight) for group in trainer.optimizer.param_groups for weight in group["params"]}
    for name, weight in model.named_parameters():
        assert (id(weight) in held) == (name not in frozen), name
        changed = not torch.equal(weight, before[name])
        # What is unused in this batch (a global attention that no token has) moves by its decay, biases of 0 do not.
        assert changed == (name not in frozen) or (name not in frozen and weight.grad is None), name
    layers = ".1." if not checkpointing else ".2."
    assert any(layers in name for name in before.keys() - frozen)
    assert all("embeddings.word" not in name and ".tok_embeddings" not in name for name in before.keys() - frozen)


@pytest.mark.parametrize("family", ENCODERS)
def test_nothing_below_the_boundary_is_kept_for_a_backward_pass(family):
    model = PooledEncoderForSequenceClassification(PooledEncoderConfig(encoder_config=ENCODERS[family](), num_labels=2))
    freeze(model.encoder, 2, embeddings=False)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda tensor: tensor):
        model.train()(**{name: value for name, value in batch().items() if name != "labels"})
    frozen = {weight.data_ptr() for weight in model.parameters() if not weight.requires_grad}
    free = {weight.data_ptr() for weight in model.parameters() if weight.requires_grad}
    used = {tensor.data_ptr() for tensor in kept}
    assert used & free
    assert not used & frozen - {0}


def test_a_layer_that_branches_is_frozen_for_both_tasks():
    config = MultiTaskQAConfig(encoder_config=ENCODERS["bert"](), num_shared_layers=1)
    model = MultiTaskQAForQuestionAnswering(config)
    freeze(model.encoder, 2, embeddings=False)
    learning = {name for name, weight in model.encoder.named_parameters() if weight.requires_grad}
    assert {name.split(".")[2] for name in learning} == {"2"}
    assert {name.split(".")[4] for name in learning} == {"0", "1"}


def test_embeddings_alone():
    model = PooledEncoderForSequenceClassification(
        PooledEncoderConfig(encoder_config=ENCODERS["electra"](), num_labels=2)
    )
    assert freeze(model.encoder, 0, embeddings=False) == 0
    freeze(model.encoder, 0, embeddings=True)
    stay = {name.split(".")[0] for name, weight in model.encoder.named_parameters() if not weight.requires_grad}
    assert stay == {"embeddings", "embeddings_project"}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder") / "tiny", num_hidden_layers=LAYERS)


def recipe_of(encoder, training=None, **model):
    plain = {
        "name": "tiny",
        "folds": {"n_splits": 3, "train": [1]},
        "resamples": 50,
        "training": QUICK | (training or {}),
    }
    return load_recipe({**plain, "model": {"encoder": str(encoder), "max_length": 32, **model}})


@pytest.mark.slow
def test_a_run_with_frozen_layers_and_steps_of_tokens(encoder, tmp_path, monkeypatch):
    monkeypatch.setattr(plots, "write_plots", lambda folder, facts: [])  # which take longer than this training
    recipe = recipe_of(encoder, {"step_tokens": 200}, frozen_layers=2)
    run = train(recipe, save_reports(tmp_path / "reports", rows=90), tmp_path / "run")
    start, trained = load_file(encoder / "model.safetensors"), load_file(run.fold_folder(1) / "model.safetensors")
    moved = {key for key in start if not np.array_equal(start[key], trained.get(f"encoder.{key}", start[key]))}
    assert {key.rpartition("layer.")[2][0] for key in moved} == {"2"}
    facts = run.facts
    assert facts["recipe"]["model"]["frozen_layers"] == 2
    assert facts["recipe"]["training"]["step_tokens"] == 200
    assert "compile" not in facts["recipe"]["training"]
    assert facts["model"]["frozen_parameters"] == sum(
        start[key].size for key in start.keys() - moved if "pooler" not in key
    )


def test_an_adapter_is_on_the_layers_that_are_not_frozen():
    model = PooledEncoderForSequenceClassification(PooledEncoderConfig(encoder_config=ENCODERS["bert"](), num_labels=2))
    freeze(model.encoder, 2, embeddings=False)
    adapted = lora_adapter(model, LoraSpec(r=2), "encoder.", ["classifier"], task_type="SEQ_CLS")
    learning = {name for name, weight in adapted.named_parameters() if weight.requires_grad and "lora_" in name}
    assert {name.split("layer.")[1][0] for name in learning} == {"2"}
    assert len(learning) == 2 * 6


class TestMistakes:
    def test_more_layers_than_there_are_leave_no_run_behind(self, encoder, tmp_path):
        reports = save_reports(tmp_path / "reports", rows=90)
        with pytest.raises(InputError, match=r"frozen_layers is 4, but .*tiny has 3 layers; give 3 to train the head"):
            train(recipe_of(encoder, frozen_layers=4), reports, tmp_path / "run")
        assert not (tmp_path / "run" / "recipe.json").exists()

    def test_less_than_none(self, encoder):
        with pytest.raises(InputError, match="frozen_layers is -1; give how many"):
            recipe_of(encoder, frozen_layers=-1)

    def test_an_adapter_on_no_layer(self, encoder):
        recipe = recipe_of(encoder, frozen_layers=3, lora={"r": 2, "alpha": 4})
        with pytest.raises(InputError, match="all 3 layers of .* are frozen; freeze fewer, or leave lora out"):
            check_frozen(recipe)
        check_frozen(recipe.replace(model={"frozen_layers": 2, "lora": LoraSpec()}))

    def test_layers_that_are_one_and_the_same(self, tmp_path):
        config = AlbertConfig(hidden_size=32, num_attention_heads=2, vocab_size=50, num_hidden_layers=3)
        AlbertModel(config).save_pretrained(tmp_path)
        for settings in ({"frozen_layers": 1}, {"frozen_embeddings": True}):
            with pytest.raises(InputError, match=r"the layers of .* \(albert\) cannot be told apart"):
                check_frozen(recipe_of(tmp_path, **settings))

    def test_tokens_that_would_never_be_learnt(self, encoder):
        processor = {"value_buckets": True, "global_attention": False}
        recipe = recipe_of(encoder, frozen_embeddings=True, processor=processor)
        with pytest.raises(InputError, match="value_buckets adds tokens, and the embeddings that would learn them"):
            check_frozen(recipe)
        check_frozen(dataclasses.replace(recipe, model=dataclasses.replace(recipe.model, frozen_embeddings=False)))
