"""ADE Corpus V2 → a folder that `load_dataset` reads."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from ..cards import write_card
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
    card = partial(write_card, template=TEMPLATE, front=FRONT)
    return prepare_folder(AdeCorpusV2Builder, card, source, output, force=force, **options)
