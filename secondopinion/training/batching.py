"""Batches of similar length, and the pieces of a batch that fit a processor's cache."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch.utils.data import Sampler

from ..scoring.batches import token_batches

POOL_STEPS = 16
BY_ROW = ("category_probs", "expert_right", "labels")


class LengthGroupedSampler(Sampler[int]):
    """Rows in random order, with those of one optimiser step of similar length.

    Pools of 16 steps are drawn at random, sorted by length and cut into steps, whose order is shuffled again. Unlike
    the sampler of transformers the order depends on seed and epoch alone, so a resumed run sees the same batches, and
    long rows do not come first in each pool.

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
            pools = [order[start : start + size] for start in range(0, len(order), size)]
            steps: list[np.ndarray] = []
            for pool in pools:
                ranked = pool[np.argsort(self.lengths[pool], kind="stable")]
                steps += [ranked[start : start + self.step_rows] for start in range(0, len(ranked), self.step_rows)]
            whole = [step for step in steps if len(step) == self.step_rows]
            rest = [step for step in steps if len(step) < self.step_rows]
            order = np.concatenate([whole[i] for i in random.permutation(len(whole))] + rest)
        return iter(order.tolist())


def micro_batches(
    inputs: dict[str, torch.Tensor], token_budget: int, multiple: int = 1
) -> Iterator[dict[str, torch.Tensor]]:
    """Cut a padded batch into pieces of similar length, each trimmed to its longest row.

    Args:
        inputs: tensors that share their first dimension (batch); those as wide as `attention_mask`
            (batch, sequence) are trimmed with it, on whichever side the padding is, but for those of `BY_ROW`: as many
            experts as tokens are no tokens.
        token_budget: tokens a piece at most, padding included; a longer row is a piece of its own.
        multiple: of which the model itself makes a piece's length one (see `padding_multiple`).

    >>> batch = {"attention_mask": torch.tensor([[1, 1, 1], [1, 0, 0]]), "labels": torch.tensor([7, 8])}
    >>> [piece["attention_mask"].tolist() for piece in micro_batches(batch, 3)]
    [[[1, 1, 1]], [[1]]]
    """
    mask = inputs["attention_mask"]
    for rows in token_batches(mask.sum(dim=1).tolist(), token_budget, multiple):
        index = torch.from_numpy(rows).to(mask.device)
        used = mask[index].any(dim=0).nonzero().flatten()
        first, last = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, 1)
        width = min(-(-(last - first) // multiple) * multiple, mask.shape[1])
        first = min(first, mask.shape[1] - width)
        columns = slice(first, first + width)
        yield {
            name: value[index][:, columns] if value.shape[:2] == mask.shape and name not in BY_ROW else value[index]
            for name, value in inputs.items()
        }
