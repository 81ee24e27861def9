"""Compiled layers say and learn what they would have, under the same names."""

import copy

import pytest
import torch
from small_encoders import ENCODERS, LAYERS, batch
from transformers import AlbertConfig

from secondopinion.core.errors import InputError
from secondopinion.modeling import (
    MultiTaskQAConfig,
    MultiTaskQAForQuestionAnswering,
    PooledEncoderConfig,
    PooledEncoderForSequenceClassification,
)
from secondopinion.training import load_recipe
from secondopinion.training.compilation import check_compiler, compile_layers

ALBERT = AlbertConfig(
    hidden_size=32, num_attention_heads=2, intermediate_size=64, vocab_size=100, num_hidden_layers=LAYERS
)


def without_dropout(config):
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    return config


def branching():
    config = MultiTaskQAConfig(encoder_config=without_dropout(ENCODERS["bert"]()), classifier_dropout=0.0)
    positions = torch.tensor([1, 1, 4])
    return MultiTaskQAForQuestionAnswering(config), {"start_positions": positions, "end_positions": positions}


def without_layers_of_its_own():
    config = PooledEncoderConfig(encoder_config=without_dropout(ALBERT), num_labels=2, classifier_dropout=0.0)
    return PooledEncoderForSequenceClassification(config), {"labels": torch.tensor([0, 1, 1])}


@pytest.mark.parametrize("make", [branching, without_layers_of_its_own])
def test_a_compiled_model_learns_the_same_under_the_same_names(make):
    torch.manual_seed(0)
    plain, labels = make()
    compiled = copy.deepcopy(plain)
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    torch._dynamo.reset()
    compile_layers(compiled.encoder, backend)
    for model in (plain, compiled):
        model.train()(**batch(), **labels).loss.backward()
    assert graphs
    assert list(plain.state_dict()) == list(compiled.state_dict())
    for (name, one), (_, other) in zip(plain.named_parameters(), compiled.named_parameters(), strict=True):
        assert (one.grad is None) == (other.grad is None), name
        assert one.grad is None or torch.allclose(one.grad, other.grad, atol=1e-6), name


def test_a_compiler_that_is_not_there(monkeypatch):
    recipe = load_recipe({"name": "r", "training": {"compile": True}})
    assert recipe.as_dict()["training"]["compile"] is True
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(
        InputError, match=r"training.compile needs a C\+\+ compiler, and 'no-such-compiler' is not there"
    ):
        check_compiler(recipe.training)
    check_compiler(recipe.replace(training={"compile": False}).training)
