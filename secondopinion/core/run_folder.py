"""The run folder: one training with its folds, and every fact that a card needs.

    run.json             facts (schema below); no absolute path, no text of any row
    local.json           paths of this machine; never published
    folds.json           which row is in which fold
    fold-K/              the model of fold K (safetensors, or skops for the baseline), with its tokenizer
    fold-K/adapter/      what LoRA learned, heads included, where it was used; fold-K itself holds it merged
    base/                where LoRA was used: the model with fresh heads that the adapters of all folds belong on
    fold-K.json          figures of fold K, written when the fold is done
    fold-K.npy           logits of its held-out rows, before calibration
    fold-K.npz           in a run of questions: answers to its held-out rows, as offsets and scores
    fold-K.single/NAME/  in a run of questions: figures and answers of a single-task baseline; its weights are not kept
    fold-K.scores.npy    deferral scores of its held-out rows for each expert, where a policy was trained along
    recipe.json          what the run was started with; a rerun must match it
    adoption.json        in its place, of a model that was trained elsewhere: hashes of its weights, data and rows
    joint.json           whose votes a policy is trained along with, as `joint` below; a rerun must match it
    cache/               tokenised rows and checkpoints while the run lasts; removed at the end
    predictions.parquet  out-of-fold predictions, one row a held-out row
    plots/               PNG files
    votes/               what experts answered: EXPERT.parquet, and for language models EXPERT.sqlite; never published
    system/              the deferring system that `defer` made: classifier, policy and threshold
    backends/            forms of the models that were converted for scoring, and measured batch sizes; never published

`run.json`:

    schema_version       1
    name, created_at, finished_at (ISO 8601, UTC), code_revision
    recipe               the resolved recipe; local paths are replaced by their last part
    task                 {problem_type, label_names}; of other problems than one class a text also kind (multi_label,
                          factors or regression), factors [{name, classes}], epsilon of r_smape
    model                {kind: tfidf|pooled_encoder, class, base_model, base_model_sha256, base_license,
                          parameters, max_length, pooling, class_weights {label: weight}, adapter}
    dataset              {name, config, source, fingerprint, rows, class_counts {label: n}, groups,
                          date_range [first, last] or null, policy {…CorpusPolicy}, synthetic: bool,
                          facts {…what prepare recorded}}; of a regression targets {name: {rows, mean, std, min,
                          max}} in place of class_counts; missing_labels {name: n} where some are not known
    folds                {strategy, n_splits, seed, sha1, sizes [n of fold 1…], trained [1…]}; where the data gives
                          them also never_held_out
    fold_results         [{fold, figures, epochs, best_epoch, epoch_cap, peaked_at_cap, monitor, monitor_value,
                          history, rows {train, validation, held_out}, seconds, tokens_per_second}]
    summary              {mean, std, ddof, out_of_fold}: mean and std over folds of each scalar of `figures`;
                          out_of_fold = figures on all out-of-fold rows, with intervals; of a regression also
                          histograms {name: {edges, counts}} of predicted against true values
    missed               {label, recall, missed, total, predicted_as {label: n}}: what happened to the class that
                          the selection rule is about, counted on the out-of-fold rows
    selection            {rule {metric, label, mode}, fold, value, runner_up {fold, value} or null, reason,
                          decided_at, ranking [{fold, value}]}
    calibration          {method, temperature, ece, brier, nll: each {before, after}, bins, cross_fitted}; null of a
                          regression
    joint                where a policy was trained along: {loss, alpha, experts [{name, kind, model, prompt_name,
                          prompt_sha1, votes {asked, usable, unusable}, votes_sha1, right (share of usable votes)}],
                          own_rate: share of out-of-fold rows that the loss's own rule asks about}
    baseline             {name, summary, lift {figure: {difference, low, high}}} or null
    environment          {packages, hardware, bf16}
    durations            {seconds of each stage}
    plots                [names under plots/]
    comparisons          what `compare --record` found beside other runs on the same rows: [{runs [{name, base_model,
                          fingerprint, folds_sha1, finished_at}] (the other one first), rows, left_out, groups, counted,
                          figures [{name, first, second, difference, low, high}], test, slices [{by, value, rows, …}],
                          changes {counts, ways}}]; absent before it ran
    deferral             what `defer` made of the run and of votes; absent before it ran:
                         {made_at,
                          policy {name, title, trained_along: bool, settings,
                                  features [{name, mean, std, weights {expert: w}}], forwards_per_text,
                                  declared_by {figure, rates}, candidates [{name, value}]},
                          experts [{name, kind, model, prompt_name, prompt_sha1, remote, votes {asked, usable,
                                  unusable}, votes_sha1, cost_per_1000_usd, alone {figures}}],
                          threshold {value, rule, rate, rate_bound, rows, backend, dtype, reason},
                          certificate {…} or null, parts {fit, choose, certify, sha1},
                          agreement {krippendorff_alpha} or null,
                          fallback {used, to, over, reason, gain {figure, difference, low, high}},
                          losses {matrix, kind, per_call}, positive_label,
                          figures: of the cross-fitted system over all rows, by `metrics/deferral_rate`}

A model that was trained elsewhere (`adopt`) has one fold, the rows that it was measured on, and differs in:

    created_at           null: when it was trained is not known
    origin               {trained: elsewhere, checkpoint {folder} or {repository, revision}, weights_sha256 {file: …},
                          own_code: bool, changed [what of its settings was changed for the copy],
                          measured {data, split, rows, of, chosen_by: split|rows|fold},
                          trained_on {name, fingerprint, rows, policy, overlap {compared, same_id, same_group,
                          same_text, near_text, left_out}} or null, training_notes {…its owner's words} or null}
    recipe               dataset, model {kind, encoder, max_length}, folds and selection; no settings of a training
    model                kind pooled_encoder, as of every encoder with a head; `class` says which it is
    dataset              what it was measured on; `policy` is the stricter one of that and of `origin.trained_on`
    fold_results         [{fold, figures, rows {held_out}, truncated_share, parameters, measuring_seconds}]
    calibration          method none, temperature 1, before and after the same: nothing is applied; what scaling would
                          bring is in `advised` {temperature, ece, brier, nll}

A run of questions and answers (`model.kind` multitask_qa) differs in:

    task                 {problem_type: multitask_qa, label_names [5 categories], tasks [span, category]}
    model                {…, tasks, num_shared_layers, num_layers, max_length, doc_stride, max_question_length,
                          max_answer_length, category_from, category_pooling, category_targets, task_weighting,
                          task_weights {task: weight}, negative_windows}
    dataset              {…, class_counts {category: n by the most probable one, unlabelled: n},
                          category_sources {source: n}, soft_categories, unanswerable, span_unlabelled,
                          sampled {rows, of, seed} or null}
    fold_results         [{…, windows {training, with_answer, without_answer, all, cut_questions, lost_answers},
                          no_answer {…}, category_temperature, task_weights}]
    selection            by f1, exact, joint_accuracy, category_macro_f1 or category_accuracy; label is null
    no_answer            {threshold, objective, chosen_on, rows, has_answer, unanswerable, value, value_always,
                          value_never, scale, bias, fold, calibration {rows, unanswerable, ece, brier, bins} or null}:
                          of the published fold; null without the span task
    calibration          of the category, {…, rows}; null without the category task
    single_task          {span_only|category_only|question_only: {folds, figures, difference {figure: {a, b,
                          difference, low, high, p_value}}, fold_results, seconds, parameters}}
    predictions.parquet  id, fold, prediction_start, prediction_end (-1: no answer), best_start, best_end, score,
                         null_odds, no_answer_probability, span_probability, n_best_margin, no_answer_margin,
                         category_probabilities, category, category_entropy, gold_starts, gold_ends,
                         gold_category_probs, span_labelled, exact, f1, category_right, joint: offsets, never text
    deferral             {kind: qa, made_at, right_by (f1, exact or category_accuracy), policy {name, title, signals,
                          features, settings, declared_by, candidates}, experts [{name, kind, model, votes, votes_sha1,
                          cost_per_1000_usd, alone {figure}}], threshold {…}, parts {fit, choose}, fallback {…},
                          figures {rows, deferred_rows, deferral_rate, unanswered, system, model, expert, random,
                          oracle: each {figure}, intervals, differences, curve, audc, cost}}; the policy itself is in
                          the published fold's folder; predictions.parquet gets deferral_score, deferred, expert
    `figures`            what `metrics/clinical_qa` computes; `missed` and `baseline` are absent

`figures` of a classifier is what `metrics/per_class_f1` computes: `{accuracy, macro_f1, weighted_f1, micro_f1,
per_class {label: {precision, recall, f1, support}}, confusion_matrix {labels, counts},
intervals {name: [low, high]} (when asked for)}`.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .errors import InputError
from .files import read_json, remove_partials, write_json

SCHEMA_VERSION = 1
ADAPTER, BASE = "adapter", "base"
REQUIRED = (
    "recipe",
    "task",
    "model",
    "dataset",
    "folds",
    "fold_results",
    "summary",
    "selection",
    "environment",
)


def now() -> str:
    """Return the present moment in UTC, ISO 8601, to the second."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


class RunFolder:
    """A run on disk.

    Args:
        path: the folder; made on the first write.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)

    @classmethod
    def open(cls, path: str | os.PathLike) -> RunFolder:
        """Open a run that exists.

        Raises:
            InputError: no run is there, or it was written by a newer version.
        """
        run = cls(path)
        if not run.facts_file.exists():
            raise InputError(
                f"{path} is not a finished run: it holds no run.json. "
                "Make one with: secondopinion train --config recipes/maude_offline.yaml --output " + str(path)
            )
        version = run.facts.get("schema_version")
        if version != SCHEMA_VERSION:
            raise InputError(f"{run.facts_file}: schema_version is {version!r}, this version reads {SCHEMA_VERSION}")
        return run

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.resolve().name

    @property
    def facts_file(self) -> Path:
        """run.json."""
        return self.path / "run.json"

    @property
    def facts(self) -> dict[str, Any]:
        """What run.json holds, read anew."""
        return read_json(self.facts_file)

    @property
    def predictions_file(self) -> Path:
        """predictions.parquet."""
        return self.path / "predictions.parquet"

    @property
    def folds_file(self) -> Path:
        """folds.json."""
        return self.path / "folds.json"

    @property
    def system_folder(self) -> Path:
        """The deferring system: the selected fold's classifier with its policy and threshold."""
        return self.path / "system"

    @property
    def base_folder(self) -> Path:
        """The model that the adapters of all folds belong on, where there are any."""
        return self.path / BASE

    @property
    def votes_folder(self) -> Path:
        """What experts answered; never published."""
        return self.path / "votes"

    @property
    def plots(self) -> Path:
        """The folder of plots."""
        return self.path / "plots"

    def fold_folder(self, fold: int) -> Path:
        """Return the folder of the model of one fold (folds count from 1)."""
        return self.path / f"fold-{fold}"

    def adapter_folder(self, fold: int) -> Path:
        """Return the folder of one fold's adapter, which is there if it was trained as one."""
        return self.fold_folder(fold) / ADAPTER

    def fold_facts_file(self, fold: int) -> Path:
        """Return the file of one fold's figures."""
        return self.path / f"fold-{fold}.json"

    def fold_logits_file(self, fold: int) -> Path:
        """Return the file of one fold's raw logits: (held-out rows, classes) float32, in the order of the data."""
        return self.path / f"fold-{fold}.npy"

    def fold_scores_file(self, fold: int) -> Path:
        """Return the file of one fold's deferral scores: (held-out rows, experts) float32, in the order of the data."""
        return self.path / f"fold-{fold}.scores.npy"

    def fold_answers_file(self, fold: int) -> Path:
        """Return the file of one fold's answers, in a run of questions: columns over its held-out rows, no text."""
        return self.path / f"fold-{fold}.npz"

    def finished_folds(self) -> Iterator[int]:
        """Yield the folds that are trained and measured, in order."""
        numbers = (p.stem.removeprefix("fold-") for p in self.path.glob("fold-*.json"))
        for fold in sorted(int(n) for n in numbers if n.isdigit()):
            predicted = self.fold_logits_file(fold).exists() or self.fold_answers_file(fold).exists()
            if self.fold_folder(fold).is_dir() and predicted:
                yield fold

    @property
    def selected_fold(self) -> int:
        """The fold that the declared rule chose.

        Raises:
            InputError: no rule was applied.
        """
        selection = self.facts.get("selection")
        if not selection or "fold" not in selection:
            raise InputError(f"{self.facts_file} records no selection; train again: the rule is applied at the end")
        return int(selection["fold"])

    def write_facts(self, facts: dict[str, Any]) -> None:
        """Write run.json, whole or not at all.

        Raises:
            InputError: a required part is missing, or an absolute path is in it.
        """
        missing = [key for key in REQUIRED if facts.get(key) is None]
        if missing:
            raise InputError(f"run.json lacks {', '.join(missing)}")
        local = list(local_paths(facts))
        if local:
            raise InputError(
                f"run.json would hold paths of this machine: {', '.join(local[:3])}; they belong in local.json"
            )
        others = {key: value for key, value in facts.items() if key != "schema_version"}
        write_json(self.facts_file, {"schema_version": SCHEMA_VERSION} | others)

    def add_facts(self, parts: Mapping[str, Any], plots: Sequence[str] = ()) -> None:
        """Put further parts into run.json, in place of those of the same name, and name further plots.

        Raises:
            InputError: as `write_facts`.
        """
        facts = {**self.facts, **parts}
        facts["plots"] = sorted({*(facts.get("plots") or []), *plots})
        self.write_facts(facts)

    def write_local(self, paths: dict[str, Any]) -> None:
        """Write what is true on this machine only; never published."""
        write_json(self.path / "local.json", paths)

    @property
    def local(self) -> dict[str, Any]:
        """What local.json holds; empty where there is none."""
        path = self.path / "local.json"
        return read_json(path) if path.exists() else {}

    def clean(self) -> None:
        """Remove what a killed run left half written."""
        if self.path.exists():
            remove_partials(self.path)


def local_paths(value: Any, where: str = "") -> Iterator[str]:
    """Yield `key: path` for each string in nested plain data that is an absolute path or a home folder.

    >>> list(local_paths({"a": ["x", "/home/ann/model"]}))
    ['a.1: /home/ann/model']
    """
    if isinstance(value, dict):
        for key, item in value.items():
            yield from local_paths(item, f"{where}.{key}".lstrip("."))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from local_paths(item, f"{where}.{index}".lstrip("."))
    elif isinstance(value, str) and (
        value.startswith(("~/", "file:", "\\\\")) or (len(value) > 1 and os.path.isabs(value)) or value[1:3] == ":\\"
    ):
        yield f"{where}: {value}"
