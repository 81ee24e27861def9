"""One call from a recipe to its ablation: variants trained, compared, written down, put into the full run's facts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...core.errors import InputError, closest
from ...core.files import atomic_file, remove_partials, write_json
from ...core.machine import hardware, package_versions
from ...core.run_folder import now
from ..data import load_data
from ..recipe import Recipe, load_recipe
from .comparison import compare, shown
from .factors import Factor, changed_recipe, factors_of
from .lengths import text_lengths
from .plot import draw_ablation
from .runs import TrainedVariant, train_variants
from .table import ablation_markdown
from .variants import BASELINE, FULL, variants_of

LENGTH_SPLIT = 400


def ablate(
    recipe: Recipe | str | os.PathLike,
    data: str | os.PathLike | None = None,
    output: str | os.PathLike | None = None,
    *,
    baseline: Recipe | str | os.PathLike | None = None,
    factors: Mapping[str, Mapping[str, Any]] | None = None,
    variants: Sequence[str] = ("single",),
    seeds: Sequence[int] | None = None,
    folds: Sequence[int] | None = None,
    positive: str | None = None,
    length_split: int = LENGTH_SPLIT,
    resamples: int | None = None,
) -> dict[str, Any]:
    """Train variants of a recipe and say what each of its pieces brings.

    Every variant is a run folder, made by `train` in a process of its own (so that its peak memory is its own), with
    the same folds. Called again with the same output, finished variants are kept and a killed one goes on.

    Args:
        recipe: with all factors on: a recipe, its file, or the name of a shipped one.
        data: in place of the recipe's `dataset.path`.
        output: folder; `runs/<recipe's name>-ablation` by default. Holds `runs/<variant>/seed-<seed>`,
            `ablation.json`, `ablation.md` and `plots/ablation.png`.
        baseline: a recipe with all factors off; the published baseline's settings by default.
        factors: further factors, or others in place of those of the same name (see `factors_of`).
        variants: names, or groups of them (see `variants_of`).
        seeds: of the trainings; the recipe's own by default.
        folds: which folds to train (from 1); the recipe's choice by default.
        positive: the class that precision, recall, F1 and false positives are about; by default the one that the
            recipe selects by, and of two classes the second.
        length_split: texts up to so many tokens, and above, are measured by themselves too.
        resamples: bootstrap resamples; the recipe's by default.

    Returns:
        The facts, as in `ablation.json`.

    Raises:
        InputError: a recipe, factor, variant or the data does not fit, or what is in the output folder is of others.
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    _require_classifier(recipe)
    if baseline is not None and not isinstance(baseline, Recipe):
        baseline = load_recipe(baseline)
    if data is not None:
        recipe = recipe.replace(dataset={"path": os.fspath(data)})
    found = factors_of(recipe, baseline, factors)
    chosen = variants_of(found, variants)
    for variant in chosen:
        changed_recipe(recipe, variant.changes)
    seeds = sorted(set(seeds)) if seeds else [recipe.training.seed]
    folder = Path(output or Path("runs") / f"{recipe.name}-ablation")
    if folder.exists() and any(folder.iterdir()) and not (folder / "runs").is_dir():
        raise InputError(f"{folder} holds something other than an ablation; give another --output")
    folder.mkdir(parents=True, exist_ok=True)
    remove_partials(folder)
    rows = load_data(recipe.dataset, folder / "cache" / "dataset")
    _require_single_labels(rows)
    positive = _positive(positive, recipe, rows.label_names)
    base = next(variant for variant in chosen if variant.name == BASELINE)
    lengths, unit = text_lengths(changed_recipe(recipe, base.changes), rows)
    trained = train_variants(recipe, chosen, seeds, rows, folder, folds=folds)
    facts = {
        "recipe": recipe.name,
        "dataset": {"name": rows.name, "fingerprint": rows.fingerprint, "rows": len(rows.ids)},
        "factors": [{"name": f.name, **_sides(f)} for f in found],
        "made_at": now(),
        "environment": {"packages": package_versions(), "hardware": hardware()},
        **compare(
            trained,
            rows,
            lengths,
            length_split=length_split,
            unit=unit,
            positive=positive,
            n_resamples=recipe.resamples if resamples is None else resamples,
        ),
    }
    write_json(folder / "ablation.json", facts)
    with atomic_file(folder / "ablation.md") as temporary:
        temporary.write_text(ablation_markdown(facts), encoding="utf-8")
    draw_ablation(folder / "plots", facts)
    for one in trained:
        if one.variant.name == FULL:
            _into_run(one, facts)
    shutil.rmtree(folder / "cache", ignore_errors=True)
    return facts


def _into_run(full: TrainedVariant, facts: dict[str, Any]) -> None:
    """Put the ablation into the facts of the full variant's run, so that its card tells of it."""
    own = {key: value for key, value in facts.items() if key not in ("environment", "dataset")}
    full.run.add_facts({"ablation": own}, plots=[draw_ablation(full.run.plots, facts)])


def _require_classifier(recipe: Recipe) -> None:
    if recipe.model.kind not in ("pooled_encoder", "tfidf") or recipe.joint is not None:
        raise InputError(
            f"the recipe {recipe.name!r} is of kind {recipe.model.kind!r}"
            f"{' with a joint section' if recipe.joint is not None else ''}; an ablation takes plain classifiers "
            "(model.kind pooled_encoder or tfidf)"
        )


def _require_single_labels(data: Any) -> None:
    if data.labels.ndim != 1 or data.labels.dtype.kind not in "iu" or not data.label_names:
        raise InputError(
            f"{data.name} has labels of another kind than one class a row; an ablation compares single classes only"
        )


def _positive(given: str | None, recipe: Recipe, names: list[str]) -> str | None:
    if given is not None and given not in names:
        raise InputError(f"no class is called {given!r}; {closest(given, names)}")
    if given is not None or recipe.selection.label in names:
        return given or recipe.selection.label
    return names[1] if len(names) == 2 else None


def _sides(factor: Factor) -> dict[str, Any]:
    return {side: {key: shown(value) for key, value in getattr(factor, side).items()} for side in ("off", "on")}
