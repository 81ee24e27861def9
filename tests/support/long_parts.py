"""A tiny Longformer classifier and a processor with terms of its own, for texts with entities."""

from __future__ import annotations

from typing import Any

TERMS = {"problem": ["fever", "dry cough", "consolidation"], "drug": ["*cillin"]}


def long_processor(family: str = "roberta", **settings: Any) -> Any:
    """Return a processor over a tokenizer of that family, with `TERMS` unless said otherwise."""
    from qa_tokenizers import family_tokenizer

    from secondopinion.modeling import ClinicalProcessor

    tokenizer = family_tokenizer(family)
    tokenizer.model_max_length = 64
    return ClinicalProcessor(tokenizer, **{"entities": TERMS, **settings})


def long_classifier(processor: Any, **settings: Any) -> Any:
    """Return a random Longformer of two layers with a head whose answers differ."""
    import torch
    from transformers import LongformerConfig

    from secondopinion.modeling import PooledEncoderConfig, PooledEncoderForSequenceClassification

    pad = processor.pad_token_id
    encoder = LongformerConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, vocab_size=len(processor),
        max_position_embeddings=64 + pad + 1, pad_token_id=pad, attention_window=4,
    )  # fmt: skip
    torch.manual_seed(0)
    names = {"id2label": {0: "benign", 1: "malignant", 2: "unclear"}} if "num_labels" not in settings else {}
    model = PooledEncoderForSequenceClassification(PooledEncoderConfig(encoder_config=encoder, **names, **settings))
    torch.nn.init.normal_(model.classifier.weight)
    # The default scale of 0.02 leaves attention next to nothing to do; here the mask must matter.
    for name, weights in model.named_parameters():
        if "query" in name or "key" in name or "value" in name:
            torch.nn.init.normal_(weights, std=0.5)
    return model.eval()
