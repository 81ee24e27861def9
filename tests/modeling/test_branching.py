"""Branching leaves every encoder as it was: the same states, attentions, gradients, on both padding sides."""

import copy
import threading

import pytest
import torch
from small_encoders import ENCODERS, LAYERS, ONLY_EAGER, SMALL, batch
from transformers import AlbertConfig, AutoModel, T5Config

from secondopinion.modeling.branching import (
    BranchedLayer,
    branch_layers,
    branched_weights,
    find_layers,
    of_each_branch,
)

PATHS = {"distilbert": "transformer.layer", "modernbert": "layers"}


def plain(name="bert", **kwargs):
    torch.manual_seed(0)
    encoder = AutoModel.from_config(ENCODERS[name](), **kwargs).eval()
    with torch.no_grad():
        for value in encoder.parameters():
            if value.ndim == 2:
                value.mul_(4.0)  # so that a wrong mask or position shows
    return encoder


def branched(encoder, shared, branches=2):
    encoder = copy.deepcopy(encoder)
    branch_layers(encoder, shared, branches)
    return encoder


@pytest.mark.parametrize(
    ("name", "shared"), [(name, shared) for name in ENCODERS for shared in (0, 1, 2) if shared or "conv" not in name]
)
def test_equal_branches_give_the_states_of_the_plain_encoder(name, shared):
    for attention in ["eager"] if name in ONLY_EAGER else ["eager", "sdpa"]:
        encoder = plain(name, attn_implementation=attention)
        inputs = batch(name)
        expected = encoder(**inputs).last_hidden_state
        assert expected.std() > 0.1
        states = branched(encoder, shared, 3)(**inputs).last_hidden_state.chunk(3)
        kept = inputs["attention_mask"].bool()
        for part in states:
            assert (part - expected)[kept].abs().max() <= 1e-6, attention


@pytest.mark.parametrize("name", ENCODERS)
def test_branches_are_separate_and_shared_layers_are_not_repeated(name):
    encoder = branched(plain(name), 1)
    path = PATHS.get(name, "encoder.layer")
    layers = encoder.get_submodule(path)
    assert [isinstance(layer, BranchedLayer) for layer in layers] == [False, True, True]
    pointers = [value.data_ptr() for value in encoder.parameters()]
    assert len(set(pointers)) == len(pointers)
    rows = []
    layers[0].register_forward_hook(lambda module, given, output: rows.append(len(given[0])))
    inputs = batch(name)
    before = encoder(**inputs).last_hidden_state.chunk(2)
    assert rows == [3]
    with torch.no_grad():
        for value in layers[2].branches[1].parameters():
            value.add_(0.1 * torch.randn_like(value))
    after = encoder(**inputs).last_hidden_state.chunk(2)
    assert torch.equal(after[0], before[0])
    assert (after[1] - before[1]).abs().max() > 1e-3


@pytest.mark.parametrize("name", ENCODERS)
def test_weights_are_copied_to_every_branch(name):
    encoder = plain(name)
    fresh = AutoModel.from_config(ENCODERS[name]()).eval()
    branch_layers(fresh, 1, 2)
    fresh.load_state_dict(branched_weights(encoder, 1, 2))
    inputs = batch(name)
    expected = encoder(**inputs).last_hidden_state
    for part in fresh(**inputs).last_hidden_state.chunk(2):
        assert (part - expected).abs().max() <= 1e-6


@pytest.mark.parametrize("name", ENCODERS)
def test_records_of_layers_are_those_of_the_plain_encoder(name):
    encoder = plain(name, attn_implementation="eager")
    inputs = batch(name)
    asked = {"output_hidden_states": True, "output_attentions": True}
    expected = encoder(**inputs, **asked)
    for shared in (1, 2):
        recorded = branched(encoder, shared)(**inputs, **asked)
        for field, before in (("hidden_states", 1), ("attentions", 0)):
            parts = of_each_branch(recorded[field], before + shared, LAYERS - shared, 2)
            for part in parts:
                assert len(part) == len(expected[field]) == before + LAYERS
                for one, two in zip(part, expected[field], strict=True):
                    assert one.shape == two.shape
                    assert torch.allclose(one, two, atol=1e-6)


def test_no_records_are_none_for_each_branch():
    assert of_each_branch((), 2, 1, 2) == [(), ()]


@pytest.mark.parametrize("name", sorted(set(ENCODERS) - ONLY_EAGER))
def test_branches_follow_when_the_attention_is_switched(name):
    encoder = branched(plain(name, attn_implementation="sdpa"), 1)
    assert encoder(**batch(), output_attentions=True).attentions in ((), None)
    encoder.set_attn_implementation("eager")
    attentions = encoder(**batch(), output_attentions=True).attentions
    assert len(attentions) == 1 + 2 * 2


@pytest.mark.parametrize("name", ENCODERS)
def test_gradients_add_up_and_checkpointing_keeps_them(name):
    encoder = plain(name)
    encoder.pooler = None
    inputs = batch(name)
    kept = inputs["attention_mask"].bool()
    two, checkpointed = branched(encoder, 1), branched(encoder, 1)
    checkpointed.gradient_checkpointing_enable()
    assert any(getattr(module, "gradient_checkpointing", False) for module in checkpointed.modules())
    for model in (two, checkpointed):
        model.train()
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
            for attribute in ("dropout", "dropout_prob", "attention_dropout"):
                if isinstance(getattr(module, attribute, None), float):
                    setattr(module, attribute, 0.0)
    encoder(**inputs).last_hidden_state[kept].square().sum().backward()
    for model in (two, checkpointed):
        sum(part[kept].square().sum() for part in model(**inputs).last_hidden_state.chunk(2)).backward()
    prefix = PATHS.get(name, "encoder.layer")
    grads = {key: value.grad for key, value in two.named_parameters()}
    for key, value in checkpointed.named_parameters():
        if value.grad is None:
            assert grads[key] is None, key
        else:
            assert torch.allclose(value.grad, grads[key], rtol=1e-3, atol=1e-3), key
    for key, value in encoder.named_parameters():
        layer, _, rest = key.removeprefix(prefix + ".").partition(".")
        if value.grad is None:
            continue
        if key.startswith(prefix) and int(layer) >= 1:
            for branch in (0, 1):
                own = grads[f"{prefix}.{layer}.branches.{branch}.{rest}"]
                assert torch.allclose(own, value.grad, rtol=1e-3, atol=1e-3), key
        else:
            assert torch.allclose(grads[key], 2 * value.grad, rtol=1e-3, atol=1e-3), key


def test_threads_do_not_meet():
    encoder = branched(plain(), 1)
    inputs = [{"input_ids": torch.randint(5, 99, (2, 5 + number))} for number in range(4)]
    expected = [encoder(**given).last_hidden_state for given in inputs]
    wrong = []

    def ask(number):
        for _ in range(10):
            if not torch.allclose(encoder(**inputs[number]).last_hidden_state, expected[number], atol=1e-6):
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_all_shared_or_one_branch_changes_nothing():
    encoder = plain()
    for shared, branches in ((LAYERS, 2), (1, 1)):
        same = branched(encoder, shared, branches)
        assert list(same.state_dict()) == list(encoder.state_dict())
        assert list(branched_weights(encoder, shared, branches)) == list(encoder.state_dict())


@pytest.mark.parametrize(
    "config",
    [AlbertConfig(**SMALL, embedding_size=16), T5Config(d_model=32, d_kv=16, d_ff=64, num_layers=LAYERS, num_heads=2)],
    ids=["albert", "t5"],
)
def test_layers_that_cannot_be_branched_are_refused(config):
    encoder = AutoModel.from_config(config)
    with pytest.raises(
        ValueError, match=rf"cannot be branched: .*Set num_shared_layers={LAYERS}: then both tasks share"
    ):
        branch_layers(encoder, 1, 2)


def test_layers_are_looked_for_before_branching():
    path, layers = find_layers(plain("distilbert"))
    assert (path, len(layers)) == ("transformer.layer", LAYERS)
    with pytest.raises(ValueError, match="cannot be branched"):
        branch_layers(branched(plain(), 1), 1, 2)


def test_a_convolution_beside_the_first_layer_needs_it_shared():
    with pytest.raises(ValueError, match="DebertaV2Model has a convolution .* num_shared_layers to at least 1"):
        branch_layers(plain("deberta-v2-conv"), 0, 2)
