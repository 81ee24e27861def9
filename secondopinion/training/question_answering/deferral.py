"""From out-of-fold answers and experts' to a model that says of which questions a second opinion is worth asking."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import InputError
from ...core.files import atomic_folder
from ...core.progress import say
from ...core.run_folder import RunFolder
from ..asking import stated_recipe
from ..cross_fitting import CrossFit, best_expert, cross_fit, policy_folds
from ..deferral import DECLARING_RATES, Decisions, lowest_risk_or
from ..deferral_parts import split_parts
from ..deferral_recipe import RecordedExpertSpec, RunExpertSpec
from ..gain import Gain, loss_gain
from ..qa_deferral_recipe import AnswerDeferralSpec
from ..qa_recipe import QuestionAnsweringRecipe
from ..recipe import load_recipe
from ..threshold import ALWAYS, Threshold, choose_threshold, top_k
from .data import QuestionAnsweringData, load_questions
from .deferral_policy import FittedAnswerPolicy, policy_settings
from .deferral_rows import AnswerDeferralRows, gather_answers
from .deferral_votes import ExpertScores, expert_of_run, experts_on_file, require_unique
from .model import load_model

MODEL, EXPERT = "model", "expert"


@dataclass(frozen=True)
class AnswerDeferringSystem:
    """A policy with its threshold, and how both came about.

    Attributes:
        policy: the policy that is published.
        threshold: chosen on rows that the policy did not see.
        candidates: figures of the candidates on the rows that declared the policy.
        rates: shares deferred at which they were compared.
        rows: how many rows fitted the policy, and how many chose its threshold.
        decisions: of the cross-fitted system.
        gain: of the cross-fitted system over the better single model.
        over: the better single model, `model` or `expert`.
        alone: `model` or `expert` where that gain does not hold up and the published system falls back to it.
    """

    policy: FittedAnswerPolicy
    threshold: Threshold
    candidates: list[dict[str, Any]]
    rates: tuple[float, ...]
    rows: dict[str, int]
    decisions: Decisions
    gain: Gain
    over: str
    alone: str | None


def defer_answers(
    run: RunFolder,
    *,
    votes: Sequence[str | os.PathLike] | None = None,
    expert_runs: Sequence[str | os.PathLike] | None = None,
    data: str | os.PathLike | QuestionAnsweringData | None = None,
    recipe: QuestionAnsweringRecipe | str | os.PathLike | None = None,
    spec: AnswerDeferralSpec | None = None,
) -> dict[str, Any]:
    """Give a run's published model a policy that defers questions, and measure what asking gains.

    The policy and its threshold go into the model's folder, the section `deferral` (kind `qa`) into run.json.

    Args:
        run: a finished run of a model that answers questions.
        votes: files of experts' answers; see `experts_on_file`.
        expert_runs: other runs on the same questions, whose out-of-fold answers are experts'.
        data: what the run was trained on; by default where it was then.
        recipe: with the sections `deferral` and, for want of the two above, `experts` (recorded answers and runs); the
            run's own by default.
        spec: in place of the recipe's `deferral` section.

    Returns:
        The `deferral` section of run.json.

    Raises:
        InputError: the run, the data or the answers do not fit, or a part of the data is too small.
    """
    from .deferral_report import write_answer_deferral

    recipe = stated_recipe(run, recipe)
    spec = spec or recipe.stated_deferral
    if not isinstance(spec, AnswerDeferralSpec):
        raise InputError(
            f"{run.path} answers questions; its deferral section is that of a recipe of kind multitask_qa, not "
            f"{type(spec).__name__}"
        )
    tasks = run.facts["task"]["tasks"]
    for policy in spec.policies:
        policy_settings(spec, policy, tasks, ["expert"])
    data = question_data(run, data)
    experts = require_unique(_experts(run, recipe, data, tasks, votes, expert_runs))
    if not experts:
        raise InputError(
            f"{run.path} has nobody to defer to: give recorded answers with --votes FILE (columns id and answer), or "
            "another run on the same questions with --expert-run RUN"
        )
    rows = gather_answers(run, data, experts, spec.right_by)
    say(f"{len(rows):,} out-of-fold rows with answers of {', '.join(rows.expert_names)}")
    system = build_answer_system(run, rows, spec)
    save_policy(run, system)
    return write_answer_deferral(run, rows, spec, system, experts, recipe.resamples)


def question_data(run: RunFolder, data: str | os.PathLike | QuestionAnsweringData | None) -> QuestionAnsweringData:
    """Return what a run was trained on, checked against its fingerprint.

    Raises:
        InputError: it is not found, or it changed.
    """
    if not isinstance(data, QuestionAnsweringData):
        location = os.fspath(data) if data is not None else run.local.get("data")
        if location is None:
            raise InputError(f"{run.path} does not say where its data lies on this machine; give it with --data")
        spec = dataclasses.replace(load_recipe(run.facts["recipe"]).dataset, path=location)
        with tempfile.TemporaryDirectory(prefix="secondopinion-") as cache:
            return question_data(run, load_questions(spec, Path(cache)))
    trained_on = run.facts["dataset"]["fingerprint"]
    if data.fingerprint != trained_on:
        raise InputError(
            f"{run.path} was trained on data with fingerprint {trained_on}, this has {data.fingerprint}: answers and "
            "predictions would not belong to the same questions. Give the run's own data"
        )
    return data


def _experts(
    run: RunFolder,
    recipe: QuestionAnsweringRecipe,
    data: QuestionAnsweringData,
    tasks: Sequence[str],
    votes: Sequence[str | os.PathLike] | None,
    expert_runs: Sequence[str | os.PathLike] | None,
) -> Iterator[ExpertScores]:
    """Yield the experts that are given, else those of the recipe."""
    for path in votes or ():
        yield from experts_on_file(path, data, tasks)
    for path in expert_runs or ():
        yield expert_of_run(path, data, tasks)
    if votes or expert_runs:
        return
    for expert in recipe.experts:
        if not isinstance(expert, RecordedExpertSpec | RunExpertSpec) or expert.path is None:
            raise InputError(
                f"expert {expert.name!r} of kind {expert.kind!r} cannot answer questions yet; record its answers in a "
                "file and give that with --votes FILE (columns id and answer), or name a run"
            )
        if isinstance(expert, RunExpertSpec):
            yield expert_of_run(expert.path, data, tasks, name=expert.name, cost_usd=expert.cost_per_call_usd)
        else:
            found = experts_on_file(expert.path, data, tasks, expert.cost_per_call_usd)
            yield from (dataclasses.replace(f, name=expert.name) if len(found) == 1 else f for f in found)


def build_answer_system(run: RunFolder, rows: AnswerDeferralRows, spec: AnswerDeferralSpec) -> AnswerDeferringSystem:
    """Declare a policy, fit it, choose its threshold, and cross-fit the same steps over all folds.

    The published policy is fitted on the rows that the other folds' models held out; its threshold is chosen on those
    that the published fold's model held out, which are new to both. With fewer than three folds five folds of groups
    take their place.

    Args:
        run: whose selected fold is published.
        rows: out-of-fold rows.
        spec: the recipe's section.
    """
    tasks = run.facts["task"]["tasks"]
    settings = {name: policy_settings(spec, name, tasks, rows.expert_names) for name in spec.policies}
    fold = policy_folds(rows)
    published = run.selected_fold if fold is rows.fold else int(np.unique(fold)[0])
    crossed = cross_fit(rows, fold, list(settings), lambda name, part: FittedAnswerPolicy(settings[name], part, spec))
    rule = spec.threshold
    if rule.kind == "best_f1":  # the best mean of what is right is the lowest mean risk
        rule = dataclasses.replace(rule, objective="expected_cost", call_price=spec.call_cost)
    rates = DECLARING_RATES if rule.budget is None or rule.kind != "budget" else (rule.budget,)
    # The fold was picked among those trained by its held-out rows, so each of them may have been the one.
    picked_from = len(run.facts["folds"]["trained"])
    decisions, declared = decide_answers(rows, crossed, dataclasses.replace(spec, threshold=rule), rates, picked_from)
    name, candidates = declared[published]
    policy = crossed.final[name][published]
    choosing = np.flatnonzero(fold == published)
    score, expert = best_expert(crossed.outer[name][choosing])
    threshold = choose_threshold(rule, rows.take(choosing).choice_rows(score, expert), candidates=picked_from)
    gain, over = gain_over_single(rows, decisions, spec)
    alone = over if spec.fallback and not gain.holds else None
    if alone is not None:
        share, what = (0.0, "Nothing") if alone == MODEL else (1.0, "Everything")
        threshold = dataclasses.replace(
            threshold,
            value=None if alone == MODEL else ALWAYS,
            rate=share,
            rate_bound=share,
            reason=f"{what} is deferred: {gain.statement}",
        )
    counts = {"fit": int((fold != published).sum()), "choose": len(choosing)}
    return AnswerDeferringSystem(policy, threshold, candidates, rates, counts, decisions, gain, over, alone)


def declare_answers(
    rows: AnswerDeferralRows, scores: dict[str, np.ndarray], rates: Sequence[float]
) -> tuple[str, list[dict[str, Any]]]:
    """Return the candidate whose system is right most, averaged over rates, and all candidates' figures.

    Ties go to the candidate that is named first, so simple ones are named first.

    Args:
        rows: that took no part in fitting.
        scores: candidate → (rows, experts).
        rates: shares deferred, exact top-k.
    """
    measured = []
    for name, table in scores.items():
        score, expert = best_expert(table)
        asked = rows.asked[np.arange(len(rows)), expert]
        reached = [
            np.where(top_k(score, rows.ids, int(np.floor(rate * len(rows) + 1e-9))), asked, rows.right).mean()
            for rate in rates
        ]
        measured.append({"name": name, "value": round(float(np.mean(reached)), 12)})
    return max(measured, key=lambda entry: entry["value"])["name"], measured


def decide_answers(
    rows: AnswerDeferralRows, crossed: CrossFit, spec: AnswerDeferralSpec, rates: Sequence[float], picked_from: int
) -> tuple[Decisions, dict[int, tuple[str, list[dict[str, Any]]]]]:
    """Return what the system does with each fold's rows, and fold → which policy was declared by the other folds.

    A fold's threshold is chosen on half of the rows that its policy did not see, and decides about the other half; then
    the halves change places.

    Args:
        rows: out-of-fold rows.
        crossed: the candidates' scores.
        spec: the recipe's section.
        rates: shares deferred at which candidates are compared.
        picked_from: how many folds the published one was picked from.
    """
    n = len(rows)
    score, expert, deferred = np.zeros(n, np.float32), np.zeros(n, np.int64), np.zeros(n, bool)
    declared = {}
    for j in np.unique(crossed.fold).tolist():
        others, held_out = np.flatnonzero(crossed.fold != j), np.flatnonzero(crossed.fold == j)
        seen = {name: tables[j][others] for name, tables in crossed.inner.items()}
        declared[j] = declare_answers(rows.take(others), seen, rates)
        name = declared[j][0]
        score[held_out], expert[held_out] = best_expert(crossed.outer[name][held_out])
        parts = split_parts(rows.ids.tolist(), rows.groups, crossed.fold, j, seed=spec.seed)
        for choose, decide in ((parts.choose, parts.certify), (parts.certify, parts.choose)):
            choosing = rows.take(choose).choice_rows(score[choose], expert[choose])
            deferred[decide] = lowest_risk_or(spec.threshold, choosing, picked_from).decide(score[decide])
    return Decisions(score, expert, deferred, crossed.fold), declared


def gain_over_single(rows: AnswerDeferralRows, decisions: Decisions, spec: AnswerDeferralSpec) -> tuple[Gain, str]:
    """Return what the cross-fitted system gains over the better single model, and which that is.

    The expert alone is one only where asking about every question is allowed.
    """
    asked = rows.asked[np.arange(len(rows)), decisions.expert]
    system, name, single = np.where(decisions.deferred, asked, rows.right), MODEL, rows.right
    rule = spec.threshold
    free = (rule.budget is None or rule.budget >= 1) and rule.cost_budget_usd_per_1000 is None
    if free and asked.mean() > rows.right.mean():
        name, single = EXPERT, asked
    order = np.argsort(rows.ids.astype(str), kind="stable")
    gain = loss_gain(1.0 - system[order], 1.0 - single[order], rows.groups[order])
    words = (
        f"{rows.right_by}: {gain.difference:+.4f} over the {name} alone on {len(rows):,} rows "
        f"({100 * gain.confidence_level:.4g}% interval {gain.low:+.4f} to {gain.high:+.4f}): "
        + ("the gain holds." if gain.holds else "no gain is shown.")
    )
    return dataclasses.replace(gain, figure=rows.right_by, statement=words), name


def save_policy(run: RunFolder, system: AnswerDeferringSystem) -> None:
    """Write the published fold's model again, with the policy and its threshold."""
    from transformers import AutoTokenizer

    from ...modeling import MultiTaskQAForQuestionAnswering
    from ...modeling.qa_deferral import AnswerDeferral

    folder = run.fold_folder(run.selected_fold)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model: MultiTaskQAForQuestionAnswering = load_model(folder).cpu()
    threshold = system.threshold
    settings = {**system.policy.settings, "threshold": threshold.value, "record": threshold.as_dict()}
    model.config.deferral = settings
    model.deferral = AnswerDeferral(settings).eval()
    model.deferral.load_state_dict(system.policy.module.state_dict())
    with atomic_folder(folder) as temporary:
        model.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
