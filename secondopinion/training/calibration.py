"""Probabilities that mean what they say: temperature scaling, and the figures that show its effect.

Guo et al., "On Calibration of Modern Neural Networks" (ICML 2017): one number T divides the logits. It
changes no prediction, only how sure the model says it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.errors import InputError

BINS = 15
TEMPERATURES = (0.05, 20.0)
# Logits beyond this are all alike: a row that is sure and wrong must not make the loss infinite.
_LARGEST = 1e12


def log_softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Return (rows, classes) log-probabilities of (rows, classes) logits divided by the temperature."""
    scaled = np.clip(np.asarray(logits, dtype=np.float64), -_LARGEST, _LARGEST) / temperature
    shifted = scaled - scaled.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Return (rows, classes) probabilities of (rows, classes) logits divided by the temperature.

    >>> softmax(np.array([[0.0, 0.0]])).tolist()
    [[0.5, 0.5]]
    """
    return np.exp(log_softmax(logits, temperature))


def negative_log_likelihood(log_probabilities: np.ndarray, gold: np.ndarray) -> float:
    """Return the mean of −ln p(true class), in nats."""
    return float(-log_probabilities[np.arange(len(gold)), gold].mean())


def brier_score(probabilities: np.ndarray, gold: np.ndarray) -> float:
    """Return the mean over rows of Σ over classes (p − y)², from 0 to 2 (Brier 1950, the multi-class form).

    >>> brier_score(np.array([[1.0, 0.0]]), np.array([1]))
    2.0
    """
    truth = np.zeros_like(probabilities)
    truth[np.arange(len(gold)), gold] = 1.0
    return float(((probabilities - truth) ** 2).sum(axis=1).mean())


def reliability_bins(probabilities: np.ndarray, gold: np.ndarray, n_bins: int = BINS) -> list[dict[str, Any]]:
    """Return one entry for each of `n_bins` equal-width bins (low, high] of the top probability.

    `confidence` (mean top probability) and `accuracy` are None in an empty bin.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == gold
    edges = np.linspace(0.0, 1.0, n_bins + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, n_bins - 1)
    count = np.bincount(place, minlength=n_bins)
    total_confidence = np.bincount(place, weights=confidence, minlength=n_bins)
    total_right = np.bincount(place, weights=right, minlength=n_bins)
    return [
        {
            "low": float(edges[i]),
            "high": float(edges[i + 1]),
            "count": int(count[i]),
            "confidence": float(total_confidence[i] / count[i]) if count[i] else None,
            "accuracy": float(total_right[i] / count[i]) if count[i] else None,
        }
        for i in range(n_bins)
    ]


def expected_calibration_error(bins: Sequence[dict[str, Any]]) -> float:
    """Return Σ over bins (share of the rows in it)·|accuracy − confidence|, from 0 to 1 (Guo 2017, eq. 5).

    >>> expected_calibration_error([{"count": 4, "confidence": 0.75, "accuracy": 0.5}])
    0.25
    """
    rows = sum(entry["count"] for entry in bins)
    return sum(e["count"] * abs(e["accuracy"] - e["confidence"]) for e in bins if e["count"]) / rows


def fit_temperature(logits: np.ndarray, gold: np.ndarray) -> float:
    """Return the temperature with the smallest negative log-likelihood, between 0.05 and 20.

    The loss is convex in 1/T, so the bounded search over ln T finds its only minimum. Where every row is
    right the loss falls for ever as T goes to 0: such rows say nothing about how sure is too sure, and T
    stays 1.

    Args:
        logits: (rows, classes).
        gold: (rows,) true classes.

    >>> sure = np.array([[4.0, 0.0]] * 4)
    >>> fit_temperature(sure, np.array([0, 0, 0, 1])) > 1
    True
    """
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(gold))
    if (logits[rows, gold] >= logits.max(axis=1)).all():
        return 1.0
    low, high = np.log(TEMPERATURES)
    found = minimize_scalar(
        lambda log_t: negative_log_likelihood(log_softmax(logits, np.exp(log_t)), gold),
        bounds=(low, high),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(found.x))


def calibrate(
    logits: np.ndarray, gold: np.ndarray, fold: np.ndarray | None = None, n_bins: int = BINS
) -> dict[str, Any]:
    """Fit a temperature on out-of-fold logits and measure what it gains.

    The temperature to publish is fitted on all rows. With two folds or more the figures `after` are
    cross-fitted: each fold's rows are scaled by a temperature fitted on the other folds, so that no row is
    measured with a temperature it helped to choose.

    Args:
        logits: (rows, classes) raw scores; log-probabilities do as well.
        gold: (rows,) true classes.
        fold: (rows,) the fold each row was held out in.
        n_bins: of the reliability diagram and of ECE.

    Returns:
        `calibration` of run.json: `{method, temperature, ece, brier, nll, bins, cross_fitted}`, where `ece`,
        `brier` and `nll` are `{before, after}` and `bins` is `{count, before, after}` with entries of
        `reliability_bins`.

    Raises:
        InputError: there are no rows, the shapes do not fit, or a logit is not a finite number.
    """
    logits, gold = np.asarray(logits, dtype=np.float64), np.asarray(gold)
    fold = np.zeros(len(gold), dtype=np.int64) if fold is None else np.asarray(fold)
    _check(logits, gold, fold)
    temperature = fit_temperature(logits, gold)
    names = np.unique(fold)
    row_temperature = np.full((len(gold), 1), temperature)
    if len(names) > 1:
        for name in names:
            held_out = fold == name
            row_temperature[held_out] = fit_temperature(logits[~held_out], gold[~held_out])
    measured = {
        "before": _measure(log_softmax(logits), gold, n_bins),
        "after": _measure(log_softmax(logits / row_temperature), gold, n_bins),
    }
    figures = {name: {when: measured[when][name] for when in measured} for name in ("ece", "brier", "nll")}
    return {
        "method": "temperature scaling",
        "temperature": temperature,
        **figures,
        "bins": {"count": n_bins, **{when: measured[when]["bins"] for when in measured}},
        "cross_fitted": len(names) > 1,
    }


def _measure(log_probabilities: np.ndarray, gold: np.ndarray, n_bins: int) -> dict[str, Any]:
    probabilities = np.exp(log_probabilities)
    bins = reliability_bins(probabilities, gold, n_bins)
    return {
        "ece": expected_calibration_error(bins),
        "brier": brier_score(probabilities, gold),
        "nll": negative_log_likelihood(log_probabilities, gold),
        "bins": bins,
    }


def _check(logits: np.ndarray, gold: np.ndarray, fold: np.ndarray) -> None:
    if logits.ndim != 2 or logits.shape[1] < 2:
        raise InputError(f"calibration: logits have shape {logits.shape}; expected (rows, classes), 2 classes or more")
    if not len(gold):
        raise InputError("calibration: there are no rows to fit a temperature on")
    if not len(logits) == len(gold) == len(fold):
        raise InputError(f"calibration: {len(logits)} logits, {len(gold)} true classes, {len(fold)} folds; one a row")
    if not np.issubdtype(gold.dtype, np.integer) or gold.min() < 0 or gold.max() >= logits.shape[1]:
        raise InputError(f"calibration: true classes must be integers from 0 to {logits.shape[1] - 1}")
    broken = int((~np.isfinite(logits)).any(axis=1).sum())
    if broken:
        raise InputError(
            f"calibration: {broken} of {len(logits)} rows have a logit that is not finite; the model diverged"
        )
