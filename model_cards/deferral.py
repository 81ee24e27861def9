"""Whether a run holds a deferring system, and whether its facts and its model are whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from secondopinion.core.errors import InputError
from secondopinion.core.files import read_json
from secondopinion.core.run_folder import RunFolder

from .deferral_words import fallen_back

TAGS = ("learning-to-defer", "selective-classification")
DEFER = "make it again with `secondopinion defer`"
REQUIRED = {
    "policy": ("name", "title", "declared_by", "candidates", "settings"),
    "threshold": ("rule", "rate", "rows", "backend", "dtype", "reason"),
    "parts": ("fit", "choose", "certify"),
    "fallback": ("used", "reason"),
    "losses": ("matrix",),
    "figures": ("rows", "deferred_rows", "deferral_rate", "unanswered", "system", "classifier", "expert"),
}


def has_deferral(facts: Mapping[str, Any]) -> bool:
    """Whether `defer` made a deferring system of the run; a policy inside a model of questions is none."""
    return bool(facts.get("deferral")) and facts["deferral"].get("kind") != "qa"


def published_folder(run: RunFolder, facts: Mapping[str, Any]) -> Path:
    """Return the folder of the model that is published: the deferring system, or the selected fold."""
    return run.system_folder if has_deferral(facts) else run.fold_folder(facts["selection"]["fold"])


def require_deferral(run: RunFolder, facts: Mapping[str, Any]) -> None:
    """Raise unless the `deferral` section is whole and `system/` is the model that it describes.

    Raises:
        InputError: naming what is missing, or what does not fit.
    """
    deferral = facts["deferral"]
    missing = [
        name if not isinstance(deferral.get(name), dict) else f"{name}.{key}"
        for name, keys in REQUIRED.items()
        for key in keys
        if not isinstance(deferral.get(name), dict) or deferral[name].get(key) is None
    ]
    missing += [name for name in ("experts",) if not deferral.get(name)]
    if missing:
        listed = ", ".join(f"deferral.{name}" for name in dict.fromkeys(missing))
        raise InputError(f"{run.facts_file} lacks {listed}: a card of a deferring system needs them; {DEFER}")
    folder = run.system_folder
    if not (folder / "config.json").is_file():
        raise InputError(f"{run.facts_file} has a deferral section, but {folder} holds no model; {DEFER}")
    config = read_json(folder / "config.json")
    told = {
        "policy": deferral["policy"]["name"],
        "expert_names": [expert["name"] for expert in deferral["experts"]],
        "threshold": deferral["threshold"].get("value"),
        "certificate": deferral.get("certificate"),
    }
    other = sorted(name for name, value in told.items() if config.get(name) != value)
    if config.get("model_type") != "deferral" or other:
        found = f"another {', another '.join(other)}" if other else f"model_type {config.get('model_type')!r}"
        raise InputError(f"{folder} is not the system that {run.facts_file} describes: it has {found}; {DEFER}")


def system_metrics(facts: Mapping[str, Any], f1_name: str) -> list[dict[str, Any]]:
    """Return the entries of the model index that are about the deferring system; their names say what they measure."""
    figures = facts["deferral"]["figures"]
    over = "(cross-fitted, out-of-fold rows"
    instead = fallen_back(facts["deferral"])
    if instead:
        over += f"; not adopted: the published model {instead}"
    values = {
        "accuracy": ("Accuracy, deferring system", figures["system"]["accuracy"]),
        "f1": (f"{f1_name}, deferring system", figures["system"]["f1"]),
        "deferral_rate": ("Deferral rate", figures["deferral_rate"]),
    }
    return [{"type": kind, "name": f"{name} {over})", "value": float(own)} for kind, (name, own) in values.items()]
