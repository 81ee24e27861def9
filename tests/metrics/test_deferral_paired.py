"""Two policies on the same rows: the paired bootstrap and McNemar's test."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import binomtest

from secondopinion.metrics.deferral_rate.deferral_rate import deferral_figures, paired_deferral


@pytest.fixture(scope="module")
def rows():
    generator = np.random.default_rng(0)
    gold = generator.integers(0, 2, 500)
    hard = generator.random(500)
    said = np.where(generator.random(500) < 1 - 0.5 * hard, gold, 1 - gold)
    votes = np.where(generator.random(500) < 0.95, gold, 1 - gold)
    return gold, said, votes, hard, generator.random(500)


def test_differences_are_those_of_the_two_policies(rows):
    gold, said, votes, hard, lot = rows
    options = {"positive_label": 1, "n_resamples": 300, "ids": range(500)}
    found = paired_deferral(gold, said, votes, np.round(hard, 1), lot, rates=(0.05, 0.2, 0.2), **options)
    json.dumps(found, allow_nan=False)
    assert list(found["at_rates"]) == ["0.05", "0.2"]
    alone = [
        deferral_figures(gold, said, votes, scores, rate=0.2, positive_label=1, ids=range(500), n_resamples=0)
        for scores in (np.round(hard, 1), lot)
    ]
    at = found["at_rates"]["0.2"]
    assert at["deferred_rows"] == 100
    for figure in ("accuracy", "f1"):
        for where, values in (
            (found["audc"], [figures["audc"][figure] for figures in alone]),
            (at, [figures["system"][figure] for figures in alone]),
        ):
            compared = where[figure]
            assert [compared["a"], compared["b"]] == pytest.approx(values)
            assert compared["difference"] == pytest.approx(values[0] - values[1])
            assert compared["low"] <= compared["difference"] <= compared["high"]
            assert (compared["p_value"] < 0.05) == (compared["low"] > 0 or compared["high"] < 0)
    assert found["audc"]["f1"]["low"] > 0
    b, c = at["mcnemar"]["only_a_right"], at["mcnemar"]["only_b_right"]
    assert (b - c) / 500 == pytest.approx(at["accuracy"]["difference"])
    assert at["mcnemar"]["p_value"] == pytest.approx(binomtest(b, b + c).pvalue)


def test_a_policy_does_not_differ_from_itself(rows):
    gold, said, votes, hard, _ = rows
    found = paired_deferral(gold, said, votes, hard, hard * 3 - 9, n_resamples=50)
    nothing = {"difference": 0.0, "low": 0.0, "high": 0.0, "p_value": 1.0}
    for compared in (found["audc"]["f1"], found["at_rates"]["0.07"]["accuracy"]):
        assert {name: compared[name] for name in nothing} == nothing


def test_the_interval_equals_one_from_resampled_rows(rows):
    gold, said, votes, hard, lot = (column[:150] for column in rows)
    found = paired_deferral(gold, said, votes, hard, lot, rates=[0.2], positive_label=1, n_resamples=1500)
    generator, differences = np.random.default_rng(3), []

    def accuracy(drawn, scores):
        first = np.argsort(-scores[drawn], kind="stable")[:30]
        system = said[drawn].copy()
        system[first] = votes[drawn][first]
        return (system == gold[drawn]).mean()

    for _ in range(1500):
        drawn = generator.integers(0, 150, 150)
        differences.append(accuracy(drawn, hard) - accuracy(drawn, lot))
    low, high = np.quantile(differences, [0.025, 0.975])
    at = found["at_rates"]["0.2"]["accuracy"]
    assert [at["low"], at["high"]] == pytest.approx([low, high], abs=0.12 * (high - low))


def test_groups_and_row_order(rows):
    gold, said, votes, hard, lot = (column[:200] for column in rows)
    order = np.random.default_rng(1).permutation(200)
    groups, ids = np.arange(200) // 4, np.arange(200)
    scores = np.round(hard, 1), np.round(lot, 1)
    here = paired_deferral(gold, said, votes, *scores, groups=groups, ids=ids, n_resamples=40)
    columns = [column[order] for column in (gold, said, votes, *scores)]
    assert paired_deferral(*columns, groups=groups[order], ids=ids[order], n_resamples=40) == here


def test_edges_and_bad_input():
    found = paired_deferral([0], [1], [None], [0.5], [0.5], rates=[0, 1], n_resamples=5, label_names=["a", "b"])
    assert found["at_rates"]["1"]["mcnemar"] == {"only_a_right": 0, "only_b_right": 0, "p_value": 1.0}
    assert set(paired_deferral([0], [0], [0], [1], [1], n_resamples=0)["audc"]["f1"]) == {"a", "b", "difference"}
    with pytest.raises(ValueError, match=r"1 rows but scores_b of shape \(2,\)"):
        paired_deferral([0], [0], [0], [0.1], [0.1, 0.2])
    with pytest.raises(ValueError, match="rate is 5"):
        paired_deferral([0], [0], [0], [0.1], [0.1], rates=[5])
