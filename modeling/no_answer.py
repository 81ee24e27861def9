"""When a question has no answer: the threshold on the null odds, and their probability."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

STEPS = 100
HALVINGS = 30
TOLERANCE = 1e-10


def choose_no_answer_threshold(
    null_odds: Sequence[float] | np.ndarray,
    f1_with_answer: Sequence[float] | np.ndarray,
    has_answer: Sequence[bool] | np.ndarray,
) -> dict[str, Any]:
    """Return the threshold on the null odds with the best mean F1 (or exact match), and how it was chosen.

    A row whose null odds are above the threshold has no answer: that is worth 1 where there is none and 0 elsewhere.
    The thresholds tried are the odds of the rows, as `find_best_thresh` of SQuAD 2.0's official script does
    (Rajpurkar et al. 2018), and one below all of them. Rows of equal odds are decided together, which that script
    forgets. Of thresholds that are worth the same the lowest is taken.

    Args:
        null_odds: (rows,) null score − best score.
        f1_with_answer: (rows,) what the best answer of each row is worth, 0 to 1, as if none were withheld.
        has_answer: (rows,) whether the row has an answer.

    Returns:
        `threshold`; `f1`, the mean at it; `f1_always`, with every row answered; `f1_never`, with none; `rows`;
        `has_answer`, how many; `objective`.

    Raises:
        ValueError: the columns differ in length, are empty or hold what is no number.

    >>> choose_no_answer_threshold([-3.0, 1.0, 2.0], [1.0, 1.0, 0.0], [True, True, False])["threshold"]
    1.0
    """
    odds, worth, answerable = _columns(null_odds, has_answer, f1_with_answer)
    order = np.argsort(odds, kind="stable")
    gain = worth[order] - (~answerable[order]).astype(np.float64)
    never = float((~answerable).mean())
    means = (~answerable).sum() + np.concatenate([[0.0], np.cumsum(gain)])
    # The last row of each group of equal odds: there the whole group is answered.
    odds = odds[order]
    last = np.flatnonzero(np.append(odds[1:] != odds[:-1], True))
    tried = np.concatenate([[0], last + 1])
    best = int(tried[np.argmax(means[tried])])
    threshold = odds[best - 1] if best else np.nextafter(odds[0], -np.inf)
    return {
        "threshold": float(threshold),
        "objective": "f1",
        "f1": float(means[best] / len(odds)),
        "f1_always": float(worth.mean()),
        "f1_never": never,
        "rows": len(odds),
        "has_answer": int(answerable.sum()),
    }


def fit_no_answer_scale(
    null_odds: Sequence[float] | np.ndarray, has_answer: Sequence[bool] | np.ndarray
) -> dict[str, float | int]:
    """Return scale and bias with which sigmoid(scale · null odds + bias) is the probability of no answer.

    Logistic regression on one feature with Platt's targets (Platt 1999), (n + 1) / (n + 2) and 1 / (n + 2), which
    keep it finite where the odds part the rows; Newton's method with halved steps (Lin, Lin & Weng 2007). The scale is
    never negative: higher odds are never less likely to mean no answer.

    Args:
        null_odds: (rows,) of validation rows.
        has_answer: (rows,) whether each has an answer.

    Returns:
        `scale`, `bias`, `rows`.

    Raises:
        ValueError: the columns are not as above, or all rows have an answer, or none has.

    >>> record = fit_no_answer_scale([-2.0, -1.0, 1.0, 2.0], [True, True, False, False])
    >>> bool(no_answer_probability(3.0, record) > 0.8)
    True
    """
    odds, _, answerable = _columns(null_odds, has_answer)
    answers, none = int(answerable.sum()), int((~answerable).sum())
    if not answers or not none:
        raise ValueError(
            f"{answers} rows have an answer and {none} have none; the probability of no answer needs rows of both "
            "kinds. Leave it as it is (scale 1, bias 0), or add unanswerable rows"
        )
    target = np.where(answerable, 1.0 / (answers + 2.0), (none + 1.0) / (none + 2.0))
    # Fitted in units of the odds' spread, so that the steps do not depend on the size of the logits.
    centre, spread = float(odds.mean()), float(odds.std()) or 1.0
    feature = (odds - centre) / spread
    scale, bias = 0.0, float(np.log((none + 1.0) / (answers + 1.0)))
    loss = _loss(feature, target, scale, bias)
    for _ in range(STEPS):
        shares = _sigmoid(scale * feature + bias)
        weight, error = np.maximum(shares * (1 - shares), 1e-12), shares - target
        gradient = np.array([(error * feature).sum(), error.sum()])
        if np.abs(gradient).max() < TOLERANCE * len(odds):
            break
        cross = (weight * feature).sum()
        hessian = np.array([[(weight * feature**2).sum(), cross], [cross, weight.sum()]]) + 1e-12 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        for _ in range(HALVINGS):
            moved = _loss(feature, target, scale - size * step[0], bias - size * step[1])
            if moved <= loss - 1e-4 * size * float(gradient @ step):
                break
            size /= 2
        else:
            break
        scale, bias, loss = float(scale - size * step[0]), float(bias - size * step[1]), moved
    if scale < 0:
        scale, bias = 0.0, float(np.log(target.mean() / (1 - target.mean())))
    return {"scale": scale / spread, "bias": bias - scale * centre / spread, "rows": len(odds)}


def no_answer_probability(
    null_odds: float | Sequence[float] | np.ndarray, record: Mapping[str, Any] | None = None
) -> np.ndarray:
    """Return the probability that a row has no answer.

    Args:
        null_odds: of any shape.
        record: with `scale` and `bias`, as `fit_no_answer_scale` gives them; 1 and 0 where it has none.

    >>> no_answer_probability([0.0, 1e9]).tolist()
    [0.5, 1.0]
    """
    record = record or {}
    odds = np.asarray(null_odds, dtype=np.float64)
    scale, bias = record.get("scale", 1.0), record.get("bias", 0.0)
    return _sigmoid(scale * odds + bias if scale else np.full(odds.shape, float(bias)))


def _columns(
    null_odds: Sequence[float] | np.ndarray,
    has_answer: Sequence[bool] | np.ndarray,
    worth: Sequence[float] | np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    odds = np.asarray(null_odds, dtype=np.float64)
    answerable = np.asarray(has_answer).astype(bool)
    worth = np.zeros_like(odds) if worth is None else np.asarray(worth, dtype=np.float64)
    if odds.ndim != 1 or not len(odds) or not odds.shape == answerable.shape == worth.shape:
        raise ValueError(
            f"the columns have the shapes {odds.shape}, {worth.shape} and {answerable.shape}; expected null odds, "
            "worth and has_answer of the same rows, one or more"
        )
    if not (np.isfinite(odds).all() and np.isfinite(worth).all()):
        raise ValueError("null odds or the worth of answers hold NaN or infinity; look at what the model gives")
    return odds, worth, answerable


def _loss(feature: np.ndarray, target: np.ndarray, scale: float, bias: float) -> float:
    logits = scale * feature + bias
    return float((np.logaddexp(0.0, logits) - target * logits).sum())


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0.0, -logits))


__all__ = ["choose_no_answer_threshold", "fit_no_answer_scale", "no_answer_probability"]
