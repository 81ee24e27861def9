"""Temperature scaling recovers a known temperature, and survives rows that carry no information."""

from __future__ import annotations

import doctest
import json

import numpy as np
import pytest
import scipy.special
from sklearn.metrics import brier_score_loss, log_loss

from secondopinion.core.errors import InputError
from secondopinion.training import calibration
from secondopinion.training.calibration import (
    calibrate,
    fit_temperature,
    log_softmax,
    reliability_bins,
    softmax,
)


def draw(rows, temperature, seed=0, classes=4):
    """Logits too sure by `temperature`, and classes drawn from the probabilities they ought to give."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 2, (rows, classes))
    probabilities = softmax(logits)
    gold = (probabilities.cumsum(axis=1) < generator.random((rows, 1))).sum(axis=1).clip(0, classes - 1)
    return logits * temperature, gold


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_recovers_the_temperature(temperature):
    logits, gold = draw(20_000, temperature)
    assert fit_temperature(logits, gold) == pytest.approx(temperature, rel=0.05)


def test_is_the_minimum_of_the_loss():
    logits, gold = draw(300, 2.0)
    best = fit_temperature(logits, gold)
    loss = [log_loss(gold, softmax(logits, t), labels=range(4)) for t in (best * 0.99, best, best * 1.01)]
    assert loss[1] == min(loss)


def test_figures_agree_with_scikit_learn():
    logits, gold = draw(500, 3.0)
    figures = calibrate(logits, gold)
    before, after = softmax(logits), softmax(logits, figures["temperature"])
    for when, probabilities in (("before", before), ("after", after)):
        assert figures["nll"][when] == pytest.approx(log_loss(gold, probabilities, labels=range(4)), abs=1e-9)
        brier = brier_score_loss(gold, probabilities, labels=range(4), scale_by_half=False)
        assert figures["brier"][when] == pytest.approx(brier, abs=1e-12)


def test_too_sure_gets_better_and_answers_stay():
    logits, gold = draw(3000, 3.0)
    figures = calibrate(logits, gold, np.arange(3000) % 5)
    assert figures["cross_fitted"] is True
    for name in ("ece", "brier", "nll"):
        assert figures[name]["after"] < figures[name]["before"]
    assert figures["ece"]["after"] < 0.03 < figures["ece"]["before"]
    assert (softmax(logits, figures["temperature"]).argmax(axis=1) == logits.argmax(axis=1)).all()


def test_cross_fitting_uses_the_other_folds_only():
    sure, gold_sure = draw(400, 4.0, seed=1)
    unsure, gold_unsure = draw(400, 0.5, seed=2)
    logits, gold = np.concatenate([sure, unsure]), np.concatenate([gold_sure, gold_unsure])
    fold = np.repeat([1, 2], 400)
    crossed = np.concatenate([sure / fit_temperature(unsure, gold_unsure), unsure / fit_temperature(sure, gold_sure)])
    expected = -scipy.special.log_softmax(crossed, axis=1)[np.arange(800), gold].mean()
    assert calibrate(logits, gold, fold)["nll"]["after"] == pytest.approx(expected, abs=1e-9)
    assert calibrate(logits, gold, np.ones(800))["cross_fitted"] is False


def test_bins_hold_every_row_once_and_give_ece():
    logits, gold = draw(777, 2.0)
    probabilities = softmax(logits)
    bins = reliability_bins(probabilities, gold)
    assert len(bins) == 15
    assert sum(entry["count"] for entry in bins) == 777
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == gold
    ece = 0.0
    for entry in bins:
        inside = (confidence > entry["low"]) & (confidence <= entry["high"])
        assert inside.sum() == entry["count"]
        if inside.any():
            ece += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert calibration.expected_calibration_error(bins) == pytest.approx(ece, abs=1e-12)


def test_log_probabilities_do_as_well():
    logits, gold = draw(200, 2.0)
    from_logits, from_logs = calibrate(logits, gold), calibrate(log_softmax(logits), gold)
    assert from_logs["temperature"] == pytest.approx(from_logits["temperature"], rel=1e-5)
    assert from_logs["nll"]["after"] == pytest.approx(from_logits["nll"]["after"], abs=1e-9)


@pytest.mark.parametrize(
    ("logits", "gold"),
    [
        ([[3.0, 1.0]], [0]),
        ([[3.0, 1.0]], [1]),
        ([[5.0, 0.0], [0.0, 5.0]], [0, 1]),
        ([[0.0, 0.0], [0.0, 0.0]], [0, 1]),
        ([[1e6, -1e6], [-1e6, 1e6], [1e6, -1e6]], [0, 1, 1]),
        ([[1e308, -1e308], [1.0, 0.0]], [1, 0]),
        ([[1e-300, 0.0], [0.0, 1e-300]], [1, 0]),
    ],
)
@pytest.mark.parametrize("folds", [1, 2])
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_degenerate_rows_give_numbers(logits, gold, folds):
    figures = calibrate(np.array(logits), np.array(gold), np.arange(len(gold)) % folds)
    json.dumps(figures, allow_nan=False)
    assert 0.05 <= figures["temperature"] <= 20


def test_all_right_leaves_the_logits_as_they_are():
    assert fit_temperature(np.array([[5.0, 0.0], [0.0, 5.0]]), np.array([0, 1])) == 1.0


@pytest.mark.parametrize(
    ("logits", "gold", "message"),
    [
        (np.zeros((0, 3)), np.zeros(0, int), "no rows to fit"),
        (np.zeros(3), np.zeros(3, int), r"shape \(3,\); expected \(rows, classes\)"),
        (np.zeros((3, 2)), np.zeros(2, int), "3 logits, 2 true classes"),
        (np.zeros((1, 2)), np.array([2]), "integers from 0 to 1"),
        (np.zeros((1, 2)), np.array([-1]), "integers from 0 to 1"),
        (
            np.array([[np.nan, 0.0], [1.0, 0.0]]),
            np.array([0, 0]),
            "1 of 2 rows have a logit that is not finite",
        ),
    ],
)
def test_bad_input_says_what_came(logits, gold, message):
    with pytest.raises(InputError, match=message):
        calibrate(logits, gold)


def test_docstring_examples_run():
    result = doctest.testmod(calibration)
    assert result.attempted > 0
    assert result.failed == 0
