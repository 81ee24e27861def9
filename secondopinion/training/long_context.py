"""What long texts ask of an encoder: more positions, global attention, and a processor that says where it goes."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from ..core.files import atomic_folder
from ..modeling.longformer_conversion import extend_positions, to_longformer
from ..modeling.sequence_limit import position_count
from ..scoring.batches import padding_multiple
from .encoders import resolve_encoder
from .recipe import EncoderSpec, Recipe


def lengthened_encoder(spec: EncoderSpec) -> Any:
    """Return a recipe's encoder, converted as its `long_context` says, for `max_length` tokens or more.

    Raises:
        InputError: its architecture cannot be converted.
    """
    return _converted(spec, max(spec.max_length, position_count(encoder_config(spec)) or 0))[0]


def convert_encoder(spec: EncoderSpec, output: str | os.PathLike) -> Path:
    """Convert an encoder as a spec's `long_context` says and write it, with its tokenizer, whole or not at all.

    Args:
        spec: names the encoder, `long_context`, `max_length` and, for a Longformer, `attention_window`.
        output: the folder to write.

    Raises:
        InputError: the encoder cannot be converted, or something is at `output`.
    """
    output = Path(output)
    if output.exists():
        raise InputError(f"{output} is there already; give another --output")
    encoder, tokenizer = _converted(spec, spec.max_length)
    with atomic_folder(output) as temporary:
        encoder.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
    return output


def _converted(spec: EncoderSpec, length: int) -> tuple[Any, Any]:
    source = resolve_encoder(spec).location
    try:
        if spec.long_context == "longformer":
            return to_longformer(source, length, spec.attention_window, revision=spec.revision)
        return extend_positions(source, length, revision=spec.revision)
    except (OSError, ValueError) as error:
        raise InputError(f"{spec.encoder} cannot be made a {spec.long_context} encoder: {error}") from error


def encoder_config(spec: EncoderSpec) -> Any:
    """Return the configuration of a recipe's encoder as it comes.

    Raises:
        InputError: there is none.
    """
    from transformers import AutoConfig

    location = resolve_encoder(spec).location
    try:
        return AutoConfig.from_pretrained(location, revision=spec.revision, trust_remote_code=spec.trust_remote_code)
    except (OSError, ValueError) as error:
        raise InputError(f"the encoder {spec.encoder} cannot be used: {error}") from error


def load_processor(spec: EncoderSpec, tokenizer: Any) -> Any:
    """Return the recipe's processor around a tokenizer; the tokenizer itself where the recipe has none."""
    if spec.processor is None:
        return tokenizer
    from ..modeling import ClinicalProcessor

    try:
        return ClinicalProcessor(tokenizer, **spec.processor.options())
    except (OSError, ValueError) as error:
        raise InputError(f"the recipe's processor cannot be made: {error}") from error


def plain_tokenizer(processor: Any) -> Any:
    """Return the tokenizer inside a processor; a tokenizer as it is."""
    return getattr(processor, "tokenizer", processor)


def padding_collator(processor: Any, model: Any) -> Any:
    """Return what makes a padded batch of tokenised rows, their masks of global attention included.

    Args:
        processor: or tokenizer.
        model: for which; the batches of a Longformer that pads to its window are whole windows.
    """
    multiple = padding_multiple(model)
    if plain_tokenizer(processor) is processor:
        from transformers import DataCollatorWithPadding

        return DataCollatorWithPadding(processor, pad_to_multiple_of=multiple if multiple > 1 else None)
    from ..modeling import GlobalAttentionCollator

    return GlobalAttentionCollator(processor, pad_to_multiple_of=multiple)


def save_with_processor(model: Any, processor: Any, folder: Path) -> None:
    """Write a classifier and its processor, for `AutoProcessor` and the pipeline that makes the processor's mask."""
    from ..modeling import ClinicalTextClassificationPipeline

    ClinicalTextClassificationPipeline(model=model, processor=processor).save_pretrained(folder)


def check_processor(recipe: Recipe) -> None:
    """Check that encoder and processor of a recipe fit, before anything is written.

    Raises:
        InputError: the processor makes a mask that the encoder does not take, or the recipe has a `joint` section.
    """
    spec = recipe.model
    if spec.processor is None:
        return
    if recipe.joint is not None:
        raise InputError(
            "joint: a policy is trained along with a classifier that reads plain text; leave model.processor out, or "
            "the joint section"
        )
    if spec.processor.global_attention and not has_global_attention(spec):
        raise InputError(
            f"{spec.encoder} takes no mask of global attention: that mask is Longformer's. Set "
            "model.processor.global_attention: false to train the same recipe without it, or model.long_context: "
            "longformer to convert a BERT or RoBERTa"
        )


def has_global_attention(spec: EncoderSpec) -> bool:
    """Whether a recipe's encoder, as it will be trained, takes `global_attention_mask`.

    >>> has_global_attention(EncoderSpec(long_context="longformer"))
    True
    """
    if spec.long_context is not None:
        return spec.long_context == "longformer"
    from transformers import AutoModel

    known = AutoModel._model_mapping
    config = encoder_config(spec)
    if type(config) not in known:
        return True  # code of its own; the model itself refuses a mask that it does not take
    return "global_attention_mask" in inspect.signature(known[type(config)].forward).parameters


__all__ = [
    "check_processor",
    "convert_encoder",
    "encoder_config",
    "has_global_attention",
    "lengthened_encoder",
    "load_processor",
    "padding_collator",
    "plain_tokenizer",
    "save_with_processor",
]
