"""Fitting a policy over answers on rows that the model did not see, scored by the very module that is shipped."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.errors import InputError
from ...modeling.qa_deferral_settings import deferral_settings
from ..policy_fitting import fractional_logistic
from ..qa_deferral_recipe import AnswerDeferralSpec
from .deferral_rows import AnswerDeferralRows

LBFGS_STEPS = 200
SMALLEST_SPREAD = 1e-6


def policy_settings(spec: AnswerDeferralSpec, policy: str, tasks: list[str], expert_names: list[str]) -> dict[str, Any]:
    """Return the settings of one candidate in full.

    Raises:
        InputError: it reads a signal that the model does not have.
    """
    given = {"policy": policy, "expert_names": list(expert_names), "call_cost": spec.call_cost}
    if policy == "network":
        given["network_size"] = spec.network_size
    if policy != "selective":
        given["signals"] = spec.signals
    try:
        return deferral_settings(given, tasks)
    except ValueError as error:
        raise InputError(str(error)) from None


class FittedAnswerPolicy:
    """A policy with its weights.

    Args:
        settings: in full.
        rows: to fit on; their answers must be out of fold.
        spec: the recipe's section.

    Raises:
        InputError: there are no rows, or no expert has a usable answer among them.
    """

    def __init__(self, settings: dict[str, Any], rows: AnswerDeferralRows, spec: AnswerDeferralSpec) -> None:
        import torch

        from ...modeling.qa_deferral import AnswerDeferral

        if not len(rows):
            raise InputError("a policy needs rows to be fitted on; there are none")
        silent = [name for name, column in zip(rows.expert_names, rows.usable.T, strict=True) if not column.any()]
        if silent:
            raise InputError(
                f"expert {silent[0]!r} has no usable answer on the {len(rows)} rows that the policy is fitted on; ask "
                "it about more rows, or leave it out"
            )
        self.settings = settings
        rows = rows.take(np.argsort(rows.ids.astype(str), kind="stable"))  # sums of floats depend on the order
        with torch.random.fork_rng():
            torch.manual_seed(spec.seed)
            self.module = AnswerDeferral(settings)
        if self.module.head is not None:
            self._standardise(rows)
            if self.module.head.hidden is None:
                self._fit_logistic(rows, spec)
            else:
                self._fit_by_gradient(rows, spec)
        self.module.eval()

    def read(self, rows: AnswerDeferralRows) -> np.ndarray:
        """Return (rows, signals) float32: what the policy reads."""
        places = [rows.feature_names.index(name) for name in self.settings["signals"]]
        return np.ascontiguousarray(rows.features[:, places])

    def scores(self, rows: AnswerDeferralRows) -> np.ndarray:
        """Return (rows, experts) float32 scores."""
        return self.module.scores(self.read(rows))

    def weights(self) -> list[dict[str, Any]]:
        """Return the signals of a linear policy with their weights: `[{name, mean, std, weights {who: w}}]`.

        `who` is `model` for the part that says whether the model is right, else an expert.
        """
        head = self.module.head
        if head is None or head.hidden is not None:
            return []
        table = head.output.weight.detach().numpy()
        return [
            {
                "name": name,
                "mean": float(head.mean[i]),
                "std": float(head.std[i]),
                "weights": {who: float(table[j, i]) for j, who in enumerate(self.outputs)},
            }
            for i, name in enumerate(self.settings["signals"])
        ]

    @property
    def outputs(self) -> list[str]:
        """Whose rightness each output of the head is about."""
        own = [] if self.settings["policy"] == "logistic" else ["model"]
        return [*own, *self.settings["expert_names"]]

    def _targets(self, rows: AnswerDeferralRows) -> np.ndarray:
        """Return (rows, outputs) what each output estimates the mean of."""
        if self.settings["policy"] == "logistic":
            return np.maximum(rows.asked - rows.right[:, None], 0.0)
        return np.concatenate([rows.right[:, None], rows.asked], axis=1)

    def _standardise(self, rows: AnswerDeferralRows) -> None:
        import torch

        values, head = self.read(rows), self.module.head
        std = values.std(axis=0)
        head.mean.copy_(torch.from_numpy(values.mean(axis=0)))
        head.std.copy_(torch.from_numpy(np.where(std > SMALLEST_SPREAD, std, 1.0).astype(np.float32)))

    def _fit_logistic(self, rows: AnswerDeferralRows, spec: AnswerDeferralSpec) -> None:
        import torch

        head = self.module.head
        design = (self.read(rows) - head.mean.numpy()) / head.std.numpy()
        with torch.no_grad():
            for place, target in enumerate(self._targets(rows).T):
                weights, bias = fractional_logistic(design, target, spec.regularization)
                head.output.weight[place] = torch.from_numpy(weights)
                head.output.bias[place] = bias

    def _fit_by_gradient(self, rows: AnswerDeferralRows, spec: AnswerDeferralSpec) -> None:
        """Fit the network by L-BFGS on all rows at once."""
        import torch
        from torch.nn import functional

        head = self.module.head
        values = torch.from_numpy(self.read(rows))
        targets = torch.from_numpy(self._targets(rows).astype(np.float32))
        penalty = 1.0 / (2 * spec.regularization * len(rows))
        weights = [value for name, value in head.named_parameters() if name.endswith("weight")]
        optimizer = torch.optim.LBFGS(head.parameters(), max_iter=LBFGS_STEPS, line_search_fn="strong_wolfe")

        def step() -> torch.Tensor:
            optimizer.zero_grad()
            loss = functional.binary_cross_entropy_with_logits(head.dense(values), targets)
            loss = loss + penalty * sum((value**2).sum() for value in weights)
            loss.backward()
            return loss

        optimizer.step(step)
