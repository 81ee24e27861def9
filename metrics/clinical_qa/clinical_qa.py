"""How good a model is that answers questions about clinical notes: the answer's span, its category, and both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import datasets
import evaluate
import numpy as np

from .answers import normalize
from .confusion import as_list
from .drawing import drawn
from .figures import flat_figures, flatten, known_figures, nested, row_sums, settled
from .intervals import bootstrap
from .paired import paired_qa_difference, paired_qa_differences
from .plots import panels, plot_qa_figures
from .resample import SumResampler
from .rows import CATEGORIES, NONE, Predictions, References, read_predictions, read_references, same_ids
from .scores import Scores, row_columns, score_rows
from .thresholds import best_threshold

__all__ = [
    "CATEGORIES",
    "ClinicalQA",
    "best_threshold",
    "flatten",
    "normalize",
    "paired_qa_difference",
    "paired_qa_differences",
    "plot_qa_figures",
    "qa_figures",
    "row_scores",
]

_DESCRIPTION = """\
How good a model is that answers questions about clinical notes by a span of text and one of five categories: exact
match and F1 as of SQuAD's official script 2.0 (also apart for questions with and without an answer), accuracy and
macro F1 of the category with precision, recall and F1 of each, joint accuracy (span and category both right), the best
no-answer thresholds, and bootstrap intervals on request. All figures lie between 0 and 1.
"""

_KWARGS_DESCRIPTION = """
Args:
    predictions (list of dict): for each question
        id (str or int)
        prediction_text (str): the answer, "" for none; left out everywhere by a system that gives no spans.
        no_answer_probability (float, optional): from 0 to 1, for every row or for none.
        category (str or None), or category_probabilities (five floats, or {category: float}), of which the greatest
            counts; left out everywhere by a system that names no category. None in some rows counts as wrong there.
    references (list of dict): for each question, in any order
        id (str or int)
        answers: {"text": [...], "answer_start": [...]}; empty lists for an unanswerable question.
        category_probs (five floats, optional): a soft target; all zeros, or None, for an unlabelled row. The greatest
            is the true category; where several tie, each of them counts as right.
        span_labelled (bool, optional): False where the row takes part in the category task alone. Default True.
    n_resamples (int): bootstrap resamples; 0, the default, gives no intervals.
    confidence_level (float): of the intervals. Default 0.95.
    random_state (int): seed of the resamples. Default 0.
    groups (list or dict, optional): the group of each reference, or {id: group}, where rows depend on one another (one
        note); whole groups are then resampled.
    method (str): "BCa" (default) or "percentile".
    no_answer_threshold (float): an answer whose no_answer_probability is above counts as "no answer". Default 1.0.
Returns:
    exact, f1, total; HasAns_exact, HasAns_f1, HasAns_total; NoAns_exact, NoAns_f1, NoAns_total
    best_exact, best_exact_thresh, best_f1, best_f1_thresh: with no_answer_probability
    category_accuracy, category_macro_f1, category_total
    per_category: {name: {precision, recall, f1, support}}
    category_confusion: {labels, counts, unanswered}; a row for each true category, a column for each predicted one
    joint_accuracy, joint_total
    intervals: {figure: [low, high]}, with n_resamples > 0; exact, f1_<category>, precision_<category>, ...
    Keys of a part that no row has are absent.
Examples:
    >>> metric = evaluate.load("metrics/clinical_qa")  # or the name of its Space
    >>> medication, unlabelled = [0, 1, 0, 0, 0], [0, 0, 0, 0, 0]
    >>> references = [
    ...     {"id": "q1", "answers": {"text": ["aspirin 81 mg"], "answer_start": [9]}, "category_probs": medication},
    ...     {"id": "q2", "answers": {"text": [], "answer_start": []}, "category_probs": unlabelled},
    ... ]
    >>> predictions = [
    ...     {"id": "q2", "prediction_text": "", "category": "Diagnosis"},
    ...     {"id": "q1", "prediction_text": "the aspirin", "category": "Medication"},
    ... ]
    >>> results = metric.compute(predictions=predictions, references=references)
    >>> results["exact"], results["f1"], results["HasAns_f1"], results["NoAns_exact"]
    (0.5, 0.75, 0.5, 1.0)
    >>> results["category_accuracy"], results["category_total"], results["joint_accuracy"], results["joint_total"]
    (1.0, 1, 0.0, 1)
    >>> results["per_category"]["Medication"]
    {'precision': 1.0, 'recall': 1.0, 'f1': 1.0, 'support': 1}
"""

_CITATION = """\
@inproceedings{rajpurkar2018know,
  title = {Know What You Don't Know: Unanswerable Questions for {SQuAD}},
  author = {Rajpurkar, Pranav and Jia, Robin and Liang, Percy},
  booktitle = {Proceedings of ACL},
  year = {2018}
}
@inproceedings{pampari2018emrqa,
  title = {{emrQA}: A Large Corpus for Question Answering on Electronic Medical Records},
  author = {Pampari, Anusri and Raghavan, Preethi and Liang, Jennifer and Peng, Jian},
  booktitle = {Proceedings of EMNLP},
  year = {2018}
}
"""


def qa_figures(
    predictions: Sequence[Mapping[str, Any]],
    references: Sequence[Mapping[str, Any]],
    *,
    n_resamples: int = 0,
    confidence_level: float = 0.95,
    random_state: int | None = 0,
    groups: Sequence[Any] | Mapping[str, Any] | None = None,
    method: str = "BCa",
    no_answer_threshold: float = 1.0,
) -> dict[str, Any]:
    """Return the figures as plain data; what the module's `compute` does, without `evaluate` in between.

    Args:
        predictions: (rows,) dicts of `id`, `prediction_text`, `category` or `category_probabilities`, and
            `no_answer_probability`; see the metric's description. Without `prediction_text`, or without a category, in
            any row, the figures of that task are left out.
        references: (rows,) dicts of `id`, `answers`, `category_probs`, `span_labelled`, in any order.
        n_resamples: bootstrap resamples; 0 gives no intervals.
        confidence_level: of the intervals.
        random_state: seed.
        groups: the group of each reference in the order given, or {id: group}; whole groups are resampled.
        method: `BCa` or `percentile`.
        no_answer_threshold: an answer whose no-answer probability is above counts as "no answer".

    Raises:
        ValueError: no rows, ids that do not match or repeat, an unknown category, probabilities that do not sum to one,
            a field that is none, or a setting out of range.

    >>> true = [{"id": 1, "answers": {"text": ["a mild rash"], "answer_start": [7]}}]
    >>> qa_figures([{"id": 1, "prediction_text": "Mild rash."}], true)
    {'exact': 1.0, 'f1': 1.0, 'total': 1, 'HasAns_exact': 1.0, 'HasAns_f1': 1.0, 'HasAns_total': 1}
    """
    if isinstance(n_resamples, bool) or not isinstance(n_resamples, int | np.integer) or n_resamples < 0:
        raise ValueError(f"n_resamples is {n_resamples!r}; give 0 for no intervals, 2000 say for intervals")
    said, true = read_predictions(predictions), read_references(references)
    scores = score_rows(said, true, groups, no_answer_threshold)
    figures = nested(scores)
    if n_resamples:
        figures["intervals"] = _intervals(scores, int(n_resamples), confidence_level, random_state, method)
    return figures


def row_scores(
    predictions: Sequence[Mapping[str, Any]],
    references: Sequence[Mapping[str, Any]],
    *,
    no_answer_threshold: float = 1.0,
) -> dict[str, list[Any]]:
    """Return each row's scores as columns, in the order of the references.

    Args:
        predictions: (rows,) as `qa_figures` takes them.
        references: (rows,) as `qa_figures` takes them.
        no_answer_threshold: an answer whose no-answer probability is above counts as "no answer".

    Returns:
        {id, exact (0.0 or 1.0), f1, has_answer, category_right, joint}; None where a row takes no part in a task.

    Raises:
        ValueError: as `qa_figures`.

    >>> true = [{"id": 1, "answers": {"text": ["rash"], "answer_start": [7]}, "category_probs": [0, 0, 1, 0, 0]}]
    >>> row_scores([{"id": 1, "prediction_text": "red rash", "category": "Symptoms"}], true)["f1"]
    [0.6666666666666666]
    """
    scores = score_rows(read_predictions(predictions), read_references(references), None, no_answer_threshold)
    return row_columns(scores)


def _intervals(
    scores: Scores, n_resamples: int, confidence_level: float, random_state: int | None, method: str
) -> dict[str, list[float]]:
    sums = row_sums(scores)
    names = known_figures(sums.sum(axis=0))
    whole = flat_figures(sums.sum(axis=0)[None], names)[0]

    def statistic(drawn: np.ndarray) -> np.ndarray:
        return settled(flat_figures(drawn, names, whole), whole)

    resampler = SumResampler(sums, scores.groups)
    _, low, high = bootstrap(resampler, statistic, n_resamples, confidence_level, random_state, method)
    return {name: list(ends) for name, *ends in zip(names, low.tolist(), high.tolist(), strict=True)}


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION, _KWARGS_DESCRIPTION)
class ClinicalQA(evaluate.Metric):
    def _info(self) -> evaluate.MetricInfo:
        # `evaluate` refuses a first row whose "string" is None; of a "large_string" it does not ask.
        text, number, places = datasets.Value("large_string"), datasets.Value("float64"), datasets.Value("int64")
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_KWARGS_DESCRIPTION,
            features=datasets.Features(
                {
                    "predictions": {
                        "id": text,
                        "prediction_text": text,
                        "no_answer_probability": number,
                        "category": text,
                    },
                    "references": {
                        "id": text,
                        "answers": {"text": datasets.List(text), "answer_start": datasets.List(places)},
                        "category_probs": datasets.List(number),
                        "span_labelled": datasets.Value("bool"),
                    },
                }
            ),
            reference_urls=["https://rajpurkar.github.io/SQuAD-explorer/", "https://aclanthology.org/D18-1258/"],
        )

    def add(self, *, prediction: Any = None, reference: Any = None, **kwargs: Any) -> None:
        """Add one row."""
        self.add_batch(predictions=[prediction], references=[reference], **kwargs)

    def add_batch(self, *, predictions: Any = None, references: Any = None, **kwargs: Any) -> None:
        """Add rows, checked here first: `evaluate` itself prints whole rows in its messages, and takes no short form.

        The ids of predictions and references are matched when everything is there, in `compute`.
        """
        said, true = read_predictions(predictions), read_references(references)
        if not said.ids and not true.ids:
            raise ValueError("predictions and references are empty: there is nothing to measure")
        if len(said.ids) != len(true.ids):
            same_ids(said.ids, true.ids)
        super().add_batch(predictions=_plain_predictions(said), references=_plain(true), **kwargs)

    def plot(self, figures: Mapping[str, Any], path: Any) -> Any:
        """Draw computed figures with their intervals to a file, or into axes."""
        return drawn(path, panels(figures))

    def _compute(self, predictions: Sequence, references: Sequence, **settings: Any) -> dict[str, Any]:
        return qa_figures(predictions, references, **settings)


def _plain_predictions(rows: Predictions) -> list[dict[str, Any]]:
    columns = zip(rows.ids, rows.texts, rows.no_answer.tolist(), rows.categories.tolist(), strict=True)
    return [
        {
            "id": row_id,
            "prediction_text": text,
            "no_answer_probability": None if no_answer != no_answer else no_answer,
            "category": None if category == NONE else CATEGORIES[category],
        }
        for row_id, text, no_answer, category in columns
    ]


def _plain(rows: References) -> list[dict[str, Any]]:
    accepted = rows.accepted / np.maximum(rows.accepted.sum(axis=1, keepdims=True), 1)
    return [
        {
            "id": row_id,
            "answers": {"text": as_list(texts), "answer_start": None},
            "category_probs": probs,
            "span_labelled": span,
        }
        for row_id, texts, probs, span in zip(rows.ids, rows.texts, accepted.tolist(), rows.spans.tolist(), strict=True)
    ]
