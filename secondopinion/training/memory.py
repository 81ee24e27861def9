"""A training that does not fit into memory: caught, and answered with sizes that were tried and do fit."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ..core.errors import InputError
from ..core.memory import is_out_of_memory

_SMALLER = "lower model.max_length, add model.lora, or take a smaller encoder or a larger device"


def train_within_memory(trainer: Any, checkpoint: str | None) -> None:
    """Train; where the device runs out of memory, find out which batch would fit and say so.

    Args:
        trainer: a `StepTrainer`.
        checkpoint: to continue from.

    Raises:
        InputError: out of memory; the message names a batch size and accumulation steps with as many rows a step, or
            smaller pieces where a step is one of so many tokens.
    """
    if not _runs_out(lambda: trainer.train(resume_from_checkpoint=checkpoint)):
        return
    # The tensors of the failed step are free now that the error is gone.
    raise InputError(_advice(trainer))


def fitting_pair(rows: int, accumulation: int, fits: Callable[[int], bool], below: int) -> tuple[int, int] | None:
    """Return the largest batch that fits, and the accumulation steps that leave as many rows in a step.

    Args:
        rows: of a batch as it was.
        accumulation: batches of a step as it was.
        fits: tries a number of rows.
        below: only fewer rows than this are tried.

    >>> fitting_pair(16, 2, lambda rows: rows <= 5, below=16)
    (4, 8)
    """
    step = rows * accumulation
    for batch in sorted((n for n in range(1, below) if step % n == 0), reverse=True):
        if fits(batch):
            return batch, step // batch
    return None


def _runs_out(work: Callable[[], Any]) -> bool:
    """Do some work; whether memory was too little for it. Other errors pass."""
    try:
        work()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return True
    return False


def _advice(trainer: Any) -> str:
    arguments, longest = trainer.args, max(trainer.lengths)
    rows, accumulation = arguments.per_device_train_batch_size, arguments.gradient_accumulation_steps
    budget = trainer.micro_batch_tokens
    padded = -(-longest // trainer.multiple) * trainer.multiple
    if trainer.step_tokens is not None:
        rows = max(1, trainer.step_tokens // arguments.world_size // padded)
    at_once = min(rows, max(1, budget // padded)) if budget else rows
    device = arguments.device
    where = f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else str(device)
    said = f"out of memory on {where}: {at_once} texts of {longest} tokens at once were too much. "
    further = ""
    tried = "tried and fits" if arguments.world_size == 1 else "may fit"
    pair, checkpointing = None, any(getattr(part, "gradient_checkpointing", False) for part in trainer.model.modules())
    if trainer.step_tokens is not None:
        fewer = [at_once >> times for times in range(1, at_once.bit_length())]
        found = next((count for count in fewer if arguments.world_size > 1 or _fits(trainer, count)), None)
        if found is None:
            return f"{said}No smaller piece of a step fits: set model.gradient_checkpointing: true, or {_SMALLER}"
        return (
            f"{said}Set training.micro_batch_tokens: {found * padded} ({tried}; steps stay as they are). A changed "
            "recipe needs a new --output"
        )
    if arguments.world_size == 1:
        pair = fitting_pair(rows, accumulation, lambda batch: _fits(trainer, batch), below=at_once)
        if pair is None and not checkpointing:
            trainer.model.gradient_checkpointing_enable()
            checkpointing = True
            pair = fitting_pair(rows, accumulation, lambda batch: _fits(trainer, batch), below=at_once + 1)
            further = ", and model.gradient_checkpointing: true, without which not one text fits"
    elif rows > 1 and rows * accumulation % (rows // 2) == 0:
        pair = rows // 2, accumulation * rows // (rows // 2)
    if pair is None:
        return f"{said}Not one text at a time fits, with gradient checkpointing either: {_SMALLER}"
    if not checkpointing:
        further = ", or keep the batch and set model.gradient_checkpointing: true, which costs time"
    return (
        f"{said}Set training.batch_size: {pair[0]} and training.accumulation_steps: {pair[1]} ({tried}; still "
        f"{rows * accumulation} rows a step){further}. A changed recipe needs a new --output"
    )


def _fits(trainer: Any, rows: int) -> bool:
    """Whether the longest `rows`, and a quarter more, go forward and backward with room for the optimiser's state."""

    def attempt() -> None:
        loader = trainer.get_train_dataloader()
        chosen = np.argsort(-np.asarray(trainer.lengths), kind="stable")[: rows + rows // 4]
        batch = trainer._prepare_inputs(loader.collate_fn([loader.dataset[int(row)] for row in chosen]))
        weights = [weight for weight in trainer.model.parameters() if weight.requires_grad]
        stepped = trainer.optimizer is not None and trainer.optimizer.state
        moments = [] if stepped else [torch.empty_like(weight) for weight in weights * 2]
        trainer.model.train()
        with trainer.compute_loss_context_manager():
            loss = trainer.compute_loss(trainer.model, batch, num_items_in_batch=torch.tensor(1.0, device=loss_device))
        trainer.accelerator.backward(loss)
        del moments

    loss_device = trainer.args.device
    trainer.model.zero_grad(set_to_none=True)
    gc.collect()
    if loss_device.type == "cuda":
        torch.cuda.empty_cache()
    fits = not _runs_out(attempt)
    trainer.model.zero_grad(set_to_none=True)
    return fits


__all__ = ["fitting_pair", "train_within_memory"]
