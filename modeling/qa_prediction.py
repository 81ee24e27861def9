"""Logits of many windows: sorted by length, a batch at a time under a token budget."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .qa_windows import Windows
from .window_collator import padding

CPU_TOKEN_BUDGET, GPU_TOKEN_BUDGET = 2048, 32768


@dataclass(frozen=True)
class WindowLogits:
    """What a model says of windows, in their order.

    Attributes:
        start: (windows, longest) float32, each window's first token in the first column; None without a span head.
        end: as `start`.
        category: (windows, categories) float32; None without a category head.
    """

    start: np.ndarray | None
    end: np.ndarray | None
    category: np.ndarray | None


def predict_windows(
    model: Any,
    windows: Windows,
    tokenizer: Any,
    *,
    token_budget: int | None = None,
    batch_size: int | None = None,
    on_batch: Callable[[int], Any] | None = None,
) -> WindowLogits:
    """Return a model's logits for windows.

    Args:
        model: with `start_logits` and `end_logits`, `category_logits`, or all three; put into evaluation mode. What
            its `forward` does not name (token types, the span mask) is not given to it.
        windows: of any lengths.
        tokenizer: whose padding is used, on its own side.
        token_budget: tokens of a batch, padding included; by default 2,048 on CPU and 32,768 on a GPU.
        batch_size: windows of a batch, at most.
        on_batch: called with the number of windows after each batch, to show progress.

    Raises:
        ValueError: a setting is below 1, or the model answers no questions.
    """
    for name, value in (("token_budget", token_budget), ("batch_size", batch_size)):
        if value is not None and value < 1:
            raise ValueError(f"{name} is {value}; expected 1 or more")
    model.eval()
    device = next(model.parameters()).device
    budget = token_budget or (CPU_TOKEN_BUDGET if device.type == "cpu" else GPU_TOKEN_BUDGET)
    taken = set(inspect.signature(model.forward).parameters)
    fill, left = padding(tokenizer), tokenizer.padding_side == "left"
    found: dict[str, np.ndarray] = {}
    with torch.inference_mode():
        for chosen in budget_batches(windows.lengths, budget, batch_size):
            batch = windows.padded(
                chosen,
                padding_side=tokenizer.padding_side,
                pad_token_id=fill["input_ids"],
                pad_token_type_id=fill["token_type_ids"],
            )
            inputs = {name: torch.from_numpy(part).to(device) for name, part in batch.items() if name in taken}
            output = model(**inputs)
            logits = {name: getattr(output, f"{name}_logits", None) for name in ("start", "end", "category")}
            for name, part in logits.items():
                if part is None:
                    continue
                values = part.float().cpu().numpy()
                size = values.shape[1] if name == "category" else int(windows.lengths.max())
                if name not in found:
                    found[name] = np.zeros((len(windows), size), dtype=np.float32)
                if name == "category":
                    found[name][chosen] = values
                    continue
                width = batch["input_ids"].shape[1]
                if left:
                    shift = width - windows.lengths[chosen][:, None]
                    values = np.take_along_axis(values, np.minimum(np.arange(width) + shift, width - 1), axis=1)
                found[name][chosen, :width] = values[:, :width]
            if on_batch is not None:
                on_batch(len(chosen))
    if len(windows) and not found:
        raise ValueError(
            f"{type(model).__name__} gives neither start_logits and end_logits nor category_logits; load it with "
            "AutoModelForQuestionAnswering"
        )
    return WindowLogits(found.get("start"), found.get("end"), found.get("category"))


def budget_batches(lengths: np.ndarray, token_budget: int, batch_size: int | None = None) -> Iterator[np.ndarray]:
    """Yield windows in batches of like length, each at most `token_budget` tokens with its padding.

    A single window above the budget is a batch of its own. The longest come first, so that memory peaks at once.

    >>> [batch.tolist() for batch in budget_batches(np.array([3, 9, 4]), 8)]
    [[1], [2, 0]]
    """
    order = np.argsort(-lengths, kind="stable")
    begin = 0
    while begin < len(order):
        count = max(1, token_budget // max(int(lengths[order[begin]]), 1))
        stop = begin + min(count, batch_size or count)
        yield order[begin:stop]
        begin = stop


__all__ = ["CPU_TOKEN_BUDGET", "GPU_TOKEN_BUDGET", "WindowLogits", "budget_batches", "predict_windows"]
