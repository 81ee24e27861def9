"""The arithmetic for a few texts against torch's, on the same numbers."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import BertConfig

from secondopinion.modeling import DeferralConfig, policy_head
from secondopinion.modeling import deferral_policies as policies
from secondopinion.modeling import deferral_signals as signals
from secondopinion.modeling.deferral_arithmetic import FEW
from secondopinion.modeling.deferral_policies import DeferralPolicy, PolicyHead, expected_loss

LOGIT = st.floats(-1e4, 1e4, width=32)
TINY = BertConfig(vocab_size=50, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)


def in_torch(monkeypatch):
    for module in (signals, policies):
        monkeypatch.setattr(module, "few", lambda tensor: False)


@given(st.integers(2, 6).flatmap(lambda n: st.lists(st.lists(LOGIT, min_size=n, max_size=n), min_size=1, max_size=5)))
def test_signals_are_those_of_torch(rows):
    logits = torch.tensor(rows)
    assert logits.numel() <= FEW
    few = signals.uncertainty_signals(logits)
    with pytest.MonkeyPatch.context() as patch:
        in_torch(patch)
        torch.testing.assert_close(few, signals.uncertainty_signals(logits), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("policy", ["selective", "compare_confidence", "logistic", "network", "two_stage"])
@pytest.mark.parametrize("loss_matrix", [None, [[0.0, 1.0, 1.0], [9.0, 0.0, 2.0], [1.0, 1.0, 0.0]]])
@pytest.mark.parametrize("tokens", [False, True])
def test_scores_are_those_of_torch(policy, loss_matrix, tokens, monkeypatch):
    torch.manual_seed(1)
    config = DeferralConfig(
        classifier_config=TINY.to_dict() | {"num_labels": 3},
        policy=policy,
        loss_matrix=None if policy == "two_stage" else loss_matrix,
        expert_names=["a", "b"],
        call_costs=[0.01, 0.2],
        network_size=4 if policy in ("network", "two_stage") else 0,
        token_weights=tokens and policy == "compare_confidence",
    )
    made = DeferralPolicy(config, 7, vocab_size=50)
    if made.head is not None:
        torch.nn.init.normal_(made.head.output.weight)
        made.head.mean.normal_()
        made.head.std.uniform_(0.5, 2.0)
        if made.head.tokens is not None:
            torch.nn.init.normal_(made.head.tokens.weight)
    logits, features = torch.randn(5, 3) * 3, torch.randn(5, 7)
    ids = torch.randint(0, 60, (5, 6))
    mask = torch.tensor([[1] * n + [0] * (6 - n) for n in (6, 3, 1, 0, 6)])
    with torch.no_grad():
        few = made(logits, features, ids, mask)
        in_torch(monkeypatch)
        torch.testing.assert_close(few, made(logits, features, ids, mask), rtol=1e-5, atol=1e-6)


def test_many_texts_and_gradients_go_through_torch(monkeypatch):
    def refused(*_):
        raise AssertionError("plain Python was asked")

    for module, name in ((policies, "risk_of"), (policies, "sigmoid"), (policy_head, "linear")):
        monkeypatch.setattr(module, name, refused)
    monkeypatch.setattr(signals, "signals_of", refused)
    many = torch.randn(FEW, 2)
    assert signals.uncertainty_signals(many).shape == (FEW, 7)
    head = PolicyHead(3, 1)
    head(torch.randn(2, 3)).sum().backward()
    assert head.output.weight.grad.abs().sum() > 0
    logits = torch.randn(2, 2, requires_grad=True)
    signals.uncertainty_signals(logits, ["entropy"]).sum().backward()
    assert torch.isfinite(logits.grad).all()
    with torch.no_grad(), pytest.raises(AssertionError, match="plain Python"):
        head(torch.randn(2, 3))


def test_a_small_risk_keeps_its_digits():
    logits = torch.tensor([[30.0, 0.0]])
    assert expected_loss(logits).item() == pytest.approx(float(np.exp(-30.0)), rel=1e-5)
