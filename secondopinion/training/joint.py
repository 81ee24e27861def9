"""Phase 2 trained together with a deferral policy: the votes come first, the rest is the training of a classifier."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.files import atomic_file, read_json, write_json
from ..core.progress import say
from ..core.run_folder import RunFolder
from .asking import votes_file
from .classification import ClassifierTraining
from .data import TrainingData
from .figures import FoldOutcome
from .joint_votes import JointVotes, joint_votes
from .recipe import Recipe


class JointTraining(ClassifierTraining):
    """An encoder, its head and a policy, trained by one surrogate loss; see `ModelKind`.

    Args:
        run: where to.
        recipe: with a `joint` section.
        process: this process's place.
        votes: files of votes.
        tokens: as in `ClassifierTraining`.

    Raises:
        InputError: the section does not fit the rest of the recipe.
    """

    def __init__(
        self,
        run: RunFolder,
        recipe: Recipe,
        process: Any,
        votes: Sequence[str | os.PathLike] | None = None,
        tokens: Path | None = None,
    ) -> None:
        super().__init__(run, recipe, process, tokens)
        recipe.joint.require(recipe.model.kind, recipe.experts)
        self.files, self.votes = votes, None

    def check(self, data: TrainingData) -> None:
        """Check the rules of the recipe, and find the votes.

        Raises:
            InputError: they do not fit, or votes are missing or not those that the run was started with.
        """
        super().check(data)
        self.votes: JointVotes = joint_votes(self.run, self.recipe, data, self.files)
        stored = self.run.path / "joint.json"
        if stored.exists():
            before = {expert["name"]: expert["votes_sha1"] for expert in read_json(stored)["experts"]}
            now = {expert["name"]: expert["votes_sha1"] for expert in self.votes.facts}
            if list(now) != list(before):
                raise InputError(
                    f"{self.run.path} was started with votes of {', '.join(before)}, not of {', '.join(now)}: folds of "
                    f"one run ask the same experts. Set joint.experts: [{', '.join(before)}], or give a new --output"
                )
            changed = [name for name in now if now[name] != before[name]]
            if changed:
                raise InputError(
                    f"{self.run.path} was started with other votes of {', '.join(changed)}: folds of one run learn "
                    "from the same votes. Give the old votes, or a new --output"
                )

    def fit(self, data: TrainingData, fold: int, rows: np.ndarray, held_out: np.ndarray) -> FoldOutcome | None:
        """Train a fold and predict its held-out rows; None on every process but the first."""
        if self.process.is_main_process:
            self._keep_votes(data)
        return super().fit(data, fold, rows, held_out)

    def _fold_options(self) -> dict[str, Any]:
        return {"expert_right": self.votes.right}

    def _keep_votes(self, data: TrainingData) -> None:
        """Write whose votes these are, and the votes, where `defer` looks for them."""
        from ..experts import write_votes

        path = self.run.path / "joint.json"
        if path.exists():
            return
        for name, votes in self.votes.votes.items():
            rows = [replace(vote, expert=name) for vote in votes.rows]
            facts = {**votes.facts, "name": name, "label_names": data.label_names}
            self.run.votes_folder.mkdir(parents=True, exist_ok=True)
            write_votes(votes_file(self.run, name), rows, {**facts, "dataset_fingerprint": data.fingerprint})
        joint = self.recipe.joint
        write_json(path, {"loss": joint.loss, "alpha": joint.alpha, "experts": self.votes.facts})
        for own in self.votes.facts:
            counts = own["votes"]
            say(f"{own['name']}: {counts['usable']:,} of {counts['asked']:,} votes usable, {own['right']:.1%} right")

    def write_fold(
        self, data: TrainingData, fold: int, held_out: np.ndarray, outcome: FoldOutcome, seconds: float
    ) -> None:
        """Write a fold's scores and logits, then its figures."""
        with atomic_file(self.run.fold_scores_file(fold)) as temporary, open(temporary, "wb") as handle:
            np.save(handle, np.asarray(outcome.expert_scores, dtype=np.float32))
        super().write_fold(data, fold, held_out, outcome, seconds)
