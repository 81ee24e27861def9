"""How many tokens a model holds."""

from typing import Any

NO_LIMIT = 1_000_000
COUNTS_FROM_PADDING = frozenset({"roberta", "xlm-roberta", "camembert", "longformer", "mpnet", "roberta-prelayernorm"})


def position_count(config: Any) -> int | None:
    """Return how many tokens an encoder's positions are for; None where it has no table of them.

    >>> from transformers import RobertaConfig
    >>> position_count(RobertaConfig(max_position_embeddings=514, pad_token_id=1))
    512
    """
    rows = getattr(config, "max_position_embeddings", None)
    if rows and config.model_type in COUNTS_FROM_PADDING:
        return rows - config.pad_token_id - 1
    return rows


def longest_sequence(config: Any, tokenizer: Any = None) -> int | None:
    """Return how many tokens model and tokenizer hold, or None where neither sets a limit.

    >>> from transformers import LongformerConfig
    >>> longest_sequence(LongformerConfig(max_position_embeddings=4098, pad_token_id=1))
    4096
    """
    limits = [getattr(tokenizer, "model_max_length", None), getattr(config, "max_length", None)]
    while config is not None:
        limits.append(position_count(config))
        config = getattr(config, "classifier_config", None) or getattr(config, "encoder_config", None)
    limits = [int(limit) for limit in limits if limit and limit < NO_LIMIT]
    return min(limits) if limits else None


__all__ = ["NO_LIMIT", "longest_sequence", "position_count"]
