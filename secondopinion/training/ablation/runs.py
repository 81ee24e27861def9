"""The trainings of an ablation, one after the other; those that are finished are kept."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.errors import InputError
from ...core.files import read_json, write_json
from ...core.progress import say
from ...core.run_folder import RunFolder
from ..classification import settled
from ..data import TrainingData
from ..recipe import Recipe
from .factors import changed_recipe
from .variants import FULL, Variant

_OWN = ("model", "training", "folds")


@dataclass(frozen=True)
class TrainedVariant:
    """A finished training of a variant.

    Attributes:
        variant: which.
        seed: of the training.
        run: its run folder.
        record: what its process recorded: `peak_memory_mb`, `device_peak_memory_mb` (or None).
    """

    variant: Variant
    seed: int
    run: RunFolder
    record: dict[str, Any]


def train_variants(
    recipe: Recipe,
    variants: Sequence[Variant],
    seeds: Sequence[int],
    data: TrainingData,
    output: Path,
    *,
    folds: Sequence[int] | None = None,
) -> list[TrainedVariant]:
    """Train each variant with each seed, in a process of its own; finished ones are kept, a killed one goes on.

    The seed is that of initialisation, order and dropout; folds stay the same.

    Args:
        recipe: that the variants change.
        variants: see `variants_of`.
        seeds: of the trainings; a recipe of kind tfidf, which draws nothing, is trained the same way with each.
        data: the rows, to check that finished runs are of them.
        output: run folders are `output/runs/<variant>/seed-<seed>`; in `output/cache` are the tokenised rows that
            they share, for the caller to remove.
        folds: which to train; the recipe's choice by default.

    Raises:
        InputError: a finished run is of another recipe or other rows, or a training failed.
    """
    jobs = []
    for variant in variants:
        name = recipe.name if variant.name == FULL else f"{recipe.name}-{variant.name}"
        for seed in seeds:
            own = {} if recipe.model.kind == "tfidf" else {"training.seed": seed}
            jobs.append((variant, seed, changed_recipe(recipe, {**variant.changes, **own}, name)))
    trained = []
    for number, (variant, seed, changed) in enumerate(jobs, start=1):
        run = RunFolder(output / "runs" / variant.name / f"seed-{seed}")
        record = run.path.with_name(f"seed-{seed}.json")
        if record.exists() and _finished(run, changed, data, folds):
            say(f"variant {number} of {len(jobs)}: {variant.name}, seed {seed}: already trained, kept")
        else:
            say(f"variant {number} of {len(jobs)}: {variant.name}, seed {seed}")
            _train(run, changed, record, folds, output / "cache")
        trained.append(TrainedVariant(variant, seed, run, read_json(record)))
    return trained


def _finished(run: RunFolder, recipe: Recipe, data: TrainingData, folds: Sequence[int] | None) -> bool:
    if not run.facts_file.exists():
        return False
    facts, wanted = run.facts, settled(recipe, data).as_dict()
    if facts["dataset"]["fingerprint"] != data.fingerprint:
        raise InputError(
            f"{run.path} was trained on data with fingerprint {facts['dataset']['fingerprint']}, now it has "
            f"{data.fingerprint}: the data changed. Give the old data, or a new --output"
        )
    for section in _OWN:
        before, after = dict(facts["recipe"].get(section) or {}), dict(wanted.get(section) or {})
        before.pop("train", None), after.pop("train", None)
        if before != after:
            changed = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
            raise InputError(
                f"{run.path} was trained with another recipe ({section}: {', '.join(changed)}). Give a new --output, "
                "or the old recipe and factors"
            )
    asked = folds or recipe.folds.train or range(1, facts["folds"]["n_splits"] + 1)
    return set(asked) <= set(facts["folds"]["trained"])


def _train(run: RunFolder, recipe: Recipe, record: Path, folds: Sequence[int] | None, tokens: Path) -> None:
    job = run.path.with_name(f".{run.path.name}.job.json")
    plain = dataclasses.asdict(recipe)
    if plain["model"]["kind"] == "tfidf":
        del plain["training"]
    write_json(
        job,
        {
            "recipe": plain,
            "data": recipe.dataset.path,
            "output": str(run.path),
            "folds": None if folds is None else list(folds),
            "record": str(record),
            "tokens": str(tokens),
        },
    )
    try:
        code = subprocess.run([sys.executable, "-m", f"{__package__}.one_run", str(job)], check=False).returncode
    finally:
        job.unlink(missing_ok=True)
    if code < 0 or not record.exists():
        how = f"was ended by signal {-code}" if code < 0 else f"failed with exit code {code}"
        raise InputError(
            f"the training of {recipe.name!r} {how}; its own message stands above. Run the same command again: "
            "finished variants are kept, this one goes on from its last checkpoint"
        )
