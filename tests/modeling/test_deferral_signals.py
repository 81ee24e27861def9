"""Signals of uncertainty: their definitions, and numbers where fp32 or bf16 would have none."""

import math

import pytest
import torch

from secondopinion.modeling.deferral_signals import SIGNALS, disagreement, signal_columns, uncertainty_signals

LOGITS = [[2.0, 0.5, -1.0], [0.0, 0.0, 0.0], [-3.0, 4.0, 3.5]]


def naive(row):
    powers = [math.exp(value) for value in row]
    total = sum(powers)
    shares = sorted((value / total for value in powers), reverse=True)
    best = row.index(max(row))
    return [
        shares[0],
        shares[0] - shares[1],
        -sum(share * math.log(share) for share in shares) / math.log(len(row)),
        -math.log(total),
        math.log(shares[0] / (1 - shares[0])),
        *(float(i == best) for i in range(len(row))),
    ]


def test_each_signal_equals_its_definition():
    found = uncertainty_signals(torch.tensor(LOGITS))
    for row, values in zip(LOGITS, found.tolist(), strict=True):
        assert values == pytest.approx(naive(row), abs=1e-6)


def test_columns_are_named_in_the_order_asked_for():
    names = ["entropy", "predicted_class", "margin"]
    columns = signal_columns(names, ["Death", "Other"])
    assert columns == ["entropy", "predicted_class=Death", "predicted_class=Other", "margin"]
    found = uncertainty_signals(torch.tensor([[1.0, 3.0]]), names)
    assert found[0, 1:3].tolist() == [0.0, 1.0]
    assert found[0, 3] == uncertainty_signals(torch.tensor([[1.0, 3.0]]), ["margin"])[0, 0]
    assert len(signal_columns(SIGNALS, ["a", "b", "c"])) == uncertainty_signals(torch.zeros(1, 3)).shape[1]
    assert uncertainty_signals(torch.zeros(4, 3), []).shape == (4, 0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_huge_logits_stay_finite(dtype):
    logits = torch.cartesian_prod(*[torch.tensor([-1e4, 0.0, 1e4])] * 3).to(dtype)
    found = uncertainty_signals(logits)
    assert found.dtype == torch.float32
    assert torch.isfinite(found).all()
    columns = signal_columns(SIGNALS, ["a", "b", "c"])
    assert found[:, columns.index("log_odds")].abs().max() == 20.0
    assert ((found[:, 0] >= 0) & (found[:, 0] <= 1)).all()
    assert ((found[:, columns.index("entropy")] >= 0) & (found[:, columns.index("entropy")] <= 1)).all()
    spread = disagreement(torch.stack([logits, logits.flip(1)]))
    assert spread.dtype == torch.float32
    assert torch.isfinite(spread).all()


def test_a_row_does_not_depend_on_its_batch():
    logits = torch.randn(7, 4, generator=torch.Generator().manual_seed(0))
    alone = torch.cat([uncertainty_signals(row.unsqueeze(0)) for row in logits])
    torch.testing.assert_close(uncertainty_signals(logits), alone, atol=1e-6, rtol=0)


def test_disagreement_equals_its_definition():
    members = [[[1.0, 0.0]], [[0.0, 2.0]], [[0.3, 0.1]]]
    shares = [[math.exp(a) / (math.exp(a) + math.exp(b)), math.exp(b) / (math.exp(a) + math.exp(b))]
              for ((a, b),) in members]  # fmt: skip
    mean = [sum(column) / 3 for column in zip(*shares, strict=True)]
    inner = sum(-sum(p * math.log(p) for p in row) for row in shares) / 3
    information = -sum(p * math.log(p) for p in mean) - inner
    found = disagreement(torch.tensor(members))
    assert found[0].tolist() == pytest.approx([information, 1 / 3], abs=1e-6)


def test_members_that_agree_show_no_disagreement():
    logits = torch.randn(1, 5, 3, generator=torch.Generator().manual_seed(0))
    same = disagreement(logits.repeat(4, 1, 1))
    assert same.abs().max() < 1e-6
    assert torch.equal(disagreement(logits)[:, 1], torch.zeros(5))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: signal_columns(["certainty"], ["a", "b"]), "unknown uncertainty signals \\['certainty'\\]"),
        (lambda: uncertainty_signals(torch.zeros(1, 2), ["margin", "margin"]), "name each once"),
        (lambda: uncertainty_signals(torch.zeros(1, 1)), "2 classes or more"),
        (lambda: uncertainty_signals(torch.zeros(3)), "expected \\(batch, classes\\)"),
        (lambda: disagreement(torch.zeros(3, 2)), "expected \\(members, batch, classes\\)"),
        (lambda: disagreement(torch.zeros(0, 3, 2)), "a member or more"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
