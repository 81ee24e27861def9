"""A model's answers to rows: windows sorted by length under a token budget, decoded over all windows of a row."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...core.progress import progress
from ...modeling.multitask_losses import IGNORED
from ...modeling.qa_answers import decode
from ...modeling.qa_prediction import BatchRun, WindowLogits, predict_windows
from ...modeling.qa_windows import Windows
from .answers import AnswerRows
from .windows import windows_in

# Windows whose logits are held at a time: 100 MB at 384 tokens, however many rows are answered.
BLOCK_WINDOWS = 32_768


class Predictor:
    """Answers some of the rows, as often as it is called.

    Windows are sorted by length and run under a token budget, a block of rows at a time: memory stays the same for any
    number of rows.

    Args:
        windows: of all rows.
        tokenizer: pads.
        rows: which of them to answer, as sorted indices.
        label: of a progress bar; None for none.
        bf16: multiply in bf16, by autocast; weights stay as they are.
        token_budget: tokens of a batch, padding included; by default 2,048 on CPU and 32,768 on a GPU.
        block_windows: so many windows, or one row, at a time.
    """

    def __init__(
        self,
        windows: Windows,
        tokenizer: Any,
        rows: np.ndarray,
        label: str | None = None,
        *,
        bf16: bool = False,
        token_budget: int | None = None,
        block_windows: int = BLOCK_WINDOWS,
    ) -> None:
        self.tokenizer, self.rows, self.label = tokenizer, rows, label
        self.bf16, self.token_budget = bf16, token_budget
        counts = np.bincount(windows.row, minlength=windows.num_rows)[rows]
        self.blocks = [windows_of_rows(windows, rows[part]) for part in blocks(counts, block_windows)]

    def __call__(self, model: Any, run: BatchRun | None = None) -> tuple[AnswerRows, dict[str, float]]:
        """Return an answer for each row, and the mean loss of each task over the windows that have its target.

        Thresholds and temperature are those of the model's configuration.

        Args:
            model: in fp32, or in bf16 for less memory and time.
            run: computes in place of the model; see `predict_windows`.
        """
        import torch

        device = next(model.parameters()).device.type
        total = sum(map(len, self.blocks))
        shown = (
            contextlib.nullcontext() if self.label is None else progress(total=total, label=self.label, unit="window")
        )
        parts, losses = [], []
        with shown as bar, torch.autocast(device, torch.bfloat16, enabled=self.bf16):
            for block in self.blocks:
                logits = predict_windows(
                    model,
                    block,
                    self.tokenizer,
                    token_budget=self.token_budget if run is None else None,
                    run=run,
                    on_batch=None if bar is None else lambda count: bar.update(count),
                )
                parts.append(_answers(logits, block, model.config))
                losses.append(task_losses(logits, block))
        sums = {name: np.sum([each[name] for each in losses if name in each], axis=0) for name in set().union(*losses)}
        return AnswerRows.concatenate(parts), {
            name: float(total / count) for name, (total, count) in sorted(sums.items())
        }


def _answers(logits: WindowLogits, windows: Windows, config: Any) -> AnswerRows:
    """Return the answer of each row, by the thresholds and temperature of a configuration."""
    settings = {
        "n_best": config.n_best,
        "max_answer_length": config.max_answer_length,
        "no_answer_threshold": config.no_answer_threshold,
    }
    answers = decode(logits.start, logits.end, windows, category_logits=logits.category, **settings)
    raw = answers
    if logits.category is not None and config.category_temperature != 1:
        unscaled = logits.category * config.category_temperature
        raw = decode(logits.start, logits.end, windows, category_logits=unscaled, **settings)
    return AnswerRows.of(answers, raw, config.no_answer_record)


def blocks(counts: np.ndarray, most: int) -> Iterator[slice]:
    """Yield consecutive rows that have at most `most` windows together; a row with more is a block of its own.

    >>> list(blocks(np.array([2, 2, 5, 1]), 4))
    [slice(0, 2, None), slice(2, 3, None), slice(3, 4, None)]
    """
    ends = np.cumsum(counts)
    begin = 0
    while begin < len(counts):
        before = ends[begin] - counts[begin]
        stop = max(int(np.searchsorted(ends, before + most, side="right")), begin + 1)
        yield slice(begin, stop)
        begin = stop


def windows_of_rows(windows: Windows, rows: np.ndarray) -> Windows:
    """Return the windows of some rows, which are numbered anew from 0 in the order of `rows`.

    Args:
        windows: of all rows.
        rows: which of them, as sorted indices.
    """
    chosen = windows.take(windows_in(windows, rows))
    return dataclasses.replace(
        chosen,
        row=np.searchsorted(rows, chosen.row),
        num_rows=len(rows),
        question_of=windows.question_of[rows],
        context_of=windows.context_of[rows],
        question_lengths=windows.question_lengths[rows],
        lost_answers=(),
    )


def task_losses(logits: WindowLogits, windows: Windows) -> dict[str, tuple[float, int]]:
    """Return {`span_loss`, `category_loss`: (sum, number)} of the cross-entropies of windows that have the target.

    A task without such a window, or without a head, is left out.
    """
    losses = {}
    if logits.start is not None and windows.start_positions is not None:
        places = np.flatnonzero(windows.start_positions != IGNORED)
        if len(places):
            inside = np.arange(logits.start.shape[1]) < windows.lengths[places, None]
            parts = ((logits.start, windows.start_positions), (logits.end, windows.end_positions))
            costs = [_cross_entropy(side[places], inside, gold[places]) for side, gold in parts]
            losses["span_loss"] = (float(np.mean(costs, axis=0).sum()), len(places))
    if logits.category is not None and windows.category_probs is not None:
        gold = windows.category_probs.astype(np.float64)
        places = np.flatnonzero(gold.any(axis=1))
        if len(places):
            scaled = logits.category[places].astype(np.float64)
            scaled -= scaled.max(axis=1, keepdims=True)
            said = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
            losses["category_loss"] = (float(-(gold[places] * said).sum()), len(places))
    return losses


def _cross_entropy(logits: np.ndarray, inside: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """Return (windows,) −ln p of the gold token among those inside the window."""
    known = np.where(inside, logits.astype(np.float64), -np.inf)
    top = known.max(axis=1)
    total = np.log(np.exp(known - top[:, None]).sum(axis=1)) + top
    return total - known[np.arange(len(gold)), gold]
