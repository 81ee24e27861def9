"""The `training` section of a recipe: how an encoder is fine-tuned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..core.errors import InputError
from .selection import SelectionRule


@dataclass(frozen=True)
class TrainingSpec:
    """How an encoder is fine-tuned; the defaults are the published severity card's.

    Attributes:
        learning_rate: of AdamW.
        warmup: share of the steps over which the rate rises linearly.
        weight_decay: of AdamW.
        scheduler: after the warm-up (`linear`, `cosine`, `constant_with_warmup`).
        epochs: at most.
        batch_size: rows of one batch on one device.
        accumulation_steps: batches of one optimiser step.
        step_tokens: in place of `batch_size`: an optimiser step is cut after about so many tokens (padding not
            counted) of the rows in random order, so that steps hold about as many tokens each and rows vary
            (Ott et al. 2018, "Scaling Neural Machine Translation"). Several processes share a step.
        early_stopping_patience: epochs without gain on `monitor` before it stops.
        monitor: the figure, measured on the validation rows, that picks the epoch.
        validation_share: share of the training folds' rows set aside for it.
        length_grouped: draw rows of similar length together; no steps of `step_tokens`, in which short rows would then
            count less than long ones.
        micro_batch_tokens: a batch is sorted by length and cut into pieces of at most so many tokens, padding
            included; the gradient stays that of the whole batch. `0` leaves batches whole; by default 2,048 on CPU,
            and on a GPU whole batches, or with `step_tokens` as many tokens as `accumulation_steps` pieces hold.
        bf16: bf16 autocast; by default where the hardware has it.
        compile: compile the encoder's layers with `torch.compile` for shapes that vary. Needs a C++ compiler on a CPU;
            weights and their names stay as they are.
        max_grad_norm: gradient clipping.
        checkpoint_minutes: how much work a kill can cost at most.
        seed: of initialisation, order and dropout.

    Raises:
        InputError: `step_tokens` is below 1.
    """

    learning_rate: float = 2e-5
    warmup: float = 0.1
    weight_decay: float = 0.01
    scheduler: Literal["linear", "cosine", "constant_with_warmup"] = "linear"
    epochs: int = 3
    batch_size: int = 16
    accumulation_steps: int = 2
    step_tokens: int | None = None
    early_stopping_patience: int = 1
    monitor: SelectionRule = field(default_factory=lambda: SelectionRule(metric="macro_f1", label=None))
    validation_share: float = 0.1
    length_grouped: bool = True
    micro_batch_tokens: int | None = None
    bf16: bool | None = None
    compile: bool = False
    max_grad_norm: float = 1.0
    checkpoint_minutes: float = 15.0
    seed: int = 13

    def __post_init__(self) -> None:
        if self.step_tokens is not None and self.step_tokens < 1:
            raise InputError(
                f"training: step_tokens is {self.step_tokens}; give the tokens of an optimiser step, such as 8192, or "
                "leave it out for steps of batch_size rows"
            )
