"""Two systems on the same rows: which one is better, and by how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .answers import Reader
from .figures import flat_figures, known_figures, row_sums, settled
from .intervals import bootstrap_test
from .resample import SumResampler
from .rows import read_predictions, read_references
from .scores import score_rows

FIGURES = ("exact", "f1", "category_accuracy", "category_macro_f1", "joint_accuracy")


def paired_qa_differences(
    predictions_a: Sequence[Mapping[str, Any]],
    predictions_b: Sequence[Mapping[str, Any]],
    references: Sequence[Mapping[str, Any]],
    figures: Sequence[str] | None = None,
    *,
    groups: Sequence[Any] | Mapping[str, Any] | None = None,
    n_resamples: int = 2000,
    confidence_level: float = 0.95,
    random_state: int | None = 0,
    method: str = "BCa",
    no_answer_threshold: float = 1.0,
) -> dict[str, dict[str, float]]:
    """Return {figure: {a, b, difference, low, high, p_value}} of system A minus system B on the same rows.

    Both systems are resampled together, so that rows that are hard for both do not widen the interval. The p-value is
    two-sided and belongs to the interval.

    Args:
        predictions_a: (rows,) A's answers, as `qa_figures` takes them.
        predictions_b: (rows,) B's.
        references: (rows,) what is true.
        figures: flat names (`f1`, `category_macro_f1`, `f1_Medication`, …); when left out, those of exact, f1,
            category_accuracy, category_macro_f1 and joint_accuracy that both systems have.
        groups: the group of each reference, or {id: group}; whole groups (notes) are resampled.
        n_resamples: number of resamples.
        confidence_level: of the intervals.
        random_state: seed.
        method: `BCa` or `percentile`.
        no_answer_threshold: an answer whose no-answer probability is above counts as "no answer".

    Raises:
        ValueError: as `qa_figures`; or a figure that one of the systems does not have.

    >>> true = [{"id": str(i), "answers": {"text": ["rash"], "answer_start": [0]}} for i in range(4)]
    >>> a = [{"id": str(i), "prediction_text": "rash"} for i in range(4)]
    >>> b = [{"id": str(i), "prediction_text": "rash" if i else "a red rash"} for i in range(4)]
    >>> paired_qa_differences(a, b, true, ["exact"], n_resamples=200)["exact"]["difference"]
    0.25
    """
    truth, reader = read_references(references), Reader()
    systems = [
        score_rows(read_predictions(rows, name), truth, groups, no_answer_threshold, name, reader)
        for name, rows in (("predictions_a", predictions_a), ("predictions_b", predictions_b))
    ]
    sums = [row_sums(scores) for scores in systems]
    known_a, known_b = (known_figures(values.sum(axis=0)) for values in sums)
    shared = [name for name in known_a if name in known_b]
    wanted = [name for name in FIGURES if name in shared] if figures is None else list(figures)
    unknown = [name for name in wanted if name not in shared]
    if unknown or not wanted:
        what = f"no figure {unknown[0]!r} of both systems" if unknown else "no figure that both systems have"
        raise ValueError(f"there is {what}; both have: {', '.join(shared) or 'none'}")
    width = sums[0].shape[1]
    whole = [flat_figures(values.sum(axis=0)[None], wanted)[0] for values in sums]

    def statistic(drawn: np.ndarray) -> np.ndarray:
        a = flat_figures(drawn[:, :width], wanted, whole[0])
        b = flat_figures(drawn[:, width:], wanted, whole[1])
        return settled(settled(a - b, 0.0), whole[0] - whole[1])

    resampler = SumResampler(np.concatenate(sums, axis=1), systems[0].groups)
    found = bootstrap_test(resampler, statistic, n_resamples, confidence_level, random_state, method)
    names = ("a", "b", "difference", "low", "high", "p_value")
    columns = [values.tolist() for values in (*whole, *found)]
    return {figure: dict(zip(names, row, strict=True)) for figure, *row in zip(wanted, *columns, strict=True)}


def paired_qa_difference(
    predictions_a: Sequence[Mapping[str, Any]],
    predictions_b: Sequence[Mapping[str, Any]],
    references: Sequence[Mapping[str, Any]],
    figure: str = "f1",
    **settings: Any,
) -> dict[str, float]:
    """Return {a, b, difference, low, high, p_value} of one figure, A minus B; settings as `paired_qa_differences`.

    >>> true = [{"id": 1, "answers": {"text": ["rash"], "answer_start": [0]}}]
    >>> said = [{"id": 1, "prediction_text": "rash"}]
    >>> paired_qa_difference(said, said, true, n_resamples=50)["p_value"]
    1.0
    """
    return paired_qa_differences(predictions_a, predictions_b, references, [figure], **settings)[figure]
