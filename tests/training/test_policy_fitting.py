"""Fitted policies are what the shipped module computes from ids, and are fitted to what they say they are."""

import dataclasses

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.linear_model import LogisticRegression
from votes_files import SIGNALS, TRAITS, padded, policy_rows

from secondopinion.core.errors import InputError
from secondopinion.modeling import PooledEncoderConfig
from secondopinion.modeling.configuration_deferral import POLICIES
from secondopinion.training.deferral_recipe import DeferralSpec, LossSpec
from secondopinion.training.policy_fitting import FittedPolicy, fractional_logistic, policy_config

SPEC = DeferralSpec(signals=SIGNALS, traits=TRAITS, network_size=4, losses=LossSpec(per_call=0.05))
UNIT = 1.0 - np.eye(3)
DEAR = np.array([[0.0, 2.0, 2.0], [1.0, 0.0, 1.0], [5.0, 5.0, 0.0]])
SINGLE = ("rs", "asm")


def fitted(kind, rows, losses=UNIT, spec=SPEC):
    config = policy_config(spec, kind, PooledEncoderConfig(num_labels=3), losses, rows.expert_names)
    return FittedPolicy(config, rows, losses, spec)


@pytest.mark.parametrize("kind", POLICIES)
def test_scores_are_those_of_the_shipped_module_fed_with_ids(kind):
    rows, encoded = policy_rows(experts=1 if kind in SINGLE else 2)
    policy = fitted(kind, rows, DEAR)
    scores = policy.scores(rows)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()
    assert scores.std() > 1e-3
    logits, features = torch.from_numpy(rows.logits), torch.from_numpy(rows.features)
    for left in (False, True):
        with torch.no_grad():
            shipped = policy.policy(logits, features, *padded(encoded, left))
        assert np.abs(shipped.numpy() - scores).max() < 1e-5
    assert (policy.policy.head is not None and policy.policy.head.tokens is not None) == (
        kind in ("compare_confidence", "logistic")
    )


@pytest.mark.parametrize("kind", POLICIES)
def test_the_order_of_the_rows_decides_nothing(kind):
    rows, _ = policy_rows()
    order = np.random.default_rng(5).permutation(len(rows))
    one, two = fitted(kind, rows).scores(rows), fitted(kind, rows.take(order)).scores(rows)
    assert np.abs(one - two).max() < 1e-4


def test_policies_learn_when_the_expert_knows():
    """The expert is right where a token stands: policies that read tokens find it."""
    rows, encoded = policy_rows(400)
    knows = np.array([7 in row for row in encoded])
    for kind in ("compare_confidence", "logistic"):
        score = fitted(kind, rows).scores(rows)[:, 0]
        assert score[knows].mean() > score[~knows].mean() + 0.1, kind
    plain = fitted("logistic", rows, spec=dataclasses.replace(SPEC, token_weights=False))
    assert plain.policy.head.tokens is None


def test_targets_between_0_and_1_count_as_shares_of_a_row():
    draw = np.random.default_rng(2)
    design, target = draw.normal(size=(60, 3)), draw.choice([0.0, 0.3, 0.5, 1.0], 60)
    weights, bias = fractional_logistic(design, target, 2.0)
    tens = np.round(10 * target).astype(int)
    rows = np.concatenate([np.repeat(np.arange(60), tens), np.repeat(np.arange(60), 10 - tens)])
    labels = np.concatenate([np.ones(tens.sum()), np.zeros(600 - tens.sum())])
    repeated = LogisticRegression(C=0.2, max_iter=500, tol=1e-8).fit(design[rows], labels)
    assert weights == pytest.approx(repeated.coef_[0], abs=2e-3)
    assert bias == pytest.approx(repeated.intercept_[0], abs=2e-3)
    sparse, _ = fractional_logistic(sp.csr_array(design), target, 2.0)
    assert sparse == pytest.approx(weights, abs=1e-3)


@pytest.mark.parametrize(("target", "bias"), [(0.0, -6.9068), (1.0, 6.9068), (0.5, 0.0)])
def test_one_target_for_all_rows_leaves_nothing_to_tell_apart(target, bias):
    weights, found = fractional_logistic(np.random.default_rng(0).normal(size=(20, 4)), np.full(20, target), 1.0)
    assert not weights.any()
    assert found == pytest.approx(bias, abs=1e-3)


@pytest.mark.parametrize("kind", ["compare_confidence", "logistic", "network", "two_stage", "ova"])
def test_an_unusable_vote_is_no_gain(kind):
    """Asking for an unusable vote leaves the classifier's answer: it teaches what that answer would."""
    rows, _ = policy_rows()
    assert (rows.votes < 0).any()
    same = dataclasses.replace(rows, votes=np.where(rows.votes < 0, rows.classifier[:, None], rows.votes))
    assert np.array_equal(fitted(kind, rows).scores(rows), fitted(kind, same).scores(rows))


@pytest.mark.parametrize("kind", POLICIES)
@pytest.mark.parametrize("case", ["always right", "always wrong", "as the classifier", "one class"])
def test_degenerate_experts_give_finite_scores(kind, case):
    rows, _ = policy_rows(60)
    votes = {
        "always right": rows.gold,
        "always wrong": (rows.gold + 1) % 3,
        "as the classifier": rows.classifier,
        "one class": np.zeros(60, int),
    }[case]
    rows = dataclasses.replace(rows, votes=votes[:, None], features=np.round(rows.features * 0 + 1.0))
    scores = fitted(kind, rows, DEAR).scores(rows)
    assert np.isfinite(scores).all()
    if case == "as the classifier" and kind == "logistic":
        assert scores.max() < 0


@pytest.mark.parametrize("kind", ["selective", "compare_confidence", "logistic", "network", "two_stage"])
def test_dearer_mistakes_are_asked_about_sooner(kind):
    """Where a missed `c` costs five times, rows in which it was missed rank higher."""
    rows, _ = policy_rows(300)
    rows = dataclasses.replace(rows, votes=rows.gold[:, None])
    missed = (rows.gold == 2) & (rows.classifier != 2)
    even, dear = (fitted(kind, rows, losses).scores(rows)[:, 0] for losses in (UNIT, DEAR))
    before, after = (np.argsort(np.argsort(scores))[missed].mean() for scores in (even, dear))
    assert after > before + 3


def test_the_price_of_a_call_is_a_share_of_the_smallest_mistake():
    rows, _ = policy_rows()
    config = policy_config(SPEC, "logistic", PooledEncoderConfig(num_labels=3), DEAR, ["panel"])
    assert config.call_costs == pytest.approx([0.05 * 1.0 / 5.0])
    assert config.loss_matrix == DEAR.tolist()
    assert policy_config(SPEC, "logistic", PooledEncoderConfig(num_labels=3), UNIT, ["panel"]).loss_matrix is None
    free = dataclasses.replace(SPEC, losses=LossSpec())
    gap = fitted("selective", rows, DEAR, free).scores(rows) - fitted("selective", rows, DEAR).scores(rows)
    assert np.allclose(gap, 0.01, atol=1e-6)


def test_weights_are_named_for_the_card():
    rows, _ = policy_rows(experts=2)
    for kind in ("compare_confidence", "logistic", "ce", "ova"):
        policy = fitted(kind, rows)
        weights = policy.weights()
        assert [entry["name"] for entry in weights] == rows.feature_names
        assert [set(entry["weights"]) for entry in weights] == [{"panel", "novice"}] * len(weights)
        assert weights[0]["mean"] == pytest.approx(rows.features[:, 0].mean(), abs=1e-5)
        assert weights[2]["weights"]["novice"] == policy.policy.head.output.weight[1, 2].item()
    for kind in ("selective", "network", "two_stage"):
        assert fitted(kind, rows).weights() == []


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("logistic", lambda rows: rows.take(np.arange(0)), "a policy needs rows to be fitted on; there are none"),
        (
            "logistic",
            lambda rows: dataclasses.replace(rows, votes=np.where([[0, 1]], -1, rows.votes)),
            "expert 'novice' has no usable vote on the 150 rows",
        ),
        ("rs", lambda rows: rows, "'rs' is defined for one expert, not 2"),
        ("asm", lambda rows: rows, "'asm' is defined for one expert, not 2"),
    ],
)
def test_what_cannot_be_fitted_says_why(kind, change, message):
    rows = change(policy_rows(experts=2)[0])
    with pytest.raises(InputError, match=message):
        fitted(kind, rows)


def test_fitting_leaves_the_random_numbers_alone():
    rows, _ = policy_rows()
    state = torch.random.get_rng_state()
    one, two = (fitted("network", rows).scores(rows) for _ in range(2))
    assert np.array_equal(one, two)
    assert torch.equal(torch.random.get_rng_state(), state)
    other = fitted("network", rows, spec=dataclasses.replace(SPEC, seed=14)).scores(rows)
    assert not np.array_equal(one, other)
