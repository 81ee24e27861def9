"""Files in SQuAD's form → a folder that `load_dataset` reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import datasets

from secondopinion.core.files import atomic_file

from ..cards import render_card
from ..preparing import prepare_folder
from .squad_form import SquadFormBuilder

TEMPLATE = Path(__file__).with_name("README.md")
FRONT = {
    "pretty_name": "Questions with extractive answers",
    "task_categories": ["question-answering"],
    "tags": ["extractive-qa", "squad"],
}


def prepare(source: str | Path, output: str | Path, *, force: bool = False, **options: Any) -> dict[str, Any]:
    """Write the data set to a folder, whole or not at all.

    Args:
        source: a file in SQuAD's form, or a folder of such files.
        output: the folder to write: `README.md`, `prepare.json`, `data/*.parquet`.
        force: make it anew although it is there.
        **options: fields of `SquadFormConfig`.

    Returns:
        The facts, as in `prepare.json`.

    Raises:
        InputError: an option is wrong, or a file is missing, damaged, nested wrongly, or has a wrong category.
        DiskFullError: no room was left.
    """
    return prepare_folder(SquadFormBuilder, write_card, source, output, force=force, **options)


def write_card(path: Path, facts: Mapping[str, Any], info: datasets.DatasetInfo) -> None:
    """Write README.md of the prepared data set."""
    with atomic_file(path) as temporary:
        temporary.write_text(render_card(TEMPLATE, facts, info, FRONT), encoding="utf-8")
