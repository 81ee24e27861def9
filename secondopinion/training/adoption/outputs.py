"""What a model's outputs are, in the data's words: matched by name, in whatever order either has them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.errors import InputError, closest
from ..data import TrainingData
from ..problems import Problem, SingleLabel
from ..problems.multi_label import MultiLabel
from ..problems.regression import Regression

UNNAMED = re.compile(r"LABEL_\d+")
TITLES = {each.problem_type: each.title for each in (SingleLabel, MultiLabel, Regression)}


def measured_problem(
    config: Any, data: TrainingData, labels: Sequence[str] | None = None, source: str = "the model"
) -> tuple[Problem, np.ndarray]:
    """Return the problem in the order of a model's logits, and the data's labels in that order.

    Args:
        config: the model's.
        data: whose labels are the truth.
        labels: (outputs,) what the model's outputs are, where its configuration does not name them.
        source: the model, for messages.

    Returns:
        The problem, and labels as `TrainingData.labels` holds them for it.

    Raises:
        InputError: model and data are about different kinds of problem, or their labels do not fit.
    """
    kind, theirs = problem_type(config, data.problem), data.problem
    if type(theirs) not in (SingleLabel, MultiLabel, Regression) or kind != theirs.problem_type:
        raise InputError(
            f"{source} is a model of {TITLES.get(kind, kind)} with {config.num_labels} outputs, but {data.name} is "
            f"data of {theirs.title} with {', '.join(theirs.label_names)}; give data with labels of its kind"
        )
    names = _names(config, labels, source)
    if isinstance(theirs, Regression) and config.num_labels == len(theirs.label_names) == 1:
        return theirs, data.labels
    unknown = [name for name in theirs.label_names if name not in names]
    lacking = [name for name in names if name not in theirs.label_names]
    if unknown or (lacking and not isinstance(theirs, SingleLabel)):
        raise InputError(_misfit(source, names, data, unknown, labels is not None))
    if isinstance(theirs, SingleLabel):
        problem = SingleLabel(names, theirs.further)
        return problem, problem.align(theirs, data.labels, data.name)
    places = [theirs.label_names.index(name) for name in names]
    ordered = Regression(names, theirs.epsilon) if isinstance(theirs, Regression) else MultiLabel(names)
    return ordered, np.asarray(data.labels)[:, places]


def problem_type(config: Any, problem: Problem) -> str:
    """Return what kind of problem a model was trained for.

    A configuration that does not say it is read as transformers does: one output is a number; several are one class of
    several, or several labels, as the data has it.

    >>> from transformers import BertConfig
    >>> problem_type(BertConfig(num_labels=1), SingleLabel(["no", "yes"]))
    'regression'
    """
    if config.problem_type:
        return config.problem_type
    if config.num_labels == 1:
        return Regression.problem_type
    return MultiLabel.problem_type if isinstance(problem, MultiLabel) else SingleLabel.problem_type


def _names(config: Any, labels: Sequence[str] | None, source: str) -> list[str]:
    own = [str(config.id2label[number]) for number in range(config.num_labels)]
    if labels is None:
        return own
    names = [str(name).strip() for name in labels]
    if len(names) != len(own):
        raise InputError(
            f"--labels names {len(names)} outputs ({', '.join(names)}), but {source} has {len(own)} "
            f"({', '.join(own)}); name each of them once, in this order"
        )
    if len(set(names)) != len(names) or not all(names):
        raise InputError(f"--labels {','.join(names)}: each output needs a name of its own")
    return names


def _misfit(source: str, names: list[str], data: TrainingData, unknown: list[str], given: bool) -> str:
    """Return what does not fit between the model's names and the data's, with a line to paste where one can be made."""
    theirs = data.problem.label_names
    both = f"{source} has {', '.join(names)}; {data.name} has {', '.join(theirs)}"
    if len(names) != len(theirs):
        return (
            f"the labels do not fit: {both}. {len(names)} outputs cannot be measured on {len(theirs)} labels; give the "
            "data that the model was made for, or leave out the rows of the others"
        )
    if not given and all(UNNAMED.fullmatch(name) for name in names):
        return (
            f"{source} does not name its outputs ({', '.join(names)}). Say what they are, in the order that it was "
            f"trained with; if that is the order of {data.name}: --labels {','.join(theirs)}"
        )
    spelt = {name.casefold(): name for name in theirs}
    if all(name.casefold() in spelt for name in names):
        return f"the labels are spelt otherwise: {both}. Give --labels {','.join(spelt[n.casefold()] for n in names)}"
    hints = f"; {closest(unknown[0], names)}" if unknown else ""
    return (
        f"the labels do not fit: {both}. Not known to the model: {', '.join(unknown)}{hints}. Give --labels with the "
        "data's names in the model's order"
    )
