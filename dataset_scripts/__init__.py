"""Raw source → data set: one builder a corpus, each with its terms; `prepare` finds it by name."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from secondopinion.core.errors import InputError, closest

CORPORA = {"maude": "FDA device reports (MAUDE) with their severity: Death, Injury, Malfunction, Other"}

__all__ = ["CORPORA", "prepare"]


def prepare(corpus: str, source: str | Path, output: str | Path, **options: Any) -> dict[str, Any]:
    """Make a data set from a raw source and write it to a folder that `datasets.load_dataset` reads.

    Args:
        corpus: a name in `CORPORA`.
        source: a folder, a file, or a word that the corpus knows (MAUDE: `api`, `bulk`, `synthetic`).
        output: the folder to write: `README.md`, `prepare.json`, `data/*.parquet`.
        **options: of the corpus's builder configuration; `force=True` makes it anew.

    Returns:
        The facts, as in `prepare.json`: counts, drops by reason, groups, fingerprint, policy.

    Raises:
        InputError: the corpus is unknown, an option is wrong, or the source is damaged.
        DiskFullError: no room was left; the same call continues.
    """
    if corpus not in CORPORA:
        raise InputError(f"unknown corpus {corpus!r}; {closest(corpus, CORPORA)}")
    return importlib.import_module(f"{__name__}.{corpus}").prepare(source, output, **options)
