"""A step's gradient is that of one large batch, however it is cut; a resumed run sees the same batches."""

import itertools

import numpy as np
import pytest
import torch
from one_step import all_weights, one_step
from transformers import BertConfig

from secondopinion.modeling import PooledEncoderConfig, PooledEncoderForSequenceClassification
from secondopinion.scoring.batches import token_batches
from secondopinion.training.batching import LengthGroupedSampler, micro_batches, pieces
from secondopinion.training.trainer import ClassificationTrainer

WEIGHTS = [3.0, 0.5, 1.0]


def tiny():
    torch.manual_seed(0)
    encoder = BertConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        vocab_size=60,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    config = PooledEncoderConfig(encoder_config=encoder, num_labels=3, classifier_dropout=0.0, class_weights=WEIGHTS)
    return PooledEncoderForSequenceClassification(config)


def dataset(rows=24):
    random = np.random.default_rng(3)
    return [
        {"input_ids": random.integers(1, 60, n).tolist(), "labels": int(random.integers(0, 3))}
        for n in random.integers(2, 30, rows)
    ]


def collate(features):
    width = max(len(f["input_ids"]) for f in features)
    ids = torch.tensor([f["input_ids"] + [0] * (width - len(f["input_ids"])) for f in features])
    labels = torch.tensor([f["labels"] for f in features])
    return {"input_ids": ids, "attention_mask": (ids > 0).long(), "labels": labels}


def weights_after_one_step(tmp_path, batch_size, accumulation, budget):
    rows = dataset()
    arguments = one_step(tmp_path, batch_size, accumulation)
    trainer = ClassificationTrainer(
        model=tiny(),
        args=arguments,
        train_dataset=rows,
        data_collator=collate,
        lengths=[len(row["input_ids"]) for row in rows],
        length_grouped=True,
        micro_batch_tokens=budget,
    )
    trainer.train()
    assert trainer.tokens_seen == sum(len(row["input_ids"]) for row in rows)
    return all_weights(trainer.model)


@pytest.mark.parametrize(("batch_size", "accumulation", "budget"), [(8, 3, 0), (24, 1, 64), (8, 3, 40), (1, 24, 0)])
def test_cutting_a_step_never_changes_its_gradient(tmp_path, batch_size, accumulation, budget):
    whole = weights_after_one_step(tmp_path / "whole", 24, 1, 0)
    cut = weights_after_one_step(tmp_path / "cut", batch_size, accumulation, budget)
    start = all_weights(tiny())
    assert (whole - start).abs().max() > 1e-3
    assert torch.allclose(whole, cut, atol=1e-6)


def test_pieces_cover_the_batch_and_trim_padding_on_either_side():
    right = collate(dataset(16))
    left = {k: v.flip(1) if v.ndim == 2 else v for k, v in right.items()}
    for batch in (right, left):
        pieces = list(micro_batches(batch, 50))
        assert sum(len(piece["labels"]) for piece in pieces) == 16
        assert sum(int(piece["attention_mask"].sum()) for piece in pieces) == int(batch["attention_mask"].sum())
        for piece in pieces:
            assert piece["input_ids"].shape == piece["attention_mask"].shape
            assert piece["attention_mask"].any(dim=0)[[0, -1]].all()
            assert piece["input_ids"].numel() <= 50 or len(piece["labels"]) == 1


@pytest.mark.parametrize(("bf16", "width", "plain"), [(True, 128, True), (True, 300, False), (False, 128, False)])
def test_short_pieces_in_bf16_take_plain_matrix_products(tmp_path, bf16, width, plain):
    arguments = one_step(tmp_path, 8, 1, bf16=bf16)
    rows = dataset(8)
    trainer = ClassificationTrainer(
        model=tiny(), args=arguments, train_dataset=rows, data_collator=collate, lengths=[1] * len(rows)
    )
    with trainer.attention({"attention_mask": torch.ones(2, width)}):
        assert torch.backends.cuda.flash_sdp_enabled() is not plain
    assert torch.backends.cuda.flash_sdp_enabled()


def test_order_depends_on_seed_and_epoch_alone():
    lengths = np.random.default_rng(0).integers(1, 500, 1000)
    one, two = (LengthGroupedSampler(lengths, 32, seed=5) for _ in range(2))
    torch.manual_seed(99)
    assert list(one) == list(two)
    assert sorted(one) == list(range(1000))
    first = list(one)
    one.set_epoch(1)
    assert list(one) != first
    spread = [np.ptp(lengths[first[i : i + 8]]) for i in range(0, 960, 8)]
    assert np.mean(spread) < 20
    # A step is of many lengths all the same, as one of a plain shuffle is.
    plain = list(LengthGroupedSampler(lengths, 32, seed=5, grouped=False))
    for order in (first, plain):
        means = [lengths[order[i : i + 32]].mean() for i in range(0, 960, 32)]
        assert np.std(means) < 0.6 * np.std(lengths)


def test_pieces_are_as_few_as_pays():
    random = np.random.default_rng(0)
    lengths = random.integers(5, 500, 40)
    cut = pieces(lengths, 2048)
    assert sorted(np.concatenate(cut).tolist()) == list(range(40))
    assert all(lengths[piece].max() * len(piece) <= 2048 for piece in cut)

    def cost(parts):
        return sum(lengths[piece].max() * len(piece) + 128 for piece in parts)

    # Neither joining two neighbours nor cutting one costs less, nor does the greedy way.
    for left, right in itertools.pairwise(cut):
        both = np.concatenate([left, right])
        assert lengths[both].max() * len(both) > 2048 or cost([both]) >= cost([left, right])
    assert all(cost([piece[:k], piece[k:]]) >= cost([piece]) for piece in cut for k in range(1, len(piece)))
    assert cost(cut) < cost(list(token_batches(lengths, 2048)))
    assert [piece.tolist() for piece in pieces([3000, 7], 2048)] == [[0], [1]]
    assert len(pieces([17, 30], 64, multiple=32)) == 1
