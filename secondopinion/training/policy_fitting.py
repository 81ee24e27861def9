"""Fitting a deferral policy on rows that the classifier did not see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from ..core.errors import InputError
from .deferral_recipe import SINGLE_EXPERT, DeferralSpec

TOKEN_POLICIES = ("compare_confidence", "logistic")
_LBFGS_STEPS = 200


@dataclass(frozen=True)
class DeferralRows:
    """Out-of-fold predictions beside votes, with what a policy reads of each row.

    Attributes:
        ids: (rows,) strings.
        fold: (rows,) the fold each row was held out in.
        groups: (rows,) what must not straddle parts, or None.
        gold: (rows,) true classes.
        logits: (rows, classes) calibrated, float32.
        votes: (rows, experts) the experts' classes; −1 where a vote is unusable.
        call_costs: (rows, experts) US dollars.
        features: (rows, features) float32, columns named by `feature_names`.
        tokens: (rows, vocabulary) sparse token counts divided by the root of the row's length, or None.
        label_names: (classes,).
        expert_names: (experts,).
        feature_names: (features,).
        own_scores: (rows, experts) of a policy that was trained together with the classifiers, each row's by the model
            that held it out; None where there is none.
    """

    ids: np.ndarray
    fold: np.ndarray
    groups: np.ndarray | None
    gold: np.ndarray
    logits: np.ndarray
    votes: np.ndarray
    call_costs: np.ndarray
    features: np.ndarray
    tokens: sp.csr_array | None
    label_names: list[str]
    expert_names: list[str]
    feature_names: list[str]
    own_scores: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def classifier(self) -> np.ndarray:
        """(rows,) the classifier's classes."""
        return self.logits.argmax(axis=1)

    def take(self, rows: np.ndarray) -> DeferralRows:
        """Return some of the rows."""
        return DeferralRows(
            self.ids[rows],
            self.fold[rows],
            None if self.groups is None else self.groups[rows],
            self.gold[rows],
            self.logits[rows],
            self.votes[rows],
            self.call_costs[rows],
            self.features[rows],
            None if self.tokens is None else self.tokens[rows],
            self.label_names,
            self.expert_names,
            self.feature_names,
            None if self.own_scores is None else self.own_scores[rows],
        )

    def answered(self) -> np.ndarray:
        """Return (rows, experts) the class the system says after asking: the classifier's where no vote is usable."""
        return np.where(self.votes >= 0, self.votes, self.classifier[:, None])

    def rightness(self, losses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (rows,) and (rows, experts): 1 − scaled loss of the classifier, and of the system after asking."""
        scaled = losses / losses.max()
        return 1.0 - scaled[self.gold, self.classifier], 1.0 - scaled[self.gold[:, None], self.answered()]


def policy_config(spec: DeferralSpec, kind: str, classifier_config: Any, losses: np.ndarray, experts: list[str]) -> Any:
    """Return the `DeferralConfig` of one candidate.

    Args:
        spec: the recipe's section.
        kind: the candidate's name.
        classifier_config: of the classifier, as a dict or configuration.
        losses: (classes, classes) C[true, said].
        experts: (experts,) names.

    Raises:
        InputError: the candidate is defined for one expert, and there are several.
    """
    from ..modeling import DeferralConfig

    if kind in SINGLE_EXPERT and len(experts) > 1:
        raise InputError(
            f"policy {kind!r} is defined for one expert, not {len(experts)} ({', '.join(experts)}); use ce, ova or "
            "two_stage, or give the votes of one"
        )
    plain = bool(np.array_equal(losses, 1.0 - np.eye(len(losses))))
    smallest = losses[losses > 0].min()
    return DeferralConfig(
        classifier_config=classifier_config,
        policy=kind,
        expert_names=list(experts),
        signals=list(spec.signals),
        traits=list(spec.traits),
        token_weights=spec.token_weights and kind in TOKEN_POLICIES,
        embedding=spec.embedding,
        network_size=spec.network_size if kind == "network" else 0,
        mc_dropout_samples=spec.mc_dropout_samples,
        call_costs=[float(spec.losses.per_call * smallest / losses.max())] * len(experts),
        loss_matrix=None if plain else losses.tolist(),
        alpha=spec.alpha,
    )


class FittedPolicy:
    """A policy with its weights, scored by the very module that is shipped.

    Args:
        config: of the deferring model.
        rows: to fit on; their logits must be out of fold.
        losses: (classes, classes) C[true, said].
        spec: the recipe's section.

    Raises:
        InputError: there are no rows, or no expert has a usable vote among them.
    """

    def __init__(self, config: Any, rows: DeferralRows, losses: np.ndarray, spec: DeferralSpec) -> None:
        import torch

        from ..modeling.deferral_policies import DeferralPolicy

        if not len(rows):
            raise InputError("a policy needs rows to be fitted on; there are none")
        silent = [name for name, column in zip(rows.expert_names, rows.votes.T, strict=True) if (column < 0).all()]
        if silent:
            raise InputError(
                f"expert {silent[0]!r} has no usable vote on the {len(rows)} rows that the policy is fitted on; "
                "ask it again, or leave it out of the recipe"
            )
        self.config = config
        rows = rows.take(np.argsort(rows.ids, kind="stable"))  # sums of floats depend on the order
        vocab_size = 0 if rows.tokens is None else rows.tokens.shape[1]
        with torch.random.fork_rng():
            torch.manual_seed(spec.seed)
            self.policy = DeferralPolicy(config, rows.features.shape[1], vocab_size)
        if self.policy.head is not None:
            self._standardise(rows)
            if config.policy in TOKEN_POLICIES:
                self._fit_logistic(rows, losses, spec)
            else:
                self._fit_by_gradient(rows, losses, spec)
        self.policy.eval()

    def scores(self, rows: DeferralRows) -> np.ndarray:
        """Return (rows, experts) float32 scores."""
        import torch

        with torch.inference_mode():
            logits = torch.from_numpy(rows.logits)
            if self.policy.head is None:
                return self.policy.scores(logits, None).numpy()
            outputs = self.policy.head.dense(torch.from_numpy(rows.features))
            if self.policy.head.tokens is not None:
                outputs = outputs + torch.from_numpy(rows.tokens @ self.policy.head.tokens.weight.numpy())
            return self.policy.scores(logits, outputs.float()).numpy()

    def weights(self) -> list[dict[str, Any]]:
        """Return the features with their weights for the card: `[{name, mean, std, weights {expert: w}}]`."""
        head = self.policy.head
        if head is None or head.hidden is not None or head.output.out_features != len(self.config.expert_names):
            return []
        table = head.output.weight.detach().numpy()
        return [
            {
                "name": name,
                "mean": float(head.mean[i]),
                "std": float(head.std[i]),
                "weights": {expert: float(table[j, i]) for j, expert in enumerate(self.config.expert_names)},
            }
            for i, name in enumerate(self.feature_names)
        ]

    def _standardise(self, rows: DeferralRows) -> None:
        import torch

        self.feature_names = rows.feature_names
        std = rows.features.std(axis=0)
        self.policy.head.mean.copy_(torch.from_numpy(rows.features.mean(axis=0)))
        self.policy.head.std.copy_(torch.from_numpy(np.where(std > 1e-6, std, 1.0).astype(np.float32)))

    def _fit_logistic(self, rows: DeferralRows, losses: np.ndarray, spec: DeferralSpec) -> None:
        import torch

        head = self.policy.head
        dense = (rows.features - head.mean.numpy()) / head.std.numpy()
        width = dense.shape[1]
        design = sp.csr_array(dense) if head.tokens is None else sp.hstack([sp.csr_array(dense), rows.tokens], "csr")
        classifier, experts = rows.rightness(losses)
        with torch.no_grad():
            for j, right in enumerate(experts.T):
                target = np.maximum(right - classifier, 0.0) if self.config.policy == "logistic" else right
                weights, bias = fractional_logistic(design, target, spec.regularization)
                head.output.weight[j] = torch.from_numpy(weights[:width])
                head.output.bias[j] = bias
                if head.tokens is not None:
                    head.tokens.weight[:, j] = torch.from_numpy(weights[width:])

    def _fit_by_gradient(self, rows: DeferralRows, losses: np.ndarray, spec: DeferralSpec) -> None:
        """Fit the head by L-BFGS on all rows at once, in float32."""
        import torch
        from torch.nn import functional

        from ..modeling.deferral_losses import surrogate_loss, two_stage_loss

        head, kind = self.policy.head, self.config.policy
        if head.hidden is None:
            torch.nn.init.zeros_(head.output.weight)
            torch.nn.init.zeros_(head.output.bias)
        classifier, experts = (torch.from_numpy(part.astype(np.float32)) for part in rows.rightness(losses))
        features, logits = torch.from_numpy(rows.features), torch.from_numpy(rows.logits)
        gold = torch.from_numpy(rows.gold.astype(np.int64))
        penalty = 1.0 / (2 * spec.regularization * len(rows))
        weights = [value for name, value in head.named_parameters() if name.endswith("weight")]
        optimizer = torch.optim.LBFGS(head.parameters(), max_iter=_LBFGS_STEPS, line_search_fn="strong_wolfe")

        def step() -> torch.Tensor:
            optimizer.zero_grad()
            outputs = head.dense(features)
            if kind == "network":
                loss = functional.binary_cross_entropy_with_logits(
                    outputs, torch.cat([classifier.unsqueeze(1), experts], dim=1)
                )
            elif kind == "two_stage":
                loss = two_stage_loss(outputs, classifier, 1.0 - experts + self.policy.call_costs)
            else:
                loss = surrogate_loss(kind, torch.cat([logits, outputs], dim=1), gold, experts, self.config.alpha)
            loss = loss + penalty * sum((value**2).sum() for value in weights)
            loss.backward()
            return loss

        optimizer.step(step)


def fractional_logistic(design: Any, target: np.ndarray, regularization: float) -> tuple[np.ndarray, float]:
    """Fit a logistic regression to targets from 0 to 1 and return (columns,) float32 weights and the bias.

    A target of 0.7 is a row that counts 0.7 as a success and 0.3 as a failure, which makes the fit estimate the
    conditional mean. Where every row has the same target there is nothing to tell apart: weights are 0.

    Args:
        design: (rows, columns), dense or sparse.
        target: (rows,).
        regularization: inverse strength of the L2 penalty.
    """
    from sklearn.linear_model import LogisticRegression

    target = np.asarray(target, dtype=np.float64)
    if np.ptp(target) < 1e-12:
        mean = np.clip(target.mean(), 1e-3, 1 - 1e-3)
        return np.zeros(design.shape[1], dtype=np.float32), float(np.log(mean / (1 - mean)))
    success, failure = np.flatnonzero(target > 0), np.flatnonzero(target < 1)
    rows = np.concatenate([success, failure])
    labels = np.concatenate([np.ones(len(success)), np.zeros(len(failure))])
    counted = np.concatenate([target[success], 1.0 - target[failure]])
    model = LogisticRegression(C=regularization, max_iter=500, tol=1e-5)
    model.fit(design[rows], labels, sample_weight=counted)
    return model.coef_[0].astype(np.float32), float(model.intercept_[0])
