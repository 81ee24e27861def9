"""What a published model claims of its data, folds and figures, computed again from the data."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..core.run_folder import ADAPTER, BASE
from ..training.adoption import published_folds
from ..training.data import load_data
from ..training.folds import Folds, folds_of
from ..training.recipe import Recipe, load_recipe
from .claim import Claim


def recompute(
    folder: Path,
    facts: Mapping[str, Any],
    data: str | os.PathLike,
    tolerance: float,
    trust_remote_code: bool = False,
) -> list[Claim]:
    """Return what comes of the claims that need the data.

    Args:
        folder: the published files.
        facts: its run.json.
        data: prepared data; columns are called as in the run's recipe.
        tolerance: how far a figure may be off.
        trust_remote_code: whether code of others that lies beside an adopted model may run.

    Raises:
        InputError: the data cannot be read.
    """
    recipe = load_recipe(dict(facts["recipe"])).replace(dataset={"path": os.fspath(data)})
    answers = facts["model"]["kind"] == "multitask_qa"
    with tempfile.TemporaryDirectory(prefix="secondopinion-") as cache:
        rows = _questions(recipe, Path(cache)) if answers else load_data(recipe.dataset, Path(cache))
        said = facts["dataset"]["fingerprint"]
        if rows.fingerprint != said:
            told = f"{rows.name} has fingerprint {rows.fingerprint} ({len(rows.ids):,} rows), run.json says {said}"
            return [Claim("data", False, told + f" ({facts['dataset']['rows']:,} rows): it is other data")]
        claims = [Claim("data", True, f"{len(rows.ids):,} rows, fingerprint {said}")]
        spec = facts["folds"]
        if "origin" in facts:
            split = published_folds(folder, facts, rows)
            if split is None:
                told = "which rows were held out was said by a file that the terms of the data keep back"
                return [*claims, Claim("folds of the data", None, told)]
        else:
            split = folds_of(rows, strategy=spec["strategy"], n_splits=spec["n_splits"], seed=spec["seed"])
        same = split.sha1 == spec["sha1"]
        told = f"made anew from the data, they have SHA-1 {split.sha1}"
        claims.append(Claim("folds of the data", same, told + ("" if same else f", not {spec['sha1']}")))
        if not same or facts.get("revision", {}).get("kind") in (BASE, ADAPTER):
            return claims
        return [*claims, _figures(folder, facts, recipe, rows, split, tolerance, trust_remote_code)]


def _questions(recipe: Recipe, cache: Path) -> Any:
    from ..training.question_answering.data import load_questions

    return load_questions(recipe.dataset, cache)


def _figures(
    folder: Path,
    facts: Mapping[str, Any],
    recipe: Recipe,
    rows: Any,
    split: Folds,
    tolerance: float,
    trust_remote_code: bool,
) -> Claim:
    """Return whether the published fold's figures come out again on the rows that its weights never saw."""
    fold = facts.get("revision", facts["selection"])["fold"]
    name = f"figures of fold {fold}"
    if facts.get("origin", {}).get("own_code") and not trust_remote_code:
        told = "the model loads by code of its own; read that code, and if you trust it, give --trust-remote-code"
        return Claim(name, None, told)
    _, held_out = split.rows(fold)
    if facts["model"]["kind"] == "multitask_qa":
        figures = _of_answers(folder, recipe, rows, held_out)
    else:
        figures = _of_classes(folder, facts, rows, held_out, trust_remote_code)
    found = dict(_flat(figures))
    said = dict(_flat(next(one for one in facts["fold_results"] if one["fold"] == fold)["figures"]))
    off = {name: abs(found[name] - value) for name, value in said.items() if name in found}
    worst = max(off, key=off.get)
    told = f"{len(off)} figures of {len(held_out):,} rows that it never saw, predicted again"
    if off[worst] > tolerance:
        return Claim(name, False, f"{told}: {worst} is {found[worst]:.4f}, run.json says {said[worst]:.4f}")
    return Claim(name, True, f"{told}: none is off by more than {off[worst]:.4f}")


def _of_classes(
    folder: Path, facts: Mapping[str, Any], rows: Any, held_out: np.ndarray, trust_remote_code: bool
) -> dict[str, Any]:
    from ..training.problems.tasks import problem_of_task

    problem = problem_of_task(facts["task"]).measuring(facts["selection"]["rule"]["metric"])
    gold = problem.align(rows.problem, rows.labels, rows.name)[held_out]
    texts = rows.texts(held_out)
    if facts["model"]["kind"] == "tfidf":
        from ..training.baseline import TfidfClassifier

        logits = TfidfClassifier.load(folder).logits(texts)
    else:
        from ..scoring.classifier import open_classifier
        from ..scoring.engine import score_texts

        logits = score_texts(*open_classifier(folder, trust_remote_code=trust_remote_code), texts)
    return problem.figures(gold, logits.astype(np.float64))


def _of_answers(folder: Path, recipe: Recipe, rows: Any, held_out: np.ndarray) -> dict[str, Any]:
    from ..training.question_answering.evaluation import answers_of
    from ..training.question_answering.figures import measure

    return measure(rows, held_out, answers_of(folder, rows, recipe.model, held_out))


def _flat(figures: Mapping[str, Any], where: str = "") -> Iterator[tuple[str, float]]:
    for key, value in figures.items():
        if isinstance(value, Mapping):
            if key not in ("intervals", "confusion_matrix"):
                yield from _flat(value, f"{where}{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{where}{key}", float(value)
