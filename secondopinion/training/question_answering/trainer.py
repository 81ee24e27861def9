"""The Trainer of a model of questions and answers: two tasks over one optimiser step, validated by its answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ...modeling.multitask_losses import IGNORED
from ..trainer import StepTrainer


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
