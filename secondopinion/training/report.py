"""The end of a run: calibration, figures with intervals, selection, plots, run.json."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.files import atomic_file, read_json, write_json
from ..core.machine import code_revision, hardware, package_versions
from ..core.run_folder import RunFolder, now
from .data import TrainingData
from .folds import Folds
from .recipe import EncoderSpec, Recipe
from .selection import select
from .summary import summarise


def write_report(run: RunFolder, recipe: Recipe, data: TrainingData, split: Folds, *, seconds: float) -> dict[str, Any]:
    """Gather the finished folds of a run into predictions, calibration, selection, plots and run.json.

    Args:
        run: with at least one finished fold.
        recipe: that the folds were trained by.
        data: that they were trained on.
        split: the folds.
        seconds: that this call of `train` took so far.

    Returns:
        What run.json holds.
    """
    trained = list(run.finished_folds())
    results = [read_json(run.fold_facts_file(fold)) for fold in trained]
    rows = np.concatenate([split.rows(fold)[1] for fold in trained])
    fold_of = np.concatenate([np.full(split.sizes[fold - 1], fold) for fold in trained])
    logits = np.concatenate([np.load(run.fold_logits_file(fold)) for fold in trained]).astype(np.float64)
    problem, gold = data.problem, data.labels[rows]
    calibration = problem.calibrate(gold, logits, fold_of)
    temperature = calibration["temperature"] if calibration else 1.0
    for fold in trained:
        _set_temperature(run.fold_folder(fold), temperature)
    scores = None
    if recipe.joint is not None:
        scores = np.concatenate([np.load(run.fold_scores_file(fold)) for fold in trained])
    columns = problem.prediction_columns(gold, logits, temperature)
    write_predictions(run, data, rows, fold_of, columns, scores)

    groups = None if data.groups is None else data.groups[rows]
    rule = recipe.selection
    facts = {
        "name": recipe.name,
        "created_at": read_json(run.path / "recipe.json")["started_at"],
        "finished_at": now(),
        "code_revision": code_revision(),
        "recipe": recipe.as_dict(),
        "task": problem.task(),
        "model": _model_facts(recipe, results, data.facts.get("truncation_side")),
        "dataset": data.describe(),
        "folds": {**split.facts(), "trained": trained},
        "fold_results": results,
        "summary": {
            **summarise([result["figures"] for result in results]),
            "out_of_fold": problem.out_of_fold(gold, logits, groups, recipe.resamples),
        },
        "missed": problem.missed(rule.label, gold, logits),
        "selection": select(rule, results),
        "calibration": calibration,
        **({} if scores is None else {"joint": _joint_facts(run, scores)}),
        "baseline": _baseline(run, recipe, data, rows, logits, groups) if recipe.baseline else None,
        "environment": {"packages": package_versions(), "hardware": hardware(), "bf16": bool(results[0].get("bf16"))},
        "durations": {
            "report_after_seconds": round(seconds, 1),
            "folds": {str(r["fold"]): r["seconds"] for r in results},
        },
    }
    from .plots import write_plots

    facts["plots"] = write_plots(run.plots, facts)
    run.write_facts(facts)
    return facts


def _model_facts(
    recipe: Recipe, results: Sequence[dict[str, Any]], recommended_side: str | None = None
) -> dict[str, Any]:
    spec = recipe.model
    facts: dict[str, Any] = {"kind": spec.kind, "parameters": results[0].get("parameters")}
    if not isinstance(spec, EncoderSpec):
        return {**facts, "class": "TfidfClassifier", "base_model": None}
    if "frozen_parameters" in results[0]:
        facts["frozen_parameters"] = results[0]["frozen_parameters"]
    from .encoders import resolve_encoder

    encoder = resolve_encoder(spec)
    return {
        **facts,
        "class": f"{'PooledEncoder' if recipe.joint is None else 'Deferral'}ForSequenceClassification",
        "base_model": encoder.base_model,
        "base_model_sha256": encoder.sha256,
        "base_license": encoder.base_license,
        "max_length": spec.max_length,
        **_long_context_facts(spec, recommended_side),
        "pooling": spec.pooling,
        "class_weights": spec.class_weights,
        "adapter": None if spec.lora is None else {"type": "lora", "r": spec.lora.r, "alpha": spec.lora.alpha},
    }


def _long_context_facts(spec: EncoderSpec, recommended_side: str | None) -> dict[str, Any]:
    """Return what was done for long texts; own terms and tables are named as such, not told."""
    facts: dict[str, Any] = {}
    if spec.long_context is not None:
        facts["long_context"] = spec.long_context
    if spec.long_context == "longformer":
        facts["attention_window"] = spec.attention_window
    if side := spec.truncation_side or recommended_side:
        facts["truncation_side"] = side
    if spec.processor is not None:
        options = spec.processor.options()
        own = {name: "own" for name in ("abbreviations", "entities") if not isinstance(options[name], bool)}
        facts["processor"] = {**options, **own}
    return facts


def _set_temperature(folder: Path, temperature: float) -> None:
    """Keep the temperature with the model, so that `softmax(logits)` of a loaded model is calibrated."""
    config = read_json(folder / "config.json")
    write_json(folder / "config.json", {**config, "temperature": temperature})


def _joint_facts(run: RunFolder, scores: np.ndarray) -> dict[str, Any]:
    own_rate = float((scores.max(axis=1) > 0).mean())
    return {**read_json(run.path / "joint.json"), "own_rate": own_rate}


def write_predictions(
    run: RunFolder,
    data: TrainingData,
    rows: np.ndarray,
    fold_of: np.ndarray,
    columns: dict[str, Any],
    expert_scores: np.ndarray | None = None,
) -> None:
    """Write predictions.parquet.

    Args:
        run: where to.
        data: all rows.
        rows: (predicted,) held-out rows, as indices.
        fold_of: (predicted,) the fold that held each out.
        columns: see `Problem.prediction_columns`.
        expert_scores: (predicted, experts) deferral scores, where a policy was trained along.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    own = {}
    if expert_scores is not None:
        own = {"deferral_score": expert_scores.max(axis=1), "expert_scores": expert_scores.tolist()}
    table = pa.table(
        {
            "id": data.ids[rows].tolist(),
            "fold": fold_of,
            **columns,
            **own,
        }
    )
    with atomic_file(run.predictions_file) as temporary:
        pq.write_table(table, temporary)


def read_predictions(run: RunFolder) -> Any:
    """Return a run's out-of-fold predictions as a pandas DataFrame, one row a held-out row.

    Raises:
        InputError: the run has none.
    """
    import pandas as pd

    if not run.predictions_file.exists():
        raise InputError(f"{run.path} holds no predictions.parquet; run its training to the end first")
    return pd.read_parquet(run.predictions_file)


def _baseline(
    run: RunFolder,
    recipe: Recipe,
    data: TrainingData,
    rows: np.ndarray,
    logits: np.ndarray,
    groups: np.ndarray | None,
) -> dict[str, Any]:
    """Compare with phase 1 on the rows that both predicted out of fold, after checking the folds are the same."""
    other = RunFolder.open(os.path.expanduser(recipe.baseline))
    facts = other.facts
    ours = read_json(run.folds_file)["sha1"]
    if facts["folds"]["sha1"] != ours:
        raise InputError(
            f"the baseline {other.path} has folds {facts['folds']['sha1']}, this run {ours}: they cannot be "
            "compared row by row. Train both on the same data with the same folds section"
        )
    logits_of = read_predictions(other).set_index("id")["logits"]
    common = np.flatnonzero(np.isin(data.ids[rows], logits_of.index.to_numpy()))
    if not len(common):
        raise InputError(
            f"the baseline {other.path} has trained none of the folds of this run; train fold 1 of both, say"
        )
    problem, label = data.problem, recipe.selection.label
    theirs = np.stack(logits_of.loc[data.ids[rows[common]]].to_numpy()).astype(np.float64)
    gold = data.labels[rows[common]]
    own = None if groups is None else groups[common]
    return {
        "name": facts["name"],
        "kind": facts["model"]["kind"],
        "rows_compared": len(common),
        "summary": {
            "mean": facts["summary"]["mean"],
            "std": facts["summary"]["std"],
            "out_of_fold": problem.out_of_fold(gold, theirs, own, recipe.resamples),
        },
        "missed": problem.missed(label, gold, theirs),
        "lift": problem.lift(gold, logits[common], theirs, own, recipe.resamples),
    }
