"""Lower layers and embeddings that keep their pretrained weights, with no backward pass through them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ..core.errors import InputError
from ..modeling.branching import find_layers, without_cache
from .long_context import encoder_config
from .recipe import EncoderSpec, Recipe


def check_frozen(recipe: Recipe) -> None:
    """Check that what a recipe freezes is there and leaves something to train, before anything is written.

    Args:
        recipe: of an encoder, whatever its task.

    Raises:
        InputError: the encoder has fewer layers, they cannot be found, none is left for an adapter, or a processor
            adds tokens whose embeddings would never be trained.
    """
    frozen_layers = recipe.model.frozen_layers
    if not frozen_layers and not recipe.model.frozen_embeddings:
        return
    from transformers import AutoModel

    spec: EncoderSpec = getattr(recipe.model, "source", recipe.model)
    config = encoder_config(spec)
    try:
        with torch.device("meta"):
            encoder = AutoModel.from_config(config, trust_remote_code=spec.trust_remote_code)
        layers = find_layers(encoder)[1]
    except ValueError:
        raise InputError(
            f"the layers of {spec.encoder} ({config.model_type}) cannot be told apart, so none can be frozen; leave "
            "model.frozen_layers and model.frozen_embeddings out"
        ) from None
    if frozen_layers > len(layers):
        raise InputError(
            f"model: frozen_layers is {frozen_layers}, but {spec.encoder} has {len(layers)} layers; give "
            f"{len(layers)} to train the head alone, or fewer"
        )
    if recipe.model.lora and frozen_layers == len(layers):
        raise InputError(
            f"model: lora puts an adapter on the layers above frozen_layers, but all {frozen_layers} layers of "
            f"{spec.encoder} are frozen; freeze fewer, or leave lora out"
        )
    if spec.processor is not None and spec.processor.value_buckets:
        raise InputError(
            "model.processor: value_buckets adds tokens, and the embeddings that would learn them are frozen; leave "
            "value_buckets out, or model.frozen_layers and model.frozen_embeddings"
        )


def freeze(encoder: Any, layers: int, embeddings: bool) -> int:
    """Freeze the lowest layers of an encoder and all that feeds them, in place; return how many weights that is.

    What the lowest layer that learns reads is then computed from frozen weights alone, so that autograd keeps nothing
    of what is below. Which weights those are is asked of autograd itself: embeddings, projections of them, relative
    positions that all layers share, a convolution between layers.

    Args:
        encoder: branched or not.
        layers: how many of the lowest.
        embeddings: whether the embeddings are frozen, with `layers` of 0 too.

    >>> from transformers import AutoModel, BertConfig
    >>> tiny = AutoModel.from_config(BertConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
    ...                                         intermediate_size=64, vocab_size=50))
    >>> frozen = freeze(tiny, 1, embeddings=False)
    >>> sorted({name.split(".")[0] for name, weight in tiny.named_parameters() if not weight.requires_grad})
    ['embeddings', 'encoder']
    >>> all(weight.requires_grad for weight in tiny.encoder.layer[1].parameters())
    True
    """
    if not layers and not embeddings:
        return 0
    with torch.device("meta"):  # an encoder with branches is not searched for its layers
        path = find_layers(type(encoder)(encoder.config))[0]
    modules = encoder.get_submodule(path)
    below = [weight for module in modules[:layers] for weight in module.parameters()]
    frozen = {id(weight): weight for weight in [*below, *_feeding(encoder, modules, layers)]}
    for weight in frozen.values():
        weight.requires_grad_(False)
    return sum(weight.numel() for weight in frozen.values())


def _feeding(encoder: Any, modules: nn.ModuleList, layers: int) -> list[nn.Parameter]:
    """Return the weights on which what enters the layer above the lowest `layers` depends."""
    entered: list[torch.Tensor] = []
    if layers < len(modules):
        handle = modules[layers].register_forward_pre_hook(
            lambda _, args, kwargs: entered.append(args[0] if args else kwargs["hidden_states"]), with_kwargs=True
        )
    else:
        handle = modules[-1].register_forward_hook(
            lambda _, args, output: entered.append(output[0] if isinstance(output, tuple) else output)
        )
    training = encoder.training
    ids = torch.arange(10, 15)[None] % encoder.config.vocab_size
    weights = list(encoder.parameters())
    try:
        with torch.enable_grad():
            inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
            encoder.eval()(**inputs, **without_cache(encoder))
            found = torch.autograd.grad(entered[0].sum(), weights, allow_unused=True)
    finally:
        handle.remove()
        encoder.train(training)
    return [weight for weight, gradient in zip(weights, found, strict=True) if gradient is not None]


__all__ = ["check_frozen", "freeze"]
