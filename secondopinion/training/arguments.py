"""A recipe's `training` section as `TrainingArguments`, with what the hardware decides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core.machine import bf16_supported
from ..scoring.engine import CPU_TOKEN_BUDGET
from .training_recipe import TrainingSpec


def training_arguments(settings: TrainingSpec, work: Path, label_names: Sequence[str]) -> Any:
    """Return the `TrainingArguments` of one fold: a checkpoint and a measurement each epoch, the best one kept.

    Args:
        settings: the recipe's.
        work: folder for checkpoints.
        label_names: fields of a batch that hold what is to be learned.
    """
    import torch
    from transformers import TrainingArguments

    on_cpu = not torch.cuda.is_available()
    return TrainingArguments(
        output_dir=str(work),
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=8 if on_cpu else settings.batch_size * 2,
        gradient_accumulation_steps=1 if settings.step_tokens else settings.accumulation_steps,
        num_train_epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        warmup_steps=settings.warmup,
        lr_scheduler_type=settings.scheduler,
        max_grad_norm=settings.max_grad_norm,
        optim="adamw_torch_fused",
        bf16=bf16_supported() if settings.bf16 is None else settings.bf16,
        use_cpu=on_cpu,
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="monitor",
        greater_is_better=settings.monitor.mode == "max",
        logging_steps=50,
        seed=settings.seed,
        report_to="none",
        label_names=list(label_names),
        dataloader_pin_memory=not on_cpu,
        disable_tqdm=True,
    )


def micro_batch_budget(settings: TrainingSpec) -> int:
    """Return the tokens of a piece of a batch: the recipe's, or what suits the device.

    That is 2,048 on a CPU, and on a GPU whole batches (0), or of a step of `step_tokens` the share of one piece.
    """
    import torch

    if settings.micro_batch_tokens is not None:
        return settings.micro_batch_tokens
    if not torch.cuda.is_available():
        return CPU_TOKEN_BUDGET
    return -(-settings.step_tokens // settings.accumulation_steps) if settings.step_tokens else 0
