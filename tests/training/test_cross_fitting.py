"""Cross-fitting: nothing of a fold's own truth reaches its decisions, and no policy is fitted twice."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
from votes_files import SIGNALS, TRAITS, policy_rows

from secondopinion.core.errors import InputError
from secondopinion.modeling import PooledEncoderConfig
from secondopinion.training.cross_fitting import best_expert, cross_fit, declare, policy_folds, system_figure
from secondopinion.training.deferral import decide_cross_fitted, loss_matrix
from secondopinion.training.deferral_parts import split_parts
from secondopinion.training.deferral_recipe import DeferralSpec, LossSpec
from secondopinion.training.policy_fitting import FittedPolicy, policy_config
from secondopinion.training.threshold import ThresholdRule, top_k

UNIT = 1.0 - np.eye(3)
SPEC = DeferralSpec(
    policies=["selective", "compare_confidence", "logistic"],
    signals=SIGNALS,
    traits=TRAITS,
    threshold=ThresholdRule(budget=0.2),
)


def fitter(spec, seen=None):
    def fit(kind, part):
        if seen is not None:
            seen.append((kind, tuple(sorted(set(part.fold.tolist())))))
        losses = loss_matrix(part, spec)
        config = policy_config(spec, kind, PooledEncoderConfig(num_labels=3), losses, part.expert_names)
        return FittedPolicy(config, part, losses, spec)

    return fit


@pytest.fixture(scope="module")
def rows():
    return policy_rows(160, experts=2, folds=4)[0]


@pytest.fixture(scope="module")
def crossed(rows):
    return cross_fit(rows, rows.fold, SPEC.policies, fitter(SPEC))


def test_each_fit_serves_both_folds_that_it_left_out(rows):
    seen = []
    cross_fit(rows, rows.fold, ["selective", "logistic"], fitter(SPEC, seen))
    wanted = [(2, 3, 4), (1, 3, 4), (1, 2, 4), (1, 2, 3), (3, 4), (2, 4), (2, 3), (1, 4), (1, 3), (1, 2)]
    assert Counter(seen) == Counter((kind, folds) for kind in ("selective", "logistic") for folds in wanted)
    assert len(seen) == 2 * (4 + 6)


def test_every_row_is_scored_by_policies_that_never_saw_its_fold(rows, crossed):
    without = np.flatnonzero((rows.fold != 2) & (rows.fold != 4))
    for name in SPEC.policies:
        assert np.isfinite(crossed.outer[name]).all()
        policy = crossed.final[name][3]
        held_out = np.flatnonzero(rows.fold == 3)
        assert np.array_equal(crossed.outer[name][held_out], policy.scores(rows.take(held_out)))
        pair = fitter(SPEC)(name, rows.take(without))
        for inside, test in ((2, 4), (4, 2)):
            chosen = np.flatnonzero(rows.fold == inside)
            assert np.allclose(crossed.inner[name][test][chosen], pair.scores(rows.take(chosen)), atol=1e-6)
        for j in range(1, 5):
            assert (np.isnan(crossed.inner[name][j]).all(axis=1) == (rows.fold == j)).all()


@pytest.mark.parametrize(
    "spec",
    [
        SPEC,
        dataclasses.replace(SPEC, policies=SPEC.policies[:2], declare_by="loss", losses=LossSpec(missed={"c": 4.0})),
        dataclasses.replace(SPEC, policies=SPEC.policies[:2], threshold=ThresholdRule(kind="best_f1", budget=0.5)),
    ],
    ids=["budget", "losses", "best_f1"],
)
def test_a_folds_truth_does_not_change_its_own_decisions(rows, crossed, spec):
    """Classes and votes of fold 2 turned round: its rows are decided as before, and others are not.

    A threshold that looks at truth is chosen on one half of a fold for the other: then one half is turned round.
    """
    turned = rows.fold == 2
    if spec.threshold.kind == "best_f1":
        half = split_parts(rows.ids, rows.groups, rows.fold, 2, seed=spec.seed).certify
        turned = np.isin(np.arange(len(rows)), half)
    changed = dataclasses.replace(
        rows,
        gold=np.where(turned, (rows.gold + 1) % 3, rows.gold),
        votes=np.where(turned[:, None], (rows.votes + 1) % 3, rows.votes),
    )
    results = []
    for given in (rows, changed):
        found = crossed if given is rows and spec is SPEC else cross_fit(given, given.fold, spec.policies, fitter(spec))
        results.append((found, *decide_cross_fitted(given, found, spec, [0.1, 0.2], 5)))
    (one, before, declared), (two, after, declared_after) = results
    for name in spec.policies:
        assert np.array_equal(one.outer[name][turned], two.outer[name][turned])
        assert np.array_equal(one.inner[name][2], two.inner[name][2], equal_nan=True)
    for field in ("score", "expert", "deferred"):
        assert np.array_equal(getattr(before, field)[turned], getattr(after, field)[turned])
    assert declared[2] == declared_after[2]
    assert not np.array_equal(before.score[~turned], after.score[~turned])
    assert declared[1] != declared_after[1]


def test_ties_go_to_the_policy_named_first(rows):
    scores = np.random.default_rng(0).random((160, 2)).astype(np.float32)
    same = {"network": scores, "logistic": scores.copy(), "selective": scores.copy()}
    name, figures = declare(rows, same, [0.1, 0.3], "f1", UNIT, None)
    assert name == "network"
    assert len({entry["value"] for entry in figures}) == 1
    assert declare(rows, dict(reversed(same.items())), [0.1, 0.3], "f1", UNIT, None)[0] == "selective"


@pytest.mark.parametrize(("figure", "positive"), [("accuracy", None), ("f1", None), ("f1", "c"), ("loss", None)])
def test_the_policy_with_the_best_figure_at_the_rates_is_declared(rows, figure, positive):
    oracle = (rows.answered() == rows.gold[:, None]).astype(np.float32) - (rows.classifier == rows.gold)[:, None]
    lot = np.random.default_rng(1).random((160, 2)).astype(np.float32)
    losses = UNIT * np.array([[1.0], [1.0], [3.0]])
    name, figures = declare(rows, {"lot": lot, "oracle": oracle}, [0.1, 0.2], figure, losses, positive)
    assert name == "oracle"
    score, expert = best_expert(lot)
    reached = []
    for count in (16, 32):
        asked = top_k(score, rows.ids, count)
        said = np.where(asked, rows.answered()[np.arange(160), expert], rows.classifier)
        reached.append(system_figure(figure, rows, said, losses, positive))
    assert figures[0] == {"name": "lot", "value": pytest.approx(np.mean(reached))}


def test_figures_are_those_of_scikit_learn(rows):
    from sklearn.metrics import accuracy_score, f1_score

    said, losses = rows.classifier, UNIT * np.array([[1.0], [1.0], [3.0]])
    assert system_figure("accuracy", rows, said, losses, None) == pytest.approx(accuracy_score(rows.gold, said))
    macro = f1_score(rows.gold, said, average="macro")
    assert system_figure("f1", rows, said, losses, None) == pytest.approx(macro)
    of_b = f1_score(rows.gold, said, labels=[1], average="macro")
    assert system_figure("f1", rows, said, losses, "b") == pytest.approx(of_b)
    cost = np.mean([losses[g, s] for g, s in zip(rows.gold, said, strict=True)])
    assert system_figure("loss", rows, said, losses, None) == pytest.approx(-cost)


def test_a_run_of_few_folds_is_cut_by_group(rows):
    assert policy_folds(rows) is rows.fold
    for given in (dataclasses.replace(rows, fold=np.ones(160, int)), dataclasses.replace(rows, fold=rows.fold % 2)):
        fold = policy_folds(given)
        assert sorted(set(fold.tolist())) == [1, 2, 3, 4, 5]
        for group in np.unique(given.groups):
            assert len(set(fold[given.groups == group].tolist())) == 1
        order = np.random.default_rng(3).permutation(160)
        assert np.array_equal(policy_folds(given.take(order)), fold[order])
    alone = policy_folds(dataclasses.replace(rows, fold=np.ones(160, int), groups=None))
    assert np.bincount(alone)[1:].tolist() == [32] * 5


def test_too_few_folds_are_refused(rows):
    with pytest.raises(InputError, match="2 folds are too few to declare a policy on some and measure it on another"):
        cross_fit(rows, rows.fold % 2, ["selective"], fitter(SPEC))


def test_the_expert_with_the_highest_score_is_asked_ties_to_the_first():
    score, expert = best_expert(np.array([[0.1, 0.3], [0.5, 0.5], [0.2, -1.0]], np.float32))
    assert score.tolist() == pytest.approx([0.3, 0.5, 0.2])
    assert expert.tolist() == [1, 0, 0]
