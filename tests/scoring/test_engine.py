import numpy as np
import torch
from transformers import BertConfig

from secondopinion.modeling import PooledEncoderConfig, PooledEncoderForSequenceClassification
from secondopinion.scoring.batches import token_batches
from secondopinion.scoring.engine import predict_logits


class Padder:
    model_input_names = ("input_ids", "attention_mask")

    def pad(self, features, return_tensors):
        from transformers import BatchEncoding

        width = max(len(f["input_ids"]) for f in features)
        rows = [f["input_ids"] + [0] * (width - len(f["input_ids"])) for f in features]
        ids = torch.tensor(rows)
        return BatchEncoding({"input_ids": ids, "attention_mask": (ids != 0).long()})


def test_batches_hold_every_row_once_within_the_budget():
    lengths = np.random.default_rng(0).integers(1, 60, 200)
    batches = list(token_batches(lengths, 128))
    assert sorted(np.concatenate(batches)) == list(range(200))
    assert all(len(batch) * lengths[batch].max() <= 128 for batch in batches)


def test_a_row_above_the_budget_stands_alone():
    assert [b.tolist() for b in token_batches([500, 3], 100)] == [[0], [1]]


def test_order_is_kept_and_logits_equal_the_plain_forward():
    torch.manual_seed(0)
    encoder = BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, vocab_size=50
    )
    model = PooledEncoderForSequenceClassification(PooledEncoderConfig(encoder_config=encoder, num_labels=3)).eval()
    random = np.random.default_rng(1)
    rows = [{"input_ids": random.integers(1, 50, n).tolist()} for n in random.integers(1, 40, 23)]
    lengths = [len(row["input_ids"]) for row in rows]
    logits = predict_logits(model, Padder(), rows, lengths=lengths, token_budget=64)
    plain = [model(input_ids=torch.tensor([row["input_ids"]])).logits[0].tolist() for row in rows]
    assert np.allclose(logits, plain, atol=1e-5)


def test_a_models_own_padding_counts_against_the_budget():
    lengths = np.random.default_rng(0).integers(1, 60, 200)
    batches = list(token_batches(lengths, 128, multiple=32))
    assert sorted(np.concatenate(batches)) == list(range(200))
    assert all(len(batch) * -(-lengths[batch].max() // 32) * 32 <= 128 for batch in batches)
