"""How good a classifier is that defers some rows to an expert, beside classifier, expert, chance and oracle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import datasets
import evaluate

from .areas import EMPTY, curve_figures
from .confusion import flatten, label_table
from .costs import cost_figures
from .curve import CPT_LEVELS
from .decision import Decision
from .drawing import drawn
from .intervals import METHODS
from .paired import RATES, paired_deferral
from .plots import panels, plot_deferral_curve, plot_reliability
from .rows import (
    Rows,
    check_bootstrap,
    deferred_count,
    read_decisions,
    read_rows,
    read_scores,
    tie_free,
    top_k,
)

__all__ = [
    "CPT_LEVELS",
    "METHODS",
    "DeferralRate",
    "deferral_figures",
    "figures_at_rates",
    "flatten",
    "paired_deferral",
    "plot_deferral_curve",
    "plot_reliability",
]

_DESCRIPTION = """\
How good a system is in which a classifier defers some rows to an expert: deferral rate, accuracy and F1 of the system,
beside the classifier alone, the expert alone, deferring by lot and an oracle at the same rate; the deferral curve and
its areas (AUDC, AURC, E-AURC, AUGRC), the router figures APGR and CPT, cost, bootstrap intervals and paired tests.
"""

_KWARGS_DESCRIPTION = """
Args:
    references (list of int or str): the true class of each row.
    predictions (list of int or str): the classifier's class of each row.
    expert_predictions (list of int, str or None): the expert's class of each row; None where its vote is unusable.
    deferral_scores (list of float, optional): higher is rather deferred; needed for rate= and for the curve.
    deferred (list of bool, optional): which rows were deferred.
    rate (float, optional): defer this share of the rows, those of highest score, instead of giving deferred=.
    label_names (list of str, optional): the classes' names in order. Default: the classes that occur, sorted.
    positive_label (int or str, optional): the class whose F1 is "f1"; without it "f1" is the macro mean.
    ids (list, optional): unique ids, by which tied scores are told apart where one decision is made.
    groups (list, optional): the group of each row, where rows depend on one another; groups are resampled.
    call_costs (float or list of float, optional): price of asking the expert, for every row or for each.
    n_resamples (int): bootstrap resamples. Default 2000; 0 gives no intervals and no p-values of differences.
    confidence_level (float): of the intervals. Default 0.95.
    random_state (int): seed of the resamples. Default 0.
    loss_matrix (list of lists, optional): cost of saying the column's class where the row's is true.
Returns:
    rows, deferred_rows, unanswered (int), deferral_rate, coverage (float)
    system, classifier, expert, random, oracle: {accuracy, f1, macro_f1, weighted_f1, micro_f1, per_class, ...}
    classifier_on_kept, classifier_on_deferred, expert_on_deferred: the same, or None where there is no such row
    curve, audc, audc_random, audc_oracle, aurc, e_aurc, augrc, apgr, apgr_f1, cpt, cpt_f1, reliability: with scores
    undefined: {figure: why it is None}
    cost: {total, per_1000, share_of_expert}, loss: {system, classifier, expert, random}, or None
    intervals: {figure: [low, high]}, named system.f1, audc.accuracy, ...
    differences: {"system - classifier": {figure: {difference, low, high, p_value}}, ...}
    mcnemar: {"system - classifier": {only_system_right, only_classifier_right, p_value}, ...}
Examples:
    >>> metric = evaluate.load("metrics/deferral_rate")  # or the name of its Space
    >>> truth, said = ["flu", "cold", "flu", "cold"], ["flu", "flu", "cold", "cold"]
    >>> asked = {"expert_predictions": ["flu", "cold", None, "flu"], "deferral_scores": [0.1, 0.9, 0.8, 0.2]}
    >>> results = metric.compute(references=truth, predictions=said, **asked, rate=0.5, n_resamples=200)
    >>> results["deferral_rate"], results["system"]["accuracy"], results["classifier"]["accuracy"]
    (0.5, 0.75, 0.5)
    >>> results["unanswered"], results["oracle"]["accuracy"], results["random"]["accuracy"]
    (1, 0.75, 0.5)
    >>> results["curve"]["accuracy"]["policy"]
    [0.5, 0.75, 0.75, 0.5, 0.5]
    >>> results["audc"]["accuracy"]
    0.6
"""

_CITATION = """\
@inproceedings{geifman2017selective,
  title = {Selective Classification for Deep Neural Networks},
  author = {Geifman, Yonatan and El-Yaniv, Ran},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2017}
}
@inproceedings{traub2024overcoming,
  title = {Overcoming Common Flaws in the Evaluation of Selective Classification Systems},
  author = {Traub, Jeremias and others},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2024}
}
@article{ong2024routellm,
  title = {RouteLLM: Learning to Route LLMs with Preference Data},
  author = {Ong, Isaac and others},
  year = {2024}
}
"""


def deferral_figures(
    references: Sequence[Any],
    predictions: Sequence[Any],
    expert_predictions: Sequence[Any],
    deferral_scores: Sequence[float] | None = None,
    deferred: Sequence[bool] | None = None,
    *,
    rate: float | None = None,
    label_names: Sequence[str] | None = None,
    positive_label: Any = None,
    ids: Sequence[Any] | None = None,
    groups: Sequence[Any] | None = None,
    call_costs: Sequence[float] | float | None = None,
    n_resamples: int = 2000,
    confidence_level: float = 0.95,
    random_state: int | None = 0,
    loss_matrix: Sequence[Sequence[float]] | None = None,
) -> dict[str, Any]:
    """Return the figures as plain data; what the module's `compute` does, without `evaluate` in between.

    A row that is deferred and has no usable vote is answered by the classifier and counted as `unanswered`. The expert
    alone gets no such help: a row without a vote counts as wrong, and as a false alarm of no class.

    Args:
        references: (rows,) true classes, integers or strings.
        predictions: (rows,) the classifier's classes.
        expert_predictions: (rows,) the expert's classes, None where its vote is unusable.
        deferral_scores: (rows,) higher is rather deferred; without them there is no curve.
        deferred: (rows,) which rows were deferred.
        rate: share of rows to defer, highest scores first, in place of `deferred`; never more than the share.
        label_names: the classes' names in order.
        positive_label: the class whose F1 is `f1`; None stands for the macro mean.
        ids: (rows,) unique; of tied scores the row whose id has the lower SHA-1 is deferred first.
        groups: (rows,) rows that depend on one another share a group; groups are resampled.
        call_costs: price of asking the expert: one, or (rows,).
        n_resamples: bootstrap resamples; 0 gives no intervals.
        confidence_level: of the intervals.
        random_state: seed.
        loss_matrix: (classes, classes) cost of saying the column where the row is true.

    Raises:
        ValueError: no rows, columns that do not fit together, an unknown label, neither `deferred` nor a rate with
            scores, or a setting out of range.

    >>> figures = deferral_figures([0, 1, 1], [0, 0, 1], [1, 1, None], [0.1, 0.9, 0.3], rate=0.34, n_resamples=99)
    >>> figures["deferred_rows"], figures["system"]["accuracy"], figures["expert"]["accuracy"]
    (1, 1.0, 0.3333333333333333)
    """
    check_bootstrap(n_resamples, confidence_level)
    rows = read_rows(
        references, predictions, expert_predictions, label_names, positive_label, groups, call_costs, loss_matrix
    )
    scores = None if deferral_scores is None else read_scores(deferral_scores, len(rows))
    if deferred is not None and rate is not None:
        raise ValueError("deferred= and rate= both say which rows are deferred; give one of them")
    if deferred is not None:
        chosen = read_decisions(deferred, len(rows))
    elif rate is not None and scores is not None:
        chosen = top_k(tie_free(scores, ids), deferred_count(rate, len(rows)))
    else:
        raise ValueError("which rows are deferred? Give deferred= (a bool a row), or deferral_scores= and rate=")
    order = rows.canonical_order(chosen, scores)
    rows, chosen = rows.take(order), chosen[order]
    settings = (n_resamples, confidence_level, random_state)
    figures = _at_decision(rows, chosen, settings)
    if scores is None:
        return figures | dict.fromkeys(EMPTY) | {"reliability": None, "undefined": {}}
    areas, intervals, differences = curve_figures(rows, scores[order], *settings)
    figures["intervals"] |= intervals
    figures["differences"]["system - random"] |= differences
    return figures | areas


def figures_at_rates(
    references: Sequence[Any],
    predictions: Sequence[Any],
    expert_predictions: Sequence[Any],
    deferral_scores: Sequence[float],
    *,
    rates: Sequence[float] = RATES,
    label_names: Sequence[str] | None = None,
    positive_label: Any = None,
    ids: Sequence[Any] | None = None,
    groups: Sequence[Any] | None = None,
    call_costs: Sequence[float] | float | None = None,
    n_resamples: int = 2000,
    confidence_level: float = 0.95,
    random_state: int | None = 0,
    loss_matrix: Sequence[Sequence[float]] | None = None,
) -> dict[str, dict[str, Any]]:
    """Return {rate: figures} of several rates; figures and arguments as of `deferral_figures`, less those of the curve.

    Raises:
        ValueError: as `deferral_figures`.

    >>> found = figures_at_rates([0, 1], [0, 0], [1, 1], [0.1, 0.9], rates=[0, 0.5, 1], n_resamples=0)
    >>> {rate: figures["system"]["accuracy"] for rate, figures in found.items()}
    {'0': 0.5, '0.5': 1.0, '1': 0.5}
    """
    check_bootstrap(n_resamples, confidence_level)
    rows = read_rows(
        references, predictions, expert_predictions, label_names, positive_label, groups, call_costs, loss_matrix
    )
    ranks = tie_free(read_scores(deferral_scores, len(rows)), ids)
    found = {}
    for rate in rates:
        chosen = top_k(ranks, deferred_count(rate, len(rows)))
        order = rows.canonical_order(chosen)
        settings = (n_resamples, confidence_level, random_state)
        found[f"{float(rate):g}"] = _at_decision(rows.take(order), chosen[order], settings)
    return found


def _at_decision(rows: Rows, deferred: Any, settings: tuple[int, float, int | None]) -> dict[str, Any]:
    decision = Decision(rows, deferred)
    figures = {"loss": None, "cost": None, **decision.figures()}
    figures["intervals"], figures["differences"] = decision.intervals(*settings)
    figures["mcnemar"] = decision.mcnemar()
    if rows.costs is not None:
        figures["cost"], intervals = cost_figures(rows, deferred, *settings)
        figures["intervals"] |= intervals
    return figures


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION, _KWARGS_DESCRIPTION)
class DeferralRate(evaluate.Metric):
    def _info(self) -> evaluate.MetricInfo:
        kinds = (datasets.Value("string"), datasets.Value("int64"))
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_KWARGS_DESCRIPTION,
            features=[datasets.Features({"predictions": kind, "references": kind}) for kind in kinds],
            reference_urls=["https://arxiv.org/abs/1705.08500", "https://arxiv.org/abs/2406.18665"],
        )

    def add_batch(self, *, predictions: Any = None, references: Any = None, **kwargs: Any) -> None:
        """Add rows. Checked here first: `evaluate` itself answers empty rows with an IndexError."""
        label_table(references, predictions)
        super().add_batch(predictions=predictions, references=references, **kwargs)

    def plot(self, figures: Mapping[str, Any], path: Any) -> Any:
        """Draw the deferral curve of computed figures, or the systems where there is none, to a file, or into axes."""
        return drawn(path, panels(figures))

    def _compute(
        self, predictions: Sequence, references: Sequence, expert_predictions: Sequence | None = None, **settings: Any
    ) -> dict[str, Any]:
        if expert_predictions is None:
            raise ValueError("expert_predictions= is missing: give the expert's class of each row, None where unusable")
        return deferral_figures(references, predictions, expert_predictions, **settings)
