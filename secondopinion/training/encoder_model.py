"""The model of phase 2 before it is trained: a pretrained encoder, converted where the recipe says so, and a head."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.files import atomic_folder, read_json, write_json
from ..modeling import PooledEncoderForSequenceClassification
from ..modeling.sequence_limit import position_count
from .data import TrainingData
from .encoders import resolve_encoder
from .long_context import lengthened_encoder, plain_tokenizer
from .processes import process_place
from .recipe import EncoderSpec, LoraSpec, Recipe

ADAPTER_CONFIG = "adapter_config.json"


def build_model(recipe: Recipe, data: TrainingData, labels: np.ndarray) -> Any:
    """Return the pretrained encoder with a fresh head for the data's problem, weighed by the training rows' labels."""
    import torch
    from transformers import set_seed

    spec: EncoderSpec = recipe.model
    location = resolve_encoder(spec).location
    source = location if spec.long_context is None else lengthened_encoder(spec)
    set_seed(recipe.training.seed)
    try:
        model = PooledEncoderForSequenceClassification.from_encoder(
            source,
            revision=spec.revision,
            trust_remote_code=spec.trust_remote_code,
            encoder_overrides={} if torch.cuda.is_available() else cpu_overrides(location, spec),
            pooling=spec.pooling,
            classifier_dropout=spec.classifier_dropout,
            id2label=dict(enumerate(data.label_names)),
            label2id={name: i for i, name in enumerate(data.label_names)},
            problem_type=data.problem.problem_type,
            **data.problem.head(labels, spec.class_weights == "inverse_frequency"),
        )
    except (OSError, ValueError) as error:
        raise InputError(f"the encoder {spec.encoder} cannot be used: {error}") from error
    longest = position_count(model.config.encoder_config)
    if longest and spec.max_length > longest:
        raise InputError(
            f"max_length is {spec.max_length}, but {spec.encoder} has positions for {longest} tokens; "
            "lower max_length, set long_context to convert a BERT or RoBERTa, or choose an encoder for longer texts"
        )
    return model


def add_tokens(model: Any, tokenizer: Any) -> None:
    """Give the encoder a place for each token that a processor added to its tokenizer."""
    size = len(plain_tokenizer(tokenizer))
    if size > model.encoder.config.vocab_size:
        model.encoder.resize_token_embeddings(size)
        model.config.encoder_config.vocab_size = size


def cpu_overrides(location: str, spec: EncoderSpec) -> dict[str, Any]:
    """Return encoder settings for training on a CPU: attention dropout forces a slow path of attention there."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(location, revision=spec.revision, trust_remote_code=spec.trust_remote_code)
    names = ("attention_probs_dropout_prob", "attention_dropout")
    return {name: 0.0 for name in names if getattr(config, name, None)}


def add_lora(model: Any, recipe: Recipe) -> Any:
    """Wrap a model in a LoRA adapter on every linear layer of its encoder; head and policy are trained in full.

    Raises:
        InputError: `peft` is not installed.
    """
    if recipe.joint is None:
        return lora_adapter(model, recipe.model.lora, "encoder.", ["classifier"], task_type="SEQ_CLS")
    # For SEQ_CLS peft trains whatever is called "classifier" in full: around a policy that is encoder and head.
    return lora_adapter(model, recipe.model.lora, "classifier.encoder.", ["classifier.classifier", "policy.head"])


def keep_base(model: Any, folder: Path) -> None:
    """Save a model as it is before its adapter is trained, unless an earlier fold did: seed and weights are the same.

    An adapter is nothing without it: another encoder of the same name would have another head.
    """
    if process_place().is_main_process and not folder.exists():
        with atomic_folder(folder) as temporary:
            model.save_pretrained(temporary)


def save_adapter(model: Any, folder: Path) -> None:
    """Save the adapter of a model, heads included, without a path to its base."""
    # peft would ask the Hub for the base's configuration to see whether embeddings were trained; they never are.
    model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)
    config = read_json(folder / ADAPTER_CONFIG)
    write_json(folder / ADAPTER_CONFIG, config | {"base_model_name_or_path": None})


def lora_adapter(model: Any, spec: LoraSpec, encoder: str, heads: list[str], task_type: str | None = None) -> Any:
    """Wrap a model in a LoRA adapter on every linear layer of its encoder that is not frozen.

    Args:
        model: to wrap.
        spec: rank, scale and dropout.
        encoder: what the names of the encoder's modules begin with.
        heads: modules that are trained in full.
        task_type: as peft names it.

    Raises:
        InputError: `peft` is not installed.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError:
        raise InputError("a recipe with 'lora' needs peft: pip install 'secondopinion[peft]'") from None
    from torch import nn

    config = LoraConfig(
        task_type=task_type,
        r=spec.r,
        lora_alpha=spec.alpha,
        lora_dropout=spec.dropout,
        target_modules=[
            name
            for name, module in model.named_modules()
            if isinstance(module, nn.Linear) and name.startswith(encoder) and module.weight.requires_grad
        ],
        modules_to_save=heads,
    )
    return get_peft_model(model, config)
