"""What a fitted policy is made of: a linear layer, or a small network, over standardised features."""

import math

import torch
from torch import nn
from torch.nn import functional

from .deferral_arithmetic import few, linear, with_tokens


class PolicyHead(nn.Module):
    """A linear layer, or a small network, over standardised features, with an optional weight for each token.

    Args:
        num_features: columns that it reads.
        num_outputs: columns that it gives.
        network_size: width of the hidden layer; 0 for none.
        vocab_size: tokens that have a weight; 0 for none.
    """

    def __init__(self, num_features: int, num_outputs: int, network_size: int = 0, vocab_size: int = 0) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(num_features), persistent=True)
        self.register_buffer("std", torch.ones(num_features), persistent=True)
        self.hidden = nn.Linear(num_features, network_size) if network_size else None
        self.output = nn.Linear(network_size or num_features, num_outputs)
        self.tokens = nn.Embedding(vocab_size, num_outputs) if vocab_size else None

    def forward(
        self,
        features: torch.Tensor,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return (batch, outputs) of (batch, features).

        The weights of a text's tokens are summed and divided by the root of their number, so that a long text does
        not outweigh its features.
        """
        if few(features) and (self.tokens is None or few(input_ids)) and not torch.is_grad_enabled():
            return torch.tensor(self._of_few(features, input_ids, attention_mask))
        values = self.dense(features)
        if self.tokens is not None:
            mask = attention_mask.float()
            ids = input_ids.clamp(max=self.tokens.num_embeddings - 1)
            found = functional.embedding_bag(ids, self.tokens.weight, mode="sum", per_sample_weights=mask)
            values = torch.addcmul(values, found, mask.sum(dim=1, keepdim=True).clamp_(min=1.0).rsqrt_())
        return values

    def _of_few(
        self, features: torch.Tensor, input_ids: torch.Tensor | None, attention_mask: torch.Tensor | None
    ) -> list[list[float]]:
        means, stds = self.mean.tolist(), self.std.tolist()
        rows = [[(x - m) / s for x, m, s in zip(row, means, stds, strict=True)] for row in features.tolist()]
        if self.hidden is not None:
            rows = [[math.tanh(value) for value in row] for row in linear(self.hidden, rows)]
        values = linear(self.output, rows)
        if self.tokens is None:
            return values
        weights = self.tokens.weight.detach().numpy().take(input_ids.numpy(), axis=0, mode="clip").tolist()
        return [with_tokens(*row) for row in zip(values, weights, attention_mask.tolist(), strict=True)]

    def dense(self, features: torch.Tensor) -> torch.Tensor:
        """Return (batch, outputs) without the tokens' part."""
        values = (features - self.mean) / self.std
        if self.hidden is not None:
            values = torch.tanh(self.hidden(values))
        return self.output(values)


__all__ = ["PolicyHead"]
