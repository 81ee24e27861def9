"""What a model says of cases, in the form of the DRAGON benchmark, or as a table."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ..core.dragon_form import (
    BINARY,
    MULTI_CLASS,
    MULTI_LABEL_BINARY,
    MULTI_LABEL_MULTI_CLASS,
    MULTI_LABEL_REGRESSION,
    REGRESSION,
)
from ..core.errors import InputError
from ..core.files import atomic_file
from ..core.progress import say
from .cases import Cases
from .corpus.tables import TABLES, check_free, write_tables
from .engine import score_texts

FORMATS = (".json", *TABLES)
BETWEEN = ": "


@dataclass(frozen=True)
class Predictions:
    """What a model says of cases.

    Attributes:
        ids: (rows,).
        kind: of the labels, by the benchmark's name.
        values: (rows,) what the benchmark takes: the probability of true, the class's name, the number, or lists.
        columns: name → (rows,) of a table: labels and the probability of each class, or numbers.
    """

    ids: list[str]
    kind: str
    values: list[Any]
    columns: dict[str, list[Any]]

    def __str__(self) -> str:
        """Return what a terminal shows: counts, no text."""
        lines = [f"{len(self.ids):,} cases, {self.kind.replace('_', ' ')}"]
        for name, values in self.columns.items():
            if name == "label" or name.startswith("label_"):
                counts = {str(value): values.count(value) for value in sorted(set(values))}
                lines.append(f"  {name}: " + ", ".join(f"{value} {count:,}" for value, count in counts.items()))
        return "\n".join(lines)


def kind_of_model(config: Any, wanted: str | None = None) -> str:
    """Return the benchmark's kind of the labels that a model predicts.

    Args:
        config: the model's configuration; `problem_type`, `num_labels`, `id2label` and `label_groups` decide.
        wanted: the kind that a task's configuration names.

    Raises:
        InputError: the model does not predict labels of the kind that is wanted.
    """
    names = [str(config.id2label[number]) for number in range(config.num_labels)]
    if getattr(config, "label_groups", None):
        possible = (MULTI_LABEL_MULTI_CLASS,)
    elif config.problem_type == "multi_label_classification":
        possible = (MULTI_LABEL_BINARY,)
    elif config.problem_type == "regression" or config.num_labels == 1:
        possible = (REGRESSION, MULTI_LABEL_REGRESSION) if config.num_labels == 1 else (MULTI_LABEL_REGRESSION,)
    elif config.num_labels == 2:
        truth = {name.lower() for name in names} == {"false", "true"}
        possible = (BINARY, MULTI_CLASS) if truth else (MULTI_CLASS, BINARY)
    else:
        possible = (MULTI_CLASS,)
    if wanted is not None and wanted not in possible:
        raise InputError(
            f"the task asks for {wanted}, but the model predicts {possible[0]} ({len(names)} outputs); give the model "
            "that was trained on this task"
        )
    return wanted or possible[0]


def predict_cases(model: Any, tokenizer: Any, cases: Cases) -> Predictions:
    """Return what a model says of cases.

    Args:
        model: a sequence classifier, or a regressor.
        tokenizer: its tokenizer, or its processor.
        cases: as `read_inputs` gives them.

    Raises:
        InputError: the task's labels are not those that the model predicts.
    """
    kind = kind_of_model(model.config, cases.task.kind if cases.task else None)
    side = getattr(tokenizer, "truncation_side", None)
    if cases.task and side not in (None, cases.task.truncation_side):
        say(f"the task recommends to cut texts on the {cases.task.truncation_side}; the model cuts them on the {side}")
    logits = score_texts(model, tokenizer, cases.texts)
    if not np.isfinite(logits).all():
        wrong = int((~np.isfinite(logits)).any(axis=1).sum())
        raise InputError(f"the model gives no finite number for {wrong} of {len(cases.ids)} cases; it is damaged")
    return as_predictions(cases.ids, logits, model.config, kind)


def as_predictions(ids: Sequence[str], logits: np.ndarray, config: Any, kind: str) -> Predictions:
    """Return predictions in the form that a model's configuration tells.

    Args:
        ids: (rows,).
        logits: (rows, outputs), calibrated; of a regression in the targets' own units.
        config: the model's configuration.
        kind: as `kind_of_model` returns it.

    >>> from transformers import PreTrainedConfig
    >>> config = PreTrainedConfig(id2label={0: "false", 1: "true"})
    >>> as_predictions(["a"], np.array([[0.0, 2.0]]), config, kind_of_model(config)).columns["label"]
    ['true']
    """
    names = [str(config.id2label[number]) for number in range(config.num_labels)]
    scores = np.asarray(logits, dtype=np.float64)
    if kind in (REGRESSION, MULTI_LABEL_REGRESSION):
        columns = {
            "value" if len(names) == 1 else f"value_{name}": scores[:, n].tolist() for n, name in enumerate(names)
        }
        return Predictions(list(ids), kind, (scores[:, 0] if kind == REGRESSION else scores).tolist(), columns)
    if kind == MULTI_LABEL_BINARY:
        shares = _sigmoid(scores)
        columns = {f"label_{name}": (shares[:, n] > 0.5).astype(int).tolist() for n, name in enumerate(names)}
        return Predictions(list(ids), kind, shares.tolist(), {**columns, **_shares(names, shares)})
    if kind == MULTI_LABEL_MULTI_CLASS:
        return _factors(list(ids), scores, names, config.label_groups)
    shares = _softmax(scores)
    said = [names[place] for place in shares.argmax(axis=1)]
    columns = {"label": said, **_shares(names, shares)}
    if kind == MULTI_CLASS:
        return Predictions(list(ids), kind, said, columns)
    lower = [name.lower() for name in names]
    true = lower.index("true") if "true" in lower else 1
    return Predictions(list(ids), kind, shares[:, true].tolist(), columns)


def write_predictions(predictions: Predictions, output: str | os.PathLike, *, force: bool = False) -> Path:
    """Write predictions, whole or not at all.

    Args:
        predictions: as `predict_cases` gives them.
        output: `.json` (the benchmark's form: a list of `uid` and the label), or a table with ids, labels and
            probabilities: `.jsonl`, `.csv`, `.parquet`.
        force: replace a file that is there.

    Raises:
        InputError: the file is there, or is of another kind.
        DiskFullError: no room was left.
    """
    output = check_output(output, force=force)
    with atomic_file(output) as temporary:
        if output.suffix.lower() == ".json":
            pairs = zip(predictions.ids, predictions.values, strict=True)
            rows = [{"uid": name, predictions.kind: value} for name, value in pairs]
            temporary.write_text(json.dumps(rows, ensure_ascii=False, indent=1, allow_nan=False) + "\n", "utf-8")
        else:
            import pyarrow as pa

            table = pa.table({"id": predictions.ids, **predictions.columns})
            write_tables([table], temporary, output.suffix.lower())
    return output


def check_output(output: str | os.PathLike, *, force: bool = False) -> Path:
    """Return the path of an output that may be written.

    Raises:
        InputError: the file is there, or is of a kind that cannot be written.
    """
    output = Path(output).expanduser()
    if output.suffix.lower() not in FORMATS:
        raise InputError(f"{output} ends in {output.suffix!r}; expected one of {', '.join(FORMATS)}")
    check_free(output, force)
    return output


def _factors(ids: list[str], scores: np.ndarray, names: list[str], sizes: Sequence[int]) -> Predictions:
    starts = np.cumsum([0, *sizes])
    said, labels, shares = [], {}, {}
    for number, (start, end) in enumerate(pairwise(starts)):
        own = names[start:end]
        prefixes = {name.partition(BETWEEN)[0] for name in own if BETWEEN in name}
        named = len(prefixes) == 1 and all(BETWEEN in name for name in own)
        factor = prefixes.pop() if named else f"label_{number + 1}"
        classes = [name.partition(BETWEEN)[2] for name in own] if named else own
        part = _softmax(scores[:, start:end])
        said.append([classes[place] for place in part.argmax(axis=1)])
        labels[f"label_{factor}"] = said[-1]
        shares |= _shares([f"{factor}{BETWEEN}{each}" for each in classes], part)
    values = [list(row) for row in zip(*said, strict=True)]
    return Predictions(ids, MULTI_LABEL_MULTI_CLASS, values, {**labels, **shares})


def _shares(names: Sequence[str], shares: np.ndarray) -> dict[str, list[float]]:
    return {f"p_{name}": shares[:, number].tolist() for number, name in enumerate(names)}


def _softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _sigmoid(scores: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(scores, -500, 500)))


__all__ = ["Predictions", "as_predictions", "check_output", "kind_of_model", "predict_cases", "write_predictions"]
