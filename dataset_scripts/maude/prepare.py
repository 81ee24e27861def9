"""MAUDE → a folder that `load_dataset` reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..preparing import prepare_folder
from .card import write_card
from .maude import MaudeBuilder


def prepare(source: str | Path, output: str | Path, *, force: bool = False, **options: Any) -> dict[str, Any]:
    """Write the data set of a source to a folder; whole or not at all, and continued where a killed run was.

    Args:
        source: a folder or file, or `api`, `bulk`, `synthetic` (see `MaudeConfig`).
        output: the folder to write: `README.md`, `prepare.json`, `data/*.parquet`.
        force: make it anew although it is there.
        **options: fields of `MaudeConfig`.

    Returns:
        The facts, as in `prepare.json`.

    Raises:
        InputError: something that was given is wrong, or a source is damaged.
        DiskFullError: no room was left.
    """
    return prepare_folder(MaudeBuilder, write_card, source, output, force=force, **options)
