"""Longformer in blocks says what transformers' Longformer says, at any length, and learns the same."""

import copy
import gc
import weakref

import pytest
import torch
from transformers import LongformerConfig, LongformerModel

from secondopinion.modeling import PooledEncoderConfig, PooledEncoderForSequenceClassification
from secondopinion.modeling import banded_attention as banded
from secondopinion.modeling.banded_attention import BandedLongformerModel

SETTINGS = {
    "hidden_size": 16,
    "num_attention_heads": 2,
    "num_hidden_layers": 3,
    "intermediate_size": 32,
    "vocab_size": 60,
    "max_position_embeddings": 130,
    "attention_window": [4, 8, 16],
    "pad_token_id": 1,
    "attention_probs_dropout_prob": 0.0,
    "hidden_dropout_prob": 0.0,
}
NONE, FIRST, UNEVEN = "none", "first", "uneven"


@pytest.fixture
def both(monkeypatch):
    """The two models with one set of weights; blocks of eight tokens, so that short texts have several."""
    monkeypatch.setattr(banded, "BLOCK", 8)
    torch.manual_seed(0)
    theirs = LongformerModel(LongformerConfig(**SETTINGS)).eval()
    ours = BandedLongformerModel(LongformerConfig(**SETTINGS)).eval()
    with torch.no_grad():
        for weight in theirs.parameters():
            weight.normal_(std=0.3)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def inputs_of(length, kind, side="right"):
    ids = torch.randint(5, 60, (3, length), generator=torch.Generator().manual_seed(length))
    mask = torch.ones_like(ids)
    own = length // 2 + 1
    mask[1, own:] = 0
    if side == "left":
        mask = mask.flip(1)
    ids[mask == 0] = 1
    everywhere = torch.zeros_like(ids)
    if kind == FIRST:
        everywhere[:, 0] = mask[:, 0]
    if kind == UNEVEN:  # none in the first row, one in the second, several and adjoining ones in the third
        everywhere[1, mask[1].nonzero()[0, 0]] = 1
        everywhere[2, [0, length // 3, length // 3 + 1, length - 1]] = 1
    return {"input_ids": ids, "attention_mask": mask, "global_attention_mask": None if kind == NONE else everywhere}


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("kind", [NONE, FIRST, UNEVEN])
@pytest.mark.parametrize("length", [4, 7, 16, 17, 24, 61, 128])
def test_states_and_gradients_are_those_of_transformers(both, length, kind, side):
    inputs = inputs_of(length, kind, side)
    real = inputs["attention_mask"].bool()
    wanted = torch.randn(16, generator=torch.Generator().manual_seed(1))
    states, gradients = [], []
    for model in both:
        found = model(**inputs).last_hidden_state
        assert found.shape == (3, length, 16)
        assert found.isfinite().all()
        (found[real] * wanted).sum().backward()
        states.append(found[real].detach())
        gradients.append({name: p.grad for name, p in model.named_parameters() if p.grad is not None})
    assert torch.allclose(*states, atol=1e-5)
    theirs, ours = gradients
    assert theirs.keys() == ours.keys()
    for name, gradient in theirs.items():
        assert torch.allclose(gradient, ours[name], atol=1e-4 * max(1.0, float(gradient.abs().max()))), name


@pytest.mark.parametrize("kind", [NONE, UNEVEN])
def test_probabilities_and_states_of_all_layers(both, kind):
    inputs = inputs_of(29, kind)
    real = inputs["attention_mask"].bool()
    theirs, ours = (model(**inputs, output_attentions=True, output_hidden_states=True) for model in both)
    for expected, found in zip(theirs.hidden_states, ours.hidden_states, strict=True):
        assert torch.allclose(expected[real], found[real], atol=1e-5)
    for expected, found in zip(theirs.attentions, ours.attentions, strict=True):
        assert torch.allclose(expected[:, :, :29].transpose(1, 2)[real], found.transpose(1, 2)[real], atol=1e-5)
    assert (theirs.global_attentions is None) == (ours.global_attentions is None) == (kind == NONE)


def test_half_precision_and_embeddings_as_input(both):
    theirs, ours = (copy.deepcopy(model).to(torch.bfloat16) for model in both)
    inputs = inputs_of(40, UNEVEN)
    real = inputs["attention_mask"].bool()
    expected, found = (model(**inputs).last_hidden_state[real].float() for model in (theirs, ours))
    assert float((expected - found).abs().mean()) < 0.03
    _, ours = both
    given = ours.embeddings.word_embeddings(inputs.pop("input_ids"))
    assert ours(inputs_embeds=given, **inputs).last_hidden_state.shape == (3, 40, 16)


def test_dropout_of_probabilities_is_only_for_training():
    model = BandedLongformerModel(LongformerConfig(**SETTINGS | {"attention_probs_dropout_prob": 0.5}))
    inputs = inputs_of(20, FIRST)
    first, again = (model.train()(**inputs).last_hidden_state for _ in range(2))
    assert not torch.allclose(first, again)
    first, again = (model.eval()(**inputs).last_hidden_state for _ in range(2))
    assert torch.equal(first, again)


def test_a_classifier_keeps_its_longformer_through_saving(tmp_path):
    config = PooledEncoderConfig(encoder_config=LongformerConfig(**SETTINGS), num_labels=3)
    model = PooledEncoderForSequenceClassification(config).eval()
    assert isinstance(model.encoder, BandedLongformerModel)
    model.save_pretrained(tmp_path)
    loaded = PooledEncoderForSequenceClassification.from_pretrained(tmp_path).eval()
    assert isinstance(loaded.encoder, BandedLongformerModel)
    inputs = inputs_of(33, UNEVEN)
    assert torch.equal(model(**inputs).logits, loaded(**inputs).logits)


def test_what_layers_read_is_worked_out_once_a_forward_pass_and_then_let_go(both, monkeypatch):
    made = []

    class Counted(banded.ReadingPlaces):
        def __init__(self, *given):
            super().__init__(*given)
            made.append(weakref.ref(self))

    monkeypatch.setattr(banded, "ReadingPlaces", Counted)
    _, ours = both
    for number, kind in enumerate((NONE, UNEVEN), start=1):
        ours(**inputs_of(61, kind))
        assert len(made) == number
    gc.collect()
    assert not any(places() for places in made)
