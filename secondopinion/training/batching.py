"""Batches of similar length, and the pieces of a batch that fit a processor's cache."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch.utils.data import BatchSampler, Sampler

from ..core.errors import InputError
from ..modeling.multitask_losses import IGNORED

POOL_STEPS = 16
# Rows of like length that stay together: a step mixes several lengths, as a step of a plain shuffle does. With whole
# steps of one length the loss falls more slowly.
GROUP_ROWS = 8
# What a piece costs beside its tokens (the gradient of all embeddings, weights cast to bf16), in tokens.
PIECE_TOKENS = 128
BY_ROW = ("category_probs", "expert_right", "labels")
PLACES = ("start_positions", "end_positions")


class LengthGroupedSampler(Sampler[int]):
    """Rows in random order, by eights of similar length.

    Pools of 16 steps are drawn at random, sorted by length and cut into groups of 8 rows, whose order is shuffled
    again: a step holds several groups, each of another length, so that it stands for the corpus as a step of a plain
    shuffle does, and can be cut into pieces with little padding. Unlike the sampler of transformers the order depends
    on seed and epoch alone, so a resumed run sees the same batches, and long rows do not come first in each pool.

    Args:
        lengths: (rows,) tokens of each row.
        step_rows: rows of one optimiser step over all devices.
        seed: of the order.
        grouped: False for a plain shuffle.
    """

    def __init__(self, lengths: Sequence[int], step_rows: int, seed: int, grouped: bool = True) -> None:
        self.lengths = np.asarray(lengths)
        self.step_rows, self.seed, self.grouped, self.epoch = step_rows, seed, grouped, 0

    def __len__(self) -> int:
        return len(self.lengths)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order comes next."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        random = np.random.default_rng([self.seed, self.epoch])
        order = random.permutation(len(self.lengths))
        if self.grouped:
            size = self.step_rows * POOL_STEPS
            groups: list[np.ndarray] = []
            for pool in (order[start : start + size] for start in range(0, len(order), size)):
                ranked = pool[np.argsort(self.lengths[pool], kind="stable")]
                own = [ranked[start : start + GROUP_ROWS] for start in range(0, len(ranked), GROUP_ROWS)]
                groups += [own[place] for place in random.permutation(len(own))]
            order = np.concatenate(groups) if groups else order
        return iter(order.tolist())


class TokenStepSampler(BatchSampler):
    """Rows in random order, cut into optimiser steps that hold about as many tokens each; rows of a step vary.

    The tokens of an epoch are divided by `step_tokens` and the quotient rounded: so many steps an epoch has, always.
    A row belongs to the step in which its middle token lies, so a step is less than one row longer or shorter than the
    mean. With several processes a step is cut into a part for each in the same way, and the parts follow one another:
    the steps are those of one process.

    Args:
        order: gives the rows; its `set_epoch` is called for each epoch.
        lengths: (rows,) tokens of each row.
        step_tokens: of an optimiser step, over all processes.
        processes: that share a step.

    Raises:
        InputError: `step_tokens` is less than two of the longest rows for each process, so that a part could be empty.

    >>> order = LengthGroupedSampler([4, 4, 4, 4], 1, seed=0, grouped=False)
    >>> sorted(len(step) for step in TokenStepSampler(order, [4, 4, 4, 4], step_tokens=8))
    [2, 2]
    """

    def __init__(
        self, order: LengthGroupedSampler, lengths: Sequence[int], step_tokens: int, processes: int = 1
    ) -> None:
        self.sampler, self.lengths = order, np.asarray(lengths)
        # What torch and accelerate read of a batch sampler.
        self.batch_size, self.drop_last = None, False
        least = 2 * int(self.lengths.max()) * processes
        if step_tokens < least:
            shared = f" and {processes} processes share a step" if processes > 1 else ""
            raise InputError(
                f"training.step_tokens is {step_tokens}, but the longest text has {int(self.lengths.max())} tokens"
                f"{shared}: give at least {least}, or lower model.max_length"
            )
        self.steps = max(1, round(int(self.lengths.sum()) / step_tokens))
        self.parts = self.steps * processes
        if int(self.lengths.sum()) < int(self.lengths.max()) * self.parts:
            raise InputError(
                f"{len(self.lengths)} texts of {int(self.lengths.sum())} tokens are too few for {self.parts} "
                "processes; train with fewer"
            )

    def __len__(self) -> int:
        return self.parts

    def __iter__(self) -> Iterator[list[int]]:
        order = np.fromiter(self.sampler, dtype=np.int64, count=len(self.lengths))
        ends = np.cumsum(self.lengths[order])
        # Twice the middle of each row, in whole numbers: the same on every machine.
        part = (2 * ends - self.lengths[order]) * self.parts // (2 * ends[-1])
        for rows in np.split(order, np.searchsorted(part, np.arange(1, self.parts))):
            yield rows.tolist()


def pieces(lengths: Sequence[int], token_budget: int, multiple: int = 1) -> list[np.ndarray]:
    """Return the rows of a batch in pieces of similar length that cost the least together.

    A piece costs its tokens, padding included, and `PIECE_TOKENS`. Rows are ranked by length and the cuts found by
    dynamic programming over the ranks.

    Args:
        lengths: (rows,) tokens of each row.
        token_budget: tokens of a piece at most; a longer row is a piece of its own.
        multiple: of which the model itself makes a piece's length one.

    >>> [piece.tolist() for piece in pieces([400, 20, 380, 25, 30], 1000)]
    [[0, 2], [4, 3, 1]]
    """
    widths = -(-np.maximum(np.asarray(lengths, dtype=np.int64), 1) // multiple) * multiple
    order = np.argsort(-widths, kind="stable")
    ranked = widths[order].tolist()
    # Of the longest `stop` rows: the least that they cost, and where their last piece begins.
    least, begins = [0], [0]
    for stop in range(1, len(ranked) + 1):
        best, begin = least[stop - 1] + ranked[stop - 1], stop - 1
        for start in range(stop - 2, -1, -1):
            tokens = ranked[start] * (stop - start)
            if tokens > token_budget:
                break
            if least[start] + tokens < best:
                best, begin = least[start] + tokens, start
        least.append(best + PIECE_TOKENS)
        begins.append(begin)
    found, stop = [], len(ranked)
    while stop:
        found.append(order[begins[stop] : stop])
        stop = begins[stop]
    return found[::-1]


def micro_batches(
    inputs: dict[str, torch.Tensor], token_budget: int, multiple: int = 1
) -> Iterator[dict[str, torch.Tensor]]:
    """Cut a padded batch into pieces of similar length, each trimmed to its longest row.

    Args:
        inputs: tensors that share their first dimension (batch); those as wide as `attention_mask`
            (batch, sequence) are trimmed with it, on whichever side the padding is, but for those of `BY_ROW`: as many
            experts as tokens are no tokens. `PLACES` (batch,) count tokens, and move with padding cut on the left.
        token_budget: tokens a piece at most, padding included; a longer row is a piece of its own.
        multiple: of which the model itself makes a piece's length one (see `padding_multiple`).

    >>> batch = {"attention_mask": torch.tensor([[1, 1, 1], [1, 0, 0]]), "labels": torch.tensor([7, 8])}
    >>> [piece["attention_mask"].tolist() for piece in micro_batches(batch, 3)]
    [[[1, 1, 1]], [[1]]]
    >>> left = {"attention_mask": torch.tensor([[1, 1, 1], [0, 1, 1]]), "start_positions": torch.tensor([2, 1])}
    >>> [piece["start_positions"].tolist() for piece in micro_batches(left, 3)]
    [[2], [0]]
    """
    mask = inputs["attention_mask"]
    for rows in pieces(mask.sum(dim=1).tolist(), token_budget, multiple):
        index = torch.from_numpy(rows).to(mask.device)
        used = mask[index].any(dim=0).nonzero().flatten()
        first, last = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, 1)
        width = min(-(-(last - first) // multiple) * multiple, mask.shape[1])
        first = min(first, mask.shape[1] - width)
        columns = slice(first, first + width)
        piece = {
            name: value[index][:, columns] if value.shape[:2] == mask.shape and name not in BY_ROW else value[index]
            for name, value in inputs.items()
        }
        for name in piece.keys() & PLACES:
            piece[name] = torch.where(piece[name] == IGNORED, IGNORED, piece[name] - first)
        yield piece
