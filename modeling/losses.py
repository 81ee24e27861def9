"""Losses of the classifiers: weights that stay right under gradient accumulation, labels that may be missing."""

from collections.abc import Sequence

import torch
from torch.nn import functional

MISSING = -100


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


def positive_weights(positives: Sequence[int], negatives: Sequence[int]) -> list[float]:
    """Return a weight for the positive cases of each label, negatives / positives, 1 where a label has only one kind.

    It is the `pos_weight` of `torch.nn.BCEWithLogitsLoss`: positive and negative cases then weigh the same in all.

    >>> positive_weights([1, 2], [3, 0])
    [3.0, 1.0]
    """
    return [no / yes if yes and no else 1.0 for yes, no in zip(positives, negatives, strict=True)]


def total_weight(labels: torch.Tensor, class_weights: torch.Tensor | None) -> torch.Tensor:
    """Return the sum of the class weights of `labels` (batch,), padding label -100 left out; a float scalar."""
    kept = labels[labels != MISSING]
    if class_weights is None:
        return torch.tensor(float(kept.numel()), device=labels.device)
    return class_weights.to(labels.device)[kept].sum()


def loss_items(
    labels: torch.Tensor,
    problem_type: str,
    class_weights: torch.Tensor | None = None,
    label_groups: Sequence[int] | None = None,
) -> torch.Tensor:
    """Return what the summed loss of `labels` is divided by, so that accumulated batches add up to one large batch.

    It is the total class weight of a single label and of factors (`label_groups`), and the number of labels that are
    not missing otherwise; a float scalar. Arguments as in `classification_loss`.

    >>> loss_items(torch.tensor([[1, 0], [-100, 1]]), "multi_label_classification").item()
    3.0
    """
    if label_groups is not None:
        weights = [None] * len(label_groups) if class_weights is None else class_weights.split(list(label_groups))
        return sum(total_weight(labels[:, i], weight) for i, weight in enumerate(weights))
    if problem_type == "single_label_classification":
        return total_weight(labels.view(-1), class_weights)
    return _known(labels, problem_type).sum().float()


def classification_loss(
    logits: torch.Tensor,
    labels: torch.Tensor,
    problem_type: str,
    class_weights: torch.Tensor | None = None,
    normalizer: torch.Tensor | float | None = None,
    label_groups: Sequence[int] | None = None,
    target_std: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the loss of a batch, computed in fp32; a missing label takes no part in it.

    Args:
        logits: (batch, labels).
        labels: (batch,) integers for `single_label_classification`, -100 where missing; (batch, labels) of 0/1 for
            `multi_label_classification`, negative or NaN where missing; (batch, factors) integers with `label_groups`,
            -100 where missing; (batch,) or (batch, labels) of numbers for `regression`, NaN where missing.
        problem_type: as transformers names it.
        class_weights: (labels,) weights of the cross-entropy, or of the positive cases of each label.
        normalizer: what the summed loss is divided by. It defaults to the batch's own `loss_items`: the total class
            weight, as in `torch.nn.CrossEntropyLoss`, or the number of labels; under gradient accumulation it is the
            total over the whole optimiser step, so that cutting a step into batches never changes its gradient.
        label_groups: sizes of groups of logits that stand side by side; a softmax in each, one class of each is right.
        target_std: (labels,) of a regression: errors are measured in these units (see `PooledEncoderConfig`).

    Raises:
        ValueError: the problem type is unknown.

    >>> logits, labels = torch.zeros(1, 5), torch.tensor([[1, 0]])
    >>> loss = classification_loss(logits, labels, "multi_label_classification", label_groups=[2, 3])
    >>> round(loss.item(), 4)  # (ln 2 + ln 3) / 2
    0.8959
    """
    logits = logits.float()
    if label_groups is not None:
        summed = _grouped_loss(logits, labels, label_groups, class_weights)
    elif problem_type == "single_label_classification":
        labels = labels.view(-1)
        summed = functional.cross_entropy(logits, labels, weight=class_weights, reduction="sum")
    elif problem_type == "multi_label_classification":
        known = _known(labels, problem_type)
        target = labels.float().masked_fill(~known, 0.0)
        entries = functional.binary_cross_entropy_with_logits(
            logits, target, pos_weight=class_weights, reduction="none"
        )
        summed = (entries * known).sum()
    elif problem_type == "regression":
        labels = labels.float().view_as(logits)
        known = _known(labels, problem_type)
        errors = logits - torch.where(known, labels, logits.detach())
        summed = (errors if target_std is None else errors / target_std).square().sum()
    else:
        raise ValueError(
            f"unknown problem_type {problem_type!r}; "
            "known: single_label_classification, multi_label_classification, regression"
        )
    if normalizer is None:
        normalizer = loss_items(labels, problem_type, class_weights, label_groups)
        normalizer = normalizer.clamp(min=torch.finfo(torch.float32).tiny)
    return summed / normalizer


def _grouped_loss(
    logits: torch.Tensor, labels: torch.Tensor, label_groups: Sequence[int], class_weights: torch.Tensor | None
) -> torch.Tensor:
    """Return the summed cross-entropy over groups of logits; (batch, factors) labels."""
    weights = [None] * len(label_groups) if class_weights is None else class_weights.split(list(label_groups))
    parts = logits.split(list(label_groups), dim=-1)
    return sum(
        functional.cross_entropy(part, labels[:, i], weight=weight, reduction="sum", ignore_index=MISSING)
        for i, (part, weight) in enumerate(zip(parts, weights, strict=True))
    )


def _known(labels: torch.Tensor, problem_type: str) -> torch.Tensor:
    """Return a mask like `labels` of those that are not missing."""
    known = ~labels.isnan() if labels.is_floating_point() else torch.ones_like(labels, dtype=torch.bool)
    return known & (labels >= 0) if problem_type == "multi_label_classification" else known
