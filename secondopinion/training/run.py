"""From a recipe and data to a finished run folder, fold by fold; a killed run continues where it was."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.files import atomic_file, read_json, write_json
from ..core.machine import keep_pages
from ..core.progress import say
from ..core.run_folder import RunFolder, now
from .baseline import tfidf_classifier
from .data import TrainingData, load_data
from .deferral_recipe import local_experts
from .figures import FoldOutcome, class_figures
from .folds import Folds, make_folds
from .processes import process_place
from .recipe import EncoderSpec, Recipe, load_recipe

FREE_TO_CHANGE = ("baseline", "dataset.path", "description", "experts", "folds.train", "license", "resamples")


def train(
    recipe: Recipe | str | os.PathLike,
    data: str | os.PathLike | TrainingData | None = None,
    output: str | os.PathLike | None = None,
    *,
    folds: Sequence[int] | None = None,
    baseline: str | os.PathLike | None = None,
) -> RunFolder:
    """Train the folds of a recipe and write its run folder.

    Called again with the same output it continues: finished folds are kept, the fold under way goes on from its last
    checkpoint, and further folds can be added.

    Args:
        recipe: a recipe, its file, or the name of a shipped one.
        data: in place of the recipe's `dataset.path`.
        output: the run folder; `runs/<recipe's name>` by default.
        folds: which folds to train (from 1); the recipe's choice by default.
        baseline: run folder of phase 1, in place of the recipe's.

    Raises:
        InputError: the recipe, the data or what is in the output folder does not fit.
    """
    started = time.perf_counter()
    if not isinstance(recipe, Recipe):
        recipe = load_recipe(recipe)
    if isinstance(data, str | os.PathLike):
        recipe = recipe.replace(dataset={"path": os.fspath(data)})
    if baseline is not None:
        recipe = recipe.replace(baseline=os.fspath(baseline))
    run = RunFolder(output or Path("runs") / recipe.name)
    process = process_place()
    cache = run.path / "cache"
    if not isinstance(data, TrainingData):
        with process.main_process_first():
            data = load_data(recipe.dataset, cache / "dataset")
    recipe.selection.require(data.label_names)
    if isinstance(recipe.model, EncoderSpec):
        recipe.training.monitor.require(data.label_names)
    if process.is_main_process:
        run.path.mkdir(parents=True, exist_ok=True)
        run.clean()
        _claim(run, recipe, data)
        split = _folds(run, recipe, data)
        run.write_local(
            {"data": recipe.dataset.path, "baseline": recipe.baseline, "experts": local_experts(recipe.experts)}
        )
    process.wait_for_everyone()
    if not process.is_main_process:
        split = _folds(run, recipe, data)
    chosen = _chosen_folds(folds or recipe.folds.train, split)
    finished = set(run.finished_folds())
    keep_pages()
    tokenized = None
    for fold in chosen:
        if fold in finished:
            say(f"fold {fold}: already trained, kept")
            continue
        fold_started = time.perf_counter()
        rows, held_out = split.rows(fold)
        if isinstance(recipe.model, EncoderSpec):
            if tokenized is None:
                with process.main_process_first():
                    tokenized = _tokenized(run, recipe, data)
            tokenizer, encoded = tokenized
            outcome = _fit_encoder(run, recipe, data, tokenizer, encoded, rows, held_out, fold)
        elif process.is_main_process:
            outcome = _fit_tfidf(run, recipe, data, rows, held_out, fold)
        if process.is_main_process:
            seconds = time.perf_counter() - fold_started
            _write_fold(run, data, fold, held_out, outcome.logits, {**outcome.facts, "seconds": round(seconds, 1)})
        process.wait_for_everyone()
    if process.is_main_process:
        from .report import write_report

        write_report(run, recipe, data, split, seconds=time.perf_counter() - started)
        shutil.rmtree(cache, ignore_errors=True)
    process.wait_for_everyone()
    return run


def _claim(run: RunFolder, recipe: Recipe, data: TrainingData) -> None:
    """Record what this run is, or check that it is still the same."""
    wanted = {"recipe": recipe.as_dict(), "dataset_fingerprint": data.fingerprint, "started_at": now()}
    path = run.path / "recipe.json"
    if not path.exists():
        if any(entry.name not in ("cache", "local.json") for entry in run.path.iterdir()):
            raise InputError(f"{run.path} holds something other than a run; give another --output")
        write_json(path, wanted)
        return
    stored = read_json(path)
    if stored["dataset_fingerprint"] != data.fingerprint:
        raise InputError(
            f"{run.path} was trained on data with fingerprint {stored['dataset_fingerprint']}, now it has "
            f"{data.fingerprint}: the data changed. Give the old data, or a new --output"
        )
    before, after = _flat(stored["recipe"]), _flat(wanted["recipe"])
    changed = sorted(
        key
        for key in before.keys() | after.keys()
        if before.get(key) != after.get(key) and key not in FREE_TO_CHANGE and key.split(".")[0] != "deferral"
    )
    if changed:
        shown = "; ".join(f"{key}: {before.get(key)!r} → {after.get(key)!r}" for key in changed[:4])
        raise InputError(
            f"{run.path} was started with another recipe ({shown}). Give a new --output, or the old recipe"
        )


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {prefix: value}
    return {k: v for key, item in value.items() for k, v in _flat(item, f"{prefix}.{key}".lstrip(".")).items()}


def _folds(run: RunFolder, recipe: Recipe, data: TrainingData) -> Folds:
    if run.folds_file.exists():
        return Folds.load(run.folds_file).for_data(data.ids.tolist(), data.fingerprint, run.folds_file)
    spec = recipe.folds
    split = make_folds(
        data.ids.tolist(),
        np.asarray(data.label_names)[data.labels],
        data.groups,
        n_splits=spec.n_splits,
        strategy=spec.strategy,
        seed=spec.seed,
        dataset_fingerprint=data.fingerprint,
    )
    split.save(run.folds_file)
    return split


def _chosen_folds(wanted: Sequence[int] | None, split: Folds) -> list[int]:
    chosen = sorted(set(wanted or range(1, split.n_splits + 1)))
    unknown = [fold for fold in chosen if not 1 <= fold <= split.n_splits]
    if unknown:
        raise InputError(f"no fold {unknown[0]}: folds count from 1 to {split.n_splits}")
    return chosen


def _tokenized(run: RunFolder, recipe: Recipe, data: TrainingData) -> tuple[Any, Any]:
    """Return the tokenizer and the tokenised rows, made once for all folds."""
    from .encoder import load_tokenizer, tokenize

    tokenizer = load_tokenizer(recipe)
    return tokenizer, tokenize(data, tokenizer, recipe.model.max_length, run.path / "cache")


def _fit_encoder(
    run: RunFolder,
    recipe: Recipe,
    data: TrainingData,
    tokenizer: Any,
    encoded: Any,
    rows: np.ndarray,
    held_out: np.ndarray,
    fold: int,
) -> FoldOutcome | None:
    from .encoder import fit_encoder_fold

    return fit_encoder_fold(
        recipe,
        data,
        encoded,
        tokenizer,
        rows,
        held_out,
        output=run.fold_folder(fold),
        work=run.path / "cache" / f"fold-{fold}",
        label=f"fold {fold}",
    )


def _fit_tfidf(
    run: RunFolder, recipe: Recipe, data: TrainingData, rows: np.ndarray, held_out: np.ndarray, fold: int
) -> FoldOutcome:
    model = tfidf_classifier(recipe.model, data.label_names)
    groups = None if data.groups is None else data.groups[rows]
    model.fit(data.texts(rows), data.labels[rows], groups)
    model.save(run.fold_folder(fold))
    facts = {"rows": {"train": len(rows), "held_out": len(held_out)}, **model.facts()}
    return FoldOutcome(model.logits(data.texts(held_out)), facts)


def _write_fold(
    run: RunFolder,
    data: TrainingData,
    fold: int,
    held_out: np.ndarray,
    logits: np.ndarray,
    facts: dict[str, Any],
) -> None:
    """Write a fold's predictions, then its figures: a fold counts as finished once the figures are there."""
    with atomic_file(run.fold_logits_file(fold)) as temporary, open(temporary, "wb") as handle:
        np.save(handle, np.asarray(logits, dtype=np.float32))
    figures = class_figures(data.labels[held_out], logits.argmax(axis=1), data.label_names)
    write_json(run.fold_facts_file(fold), {"fold": fold, "figures": figures, **facts})
    say(f"fold {fold}: macro F1 {figures['macro_f1']:.4f}, weighted F1 {figures['weighted_f1']:.4f}")
