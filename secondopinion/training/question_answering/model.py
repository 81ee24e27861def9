"""The pretrained encoder with the heads of a recipe, and its tokenizer."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from ...core.errors import InputError
from ..encoder import load_tokenizer
from ..encoder_model import cpu_overrides
from ..encoders import resolve_encoder
from ..qa_recipe import QuestionAnsweringRecipe, QuestionAnsweringSpec
from ..recipe import Recipe

HEADS = ("qa_outputs", "classifier", "uncertainty_weighting")


def question_tokenizer(recipe: QuestionAnsweringRecipe) -> Any:
    """Return the tokenizer of a recipe's encoder, with `model_max_length` at the recipe's windows.

    Raises:
        InputError: it has no padding token, or is not a fast one.
    """
    tokenizer = load_tokenizer(Recipe(recipe.name, model=recipe.model.source))
    if not tokenizer.is_fast:
        raise InputError(
            f"the tokenizer of {recipe.model.encoder} gives no character offsets, so an answer could not be found in "
            "the text; choose an encoder with a fast tokenizer (tokenizer.json)"
        )
    return tokenizer


def build_model(recipe: QuestionAnsweringRecipe, *, reads_context: bool = True) -> Any:
    """Return the pretrained encoder with fresh heads, in fp32.

    Args:
        recipe: whose model and seed.
        reads_context: False for the model that sees the question alone.

    Raises:
        InputError: the encoder cannot be used, its layers cannot be branched, or a window is too long for it.
    """
    import torch
    from transformers import set_seed

    from ...modeling import MultiTaskQAForQuestionAnswering

    spec: QuestionAnsweringSpec = recipe.model
    encoder = resolve_encoder(spec.source)
    set_seed(recipe.training.seed)
    names = (
        "tasks",
        "num_shared_layers",
        "category_from",
        "category_pooling",
        "task_weighting",
        "task_weights",
        "classifier_dropout",
        "max_length",
        "doc_stride",
        "max_question_length",
        "max_answer_length",
        "n_best",
    )
    settings = {name: getattr(spec, name) for name in names}
    try:
        model = MultiTaskQAForQuestionAnswering.from_encoder(
            encoder.location,
            revision=spec.revision,
            trust_remote_code=spec.trust_remote_code,
            encoder_overrides={} if torch.cuda.is_available() else cpu_overrides(encoder.location, spec.source),
            reads_context=reads_context,
            **{**settings, "tasks": list(spec.tasks), "task_weights": dict(spec.task_weights)},
        )
    except (OSError, ValueError) as error:
        raise InputError(f"the encoder {spec.encoder} cannot be used: {error}") from error
    longest = getattr(model.config.encoder_config, "max_position_embeddings", None)
    if longest and spec.max_length > longest:
        raise InputError(
            f"max_length is {spec.max_length}, but {spec.encoder} has positions for {longest} tokens; "
            "lower max_length: longer texts are read in windows"
        )
    return model


def load_model(folder: Path, dtype: str = "float32") -> Any:
    """Return the model of a folder, on the GPU where there is one.

    Args:
        folder: of the model.
        dtype: of its weights, `float32` or `bfloat16`.
    """
    import torch

    from ...modeling import MultiTaskQAForQuestionAnswering

    model = MultiTaskQAForQuestionAnswering.from_pretrained(folder, dtype=getattr(torch, dtype)).eval()
    return model.cuda() if torch.cuda.is_available() else model


def alone_recipe(recipe: QuestionAnsweringRecipe, name: str) -> QuestionAnsweringRecipe:
    """Return the recipe of a single-task baseline: one task, and an epoch picked by a figure of that task.

    Args:
        recipe: of the model with both tasks.
        name: `span_only`, `category_only` or `question_only`.

    >>> alone_recipe(QuestionAnsweringRecipe("r"), "category_only").training.monitor.title
    'category macro F1'
    """
    model = recipe.model.alone(name)
    figure = recipe.training.monitor.metric
    if name == "span_only":
        rule = dataclasses.replace(recipe.training.monitor, metric=figure if figure in ("f1", "exact") else "f1")
    else:
        category = figure if figure.startswith("category") else "category_macro_f1"
        rule = dataclasses.replace(recipe.training.monitor, metric=category)
    return recipe.replace(model=model, training={"monitor": rule}, selection=rule)
