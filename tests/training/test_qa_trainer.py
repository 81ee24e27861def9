"""A step of two tasks has the gradient of one large batch, however it is cut, on either padding side."""

import numpy as np
import pytest
import torch
from one_step import all_weights, one_step
from qa_rows import question_dataset, question_rows, save_question_encoder
from transformers import BertConfig

from secondopinion.modeling import MultiTaskQAConfig, MultiTaskQAForQuestionAnswering
from secondopinion.modeling.window_collator import WindowCollator
from secondopinion.training.batching import micro_batches
from secondopinion.training.qa_recipe import AnswerDatasetSpec, QuestionAnsweringRecipe, QuestionAnsweringSpec
from secondopinion.training.question_answering.data import from_rows
from secondopinion.training.question_answering.model import question_tokenizer
from secondopinion.training.question_answering.prediction import Predictor
from secondopinion.training.question_answering.trainer import QuestionAnsweringTrainer
from secondopinion.training.question_answering.windows import training_windows, windows_of


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    encoder = save_question_encoder(tmp_path_factory.mktemp("encoder") / "e")
    spec = QuestionAnsweringSpec(encoder=str(encoder), max_length=20, doc_stride=4)
    tokenizer = question_tokenizer(QuestionAnsweringRecipe("r", model=spec))
    data = from_rows(question_dataset(question_rows(8)), AnswerDatasetSpec(), name="rows")
    windows = windows_of(data, tokenizer, spec)
    chosen = training_windows(windows, np.arange(len(data)), 1.0, 0, ["span", "category"])
    return tokenizer, windows.take(chosen[:24]), windows


def tiny(tokenizer, **settings):
    torch.manual_seed(0)
    encoder = BertConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        vocab_size=len(tokenizer),
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    config = MultiTaskQAConfig(encoder_config=encoder, classifier_dropout=0.0, max_length=20, doc_stride=4, **settings)
    return MultiTaskQAForQuestionAnswering(config)


def step(folder, parts, batch_size, accumulation, budget, side="right", **settings):
    tokenizer, windows, _ = parts
    tokenizer.padding_side = side
    arguments = one_step(
        folder,
        batch_size,
        accumulation,
        learning_rate=0.5,
        label_names=["start_positions", "end_positions", "category_probs"],
    )
    trainer = QuestionAnsweringTrainer(
        model=tiny(tokenizer, **settings),
        args=arguments,
        train_dataset=windows,
        data_collator=WindowCollator(tokenizer),
        lengths=windows.lengths.tolist(),
        micro_batch_tokens=budget,
        measure=lambda model: {},
    )
    trainer.train()
    tokenizer.padding_side = "right"
    assert trainer.tokens_seen == windows.lengths.sum()
    return all_weights(trainer.model)


@pytest.mark.parametrize("weighting", ["fixed", "uncertainty"])
def test_cutting_a_step_never_changes_its_gradient(parts, tmp_path, weighting):
    settings = {"task_weighting": weighting, "task_weights": {"span": 0.7, "category": 1.3}}
    start = all_weights(tiny(parts[0], **settings))
    whole = step(tmp_path, parts, 24, 1, 0, **settings)
    assert (whole - start).abs().max() > 1e-3
    for batch_size, accumulation, budget, side in ((8, 3, 0, "right"), (24, 1, 60, "left"), (6, 4, 40, "right")):
        cut = step(tmp_path, parts, batch_size, accumulation, budget, side, **settings)
        assert torch.allclose(whole, cut, atol=2e-6), (batch_size, accumulation, budget, side)


def test_pieces_keep_every_label_where_it_was(parts):
    tokenizer, windows, _ = parts
    for side in ("right", "left"):
        tokenizer.padding_side = side
        batch = WindowCollator(tokenizer)([windows[i] for i in range(len(windows))])
        tokenizer.padding_side = "right"
        found = {"tokens": [], "probs": []}
        for piece in micro_batches(batch, 50):
            assert piece["input_ids"].shape == piece["attention_mask"].shape == piece["span_mask"].shape
            assert piece["category_probs"].shape[1] == 5
            labelled = piece["start_positions"] >= 0
            at = piece["input_ids"].gather(1, piece["start_positions"].clamp(min=0)[:, None])[:, 0]
            found["tokens"] += at[labelled].tolist()
            found["probs"] += piece["category_probs"].argmax(dim=1).tolist()
        labelled = batch["start_positions"] >= 0
        at = batch["input_ids"].gather(1, batch["start_positions"].clamp(min=0)[:, None])[:, 0]
        assert sorted(found["tokens"]) == sorted(at[labelled].tolist())
        assert sorted(found["probs"]) == sorted(batch["category_probs"].argmax(dim=1).tolist())


def test_five_columns_of_categories_are_never_taken_for_tokens():
    batch = {
        "attention_mask": torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]]),
        "category_probs": torch.eye(5)[:2],
    }
    shapes = [piece["category_probs"].shape for piece in micro_batches(batch, 5)]
    assert shapes == [(1, 5), (1, 5)]


def test_losses_of_validation_rows_are_the_models_own(parts):
    tokenizer, _, windows = parts
    model = tiny(tokenizer).eval()
    rows = np.arange(7)
    predictor = Predictor(windows, tokenizer, rows)
    answers, losses = predictor(model)
    (block,) = predictor.blocks
    batch = WindowCollator(tokenizer)([block[i] for i in range(len(block))])
    with torch.no_grad():
        output = model(**batch)
    assert losses["span_loss"] == pytest.approx(output.span_loss.item(), abs=1e-5)
    assert losses["category_loss"] == pytest.approx(output.category_loss.item(), abs=1e-5)
    assert len(answers) == 7
    left, _ = _on_the_left(predictor, model, tokenizer)
    assert (left.start == answers.start).all()
    assert np.allclose(left.category_probabilities, answers.category_probabilities, atol=1e-5)


def _on_the_left(predictor, model, tokenizer):
    tokenizer.padding_side = "left"
    try:
        return predictor(model)
    finally:
        tokenizer.padding_side = "right"
