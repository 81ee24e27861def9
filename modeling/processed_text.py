"""What the processor makes of one text, for people to see."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .aligned_text import AlignedText
from .clinical_entities import Entity
from .measurements import Measurement


@dataclass(frozen=True)
class ProcessedText:
    """What the processor makes of one text.

    Attributes:
        text: as the tokenizer reads it; `original`: as it came.
        measurements: in the original's characters, as all spans here.
        entities: those found; `global_entities`: the places in it of those whose tokens attend everywhere.
        tokens: as the model gets them, special ones included.
        offsets: (start, end) of each token in the original; (0, 0) for special tokens.
        global_tokens: places in `tokens` of those that attend everywhere; none without global attention.
        truncated_share: share of the text's tokens that were cut off, 0.0 to 1.0.
    """

    text: str
    original: str
    measurements: list[Measurement]
    entities: list[Entity]
    global_entities: list[int]
    tokens: list[str]
    offsets: list[tuple[int, int]]
    global_tokens: list[int]
    truncated_share: float


def checked_texts(text: Any) -> list[str]:
    """Return one text or several as a list.

    Raises:
        ValueError: it is neither.
    """
    texts = [text] if isinstance(text, str) else text
    if isinstance(texts, bytes | Mapping) or not isinstance(texts, Iterable):
        raise ValueError(f"a {type(text).__name__} came; expected a text (str) or a list of texts")
    texts = list(texts)
    for place, one in enumerate(texts):
        if not isinstance(one, str):
            raise ValueError(f"text {place} is a {type(one).__name__}; expected a text (str), or a list of texts")
    if not texts:
        raise ValueError("no text came; give at least one")
    return texts


def text_tokens(encoding: Any) -> np.ndarray:
    """Return which tokens are the text's own: (sequence,) bool, False for special ones and padding."""
    return (np.array(encoding.special_tokens_mask) == 0) & (np.array(encoding.attention_mask) == 1)


def original_offsets(encoding: Any, aligned: AlignedText) -> list[tuple[int, int]]:
    """Return each token's characters in the original text; (0, 0) for special tokens and padding."""
    own = text_tokens(encoding)
    offsets = aligned.to_original_spans(np.array(encoding.offsets).reshape(-1, 2))
    return list(map(tuple, (offsets * own[:, None]).tolist()))


__all__ = ["ProcessedText", "checked_texts", "original_offsets", "text_tokens"]
