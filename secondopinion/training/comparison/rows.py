"""The rows that two runs both predicted out of fold, with what each said of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.errors import InputError
from ...core.run_folder import RunFolder
from ..report import read_predictions

SCORES = {"exact": "exact", "f1": "f1", "category_accuracy": "category_right", "joint_accuracy": "joint"}
CLASS, CATEGORY, ANSWER = "class", "category", "answer"


@dataclass(frozen=True)
class SharedRows:
    """Rows of two runs, in one order.

    Attributes:
        ids: (rows,) strings.
        properties: name → (rows,) what is true of each: its `class`, or of a question its `category` and `answer`.
        said: (2, rows) what each run says; None for questions.
        confidence: (2, rows) probability of what is said; of questions the span's.
        scores: name → (2, rows), 1 for right and 0 for wrong or between them, NaN where a row has no such label.
        counted: which of the scores is right or wrong, for McNemar's test.
        left_out: how many rows only the first has, and only the second.
    """

    ids: np.ndarray
    properties: dict[str, np.ndarray]
    said: np.ndarray | None
    confidence: np.ndarray
    scores: dict[str, np.ndarray]
    counted: str
    left_out: tuple[int, int]


def shared_rows(first: RunFolder, second: RunFolder, system: bool = False) -> SharedRows:
    """Return the rows that both runs predicted.

    Args:
        first: a run.
        second: another one.
        system: take what deferring systems say, experts' answers included, in place of the classifiers.

    Raises:
        InputError: the runs are of different kinds or classes, share no row, or disagree on what is true of one; or
            `system` and a run does not defer.
    """
    kinds = [_kind(run) for run in (first, second)]
    if kinds[0] != kinds[1]:
        raise InputError(
            f"{first.path} {kinds[0]}, {second.path} {kinds[1]}; give two runs of one kind, on the same rows"
        )
    classes = [run.facts["task"]["label_names"] for run in (first, second)]
    if sorted(classes[0]) != sorted(classes[1]):
        raise InputError(
            f"the classes differ: {', '.join(classes[0])} in {first.path}, {', '.join(classes[1])} in {second.path}"
        )
    tables = [read_predictions(run).astype({"id": str}).set_index("id") for run in (first, second)]
    for run, table in zip((first, second), tables, strict=True):
        if table.index.has_duplicates:
            raise InputError(f"{run.predictions_file} has an id more than once; each row needs an id of its own")
    ids = tables[0].index[tables[0].index.isin(tables[1].index)]
    if not len(ids):
        raise InputError(
            f"{first.path} and {second.path} share no row: ids such as {tables[0].index[0]!r} and "
            f"{tables[1].index[0]!r}. Compare runs on the same data"
        )
    left_out = tuple(len(table) - len(ids) for table in tables)
    one, other = (table.loc[ids] for table in tables)
    if "gold" not in one:
        return _questions(ids, one, other, left_out, classes[0])
    return _classes(ids, one, other, left_out, (first, second), system)


def _kind(run: RunFolder) -> str:
    task = run.facts["task"]
    if run.facts["model"]["kind"] == "multitask_qa":
        return "answers questions"
    if task["problem_type"] == "single_label_classification" and not task.get("factors"):
        return "sorts texts into single classes"
    raise InputError(
        f"{run.path} has labels of kind {task.get('kind') or task['problem_type']}; compare takes runs that sort texts "
        "into single classes, or that answer questions"
    )


def _classes(
    ids: Any, one: Any, other: Any, left_out: tuple[int, int], runs: tuple[RunFolder, RunFolder], system: bool
) -> SharedRows:
    differing = (one["gold"] != other["gold"]).to_numpy()
    if differing.any():
        raise InputError(
            f"{differing.sum():,} of {len(ids):,} rows have another true class in the second run, {ids[differing][0]} "
            "for one; compare runs on the same labels"
        )
    column = "final_label" if system else "label"
    for run, table in zip(runs, (one, other), strict=True):
        if column not in table:
            raise InputError(f"{run.path} does not defer; make it do so with: secondopinion defer {run.path}")
    said = np.stack([table[column].astype(str).to_numpy() for table in (one, other)])
    gold = one["gold"].astype(str).to_numpy()
    confidence = np.stack([np.stack(table["probabilities"].to_numpy()).max(axis=1) for table in (one, other)])
    scores = {"accuracy": (said == gold).astype(np.float64)}
    return SharedRows(ids.to_numpy(), {CLASS: gold}, said, confidence, scores, "accuracy", left_out)


def _questions(ids: Any, one: Any, other: Any, left_out: tuple[int, int], categories: list[str]) -> SharedRows:
    scores = {}
    for name, column in SCORES.items():
        if column in one and column in other:
            values = np.stack([table[column].astype(float).to_numpy() for table in (one, other)])
            if not np.isnan(values).any(axis=0).all():
                scores[name] = values
    shares = np.stack(one["gold_category_probs"].to_numpy())
    category = np.array([*categories, "not known"])[np.where(shares.sum(axis=1) > 0, shares.argmax(axis=1), -1)]
    answer = np.where(one["gold_starts"].map(len).to_numpy() > 0, "in the context", "none, or not known")
    confidence = np.stack([table["score"].astype(float).to_numpy() for table in (one, other)])
    counted = "exact" if "exact" in scores else "category_accuracy"
    properties = {CATEGORY: category, ANSWER: answer}
    return SharedRows(ids.to_numpy(), properties, None, confidence, scores, counted, left_out)
