"""From out-of-fold predictions and votes to a deferring system: policy, threshold, certificate, figures."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.files import atomic_folder
from ..core.machine import keep_pages
from ..core.progress import say
from ..core.run_folder import RunFolder
from .asking import run_data, stated_recipe, votes_of_run
from .certificate import Certificate, certify, certify_sequence
from .choice_rows import ChoiceRows
from .cross_fitting import CrossFit, best_expert, cross_fit, declare, policy_folds
from .data import TrainingData
from .deferral_parts import Parts, split_parts
from .deferral_recipe import DeferralSpec
from .deferral_rows import check_run, gather_rows
from .gain import Gain, better_single, gain_holds, loss_gain
from .joint_policy import TrainedPolicy, classifier_settings, own_policy
from .policy_fitting import DeferralRows, FittedPolicy, policy_config
from .recipe import Recipe
from .threshold import ALWAYS, Threshold, ThresholdRule, choose_threshold

DECLARING_RATES = (0.05, 0.1, 0.2)
_POLICY_SETTINGS = (
    "policy",
    "expert_names",
    "signals",
    "traits",
    "token_weights",
    "embedding",
    "network_size",
    "mc_dropout_samples",
    "call_costs",
    "loss_matrix",
    "alpha",
)


@dataclass(frozen=True)
class Decisions:
    """What the cross-fitted system does with every row; nothing of a row's own fold took part in it.

    Attributes:
        score: (rows,) of the expert that gains most.
        expert: (rows,) number of that expert.
        deferred: (rows,) bool.
        fold: (rows,) the folds of cross-fitting.
    """

    score: np.ndarray
    expert: np.ndarray
    deferred: np.ndarray
    fold: np.ndarray

    def ranks(self) -> np.ndarray:
        """Return (rows,) each score's place among its fold's, from 0 to 1, ties averaged.

        Folds may have declared different policies, whose scores have no scale in common.
        """
        from scipy.stats import rankdata

        ranks = np.zeros(len(self.score))
        for j in np.unique(self.fold):
            part = self.fold == j
            ranks[part] = rankdata(self.score[part]) / part.sum()
        return ranks


@dataclass(frozen=True)
class DeferringSystem:
    """A policy with its threshold, and how both came about.

    Attributes:
        policy: the policy that is published.
        threshold: chosen on rows that the policy did not see.
        certificate: made on rows that chose nothing; None where no risk was asked for.
        parts: which rows did what.
        candidates: figures of the candidates on the validation rows that declared the policy.
        rates: shares deferred at which they were compared.
        losses: (classes, classes) C[true, said].
        published: the fold of cross-fitting whose policy is published.
        decisions: of the cross-fitted system.
        gain: of the cross-fitted system over the better single model.
        over: the better single model, `classifier` or `expert`.
        alone: `classifier` or `expert` where that gain does not hold up and the system falls back to it.
    """

    policy: FittedPolicy | TrainedPolicy
    threshold: Threshold
    certificate: Certificate | None
    parts: Parts
    candidates: list[dict[str, Any]]
    rates: tuple[float, ...]
    losses: np.ndarray
    published: int
    decisions: Decisions
    gain: Gain
    over: str
    alone: str | None


def defer(
    run: RunFolder | str | os.PathLike,
    *,
    votes: Sequence[str | os.PathLike] | None = None,
    expert_runs: Sequence[str | os.PathLike] | None = None,
    data: str | os.PathLike | TrainingData | None = None,
    recipe: Recipe | str | os.PathLike | None = None,
    spec: DeferralSpec | None = None,
    trust_remote_code: bool = False,
) -> dict[str, Any]:
    """Make a deferring system of a finished run and votes, and write it to the run folder.

    Args:
        run: a finished run of an encoder, or its folder. A run of questions goes to
            `question_answering.deferral.defer_answers`.
        votes: files of votes; by default what `ask` left in the run folder.
        expert_runs: of a run of questions: other runs whose answers are experts'.
        data: what the run was trained on; by default where it was then.
        recipe: with the `experts` and `deferral` sections; the run's own by default.
        spec: in place of the recipe's `deferral` section.
        trust_remote_code: whether code that lies beside an adopted model may run; it is copied beside the system.

    Returns:
        The `deferral` section of run.json.

    Raises:
        InputError: the run, the data or the votes do not fit, or a part of the data is too small.
    """
    from .deferral_report import write_deferral

    keep_pages()
    run = run if isinstance(run, RunFolder) else RunFolder.open(run)
    if run.facts["model"]["kind"] == "multitask_qa":
        from .question_answering.deferral import defer_answers

        return defer_answers(run, votes=votes, expert_runs=expert_runs, data=data, recipe=recipe, spec=spec)
    if expert_runs:
        raise InputError(
            "expert_runs are for a run of questions; in a recipe of a classifier a run is an expert: "
            "experts: [{kind: run, name: …, path: …}]"
        )
    check_run(run)
    recipe = stated_recipe(run, recipe)
    spec = spec or recipe.stated_deferral
    spec.require(run.facts["task"]["label_names"])
    data = run_data(run, data)
    own = own_policy(run, spec.policies)
    if own is not None and not votes:
        recipe = recipe.replace(experts=[expert for expert in recipe.experts if expert.name in own.config.expert_names])
    asked = votes_of_run(run, recipe, data, votes)
    if own is not None:
        asked = own.of_own_experts(asked)
    rows = gather_rows(run, data, {name: votes.rows for name, votes in asked.items()}, spec, trust_remote_code)
    say(f"{len(rows):,} out-of-fold rows with votes of {', '.join(rows.expert_names)}")
    system = build_system(run, rows, spec)
    save_system(run, system, trust_remote_code)
    return write_deferral(run, rows, spec, system, asked, recipe.resamples)


def loss_matrix(rows: DeferralRows, spec: DeferralSpec) -> np.ndarray:
    """Return (classes, classes) losses; for `kind: f1` from the classifier's own F1 on these rows."""
    f1 = None
    if spec.losses.kind == "f1":
        from sklearn.metrics import f1_score

        place = rows.label_names.index(spec.positive_label)
        f1 = float(f1_score(rows.gold == place, rows.classifier == place, zero_division=0.0))
    return spec.losses.matrix(rows.label_names, spec.positive_label, f1)


def build_system(run: RunFolder, rows: DeferralRows, spec: DeferralSpec) -> DeferringSystem:
    """Declare a policy, fit it, choose and certify its threshold, and cross-fit the same steps over all folds.

    Args:
        run: whose selected fold is published.
        rows: out-of-fold rows.
        spec: the recipe's section.
    """
    classifier_config = classifier_settings(run.fold_folder(run.selected_fold))
    trained = own_policy(run, spec.policies)

    def fit(kind: str, part: DeferralRows) -> FittedPolicy | TrainedPolicy:
        if trained is not None and kind == trained.config.policy:
            return trained
        own = loss_matrix(part, spec)
        return FittedPolicy(policy_config(spec, kind, classifier_config, own, rows.expert_names), part, own, spec)

    fold = policy_folds(rows)
    published = run.selected_fold if fold is rows.fold else int(np.unique(fold)[0])
    crossed = cross_fit(rows, fold, list(dict.fromkeys(spec.policies)), fit)
    rule = spec.threshold
    rates = DECLARING_RATES if rule.budget is None or rule.kind != "budget" else (rule.budget,)
    # The fold was picked among those trained by its held-out rows, so each of them may have been the one.
    picked_from = len(run.facts["folds"]["trained"])
    decisions, declared = decide_cross_fitted(rows, crossed, spec, rates, picked_from)
    losses = loss_matrix(rows.take(np.flatnonzero(fold != published)), spec)
    name, candidates = declared[published]
    policy = crossed.final[name][published]
    parts = split_parts(rows.ids, rows.groups, fold, published, seed=spec.seed)
    choosing, certifying = (
        choice_rows(rows.take(part), crossed.outer[name][part], losses) for part in (parts.choose, parts.certify)
    )
    gain, single = gain_of(rows, decisions, spec, parts.certify, losses)
    groups = None if rows.groups is None else rows.groups[parts.certify]
    certificate = None
    if rule.kind == "target_risk":
        strict = dataclasses.replace(rule, delta=rule.delta / picked_from)
        threshold, certificate = certify_sequence(strict, choosing, certifying, groups=groups)
    else:
        threshold = choose_threshold(rule, choosing, candidates=picked_from)
    alone = single if spec.fallback and not gain.holds else None
    if alone is not None:
        share, what = (0.0, "Nothing") if alone == "classifier" else (1.0, "Everything")
        threshold = dataclasses.replace(
            threshold,
            value=None if alone == "classifier" else ALWAYS,
            rate=share,
            rate_bound=share,
            reason=f"{what} is deferred: {gain.statement}",
        )
        certificate = None
    level = rule.target_risk if rule.kind == "target_risk" else spec.risk.level if spec.risk else None
    if certificate is None and level is not None:
        delta = (spec.risk.delta if spec.risk else rule.delta) / picked_from
        certified = losses if spec.losses.missed else "error"
        certificate = certify(threshold, certifying, level=level, delta=delta, loss=certified, groups=groups)
    return DeferringSystem(
        policy, threshold, certificate, parts, candidates, rates, losses, published, decisions, gain, single, alone
    )


def gain_of(
    rows: DeferralRows, decisions: Decisions, spec: DeferralSpec, left_out: np.ndarray, losses: np.ndarray
) -> tuple[Gain, str]:
    """Return what the cross-fitted system gains over the better single model, and which that is.

    The expert alone is one only where asking about every text is allowed.

    Args:
        rows: out-of-fold rows.
        decisions: of the cross-fitted system.
        spec: the recipe's section; the figure is the one that declares policies.
        left_out: rows that take no part, because they certify what follows.
        losses: (classes, classes) C[true, said].
    """
    rows_used = np.setdiff1d(np.arange(len(rows)), left_out)
    figure = {"accuracy": "accuracy", "loss": "loss", "f1": "macro_f1"}[spec.declare_by]
    if spec.declare_by == "f1" and spec.positive_label:
        figure = f"f1_{spec.positive_label}"
    second = rows.answered()[np.arange(len(rows)), decisions.expert]
    system = np.where(decisions.deferred, second, rows.classifier)
    gold, name, single = rows.gold[rows_used], "classifier", rows.classifier[rows_used]
    rule = spec.threshold
    if (rule.budget is None or rule.budget >= 1) and rule.cost_budget_usd_per_1000 is None:
        expert = second[rows_used]
        if figure == "loss":
            name = "classifier" if losses[gold, single].mean() <= losses[gold, expert].mean() else "expert"
        else:
            name, _ = better_single(gold, single, expert, label_names=rows.label_names, figure=figure)
        single = single if name == "classifier" else expert
    groups = None if rows.groups is None else rows.groups[rows_used]
    if figure == "loss":
        gain = loss_gain(losses[gold, system[rows_used]], losses[gold, single], groups)
    else:
        gain = gain_holds(gold, system[rows_used], single, label_names=rows.label_names, figure=figure, groups=groups)
    return gain, name


def decide_cross_fitted(
    rows: DeferralRows,
    crossed: CrossFit,
    spec: DeferralSpec,
    rates: Sequence[float],
    candidates: int,
) -> tuple[Decisions, dict[int, tuple[str, list[dict[str, Any]]]]]:
    """Return what the system does with each fold's rows, and fold → which policy was declared by the other folds.

    A fold's threshold is chosen as the published one is, on half of the rows that its policy did not see, and decides
    about the other half; then the halves change places.

    Args:
        rows: out-of-fold rows.
        crossed: the candidates' scores.
        spec: the recipe's section.
        rates: shares deferred at which candidates are compared.
        candidates: how many folds the published one was picked from.
    """
    n = len(rows)
    score, expert, deferred = np.zeros(n, np.float32), np.zeros(n, np.int64), np.zeros(n, bool)
    declared = {}
    for j in np.unique(crossed.fold):
        validation, held_out = np.flatnonzero(crossed.fold != j), np.flatnonzero(crossed.fold == j)
        seen = {name: tables[int(j)][validation] for name, tables in crossed.inner.items()}
        others = rows.take(validation)
        losses = loss_matrix(others, spec)
        name, figures = declare(others, seen, rates, spec.declare_by, losses, spec.positive_label)
        declared[int(j)] = (name, figures)
        score[held_out], expert[held_out] = best_expert(crossed.outer[name][held_out])
        parts = split_parts(rows.ids, rows.groups, crossed.fold, int(j), seed=spec.seed)
        for choose, decide in ((parts.choose, parts.certify), (parts.certify, parts.choose)):
            choosing = choice_rows(rows.take(choose), crossed.outer[name][choose], losses)
            deferred[decide] = lowest_risk_or(spec.threshold, choosing, candidates).decide(score[decide])
    return Decisions(score, expert, deferred, crossed.fold), declared


def lowest_risk_or(rule: ThresholdRule, choosing: ChoiceRows, candidates: int) -> Threshold:
    """Return the rule's threshold, or the one with the lowest risk where these rows do not reach the rule's."""
    try:
        return choose_threshold(rule, choosing, candidates=candidates)
    except InputError:
        if rule.kind != "target_risk":
            raise
        lowest = dataclasses.replace(rule, kind="best_f1", objective="expected_cost")
        return choose_threshold(lowest, choosing, candidates=candidates)


def choice_rows(rows: DeferralRows, scores: np.ndarray, losses: np.ndarray) -> ChoiceRows:
    """Return rows with (rows, experts) scores as the threshold reads them: the vote is the best expert's."""
    score, expert = best_expert(scores)
    return ChoiceRows(
        scores=score,
        ids=rows.ids.tolist(),
        gold=rows.gold,
        classifier=rows.classifier,
        expert=rows.votes[np.arange(len(rows)), expert],
        loss_matrix=losses,
        call_costs=rows.call_costs[np.arange(len(rows)), expert],
        label_names=rows.label_names,
    )


def save_system(run: RunFolder, system: DeferringSystem, trust_remote_code: bool = False) -> None:
    """Write the deferring model: the selected fold's classifier with the policy, its threshold and its certificate.

    A policy that was trained along is the fold's own, with the weights it has there.

    Args:
        run: whose fold it is.
        system: what is written.
        trust_remote_code: whether code beside the fold's model may run.
    """
    from ..modeling import DeferralForSequenceClassification
    from ..scoring.engine import classifier_of, load_classifier

    model, tokenizer = load_classifier(run.fold_folder(run.selected_fold), trust_remote_code)
    model, policy, threshold = model.cpu(), system.policy, system.threshold
    if not isinstance(policy, TrainedPolicy):
        settings = {name: getattr(policy.config, name) for name in _POLICY_SETTINGS}
        model = DeferralForSequenceClassification.from_classifier(classifier_of(model), tokenizer, **settings)
        model.policy.load_state_dict(policy.policy.state_dict())
    model.config.threshold = threshold.value
    model.config.threshold_record = threshold.as_dict()
    model.config.certificate = None if system.certificate is None else system.certificate.as_dict()
    with atomic_folder(run.system_folder) as temporary:
        model.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
