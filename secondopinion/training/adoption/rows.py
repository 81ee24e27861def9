"""Which rows an adopted model is measured on: those that it was never trained on."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import InputError, closest
from ...core.policy import CorpusPolicy
from ..data import TrainingData, load_data
from ..folds import GIVEN, Folds, fold_column, given_folds
from ..recipe import DatasetSpec


def load_rows(
    path: str | os.PathLike, cache: Path, *, split: str | None, config: str | None = None, preferred: str = "test"
) -> tuple[TrainingData, DatasetSpec]:
    """Return the rows of one split, and what names them.

    Args:
        path: a prepared folder, or a data set on the Hub.
        cache: folder for Arrow files.
        split: which; `preferred` or the only one where it is not said.
        config: the configuration, where the data has several.
        preferred: the split that is meant where there are several.

    Raises:
        InputError: nothing is there, or it is not clear which split is meant.
    """
    name = os.fspath(path)
    if Path(name).expanduser().is_file():
        raise InputError(f"{name} is a file; give the folder that holds it, with nothing else in it")
    spec = DatasetSpec(path=name, config=config, split=_split(name, config, split, preferred))
    return load_data(spec, cache), spec


def _split(name: str, config: str | None, split: str | None, preferred: str) -> str:
    import datasets

    folder = Path(name).expanduser()
    try:
        known = datasets.get_dataset_split_names(str(folder) if folder.exists() else name, config)
    except (ValueError, OSError, datasets.exceptions.DatasetsError):
        return split or preferred  # what is wrong with the data is told when it is loaded
    if split is not None:
        if re.split(r"[^\w.]", split)[0] not in known:
            raise InputError(f"{name} has no split {split!r}; {closest(split, known)}")
        return split
    if preferred in known or len(known) == 1:
        return preferred if preferred in known else known[0]
    raise InputError(f"{name} has the splits {', '.join(known)}; say which one was held out: --split NAME")


def held_out_folds(
    data: TrainingData, rows: str | os.PathLike | None = None, fold: int | None = None
) -> tuple[Folds, int]:
    """Return folds in which the rows that are measured are one, and its number.

    Args:
        data: all rows.
        rows: file with the ids of the rows that were never trained on, one a line; every row by default.
        fold: in place of it the number in the data's column `fold` that marks them.

    Raises:
        InputError: both are given, an id is unknown, or the data has no such fold.
    """
    if fold is not None:
        if rows is not None:
            raise InputError("--rows and --fold both say which rows were held out; give one of them")
        split = given_folds(data.ids, fold_column(data.dataset), data.groups, dataset_fingerprint=data.fingerprint)
        if not 1 <= fold <= split.n_splits:
            raise InputError(f"no fold {fold}: the data's column 'fold' counts from 1 to {split.n_splits}")
        return split, fold
    numbers = np.ones(len(data.ids), dtype=np.int64)
    if rows is not None:
        wanted = _ids(Path(rows).expanduser())
        unknown = sorted(wanted - set(data.ids.tolist()))
        if unknown:
            raise InputError(
                f"{rows} names {len(wanted):,} rows, but {len(unknown):,} of them are not in {data.name}, "
                f"{unknown[0]!r} for one (its ids look like {str(data.ids[0])!r})"
            )
        numbers = np.isin(data.ids, list(wanted)).astype(np.int64)
    return _folds(numbers, data), 1


def published_folds(folder: Path, facts: Mapping[str, Any], data: TrainingData) -> Folds | None:
    """Return the folds of an adopted model that was published, by its files or from the data itself.

    Args:
        folder: what was published.
        facts: its run.json.
        data: the rows that it was measured on.

    Returns:
        The folds; None where only a file could tell them that the terms of the data keep back.

    Raises:
        InputError: folds.json is damaged, or of other data.
    """
    kept, fold = folder / "folds.json", facts["selection"]["fold"]
    if kept.is_file():
        return Folds.load(kept).for_data(data.ids.tolist(), data.fingerprint, kept)
    measured = facts["origin"]["measured"]
    if measured["chosen_by"] == "rows":
        return None
    split, _ = held_out_folds(data, fold=fold if measured["chosen_by"] == "fold" else None)
    return split if len(split.rows(fold)[1]) == measured["rows"] else None


def without(split: Folds, data: TrainingData, rows: np.ndarray) -> Folds:
    """Return folds in which some rows, as indices, are never held out.

    Raises:
        InputError: no row is left.
    """
    numbers = split.fold.copy()
    numbers[rows] = 0
    return Folds(numbers, split.ids, GIVEN, split.n_splits, 0, data.fingerprint)


def stricter_policy(data: TrainingData, trained_on: TrainingData | None) -> dict:
    """Return the terms that hold for the model: those of the data it is measured on and of what it was trained on.

    An agreement that only one of them asks for stands for both; where they ask for two, both are to be named.

    >>> from types import SimpleNamespace
    >>> open_, closed = CorpusPolicy("cc0-1.0", True, True, True), CorpusPolicy("other", False, False, False, "DUA")
    >>> both = [SimpleNamespace(describe=lambda p=p: {"policy": p.as_dict()}) for p in (open_, closed)]
    >>> terms = stricter_policy(*both)
    >>> terms["publish_models"], terms["agreement"], terms["licence"]
    (False, 'DUA', 'other')
    """
    policies = [CorpusPolicy.from_dict(each.describe()["policy"]) for each in (data, trained_on) if each is not None]
    closed = [policy for policy in policies if not policy.publish_models]
    agreements = sorted({policy.agreement for policy in closed or policies if policy.agreement})
    return CorpusPolicy(
        licence=" and ".join(sorted({policy.licence for policy in closed})) or policies[0].licence,
        text_may_leave_machine=policies[0].text_may_leave_machine,
        publish_text=all(policy.publish_text for policy in policies),
        publish_models=not closed,
        agreement=" and ".join(agreements) or None,
        contains_patient_text=any(policy.contains_patient_text for policy in policies),
    ).as_dict()


def _folds(numbers: np.ndarray, data: TrainingData) -> Folds:
    ids = data.ids.tolist()
    if len(set(ids)) != len(ids):
        raise InputError(
            f"{len(ids) - len(set(ids))} ids of {data.name} occur more than once; a row's id must be unique"
        )
    return Folds(numbers, ids, GIVEN, 1, 0, data.fingerprint)


def _ids(path: Path) -> set[str]:
    try:
        found = {line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()} - {""}
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; give a text file with the ids of the rows, one a line") from None
    except (UnicodeDecodeError, IsADirectoryError):
        raise InputError(f"{path} is not a text file; give one with the ids of the rows, one a line") from None
    if not found:
        raise InputError(f"{path} names no row; give the ids of the rows that were never trained on, one a line")
    return found
