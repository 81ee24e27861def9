"""From a recipe and data to a finished run folder, fold by fold; a killed run continues where it was."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from ..core.files import read_json, write_json
from ..core.machine import keep_pages
from ..core.progress import say
from ..core.run_folder import RunFolder, now
from .deferral_recipe import local_experts
from .folds import Folds, folds_of
from .kinds import kind_of
from .processes import process_place
from .recipe import Recipe, load_recipe

FREE_TO_CHANGE = (
    "baseline",
    "dataset.path",
    "description",
    "experts",
    "folds.train",
    "license",
    "model.single_task",
    "resamples",
)


def train(
    recipe: Recipe | str | os.PathLike,
    data: str | os.PathLike | Any | None = None,
    output: str | os.PathLike | None = None,
    *,
    folds: Sequence[int] | None = None,
    baseline: str | os.PathLike | None = None,
    votes: Sequence[str | os.PathLike] | None = None,
    tokens: str | os.PathLike | None = None,
) -> RunFolder:
    """Train the folds of a recipe and write its run folder.

    Called again with the same output it continues: finished folds are kept, the fold under way goes on from its last
    checkpoint, and further folds can be added.

    Args:
        recipe: a recipe, its file, or the name of a shipped one.
        data: in place of the recipe's `dataset.path`; or rows that are loaded already, as the kind of model takes them.
        output: the run folder; `runs/<recipe's name>` by default.
        folds: which folds to train (from 1); the recipe's choice by default.
        baseline: run folder of phase 1, in place of the recipe's.
        votes: files of experts' votes on the rows, for a recipe with a `joint` section whose experts name no path.
        tokens: folder for a classifier's tokenised rows, so that runs of the same rows and tokenizer share them; they
            are clinical text, and the caller removes them. In the run folder, and removed with the last fold, by
            default.

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
    kind = kind_of(run, recipe, process, votes, None if tokens is None else Path(tokens))
    if data is None or isinstance(data, str | os.PathLike):
        with process.main_process_first():
            data = kind.load()
    kind.check(data)
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
    for fold in chosen:
        rows, held_out = split.rows(fold)
        if fold in finished:
            say(f"fold {fold}: already trained, kept")
        else:
            fold_started = time.perf_counter()
            outcome = kind.fit(data, fold, rows, held_out)
            if process.is_main_process:
                kind.write_fold(data, fold, held_out, outcome, round(time.perf_counter() - fold_started, 1))
            process.wait_for_everyone()
        kind.fit_beside(data, fold, rows, held_out)
    if process.is_main_process:
        kind.write_report(data, split, seconds=time.perf_counter() - started)
        shutil.rmtree(run.path / "cache", ignore_errors=True)
    process.wait_for_everyone()
    return run


def _claim(run: RunFolder, recipe: Recipe, data: Any) -> None:
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


def _folds(run: RunFolder, recipe: Recipe, data: Any) -> Folds:
    if run.folds_file.exists():
        return Folds.load(run.folds_file).for_data(data.ids.tolist(), data.fingerprint, run.folds_file)
    spec = recipe.folds
    split = folds_of(data, strategy=spec.strategy, n_splits=spec.n_splits, seed=spec.seed)
    split.save(run.folds_file)
    return split


def _chosen_folds(wanted: Sequence[int] | None, split: Folds) -> list[int]:
    chosen = sorted(set(wanted or range(1, split.n_splits + 1)))
    unknown = [fold for fold in chosen if not 1 <= fold <= split.n_splits]
    if unknown:
        raise InputError(f"no fold {unknown[0]}: folds count from 1 to {split.n_splits}")
    return chosen
