"""From the logits of an adopted model to its figures and run.json, in the form of a run that was trained here."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.files import read_json, write_json
from ...core.machine import code_revision, hardware, package_versions
from ...core.run_folder import RunFolder, now
from ..data import TrainingData
from ..folds import Folds
from ..plots import write_plots
from ..problems import Problem
from ..recipe import Recipe
from ..report import write_predictions
from ..selection import select
from ..summary import summarise

KEPT = ("deferral", "comparisons", "ablation")


def write_adopted(
    run: RunFolder,
    recipe: Recipe,
    data: TrainingData,
    split: Folds,
    fold: int,
    *,
    problem: Problem,
    gold: np.ndarray,
    measured: dict[str, Any],
    model: dict[str, Any],
    origin: dict[str, Any],
    policy: dict[str, Any],
) -> dict[str, Any]:
    """Write predictions, plots and run.json; what was made of the run since it was adopted is kept.

    Args:
        run: with the model as its one fold, and that fold's logits.
        recipe: what would name such a run: its data, folds, rule and licence.
        data: all rows.
        split: their folds.
        fold: the one that was held out.
        problem: in the order of the logits.
        gold: (rows,) all labels in that order.
        measured: further facts of the fold.
        model: `model` of run.json.
        origin: `origin` of run.json.
        policy: the terms that hold for the model.

    Returns:
        What run.json holds.
    """
    _, rows = split.rows(fold)
    logits = np.load(run.fold_logits_file(fold)).astype(np.float64)
    truth, groups = gold[rows], None if data.groups is None else data.groups[rows]
    numbers = np.full(len(rows), fold)
    result = {"fold": fold, "figures": problem.figures(truth, logits), "rows": {"held_out": len(rows)}, **measured}
    write_json(run.fold_facts_file(fold), result)
    write_predictions(run, data, rows, numbers, problem.prediction_columns(truth, logits, 1.0))
    rule = recipe.selection
    chosen = select(rule, [result])
    facts = {
        **{name: value for name, value in _earlier(run).items() if name in KEPT},
        "name": recipe.name,
        "created_at": None,
        "finished_at": now(),
        "code_revision": code_revision(),
        "origin": origin,
        "recipe": told_recipe(recipe),
        "task": problem.task(),
        "model": model,
        "dataset": {**data.describe(), **problem.describe(gold), "policy": policy},
        "folds": {**split.facts(), "trained": [fold]},
        "fold_results": [result],
        "summary": {
            **summarise([result["figures"]]),
            "out_of_fold": problem.out_of_fold(truth, logits, groups, recipe.resamples),
        },
        "missed": problem.missed(rule.label, truth, logits),
        "selection": {**chosen, "reason": _reason(rule.title, chosen["value"], len(rows))},
        "calibration": as_it_came(problem.calibrate(truth, logits, numbers)),
        "baseline": None,
        "environment": {"packages": package_versions(), "hardware": hardware(), "bf16": False},
        "durations": {"measuring_seconds": measured["measuring_seconds"]},
    }
    drawn = write_plots(run.plots, facts)
    kept = [name for name in _earlier(run).get("plots", []) if (run.plots / name).is_file()]
    facts["plots"] = sorted({*drawn, *kept})
    run.write_facts(facts)
    return facts


def told_recipe(recipe: Recipe) -> dict[str, Any]:
    """Return what is true of a recipe for a model that it did not train: none of its settings of training."""
    plain = recipe.as_dict()
    plain.pop("training", None)
    plain["model"] = {name: plain["model"][name] for name in ("kind", "encoder", "max_length") if plain["model"][name]}
    plain["folds"] = {name: plain["folds"][name] for name in ("n_splits", "strategy", "train")}
    return plain


def as_it_came(calibration: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return a calibration of which nothing is applied: the model's probabilities stay as they are.

    What a temperature would bring stands beside it, under `advised`.
    """
    if calibration is None:
        return None
    figures = {name: calibration[name] for name in ("ece", "brier", "nll")}
    bins = calibration["bins"]
    return {
        **calibration,
        "method": "none",
        "temperature": 1.0,
        **{name: {"before": value["before"], "after": value["before"]} for name, value in figures.items()},
        "bins": {**bins, "after": bins["before"]},
        "advised": {"temperature": calibration["temperature"], **{n: value["after"] for n, value in figures.items()}},
    }


def _reason(title: str, value: float, rows: int) -> str:
    return (
        f"It is the one checkpoint that was given: it was trained elsewhere, and nothing here chose it. Its {title} on "
        f"the {rows:,} held-out rows is {value:.4f}."
    )


def _earlier(run: RunFolder) -> dict[str, Any]:
    return read_json(run.facts_file) if run.facts_file.exists() else {}
