"""Texts as arrays of tokens, in little memory, and batches of them padded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.errors import InputError

# So many characters hold a token many times over; of a longer text only the beginning is looked at first.
CHARACTERS_PER_TOKEN = 64
TEXTS_AT_ONCE = 256


@dataclass(frozen=True)
class LongTexts:
    """What is done with texts that are longer than the model reads.

    Attributes:
        how: `cut` (the end is dropped, as in training), or the text is read in overlapping windows, whose logits are
            combined to one row: `mean`, or `max` of each output.
        stride: tokens that neighbouring windows share.

    Raises:
        InputError: `how` is another word, or the stride is negative.
    """

    how: str = "cut"
    stride: int = 64

    def __post_init__(self) -> None:
        if self.how not in ("cut", "mean", "max"):
            raise InputError(f"long texts can be handled by cut, mean or max, not {self.how!r}")
        if self.stride < 0:
            raise InputError(f"the stride is {self.stride}; expected 0 or more tokens")

    def pooled(self, rows: np.ndarray, owners: np.ndarray, texts: int) -> np.ndarray:
        """Return one row a text of the rows of its windows.

        Args:
            rows: (windows, …) outputs.
            owners: (windows,) the text of each, rising.
            texts: how many there are.

        >>> LongTexts("mean").pooled(np.array([[1.0], [3.0], [5.0]]), np.array([0, 0, 1]), 2).tolist()
        [[2.0], [5.0]]
        """
        if not texts:
            return rows[:0]
        starts = np.searchsorted(owners, np.arange(texts))
        if self.how == "max":
            return np.maximum.reduceat(rows, starts, axis=0)
        counts = np.bincount(owners, minlength=texts).reshape(-1, *[1] * (rows.ndim - 1))
        return (np.add.reduceat(rows, starts, axis=0) / counts).astype(rows.dtype)


@dataclass
class EncodedTexts:
    """Tokenised texts.

    Attributes:
        columns: field of the tokenizer → a (tokens,) int32 array for each row. Masks that are all ones, and token types
            that are all zero, are left out: padding a batch makes them.
        lengths: (rows,) tokens of each row.
        truncated: (rows,) whether the text was longer than what is kept.
        owners: (rows,) the text that each row is a window of; None where rows are texts.
        texts: how many there are.
    """

    columns: dict[str, list[np.ndarray]]
    lengths: np.ndarray
    truncated: np.ndarray
    owners: np.ndarray | None
    texts: int


class TextEncoder:
    """Turns texts into tokens as a model was trained to read them.

    Args:
        reader: a tokenizer, or a processor.
        max_length: tokens kept of each text, or of each window.
        long_texts: what is done with longer ones.

    Raises:
        InputError: windows are asked for, and the reader makes none.
    """

    def __init__(self, reader: Any, max_length: int | None, long_texts: LongTexts | None = None) -> None:
        self.reader, self.max_length = reader, max_length
        self.long_texts = long_texts or LongTexts()
        self.names = [name for name in reader.model_input_names if name != "position_ids"]
        if self.long_texts.how != "cut":
            if not getattr(reader, "is_fast", False):
                raise InputError(
                    f"{type(reader).__name__} cuts no text into windows; leave --long out, or give a model with a fast "
                    "tokenizer of its own"
                )
            if max_length is None or self.long_texts.stride >= max_length - 2:
                raise InputError(
                    f"windows of {max_length} tokens cannot share {self.long_texts.stride}; give a smaller --stride"
                )

    def __call__(self, texts: Sequence[str]) -> EncodedTexts:
        """Return the tokens of texts, tokenised by several threads where the tokenizer has them."""
        columns: dict[str, list[np.ndarray]] = {}
        truncated: list[bool] = []
        owners: list[int] = []
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            self._add(texts[start : start + TEXTS_AT_ONCE], start, columns, truncated, owners)
        lengths = np.array([len(row) for row in columns.get("input_ids", ())], dtype=np.int64)
        for name, filler in (("attention_mask", 1), ("token_type_ids", 0)):
            if name in columns and all((row == filler).all() for row in columns[name]):
                columns[name] = []
        windows = np.array(owners) if self.long_texts.how != "cut" else None
        return EncodedTexts(columns, lengths, np.array(truncated, dtype=bool), windows, len(texts))

    def _add(
        self,
        texts: Sequence[str],
        start: int,
        columns: dict[str, list[np.ndarray]],
        truncated: list[bool],
        owners: list[int],
    ) -> None:
        limit = self.max_length
        begun = [self._beginning(text) for text in texts]
        options: dict[str, Any] = {"truncation": limit is not None, "max_length": limit}
        if self.long_texts.how != "cut":
            options |= {"return_overflowing_tokens": True, "stride": self.long_texts.stride}
        encoded = self.reader(begun, **options)
        rows = len(encoded["input_ids"])
        for name in self.names:
            if name in encoded:
                columns.setdefault(name, []).extend(np.asarray(row, dtype=np.int32) for row in encoded[name])
        if self.long_texts.how != "cut":
            owners.extend(start + int(text) for text in encoded["overflow_to_sample_mapping"])
            truncated.extend([False] * rows)
            return
        parts = getattr(encoded, "encodings", None)
        for place, text in enumerate(texts):
            full = limit is not None and len(encoded["input_ids"][place]) >= limit
            cut = full and (begun[place] is not text or bool(parts[place].overflowing) if parts else full)
            truncated.append(bool(cut))

    def _beginning(self, text: str) -> str:
        """Return a text, or as much of its beginning as surely holds every token that is kept of it."""
        limit = self.max_length
        if limit is None or self.long_texts.how != "cut" or getattr(self.reader, "truncation_side", "") != "right":
            return text
        end = limit * CHARACTERS_PER_TOKEN
        while end < len(text):
            begun = (text[:end].rsplit(None, 1) or [""])[0]
            encoded = self.reader(begun, truncation=True, max_length=limit, return_offsets_mapping=True)
            used = max((int(stop) for _, stop in encoded["offset_mapping"]), default=0)
            if len(encoded["input_ids"]) >= limit and used < len(begun) // 2:
                return begun
            end *= 4
        return text


class Padder:
    """Pads rows of tokens to batches as `reader.pad` does, without its detours.

    Args:
        reader: a tokenizer, or a processor.
        multiple: of which a batch's width is made one.
    """

    def __init__(self, reader: Any, multiple: int = 1) -> None:
        self.left = getattr(reader, "padding_side", "right") == "left"
        self.multiple = multiple
        self.fill = {
            "input_ids": getattr(reader, "pad_token_id", None) or 0,
            "token_type_ids": getattr(reader, "pad_token_type_id", None) or 0,
        }

    def __call__(self, encoded: EncodedTexts, rows: Sequence[int]) -> dict[str, np.ndarray]:
        """Return the (batch, width) int64 inputs of a model for some rows."""
        lengths = encoded.lengths[list(rows)]
        width = -(-int(lengths.max(initial=1)) // self.multiple) * self.multiple
        batch = {}
        for name, column in encoded.columns.items():
            filler = self.fill.get(name, 0)
            if not column:
                inside = (
                    np.arange(width) >= width - lengths[:, None] if self.left else np.arange(width) < lengths[:, None]
                )
                batch[name] = inside.astype(np.int64) if name == "attention_mask" else np.where(inside, 0, filler)
                continue
            padded = np.full((len(rows), width), filler, dtype=np.int64)
            for place, row in enumerate(rows):
                values = column[row]
                if self.left:
                    padded[place, width - len(values) :] = values
                else:
                    padded[place, : len(values)] = values
            batch[name] = padded
        return batch


def merged(parts: Sequence[EncodedTexts]) -> EncodedTexts:
    """Return encoded texts as if they had been encoded together."""
    if len(parts) == 1:
        return parts[0]
    columns: dict[str, list[np.ndarray]] = {}
    for name in parts[0].columns if parts else ():
        if all(not part.columns[name] for part in parts):
            columns[name] = []
            continue
        filler = 1 if name == "attention_mask" else 0
        columns[name] = [
            row
            for part in parts
            for row in part.columns[name] or (np.full(length, filler, np.int32) for length in part.lengths)
        ]
    counts = np.cumsum([0, *(part.texts for part in parts)])
    windows = bool(parts) and parts[0].owners is not None
    return EncodedTexts(
        columns,
        np.concatenate([part.lengths for part in parts]) if parts else np.zeros(0, dtype=np.int64),
        np.concatenate([part.truncated for part in parts]) if parts else np.zeros(0, dtype=bool),
        np.concatenate([part.owners + start for part, start in zip(parts, counts, strict=False)]) if windows else None,
        int(counts[-1]),
    )


__all__ = ["EncodedTexts", "LongTexts", "Padder", "TextEncoder", "merged"]
