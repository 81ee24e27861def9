"""A published model of long cases in a folder: a tiny random Longformer with its processor, card and facts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LABELS = ("routine", "urgent")
WORDS = (
    "the patient has a mass of nodule lung chest pain fever cough potassium sodium biopsy ct liver knee metformin "
    "ramipril cm mm mg mmol l x . , : / ( ) - % 0 1 2 3 4 5 6 7 8 9 no and with was is she he walks well rest"
)


def long_case_folder(path: Path, *, max_length: int = 64, window: int = 8, **settings: Any) -> Path:
    """Save model, processor, card and facts into `path` and return it.

    Args:
        path: to make.
        max_length: tokens that the model reads.
        window: of its attention.
        **settings: of `ClinicalProcessor`.
    """
    import torch
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import LongformerConfig, PreTrainedTokenizerFast

    from secondopinion.modeling import ClinicalProcessor, PooledEncoderConfig, PooledEncoderForSequenceClassification

    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    backend = Tokenizer(models.WordLevel({word: i for i, word in enumerate([*names, *WORDS.split()])}, "[UNK]"))
    backend.normalizer = normalizers.Lowercase()
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Split(Regex(r"\d"), "isolated")]
    )
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    special = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=max_length,
        model_input_names=["input_ids", "attention_mask"],
        **special,
    )
    torch.manual_seed(0)
    encoder = LongformerConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=max_length + 1,
        attention_window=[window, window],
        pad_token_id=0,
        sep_token_id=3,
        type_vocab_size=1,
        initializer_range=0.3,
    )
    config = PooledEncoderConfig(
        encoder_config=encoder, id2label=dict(enumerate(LABELS)), label2id={name: i for i, name in enumerate(LABELS)}
    )
    PooledEncoderForSequenceClassification(config).save_pretrained(path)
    ClinicalProcessor(tokenizer, **settings).save_pretrained(path)
    per_class = {name: {"f1": 0.8, "precision": 0.8, "recall": 0.8, "support": 50} for name in LABELS}
    figures = {"macro_f1": 0.8123, "per_class": per_class, "intervals": {"macro_f1": [0.7, 0.9]}}
    facts = {
        "model": {"base_model": "someone/tiny-longformer", "max_length": max_length},
        "dataset": {"synthetic": True},
        "summary": {"out_of_fold": figures},
    }
    (path / "run.json").write_text(json.dumps(facts))
    (path / "README.md").write_text("---\nlicense: mit\n---\n# Tiny\n\n## Limits\n\n- Only **two** classes.\n")
    return path
