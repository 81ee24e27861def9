"""From token states to one vector, whichever side the padding is on."""

import torch


def first_token(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the state of each row's first token that is not padding: (batch, hidden)."""
    first = mask.long().argmax(dim=1)
    return hidden[torch.arange(hidden.shape[0], device=hidden.device), first]


def mean_over_tokens(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the mean over tokens that are not padding: (batch, hidden); summed in fp32."""
    weights = mask.unsqueeze(-1).to(torch.float32)
    total = (hidden.to(torch.float32) * weights).sum(dim=1)
    return (total / weights.sum(dim=1).clamp(min=1.0)).to(hidden.dtype)


def max_over_tokens(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the maximum over tokens that are not padding: (batch, hidden); zeros for a row of padding only."""
    lowest = torch.finfo(hidden.dtype).min
    highest = hidden.masked_fill(~mask.bool().unsqueeze(-1), lowest).amax(dim=1)
    return torch.where(mask.bool().any(dim=1, keepdim=True), highest, torch.zeros_like(highest))


def pool(hidden: torch.Tensor, mask: torch.Tensor, pooling: str) -> torch.Tensor:
    """Pool token states.

    Args:
        hidden: (batch, sequence, hidden) states of the encoder's last layer.
        mask: (batch, sequence); 1 for tokens, 0 for padding, which may stand on either side.
        pooling: `cls`, `mean`, `max` or `cls_mean_concat`.

    Returns:
        (batch, hidden), or (batch, 2 · hidden) for `cls_mean_concat`.

    Raises:
        ValueError: the pooling is unknown.

    >>> hidden = torch.tensor([[[9.0], [1.0], [3.0]]])
    >>> pool(hidden, torch.tensor([[0, 1, 1]]), "cls_mean_concat").tolist()
    [[1.0, 2.0]]
    """
    if pooling == "cls":
        return first_token(hidden, mask)
    if pooling == "mean":
        return mean_over_tokens(hidden, mask)
    if pooling == "max":
        return max_over_tokens(hidden, mask)
    if pooling == "cls_mean_concat":
        return torch.cat([first_token(hidden, mask), mean_over_tokens(hidden, mask)], dim=-1)
    raise ValueError(f"unknown pooling {pooling!r}; known: cls, mean, max, cls_mean_concat")
