"""MIMIC-IV outcome → a folder that `load_dataset` reads, on this machine only."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from ..cards import write_card
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
    card = partial(write_card, template=TEMPLATE, front=FRONT)
    return prepare_folder(MimicIvOutcomeBuilder, card, source, output, force=force, **options)
