"""What experts answered to questions, and how right each answer is."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import InputError
from ...core.run_folder import RunFolder
from ...metrics.clinical_qa.clinical_qa import row_scores
from ...modeling.configuration_multitask_qa import CATEGORIES
from ..deferral_parts import require_out_of_fold
from ..folds import Folds
from ..report import read_predictions
from .data import QuestionAnsweringData
from .figures import references

ENDINGS = (".parquet", ".jsonl", ".csv")
SPAN_FIGURES, CATEGORY_FIGURES = ("exact", "f1"), ("category_accuracy",)
STORED = {"exact": "exact", "f1": "f1", "category_accuracy": "category_right"}


@dataclass(frozen=True)
class ExpertScores:
    """How right an expert's answers are; the answers themselves are not kept.

    Attributes:
        name: of the expert.
        ids: (rows,) of the questions that it was asked.
        right: {figure: (rows,) 0 to 1}, `exact` and `f1` of a span or `category_accuracy`; NaN where an answer is
            unusable or the row has no label.
        usable: (rows,) whether it gave a usable answer.
        costs: (rows,) US dollars of each call.
        facts: who it is: kind, and the name of a run.
    """

    name: str
    ids: np.ndarray
    right: dict[str, np.ndarray]
    usable: np.ndarray
    costs: np.ndarray
    facts: dict[str, Any]

    @property
    def sha1(self) -> str:
        """Name of what was answered: of ids and scores, whatever their order."""
        digest = hashlib.sha1()
        for place in np.argsort(self.ids, kind="stable").tolist():
            scores = " ".join(f"{column[place]:.6f}" for column in self.right.values())
            digest.update(f"{self.ids[place]}\t{self.usable[place]}\t{scores}\n".encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def places(self, ids: Sequence[str]) -> np.ndarray:
        """Return (ids,) where each id stands in the columns; all of them must."""
        place = {identifier: i for i, identifier in enumerate(self.ids.tolist())}
        return np.array([place[identifier] for identifier in ids], dtype=np.int64)


def figures_of(tasks: Sequence[str]) -> tuple[str, ...]:
    """Return by what figures an answer of a model of these tasks is right."""
    return SPAN_FIGURES if "span" in tasks else CATEGORY_FIGURES


def experts_on_file(
    path: str | os.PathLike, data: QuestionAnsweringData, tasks: Sequence[str], cost_usd: float = 0.0
) -> list[ExpertScores]:
    """Read recorded answers: a row each question, of one expert or, with a column `expert`, of several.

    Columns: `id`; `answer`, a text, empty for "there is none" and null for an unusable answer (for a model without
    spans `category` in its place); `cost_usd`, `expert` and `error` (not empty: unusable) where wanted. Others are left
    unread.

    Args:
        path: Parquet, CSV or JSON Lines.
        data: the questions.
        tasks: of the model that asks.
        cost_usd: of a call, where the file does not say.

    Raises:
        InputError: the file cannot be read, an id is unknown or comes twice, a value has the wrong type, or an expert
            gave no usable answer.
    """
    path = Path(path).expanduser()
    column = "answer" if "span" in tasks else "category"
    rows = _read(path, column)
    known = {identifier: place for place, identifier in enumerate(data.ids.tolist())}
    by_expert: dict[str, dict[str, Mapping[str, Any]]] = {}
    unknown = twice = 0
    for number, row in enumerate(rows, 1):
        identifier = None if row["id"] is None else str(row["id"])
        answers = by_expert.setdefault(str(row.get("expert") or path.stem), {})
        unknown += identifier not in known
        twice += identifier in answers
        _check_value(row[column], column, f"{path}, row {number}")
        answers[identifier] = row
    if unknown:
        raise InputError(
            f"{path}: {unknown} of {len(rows)} ids are of no question of this data ({data.name}); give the answers to "
            "the questions that the run was trained on"
        )
    if twice:
        raise InputError(f"{path}: {twice} ids occur more than once for the same expert; give each question once")
    return [_scored(name, answers, data, known, column, cost_usd) for name, answers in by_expert.items()]


def expert_of_run(
    path: str | os.PathLike,
    data: QuestionAnsweringData,
    tasks: Sequence[str],
    *,
    name: str | None = None,
    cost_usd: float = 0.0,
) -> ExpertScores:
    """Return another run's out-of-fold answers as an expert's.

    Args:
        path: of the other run.
        data: that it must have been trained on.
        tasks: of the model that asks.
        name: of the expert; the run's own by default.
        cost_usd: of a call.

    Raises:
        InputError: it is no run of questions, was trained on other data, lacks the task, or its predictions are not
            out of fold.
    """
    other = RunFolder.open(Path(path).expanduser())
    facts = other.facts
    if facts["model"]["kind"] != "multitask_qa":
        raise InputError(f"{other.path} is a run of a {facts['model']['kind']}, which answers no questions")
    if facts["dataset"]["fingerprint"] != data.fingerprint:
        raise InputError(
            f"{other.path} was trained on other data than this: its answers are to other questions. Train it on the "
            "same data"
        )
    figures = figures_of(tasks)
    table = read_predictions(other)
    if any(STORED[figure] not in table or table[STORED[figure]].isna().all() for figure in figures):
        raise InputError(f"{other.path} has no {' and no '.join(figures)}: its model was trained for another task")
    ids = table["id"].astype(str)
    require_out_of_fold(ids.tolist(), table["fold"].tolist(), Folds.load(other.folds_file))
    right = {figure: table[STORED[figure]].astype(float).to_numpy() for figure in figures}
    n = len(table)
    shown = {"kind": "run", "model": facts["name"]}
    return ExpertScores(
        name or facts["name"], ids.to_numpy(dtype=object), right, np.ones(n, bool), np.full(n, cost_usd), shown
    )


def _scored(
    name: str,
    answers: Mapping[str, Mapping[str, Any]],
    data: QuestionAnsweringData,
    known: Mapping[str, int],
    column: str,
    cost_usd: float,
) -> ExpertScores:
    """Return how right the answers are by the suite's own metric."""
    ids = sorted(answers)
    said = [None if answers[i].get("error") else answers[i][column] for i in ids]
    usable = np.array([value is not None for value in said])
    if not usable.any():
        raise InputError(f"expert {name!r} has no usable answer among {len(ids)}; ask it again, or leave it out")
    figures = SPAN_FIGURES if column == "answer" else CATEGORY_FIGURES
    right = {figure: np.full(len(ids), np.nan) for figure in figures}
    places = np.flatnonzero(usable)
    key = "prediction_text" if column == "answer" else "category"
    predictions = [{"id": ids[i], key: said[i]} for i in places]
    scores = row_scores(predictions, references(data, np.array([known[ids[i]] for i in places])))
    for figure in figures:
        right[figure][places] = [np.nan if value is None else float(value) for value in scores[STORED[figure]]]
    costs = np.array([_cost(answers[i].get("cost_usd"), name, cost_usd) for i in ids])
    return ExpertScores(name, np.array(ids, dtype=object), right, usable, costs, {"kind": "recorded", "model": None})


def _read(path: Path, column: str) -> list[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix not in ENDINGS:
        raise InputError(f"{path}: recorded answers are {', '.join(ENDINGS)}, not {path.suffix or 'without an ending'}")
    if not path.is_file():
        raise InputError(f"there is no file {path}; --votes names Parquet, CSV or JSONL files of answers")
    try:
        if path.suffix == ".parquet":
            rows = pq.read_table(path).to_pylist()
        elif path.suffix == ".jsonl":
            with open(path, encoding="utf-8") as handle:
                rows = [json.loads(line) for line in handle if line.strip()]
        else:
            with open(path, encoding="utf-8", newline="") as handle:
                rows = list(csv.DictReader(handle, strict=True))
    except (pa.ArrowException, OSError, csv.Error, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path} cannot be read ({type(error).__name__}): it is damaged or cut off") from None
    if not rows:
        raise InputError(f"{path} holds no answers")
    for number, row in enumerate(rows, 1):
        missing = [name for name in ("id", column) if not isinstance(row, dict) or name not in row]
        if missing:
            raise InputError(
                f"{path}, row {number}, lacks {' and '.join(missing)}; a row holds id and {column}, and may hold "
                "cost_usd, expert and error"
            )
    return rows


def _check_value(value: Any, column: str, where: str) -> None:
    if value is not None and not isinstance(value, str):
        raise InputError(f"{where}: {column} is a {type(value).__name__}; give a text, or null where it is unusable")
    if column == "category" and value is not None and value not in CATEGORIES:
        raise InputError(f"{where}: category is none of {', '.join(CATEGORIES)}; leave it null where it is unusable")


def _cost(value: Any, name: str, otherwise: float) -> float:
    if value is None or value == "":
        return otherwise
    try:
        cost = float(value)
    except (TypeError, ValueError):
        cost = math.nan
    if not 0 <= cost < math.inf:
        raise InputError(f"expert {name!r}: a cost_usd is not a number of US dollars, 0 or more")
    return cost


def require_unique(experts: Iterable[ExpertScores]) -> dict[str, ExpertScores]:
    """Return experts by name.

    Raises:
        InputError: two share a name.
    """
    experts = list(experts)
    names = [expert.name for expert in experts]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"two experts are called {twice[0]!r}; give each file another name, or a column expert")
    return dict(zip(names, experts, strict=True))
