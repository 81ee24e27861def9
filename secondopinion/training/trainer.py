"""A thin `Trainer`: exact class weights over a step, batches cut to size, progress that fits a log."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.data import DataLoader, Sampler, SequentialSampler
from transformers import Trainer, TrainerCallback
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from ..core.progress import progress
from ..modeling.losses import classification_loss, loss_items
from ..scoring.batches import padding_multiple
from .batching import LengthGroupedSampler, TokenStepSampler, micro_batches

# In bf16 on a CPU the gradient of torch's flash attention is slower than that of plain matrix products for pieces of
# up to so many tokens a row: half as many tokens a second at 16, as many at about 250 (Xeon with AMX, torch 2.13).
SHORT = 192


class StepTrainer(Trainer):
    """`Trainer` whose optimiser step is the unit of everything.

    What it changes:

    - The loss is divided by what `count_items` counts over the whole optimiser step, so that accumulation, pieces and
      processes leave the gradient what one large batch would give.
    - Rows come in groups of similar length, or a step holds so many tokens, and each batch is sorted and cut into
      pieces of at most `micro_batch_tokens`.
    - Short pieces take the attention whose gradient is the quickest.
    - Validation rows keep their order.
    - Tokens are counted (`tokens_seen`, padding left out; `train_seconds` without validation).

    Args:
        lengths: (training rows,) tokens of each row.
        length_grouped: draw rows of similar length together.
        step_tokens: tokens of a step in place of the batch size (see `TokenStepSampler`), with arguments of one batch
            a step.
        micro_batch_tokens: tokens of a piece, padding included; 0 leaves batches whole.
        label: of the progress bar.
        **kwargs: of `Trainer`.
    """

    def __init__(
        self,
        *args: Any,
        lengths: list[int],
        length_grouped: bool = True,
        step_tokens: int | None = None,
        micro_batch_tokens: int = 0,
        label: str = "training",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.lengths, self.length_grouped, self.step_tokens = lengths, length_grouped, step_tokens
        self.micro_batch_tokens = micro_batch_tokens
        self.multiple = padding_multiple(self.model)
        self.tokens_seen, self.train_seconds = 0, 0.0
        self.model_accepts_loss_kwargs = True
        self.remove_callback(ProgressCallback)
        self.remove_callback(PrinterCallback)
        if self.is_world_process_zero():
            self.add_callback(StepProgress(label))

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        step_rows = self._train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        return LengthGroupedSampler(self.lengths, step_rows, self.args.seed, self.length_grouped)

    def get_train_dataloader(self) -> DataLoader:
        """Return the loader of batches; of whole steps, one part for each process, with `step_tokens`."""
        loader = super().get_train_dataloader()
        if self.step_tokens is None:
            return loader
        order = LengthGroupedSampler(self.lengths, 1, self.args.seed, grouped=False)
        steps = TokenStepSampler(order, self.lengths, self.step_tokens, self.args.world_size)
        names = ("collate_fn", "num_workers", "pin_memory", "worker_init_fn", "persistent_workers")
        options = {name: getattr(loader, name) for name in names}
        # Every process has as many parts; accelerate 1.10 takes a sampler without a batch size only then.
        self.accelerator.even_batches = False
        return self.accelerator.prepare(DataLoader(loader.dataset, batch_sampler=steps, **options))

    def _get_eval_sampler(self, eval_dataset: Any) -> Sampler[int]:
        return SequentialSampler(eval_dataset)

    def count_items(self, batches: list[dict[str, torch.Tensor]]) -> torch.Tensor | None:
        """Return what the loss of an optimiser step is divided by, or None where its batches hold no labels."""
        raise NotImplementedError

    def cut(self, inputs: dict[str, torch.Tensor]) -> Iterator[dict[str, torch.Tensor]]:
        """Yield a batch in pieces of `micro_batch_tokens`."""
        return micro_batches(inputs, self.micro_batch_tokens, self.multiple)

    def attention(self, inputs: dict[str, torch.Tensor]) -> contextlib.AbstractContextManager:
        """Return the context in which a piece is computed: which of torch's attentions it takes."""
        short = inputs["attention_mask"].shape[1] <= SHORT and inputs["attention_mask"].device.type == "cpu"
        return sdpa_kernel(SDPBackend.MATH) if short and self.args.bf16 else contextlib.nullcontext()

    def _get_num_items_in_batch(self, batch_samples: list, device: torch.device) -> torch.Tensor | None:
        total = self.count_items(batch_samples) if batch_samples else None
        if total is None:
            return None
        total = total.to(device)
        if self.args.average_tokens_across_devices and self.args.world_size > 1:
            total = self.accelerator.gather(total[None]).sum(dim=0)
        return total.clamp(min=torch.finfo(torch.float32).tiny)

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """Run one batch forward and backward, in pieces; returns their summed loss (a scalar)."""
        started = time.perf_counter()
        self.tokens_seen += int(inputs["attention_mask"].sum())
        if not self.micro_batch_tokens:
            loss = super().training_step(model, inputs, num_items_in_batch)
        else:
            pieces = list(self.cut(inputs))
            losses = []
            for number, piece in enumerate(pieces, start=1):
                last = number == len(pieces)
                with contextlib.nullcontext() if last else self.accelerator.no_sync(model), self.attention(piece):
                    losses.append(super().training_step(model, piece, num_items_in_batch))
            loss = torch.stack(losses).sum()
        self.train_seconds += time.perf_counter() - started
        return loss


class ClassificationTrainer(StepTrainer):
    """`StepTrainer` of sequence classifiers: the loss is divided by the step's total class weight, or its labels."""

    def count_items(self, batches: list[dict[str, torch.Tensor]]) -> torch.Tensor | None:
        """Return the total class weight of the rows, or the number of their labels; a scalar (see `loss_items`)."""
        if "labels" not in batches[0]:
            return None
        config = self.accelerator.unwrap_model(self.model).config  # an adapter's is its base model's
        problem, weights, groups = _loss_settings(config)
        return sum(loss_items(batch["labels"].cpu(), problem, weights, groups) for batch in batches)


def loss_of_rows(config: Any, logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the loss of rows as of one batch, so that it hangs neither on batches nor on processes.

    Args:
        config: of the classifier.
        logits: (rows, labels).
        labels: as in `classification_loss`.
    """
    problem, weights, groups = _loss_settings(config)
    std = getattr(config, "target_std", None)
    std = None if std is None else torch.tensor(std)
    said, right = torch.from_numpy(np.asarray(logits)), torch.from_numpy(np.asarray(labels))
    return classification_loss(said, right, problem, weights, label_groups=groups, target_std=std).item()


def _loss_settings(config: Any) -> tuple[str, torch.Tensor | None, list[int] | None]:
    """Return the kind of problem, its weights and its groups of logits."""
    weights = getattr(config, "class_weights", None)
    return (
        config.problem_type or "single_label_classification",
        None if weights is None else torch.tensor(weights),
        getattr(config, "label_groups", None),
    )


class StepProgress(TrainerCallback):
    """A progress bar over optimiser steps that shows the mean loss; no line for each step in a log."""

    def __init__(self, label: str) -> None:
        self.label, self.bar = label, None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Open the bar where a resumed run stands."""
        self.bar = progress(total=state.max_steps, label=self.label, unit="step")
        self.bar.update(state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Move the bar."""
        self.bar.update(state.global_step - self.bar.n)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        """Show the loss."""
        if self.bar is not None and logs and "loss" in logs:
            self.bar.set_postfix(loss=f"{float(logs['loss']):.4f}", refresh=False)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Close the bar."""
        self.bar.close()
        self.bar = None


class SaveEvery(TrainerCallback):
    """Ask for a checkpoint whenever so many minutes have passed, so that a kill costs little."""

    def __init__(self, minutes: float) -> None:
        self.seconds, self.last = minutes * 60, time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """Save when it is time; with several processes all of them follow the step count, so none saves alone."""
        if args.world_size == 1 and time.monotonic() - self.last >= self.seconds:
            self.last = time.monotonic()
            control.should_save = True
        return control
