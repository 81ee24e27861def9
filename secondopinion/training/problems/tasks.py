"""From `task` of run.json to the problem that it describes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ...core.errors import InputError
from .factors import Factors
from .multi_label import MultiLabel
from .problem import Problem
from .regression import EPSILON, Regression
from .single_label import SingleLabel


def problem_of_task(task: Mapping[str, Any]) -> Problem:
    """Return the problem that a run was trained for.

    >>> problem_of_task({"problem_type": "regression", "kind": "regression", "label_names": ["size"]}).title
    'regression'
    """
    kind, names = task.get("kind", SingleLabel.kind), task["label_names"]
    if kind == Factors.kind:
        return Factors([each["name"] for each in task["factors"]], [each["classes"] for each in task["factors"]])
    if kind == Regression.kind:
        return Regression(names, task.get("epsilon", EPSILON))
    return MultiLabel(names) if kind == MultiLabel.kind else SingleLabel(names)


def require_single_label(facts: Mapping[str, Any], where: str | os.PathLike) -> None:
    """Raise unless a run's texts have one class each, which is what experts vote on.

    Args:
        facts: what run.json holds.
        where: the run folder, for the message.

    Raises:
        InputError: they have several labels, or numbers.
    """
    problem = problem_of_task(facts["task"])
    if not isinstance(problem, SingleLabel):
        raise InputError(
            f"{where} is a run of a {problem.title}, but experts vote on one class a text: asking and deferral are for "
            "runs of single-label classification"
        )
