"""A classifier as somebody has it who trained with plain transformers: a tiny random BERT with its tokenizer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tiny_encoder import CLASSES, save_encoder

POSITIONS = 24


def save_stock(
    folder: Path, names: Sequence[str] = tuple(reversed(CLASSES)), *, base: Path | None = None, **settings: Any
) -> Path:
    """Save what `Trainer.save_model` leaves: weights, configuration, tokenizer and its own pickled arguments.

    Args:
        folder: to write.
        names: of the outputs, in their order.
        base: where the tokenizer comes from; made anew when left out.
        **settings: further fields of `BertConfig`.
    """
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    tokenizer = AutoTokenizer.from_pretrained(base or save_encoder(folder.with_name(f"{folder.name}-base")))
    torch.manual_seed(5)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=POSITIONS,
        initializer_range=0.4,
        id2label=dict(enumerate(names)),
        label2id={name: number for number, name in enumerate(names)},
        **settings,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "training_args.bin").write_bytes(b"a pickle")
    (folder / "trainer_state.json").write_text("{}")
    return folder


def change_settings(folder: Path, **changes: Any) -> None:
    """Change fields of a folder's config.json; None removes one."""
    path = folder / "config.json"
    settings = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({name: value for name, value in settings.items() if value is not None}))
