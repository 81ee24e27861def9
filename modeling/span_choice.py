"""The best span of each row, and a vector of its tokens."""

import torch
from torch.nn import functional

from .pooling import first_token, mean_over_tokens


def best_spans(
    start_logits: torch.Tensor,
    end_logits: torch.Tensor,
    allowed: torch.Tensor,
    first: torch.Tensor,
    max_answer_length: int,
    no_answer_threshold: float = 0.0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (batch,) start and (batch,) end of the best span of each row; both are the first token for no answer.

    The best is the pair with the highest sum of logits whose end is not before its start and which is not too long.
    There is no answer where the first token's own sum is higher by more than the threshold, as in Devlin et al. 2019
    (BERT), section 4.3.

    Args:
        start_logits: (batch, sequence).
        end_logits: (batch, sequence).
        allowed: (batch, sequence) where a span may start or end; the first token is not counted.
        first: (batch,) the token of each row that stands for no answer.
        max_answer_length: tokens of the longest span.
        no_answer_threshold: see above.

    >>> start, end = torch.tensor([[0.0, 1.0, 3.0]]), torch.tensor([[0.0, 2.0, 1.0]])
    >>> best_spans(start, end, torch.ones(1, 3, dtype=torch.bool), torch.tensor([0]), max_answer_length=2)
    (tensor([2]), tensor([2]))
    """
    starts, ends = start_logits.detach().float(), end_logits.detach().float()
    no_answer = (starts.gather(1, first[:, None]) + ends.gather(1, first[:, None])).squeeze(1)
    barred = ~allowed.scatter(1, first[:, None], False)
    starts, ends = starts.masked_fill(barred, -torch.inf), ends.masked_fill(barred, -torch.inf)
    width = min(max_answer_length, ends.shape[1])
    reachable = functional.pad(ends, (0, width - 1), value=-torch.inf).unfold(1, width, 1)  # (batch, sequence, width)
    end_scores, lengths = reachable.max(dim=-1)
    scores, start = (starts + end_scores).max(dim=1)
    end = start + lengths.gather(1, start[:, None]).squeeze(1)
    none = no_answer - scores > no_answer_threshold
    return torch.where(none, first, start), torch.where(none, first, end)


def pool_spans(
    hidden: torch.Tensor, mask: torch.Tensor, starts: torch.Tensor, ends: torch.Tensor, pooling: str
) -> torch.Tensor:
    """Return the mean over the tokens of each row's span: (batch, hidden).

    Args:
        hidden: (batch, sequence, hidden).
        mask: (batch, sequence); 1 for tokens, 0 for padding.
        starts: (batch,).
        ends: (batch,), the last token.
        pooling: with `cls_mean_concat` the state of the row's first token comes first: (batch, 2 · hidden).
    """
    places = torch.arange(hidden.shape[1], device=hidden.device)
    mean = mean_over_tokens(hidden, (places >= starts[:, None]) & (places <= ends[:, None]))
    return torch.cat([first_token(hidden, mask), mean], dim=-1) if pooling == "cls_mean_concat" else mean


__all__ = ["best_spans", "pool_spans"]
