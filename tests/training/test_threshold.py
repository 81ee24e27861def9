"""Thresholds against brute force, ties, both modes of a budget, and what cannot be chosen."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binom
from sklearn.metrics import f1_score

from secondopinion.core.errors import InputError
from secondopinion.training.recipe import _build
from secondopinion.training.tail_bounds import (
    clopper_pearson_upper,
    hits_within,
    hoeffding_bentkus_p_value,
    hoeffding_bentkus_upper,
)
from secondopinion.training.threshold import (
    ALWAYS,
    ChoiceRows,
    Threshold,
    ThresholdRule,
    choose_threshold,
    rows_within,
    top_k,
)

MATRIX = np.array([[0.0, 1, 2], [4, 0, 1], [9, 3, 0]])


def draw(n=200, seed=0, classes=3, levels=None, **settings):
    """Rows with a classifier right in 80%, an expert right in 90% and silent in 5%, and a score that tells a little."""
    generator = np.random.default_rng(seed)
    gold = generator.integers(0, classes, n)
    classifier, expert = (
        np.where(generator.random(n) < right, gold, generator.integers(0, classes, n)) for right in (0.8, 0.9)
    )
    expert[generator.random(n) < 0.05] = -1
    scores = (classifier != gold) + generator.normal(0, 1, n)
    if levels:
        scores = np.round(scores * levels) / levels
    return ChoiceRows(scores, [f"row {i}" for i in range(n)], gold, classifier, expert, **settings)


def every_threshold(rows):
    """Every distinct set of rows that some threshold defers, as bool, the fewest first."""
    levels = np.unique(rows.scores)[::-1]
    return [np.zeros(len(rows), bool), *(rows.scores >= level for level in levels)]


def shuffled(rows, seed):
    order = np.random.default_rng(seed).permutation(len(rows))
    columns = {
        name: np.asarray(getattr(rows, name))[order] for name in ("scores", "ids", "gold", "classifier", "expert")
    }
    return ChoiceRows(**columns, loss_matrix=rows.loss_matrix, call_costs=rows.call_costs[order])


def test_each_count_of_rows_has_a_threshold_that_defers_just_them():
    rows = draw(60, levels=4)
    for count, deferred in zip(rows.counts, every_threshold(rows), strict=True):
        value = rows.value_at(int(count))
        threshold = Threshold(value, ThresholdRule(budget=1.0), 0, 1, 60, "torch", "float32", "")
        assert threshold.decide(rows.scores).tolist() == deferred.tolist()
        assert deferred.sum() == count


def test_thresholds_lie_at_midpoints_even_between_neighbouring_floats():
    rows = ChoiceRows([1.0, 3.0], ["a", "b"], [0, 0], [0, 0], [0, 0])
    assert rows.value_at(1) == 2.0
    low = np.float32(1.0)
    for _ in range(4):
        high = np.nextafter(low, np.float32(2))
        rows = ChoiceRows([low, high], ["a", "b"], [0, 0], [0, 0], [0, 0])
        assert (rows.scores > np.float32(rows.value_at(1))).tolist() == [False, True]
        low = high


def test_never_and_always():
    rows = draw(30)
    never = choose_threshold(ThresholdRule(budget=0.0), rows)
    assert (never.value, never.rate, never.rate_bound) == (None, 0, 0)
    assert not never.decide([1e38, -1e38]).any()
    always = choose_threshold(ThresholdRule(budget=1.0), rows)
    assert (always.value, always.rate, always.rate_bound) == (ALWAYS, 1, 1)
    assert always.decide(rows.scores).all()
    assert choose_threshold(ThresholdRule(budget=1.0, mode="high_probability"), rows).value == ALWAYS


@pytest.mark.parametrize("levels", [None, 3])
@pytest.mark.parametrize("budget", [0.03, 0.1, 0.5, 0.99])
def test_an_expected_budget_takes_the_most_rows_that_exchangeability_allows(budget, levels):
    rows = draw(99, levels=levels)
    chosen = choose_threshold(ThresholdRule(budget=budget), rows)
    fitting = [d.sum() for d in every_threshold(rows) if (d.sum() + 1) / 100 <= budget + 1e-12 or not d.any()]
    assert chosen.decide(rows.scores).sum() == max(fitting)
    assert chosen.rate <= budget


@pytest.mark.parametrize("budget", [0.05, 0.2, 0.9])
@pytest.mark.parametrize("delta", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("n", [5, 40, 700])
def test_a_sure_budget_takes_the_most_rows_that_the_tail_allows(budget, delta, n):
    most = rows_within(budget, n, "high_probability", delta)
    tails = [binom.cdf(m, n, budget) for m in range(n + 1)]
    assert most == max([m for m in range(n + 1) if tails[m] <= delta], default=0)
    assert hits_within(budget, n, delta) == max([m for m in range(n + 1) if tails[m] <= delta], default=-1)
    if tails[most] <= delta:
        # The true rate above the (m + 1)-th highest of n scores is Beta(m + 1, n - m).
        assert beta.sf(budget, most + 1, n - most) == pytest.approx(tails[most])
        assert clopper_pearson_upper(most, n, delta) <= budget


def test_a_sure_budget_is_passed_in_at_most_delta_of_draws_ties_or_not():
    generator = np.random.default_rng(1)
    rule = ThresholdRule(budget=0.2, mode="high_probability", delta=0.2)
    for levels in (None, 7):
        passed, draws = 0, 800
        for _ in range(draws):
            scores = generator.random(60)
            scores = scores if levels is None else np.floor(scores * levels) / levels
            blank = np.zeros(60, int)
            value = choose_threshold(rule, ChoiceRows(scores, range(60), blank, blank, blank)).value
            if value is not None:
                rate = 1 - value if levels is None else np.mean(np.arange(levels) / levels > value)
                passed += rate > 0.2
        # Midpoints and whole rows leave the tail below 0.2; four standard errors keep the test from flickering.
        assert passed / draws <= 0.2 + 4 * np.sqrt(0.2 * 0.8 / draws)
        if levels is None:
            assert passed / draws > 0.05


def test_an_expected_budget_is_met_on_average():
    generator = np.random.default_rng(2)
    blank, rates = np.zeros(49, int), []
    for _ in range(1000):
        rows = ChoiceRows(generator.random(49), range(49), blank, blank, blank)
        rates.append(1 - choose_threshold(ThresholdRule(budget=0.1), rows).value)
    assert 0.085 < np.mean(rates) <= 0.1 + 3 * np.std(rates) / np.sqrt(1000)


def test_candidates_share_delta():
    rows = draw(500)
    rule = ThresholdRule(budget=0.1, mode="high_probability", delta=0.1)
    four = choose_threshold(rule, rows, candidates=4)
    strict = choose_threshold(dataclasses.replace(rule, delta=0.025), rows)
    assert four.value == strict.value
    assert four.rate < choose_threshold(rule, rows).rate
    with pytest.raises(InputError, match="candidates is 0"):
        choose_threshold(rule, rows, candidates=0)


@pytest.mark.parametrize("mode", ["expected", "high_probability"])
def test_a_cost_cap_with_one_price_is_a_budget(mode):
    rows = draw(400, call_costs=0.002)
    by_cost = choose_threshold(ThresholdRule("cost", cost_budget_usd_per_1000=0.2, mode=mode), rows)
    by_rate = choose_threshold(ThresholdRule("budget", budget=0.1, mode=mode), draw(400))
    assert (by_cost.value, by_cost.rate, by_cost.rate_bound) == (by_rate.value, by_rate.rate, by_rate.rate_bound)


def test_a_cost_cap_with_many_prices_takes_what_each_bound_allows():
    prices = np.random.default_rng(3).gamma(2, 0.001, 300).clip(max=0.01)
    rows = draw(300, levels=8, call_costs=prices)
    spent = [prices[deferred].sum() for deferred in every_threshold(rows)]
    cap = 0.4 / 1000
    rule = ThresholdRule("cost", cost_budget_usd_per_1000=0.4, call_cost_bound_usd=0.01)
    expected = choose_threshold(rule, rows)
    allowed = [i for i, total in enumerate(spent) if not total or (total + 0.01) / 301 <= cap]
    assert expected.rate == rows.counts[allowed[-1]] / 300
    sure = choose_threshold(dataclasses.replace(rule, mode="high_probability"), rows)
    allowed = [i for i, s in enumerate(spent) if hoeffding_bentkus_p_value(s / 0.01, 300, cap / 0.01)[0] <= 0.1]
    assert sure.rate == rows.counts[allowed[-1]] / 300
    assert 0 < sure.rate < expected.rate
    assert 1000 * (prices * sure.decide(rows.scores)).mean() < 0.4


def test_cost_caps_at_the_ends():
    rows = draw(50, call_costs=np.linspace(0.001, 0.002, 50))
    for mode in ("expected", "high_probability"):
        assert choose_threshold(ThresholdRule("cost", cost_budget_usd_per_1000=0.0, mode=mode), rows).value is None
        assert choose_threshold(ThresholdRule("cost", cost_budget_usd_per_1000=2.0, mode=mode), rows).value == ALWAYS
        assert choose_threshold(ThresholdRule("cost", cost_budget_usd_per_1000=1e-9, mode=mode), rows).value is None
    with pytest.raises(InputError, match="more than call_cost_bound_usd"):
        choose_threshold(ThresholdRule("cost", cost_budget_usd_per_1000=1.0, call_cost_bound_usd=0.0015), rows)


@pytest.mark.parametrize("positive", [None, "b"])
@pytest.mark.parametrize("budget", [None, 0.3])
def test_best_f1_is_scikit_learns_best(positive, budget):
    rows = draw(150, levels=10, label_names=["a", "b", "c"])
    chosen = choose_threshold(ThresholdRule("best_f1", budget=budget, positive_label=positive), rows)
    average = {"average": "macro"} if positive is None else {"average": None}

    def f1(deferred):
        value = f1_score(rows.gold, rows.answers(deferred), labels=[0, 1, 2], zero_division=0, **average)
        return value if positive is None else value[1]

    most = 150 if budget is None else rows_within(budget, 150, "expected", 0.1)
    values = [f1(d) for d in every_threshold(rows) if d.sum() <= most]
    assert f1(chosen.decide(rows.scores)) == pytest.approx(max(values))
    assert np.allclose(rows.f1(None if positive is None else 1), [f1(d) for d in every_threshold(rows)])


def test_lowest_cost_weighs_mistakes_and_calls():
    rows = draw(150, levels=10, loss_matrix=MATRIX)
    free = choose_threshold(ThresholdRule("best_f1", objective="expected_cost"), rows)
    priced = choose_threshold(ThresholdRule("best_f1", objective="expected_cost", call_price=0.8), rows)
    for threshold, price in ((free, 0.0), (priced, 0.8)):
        costs = [MATRIX[rows.gold, rows.answers(d)].mean() + price * d.mean() for d in every_threshold(rows)]
        d = threshold.decide(rows.scores)
        assert MATRIX[rows.gold, rows.answers(d)].mean() + price * d.mean() == pytest.approx(min(costs))
    assert priced.rate < free.rate


@pytest.mark.parametrize("matrix", [None, MATRIX])
def test_target_risk_takes_the_fewest_rows(matrix):
    rows = draw(150, levels=10, loss_matrix=matrix)
    scaled = (1 - np.eye(3)) if matrix is None else matrix / 9
    risks = np.array([scaled[rows.gold, rows.answers(d)].mean() for d in every_threshold(rows)])
    assert np.allclose(rows.risks(), risks)
    target = float(np.quantile(risks, 0.4))
    chosen = choose_threshold(ThresholdRule("target_risk", target_risk=target), rows)
    assert chosen.rate == rows.counts[np.flatnonzero(risks <= target + 1e-12)[0]] / 150
    assert choose_threshold(ThresholdRule("target_risk", target_risk=1.0), rows).value is None


def test_a_risk_out_of_reach_is_refused_with_the_lowest_there_is():
    rows = draw(150)
    with pytest.raises(InputError, match=r"the lowest is .*Ask for a higher") as refused:
        choose_threshold(ThresholdRule("target_risk", target_risk=0.001), rows)
    lowest = float(re.search(r"the lowest is (\S+),", str(refused.value))[1])
    assert lowest == pytest.approx(rows.risks().min(), abs=1e-4)
    choose_threshold(ThresholdRule("target_risk", target_risk=lowest), rows)
    with pytest.raises(InputError, match="allow a larger budget"):
        choose_threshold(ThresholdRule("target_risk", target_risk=rows.risks().min(), budget=0.01), rows)


def test_silent_experts_leave_the_classifiers_answer():
    rows = ChoiceRows([3, 2, 1], list("abc"), [0, 1, 1], [1, 1, 0], [-1, 0, 1])
    assert rows.answers(np.ones(3, bool)).tolist() == [1, 0, 1]
    silent = ChoiceRows([3, 2, 1], list("abc"), [0, 1, 1], [1, 1, 0], [-1, -1, -1])
    assert choose_threshold(ThresholdRule("best_f1"), silent).value is None
    assert set(silent.risks()) == {2 / 3}


def test_no_gain_defers_nothing_and_equal_scores_are_one_block():
    same = ChoiceRows(np.ones(40), range(40), [0] * 40, [1] * 40, [0] * 40)
    assert choose_threshold(ThresholdRule(budget=0.5), same).value is None
    assert choose_threshold(ThresholdRule("target_risk", target_risk=0.0), same).value == ALWAYS
    agreeing = ChoiceRows(np.arange(40), range(40), [0] * 40, [0] * 40, [0] * 40)
    assert choose_threshold(ThresholdRule("best_f1"), agreeing).value is None


def test_one_row():
    row = ChoiceRows([0.5], ["a"], [0], [1], [0])
    assert choose_threshold(ThresholdRule(budget=0.5), row).value is None
    assert choose_threshold(ThresholdRule(budget=0.5, mode="high_probability"), row).value is None
    assert choose_threshold(ThresholdRule("best_f1"), row).value == ALWAYS


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 60),
    levels=st.sampled_from([None, 1, 4]),
    rule=st.sampled_from(
        [
            ThresholdRule(budget=0.3),
            ThresholdRule(budget=0.3, mode="high_probability", delta=0.3),
            ThresholdRule("cost", cost_budget_usd_per_1000=0.4),
            ThresholdRule("cost", cost_budget_usd_per_1000=0.4, mode="high_probability"),
            ThresholdRule("best_f1"),
            ThresholdRule("best_f1", objective="expected_cost"),
            ThresholdRule("target_risk", target_risk=0.9),
        ]
    ),
)
def test_the_order_of_the_rows_decides_nothing(seed, n, levels, rule):
    costs = np.random.default_rng(seed).random(n) / 500
    rows = draw(n, seed, levels=levels, loss_matrix=MATRIX, call_costs=costs)
    other = shuffled(rows, seed + 1)
    assert choose_threshold(rule, rows) == choose_threshold(rule, other)
    marked = dict(zip(rows.ids, top_k(rows.scores, rows.ids, n // 3), strict=True))
    assert marked == dict(zip(other.ids, top_k(other.scores, other.ids, n // 3), strict=True))


def test_top_k_is_exact_and_breaks_ties_by_sha1():
    ids = [f"row {i}" for i in range(50)]
    scores = np.repeat([2.0, 1.0], [10, 40])
    marked = top_k(scores, ids, 17)
    assert marked.sum() == 17
    assert marked[:10].all()
    first = sorted(ids[10:], key=lambda i: hashlib.sha1(i.encode()).hexdigest())[:7]
    assert {ids[i] for i in np.flatnonzero(marked[10:]) + 10} == set(first)
    assert not top_k(scores, ids, 0).any()
    assert top_k(scores, ids, 50).all()
    with pytest.raises(InputError, match="51 of 50"):
        top_k(scores, ids, 51)
    with pytest.raises(InputError, match="49 ids"):
        top_k(scores, ids[1:], 3)


def test_hoeffding_bentkus_is_sound_and_inverts():
    # 0/1 losses are the hardest of a mean: their exact tail is the least that any sound p-value can be.
    totals = np.arange(101)
    p_values = hoeffding_bentkus_p_value(totals, 100, 0.2)
    assert (p_values >= binom.cdf(totals, 100, 0.2) - 1e-12).all()
    assert (np.diff(p_values) >= -1e-12).all()
    for total in (0.0, 3.7, 50.0, 100.0):
        upper = hoeffding_bentkus_upper(total, 100, 0.1)
        assert total / 100 <= upper <= 1
        if upper < 1:
            assert hoeffding_bentkus_p_value(total, 100, upper)[0] <= 0.1
            assert hoeffding_bentkus_p_value(total, 100, upper - 1e-6)[0] > 0.1


def test_another_backend_or_dtype_is_refused():
    chosen = choose_threshold(ThresholdRule(budget=0.1), draw(), backend="torch", dtype="float32")
    chosen.require_same("torch", "float32")
    for backend, dtype in (("onnx", "float32"), ("torch", "bfloat16")):
        with pytest.raises(InputError, match=f"these come from {backend} in {dtype}.*Choose and certify it anew"):
            chosen.require_same(backend, dtype)


def test_it_is_plain_data_and_comes_back():
    for rule in (
        ThresholdRule(budget=0.1),
        ThresholdRule("cost", cost_budget_usd_per_1000=1.0),
        ThresholdRule("best_f1"),
    ):
        chosen = choose_threshold(rule, draw(call_costs=0.01))
        assert Threshold.from_dict(json.loads(json.dumps(chosen.as_dict()))) == chosen
    stored = chosen.as_dict()
    with pytest.raises(InputError, match="color missing or unknown"):
        Threshold.from_dict({**stored, "color": "red"})
    with pytest.raises(InputError, match="its rule does not fit"):
        Threshold.from_dict({**stored, "rule": {"colour": "red"}})


def test_the_reason_holds_the_numbers():
    chosen = choose_threshold(ThresholdRule(budget=0.1, mode="high_probability"), draw(1000, call_costs=0.001))
    count = hits_within(0.1, 1000, 0.1)
    assert chosen.reason == (
        f"A budget of 10%, with probability 0.9: of 1,000 rows {count} ({count / 10:.2f}%) are deferred, at "
        f"${count / 1000:.4g} per 1,000 texts; the true rate is at most "
        f"{100 * clopper_pearson_upper(count, 1000, 0.1):.2f}% with probability 0.9."
    )


def test_a_recipe_can_hold_the_rule():
    rule = _build(ThresholdRule, {"kind": "best_f1", "budget": "7e-2", "positive_label": "ADE"}, "recipe: threshold")
    assert rule == ThresholdRule("best_f1", budget=0.07, positive_label="ADE")
    with pytest.raises(InputError, match="did you mean 'budget'"):
        _build(ThresholdRule, {"budjet": 0.1}, "recipe")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "needs budget"),
        ({"kind": "cost"}, "needs cost_budget_usd_per_1000"),
        ({"kind": "target_risk"}, "needs target_risk"),
        ({"kind": "budge", "budget": 0.1}, "did you mean 'budget'"),
        ({"budget": 7}, "budget is 7; it is a share"),
        ({"budget": float("nan")}, "budget is nan"),
        ({"kind": "target_risk", "target_risk": -0.1}, "target_risk is -0.1"),
        ({"budget": 0.1, "mode": "sure"}, "mode is 'sure'"),
        ({"budget": 0.1, "delta": 0}, "delta is 0"),
        ({"budget": 0.1, "delta": 1.0}, "delta is 1.0"),
        ({"kind": "cost", "cost_budget_usd_per_1000": -1.0}, "give US dollars"),
        ({"kind": "best_f1", "objective": "cost"}, "objective is 'cost'"),
        ({"kind": "best_f1", "call_price": -1.0}, "call_price is -1.0"),
    ],
)
def test_bad_rules(values, message):
    with pytest.raises(InputError, match=message):
        ThresholdRule(**values)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scores": [0.1, np.nan]}, "1 of 2 deferral scores are not finite"),
        ({"scores": [[0.1, 0.2]]}, "shape \\(1, 2\\)"),
        ({"scores": [0.1]}, "1 scores, 2 ids"),
        ({"ids": ["a", "a"]}, "1 ids occur more than once"),
        ({"gold": [0.0, 1.0]}, "gold has dtype float64"),
        ({"gold": [0, -1]}, "a class is negative"),
        ({"expert": [0, -2]}, "a class is negative"),
        ({"label_names": ["a"]}, "go up to class 1, but there are 1"),
        ({"label_names": ["a", "b"], "loss_matrix": MATRIX}, "there are 2 and 3"),
        ({"loss_matrix": [[0, 1], [1, 1]]}, "not a cost matrix"),
        ({"loss_matrix": [[0, 0], [0, 0]]}, "not a cost matrix"),
        ({"call_costs": [1.0, 2.0, 3.0]}, "call_costs of shape \\(3,\\) for 2 rows"),
        ({"call_costs": -1.0}, "call_costs"),
        ({"scores": [], "ids": [], "gold": [], "classifier": [], "expert": []}, "there are no rows"),
    ],
)
def test_bad_rows(changes, message):
    columns = {"scores": [0.1, 0.2], "ids": ["a", "b"], "gold": [0, 1], "classifier": [0, 1], "expert": [1, -1]}
    with pytest.raises(InputError, match=message):
        ChoiceRows(**{**columns, **changes})


def test_an_unknown_positive_label():
    with pytest.raises(InputError, match="no class is called 'Deth'; did you mean 'Death'"):
        choose_threshold(ThresholdRule("best_f1", positive_label="Deth"), draw(label_names=["Death", "Injury", "None"]))
