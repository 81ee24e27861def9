"""Generated long cases → a folder that `load_dataset` reads."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from ..cards import write_card
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
    card = partial(write_card, template=TEMPLATE, front=FRONT)
    return prepare_folder(SyntheticLongCasesBuilder, card, source, output, force=force, **options)
