"""What each kind of model brings to a training: its rows, and how a fold of them is trained."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..core.errors import InputError
from ..core.run_folder import RunFolder
from .folds import Folds
from .recipe import Recipe


class ModelKind(Protocol):
    """One training of one kind of model; `train` calls these in order, folds and resuming are its own.

    Rows are whatever `load` returns, with `describe()` and what `folds_of` asks of them.
    """

    def load(self) -> Any:
        """Return the rows that the recipe names."""

    def check(self, data: Any) -> None:
        """Check that recipe and rows fit, before anything is written.

        Raises:
            InputError: they do not.
        """

    def fit(self, data: Any, fold: int, rows: np.ndarray, held_out: np.ndarray) -> Any:
        """Train a fold and predict its held-out rows; None on every process but the first."""

    def write_fold(self, data: Any, fold: int, held_out: np.ndarray, outcome: Any, seconds: float) -> None:
        """Write a fold's predictions, then its figures: a fold counts as finished once the figures are there."""

    def fit_beside(self, data: Any, fold: int, rows: np.ndarray, held_out: np.ndarray) -> None:
        """Train what stands beside a finished fold, as far as it is not there yet."""

    def write_report(self, data: Any, split: Folds, *, seconds: float) -> dict[str, Any]:
        """Gather the finished folds into run.json."""


def kind_of(
    run: RunFolder,
    recipe: Recipe,
    process: Any,
    votes: Sequence[str | os.PathLike] | None = None,
    tokens: Path | None = None,
) -> ModelKind:
    """Return what trains a recipe's kind of model.

    Args:
        run: where to.
        recipe: what is trained.
        process: this process's place (see `process_place`).
        votes: files of experts' votes, for a recipe with a `joint` section.
        tokens: folder for a classifier's tokenised rows, which other runs share; the run's own cache when left out.

    Raises:
        InputError: the recipe's sections do not fit, or there is nothing to learn votes for.
    """
    if recipe.joint is not None:
        from .joint import JointTraining

        return JointTraining(run, recipe, process, votes, tokens)
    if votes:
        raise InputError(
            "votes are for a recipe with a joint section, whose policy is trained along; this one has none. Train it "
            "without, and give them to the finished run: secondopinion defer RUN --votes FILE"
        )
    if recipe.model.kind == "multitask_qa":
        from .question_answering.kind import QuestionAnsweringTraining

        return QuestionAnsweringTraining(run, recipe, process)
    from .classification import ClassifierTraining

    return ClassifierTraining(run, recipe, process, tokens)
