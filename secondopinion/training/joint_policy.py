"""A deferral policy that is trained together with its classifier, and what becomes of it after the training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.files import read_json
from ..core.progress import say
from ..core.run_folder import RunFolder
from .policy_fitting import DeferralRows
from .recipe import Recipe


def with_policy(classifier: Any, tokenizer: Any, recipe: Recipe) -> Any:
    """Return a deferring model around a classifier that is about to be trained, by the recipe's `joint` section."""
    from ..modeling import DeferralForSequenceClassification

    joint = recipe.joint
    return DeferralForSequenceClassification.from_classifier(
        classifier,
        tokenizer,
        policy=joint.loss,
        alpha=joint.alpha,
        expert_names=joint.expert_names(recipe.experts),
        signals=[],
        traits=[],
        embedding=True,
    )


def class_logits(output: Any, labels: Any) -> Any:
    """Return (rows, classes) logits of a model's output, whatever stands beside them; for `Trainer`'s figures."""
    return output[0] if isinstance(output, tuple) else output


class TrainedPolicy:
    """The policy that a run's folds were trained with: a candidate beside those that are fitted afterwards.

    Nothing is fitted on any rows: what a row scores was said by the fold's model that held it out.

    Args:
        run: a finished run with a `joint` section.
        fold: whose model would be published.
    """

    def __init__(self, run: RunFolder, fold: int) -> None:
        from ..modeling import DeferralConfig

        self.config = DeferralConfig.from_pretrained(run.fold_folder(fold))

    def scores(self, rows: DeferralRows) -> np.ndarray:
        """Return (rows, experts) float32 out-of-fold scores."""
        return rows.own_scores

    def of_own_experts(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return expert → votes of those that the policy was trained to ask, in the order of its scores.

        Raises:
            InputError: votes of one are missing.
        """
        names = self.config.expert_names
        missing = [name for name in names if name not in asked]
        if missing:
            raise InputError(
                f"the run was trained to ask {', '.join(names)}, and votes of {', '.join(missing)} are not there; give "
                f"them with --votes, or leave {self.config.policy!r} out of deferral.policies"
            )
        others = [name for name in asked if name not in names]
        if others:
            say(f"votes of {', '.join(others)} are left out: the run was trained to ask {', '.join(names)}")
        return {name: asked[name] for name in names}

    def weights(self) -> list[dict[str, Any]]:
        """Return no table: it weighs the coordinates of an embedding, which mean nothing by themselves."""
        return []


def own_policy(run: RunFolder, policies: list[str]) -> TrainedPolicy | None:
    """Return the policy that a run was trained with, where it is among the candidates."""
    joint = run.facts.get("joint")
    return TrainedPolicy(run, run.selected_fold) if joint and joint["loss"] in policies else None


def classifier_settings(folder: Path) -> dict[str, Any]:
    """Return the configuration of a fold's classifier as plain data; of the inner one where a policy is around it."""
    from ..modeling import PooledEncoderConfig

    config = read_json(folder / "config.json")
    if config["model_type"] == "deferral":
        config = {**config["classifier_config"], "temperature": config["temperature"]}
    if config["model_type"] == PooledEncoderConfig.model_type:
        config.pop("auto_map", None)
    return {name: value for name, value in config.items() if name not in ("architectures", "dtype")}
