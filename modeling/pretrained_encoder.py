"""Encoders with their pretrained weights, to put fresh heads on."""

import copy
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel


def pretrained_encoder(
    name_or_path: str,
    *,
    model_class: type[PreTrainedModel],
    revision: str | None = None,
    token: str | bool | None = None,
    trust_remote_code: bool = False,
    encoder_overrides: dict[str, Any] | None = None,
    dtype: torch.dtype = torch.float32,
) -> PreTrainedModel:
    """Return an encoder with its weights, without a pooler, and with no path in its configuration.

    Args:
        name_or_path: the encoder on the Hub, or its folder.
        model_class: of the model that is to be built on it, which is no encoder itself.
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
    if config.model_type == model_class.config_class.model_type:
        raise ValueError(
            f"{name_or_path} is already a {model_class.__name__}, not an encoder; load it with "
            f"{model_class.__name__}.from_pretrained({str(name_or_path)!r}), or name the encoder it was made from"
        )
    config = changed_config(config, encoder_overrides)
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


def changed_config(config: PreTrainedConfig, overrides: dict[str, Any] | None) -> PreTrainedConfig:
    """Return a copy of an encoder's configuration with other settings.

    Raises:
        ValueError: a setting is unknown.
    """
    changed = copy.deepcopy(config)
    for key, value in (overrides or {}).items():
        if not hasattr(config, key):
            raise ValueError(f"{type(config).__name__} has no setting {key!r}")
        setattr(changed, key, value)
    return changed


def drop_pooler(encoder: nn.Module) -> None:
    """Remove an encoder's own pooler: it would be trained by nothing, which distributed training refuses."""
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None


__all__ = ["changed_config", "drop_pooler", "pretrained_encoder"]
