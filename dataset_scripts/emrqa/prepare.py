"""emrQA → a folder that `load_dataset` reads, on this machine only."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from ..cards import write_card
from ..preparing import prepare_folder
from .emrqa import EmrQaBuilder

TEMPLATE = Path(__file__).with_name("README.md")
FRONT = {
    "pretty_name": "emrQA: questions about clinical notes",
    "task_categories": ["question-answering"],
    "tags": ["clinical", "emrqa", "extractive-qa", "medical", "n2c2"],
}


def prepare(source: str | Path, output: str | Path, *, force: bool = False, **options: Any) -> dict[str, Any]:
    """Write the data set to a folder, whole or not at all.

    Args:
        source: the published `data.json`, or the folder it is in.
        output: the folder to write: `README.md`, `prepare.json`, `data/*.parquet`.
        force: make it anew although it is there.
        **options: fields of `EmrQaConfig`.

    Returns:
        The facts, as in `prepare.json`.

    Raises:
        InputError: an option is wrong, or the file is missing, damaged, or nested wrongly.
        DiskFullError: no room was left.
    """
    card = partial(write_card, template=TEMPLATE, front=FRONT)
    return prepare_folder(EmrQaBuilder, card, source, output, force=force, **options)
