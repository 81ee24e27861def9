"""Folds of a task of DRAGON → a folder that `load_dataset` reads."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets

from secondopinion.core.errors import InputError

from .. import cards
from ..preparing import prepare_folder
from .case_rows import TEST_FILE
from .dragon import DragonBuilder

TEMPLATE = Path(__file__).with_name("README.md")


def prepare(
    source: str | Path | Sequence[str | Path], output: str | Path, *, force: bool = False, **options: Any
) -> dict[str, Any]:
    """Write the data set to a folder, whole or not at all.

    Args:
        source: the folder of a fold, a folder of such folders, or several folders of folds of one task.
        output: the folder to write: `README.md`, `prepare.json`, `data/*.parquet`.
        force: make it anew although it is there.
        **options: fields of `DragonConfig`.

    Returns:
        The facts, as in `prepare.json`.

    Raises:
        InputError: an option is wrong, or a file is missing, damaged, nested wrongly, or has a wrong label.
        DiskFullError: no room was left.
    """
    sources = [source] if isinstance(source, str | os.PathLike) else list(source)
    if not sources:
        raise InputError("no source is given; give the folder of a fold, with nlp-task-configuration.json in it")
    if len(sources) > 1:
        options["also"] = (*map(os.fspath, sources[1:]), *options.get("also", ()))
    return prepare_folder(DragonBuilder, write_card, sources[0], output, force=force, **options)


def write_card(path: Path, facts: Mapping[str, Any], info: datasets.DatasetInfo) -> None:
    """Write README.md of the prepared data set."""
    front = {
        "pretty_name": f"DRAGON: {facts['task']}",
        "tags": ["clinical", "dragon", "medical", *(["synthetic"] if facts["synthetic"] else [])],
        **case_front(facts, info),
    }
    cards.write_card(path, facts, info, template=TEMPLATE, front=front)


def case_front(facts: Mapping[str, Any], info: datasets.DatasetInfo) -> dict[str, Any]:
    """Return the metadata of cases: the language, and the table of cases without a label as a configuration."""
    default = {"config_name": "default", "data_files": [{"split": "train", "path": "data/train-*.parquet"}]}
    front: dict[str, Any] = {"language": [facts["language"]]}
    if facts["test_rows"]:
        test = {"config_name": "test", "data_files": [{"split": "test", "path": f"data/{TEST_FILE}"}]}
        front["configs"] = [{**default, "default": True}, test]
        front["dataset_info"] = [{"config_name": "default", **info._to_yaml_dict()}]
    return front
