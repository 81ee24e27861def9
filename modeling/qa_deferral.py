"""A policy over a model's answers to questions: how much is to be gained by asking an expert."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from .policy_head import PolicyHead


class AnswerDeferral(nn.Module):
    """Scores of questions for each expert, higher = rather ask, and the decision.

    With x the signals of `qa_signals`, "right" the answer's F1 (or exact match), and λ the price of asking:

    - `selective`: 1 − confidence of what is answered − λ (Chow 1970). The same for every expert.
    - `compare_confidence`: P(expert right | x) − P(model right | x) − λ, each from a logistic regression. A span's
      probability is one among the n best, so the model's own P is fitted too (Raghu et al. 2019).
    - `logistic`: P(expert right and model wrong | x) − λ from one logistic regression (L2D-Clinical).
    - `network`: as `compare_confidence`, from a small network.

    Args:
        settings: in full, as `deferral_settings` returns them.

    >>> from secondopinion.modeling.qa_deferral_settings import deferral_settings
    >>> policy = AnswerDeferral(deferral_settings({"policy": "selective", "threshold": 0.5}, ["span"]))
    >>> score, expert, deferred = policy.decide(policy.scores(np.array([[0.9], [0.2]], dtype=np.float32)))
    >>> score.round(2).tolist(), deferred.tolist()
    ([0.10000000149011612, 0.800000011920929], [False, True])
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__()
        self.kind = settings["policy"]
        self.signals = list(settings["signals"])
        self.expert_names = list(settings["expert_names"])
        self.call_cost = float(settings["call_cost"])
        self.threshold = settings["threshold"]
        outputs = len(self.expert_names) + (self.kind != "logistic")
        self.head = (
            None if self.kind == "selective" else PolicyHead(len(self.signals), outputs, settings["network_size"])
        )

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        """Return (rows, experts) scores of (rows, signals) float32."""
        if self.head is None:
            return (1.0 - signals - self.call_cost).expand(-1, len(self.expert_names))
        right = torch.sigmoid(self.head(signals))
        if self.kind == "logistic":
            return right - self.call_cost
        return right[:, 1:] - right[:, :1] - self.call_cost

    def scores(self, signals: np.ndarray) -> np.ndarray:
        """Return (rows, experts) float32 scores of (rows, signals) float32, without gradients."""
        values = torch.from_numpy(signals)
        with torch.inference_mode():
            return self(values if self.head is None else values.to(self.head.mean.device)).float().cpu().numpy()

    def decide(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return (rows,) the highest score, (rows,) which expert has it and (rows,) whether to ask it.

        Args:
            scores: (rows, experts) float32.
        """
        expert = scores.argmax(axis=1)
        score = scores[np.arange(len(scores)), expert]
        if self.threshold is None:
            return score, expert, np.zeros(len(scores), dtype=bool)
        return score, expert, score > np.float32(self.threshold)


__all__ = ["AnswerDeferral"]
