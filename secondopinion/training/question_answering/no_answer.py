"""When to answer nothing: a threshold on how much better the null answer scores, and what its probability is worth."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...modeling.no_answer import choose_no_answer_threshold, fit_no_answer_scale

# Above every difference of logits that a model gives: with it the model always answers.
ALWAYS_ANSWER = 1e4


def choose_threshold(
    null_odds: np.ndarray, score: np.ndarray, unanswerable: np.ndarray, *, objective: str = "f1"
) -> dict[str, Any]:
    """Choose on rows set aside when to answer nothing, and how likely that is to be right.

    Where all rows have an answer nothing can be learnt from them, and the model always answers; where there are no
    rows the threshold is None (0).

    Args:
        null_odds: (rows,) score of the null answer minus that of the best span.
        score: (rows,) F1 or exact match of the best span; 0 for an unanswerable row.
        unanswerable: (rows,) bool.
        objective: what `score` is, `f1` or `exact`.

    Returns:
        `no_answer_record` of the model's configuration: {threshold, objective, chosen_on, rows, has_answer,
        unanswerable, value, value_always, value_never (means of the objective), scale, bias}; the last two, with which
        sigmoid(scale · null odds + bias) is the probability of no answer, only where rows of both kinds fitted them.

    >>> record = choose_threshold(np.array([-4.0, -1.0, 3.0]), np.array([1.0, 0.5, 0.0]), np.array([0, 0, 1]) > 0)
    >>> record["threshold"], record["value"], record["unanswerable"]
    (-1.0, 0.8333333333333334, 1)
    """
    none = int(unanswerable.sum())
    record = {
        "objective": objective,
        "chosen_on": "validation rows of the fold",
        "rows": len(score),
        "has_answer": len(score) - none,
        "unanswerable": none,
    }
    if not len(score):
        return {**record, "threshold": None}
    found = choose_no_answer_threshold(null_odds, score, ~unanswerable)
    record |= {"value_always": found["f1_always"], "value_never": found["f1_never"]}
    if not none:
        return {**record, "threshold": ALWAYS_ANSWER, "value": found["f1_always"]}
    record |= {"threshold": found["threshold"], "value": found["f1"]}
    if none < len(score):
        fitted = fit_no_answer_scale(null_odds, ~unanswerable)
        record |= {"scale": float(fitted["scale"]), "bias": float(fitted["bias"])}
    return record


def probability_calibration(probability: np.ndarray, unanswerable: np.ndarray, n_bins: int = 15) -> dict[str, Any]:
    """Return how well the probability of no answer says how often there is none.

    Args:
        probability: (rows,) of no answer.
        unanswerable: (rows,) bool.
        n_bins: equal-width bins.

    Returns:
        {rows, unanswerable, ece, brier, bins}: the expected calibration error, the mean of (p − y)², and the filled
        bins' {low, high, count, confidence, accuracy}, where accuracy is the share without an answer.

    >>> probability_calibration(np.array([0.25, 0.5]), np.array([False, True]))["brier"]
    0.15625
    """
    probability = np.clip(np.asarray(probability, dtype=np.float64), 0, 1)
    truth = np.asarray(unanswerable, dtype=np.float64)
    edges = np.linspace(0, 1, n_bins + 1)
    place = np.clip(np.searchsorted(edges, probability, side="left") - 1, 0, n_bins - 1)
    count = np.bincount(place, minlength=n_bins)
    confidence = np.bincount(place, weights=probability, minlength=n_bins)
    happened = np.bincount(place, weights=truth, minlength=n_bins)
    bins = [
        {
            "low": float(edges[i]),
            "high": float(edges[i + 1]),
            "count": int(count[i]),
            "confidence": float(confidence[i] / count[i]),
            "accuracy": float(happened[i] / count[i]),
        }
        for i in np.flatnonzero(count)
    ]
    return {
        "rows": len(truth),
        "unanswerable": int(truth.sum()),
        "ece": float(np.abs(happened - confidence).sum() / len(truth)),
        "brier": float(((probability - truth) ** 2).mean()),
        "bins": bins,
    }
