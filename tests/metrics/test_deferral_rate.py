"""Figures of a deferring system against their definitions, row by row; edges, bad input, the module as loaded."""

from __future__ import annotations

import doctest
import hashlib
import importlib
import json
import math
import warnings
from itertools import pairwise
from pathlib import Path

import evaluate
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import trapezoid
from scipy.stats import binomtest
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

from secondopinion.metrics.deferral_rate.deferral_rate import deferral_figures, figures_at_rates

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "metrics" / "deferral_rate"


@st.composite
def cases(draw, max_rows=14):
    k = draw(st.integers(2, 3))
    row = st.tuples(
        st.integers(0, k - 1),
        st.integers(0, k - 1),
        st.one_of(st.none(), st.integers(0, k - 1)),
        st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]),
        st.sampled_from([0.0, 0.5, 2.0]),
    )
    gold, said, votes, scores, costs = zip(*draw(st.lists(row, min_size=1, max_size=max_rows)), strict=True)
    rate = draw(st.sampled_from([0, 0.1, 0.3, 0.5, 0.99, 1]))
    positive = draw(st.one_of(st.none(), st.integers(0, k - 1)))
    return k, list(gold), list(said), list(votes), list(scores), list(costs), rate, positive


def compute(case, **options):
    k, gold, said, votes, scores, costs, rate, positive = case
    ids = [f"row {i}" for i in range(len(gold))]
    given = {"label_names": [str(j) for j in range(k)], "positive_label": None if positive is None else str(positive)}
    given |= {"ids": ids, "call_costs": costs, "n_resamples": 0, "rate": rate} | options
    return deferral_figures(gold, said, votes, scores, **given)


def defer(scores, rate):
    """Sort by score, then by SHA-1 of the id, and defer the first rows."""
    digest = [hashlib.sha1(f"row {i}".encode()).hexdigest() for i in range(len(scores))]
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], digest[i]))
    chosen = order[: math.floor(rate * len(scores) + 1e-9)]
    return [i in chosen for i in range(len(scores))]


def f1_of(table, positive):
    scores = []
    for j in range(len(table)):
        total = table[j].sum() + table[:, j].sum()
        scores.append(2 * table[j, j] / total if total else 0.0)
    return scores[positive] if positive is not None else sum(scores) / len(scores)


def table_of(gold, said, k):
    table = np.zeros((k, k))
    np.add.at(table, (gold, said), 1)
    return table


def points_of(gold, said, answers, scores, k, positive):
    """Accuracy and F1 of the expected table, k = 0 to n, one score after another."""
    table = table_of(gold, said, k)
    tables = [table]
    for value in sorted(set(scores), reverse=True):
        block = [i for i, score in enumerate(scores) if score == value]
        step = sum(table_of([gold[i]], [answers[i]], k) - table_of([gold[i]], [said[i]], k) for i in block) / len(block)
        for _ in block:
            table = table + step
            tables.append(table)
    return [np.trace(t) / len(gold) for t in tables], [f1_of(t, positive) for t in tables]


@settings(max_examples=40, deadline=None)
@given(cases())
def test_one_decision_equals_its_definition(case):
    k, gold, said, votes, scores, costs, rate, positive = case
    figures = compute(case)
    n, chosen = len(gold), defer(scores, rate)
    answers = [c if vote is None else vote for c, vote in zip(said, votes, strict=True)]
    system = [answers[i] if chosen[i] else said[i] for i in range(n)]
    assert figures["deferred_rows"] == sum(chosen)
    assert figures["deferral_rate"] + figures["coverage"] == pytest.approx(1)
    assert figures["unanswered"] == sum(chosen[i] and votes[i] is None for i in range(n))
    # Without a vote the expert says a class that does not exist: wrong, and nobody's false alarm.
    expert = [k if vote is None else vote for vote in votes]
    kept, asked = [i for i in range(n) if not chosen[i]], [i for i in range(n) if chosen[i]]
    held = {
        "system": (system, range(n)),
        "classifier": (said, range(n)),
        "expert": (expert, range(n)),
        "classifier_on_kept": (said, kept),
        "classifier_on_deferred": (said, asked),
        "expert_on_deferred": (expert, asked),
    }
    for name, (answer, rows) in held.items():
        if not rows:
            assert figures[name] is None
            continue
        truth, given_ = [gold[i] for i in rows], [answer[i] for i in rows]
        expected = precision_recall_fscore_support(truth, given_, labels=range(k), zero_division=0)
        for j, values in enumerate(zip(*expected, strict=True)):
            row = figures[name]["per_class"][str(j)]
            np.testing.assert_allclose([row[x] for x in ("precision", "recall", "f1", "support")], values, atol=1e-12)
        _, _, f1, support = expected
        assert figures[name]["accuracy"] == pytest.approx(np.mean(np.equal(truth, given_)))
        assert figures[name]["macro_f1"] == pytest.approx(f1.mean())
        assert figures[name]["weighted_f1"] == pytest.approx(f1 @ support / support.sum())
        assert figures[name]["f1"] == pytest.approx(f1.mean() if positive is None else f1[positive])
    share = sum(chosen) / n
    table = (1 - share) * table_of(gold, said, k) + share * table_of(gold, answers, k)
    assert figures["random"]["accuracy"] == pytest.approx(np.trace(table) / n)
    assert figures["random"]["f1"] == pytest.approx(f1_of(table, positive))
    paid = sum(cost for cost, asked_ in zip(costs, chosen, strict=True) if asked_)
    assert figures["cost"]["total"] == pytest.approx(paid)
    assert figures["cost"]["per_1000"] == pytest.approx(paid / n * 1000)
    assert figures["cost"]["share_of_expert"] == (pytest.approx(paid / sum(costs)) if sum(costs) else None)
    right = np.array([np.equal(answer, gold) for answer in (system, said, expert)])
    for row, name in ((1, "classifier"), (2, "expert")):
        found = figures["mcnemar"][f"system - {name}"]
        b, c = int((right[0] & ~right[row]).sum()), int((right[row] & ~right[0]).sum())
        assert (found["only_system_right"], found[f"only_{name}_right"]) == (b, c)
        assert found["p_value"] == pytest.approx(binomtest(b, b + c).pvalue if b + c else 1.0)
    json.dumps(figures, allow_nan=False)


@settings(max_examples=40, deadline=None)
@given(cases())
def test_curve_equals_its_definition(case):
    k, gold, said, votes, scores, costs, _, positive = case
    losses = [[abs(i - j) * (1 + i) for j in range(k)] for i in range(k)]
    figures = compute(case, loss_matrix=losses)
    n = len(gold)
    answers = [c if vote is None else vote for c, vote in zip(said, votes, strict=True)]
    policy = points_of(gold, said, answers, scores, k, positive)
    gain = [int(a == y) - int(c == y) for y, c, a in zip(gold, said, answers, strict=True)]
    oracle = points_of(gold, said, answers, gain, k, positive)
    lot = points_of(gold, said, answers, [0] * n, k, positive)
    for at, name in enumerate(("accuracy", "f1")):
        curve = figures["curve"][name]
        for who, expected in (("policy", policy), ("oracle", oracle), ("random", lot)):
            np.testing.assert_allclose(curve[who], expected[at], atol=1e-12)
        assert figures["audc"][name] == pytest.approx(np.mean(policy[at]))
        assert figures["audc_oracle"][name] == pytest.approx(np.mean(oracle[at]))
        assert figures["audc_random"][name] == pytest.approx(np.mean(lot[at]))
        weak, strong = policy[at][0], policy[at][-1]
        suffix = "" if name == "accuracy" else "_f1"
        if strong - weak > 1e-9:
            assert figures[f"apgr{suffix}"] == pytest.approx((np.mean(policy[at]) - weak) / (strong - weak))
            for level, crossing in figures[f"cpt{suffix}"].items():
                goal = weak + float(level) * (strong - weak) - 1e-9
                assert crossing == next(i for i, value in enumerate(policy[at]) if value >= goal) / n
        else:
            assert figures[f"apgr{suffix}"] is None
            assert "no gap to recover" in figures["undefined"][f"apgr{suffix}"]
            assert set(figures[f"cpt{suffix}"].values()) == {None}
    cost = [losses[y][c] for y, c in zip(gold, said, strict=True)]
    saved = [before - losses[y][a] for before, y, a in zip(cost, gold, answers, strict=True)]
    assert figures["loss"]["classifier"] == pytest.approx(sum(cost) / n)
    for who, order in (("policy", scores), ("oracle", saved), ("random", [0] * n)):
        line, left = [sum(cost) / n], sum(cost)
        for value in sorted(set(order), reverse=True):
            block = [i for i in range(n) if order[i] == value]
            for _ in block:
                left -= sum(saved[i] for i in block) / len(block)
                line.append(left / n)
        np.testing.assert_allclose(figures["curve"]["loss"][who], line, atol=1e-9)
    assert figures["curve"]["cost_per_1000"]["policy"][-1] == pytest.approx(sum(costs) / n * 1000)


@settings(max_examples=40, deadline=None)
@given(cases())
def test_selective_areas_equal_their_definitions(case):
    _, gold, said, _, scores, _, _, _ = case
    figures, n = compute(case), len(gold)
    wrong = [int(c != y) for y, c in zip(gold, said, strict=True)]

    def kept_errors(order):
        """Expected errors among the first i kept, i = 0 to n; the lowest score is kept first."""
        total = [0.0]
        for value in sorted(set(order)):
            block = [wrong[i] for i in range(n) if order[i] == value]
            total += [total[-1] + sum(block) * (j + 1) / len(block) for j in range(len(block))]
        return np.array(total)

    def aurc(errors):
        return np.mean(errors[1:] / np.arange(1, n + 1))

    errors = kept_errors(scores)
    assert figures["aurc"] == pytest.approx(aurc(errors))
    assert figures["e_aurc"] == pytest.approx(aurc(errors) - aurc(kept_errors(wrong)), abs=1e-12)
    assert figures["augrc"] == pytest.approx(trapezoid(errors / n, dx=1 / n))
    if 0 < sum(wrong) < n:
        share = sum(wrong) / n
        area = (1 - roc_auc_score(wrong, scores)) * share * (1 - share) + share**2 / 2
        assert figures["augrc"] == pytest.approx(area), "Traub et al. (2024), equation 6"


@settings(max_examples=25, deadline=None)
@given(cases(), st.randoms(use_true_random=False))
def test_row_order_does_not_matter(case, random):
    k, *columns, rate, positive = case
    order = list(range(len(columns[0])))
    random.shuffle(order)
    ids = [f"row {i}" for i in order]
    groups = [i % 3 for i in order]
    shuffled = (k, *([column[i] for i in order] for column in columns), rate, positive)
    here = compute(case, n_resamples=30, groups=sorted_groups(order))
    assert compute(shuffled, ids=ids, n_resamples=30, groups=groups) == here


def sorted_groups(order):
    return [i % 3 for i in range(len(order))]


@settings(max_examples=40, deadline=None)
@given(cases())
def test_bounds(case):
    figures = compute(case)
    accuracy = {who: np.array(line) for who, line in figures["curve"]["accuracy"].items()}
    n = figures["rows"]
    assert (accuracy["oracle"] >= accuracy["policy"] - 1e-12).all()
    assert (accuracy["oracle"] >= accuracy["random"] - 1e-12).all()
    assert figures["oracle"]["accuracy"] >= figures["system"]["accuracy"] - 1e-12
    assert all(abs(b - a) <= 1 / n + 1e-12 for a, b in pairwise(accuracy["policy"]))
    assert figures["e_aurc"] >= 0
    assert 0 <= figures["augrc"] <= 0.5
    assert all(0 <= figures["audc"][name] <= 1 for name in ("accuracy", "f1"))
    for name in ("system", "random", "oracle"):
        assert 0 <= figures[name]["f1"] <= 1
    at = figures["deferred_rows"]
    tied = len(set(case[4])) < n
    if not tied:
        assert figures["system"]["accuracy"] == pytest.approx(accuracy["policy"][at])


@settings(max_examples=25, deadline=None)
@given(cases())
def test_ends_of_the_rate_are_the_single_models(case):
    k, gold, said, votes, *_ = case
    nothing, everything = compute(case, rate=0), compute(case, rate=1)
    for name in ("random", "oracle"):
        assert nothing[name]["f1"] == pytest.approx(nothing["system"]["f1"], abs=1e-12)
        assert everything[name]["f1"] == pytest.approx(everything["system"]["f1"], abs=1e-12)
    assert nothing["system"] == nothing["classifier"] == nothing["classifier_on_kept"]
    assert nothing["expert_on_deferred"] is None
    assert everything["classifier_on_kept"] is None
    answers = [c if vote is None else vote for c, vote in zip(said, votes, strict=True)]
    usable = deferral_figures(gold, said, answers, case[4], rate=1, n_resamples=0, label_names=list(map(str, range(k))))
    assert usable["system"]["accuracy"] == usable["expert"]["accuracy"] == everything["system"]["accuracy"]


EDGES = {
    "one row": ([0], [1], [0], [0.5]),
    "one right row": ([0], [0], [0], [0.5]),
    "no usable vote": ([0, 1, 1], [0, 1, 0], [None] * 3, [0.1, 0.5, 0.9]),
    "all agree": ([0, 1, 1, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0.1, 0.5, 0.9, 0.3]),
    "all right": ([0, 1], [0, 1], [0, 1], [0.1, 0.5]),
    "all wrong": ([0, 1], [1, 0], [1, 0], [0.1, 0.5]),
    "constant score": ([0, 1, 1, 0], [0, 0, 0, 0], [1, 1, 1, None], [0.2] * 4),
    "huge scores": ([0, 1, 1, 0], [0, 0, 0, 0], [1, 1, 1, None], [1e300, -1e300, 5, 0]),
}


@pytest.mark.parametrize("rate", [0, 0.4, 1])
@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("groups", [False, True])
def test_edges_give_numbers_without_a_warning(edge, rate, groups):
    gold, said, votes, scores = EDGES[edge]
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        for positive in (None, "absent"):
            figures = deferral_figures(
                gold,
                said,
                votes,
                scores,
                rate=rate,
                label_names=["a", "b", "absent"],
                positive_label=positive,
                groups=["g"] * len(gold) if groups else None,
                call_costs=0.0 if groups else 0.3,
                loss_matrix=[[0, 1, 1], [5, 0, 1], [1, 1, 0]],
                n_resamples=40,
            )
            json.dumps(figures, allow_nan=False)
            assert 0 <= figures["system"]["f1"] <= 1
            for low, high in figures["intervals"].values():
                assert low <= high


def sample(rows=600, seed=0):
    generator = np.random.default_rng(seed)
    gold = generator.integers(0, 2, rows)
    hard = generator.random(rows)
    said = np.where(generator.random(rows) < 1 - 0.5 * hard, gold, 1 - gold)
    votes = np.where(generator.random(rows) < 0.9, gold, 1 - gold)
    return gold, said, votes, hard


def test_intervals_hold_the_figures_and_belong_to_them():
    gold, said, votes, hard = sample()
    costs = np.linspace(0.001, 0.002, len(gold))
    figures = deferral_figures(gold, said, votes, hard, rate=0.2, positive_label=1, call_costs=costs, n_resamples=400)
    for name, (low, high) in figures["intervals"].items():
        value = figures
        for part in name.split(".", 1):
            value = value[part] if not part.startswith(("f1_", "precision_", "recall_")) else None
            if value is None:
                figure, _, label = part.partition("_")
                value = figures[name.split(".")[0]]["per_class"][label][figure]
        assert low <= value <= high, name
    assert {"system.f1", "oracle.accuracy", "expert_on_deferred.recall_1", "audc.f1", "aurc", "apgr", "cpt.0.8"} <= set(
        figures["intervals"]
    )
    curve = figures["curve"]["f1"]
    assert all(low <= mid <= high for low, mid, high in zip(curve["low"], curve["policy"], curve["high"], strict=True))
    assert figures["curve"]["rate"][0] == 0
    assert figures["curve"]["rate"][-1] == 1
    assert len(figures["curve"]["rate"]) == 201


def test_differences_are_differences_and_find_what_is_there():
    gold, said, votes, hard = sample()
    figures = deferral_figures(gold, said, votes, hard, rate=0.3, positive_label=1, n_resamples=500)
    for other in ("classifier", "expert", "random"):
        for name in ("accuracy", "f1", "macro_f1", "weighted_f1"):
            found = figures["differences"][f"system - {other}"][name]
            assert found["difference"] == pytest.approx(figures["system"][name] - figures[other][name])
            assert found["low"] <= found["difference"] <= found["high"]
            assert (found["p_value"] < 0.05) == (found["low"] > 0 or found["high"] < 0)
    gain = figures["differences"]["system - classifier"]["f1"]
    assert gain["low"] > 0
    assert gain["p_value"] < 0.01
    better = figures["differences"]["system - random"]["audc_accuracy"]
    assert better["low"] > 0
    assert better["difference"] == pytest.approx(figures["audc"]["accuracy"] - figures["audc_random"]["accuracy"])
    lot = np.random.default_rng(1).random(len(gold))
    figures = deferral_figures(gold, said, votes, lot, rate=0.3, positive_label=1, n_resamples=500)
    assert figures["differences"]["system - random"]["audc_accuracy"]["p_value"] > 0.05


def test_a_curve_interval_equals_one_from_resampled_rows():
    gold, said, votes, hard = (column[:60] for column in sample())
    hard = np.round(hard, 1)
    figures = deferral_figures(gold, said, votes, hard, rate=0.3, positive_label=1, n_resamples=1500)
    generator, areas = np.random.default_rng(3), []
    for _ in range(300):
        rows = generator.integers(0, len(gold), len(gold))
        areas.append(np.mean(points_of(gold[rows], said[rows], votes[rows], hard[rows].tolist(), 2, 1)[1]))
    low, high = figures["intervals"]["audc.f1"]
    expected = np.quantile(areas, [0.025, 0.975])
    assert [low, high] == pytest.approx(expected, abs=0.15 * (expected[1] - expected[0]))


def test_groups_widen_what_copies_narrow():
    gold, said, votes, hard = sample(150)
    plain = deferral_figures(gold, said, votes, hard, rate=0.2, n_resamples=500, ids=range(150))
    four = [np.tile(column, 4) for column in (gold, said, votes, hard)]
    grouped = deferral_figures(*four, rate=0.2, n_resamples=500, groups=np.tile(np.arange(150), 4), call_costs=1.0)
    naive = deferral_figures(*four, rate=0.2, n_resamples=500)
    for name in ("system.accuracy", "audc.accuracy", "aurc"):
        width = [high - low for low, high in (figures["intervals"][name] for figures in (plain, grouped, naive))]
        assert width[1] == pytest.approx(width[0], rel=0.2), name
        assert width[2] < 0.7 * width[0], name


def test_given_decisions_need_no_scores():
    figures = deferral_figures([0, 1], [1, 1], [0, 0], deferred=[True, False], n_resamples=20)
    assert figures["system"]["accuracy"] == 1.0
    assert figures["curve"] is figures["audc"] is figures["aurc"] is figures["cpt"] is figures["cost"] is None
    with_scores = deferral_figures([0, 1], [1, 1], [0, 0], [0.1, 0.9], [True, False], n_resamples=20)
    assert with_scores["system"] == figures["system"]
    assert with_scores["curve"]["accuracy"]["policy"] == [0.5, 0.0, 0.5]


def test_no_vote_is_wrong_for_the_expert_alone_and_left_to_the_classifier_in_the_system():
    figures = deferral_figures(["a", "b"], ["a", "a"], [None, float("nan")], deferred=[True, True], n_resamples=0)
    assert figures["system"]["accuracy"] == 0.5
    assert figures["expert"]["accuracy"] == 0.0
    assert figures["unanswered"] == 2
    assert figures["expert"]["confusion_matrix"] == {
        "labels": ["a", "b"],
        "counts": [[0, 0], [0, 0]],
        "unanswered": [1, 1],
    }


def test_reliability_reads_scores_as_what_their_range_allows():
    gold, said, votes, hard = sample(4000)
    found = deferral_figures(gold, said, votes, hard / 2, rate=0.1, n_resamples=0)["reliability"]
    assert found["classifier_wrong"]["error"] < 0.05
    assert sum(entry["count"] for entry in found["classifier_wrong"]["bins"]) == 4000
    assert (
        deferral_figures(gold, said, votes, hard - 0.5, rate=0.1, n_resamples=0)["reliability"]["classifier_wrong"]
        is None
    )
    far = deferral_figures(gold, said, votes, hard * 9, rate=0.1, n_resamples=0)["reliability"]
    assert far == {"classifier_wrong": None, "gain": None}


def test_figures_at_rates_are_those_of_one_rate_each():
    gold, said, votes, hard = sample(300)
    options = {"positive_label": 1, "ids": range(300), "call_costs": 0.5, "n_resamples": 50}
    found = figures_at_rates(gold, said, votes, np.round(hard, 1), rates=[0.05, 0.07], **options)
    assert list(found) == ["0.05", "0.07"]
    alone = deferral_figures(gold, said, votes, np.round(hard, 1), rate=0.07, **options)
    for name, value in found["0.07"].items():
        if name == "intervals":
            assert value.items() <= alone[name].items()
        elif name != "differences":
            assert alone[name] == value, name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"references": []}, "0 references, 2 predictions and 2 expert_predictions"),
        ({"references": [], "predictions": [], "expert_predictions": []}, "empty: there is nothing to measure"),
        ({"expert_predictions": [0]}, "2 references, 2 predictions and 1 expert_predictions"),
        ({"expert_predictions": [0, 7], "label_names": ["a", "b"]}, "expert_predictions hold 7, which is none of the"),
        ({"expert_predictions": [0, "b"]}, "integers and strings are mixed"),
        ({"positive_label": "c"}, "positive_label is 'c', which is none of the classes"),
        ({"deferral_scores": [0.1]}, r"2 rows but deferral_scores of shape \(1,\)"),
        ({"deferral_scores": [0.1, math.nan]}, "deferral_scores: 1 of 2 are not finite"),
        ({"deferral_scores": ["high", "low"]}, "deferral_scores hold something that is no number"),
        ({"deferral_scores": None}, "which rows are deferred"),
        ({"rate": None}, "which rows are deferred"),
        ({"deferred": [True, False]}, "give one of them"),
        ({"deferred": [True], "rate": None}, "2 rows but 1 values in deferred"),
        ({"deferred": ["yes", None], "rate": None}, r"other than True and False \(NoneType, str\)"),
        ({"rate": 7}, "rate is 7; give the share of rows to defer, from 0 to 1"),
        ({"rate": math.nan}, "rate is nan"),
        ({"rate": "5%"}, "rate is '5%'"),
        ({"ids": ["x", "x"]}, "1 ids repeat"),
        ({"ids": ["x"]}, "2 rows but 1 ids"),
        ({"groups": ["x"]}, "2 rows but 1 groups"),
        ({"groups": ["x", None]}, "groups mix kinds or lack values"),
        ({"call_costs": [1.0]}, r"2 rows but call_costs of shape \(1,\)"),
        ({"call_costs": -1}, "call_costs hold a price that is negative"),
        ({"loss_matrix": [[0, 1]]}, r"loss_matrix has shape \(1, 2\)"),
        ({"loss_matrix": [[1, 1], [1, 0]]}, "0 on its diagonal"),
        ({"n_resamples": -1}, "n_resamples is -1"),
        ({"confidence_level": 95}, "confidence_level is 95"),
    ],
)
def test_bad_input_says_what_came(change, message):
    given = {
        "references": [0, 1],
        "predictions": [0, 0],
        "expert_predictions": [0, 1],
        "deferral_scores": [0.1, 0.9],
        "rate": 0.5,
        "n_resamples": 5,
    }
    with pytest.raises(ValueError, match=message):
        deferral_figures(**given | change)


@pytest.fixture(scope="module")
def metric():
    return evaluate.load(str(FOLDER))


def test_loaded_module_computes_the_same(metric):
    gold, said, votes, hard = (column.tolist() for column in sample(50))
    votes[0] = None
    options = {"expert_predictions": votes, "deferral_scores": hard, "rate": 0.2, "n_resamples": 20}
    assert metric.compute(references=gold, predictions=said, **options) == deferral_figures(gold, said, **options)
    with pytest.raises(ValueError, match="expert_predictions= is missing"):
        metric.compute(references=gold, predictions=said)


def test_examples_run(metric):
    example = metric.inputs_description.split("Examples:")[1].replace('"metrics/deferral_rate"', repr(str(FOLDER)))
    test = doctest.DocTestParser().get_doctest(example, {"evaluate": evaluate}, "card", None, None)
    assert len(test.examples) >= 6
    assert doctest.DocTestRunner().run(test).failed == 0


@pytest.mark.parametrize("name", ["rows", "decision", "curve", "paired", "deferral_rate", "confusion", "intervals"])
def test_docstring_examples_run(name):
    module = importlib.import_module(f"secondopinion.metrics.deferral_rate.{name}")
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
