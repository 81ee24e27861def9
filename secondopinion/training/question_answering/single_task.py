"""Baselines of one task on the same folds, windows and seeds: what the two tasks gain from each other."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...core.files import read_json, write_json
from ...core.progress import say
from ...core.run_folder import RunFolder
from ...modeling.qa_windows import Windows
from ..folds import Folds
from ..qa_recipe import QuestionAnsweringRecipe
from .answers import AnswerRows
from .data import QuestionAnsweringData
from .figures import differences, measure
from .fold import fit_answer_fold
from .model import alone_recipe

NAMES = ("span_only", "category_only", "question_only")


def fit_single_task(
    run: RunFolder,
    recipe: QuestionAnsweringRecipe,
    data: QuestionAnsweringData,
    windows: Callable[[bool], Windows],
    tokenizer: Any,
    fold: int,
    rows: np.ndarray,
    held_out: np.ndarray,
    name: str,
    process: Any,
) -> None:
    """Train one baseline of a fold, unless it is there; its answers and figures are kept, its weights are not.

    Args:
        run: of the model with both tasks.
        recipe: of that model.
        data: all rows.
        windows: returns those of questions with contexts (True) or of the questions alone (False).
        tokenizer: the encoder's.
        fold: number of the fold.
        rows: its training rows, as indices.
        held_out: its held-out rows, as indices.
        name: `span_only`, `category_only` or `question_only`.
        process: this process's place.
    """
    folder = single_task_folder(run, fold, name)
    if (folder / "figures.json").exists():
        return
    started = time.perf_counter()
    reads_context = name != "question_only"
    work = run.path / "cache" / f"fold-{fold}.{name}"
    outcome = fit_answer_fold(
        alone_recipe(recipe, name),
        data,
        windows(reads_context),
        tokenizer,
        rows,
        held_out,
        output=work / "model",
        work=work / "checkpoints",
        label=f"fold {fold}, {name.replace('_', ' ')}",
        reads_context=reads_context,
    )
    if process.is_main_process:
        folder.mkdir(parents=True, exist_ok=True)
        outcome.answers.save(folder / "answers.npz")
        figures = measure(data, held_out, outcome.answers)
        facts = {"fold": fold, "name": name, "figures": figures, **outcome.facts}
        write_json(folder / "figures.json", {**facts, "seconds": round(time.perf_counter() - started, 1)})
        shutil.rmtree(work, ignore_errors=True)
        value = recipe_value(alone_recipe(recipe, name), figures)
        say(f"fold {fold}, {name.replace('_', ' ')}: {value}")
    process.wait_for_everyone()


def recipe_value(recipe: QuestionAnsweringRecipe, figures: dict[str, Any]) -> str:
    """Return the figure that a recipe's rule looks at, in words."""
    return f"{recipe.selection.title} {recipe.selection.value(figures):.4f}"


def single_task_folder(run: RunFolder, fold: int, name: str) -> Path:
    """Return where a baseline of a fold leaves its figures and answers."""
    return run.path / f"fold-{fold}.single" / name


def finished_baselines(run: RunFolder, folds: Sequence[int]) -> Iterator[tuple[str, list[int]]]:
    """Yield each baseline with the folds that have it."""
    for name in NAMES:
        trained = [fold for fold in folds if (single_task_folder(run, fold, name) / "figures.json").exists()]
        if trained:
            yield name, trained


def single_task_facts(
    run: RunFolder,
    data: QuestionAnsweringData,
    split: Folds,
    folds: Sequence[int],
    answers: dict[int, AnswerRows],
    n_resamples: int,
) -> dict[str, Any]:
    """Return `single_task` of run.json: each baseline's figures, and what the model gains over it.

    Args:
        run: with finished folds.
        data: all rows.
        split: the folds.
        folds: those that are finished.
        answers: of the model, by fold.
        n_resamples: bootstrap resamples.

    Returns:
        {name: {folds, figures (with intervals), difference {figure: {difference, low, high, …}}, seconds}}, where a
        difference is the model minus the baseline, on the rows that both answered out of fold.
    """
    found = {}
    for name, trained in finished_baselines(run, folds):
        rows = np.concatenate([split.rows(fold)[1] for fold in trained])
        folders = [single_task_folder(run, fold, name) for fold in trained]
        theirs = AnswerRows.concatenate([AnswerRows.load(folder / "answers.npz") for folder in folders])
        ours = AnswerRows.concatenate([answers[fold] for fold in trained])
        facts = [read_json(folder / "figures.json") for folder in folders]
        found[name] = {
            "folds": trained,
            "figures": measure(data, rows, theirs, n_resamples=n_resamples),
            "difference": differences(data, rows, ours, theirs, max(n_resamples, 1)),
            "fold_results": [{"fold": f["fold"], "figures": f["figures"], "seconds": f["seconds"]} for f in facts],
            "seconds": round(sum(f["seconds"] for f in facts), 1),
            "parameters": facts[0]["parameters"],
        }
    return found
