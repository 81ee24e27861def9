"""Plain JSON cases → a folder that `load_dataset` reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import datasets

from .. import cards
from ..dragon.prepare import case_front
from ..preparing import prepare_folder
from .json_cases import JsonCasesBuilder

TEMPLATE = Path(__file__).with_name("README.md")


def prepare(source: str | Path, output: str | Path, *, force: bool = False, **options: Any) -> dict[str, Any]:
    """Write the data set to a folder, whole or not at all.

    Args:
        source: a JSON file of cases.
        output: the folder to write: `README.md`, `prepare.json`, `data/*.parquet`.
        force: make it anew although it is there.
        **options: fields of `JsonCasesConfig`.

    Returns:
        The facts, as in `prepare.json`.

    Raises:
        InputError: an option is wrong, or the file is missing, damaged, nested wrongly, or has a wrong label.
        DiskFullError: no room was left.
    """
    return prepare_folder(JsonCasesBuilder, write_card, source, output, force=force, **options)


def write_card(path: Path, facts: Mapping[str, Any], info: datasets.DatasetInfo) -> None:
    """Write README.md of the prepared data set."""
    front = {
        "pretty_name": facts["task"],
        "tags": ["clinical", "medical", *(["synthetic"] if facts["synthetic"] else [])],
        **case_front(facts, info),
    }
    cards.write_card(path, facts, info, template=TEMPLATE, front=front)
