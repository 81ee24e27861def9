"""What may be told of a model that was trained elsewhere: what was seen here, and what is its owner's word."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...core.errors import InputError
from ...core.run_folder import local_paths

ELSEWHERE = (
    "Trained elsewhere, not by this project: its training was not seen, and which texts it learned from is its owner's "
    "word."
)


def read_notes(path: Path) -> dict[str, Any]:
    """Return what the owner says of the training, as plain data.

    Args:
        path: a YAML mapping, such as `learning_rate: 2e-5`; nested as one likes.

    Raises:
        InputError: it is missing, no mapping, or holds a path of this machine.
    """
    import yaml

    try:
        notes = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; give a YAML file such as: epochs: 3") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(notes, dict) or not notes:
        raise InputError(f"{path} holds {type(notes).__name__}, expected a mapping such as: epochs: 3")
    plain = _plain(notes, str(path))
    local = list(local_paths(plain))
    if local:
        raise InputError(f"{path} holds paths of this machine, which would be published: {', '.join(local[:3])}")
    return plain


def _plain(value: Any, where: str) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item, f"{where}: {key}") for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, where) for item in value]
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{where} is {value}; give a finite number")
    return value


def statement(origin: Mapping[str, Any]) -> str:
    """Return some sentences on where a model comes from, for the top of its card.

    Args:
        origin: `origin` of run.json.

    >>> measured = {"rows": 1200, "of": 1200, "data": "ade", "chosen_by": "split"}
    >>> statement({"measured": measured, "trained_on": None, "training_notes": {"epochs": 3}}).split("word. ")[1]
    'Measured here on 1,200 rows of ade, which it is said never to have seen. Its owner says of the training: epochs 3.'
    """
    measured, trained_on = origin["measured"], origin.get("trained_on")
    rows = f"{measured['rows']:,}" + (f" of {measured['of']:,}" if measured["rows"] < measured["of"] else "")
    sentences = [
        ELSEWHERE,
        f"Measured here on {rows} rows of {measured['data']}, which it is said never to have seen.",
    ]
    if trained_on:
        found = trained_on["overlap"]["left_out"]
        there = f"{found:,} that are there too, or nearly so, were left out" if found else "none is there, or nearly so"
        rows = f"the {trained_on['rows']:,} rows of {trained_on['name']} that it learned from"
        sentences.append(f"They were compared with {rows}: {there}.")
    if notes := origin.get("training_notes"):
        told = "; ".join(f"{name} {value}" for name, value in _flat(notes))
        sentences.append(f"Its owner says of the training: {told}.")
    return " ".join(sentences)


def _flat(notes: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for key, value in notes.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            pairs += _flat(value, f"{name}.")
        else:
            pairs.append((name, ", ".join(map(str, value)) if isinstance(value, list) else value))
    return pairs
