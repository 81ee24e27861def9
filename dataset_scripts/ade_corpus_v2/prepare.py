"""ADE Corpus V2 → a folder that `load_dataset` reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import datasets

from secondopinion.core.files import atomic_file

from ..cards import render_card
from ..preparing import prepare_folder
from .ade_corpus_v2 import AdeCorpusV2Builder

TEMPLATE = Path(__file__).with_name("README.md")
FRONT = {
    "pretty_name": "ADE Corpus V2: adverse drug effects in sentences of case reports",
    "tags": ["adverse-drug-events", "biomedical", "medical", "pharmacovigilance", "pubmed"],
}


def prepare(source: str | Path, output: str | Path, *, force: bool = False, **options: Any) -> dict[str, Any]:
    """Write the data set to a folder, whole or not at all.

    Args:
        source: a folder or zip archive with the raw files.
        output: the folder to write: `README.md`, `prepare.json`, `data/*.parquet`.
        force: make it anew although it is there.
        **options: fields of `AdeCorpusV2Config`.

    Returns:
        The facts, as in `prepare.json`.

    Raises:
        InputError: an option is wrong, or a file is missing or damaged.
        DiskFullError: no room was left.
    """
    return prepare_folder(AdeCorpusV2Builder, write_card, source, output, force=force, **options)


def write_card(path: Path, facts: Mapping[str, Any], info: datasets.DatasetInfo) -> None:
    """Write README.md of the prepared data set."""
    with atomic_file(path) as temporary:
        temporary.write_text(render_card(TEMPLATE, facts, info, FRONT), encoding="utf-8")
