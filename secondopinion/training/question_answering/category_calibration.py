"""Category probabilities that mean what they say."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..calibration import brier_score, expected_calibration_error, fit_temperature, reliability_bins
from .answers import AnswerRows
from .data import QuestionAnsweringData

SMALLEST = 1e-12
BINS = 15


def single_categories(data: QuestionAnsweringData, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of the rows with one most probable category, and that category's number.

    Args:
        data: all rows.
        rows: which of them, as indices.
    """
    probabilities = data.category_probs[rows]
    top = probabilities.max(axis=1, initial=0)
    clear = (top > 0) & ((probabilities >= top[:, None] - 1e-6).sum(axis=1) == 1)
    places = np.flatnonzero(clear)
    return places, probabilities[places].argmax(axis=1)


def category_temperature(data: QuestionAnsweringData, rows: np.ndarray, answers: AnswerRows) -> float:
    """Return the temperature with the smallest negative log-likelihood; 1 where no row has one clear category.

    Args:
        data: all rows.
        rows: that were answered and not trained on, as indices.
        answers: to them, by a model whose temperature is 1.
    """
    places, gold = single_categories(data, rows)
    if not len(places):
        return 1.0
    return fit_temperature(np.log(np.maximum(answers.raw_category_probabilities[places], SMALLEST)), gold)


def category_calibration(
    data: QuestionAnsweringData, rows: np.ndarray, answers: AnswerRows, temperature: float
) -> dict[str, Any] | None:
    """Return what the temperatures gain on out-of-fold rows: `calibration` of run.json.

    Each fold's temperature was fitted on validation rows of its own training folds, so no row is measured with one
    that it helped to choose.

    Args:
        data: all rows.
        rows: that were answered, as indices.
        answers: to them.
        temperature: of the published fold.

    Returns:
        {method, temperature, ece, brier, nll: each {before, after}, bins, cross_fitted, rows}; None where no row has
        one clear category.
    """
    places, gold = single_categories(data, rows)
    if not len(places):
        return None
    measured = {}
    for when, table in (("before", answers.raw_category_probabilities), ("after", answers.category_probabilities)):
        probabilities = table[places].astype(np.float64)
        bins = reliability_bins(probabilities, gold, BINS)
        said = np.log(np.maximum(probabilities[np.arange(len(gold)), gold], SMALLEST))
        measured[when] = {
            "ece": expected_calibration_error(bins),
            "brier": brier_score(probabilities, gold),
            "nll": float(-said.mean()),
            "bins": bins,
        }
    return {
        "method": "temperature scaling of the category, on each fold's validation rows",
        "temperature": temperature,
        **{name: {when: measured[when][name] for when in measured} for name in ("ece", "brier", "nll")},
        "bins": {"count": BINS, **{when: measured[when]["bins"] for when in measured}},
        "cross_fitted": True,
        "rows": len(places),
    }
