"""Encoders for 512 tokens made into ones for long texts: a Longformer, or the same encoder with more positions."""

import copy
import os
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer, LongformerConfig, LongformerModel, PreTrainedModel

from .sequence_limit import position_count

CONVERTIBLE = frozenset({"bert", "camembert", "roberta", "xlm-roberta"})
POSITIONS = "embeddings.position_embeddings.weight"
SHARED_SETTINGS = (
    "attention_probs_dropout_prob",
    "bos_token_id",
    "eos_token_id",
    "hidden_act",
    "hidden_dropout_prob",
    "hidden_size",
    "initializer_range",
    "intermediate_size",
    "layer_norm_eps",
    "num_attention_heads",
    "num_hidden_layers",
    "pad_token_id",
    "type_vocab_size",
    "vocab_size",
)


def to_longformer(
    source: PreTrainedModel | str | os.PathLike,
    max_length: int = 4096,
    attention_window: int = 512,
    *,
    tokenizer: Any | None = None,
    revision: str | None = None,
    token: str | bool | None = None,
) -> tuple[LongformerModel, Any]:
    """Turn a BERT or RoBERTa into a Longformer (Beltagy et al. 2020, "Longformer: The Long-Document Transformer", §5).

    Its position embeddings are repeated up to `max_length`, and the query, key and value projections of global
    attention start as copies of the local ones. Texts of at most `attention_window / 2 + 1` tokens are encoded as
    before; in longer ones a token sees `attention_window / 2` neighbours on each side, and global tokens see all.

    Args:
        source: an encoder of the classes in `CONVERTIBLE`, its folder, or its name on the Hub. It is left as it is.
        max_length: tokens of the longest text, special tokens included; at least as many as the source takes.
        attention_window: even number of tokens that each token sees around it.
        tokenizer: the encoder's, where `source` is a model; read from `source` otherwise.
        revision: branch, tag or commit on the Hub.
        token: for encoders that are gated.

    Returns:
        The Longformer with the source's weights (its pooler too, where it has one), and a tokenizer whose
        `model_max_length` is `max_length`; None where a model came without one.

    Raises:
        ValueError: the architecture cannot be converted, `max_length` is below the source's, the window is odd or
            not positive, or weights are missing in the checkpoint.

    >>> from transformers import BertConfig, BertModel
    >>> tiny = BertConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
    >>> encoder, _ = to_longformer(BertModel(tiny), max_length=1024, attention_window=64)
    >>> encoder(input_ids=torch.ones(1, 1024, dtype=torch.long)).last_hidden_state.shape
    torch.Size([1, 1024, 32])
    """
    if attention_window < 2 or attention_window % 2:
        raise ValueError(
            f"attention_window is {attention_window}, but half of it lies on each side of a token: give an even "
            "number, such as 256 or 512"
        )
    encoder, tokenizer = _source(source, tokenizer, revision, token)
    old, offset = encoder.config, encoder.config.pad_token_id + 1
    _check_length(encoder, max_length)
    sep = old.eos_token_id if tokenizer is None else tokenizer.sep_token_id
    config = LongformerConfig(
        **{name: getattr(old, name) for name in SHARED_SETTINGS},
        sep_token_id=getattr(old, "sep_token_id", None) if sep is None else sep,
        attention_window=attention_window,
        max_position_embeddings=max_length + offset,
    )
    weights = {}
    for name, value in encoder.state_dict().items():
        weights[name] = value
        for part in ("query", "key", "value"):
            if f".attention.self.{part}." in name:
                weights[name.replace(f".{part}.", f".{part}_global.")] = value
    weights[POSITIONS] = _tiled(encoder, max_length, offset)
    made = LongformerModel(config, add_pooling_layer=encoder.pooler is not None).to(encoder.dtype)
    return _filled(made, weights), _lengthened(tokenizer, max_length)


def extend_positions(
    source: PreTrainedModel | str | os.PathLike,
    max_length: int,
    *,
    tokenizer: Any | None = None,
    revision: str | None = None,
    token: str | bool | None = None,
) -> tuple[PreTrainedModel, Any]:
    """Give a BERT or RoBERTa more positions by repeating those it has; its attention stays full.

    Texts that the source takes are encoded as before. On a CPU this is quicker than a Longformer up to about 4,096
    tokens, but time and memory grow with the square of the length, and there is no global attention to steer.

    Args:
        source: as for `to_longformer`.
        max_length: tokens of the longest text, special tokens included; at least as many as the source takes.
        tokenizer: the encoder's, where `source` is a model; read from `source` otherwise.
        revision: branch, tag or commit on the Hub.
        token: for encoders that are gated.

    Returns:
        An encoder of the source's class, and a tokenizer as in `to_longformer`.

    Raises:
        ValueError: the architecture has no positions to repeat, `max_length` is below the source's, or weights are
            missing in the checkpoint.

    >>> from transformers import BertConfig, BertModel
    >>> tiny = BertConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
    >>> encoder, _ = extend_positions(BertModel(tiny), max_length=1024)
    >>> encoder.config.max_position_embeddings
    1024
    """
    encoder, tokenizer = _source(source, tokenizer, revision, token)
    _check_length(encoder, max_length)
    offset = encoder.config.max_position_embeddings - position_count(encoder.config)
    config = copy.deepcopy(encoder.config)
    config.max_position_embeddings = max_length + offset
    config._name_or_path = ""
    weights = {**encoder.state_dict(), POSITIONS: _tiled(encoder, max_length, offset)}
    made = type(encoder)(config, add_pooling_layer=encoder.pooler is not None).to(encoder.dtype)
    return _filled(made, weights), _lengthened(tokenizer, max_length)


def save_longformer(
    source: PreTrainedModel | str | os.PathLike,
    folder: str | os.PathLike,
    max_length: int = 4096,
    attention_window: int = 512,
    **options: Any,
) -> Path:
    """Convert an encoder and save it with its tokenizer, to be loaded by `AutoModel` and `AutoTokenizer`.

    Args:
        source: as for `to_longformer`.
        folder: where to.
        max_length: as for `to_longformer`.
        attention_window: as for `to_longformer`.
        **options: of `to_longformer`.

    Returns:
        The folder.

    Raises:
        ValueError: as `to_longformer`, or a model came without its tokenizer.
    """
    encoder, tokenizer = to_longformer(source, max_length, attention_window, **options)
    if tokenizer is None:
        raise ValueError("an encoder is saved with its tokenizer; give it: save_longformer(model, …, tokenizer=…)")
    encoder.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return Path(folder)


def _source(source: Any, tokenizer: Any, revision: str | None, token: str | bool | None) -> tuple[Any, Any]:
    """Return an encoder that can be converted, its pooler None where the checkpoint has none, and its tokenizer."""
    if isinstance(source, PreTrainedModel):
        _check_architecture(source.config, type(source).__name__)
        return source.base_model, copy.deepcopy(tokenizer)
    hub = {"revision": revision, "token": token}
    _check_architecture(AutoConfig.from_pretrained(source, **hub), str(source))
    encoder, loading = AutoModel.from_pretrained(source, output_loading_info=True, **hub)
    missing = sorted(loading["missing_keys"])
    if any(key.startswith("pooler.") for key in missing):
        encoder.pooler = None
    missing = [key for key in missing if not key.startswith("pooler.")]
    if missing:
        raise ValueError(
            f"{source} lacks {len(missing)} weights of {type(encoder).__name__} (first: {missing[0]}); is it a "
            "checkpoint of another architecture?"
        )
    return encoder, copy.deepcopy(tokenizer) or AutoTokenizer.from_pretrained(source, **hub)


def _check_architecture(config: Any, name: str) -> None:
    kind = config.model_type
    if kind not in CONVERTIBLE:
        hint = "; it is one already, use it as it is" if kind == "longformer" else ""
        raise ValueError(
            f"{name} has the architecture {kind!r}{hint}. What can be lengthened is {', '.join(sorted(CONVERTIBLE))}: "
            "encoders with learnt absolute positions and full attention"
        )
    if config.is_decoder or getattr(config, "position_embedding_type", "absolute") != "absolute":
        raise ValueError(f"{name} is a decoder, or its positions are relative; give an encoder with absolute ones")
    if config.pad_token_id is None:
        raise ValueError(f"{name} names no pad_token_id, from which positions count; set config.pad_token_id")


def _check_length(encoder: PreTrainedModel, max_length: int) -> None:
    known = position_count(encoder.config)
    if max_length < known:
        raise ValueError(
            f"max_length is {max_length}, but the encoder takes {known} tokens already; give {known} or more (texts "
            "can be cut shorter by the tokenizer)"
        )


def _tiled(encoder: PreTrainedModel, max_length: int, offset: int) -> torch.Tensor:
    """Return (offset + max_length, hidden) positions: the source's, repeated from row `offset` on."""
    table = encoder.state_dict()[POSITIONS]
    known = position_count(encoder.config)
    first, learnt = table[: len(table) - known], table[len(table) - known :]
    head = torch.zeros(offset, table.shape[1], dtype=table.dtype, device=table.device)
    head[: len(first)] = first
    return torch.cat([head, learnt.repeat(-(-max_length // known), 1)[:max_length]])


def _filled(model: PreTrainedModel, weights: dict[str, torch.Tensor]) -> Any:
    """Copy weights into a fresh encoder; buffers of position numbers are its own."""
    wanted = model.state_dict()
    model.load_state_dict({name: value for name, value in weights.items() if name in wanted})
    return model.eval()


def _lengthened(tokenizer: Any, max_length: int) -> Any:
    if tokenizer is not None:
        tokenizer.model_max_length = max_length
    return tokenizer


__all__ = ["CONVERTIBLE", "extend_positions", "save_longformer", "to_longformer"]
