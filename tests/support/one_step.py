"""A training of one step, of which every number counts: plain gradient descent, nothing clipped, nothing kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments


def one_step(folder: Path, batch_size: int, accumulation: int, **settings: Any) -> TrainingArguments:
    """Return the arguments of one step of `batch_size * accumulation` rows.

    Args:
        folder: what a trainer wants.
        batch_size: rows of a batch.
        accumulation: batches of the step.
        **settings: in place of these.
    """
    fixed = {
        "max_steps": 1,
        "learning_rate": 0.1,
        "optim": "sgd",
        "max_grad_norm": 0.0,
        "report_to": "none",
        "save_strategy": "no",
        "use_cpu": True,
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
    }
    return TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=batch_size,
        gradient_accumulation_steps=accumulation,
        **fixed | settings,
    )


def all_weights(model: torch.nn.Module) -> torch.Tensor:
    """Return a copy of every weight, one after the other."""
    return torch.cat([weight.detach().flatten() for weight in model.parameters()])
