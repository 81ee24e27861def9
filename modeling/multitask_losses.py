"""Losses of a span and of its category, over the rows that have them, and how the two are weighed."""

import torch
from torch import nn
from torch.nn import functional

from .configuration_multitask_qa import TASKS

IGNORED = -100
TOLERANCE, TOLERANCE_OF_HALVES = 1e-3, 1e-2

Summed = tuple[torch.Tensor, torch.Tensor]


class UncertaintyWeighting(nn.Module):
    """Weights of task losses that are learnt along with the model.

    The sum over tasks of exp(−s) · L + s / 2, where L is the mean cross-entropy of the task and s a learnt
    log-variance, 0 at the start: the likelihood of a scaled softmax, approximated as in Kendall, Gal and Cipolla 2018,
    "Multi-Task Learning Using Uncertainty to Weigh Losses", equations 8 to 10, with s = log σ².

    The second term counts by the share of the step's labelled rows that the batch holds, so that cutting a step into
    batches, or a batch without rows of a task, leaves the gradient.

    Args:
        tasks: their names.

    >>> weighting = UncertaintyWeighting(["span", "category"])
    >>> weighting({"span": torch.tensor(2.0)}, {"span": torch.tensor(1.0)}).item()
    2.0
    """

    def __init__(self, tasks: list[str]) -> None:
        super().__init__()
        self.log_variances = nn.ParameterDict(
            {task: nn.Parameter(torch.zeros(1, dtype=torch.float32)) for task in tasks}
        )

    def forward(self, losses: dict[str, torch.Tensor], shares: dict[str, torch.Tensor]) -> torch.Tensor:
        """Weigh losses, each a scalar; `shares` says which part of the step's rows of that task is in the batch."""
        weighed = []
        for task, loss in losses.items():
            log_variance = self.log_variances[task].float()
            weighed.append(torch.exp(-log_variance) * loss + log_variance / 2 * shares[task])
        return torch.cat(weighed).sum()


def span_loss(
    start_logits: torch.Tensor,
    end_logits: torch.Tensor,
    start_positions: torch.Tensor,
    end_positions: torch.Tensor,
) -> Summed:
    """Return the loss summed over labelled rows, and their number.

    A row's loss is the mean of the cross-entropies of its start and of its end, as in Devlin et al. 2019 (BERT).

    Args:
        start_logits: (batch, sequence), any dtype; computed in fp32.
        end_logits: (batch, sequence).
        start_positions: (batch,); −100 leaves a row out.
        end_positions: (batch,); −100 leaves a row out.
    """
    start = functional.cross_entropy(start_logits.float(), start_positions, ignore_index=IGNORED, reduction="sum")
    end = functional.cross_entropy(end_logits.float(), end_positions, ignore_index=IGNORED, reduction="sum")
    return (start + end) / 2, (start_positions != IGNORED).sum()


def category_loss(logits: torch.Tensor, category_probs: torch.Tensor) -> Summed:
    """Return the cross-entropy to soft targets summed over labelled rows, and their number.

    Args:
        logits: (batch, categories), any dtype; computed in fp32.
        category_probs: (batch, categories); a row of zeros leaves it out.
    """
    target = category_probs.to(logits.device, torch.float32)
    return functional.cross_entropy(logits.float(), target, reduction="sum"), target.any(dim=1).sum()


def mean_losses(
    summed: dict[str, Summed], num_items_in_batch: torch.Tensor | None = None
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Return each task's loss a row, and the share of the step's rows that the batch holds.

    Args:
        summed: of each task, the loss summed over labelled rows and their number.
        num_items_in_batch: (2,) labelled rows of the optimiser step, of spans and of categories; by default the
            batch's own.

    Raises:
        ValueError: not two numbers.
    """
    totals = {task: rows for task, (_, rows) in summed.items()}
    if num_items_in_batch is not None:
        device = next(iter(totals.values())).device
        given = torch.as_tensor(num_items_in_batch, device=device)
        if given.shape != (len(TASKS),):
            raise ValueError(
                f"num_items_in_batch is {tuple(given.shape)}; expected (2,): the step's rows with a span, and with a "
                "category"
            )
        totals = dict(zip(TASKS, given, strict=True))
    totals = {task: totals[task].clamp(min=1) for task in summed}
    losses = {task: loss / totals[task] for task, (loss, _) in summed.items()}
    return losses, {task: rows / totals[task] for task, (_, rows) in summed.items()}


def span_targets(
    start_positions: torch.Tensor | None, end_positions: torch.Tensor | None, allowed: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (batch,) starts and (batch,) ends, −100 where none are given; refuse what the model cannot point to.

    Args:
        start_positions: (batch,) integers.
        end_positions: (batch,) integers.
        allowed: (batch, sequence) where a span may start or end; true at the token that stands for no answer.

    Raises:
        ValueError: names the first such row of the batch.
    """
    rows, length = allowed.shape
    if (start_positions is None) != (end_positions is None):
        raise ValueError("give start_positions and end_positions together")
    if start_positions is None:
        none = torch.full((rows,), IGNORED, device=allowed.device)
        return none, none
    for name, positions in (("start_positions", start_positions), ("end_positions", end_positions)):
        if positions.shape != (rows,):
            raise ValueError(f"{name} is {tuple(positions.shape)}; expected ({rows},), a token position for each row")
    starts, ends = start_positions.to(allowed.device), end_positions.to(allowed.device)
    labelled = (starts != IGNORED) | (ends != IGNORED)
    inside = (starts >= 0) & (starts <= ends) & (ends < length)
    at = torch.stack([starts, ends], dim=1).clamp(0, length - 1)
    wrong = labelled & ~(inside & allowed.gather(1, at).all(dim=1))
    if wrong.any():
        row = int(wrong.nonzero()[0])
        raise ValueError(
            f"row {row} of the batch: the span is {int(starts[row])} to {int(ends[row])}, in a window of {length} "
            "tokens; start and end are positions in order, both where attention_mask and span_mask are 1 (the first "
            f"token for no answer), or both {IGNORED} for a row without a span"
        )
    return starts, ends


def category_targets(category_probs: torch.Tensor | None, logits: torch.Tensor) -> torch.Tensor:
    """Return (batch, categories) probabilities, zeros where none are given; refuse what are none.

    Args:
        category_probs: (batch, categories).
        logits: (batch, categories).

    Raises:
        ValueError: names the first such row of the batch.

    >>> category_targets(torch.tensor([[0.5, 0.5], [0.5, 0.1]]), torch.zeros(2, 2))
    Traceback (most recent call last):
    ValueError: row 1 of the batch: category_probs are [0.5, 0.1], which sum to 0.6; ...
    """
    if category_probs is None:
        return torch.zeros_like(logits)
    rows, categories = logits.shape
    if category_probs.shape != (rows, categories):
        raise ValueError(
            f"category_probs is {tuple(category_probs.shape)}; expected ({rows}, {categories}): a probability for each "
            "category, one-hot where the category is certain, zeros where it is not known"
        )
    exact = category_probs.dtype not in (torch.bfloat16, torch.float16)
    probs = category_probs.float()
    total = probs.sum(dim=1)
    proper = (total - 1).abs() <= (TOLERANCE if exact else TOLERANCE_OF_HALVES)
    wrong = ~((proper | (probs == 0).all(dim=1)) & (probs >= 0).all(dim=1))
    if wrong.any():
        row = int(wrong.nonzero()[0])
        shown = [round(value, 4) for value in probs[row].tolist()]
        raise ValueError(
            f"row {row} of the batch: category_probs are {shown}, which sum to {float(total[row]):.4g}; give "
            "probabilities of 0 or more that sum to 1, or zeros alone for a row without a category"
        )
    return category_probs


__all__ = [
    "IGNORED",
    "UncertaintyWeighting",
    "category_loss",
    "category_targets",
    "mean_losses",
    "span_loss",
    "span_targets",
]
