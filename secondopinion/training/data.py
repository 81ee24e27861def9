"""The rows a training sees: a prepared folder, or any data set that `datasets` loads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError, closest
from ..core.files import read_json
from ..core.fingerprint import dataset_fingerprint
from ..core.policy import PUBLIC_UNKNOWN
from .problems import Problem
from .problems.reading import read_labels
from .recipe import DatasetSpec

PREPARED = "prepare.json"


@dataclass(frozen=True)
class TrainingData:
    """Labelled texts in memory-mapped Arrow, with the columns that decide folds as arrays.

    Attributes:
        dataset: the rows; texts stay on disk until they are read.
        text_column: where its texts are.
        ids: (rows,) strings.
        labels: (rows,) class numbers; (rows, labels) 0/1, or -1 where not known; (rows, factors) class numbers, or -100
            where not known; (rows,) or (rows, targets) floats, NaN where not known. Which of them the problem says.
        problem: what there is to learn.
        groups: (rows,) strings, or None.
        fingerprint: of ids, texts and labels.
        facts: what `prepare` recorded; empty for other data sets.
        name: of the corpus.
    """

    dataset: Any
    text_column: str
    ids: np.ndarray
    labels: np.ndarray
    problem: Problem
    groups: np.ndarray | None
    fingerprint: str
    facts: dict[str, Any]
    name: str

    @property
    def label_names(self) -> list[str]:
        """(classes, or labels, or targets,) names in the order of a model's logits."""
        return self.problem.label_names

    def texts(self, rows: np.ndarray | None = None) -> list[str]:
        """Return the texts of some rows, or of all."""
        chosen = self.dataset if rows is None else self.dataset.select(rows)
        return list(chosen[self.text_column])

    def strata(self, strategy: str, n_splits: int) -> np.ndarray:
        """Return (rows,) the names of the classes, or what the kind of problem spreads evenly over folds."""
        groups = self.groups if strategy == "stratified_group" else None
        return self.problem.strata(self.labels, groups, n_splits)

    def describe(self) -> dict[str, Any]:
        """Return what run.json records about the data: counts and names, no text, no path."""
        return {
            "name": self.name,
            "config": self.facts.get("config"),
            "source": self.facts.get("source"),
            "fingerprint": self.fingerprint,
            "rows": len(self.ids),
            **self.problem.describe(self.labels),
            "groups": None if self.groups is None else len(np.unique(self.groups)),
            "date_range": self.facts.get("date_range"),
            "policy": self.facts.get("policy") or PUBLIC_UNKNOWN.as_dict(),
            "synthetic": bool(self.facts.get("synthetic", False)),
            "facts": {
                key: self.facts[key]
                for key in ("dropped", "duplicates", "label_noise", "options", "read", "votes")
                if key in self.facts
            },
        }


def load_data(spec: DatasetSpec, cache: Path | None = None) -> TrainingData:
    """Load the rows that a recipe names.

    Args:
        spec: the recipe's `dataset` section.
        cache: folder for Arrow files; the library's own cache when left out.

    Raises:
        InputError: nothing is there, a column is missing, labels are of no kind that can be learned, or a text is
            empty.
    """
    dataset, name, facts = open_dataset(spec, cache)
    return from_dataset(dataset, spec, name=name, facts=facts)


def open_dataset(spec: Any, cache: Path | None = None) -> tuple[Any, str, dict[str, Any]]:
    """Open the data set that a recipe names.

    Args:
        spec: the recipe's `dataset` section; its `path`, `config`, `split` and `revision` are read.
        cache: folder for Arrow files; the library's own cache when left out.

    Returns:
        The `datasets.Dataset`, its name, and what `prepare` recorded (empty for other data sets).

    Raises:
        InputError: nothing is there.
    """
    import datasets

    if spec.path is None:
        raise InputError("no data given: name it with --data, or as dataset.path in the recipe")
    folder = Path(spec.path).expanduser()
    facts: dict[str, Any] = {}
    options = {"split": spec.split, "cache_dir": str(cache) if cache else None}
    if folder.is_dir():
        if (folder / PREPARED).exists():
            facts = read_json(folder / PREPARED)
        location, name = str(folder), facts.get("corpus") or folder.resolve().name
    else:
        if folder.is_absolute() or spec.path.startswith((".", "~")) or spec.path.count("/") > 1:
            raise InputError(
                f"{spec.path} is not a folder; make it with: secondopinion prepare maude --output {spec.path}"
            )
        location, name = spec.path, spec.path
        options["revision"] = spec.revision
    try:
        dataset = datasets.load_dataset(location, spec.config, **options)
    except (FileNotFoundError, datasets.exceptions.DatasetNotFoundError, ConnectionError) as error:
        raise InputError(
            f"{spec.path!r} holds no data set that can be loaded ({type(error).__name__}); "
            "give a folder made by 'secondopinion prepare', or a data set's name on the Hub"
        ) from None
    return dataset, name, facts


def from_dataset(dataset: Any, spec: DatasetSpec, *, name: str, facts: dict[str, Any] | None = None) -> TrainingData:
    """Check a `datasets.Dataset` and read the columns that decide folds.

    Raises:
        InputError: a column is missing, labels are of no kind that can be learned, or a text is empty.
    """
    for role, column in (("text", spec.text_column), ("label", spec.label_column)):
        if column not in dataset.column_names:
            if {"context", "question", "answers"} <= set(dataset.column_names):
                raise InputError(
                    f"{name} has questions with answers, not texts with labels; train it with a recipe of model.kind "
                    "multitask_qa, such as clinical_qa_offline"
                )
            raise InputError(f"{name} has no column {column!r} for the {role}; {closest(column, dataset.column_names)}")
    if len(dataset) == 0:
        raise InputError(f"{name} has no rows in split {spec.split!r}")
    facts = facts or {}
    values, feature = dataset[spec.label_column][:], dataset.features[spec.label_column]
    problem, labels = read_labels(values, feature, facts, f"{name}: column {spec.label_column!r}")
    ids = (
        np.asarray(dataset[spec.id_column][:]).astype(str)
        if spec.id_column in dataset.column_names
        else np.arange(len(dataset)).astype(str)
    )
    groups = (
        np.asarray(dataset[spec.group_column][:]).astype(str) if spec.group_column in dataset.column_names else None
    )
    texts = dataset[spec.text_column]
    empty = sum(1 for text in texts if not (isinstance(text, str) and text.strip()))
    if empty:
        raise InputError(f"{name}: {empty} rows have no text in column {spec.text_column!r}; drop them first")
    fingerprint = dataset_fingerprint(ids.tolist(), texts, problem.words(labels))
    return TrainingData(dataset, spec.text_column, ids, labels, problem, groups, fingerprint, facts, name)
