"""Certificates against exact tails and against mapie, their failure rate, and gains over a single model."""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import pytest
from mapie.risk_control.fwer_control import control_fwer
from mapie.risk_control.methods import compute_hoeffding_bentkus_p_value
from scipy.stats import binom
from sklearn.metrics import accuracy_score, f1_score

from secondopinion.core.errors import InputError
from secondopinion.training.certificate import (
    Certificate,
    better_single,
    certify,
    certify_sequence,
    gain_holds,
)
from secondopinion.training.threshold import ChoiceRows, Threshold, ThresholdRule, choose_threshold

MATRIX = np.array([[0.0, 1], [4, 0]])


def draw(n=800, seed=0, expert_right=0.98, tell=2.0, silent=0.02, **settings):
    """Rows with a classifier right in 90% and a score that tells its mistakes apart, more or less."""
    generator = np.random.default_rng(seed)
    gold = generator.integers(0, 2, n)
    classifier, expert = (np.where(generator.random(n) < right, gold, 1 - gold) for right in (0.9, expert_right))
    expert[generator.random(n) < silent] = -1
    scores = tell * (classifier != gold) + generator.normal(0, 1, n)
    return ChoiceRows(scores, [f"{seed}-{i}" for i in range(n)], gold, classifier, expert, **settings)


def fixed(value=1.0):
    return Threshold(value, ThresholdRule(budget=0.5), 0.2, 0.3, 100, "torch", "float32", "Chosen by hand.")


def shuffled(rows, seed=1):
    order = np.random.default_rng(seed).permutation(len(rows))
    columns = {
        name: np.asarray(getattr(rows, name))[order] for name in ("scores", "ids", "gold", "classifier", "expert")
    }
    return ChoiceRows(**columns, loss_matrix=rows.loss_matrix), order


def errors(rows, threshold):
    return rows.answers(threshold.decide(rows.scores)) != rows.gold


def test_errors_take_the_exact_tail_of_the_binomial():
    rows, threshold = draw(), fixed()
    wrong = int(errors(rows, threshold).sum())
    for level in (0.03, 0.05, 0.1):
        found = certify(threshold, rows, level=level)
        assert found.p_value == pytest.approx(binom.cdf(wrong, 800, level))
        assert found.holds == (found.p_value <= 0.1) == (found.upper_bound <= level)
        assert (found.test, found.units, found.measured) == ("exact binomial", 800, wrong / 800)
    assert binom.cdf(wrong, 800, found.upper_bound) == pytest.approx(0.1)


def test_costs_take_mapies_hoeffding_bentkus():
    rows, threshold = draw(loss_matrix=MATRIX), fixed()
    losses = MATRIX[rows.gold, rows.answers(threshold.decide(rows.scores))] / 4
    found = certify(threshold, rows, level=0.05)
    theirs = compute_hoeffding_bentkus_p_value(np.array([losses.mean()]), 800, 0.05)[0, 0]
    assert (found.test, found.measured) == ("Hoeffding-Bentkus", pytest.approx(losses.mean()))
    assert found.p_value == pytest.approx(min(theirs, 1), rel=0.2)
    assert found.p_value <= theirs + 1e-12
    at_bound = certify(threshold, rows, level=found.upper_bound)
    assert at_bound.holds
    assert at_bound.p_value == pytest.approx(0.1, abs=1e-4)


def test_the_loss_can_be_given():
    rows, threshold = draw(loss_matrix=MATRIX), fixed()
    plain = dataclasses.replace(rows, loss_matrix=None)
    assert certify(threshold, rows, level=0.05, loss="error") == certify(threshold, plain, level=0.05)
    assert certify(threshold, plain, level=0.05, loss=MATRIX) == certify(threshold, rows, level=0.05)
    with pytest.raises(InputError, match="loss is 'eror'"):
        certify(threshold, rows, level=0.05, loss="eror")
    with pytest.raises(InputError, match="not a cost matrix"):
        certify(threshold, rows, level=0.05, loss=[[1, 0], [0, 1]])


def test_groups_count_once_each():
    rows, threshold = draw(400), fixed()
    groups = np.arange(400) // 4
    found = certify(threshold, rows, level=0.2, groups=groups)
    assert (found.units, found.rows, found.test) == (100, 400, "Hoeffding-Bentkus")
    assert found.measured == pytest.approx(errors(rows, threshold).reshape(100, 4).mean())
    assert "averaged over groups" in found.statement
    repeated = certify(threshold, rows, level=0.2, groups=["one"] * 400)
    assert not repeated.holds
    alone = certify(threshold, rows, level=0.2, groups=[f"g{i}" for i in range(400)])
    assert alone.p_value == certify(threshold, rows, level=0.2).p_value
    with pytest.raises(InputError, match="400 rows but 3 groups"):
        certify(threshold, rows, level=0.2, groups=[1, 2, 3])


def test_silent_experts_are_counted_and_the_classifier_answers():
    rows = ChoiceRows([2, 2, 0], list("abc"), [0, 0, 0], [1, 0, 0], [-1, -1, -1])
    found = certify(fixed(), rows, level=0.5)
    assert (found.unanswered, found.measured, found.rate) == (2, 1 / 3, 2 / 3)


def test_no_certificate_is_an_honest_answer():
    rows = draw(300)
    found = certify(fixed(), rows, level=0.001)
    assert not found.holds
    assert found.statement.startswith("No certificate at this level: 0.1%")
    stated = float(re.search(r"smallest level that the 300 rows support is (\S+)%", found.statement)[1]) / 100
    assert found.upper_bound <= stated < found.upper_bound + 1e-4
    assert certify(fixed(), rows, level=stated).holds
    assert found.statement.endswith("for scores of torch in float32.")


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("matrix", [None, MATRIX])
def test_the_order_of_the_rows_decides_nothing(matrix, grouped):
    rows = draw(200, loss_matrix=matrix)
    other, order = shuffled(rows)
    groups = np.array([f"g{i // 3}" for i in range(200)])
    one = certify(fixed(), rows, level=0.1, groups=groups if grouped else None)
    assert one == certify(fixed(), other, level=0.1, groups=groups[order] if grouped else None)


def test_it_is_bound_to_backend_and_dtype_and_comes_back():
    found = certify(fixed(), draw(), level=0.1)
    assert Certificate.from_dict(json.loads(json.dumps(found.as_dict()))) == found
    found.require_same("torch", "float32")
    with pytest.raises(InputError, match="for scores of torch in float32, these come from torch in bfloat16"):
        found.require_same("torch", "bfloat16")
    with pytest.raises(InputError, match="color missing or unknown"):
        Certificate.from_dict({**found.as_dict(), "color": "red"})


@pytest.mark.parametrize(
    ("level", "delta", "message"), [(0, 0.1, "level is 0"), (1, 0.1, "level is 1"), (0.1, 0, "delta is 0")]
)
def test_bad_levels(level, delta, message):
    with pytest.raises(InputError, match=message):
        certify(fixed(), draw(50), level=level, delta=delta)


def test_a_certificate_at_the_true_risk_fails_in_at_most_delta():
    # Every certificate at a level just below the true risk is a failure.
    pool, threshold = draw(40_000, seed=5), fixed()
    wrong = errors(pool, threshold)
    level, generator, failures = wrong.mean() - 1e-6, np.random.default_rng(6), 0
    for _ in range(600):
        hits = int(generator.choice(wrong, 250).sum())
        failures += binom.cdf(hits, 250, level) <= 0.2
    assert 0.08 < failures / 600 <= 0.2 + 4 * np.sqrt(0.2 * 0.8 / 600)


def test_a_sequence_is_mapies_and_keeps_the_fewest_rows():
    choosing, certifying = draw(1500, seed=1), draw(1500, seed=2)
    rule = ThresholdRule("target_risk", target_risk=0.06, delta=0.1)
    threshold, found = certify_sequence(rule, choosing, certifying, grid=30)
    assert found.holds
    assert found.level == 0.06
    risks = choosing.risks()
    places = np.unique(np.linspace(0, risks.argmin(), 30).round().astype(int))[::-1]
    tested = [fixed(choosing.value_at(int(choosing.counts[place]))) for place in places]
    p_values = np.array([binom.cdf(errors(certifying, one).sum(), 1500, 0.06) for one in tested])
    passed = control_fwer(p_values, 0.1, "split_fixed_sequence")
    assert 0 < len(passed) < 30
    assert threshold.value == tested[passed[-1]].value
    assert threshold.rate == choosing.counts[places[passed[-1]]] / 1500
    assert "the fewest of 30 thresholds that are certified" in threshold.reason
    assert certify(threshold, certifying, level=0.06) == found


def test_a_sequence_that_nothing_passes_names_the_level_that_would():
    choosing, certifying = draw(300, seed=1), draw(300, seed=2)
    threshold, found = certify_sequence(ThresholdRule("target_risk", target_risk=0.005), choosing, certifying)
    assert not found.holds
    assert "the smallest level that the 300 rows support" in found.statement
    assert threshold.rate == choosing.counts[np.round(choosing.risks(), 12).argmin()] / 300
    assert "not certified" in threshold.reason
    again = certify_sequence(ThresholdRule("target_risk", target_risk=found.upper_bound), choosing, certifying)
    assert again[1].holds


def test_a_sequence_stays_within_a_budget_and_may_end_at_never():
    choosing, certifying = draw(1500, seed=1), draw(1500, seed=2)
    rule = ThresholdRule("target_risk", target_risk=0.08, budget=0.05, mode="high_probability")
    threshold, _ = certify_sequence(rule, choosing, certifying)
    assert threshold.rate <= 0.05
    assert threshold.rate_bound <= 0.05
    easy = ThresholdRule("target_risk", target_risk=0.2)
    assert certify_sequence(easy, choosing, certifying)[0].value is None
    with pytest.raises(InputError, match="a sequence needs target_risk"):
        certify_sequence(ThresholdRule(budget=0.1), choosing, certifying)
    with pytest.raises(InputError, match="grid is 0"):
        certify_sequence(rule, choosing, certifying, grid=0)


def test_a_sequence_fails_in_at_most_delta():
    pool = draw(40_000, seed=9)
    generator, failures, held = np.random.default_rng(10), 0, 0
    rule, trials = ThresholdRule("target_risk", target_risk=0.05, delta=0.2), 150
    truth, ordered = pool.risks(), pool.scores[pool.order]
    columns = [pool.gold, pool.classifier, pool.expert]
    for _ in range(trials):
        places = generator.choice(40_000, 800, replace=False)
        choosing, certifying = (
            ChoiceRows(pool.scores[some], some, *(column[some] for column in columns))
            for some in (places[:400], places[400:])
        )
        threshold, found = certify_sequence(rule, choosing, certifying, grid=10)
        held += found.holds
        count = 0 if threshold.value is None else np.searchsorted(-ordered, -threshold.value)
        failures += found.holds and truth[np.searchsorted(pool.counts, count)] > 0.05
    assert held > 50
    assert failures / trials <= 0.2 + 3 * np.sqrt(0.2 * 0.8 / trials)


def test_a_gain_is_the_difference_of_the_figures_and_holds_above_zero():
    rows = draw(600)
    system = rows.answers(choose_threshold(ThresholdRule(budget=0.2), rows).decide(rows.scores))
    names = ["no", "yes"]
    gain = gain_holds(rows.gold, system, rows.classifier, label_names=names, figure="f1_yes", n_resamples=500)
    assert gain.difference == pytest.approx(f1_score(rows.gold, system) - f1_score(rows.gold, rows.classifier))
    assert gain.holds
    assert 0 < gain.low < gain.difference < gain.high
    assert "the gain holds" in gain.statement
    assert json.loads(json.dumps(gain.as_dict()))["figure"] == "f1_yes"
    same = gain_holds(rows.gold, system, system, label_names=names, n_resamples=100)
    assert (same.difference, same.low, same.high, same.holds) == (0, 0, 0, False)
    worse = gain_holds(rows.gold, rows.classifier, system, label_names=names, figure="accuracy", n_resamples=500)
    assert not worse.holds
    assert "no gain is shown" in worse.statement


def test_a_gain_of_dependent_rows_is_less_sure():
    rows = draw(60, seed=3)
    system = rows.answers(rows.scores > 1)
    copies = [np.repeat(column, 10) for column in (rows.gold, system, rows.classifier)]
    settings = {"label_names": ["no", "yes"], "figure": "accuracy", "n_resamples": 500}
    apart, together = gain_holds(*copies, **settings), gain_holds(*copies, groups=np.arange(600) // 10, **settings)
    assert together.low < apart.low
    assert together.difference == apart.difference


def test_gain_of_bad_input():
    with pytest.raises(InputError, match="gain: unknown figure 'f1'"):
        gain_holds([0, 1], [0, 1], [0, 1], label_names=["no", "yes"], figure="f1")
    with pytest.raises(InputError, match="gain: 2 references, 1 and 2"):
        gain_holds([0, 1], [0], [0, 1], label_names=["no", "yes"])


def test_the_better_single_model():
    rows = draw(400)
    names = ["no", "yes"]
    who, values = better_single(rows.gold, rows.classifier, rows.expert, label_names=names, figure="accuracy")
    assert who == "expert"
    assert values["classifier"] == pytest.approx(accuracy_score(rows.gold, rows.classifier))
    assert values["expert"] == pytest.approx(accuracy_score(rows.gold, rows.second))
    silent = np.full(400, -1)
    assert better_single(rows.gold, rows.classifier, silent, label_names=names)[0] == "classifier"
    with pytest.raises(InputError, match="unknown figure 'macrof1'; did you mean 'macro_f1'"):
        better_single(rows.gold, rows.classifier, silent, label_names=names, figure="macrof1")
