"""The figures of the DRAGON benchmark: AUC, Cohen's kappa (linear, unweighted) and R-SMAPE, with intervals."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import datasets
import evaluate
import numpy as np

from .confusion import as_list
from .drawing import drawn
from .figures import AUC, AVERAGES, EPSILON, LINEAR, MEANS, R_SMAPE, UNWEIGHTED, figures_of
from .intervals import Resampler, bootstrap, bootstrap_test
from .plots import panels, plot_dragon_figures
from .rows import TASK_TYPES, Rows, check_task_type, read_files, read_rows

__all__ = [
    "TASK_TYPES",
    "Dragon",
    "dragon_figures",
    "figure_of",
    "paired_dragon_difference",
    "plot_dragon_figures",
    "read_files",
]

_DESCRIPTION = """\
The figures by which the DRAGON benchmark of clinical reports judges classification and regression: area under the ROC
curve, Cohen's kappa with linear weights or without, and the robust symmetric mean absolute percentage score (R-SMAPE);
over single or several labels, with bootstrap intervals on request.
"""

_KWARGS_DESCRIPTION = """
Args:
    predictions (list): for each row the probability of true, the class, the number, or a list with one for each label.
    references (list): for each row true or false, the class, the number (None where it is not known), or a list.
    task_type (str): single_label_binary_classification, single_label_multi_class_classification,
        multi_label_binary_classification, multi_label_multi_class_classification, single_label_regression or
        multi_label_regression; the benchmark's field names, which end in _target, do as well.
    ordinal (bool): the classes have an order: the score is kappa with linear weights. Default False: without weights.
    average (str): of several labels, "pooled" (default: all labels at once, as the benchmark) or "macro" (the mean over
        labels, as the benchmark for labels of different objectives).
    epsilon (float): of R-SMAPE. Default 4, as the benchmark's for all tasks but two (PSA 0.4, PSA density 0.04).
    labels (list, optional): every class, in order. Default: those that occur, sorted: by number where all are numbers.
    label_names (list of str, optional): names of several labels. Default: label_1, label_2, ...
    n_resamples (int): bootstrap resamples; 0, the default, gives no intervals.
    confidence_level (float): of the intervals. Default 0.95.
    random_state (int): seed of the resamples. Default 0.
    groups (list, optional): the group of each row, where rows depend on one another; whole groups are resampled.
    method (str): "BCa" (default) or "percentile".
Returns:
    score (float or None), figure (str): what the benchmark reports, and which figure it is: auc, linear_kappa,
        unweighted_kappa or r_smape_score. None: it is not defined (one class alone).
    auc, accuracy; or linear_kappa, unweighted_kappa, accuracy; or r_smape_score, mean_absolute_error
    <figure>_pooled, <figure>_macro, per_label {name: {figure: value}}: with several labels
    rows (int)
    intervals: {figure: [low, high]}, with n_resamples > 0; score, auc, auc_<label name>, ...
Examples:
    >>> metric = evaluate.load("metrics/dragon")  # or the name of its Space
    >>> kind = "single_label_binary_classification"
    >>> results = metric.compute(references=[True, False, True], predictions=[0.9, 0.4, 0.4], task_type=kind)
    >>> results["figure"], results["score"]
    ('auc', 0.75)
    >>> kind = "single_label_multi_class_classification_target"
    >>> grades = {"references": ["0", "1", "2", "2"], "predictions": ["0", "2", "2", "1"]}
    >>> round(metric.compute(**grades, task_type=kind, ordinal=True)["score"], 4)
    0.4286
    >>> results = metric.compute(references=[40.0, 62.5], predictions=[38, 80], task_type="single_label_regression")
    >>> results["figure"], round(results["score"], 4)
    ('r_smape_score', 0.9281)
"""

_CITATION = """\
@article{bosma2025dragon,
  title = {The {DRAGON} benchmark for clinical {NLP}},
  author = {Bosma, Joeran S. and Dercksen, Koen and Builtjes, Luc and others},
  journal = {npj Digital Medicine},
  volume = {8},
  pages = {289},
  year = {2025},
  doi = {10.1038/s41746-025-01626-x}
}
"""

_NOISE = 1e-12


def figure_of(task_type: str, ordinal: bool = False) -> str:
    """Return the figure that is a task's score.

    >>> figure_of("multi_label_binary_classification"), figure_of("single_label_regression")
    ('auc', 'r_smape_score')
    """
    task_type = check_task_type(task_type)
    if "regression" in task_type:
        return R_SMAPE
    return AUC if "binary" in task_type else LINEAR if ordinal else UNWEIGHTED


def dragon_figures(
    predictions: Sequence[Any],
    references: Sequence[Any],
    task_type: str,
    *,
    ordinal: bool = False,
    average: str = "pooled",
    epsilon: float = EPSILON,
    labels: Sequence[Any] | None = None,
    label_names: Sequence[str] | None = None,
    n_resamples: int = 0,
    confidence_level: float = 0.95,
    random_state: int | None = 0,
    groups: Sequence[Any] | None = None,
    method: str = "BCa",
) -> dict[str, Any]:
    """Return the figures as plain data; what the module's `compute` does, without `evaluate` in between.

    Args:
        predictions: (rows,) probabilities of true, classes, numbers, or lists of these.
        references: (rows,) true or false, classes, numbers, or lists of these.
        task_type: one of `TASK_TYPES`.
        ordinal: whether classes have an order; then the score is kappa with linear weights.
        average: `pooled` or `macro`, of several labels.
        epsilon: of R-SMAPE.
        labels: every class, in order.
        label_names: names of several labels.
        n_resamples: bootstrap resamples; 0 gives no intervals.
        confidence_level: of the intervals.
        random_state: seed.
        groups: (rows,) rows that depend on one another share a group; groups are resampled.
        method: `BCa` or `percentile`.

    Raises:
        ValueError: no rows, rows or labels that do not fit together, a value that is none, or a setting out of range.

    >>> found = dragon_figures([[0.9, 0.2], [0.1, 0.8]], [[1, 0], [0, 0]], "multi_label_binary_classification")
    >>> found["score"], found["auc_macro"], found["per_label"]["label_2"]["auc"]
    (1.0, None, None)
    """
    _check_settings(average, epsilon, n_resamples)
    rows = read_rows(predictions, references, task_type, labels, label_names)
    reduced, cells = _distinct(rows)
    names, statistic = figures_of(reduced, epsilon)
    resampler = Resampler(cells, len(reduced.truth), groups)
    observed = statistic(resampler.total[None])[0]
    score = f"{figure_of(rows.task_type, ordinal)}/{average if rows.several else 'pooled'}"
    figures = _nested(rows, names, observed, score, average)
    if n_resamples:
        known = np.flatnonzero(~np.isnan(observed))
        ends = bootstrap(
            resampler,
            lambda counts: _settled(statistic(counts)[:, known], observed[known]),
            n_resamples,
            confidence_level,
            random_state,
            method,
        )
        pairs = {names[at]: [float(low), float(high)] for at, low, high in zip(known, *ends[1:], strict=True)}
        figures["intervals"] = _flat_intervals(rows, pairs, score, average)
    return figures


def paired_dragon_difference(
    references: Sequence[Any],
    predictions_a: Sequence[Any],
    predictions_b: Sequence[Any],
    task_type: str,
    *,
    ordinal: bool = False,
    average: str = "pooled",
    epsilon: float = EPSILON,
    labels: Sequence[Any] | None = None,
    n_resamples: int = 2000,
    confidence_level: float = 0.95,
    random_state: int | None = 0,
    groups: Sequence[Any] | None = None,
    method: str = "BCa",
) -> dict[str, float]:
    """Return {difference, low, high, p_value} of the score of system A minus that of B on the same rows.

    Both are resampled together, so that rows that are hard for both do not widen the interval.

    Raises:
        ValueError: as `dragon_figures`, or one of the scores is not defined.

    >>> kind, truth = "single_label_regression", [1.0, 5.0, 9.0]
    >>> paired_dragon_difference(truth, truth, [1.0, 5.0, 2.0], kind, n_resamples=99)["difference"].__round__(4)
    0.1556
    """
    _check_settings(average, epsilon, n_resamples)
    if labels is None and check_task_type(task_type) and "multi_class" in task_type:
        both = [*as_list(predictions_a), *as_list(predictions_b)]
        labels = read_rows(both, [*as_list(references)] * 2, task_type).classes
    systems = [read_rows(said, references, task_type, labels) for said in (predictions_a, predictions_b)]
    wide = np.concatenate([systems[0].truth, systems[0].said, systems[1].said], axis=1)
    distinct, cells = np.unique(wide, axis=0, return_inverse=True)
    width = systems[0].truth.shape[1]
    score = f"{figure_of(task_type, ordinal)}/{average if systems[0].several else 'pooled'}"
    statistics = []
    for number, rows in enumerate(systems, start=1):
        said = distinct[:, number * width : (number + 1) * width].astype(rows.said.dtype)
        reduced = Rows(rows.task_type, distinct[:, :width].astype(rows.truth.dtype), said, rows.classes, rows.names)
        names, statistic = figures_of(reduced, epsilon)
        statistics.append((statistic, names.index(score)))

    def difference(counts: np.ndarray) -> np.ndarray:
        a, b = (statistic(counts)[:, [at]] for statistic, at in statistics)
        return a - b

    resampler = Resampler(cells.ravel(), len(distinct), groups)
    whole = difference(resampler.total[None])[0]
    if np.isnan(whole).any():
        raise ValueError("the score of one of the systems is not defined on these rows; both classes must occur")
    found = bootstrap_test(
        resampler,
        lambda counts: _settled(difference(counts), whole),
        n_resamples,
        confidence_level,
        random_state,
        method,
    )
    return {
        name: float(values[0]) for name, values in zip(("difference", "low", "high", "p_value"), found, strict=True)
    }


def _check_settings(average: str, epsilon: float, n_resamples: int) -> None:
    if average not in AVERAGES:
        raise ValueError(f"unknown average {average!r}; known: {', '.join(AVERAGES)}")
    if not isinstance(epsilon, int | float) or not math.isfinite(epsilon) or epsilon <= 0:
        raise ValueError(f"epsilon is {epsilon!r}; it must be a number above 0, 4 in most tasks of the benchmark")
    if isinstance(n_resamples, bool) or not isinstance(n_resamples, int | np.integer) or n_resamples < 0:
        raise ValueError(f"n_resamples is {n_resamples!r}; give 0 for no intervals, 2000 say for intervals")


def _distinct(rows: Rows) -> tuple[Rows, np.ndarray]:
    """Return the distinct rows, and (rows,) which of them each row is."""
    width = rows.truth.shape[1]
    distinct, cells = np.unique(np.concatenate([rows.truth, rows.said], axis=1), axis=0, return_inverse=True)
    truth, said = distinct[:, :width].astype(rows.truth.dtype), distinct[:, width:].astype(rows.said.dtype)
    return Rows(rows.task_type, truth, said, rows.classes, rows.names), cells.ravel()


def _settled(values: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return figures of draws: the observed one where a draw has none, or differs by no more than a sum's order."""
    return np.where(np.isnan(values) | (np.abs(values - whole) < _NOISE), whole, values)


def _nested(rows: Rows, names: list[str], values: np.ndarray, score: str, average: str) -> dict[str, Any]:
    found = {name: None if math.isnan(value) else value for name, value in zip(names, values.tolist(), strict=True)}
    bare = list(dict.fromkeys(name.partition("/")[0] for name in names))
    figures: dict[str, Any] = {"score": found[score], "figure": score.partition("/")[0], "rows": len(rows.truth)}
    figures |= {name: found[f"{name}/{average if rows.several else 'pooled'}"] for name in bare}
    if rows.several:
        for part in AVERAGES:
            figures |= {f"{name}_{part}": found[f"{name}/{part}"] for name in bare if name not in MEANS}
        figures["per_label"] = {
            label: {name: found[f"{name}/{number}"] for name in bare} for number, label in enumerate(rows.names)
        }
    return figures


def _flat_intervals(rows: Rows, pairs: dict[str, list[float]], score: str, average: str) -> dict[str, list[float]]:
    flat = {"score": pairs[score]} if score in pairs else {}
    chosen = average if rows.several else "pooled"
    for name, ends in pairs.items():
        figure, _, part = name.partition("/")
        if part == chosen:
            flat[figure] = ends
        if rows.several and part in AVERAGES and figure not in MEANS:
            flat[f"{figure}_{part}"] = ends
        if part.isdigit():
            flat[f"{figure}_{rows.names[int(part)]}"] = ends
    return flat


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION, _KWARGS_DESCRIPTION)
class Dragon(evaluate.Metric):
    def _info(self) -> evaluate.MetricInfo:
        # A row is text, a number, or a list of either: JSON holds them all in one kind of column.
        row = datasets.Value("large_string")
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_KWARGS_DESCRIPTION,
            features=datasets.Features({"predictions": row, "references": row}),
            reference_urls=[
                "https://doi.org/10.1038/s41746-025-01626-x",
                "https://github.com/DIAGNijmegen/dragon_eval",
            ],
        )

    def add(self, *, prediction: Any = None, reference: Any = None, **kwargs: Any) -> None:
        """Add one row."""
        self.add_batch(predictions=[prediction], references=[reference], **kwargs)

    def add_batch(self, *, predictions: Any = None, references: Any = None, **kwargs: Any) -> None:
        """Add rows. Checked here first: `evaluate` itself answers empty rows with an IndexError."""
        predictions, references = (as_list([] if rows is None else rows) for rows in (predictions, references))
        if not predictions and not references:
            raise ValueError("references and predictions are empty: there is nothing to measure")
        if len(predictions) != len(references):
            raise ValueError(f"{len(references)} references but {len(predictions)} predictions; give one of each a row")
        packed = {"predictions": [_packed(row) for row in predictions], "references": [_packed(r) for r in references]}
        super().add_batch(**packed, **kwargs)

    def plot(self, figures: Mapping[str, Any], path: Any) -> Any:
        """Draw computed figures with their intervals to a file, or into axes."""
        return drawn(path, panels(figures))

    def _compute(self, predictions: Sequence, references: Sequence, **settings: Any) -> dict[str, Any]:
        if "task_type" not in settings:
            raise ValueError(f"task_type is missing; give one of {', '.join(TASK_TYPES)}")
        unpacked = ([json.loads(row) for row in rows] for rows in (predictions, references))
        return dragon_figures(*unpacked, **settings)


def _packed(row: Any) -> str:
    if hasattr(row, "tolist"):
        row = row.tolist()
    elif isinstance(row, list | tuple):
        row = as_list(row)
    try:
        return json.dumps(row)
    except TypeError:
        raise ValueError(
            f"a row is a {type(row).__name__}; give text, numbers, true/false, or lists of these"
        ) from None
