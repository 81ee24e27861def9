"""Policies: from a classifier's uncertainty and a text's traits to a score for each expert, higher = rather ask."""

import torch
from torch import nn

from .configuration_deferral import DeferralConfig
from .deferral_arithmetic import few, risk_of, sigmoid
from .deferral_losses import SURROGATES, deferral_score
from .deferral_signals import disagreement, signal_columns, uncertainty_signals
from .policy_head import PolicyHead
from .text_traits import TRAITS, TextTraits

SAMPLED = ("mutual_information", "variation_ratio")


def feature_names(config: DeferralConfig, hidden_size: int = 0) -> list[str]:
    """Return the names of the columns that `DeferralFeatures` makes, in their order.

    >>> from secondopinion.modeling import PooledEncoderConfig
    >>> config = DeferralConfig(classifier_config=PooledEncoderConfig(), signals=["margin"], traits=["length"])
    >>> feature_names(config)
    ['margin', 'length']
    """
    names = signal_columns(config.signals or [], config.label_names) + list(config.traits or [])
    if config.mc_dropout_samples:
        names += [f"dropout_{name}" for name in SAMPLED]
    if config.num_members > 1:
        names += [f"member_{name}" for name in SAMPLED]
    if config.embedding:
        names += [f"embedding_{i}" for i in range(2 * hidden_size)]
    return names


class DeferralFeatures(nn.Module):
    """What a policy reads of one text, as a row of numbers.

    Args:
        config: says which signals and traits.
        vocab_size: rows of the tables of traits; 0 where no trait is read.
    """

    def __init__(self, config: DeferralConfig, vocab_size: int) -> None:
        super().__init__()
        self.signals = list(config.signals or [])
        unknown = [name for name in config.traits or [] if name not in TRAITS]
        if unknown:
            raise ValueError(f"unknown traits of a text {unknown}; known: {', '.join(TRAITS)}")
        places = [TRAITS.index(name) for name in config.traits or []]
        self.text_traits = TextTraits(vocab_size) if places else None
        self.places = None if places == list(range(len(TRAITS))) else places

    def forward(
        self,
        logits: torch.Tensor,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        truncated: torch.Tensor | None = None,
        dropout_logits: torch.Tensor | None = None,
        member_logits: torch.Tensor | None = None,
        embedding: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the features of a batch.

        Args:
            logits: (batch, classes), calibrated.
            input_ids: (batch, sequence); needed where traits are read.
            attention_mask: (batch, sequence).
            truncated: (batch,) whether the text was longer than what is read.
            dropout_logits: (samples, batch, classes) under dropout.
            member_logits: (members, batch, classes), the classifier's own first.
            embedding: (batch, width).

        Returns:
            (batch, features) float32, columns as in `feature_names`.
        """
        columns = [uncertainty_signals(logits, self.signals)]
        if self.text_traits is not None:
            traits = self.text_traits(input_ids, attention_mask, truncated)
            columns.append(traits if self.places is None else traits[:, self.places])
        columns += [disagreement(sampled) for sampled in (dropout_logits, member_logits) if sampled is not None]
        if embedding is not None:
            columns.append(embedding.float())
        return torch.cat(columns, dim=-1)


class DeferralPolicy(nn.Module):
    """Scores of a batch for each expert.

    With p the classifier's calibrated probabilities, ŷ its answer, C the loss matrix scaled to [0, 1] (0/1 by
    default), r_h = 1 − Σ_y p_y C[y, ŷ] how right the classifier expects to be, and λ_j the price of asking expert j:

    - `selective`: 1 − r_h − λ_j (Chow 1970; with 0/1 losses 1 − max p).
    - `compare_confidence`: P(expert j right | x) − r_h − λ_j, the first from a logistic regression (Raghu et al. 2019).
    - `logistic`: P(expert j right and classifier wrong | x) − λ_j from one logistic regression over uncertainty and
      traits of the text (L2D-Clinical).
    - `network`: P(expert j right | x) − P(classifier right | x) − λ_j, both from a small network.
    - `two_stage`: s_j − s_0 of the two-stage surrogate over a fixed classifier (Mao et al. 2023).
    - `ce`, `rs`, `ova`, `asm`: a deferral logit against the class logits, each by its own rule (see
      `deferral_losses.deferral_score`); the price is part of their training, if anywhere.

    Args:
        config: of the deferring model.
        num_features: columns of its features.
        vocab_size: of its tokenizer.
    """

    def __init__(self, config: DeferralConfig, num_features: int, vocab_size: int) -> None:
        super().__init__()
        experts = len(config.expert_names)
        self.kind = config.policy
        outputs = experts + (self.kind in ("network", "two_stage"))
        self.head = (
            None
            if self.kind == "selective"
            else PolicyHead(num_features, outputs, config.network_size, vocab_size if config.token_weights else 0)
        )
        losses = torch.tensor(config.loss_matrix or unit_losses(config.num_labels), dtype=torch.float32)
        self.unit_losses = config.loss_matrix is None
        self.register_buffer("losses", losses / losses.max(), persistent=True)
        costs = config.call_costs or [0.0] * experts
        self.register_buffer("call_costs", torch.tensor(costs, dtype=torch.float32), persistent=True)

    def outputs(
        self, features: torch.Tensor, input_ids: torch.Tensor | None, attention_mask: torch.Tensor | None
    ) -> torch.Tensor:
        """Return (batch, outputs) of the head, before they become scores; what losses are computed on."""
        return self.head(features, input_ids, attention_mask)

    def scores(self, logits: torch.Tensor, outputs: torch.Tensor | None) -> torch.Tensor:
        """Return (batch, experts) scores of calibrated (batch, classes) logits and the head's outputs."""
        if self.kind == "two_stage":
            return outputs[:, 1:] - outputs[:, :1]
        if self.kind in SURROGATES:
            columns = [
                deferral_score(self.kind, torch.cat([logits.float(), one], dim=-1), logits.shape[-1])
                for one in outputs.split(1, dim=-1)
            ]
            return torch.stack(columns, dim=-1)
        if self.kind == "selective":
            outputs = None
        if few(logits) and (outputs is None or few(outputs)):
            return torch.tensor(self._gains(logits.tolist(), None if outputs is None else outputs.tolist()))
        right = 1.0 if outputs is None else torch.sigmoid(outputs)
        if self.kind == "logistic":
            return right - self.call_costs
        if self.kind == "network":
            return right[:, 1:] - right[:, :1] - self.call_costs
        risk = expected_loss(logits, None if self.unit_losses else self.losses).unsqueeze(-1)
        return right - (1.0 - risk) - self.call_costs

    def _gains(self, logits: list[list[float]], outputs: list[list[float]] | None) -> list[list[float]]:
        """Return (batch, experts) how much surer each expert is to be right than the classifier, prices taken off."""
        losses = None if self.unit_losses else self.losses.tolist()
        prices = self.call_costs.tolist()
        right = [[1.0] * len(prices)] * len(logits) if outputs is None else [[sigmoid(x) for x in o] for o in outputs]
        if self.kind == "logistic":
            own = [0.0] * len(logits)
        elif self.kind == "network":
            own, right = [row[0] for row in right], [row[1:] for row in right]
        else:
            own = [1.0 - risk_of(row, losses) for row in logits]
        return [
            [one - sure - price for one, price in zip(row, prices, strict=True)]
            for row, sure in zip(right, own, strict=True)
        ]

    def forward(
        self,
        logits: torch.Tensor,
        features: torch.Tensor,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return (batch, experts) scores, float32."""
        outputs = None if self.head is None else self.outputs(features, input_ids, attention_mask)
        return self.scores(logits, outputs)


def unit_losses(num_labels: int) -> list[list[float]]:
    """Return the losses where every mistake costs 1.

    >>> unit_losses(2)
    [[0.0, 1.0], [1.0, 0.0]]
    """
    return [[float(i != j) for j in range(num_labels)] for i in range(num_labels)]


def expected_loss(logits: torch.Tensor, losses: torch.Tensor | None = None) -> torch.Tensor:
    """Return (batch,) the loss that the classifier itself expects of its answer: Σ_y p_y C[y, ŷ].

    Args:
        logits: (batch, classes), calibrated.
        losses: (classes, classes), rows are the true class; by default every mistake costs 1.

    >>> expected_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([[0.0, 1.0], [1.0, 0.0]])).tolist()
    [0.5]
    """
    probabilities = torch.softmax(logits.float(), dim=-1)
    if losses is None:
        # Summed without p1 rather than taken from 1, so that a small remainder keeps its digits.
        return probabilities.scatter(1, logits.argmax(dim=-1, keepdim=True), 0.0).sum(dim=-1)
    answer = logits.argmax(dim=-1)
    return (probabilities * losses.T[answer]).sum(dim=-1)


__all__ = ["DeferralFeatures", "DeferralPolicy", "PolicyHead", "expected_loss", "feature_names", "unit_losses"]
