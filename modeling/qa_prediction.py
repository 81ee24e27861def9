"""Logits of many windows: sorted by length, a batch at a time under a token budget."""

import inspect
from collections.abc import Callable, Iterator, Mapping
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


# Runs batches in a model's place: is given the windows' lengths, what makes the inputs of some windows, and what takes
# their outputs; `advance=` is called with the number of windows after each batch.
BatchRun = Callable[..., Any]


def predict_windows(
    model: Any,
    windows: Windows,
    tokenizer: Any,
    *,
    token_budget: int | None = None,
    batch_size: int | None = None,
    on_batch: Callable[[int], Any] | None = None,
    run: BatchRun | None = None,
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
        run: computes in place of the model, in batches of its own: `run(lengths, give, keep, advance=on_batch)`.

    Raises:
        ValueError: a setting is below 1, the model answers no questions, or sizes of batches are given beside `run`.
    """
    for name, value in (("token_budget", token_budget), ("batch_size", batch_size)):
        if value is not None and value < 1:
            raise ValueError(f"{name} is {value}; expected 1 or more")
        if value is not None and run is not None:
            raise ValueError(f"{name} is {value}, but a backend computes, which has batches of its own; leave it out")
    model.eval()
    taken = set(inspect.signature(model.forward).parameters)
    fill, left = padding(tokenizer), tokenizer.padding_side == "left"
    found: dict[str, np.ndarray] = {}

    def give(chosen: np.ndarray) -> dict[str, np.ndarray]:
        batch = windows.padded(
            chosen,
            padding_side=tokenizer.padding_side,
            pad_token_id=fill["input_ids"],
            pad_token_type_id=fill["token_type_ids"],
        )
        return {name: part for name, part in batch.items() if name in taken}

    def keep(chosen: np.ndarray, outputs: Mapping[str, np.ndarray]) -> None:
        for name in ("start", "end", "category"):
            values = outputs.get(f"{name}_logits")
            if values is None:
                continue
            size = values.shape[1] if name == "category" else int(windows.lengths.max())
            rows = found.setdefault(name, np.zeros((len(windows), size), dtype=np.float32))
            if name == "category":
                rows[chosen] = values
                continue
            width = int(windows.lengths[chosen].max())
            if left:
                shift = width - windows.lengths[chosen][:, None]
                values = np.take_along_axis(values, np.minimum(np.arange(width) + shift, width - 1), axis=1)
            rows[chosen, :width] = values[:, :width]

    if run is not None:
        run(windows.lengths, give, keep, advance=on_batch)
    else:
        _run(model, windows.lengths, give, keep, token_budget, batch_size, on_batch)
    if len(windows) and not found:
        raise ValueError(
            f"{type(model).__name__} gives neither start_logits and end_logits nor category_logits; load it with "
            "AutoModelForQuestionAnswering"
        )
    return WindowLogits(found.get("start"), found.get("end"), found.get("category"))


def _run(
    model: Any,
    lengths: np.ndarray,
    give: Callable[[np.ndarray], dict[str, np.ndarray]],
    keep: Callable[[np.ndarray, Mapping[str, np.ndarray]], None],
    token_budget: int | None,
    batch_size: int | None,
    on_batch: Callable[[int], Any] | None,
) -> None:
    device = next(model.parameters()).device
    budget = token_budget or (CPU_TOKEN_BUDGET if device.type == "cpu" else GPU_TOKEN_BUDGET)
    with torch.inference_mode():
        for chosen in budget_batches(lengths, budget, batch_size):
            output = model(**{name: torch.from_numpy(part).to(device) for name, part in give(chosen).items()})
            said = {name: getattr(output, name, None) for name in ("start_logits", "end_logits", "category_logits")}
            keep(chosen, {name: part.float().cpu().numpy() for name, part in said.items() if part is not None})
            if on_batch is not None:
                on_batch(len(chosen))


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
