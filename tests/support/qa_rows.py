"""A tiny encoder for pairs of texts, and questions on made-up notes that it can learn to answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

CATEGORIES = ["Diagnosis", "Medication", "Symptoms", "Procedure", "Lab Reports"]
ANSWERS = {
    "Diagnosis": ["sepsis", "asthma", "gout"],
    "Medication": ["aspirin", "heparin", "insulin"],
    "Symptoms": ["fever", "cough", "nausea"],
    "Procedure": ["biopsy", "dialysis", "stenting"],
    "Lab Reports": ["sodium", "glucose", "lactate"],
}
ASKED = {
    "Diagnosis": "which disease",
    "Medication": "which drug",
    "Symptoms": "which complaint",
    "Procedure": "which operation",
    "Lab Reports": "which value",
}
NOTED = "the patient was seen today and then went home after rest with no change noted by staff"
FILLER = NOTED.split()


def save_question_encoder(folder: Path, **settings: Any) -> Path:
    """Write a random BERT of three layers and a word-level tokenizer that frames pairs."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    words = dict.fromkeys(
        [*FILLER, "found", "?", ".", *" ".join(ASKED.values()).split(), *(w for ws in ANSWERS.values() for w in ws)]
    )
    vocabulary = {token: i for i, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        **{
            "hidden_size": 32,
            "num_hidden_layers": 3,
            "num_attention_heads": 2,
            "intermediate_size": 64,
            "vocab_size": len(vocabulary),
            "max_position_embeddings": 64,
            **settings,
        }
    )
    BertModel(config).save_pretrained(folder)
    return folder


def question_rows(notes: int = 12, seed: int = 0, prefix: str = "n") -> list[dict[str, Any]]:
    """Return five questions on each note; some unanswerable, some without a category, one in ten without a span."""
    random = np.random.default_rng(seed)
    rows = []
    for note in range(notes):
        said: dict[str, str] = {}
        words: list[str] = []
        for category in random.permutation(CATEGORIES):
            words += list(random.choice(FILLER, random.integers(2, 7)))
            if random.random() < 0.8:
                said[str(category)] = str(random.choice(ANSWERS[category]))
                words += ["found", said[str(category)]]
        context = " ".join(words) + "."
        for number, category in enumerate(CATEGORIES):
            answer = said.get(category)
            probs = [float(name == category) for name in CATEGORIES]
            if category == "Diagnosis" and note % 3 == 0:
                probs = [0.6, 0.0, 0.4, 0.0, 0.0]
            if number == note % 5 and note % 2:
                probs = [0.0] * 5
            labelled = (note * 5 + number) % 10 != 7
            found = [] if answer is None or not labelled else [answer]
            rows.append(
                {
                    "id": f"{prefix}{note}-{number}",
                    "title": f"note {note}",
                    "context": context,
                    "question": f"{ASKED[category]} ?",
                    "answers": {"text": found, "answer_start": [context.index(f" {a}") + 1 for a in found]},
                    "category_probs": probs,
                    "category_source": "given" if any(probs) else "",
                    "span_labelled": labelled,
                    "group": f"{prefix}{note}",
                }
            )
    return rows


def question_dataset(rows: list[dict[str, Any]], drop: tuple[str, ...] = ()) -> Any:
    """Return rows as a `datasets.Dataset`, without some of the columns."""
    import datasets

    features = {
        "id": datasets.Value("string"),
        "title": datasets.Value("string"),
        "context": datasets.Value("string"),
        "question": datasets.Value("string"),
        "answers": {
            "text": datasets.List(datasets.Value("string")),
            "answer_start": datasets.List(datasets.Value("int32")),
        },
        "category_probs": datasets.List(datasets.Value("float32")),
        "category_source": datasets.Value("string"),
        "span_labelled": datasets.Value("bool"),
        "group": datasets.Value("string"),
    }
    kept = {name: value for name, value in features.items() if name not in drop}
    plain = [{name: row[name] for name in kept} for row in rows]
    return datasets.Dataset.from_list(plain, features=datasets.Features(kept))


def save_questions(folder: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows as Parquet."""
    folder.mkdir(parents=True, exist_ok=True)
    question_dataset(rows).to_parquet(folder / "train.parquet")
    return folder
