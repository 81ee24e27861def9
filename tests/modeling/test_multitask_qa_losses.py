"""What the QA model learns from: hard and soft targets, rows that lack one, weights, steps cut into batches."""

import math

import pytest
import torch
from one_step import one_step
from small_encoders import LAYERS, SMALL
from torch.nn import functional
from transformers import AutoModelForQuestionAnswering, BertConfig, BertModel
from transformers import Trainer as PlainTrainer

from secondopinion.modeling import MultiTaskQAConfig, MultiTaskQAForQuestionAnswering
from secondopinion.modeling.multitask_losses import UncertaintyWeighting


def tiny(**settings):
    torch.manual_seed(0)
    encoder = BertConfig(**SMALL, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    config = MultiTaskQAConfig(encoder_config=encoder, classifier_dropout=0.0, **settings)
    model = MultiTaskQAForQuestionAnswering(config).eval()
    with torch.no_grad():
        for value in model.parameters():
            if value.ndim == 2:
                value.mul_(4.0)
    return model


def rows(count=8, seed=0):
    """Return rows of 9 tokens; every third without a span, every fourth without a category."""
    draw = torch.Generator().manual_seed(seed)
    ids = torch.randint(5, 99, (count, 9), generator=draw)
    mask = torch.ones_like(ids)
    mask[1::2, 7:] = 0
    starts = torch.randint(3, 5, (count,), generator=draw)
    ends = starts + torch.randint(0, 3, (count,), generator=draw)
    starts[2::5] = ends[2::5] = 0
    starts[::3] = ends[::3] = -100
    probs = torch.rand(count, 5, generator=draw)
    probs = probs / probs.sum(dim=1, keepdim=True)
    probs[1] = functional.one_hot(torch.tensor(3), 5).float()
    probs[2::4] = 0.0
    return {
        "input_ids": ids * mask,
        "attention_mask": mask,
        "start_positions": starts,
        "end_positions": ends,
        "category_probs": probs,
    }


def cut(batch, *at):
    return {key: value[slice(*at)] for key, value in batch.items()}


def step_counts(batch):
    return torch.stack([(batch["start_positions"] != -100).sum(), batch["category_probs"].any(dim=1).sum()])


def test_losses_equal_their_definitions():
    model, batch = tiny(task_weights={"span": 0.5, "category": 2.0}, category_temperature=1.5), rows()
    output = model(**batch)
    spans, categories = [], []
    for row in range(8):
        start, end = int(batch["start_positions"][row]), int(batch["end_positions"][row])
        if start != -100:
            logs = [output[name][row].log_softmax(-1) for name in ("start_logits", "end_logits")]
            spans.append(-(logs[0][start] + logs[1][end]) / 2)
        target = batch["category_probs"][row]
        if target.any():
            categories.append(-(target * output.category_logits[row].log_softmax(-1)).sum())
    assert len(spans) == 5
    assert len(categories) == 6
    assert torch.allclose(output.span_loss, torch.stack(spans).mean(), atol=1e-6)
    assert torch.allclose(output.category_loss, torch.stack(categories).mean(), atol=1e-6)
    assert torch.allclose(output.loss, 0.5 * output.span_loss + 2.0 * output.category_loss, atol=1e-6)
    model.config.category_temperature = 1.0
    assert torch.allclose(model(**batch).category_logits, output.category_logits * 1.5, atol=1e-6)


def test_a_hard_target_is_one_hot():
    model, batch = tiny(), rows()
    labels = torch.tensor([0, 4, 2, 1, 3, 0, 1, 2])
    batch["category_probs"] = functional.one_hot(labels, 5)
    output = model(**batch)
    assert torch.allclose(output.category_loss, functional.cross_entropy(output.category_logits, labels), atol=1e-6)


def test_uncertainty_weighting_is_that_of_kendall():
    model, batch = tiny(task_weighting="uncertainty"), rows()
    output = model(**batch)
    assert torch.allclose(output.loss, output.span_loss + output.category_loss)
    with torch.no_grad():
        model.uncertainty_weighting.log_variances["span"].fill_(0.7)
        model.uncertainty_weighting.log_variances["category"].fill_(-0.4)
    loss = model(**batch).loss
    expected = math.exp(-0.7) * output.span_loss + 0.35 + math.exp(0.4) * output.category_loss - 0.2
    assert torch.allclose(loss, expected, atol=1e-6)
    with torch.no_grad():
        for task, value in model.uncertainty_weighting.log_variances.items():
            value.fill_(math.log(2 * output[f"{task}_loss"].item()))  # where the sum is lowest
    model(**batch).loss.backward()
    for value in model.uncertainty_weighting.log_variances.values():
        assert abs(value.grad.item()) < 1e-6


@pytest.mark.parametrize("settings", [{}, {"task_weighting": "uncertainty", "category_from": "span"}], ids=str)
def test_a_step_cut_into_batches_has_the_gradient_of_one(settings):
    model, batch = tiny(**settings).train(), rows(9)
    model(**batch).loss.backward()
    whole = {key: value.grad.clone() for key, value in model.named_parameters()}
    model.zero_grad()
    for at in ((0, 1), (1, 6), (6, 9)):  # the first has no span
        model(**cut(batch, *at), num_items_in_batch=step_counts(batch)).loss.backward()
    for key, value in model.named_parameters():
        assert torch.allclose(value.grad, whole[key], atol=1e-5, rtol=1e-4), key


@pytest.mark.parametrize("given", ["both", "span", "category"])
def test_a_task_without_a_labelled_row_adds_zero_with_a_graph(given):
    model, batch = tiny(num_shared_layers=1, task_weighting="uncertainty").train(), rows()
    batch["start_positions"].fill_(-100)
    batch["end_positions"].fill_(-100)
    batch["category_probs"].zero_()
    if given == "span":
        del batch["category_probs"]
    elif given == "category":
        del batch["start_positions"], batch["end_positions"]
    output = model(**batch)
    assert output.loss.item() == output.span_loss.item() == output.category_loss.item() == 0.0
    output.loss.backward()
    for key, value in model.named_parameters():
        assert value.grad is not None, key
        assert not value.grad.any(), key


def test_a_task_without_targets_leaves_the_other_alone():
    model, batch = tiny(num_shared_layers=1), rows()
    whole = model(**batch)
    spans = {key: value for key, value in batch.items() if key != "category_probs"}
    assert torch.equal(model(**spans).loss, whole.span_loss)
    categories = {key: value for key, value in batch.items() if "positions" not in key}
    assert torch.equal(model(**categories).loss, whole.category_loss)
    inputs = {key: batch[key] for key in ("input_ids", "attention_mask")}
    assert model(**inputs).loss is None


class StepTrainer(PlainTrainer):
    """Counts what a step holds, as the project's own trainer does."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.model_accepts_loss_kwargs = True

    def _get_num_items_in_batch(self, batch_samples, device):
        return torch.stack([step_counts(batch) for batch in batch_samples]).sum(dim=0)


def after_one_step(folder, trainer_class, batch_size, accumulation):
    model, batch = tiny(num_shared_layers=1, task_weighting="uncertainty"), rows(12)
    trainer = trainer_class(
        model=model,
        args=one_step(
            folder, batch_size, accumulation, label_names=["start_positions", "end_positions", "category_probs"]
        ),
        train_dataset=[{key: value[row] for key, value in batch.items()} for row in range(12)],
    )
    trainer.train()
    return trainer, dict(model.named_parameters())


def test_the_trainer_accumulates_as_one_batch_and_predicts(tmp_path):
    trainer, whole = after_one_step(tmp_path, StepTrainer, 12, 1)
    _, cut_up = after_one_step(tmp_path, StepTrainer, 3, 4)
    for key, value in whole.items():
        assert torch.allclose(value, cut_up[key], atol=1e-6), key
    predicted = trainer.predict(trainer.train_dataset)
    assert [values.shape for values in predicted.predictions] == [(12, 9), (12, 9), (12, 5)]
    assert predicted.metrics["test_loss"] > 0


def test_log_variances_that_a_checkpoint_lacks_begin_at_zero(tmp_path):
    tiny().save_pretrained(tmp_path)
    loaded = AutoModelForQuestionAnswering.from_pretrained(tmp_path, task_weighting="uncertainty", dtype=torch.bfloat16)
    values = dict(loaded.uncertainty_weighting.named_parameters())
    assert sorted(values) == ["log_variances.category", "log_variances.span"]
    for value in values.values():
        assert value.dtype == torch.float32
        assert value.item() == 0.0


def test_from_encoder_in_bf16_keeps_log_variances_in_fp32(tmp_path):
    BertModel(BertConfig(**SMALL)).save_pretrained(tmp_path)
    model = MultiTaskQAForQuestionAnswering.from_encoder(
        str(tmp_path), dtype=torch.bfloat16, task_weighting="uncertainty", num_shared_layers=LAYERS
    )
    assert model.classifier.weight.dtype == model.encoder.dtype == torch.bfloat16
    assert {value.dtype for value in model.uncertainty_weighting.parameters()} == {torch.float32}
    assert isinstance(model.uncertainty_weighting, UncertaintyWeighting)
    output = model(**rows())
    assert output.loss.dtype == torch.float32
    assert torch.isfinite(output.loss)


def changed(key, row, value):
    batch = rows()
    batch[key][row] = torch.as_tensor(value)
    return batch


def without(key):
    return {name: value for name, value in rows().items() if name != key}


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (changed("category_probs", 3, [0.5, 0.3, 0, 0, 0]), r"row 3 of the batch: .* sum to 0\.8; give probabilities"),
        (changed("category_probs", 0, [1.2, -0.2, 0, 0, 0]), r"row 0 of the batch: category_probs are \[1\.2, -0\.2"),
        (changed("category_probs", 5, [math.nan, 0, 0, 0, 1]), "row 5 of the batch: category_probs are .nan"),
        (changed("category_probs", 5, [math.inf, 0, 0, 0, 0]), "row 5 of the batch: .* sum to inf"),
        (changed("start_positions", 1, 8), r"row 1 of the batch: the span is 8 to \d, in a window of 9 tokens"),
        (changed("end_positions", 4, 9), "row 4 of the batch: the span is 4 to 9, in a window of 9"),
        (changed("end_positions", 1, 7), r"row 1 of the batch: .* where attention_mask and span_mask are 1"),
        (changed("end_positions", 1, -100), r"row 1 of the batch: the span is \d to -100, .*or both -100"),
        (changed("start_positions", 4, -1), "row 4 of the batch: the span is -1 to"),
        (without("end_positions"), "start_positions and end_positions together"),
        ({**rows(), "category_probs": rows()["category_probs"][:, :4]}, r"\(8, 4\); expected \(8, 5\)"),
        ({**rows(), "start_positions": rows()["start_positions"][:3]}, r"start_positions is \(3,\); expected \(8,\)"),
        ({**rows(), "num_items_in_batch": torch.tensor(8)}, r"num_items_in_batch is \(\); expected \(2,\)"),
        ({**rows(), "span_mask": torch.zeros(8, 9)}, "row 1 of the batch: the span is"),
        (without("input_ids"), "either input_ids or inputs_embeds"),
    ],
)
def test_bad_targets_are_refused(batch, message):
    with pytest.raises(ValueError, match=message):
        tiny()(**batch)


def test_probabilities_in_half_precision_may_round():
    model, batch = tiny(), rows()
    expected = model(**batch).category_loss
    for dtype, tolerance in ((torch.bfloat16, 2e-2), (torch.float16, 1e-3)):
        batch["category_probs"] = rows()["category_probs"].to(dtype)
        assert torch.allclose(model(**batch).category_loss, expected, atol=tolerance)
