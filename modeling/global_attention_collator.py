"""Rows of different lengths as one batch, their global attention masks with them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from transformers import BatchEncoding

from .window_collator import padding

GLOBAL_MASK = "global_attention_mask"
BY_TOKEN = ("input_ids", "attention_mask", "token_type_ids", "special_tokens_mask", GLOBAL_MASK)
LABELS = ("label", "label_ids")


class GlobalAttentionCollator:
    """Makes a batch of rows as `ClinicalProcessor` (or a tokenizer) gives them, padded on the tokenizer's side.

    >>> from types import SimpleNamespace
    >>> tokenizer = SimpleNamespace(pad_token_id=9, pad_token_type_id=0, padding_side="right")
    >>> rows = [{"input_ids": [5, 6], "global_attention_mask": [1, 0], "label": 1},
    ...         {"input_ids": [5], "global_attention_mask": [1], "label": 0}]
    >>> batch = GlobalAttentionCollator(tokenizer, pad_to_multiple_of=4)(rows)
    >>> batch["global_attention_mask"].tolist(), batch["labels"].tolist()
    ([[1, 0, 0, 0], [1, 0, 0, 0]], [1, 0])

    Args:
        processor_or_tokenizer: names the padding token, its type and its side.
        pad_to_multiple_of: of which the batch's length is to be one; for Longformer its attention window, where the
            model would otherwise pad once more.

    Raises:
        ValueError: the tokenizer has no padding token; rows are none, have different fields, or a field of a row is
            longer or shorter than its `input_ids`.
    """

    def __init__(self, processor_or_tokenizer: Any, pad_to_multiple_of: int | None = None) -> None:
        fillers(processor_or_tokenizer)
        self.tokenizer, self.pad_to_multiple_of = processor_or_tokenizer, pad_to_multiple_of

    def __call__(self, features: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Return each field of the rows as a tensor.

        Args:
            features: (batch,) rows with `input_ids` and any of `attention_mask` (ones by default), `token_type_ids`,
                `special_tokens_mask`, `global_attention_mask` (lists over tokens); `label` or `labels`, and other
                fields of numbers that are of one shape in all rows.

        Returns:
            Fields over tokens as (batch, sequence) int64; `labels` and other fields (batch, …): floats float32, whole
            ones int64.
        """
        padded = pad_rows(self.tokenizer, features, pad_to_multiple_of=self.pad_to_multiple_of)
        batch = {}
        for name, column in padded.items():
            try:
                values = torch.as_tensor(np.array([np.asarray(value) for value in column]))
            except (ValueError, TypeError) as error:
                raise ValueError(
                    f"the field {name!r} cannot be made a tensor: its rows differ in shape or hold no numbers; remove "
                    f"it from the rows (dataset.remove_columns({name!r}))"
                ) from error
            batch["labels" if name in LABELS else name] = (
                values.float() if values.is_floating_point() else values.long()
            )
        return batch


def fillers(tokenizer: Any) -> dict[str, int]:
    """Return what fills each field over tokens.

    Raises:
        ValueError: the tokenizer has no padding token.
    """
    return dict.fromkeys(BY_TOKEN, 0) | padding(tokenizer) | {"special_tokens_mask": 1}


def pad_rows(
    tokenizer: Any,
    features: Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Any]],
    width: int | None = None,
    pad_to_multiple_of: int | None = None,
    side: str | None = None,
) -> dict[str, list[Any]]:
    """Return the columns of rows, those over tokens padded to one length; of one row its fields.

    Args:
        tokenizer: names the padding token, its type and its side.
        features: rows, columns of them, or one row.
        width: the length; by default that of the longest row.
        pad_to_multiple_of: of which the length is made one.
        side: in place of the tokenizer's.

    Raises:
        ValueError: as `GlobalAttentionCollator`.
    """
    if isinstance(features, Mapping | BatchEncoding) and np.ndim(features.get("input_ids", [[0]])[0]) == 0:
        row = pad_rows(tokenizer, [features], width, pad_to_multiple_of, side)
        return {name: column[0] for name, column in row.items()}
    rows = _rows(features)
    fill = fillers(tokenizer)
    left = (side or tokenizer.padding_side) == "left"
    lengths = [len(row["input_ids"]) for row in rows]
    width = max(max(lengths), width or 0)
    width = -(-width // (pad_to_multiple_of or 1)) * (pad_to_multiple_of or 1)
    columns: dict[str, list[Any]] = {}
    for name in rows[0]:
        columns[name] = column = []
        for i, (row, length) in enumerate(zip(rows, lengths, strict=True)):
            value = row[name]
            if name in fill:
                value = _list(value)
                if len(value) != length:
                    raise ValueError(
                        f"row {i}: {name} has {len(value)} entries for {length} input_ids; each token needs one. Take "
                        "both from one call of the processor, with the same truncation and max_length"
                    )
                padding = [fill[name]] * (width - length)
                value = padding + value if left else value + padding
            column.append(value)
    if "attention_mask" not in columns:
        columns["attention_mask"] = [
            [0] * (width - n) + [1] * n if left else [1] * n + [0] * (width - n) for n in lengths
        ]
    return columns


def _rows(features: Any) -> list[Mapping[str, Any]]:
    if isinstance(features, Mapping | BatchEncoding):
        columns = {name: _list(column) for name, column in features.items()}
        if len({len(column) for column in columns.values()}) > 1:
            raise ValueError(f"columns of different lengths: { {name: len(c) for name, c in columns.items()} }")
        features = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    rows = list(features)
    if not rows:
        raise ValueError("no row to make a batch of; give at least one")
    names = set(rows[0])
    for i, row in enumerate(rows):
        if set(row) != names:
            differing = sorted(set(row) ^ names)
            raise ValueError(f"row {i} and row 0 have different fields: {differing}; give all rows the same")
    if "input_ids" not in names:
        raise ValueError(f"rows have {sorted(names)} and no input_ids; call the processor on the texts first")
    return rows


def _list(values: Any) -> list[Any]:
    return values.tolist() if hasattr(values, "tolist") else list(values)


__all__ = ["GlobalAttentionCollator", "pad_rows"]
