"""Configurations of small encoders of every family, and a batch padded on both sides."""

from __future__ import annotations

import torch
from transformers import (
    BertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    LongformerConfig,
    ModernBertConfig,
    RobertaConfig,
)

LAYERS = 3
SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "vocab_size": 100,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}
DEBERTA = {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "position_buckets": 8, "share_att_key": True}
ENCODERS = {
    "bert": lambda: BertConfig(**SMALL),
    "roberta": lambda: RobertaConfig(**SMALL),
    "electra": lambda: ElectraConfig(**SMALL, embedding_size=16),
    "distilbert": lambda: DistilBertConfig(
        dim=32, n_layers=LAYERS, n_heads=2, hidden_dim=64, vocab_size=100, pad_token_id=0
    ),
    "deberta-v2": lambda: DebertaV2Config(**SMALL, **DEBERTA, norm_rel_ebd="layer_norm"),
    "deberta-v2-conv": lambda: DebertaV2Config(**SMALL, **DEBERTA, conv_kernel_size=3),
    "modernbert": lambda: ModernBertConfig(
        **SMALL, cls_token_id=1, sep_token_id=2, bos_token_id=1, eos_token_id=2, local_attention=4
    ),
    "longformer": lambda: LongformerConfig(**SMALL, attention_window=8),
}
ONLY_EAGER = {"deberta-v2", "deberta-v2-conv", "longformer"}


def batch(name: str = "bert") -> dict[str, torch.Tensor]:
    """Rows of 11, 6 and 4 tokens; padded on the right, on the left, and on both sides."""
    draw = torch.Generator().manual_seed(1)
    ids = torch.randint(5, 99, (3, 11), generator=draw)
    mask = torch.ones_like(ids)
    mask[1, 6:] = 0
    mask[2, :3] = mask[2, 7:] = 0
    inputs = {"input_ids": ids * mask, "attention_mask": mask}
    if name == "longformer":
        inputs["global_attention_mask"] = torch.zeros_like(ids).scatter(1, mask.argmax(1, keepdim=True), 1)
    return inputs
