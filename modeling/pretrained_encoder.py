"""Encoders with their pretrained weights, to put fresh heads on."""

from typing import Any

import torch
from transformers import AutoConfig, AutoModel, PreTrainedModel

from .modeling_pooled_encoder import drop_pooler


def pretrained_encoder(
    name_or_path: str,
    *,
    not_model_type: str,
    revision: str | None = None,
    token: str | bool | None = None,
    trust_remote_code: bool = False,
    encoder_overrides: dict[str, Any] | None = None,
    dtype: torch.dtype = torch.float32,
) -> PreTrainedModel:
    """Return an encoder with its weights, without a pooler, and with no path in its configuration.

    Args:
        name_or_path: the encoder on the Hub, or its folder.
        not_model_type: of the model that is to be built on it, which is no encoder itself.
        revision: branch, tag or commit of the encoder.
        token: for encoders that are gated.
        trust_remote_code: whether code in the encoder's repository may run.
        encoder_overrides: settings of the encoder's configuration to change (dropout, for example).
        dtype: of the weights.

    Raises:
        ValueError: the repository holds no encoder, or weights are missing in it, or a setting is unknown.
    """
    hub = {"revision": revision, "token": token, "trust_remote_code": trust_remote_code}
    config = AutoConfig.from_pretrained(name_or_path, **hub)
    if config.model_type == not_model_type:
        raise ValueError(
            f"{name_or_path} is already a {not_model_type} model, not an encoder; load it with from_pretrained, or "
            "name the encoder it was made from"
        )
    for key, value in (encoder_overrides or {}).items():
        if not hasattr(config, key):
            raise ValueError(f"{type(config).__name__} has no setting {key!r}")
        setattr(config, key, value)
    encoder, loading = AutoModel.from_pretrained(
        name_or_path, config=config, dtype=dtype, output_loading_info=True, **hub
    )
    missing = sorted(key for key in loading["missing_keys"] if not key.startswith("pooler."))
    if missing:
        raise ValueError(
            f"{name_or_path} lacks {len(missing)} weights of {type(encoder).__name__} (first: {missing[0]}); "
            "is it a checkpoint of another architecture?"
        )
    drop_pooler(encoder)
    encoder.config._name_or_path = config._name_or_path = ""
    return encoder


__all__ = ["pretrained_encoder"]
