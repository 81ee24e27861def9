"""Steps of about as many tokens each: every row once an epoch, the gradient of one batch, the same after a stop."""

import numpy as np
import pytest
import torch
from accelerate.data_loader import BatchSamplerShard
from one_step import all_weights, one_step
from small_encoders import SMALL
from transformers import BertConfig

from secondopinion.core.errors import InputError
from secondopinion.modeling import PooledEncoderConfig, PooledEncoderForSequenceClassification
from secondopinion.training import load_recipe
from secondopinion.training.arguments import micro_batch_budget, training_arguments
from secondopinion.training.batching import LengthGroupedSampler, TokenStepSampler
from secondopinion.training.trainer import ClassificationTrainer


def sampler(lengths, step_tokens, processes=1):
    return TokenStepSampler(LengthGroupedSampler(lengths, 1, seed=5, grouped=False), lengths, step_tokens, processes)


def lognormal_lengths(rows=1000):
    return np.random.default_rng(0).lognormal(4, 1, rows).clip(3, 512).astype(int)


def test_each_row_once_and_tokens_within_a_row_of_the_mean():
    lengths = lognormal_lengths()
    steps = sampler(lengths, 4096)
    mean = lengths.sum() / len(steps)
    assert mean == pytest.approx(4096, rel=0.05)
    epochs = []
    for epoch in (0, 1):
        steps.sampler.set_epoch(epoch)
        drawn = list(steps)
        assert len(drawn) == len(steps)
        assert sorted(row for step in drawn for row in step) == list(range(1000))
        tokens = np.array([lengths[step].sum() for step in drawn])
        assert np.abs(tokens - mean).max() < lengths.max()
        assert len({len(step) for step in drawn}) > 3
        epochs.append(drawn)
    assert epochs[0] != epochs[1]


def test_processes_share_the_steps_that_one_would_take():
    lengths = lognormal_lengths()
    alone = list(sampler(lengths, 4096))
    shares = [list(BatchSamplerShard(sampler(lengths, 4096, 2), 2, process, even_batches=False)) for process in (0, 1)]
    assert [first + second for first, second in zip(*shares, strict=True)] == alone
    tokens = np.array([[lengths[part].sum() for part in share] for share in shares])
    assert np.abs(tokens - 2048).max() < lengths.max() + 60


@pytest.mark.parametrize(
    ("step_tokens", "processes", "message"),
    [
        (1023, 1, "step_tokens is 1023, but the longest text has 512 tokens: give at least 1024"),
        (2000, 2, "512 tokens and 2 processes share a step: give at least 2048"),
    ],
)
def test_steps_too_short_for_the_texts(step_tokens, processes, message):
    with pytest.raises(InputError, match=message):
        sampler(lognormal_lengths(), step_tokens, processes)


def test_too_few_texts_for_so_many_processes():
    with pytest.raises(InputError, match="2 texts of 20 tokens are too few for 3 processes"):
        sampler(np.array([10, 10]), 60, 3)


def test_less_than_a_token():
    with pytest.raises(InputError, match="step_tokens is 0; give the tokens of an optimiser step, such as 8192"):
        load_recipe({"name": "r", "training": {"step_tokens": 0}})


def test_a_step_is_one_batch_whatever_the_recipes_accumulation(tmp_path, monkeypatch):
    recipe = load_recipe({"name": "r", "training": {"step_tokens": 9000, "accumulation_steps": 4, "bf16": False}})
    assert training_arguments(recipe.training, tmp_path, ["labels"]).gradient_accumulation_steps == 1
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert micro_batch_budget(recipe.training) == 2250


def rows_of(count=40):
    random = np.random.default_rng(3)
    return [
        {"input_ids": random.integers(1, 60, n).tolist(), "labels": int(random.integers(0, 3))}
        for n in random.integers(2, 30, count)
    ]


class Training:
    """A tiny training whose batches are remembered."""

    def __init__(self, rows, arguments, **options):
        torch.manual_seed(0)
        encoder = BertConfig(**SMALL, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
        config = PooledEncoderConfig(
            encoder_config=encoder, num_labels=3, classifier_dropout=0.0, class_weights=[3.0, 0.5, 1.0]
        )
        self.seen = []
        self.trainer = ClassificationTrainer(
            model=PooledEncoderForSequenceClassification(config),
            args=arguments,
            train_dataset=rows,
            data_collator=self.collate,
            lengths=[len(row["input_ids"]) for row in rows],
            **options,
        )

    def collate(self, features):
        self.seen.append([tuple(feature["input_ids"]) for feature in features])
        width = max(len(feature["input_ids"]) for feature in features)
        ids = torch.tensor([feature["input_ids"] + [0] * (width - len(feature["input_ids"])) for feature in features])
        labels = torch.tensor([feature["labels"] for feature in features])
        return {"input_ids": ids, "attention_mask": (ids > 0).long(), "labels": labels}

    def weights(self, **options):
        self.trainer.train(**options)
        return all_weights(self.trainer.model)


def test_a_step_has_the_gradient_of_one_batch_of_its_rows(tmp_path):
    rows = rows_of()
    by_tokens = Training(rows, one_step(tmp_path / "tokens", 4, 1), step_tokens=200, micro_batch_tokens=40)
    weights = by_tokens.weights()
    chosen = [row for row in rows if tuple(row["input_ids"]) in by_tokens.seen[0]]
    assert 1 < len(chosen) < len(rows)
    assert by_tokens.trainer.tokens_seen == sum(len(row["input_ids"]) for row in chosen)
    whole = Training(chosen, one_step(tmp_path / "whole", len(chosen), 1)).weights()
    assert torch.allclose(weights, whole, atol=1e-6)


def test_a_training_that_was_stopped_goes_on_with_the_steps_that_are_left(tmp_path):
    def fresh(name):
        settings = {"max_steps": -1, "num_train_epochs": 3, "save_strategy": "steps", "save_steps": 1}
        arguments = one_step(tmp_path / name, 1, 1, **settings, optim="adamw_torch_fused", learning_rate=1e-3)
        return Training(rows_of(), arguments, step_tokens=200, micro_batch_tokens=64)

    through = fresh("through")
    weights, steps = through.weights(), through.trainer.state.max_steps
    assert steps % 3 == 0
    assert len(through.seen) == steps
    stopped = steps // 3 + 1  # in the second epoch
    again = fresh("again")
    continued = again.weights(resume_from_checkpoint=str(tmp_path / "through" / f"checkpoint-{stopped}"))
    assert again.seen == through.seen[stopped:]
    assert torch.equal(continued, weights)
