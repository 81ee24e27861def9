"""A tiny pretrained-looking encoder with a tokenizer, and a data set it can learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np

VOCABULARY = "the device pump alarm patient died death injury hospital failed broke lead battery a of and"
CLASSES = ["Death", "Injury", "Malfunction", "Other"]
TELLING = {"Death": ["patient", "died", "death"], "Injury": ["injury", "hospital"], "Malfunction": ["failed", "broke"]}


def save_encoder(folder: Path, **settings: object) -> Path:
    """Write a random BERT of two layers and a word-level tokenizer."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    vocabulary = {token: i for i, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *VOCABULARY.split()])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_input_names=["input_ids", "attention_mask"],
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        **{
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 64,
            "vocab_size": len(vocabulary),
            "max_position_embeddings": 64,
            **settings,
        }
    )
    BertModel(config).save_pretrained(folder)
    return folder


def report_classes(rows: int, seed: int = 0) -> np.ndarray:
    """Return the classes of made-up reports."""
    return np.random.default_rng(seed).choice(CLASSES, rows, p=[0.2, 0.4, 0.3, 0.1])


def save_reports(folder: Path, rows: int = 160, seed: int = 0) -> Path:
    """Write a data set of made-up reports whose class a few words give away, in groups of two."""
    import datasets

    random = np.random.default_rng([seed, 1])
    labels = report_classes(rows, seed)
    texts = []
    for label in labels:
        words = list(random.choice(VOCABULARY.split()[8:], random.integers(3, 20)))
        words += TELLING.get(str(label), [])
        texts.append(" ".join(random.permutation(words)))
    features = datasets.Features(
        {
            "id": datasets.Value("string"),
            "text": datasets.Value("string"),
            "label": datasets.ClassLabel(names=CLASSES),
            "group": datasets.Value("string"),
        }
    )
    columns = {
        "id": [f"r{i}" for i in range(rows)],
        "text": texts,
        "label": labels.tolist(),
        "group": [f"g{i // 2}" for i in range(rows)],
    }
    folder.mkdir(parents=True, exist_ok=True)
    datasets.Dataset.from_dict(columns, features=features).to_parquet(folder / "train.parquet")
    return folder
