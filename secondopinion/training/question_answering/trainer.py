"""The Trainer of a model of questions and answers: two tasks over one optimiser step, validated by its answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from ...modeling.multitask_losses import IGNORED
from ..batching import pieces
from ..trainer import StepTrainer

TOKEN_FIELDS = ("input_ids", "attention_mask", "token_type_ids", "span_mask", "global_attention_mask", "position_ids")
POSITION_FIELDS = ("start_positions", "end_positions")


class QuestionAnsweringTrainer(StepTrainer):
    """`StepTrainer` over windows: the loss of each task is divided by the step's windows that have that task.

    Args:
        *args: of `StepTrainer`.
        measure: returns the figures of the model as it is, with `monitor`; called at the end of each epoch.
        **kwargs: of `StepTrainer`.
    """

    def __init__(self, *args: Any, measure: Callable[[Any], dict[str, float]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.measure = measure

    def count_items(self, batches: list[dict[str, torch.Tensor]]) -> torch.Tensor | None:
        """Return (2,) windows of the step with a span target, and with a category."""
        spans = sum(int((b["start_positions"] != IGNORED).sum()) for b in batches if "start_positions" in b)
        categories = sum(int(b["category_probs"].any(dim=1).sum()) for b in batches if "category_probs" in b)
        return torch.tensor([spans, categories], dtype=torch.float32)

    def cut(self, inputs: dict[str, torch.Tensor]) -> Iterator[dict[str, torch.Tensor]]:
        """Yield the batch in pieces under the token budget; positions move with padding that is cut on the left."""
        return cut_windows(inputs, self.micro_batch_tokens)

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: list[str] | None = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Measure the answers of the validation rows; every process measures all of them."""
        model = self.accelerator.unwrap_model(self.model)
        training = model.training
        try:
            figures = self.measure(model)
        finally:
            model.train(training)
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in figures.items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


def cut_windows(inputs: dict[str, torch.Tensor], token_budget: int) -> Iterator[dict[str, torch.Tensor]]:
    """Cut a padded batch of windows into pieces of similar length, each trimmed to its longest window.

    Args:
        inputs: of the model: (batch, sequence) tokens and masks, (batch,) positions, (batch, 5) probabilities.
        token_budget: tokens a piece at most, padding included; a longer window is a piece of its own.

    >>> left = {"attention_mask": torch.tensor([[1, 1, 1], [0, 1, 1]]), "start_positions": torch.tensor([2, 1])}
    >>> [piece["start_positions"].tolist() for piece in cut_windows(left, 3)]
    [[2], [0]]
    """
    mask = inputs["attention_mask"]
    for rows in pieces(mask.sum(dim=1).tolist(), token_budget):
        index = torch.from_numpy(rows).to(mask.device)
        used = mask[index].any(dim=0).nonzero().flatten()
        first, last = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, 1)
        piece = {name: value[index] for name, value in inputs.items()}
        for name in TOKEN_FIELDS:
            if name in piece:
                piece[name] = piece[name][:, first:last]
        for name in POSITION_FIELDS:
            if name in piece:
                piece[name] = torch.where(piece[name] == IGNORED, IGNORED, piece[name] - first)
        yield piece
