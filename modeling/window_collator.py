"""Windows of different lengths as one batch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch


class WindowCollator:
    """Makes a batch of windows as `Windows` gives them, padded on the tokenizer's own side.

    >>> from types import SimpleNamespace
    >>> tokenizer = SimpleNamespace(pad_token_id=9, pad_token_type_id=0, padding_side="left")
    >>> windows = [{"input_ids": [5, 6], "start_positions": 1}, {"input_ids": [5], "start_positions": 0}]
    >>> batch = WindowCollator(tokenizer)(windows)
    >>> batch["input_ids"].tolist(), batch["start_positions"].tolist()
    ([[5, 6], [9, 5]], [1, 1])

    Args:
        tokenizer: names the padding token, its type and its side.
        pad_to_multiple_of: of which the sequence's length is to be one.

    Raises:
        ValueError: the tokenizer has no padding token, or windows of a batch have different fields.
    """

    def __init__(self, tokenizer: Any, pad_to_multiple_of: int | None = None) -> None:
        self.fill = {**padding(tokenizer), "attention_mask": 0, "span_mask": 0}
        self.left = tokenizer.padding_side == "left"
        self.multiple = pad_to_multiple_of or 1

    def __call__(self, features: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Return each field of the windows as a tensor.

        Args:
            features: (batch,) windows, with `input_ids` and any of `attention_mask`, `span_mask`, `token_type_ids`
                (lists over tokens), `start_positions`, `end_positions` (numbers) and others that are as long for each.

        Returns:
            Fields over tokens as (batch, sequence) int64; positions (batch,) int64, moved by what is padded on the
            left; other numbers as they are: floats (batch, …) float32, whole ones int64.
        """
        if any(set(window) != set(features[0]) for window in features):
            raise ValueError(
                f"windows of a batch have different fields: {sorted({name for w in features for name in w})} between "
                "them; give all of them the same, such as zeros for category_probs and -100 for positions"
            )
        lengths = [len(window["input_ids"]) for window in features]
        width = -(-max(lengths) // self.multiple) * self.multiple
        batch = {}
        for name in features[0]:
            column = [window[name] for window in features]
            if name in self.fill:
                padded = np.full((len(column), width), self.fill[name], dtype=np.int64)
                for i, (tokens, length) in enumerate(zip(column, lengths, strict=True)):
                    padded[i, width - length if self.left else 0 :][:length] = tokens
                batch[name] = torch.from_numpy(padded)
                continue
            values = torch.as_tensor(np.array(column))
            batch[name] = values.float() if values.is_floating_point() else values.long()
            if self.left and name in ("start_positions", "end_positions"):
                shift = torch.tensor([width - length for length in lengths])
                batch[name] = torch.where(values >= 0, values + shift, values)
        return batch


def padding(tokenizer: Any) -> dict[str, int]:
    """Return what fills `input_ids` and `token_type_ids`.

    Raises:
        ValueError: the tokenizer has no padding token.
    """
    if tokenizer.pad_token_id is None:
        raise ValueError(
            f"{type(tokenizer).__name__} has no padding token; set one that the model knows, such as "
            "tokenizer.pad_token = tokenizer.unk_token"
        )
    return {"input_ids": tokenizer.pad_token_id, "token_type_ids": tokenizer.pad_token_type_id}


__all__ = ["WindowCollator", "padding"]
