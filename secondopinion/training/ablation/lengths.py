"""How long the texts are, uncut, in the unit that a recipe's model counts in."""

from __future__ import annotations

import numpy as np

from ..data import TrainingData
from ..recipe import EncoderSpec, Recipe

_BATCH = 256


def text_lengths(recipe: Recipe, data: TrainingData) -> tuple[np.ndarray, str]:
    """Return (rows,) lengths and their unit: tokens of the encoder's tokenizer, words for a model without one.

    Args:
        recipe: the baseline's.
        data: the rows.
    """
    if not isinstance(recipe.model, EncoderSpec):
        return np.array([len(text.split()) for text in data.texts()]), "words"
    from transformers import AutoTokenizer

    from ..encoders import resolve_encoder

    spec = recipe.model
    tokenizer = AutoTokenizer.from_pretrained(
        resolve_encoder(spec).location, revision=spec.revision, trust_remote_code=spec.trust_remote_code
    )
    texts, lengths = data.texts(), []
    for start in range(0, len(texts), _BATCH):
        encoded = tokenizer(texts[start : start + _BATCH], truncation=False, verbose=False)
        lengths += [len(ids) for ids in encoded["input_ids"]]
    return np.array(lengths), "tokens"
