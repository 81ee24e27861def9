"""MIMIC-IV outcome → a folder that `load_dataset` reads, on this machine only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import datasets

from secondopinion.core.files import atomic_file

from ..cards import render_card
from ..preparing import prepare_folder
from .mimic_iv_outcome import MimicIvOutcomeBuilder

TEMPLATE = Path(__file__).with_name("README.md")
FRONT = {
    "pretty_name": "MIMIC-IV treatment outcome",
    "tags": ["clinical", "discharge-summary", "medical", "mimic-iv"],
}


def prepare(source: str | Path, output: str | Path, *, force: bool = False, **options: Any) -> dict[str, Any]:
    """Write the data set to a folder, whole or not at all.

    Args:
        source: MIMIC-IV-Note's `discharge.csv.gz`, or a folder it is in.
        output: the folder to write: `README.md`, `prepare.json`, `data/*.parquet`.
        force: make it anew although it is there.
        **options: fields of `MimicIvOutcomeConfig`; `votes` is needed.

    Returns:
        The facts, as in `prepare.json`.

    Raises:
        InputError: an option is wrong, a file is missing or damaged, or votes and notes do not fit.
        DiskFullError: no room was left.
    """
    return prepare_folder(MimicIvOutcomeBuilder, write_card, source, output, force=force, **options)


def write_card(path: Path, facts: Mapping[str, Any], info: datasets.DatasetInfo) -> None:
    """Write README.md of the prepared data set."""
    with atomic_file(path) as temporary:
        temporary.write_text(render_card(TEMPLATE, facts, info, FRONT), encoding="utf-8")
