"""Generated clinical questions → a folder that `load_dataset` reads."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from ..cards import write_card
from ..preparing import prepare_folder
from .configuration import SOURCE
from .synthetic_clinical_qa import SyntheticClinicalQaBuilder

TEMPLATE = Path(__file__).with_name("README.md")
FRONT = {
    "pretty_name": "Questions about clinical notes (synthetic)",
    "task_categories": ["question-answering"],
    "tags": ["clinical", "extractive-qa", "medical", "synthetic"],
}


def prepare(
    source: str | Path = SOURCE, output: str | Path = "data/clinical_qa", *, force: bool = False, **options: Any
) -> dict[str, Any]:
    """Write the data set to a folder, whole or not at all.

    Args:
        source: the word `synthetic`.
        output: the folder to write: `README.md`, `prepare.json`, `data/*.parquet`.
        force: make it anew although it is there.
        **options: fields of `SyntheticClinicalQaConfig`.

    Returns:
        The facts, as in `prepare.json`.

    Raises:
        InputError: an option is wrong, or a file of templates is missing or is none.
        DiskFullError: no room was left.
    """
    card = partial(write_card, template=TEMPLATE, front=FRONT)
    return prepare_folder(SyntheticClinicalQaBuilder, card, source, output, force=force, **options)
