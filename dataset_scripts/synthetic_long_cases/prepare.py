"""Generated long cases → a folder that `load_dataset` reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import datasets

from secondopinion.core.files import atomic_file

from ..cards import render_card
from ..preparing import prepare_folder
from .configuration import SOURCE
from .synthetic_long_cases import SyntheticLongCasesBuilder

TEMPLATE = Path(__file__).with_name("README.md")
FRONT = {
    "pretty_name": "Long clinical cases (synthetic)",
    "task_categories": ["text-classification"],
    "tags": ["clinical", "long-documents", "medical", "synthetic"],
}


def prepare(
    source: str | Path = SOURCE,
    output: str | Path = "data/synthetic_long_cases",
    *,
    force: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """Write the data set to a folder, whole or not at all.

    Args:
        source: the word `synthetic`.
        output: the folder to write: `README.md`, `prepare.json`, `data/*.parquet`.
        force: make it anew although it is there.
        **options: fields of `SyntheticLongCasesConfig`.

    Returns:
        The facts, as in `prepare.json`.

    Raises:
        InputError: an option is wrong, or the source is not the word.
        DiskFullError: no room was left.
    """
    return prepare_folder(SyntheticLongCasesBuilder, write_card, source, output, force=force, **options)


def write_card(path: Path, facts: Mapping[str, Any], info: datasets.DatasetInfo) -> None:
    """Write README.md of the prepared data set."""
    with atomic_file(path) as temporary:
        temporary.write_text(render_card(TEMPLATE, facts, info, FRONT), encoding="utf-8")
