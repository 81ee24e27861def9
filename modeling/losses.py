"""Losses of the classifiers, with class weights that stay right under gradient accumulation."""

from collections.abc import Sequence

import torch
from torch.nn import functional


def inverse_frequency_weights(counts: Sequence[int]) -> list[float]:
    """Return a weight for each class, rows / (classes · rows of the class), as scikit-learn's `balanced`.

    A class without rows gets weight 0: it can take no part in the loss.

    Raises:
        ValueError: no class has a row.

    >>> inverse_frequency_weights([1, 3])
    [2.0, 0.6666666666666666]
    """
    rows = sum(counts)
    if rows == 0:
        raise ValueError("class weights need at least one row; every class count is 0")
    return [rows / (len(counts) * count) if count else 0.0 for count in counts]


def total_weight(labels: torch.Tensor, class_weights: torch.Tensor | None) -> torch.Tensor:
    """Return the sum of the class weights of `labels` (batch,), padding label -100 left out; a float scalar."""
    kept = labels[labels != -100]
    if class_weights is None:
        return torch.tensor(float(kept.numel()), device=labels.device)
    return class_weights.to(labels.device)[kept].sum()


def classification_loss(
    logits: torch.Tensor,
    labels: torch.Tensor,
    problem_type: str,
    class_weights: torch.Tensor | None = None,
    normalizer: torch.Tensor | float | None = None,
) -> torch.Tensor:
    """Return the loss of a batch, computed in fp32.

    Args:
        logits: (batch, labels).
        labels: (batch,) integers for `single_label_classification`; (batch, labels) of 0/1 for
            `multi_label_classification`; (batch,) or (batch, labels) of numbers for `regression`.
        problem_type: as transformers names it.
        class_weights: (labels,) weights of the cross-entropy, or of the positive cases of each label.
        normalizer: what the summed loss is divided by. For single labels it defaults to the batch's own total class
            weight, as in `torch.nn.CrossEntropyLoss`; under gradient accumulation it is the total over the whole
            optimiser step, so that cutting a step into batches never changes its gradient.

    Raises:
        ValueError: the problem type is unknown.
    """
    logits = logits.float()
    if problem_type == "single_label_classification":
        labels = labels.view(-1)
        summed = functional.cross_entropy(logits, labels, weight=class_weights, reduction="sum")
        if normalizer is None:
            normalizer = total_weight(labels, class_weights).clamp(min=torch.finfo(torch.float32).tiny)
        return summed / normalizer
    if problem_type == "multi_label_classification":
        entries = functional.binary_cross_entropy_with_logits(
            logits, labels.float(), pos_weight=class_weights, reduction="none"
        ).mean(dim=-1)
    elif problem_type == "regression":
        entries = functional.mse_loss(logits, labels.float().view_as(logits), reduction="none").mean(dim=-1)
    else:
        raise ValueError(
            f"unknown problem_type {problem_type!r}; "
            "known: single_label_classification, multi_label_classification, regression"
        )
    return entries.sum() / (entries.numel() if normalizer is None else normalizer)
