"""Files in SQuAD's form → a folder that `load_dataset` reads."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from ..cards import write_card
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
    card = partial(write_card, template=TEMPLATE, front=FRONT)
    return prepare_folder(SquadFormBuilder, card, source, output, force=force, **options)
