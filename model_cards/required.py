"""What a run must record, and hold, before a card can be made of it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from secondopinion.core.errors import InputError
from secondopinion.core.run_folder import RunFolder

from .deferral import has_deferral, require_deferral
from .problem_words import gives_numbers, headline_figures
from .question_answering import KIND, needed_figures

LIBRARIES = {KIND: "transformers", "pooled_encoder": "transformers", "tfidf": "sklearn"}


def require_figures(facts: dict[str, Any], run: RunFolder) -> None:
    """Raise unless the run records figures, a selection rule and its reason, and they fit together.

    Raises:
        InputError: naming everything that is missing.
    """
    counts = "class_counts"
    if _at(facts, "model", "kind") == KIND:
        own = needed_figures(facts)
    else:
        stated = {"task": _at(facts, "task") or {}}
        own = {f"summary.mean.{name}": _at(facts, "summary", "mean", name) for name in headline_figures(stated)}
        counts = "targets" if gives_numbers(stated) else counts
    missing = [
        name
        for name, present in {
            "selection.rule": _at(facts, "selection", "rule", "metric"),
            "selection.fold": _at(facts, "selection", "fold"),
            "selection.reason": _at(facts, "selection", "reason"),
            "selection.value": _at(facts, "selection", "value"),
            "fold_results": facts.get("fold_results"),
            "summary.mean": _at(facts, "summary", "mean"),
            **own,
            "summary.ddof": _at(facts, "summary", "ddof"),
            "summary.out_of_fold": _at(facts, "summary", "out_of_fold"),
            "task.label_names": _at(facts, "task", "label_names"),
            "model.kind": _at(facts, "model", "kind"),
            "dataset.name": _at(facts, "dataset", "name"),
            "dataset.fingerprint": _at(facts, "dataset", "fingerprint"),
            "dataset.rows": _at(facts, "dataset", "rows"),
            f"dataset.{counts}": _at(facts, "dataset", counts),
            "dataset.policy": _at(facts, "dataset", "policy"),
            "folds.sha1": _at(facts, "folds", "sha1"),
            "folds.trained": _at(facts, "folds", "trained"),
        }.items()
        if present is None or present == [] or present == {} or present == ""
    ]
    if missing:
        raise InputError(
            f"{run.facts_file} lacks {', '.join(missing)}: a card needs the figures, and the rule by which "
            "the checkpoint was selected. Train to the end: the same `secondopinion train` continues the run"
        )
    for key, value in sorted(facts["summary"]["mean"].items()):
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise InputError(f"{run.facts_file}: summary.mean.{key} is {value!r}, expected a finite number")
    fold = facts["selection"]["fold"]
    if fold not in facts["folds"]["trained"]:
        raise InputError(
            f"{run.facts_file} selects fold {fold}, but the trained folds are {facts['folds']['trained']}; train again"
        )
    if facts["model"]["kind"] not in LIBRARIES:
        raise InputError(f"{run.facts_file}: model.kind is {facts['model']['kind']!r}; known: {', '.join(LIBRARIES)}")
    if not run.fold_folder(fold).is_dir():
        raise InputError(
            f"{run.fold_folder(fold)} is missing: it is the checkpoint that the rule selected. Train fold {fold} again"
        )
    if has_deferral(facts):
        require_deferral(run, facts)


def require_same_labels(config: dict[str, Any], facts: dict[str, Any], folder: Path) -> None:
    """Raise unless a model's configuration has the classes of run.json.

    Args:
        config: what config.json holds.
        facts: what run.json holds.
        folder: the model's, for the message.

    Raises:
        InputError: it has others.
    """
    id2label, labels = config.get("id2label"), config.get("label_names")
    if isinstance(id2label, dict):
        labels = [id2label[key] for key in sorted(id2label, key=int)]
    if labels is not None and labels != facts["task"]["label_names"]:
        raise InputError(
            f"{folder} has the classes {labels}, but run.json has "
            f"{facts['task']['label_names']}: the checkpoint is not of this run"
        )


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
