"""Several labels, factors and numbers: losses that add up, missing labels, heads, and a load by somebody else."""

import pytest
import torch
from stranger import WITHOUT_THIS_PACKAGE, ask_stranger
from torch.nn import functional
from transformers import BertConfig

from secondopinion.modeling import PooledEncoderConfig, PooledEncoderForSequenceClassification, classification_loss
from secondopinion.modeling.losses import loss_items, positive_weights

SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
HEADS = {
    "multi_label": {
        "problem_type": "multi_label_classification",
        "num_labels": 5,
        "class_weights": [1.0, 2.0, 3.0, 1.0, 1.0],
    },
    "factors": {"label_groups": [2, 3], "num_labels": 5, "class_weights": [1.0, 3.0, 1.0, 0.5, 2.0]},
    "regression": {"problem_type": "regression", "num_labels": 2, "target_mean": [5.0, 1.0], "target_std": [2.0, 3.0]},
}
NAN = float("nan")
LABELS = {
    "multi_label": torch.tensor([[1, 0, -100, 1, 0], [0, 0, 1, 1, 1], [1, -1, 0, 0, 0], [0, 1, 1, 0, -100]]),
    "factors": torch.tensor([[1, 2], [0, -100], [1, 0], [-100, 1]]),
    "regression": torch.tensor([[5.0, NAN], [9.0, 2.0], [1.0, -4.0], [NAN, 7.0]]),
}


def tiny(kind):
    torch.manual_seed(0)
    encoder = BertConfig(**SMALL, vocab_size=100, max_position_embeddings=32)
    return PooledEncoderForSequenceClassification(PooledEncoderConfig(encoder_config=encoder, **HEADS[kind])).eval()


@pytest.mark.parametrize("kind", HEADS)
def test_a_step_cut_into_batches_has_the_gradient_of_one_batch(kind):
    ids, labels, model = torch.randint(5, 99, (4, 6)), LABELS[kind], tiny(kind)
    weights = None if model.config.class_weights is None else torch.tensor(model.config.class_weights)
    total = loss_items(labels, model.config.problem_type, weights, model.config.label_groups)
    model(input_ids=ids, labels=labels).loss.backward()
    whole = model.classifier.weight.grad.clone()
    model.zero_grad()
    for part in (slice(0, 1), slice(1, 4)):
        model(input_ids=ids[part], labels=labels[part], num_items_in_batch=total).loss.backward()
    assert torch.allclose(model.classifier.weight.grad, whole, atol=1e-6)
    assert whole.abs().sum() > 0


@pytest.mark.parametrize("kind", HEADS)
def test_a_missing_label_takes_no_part(kind):
    model, labels = tiny(kind), LABELS[kind]
    ids = torch.randint(5, 99, (4, 6))
    loss = model(input_ids=ids, labels=labels).loss
    logits = model(input_ids=ids).logits
    if kind == "multi_label":
        known = labels >= 0
        pos_weight = torch.tensor(model.config.class_weights).expand(4, 5)[known]
        expected = functional.binary_cross_entropy_with_logits(
            logits[known], labels[known].float(), pos_weight=pos_weight
        )
    elif kind == "factors":
        weights = torch.tensor(model.config.class_weights)
        parts = [(logits[:, :2], weights[:2]), (logits[:, 2:], weights[2:])]
        summed = total = 0.0
        for i, (part, weight) in enumerate(parts):
            known = labels[:, i] >= 0
            summed += functional.cross_entropy(part[known], labels[known, i], weight, reduction="sum")
            total += weight[labels[known, i]].sum()
        expected = summed / total
    else:
        known = ~labels.isnan()
        expected = (((logits - labels) / torch.tensor([2.0, 3.0]))[known] ** 2).mean()
    assert torch.allclose(loss, expected, atol=1e-6)


def test_nothing_known_is_no_loss_and_no_nan():
    labels = torch.full((2, 3), NAN)
    logits = torch.zeros(2, 3, requires_grad=True)
    loss = classification_loss(logits, labels, "regression")
    loss.backward()
    assert loss == 0
    assert torch.equal(logits.grad, torch.zeros(2, 3))


def test_a_regression_answers_in_the_targets_own_unit():
    model = tiny("regression")
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.zero_()
    logits = model(input_ids=torch.randint(5, 99, (3, 6))).logits
    assert torch.equal(logits, torch.tensor([[5.0, 1.0]]).expand(3, 2))


def test_positive_weights_balance_both_kinds():
    assert positive_weights([2, 0, 4], [6, 5, 0]) == [3.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"label_groups": [2, 2], "num_labels": 5}, r"label_groups are \[2, 2\] for 5 labels"),
        ({"label_groups": [4, 1], "num_labels": 5}, "at least 2"),
        (
            {"label_groups": [2, 3], "num_labels": 5, "problem_type": "regression"},
            "label_groups belong to problem_type",
        ),
        ({"target_mean": [1.0], "num_labels": 1}, "belong to problem_type 'regression', not None"),
        ({"target_mean": [1.0], "num_labels": 1, "problem_type": "regression"}, "target_std: missing for 1 targets"),
        (
            {"target_mean": [1.0], "target_std": [0.0], "num_labels": 1, "problem_type": "regression"},
            "target_std holds 0.0; it must be above 0",
        ),
        ({"temperature": 2.0, "num_labels": 1, "problem_type": "regression"}, "a regression has none"),
    ],
)
def test_heads_that_cannot_be(settings, message):
    with pytest.raises(Exception, match=message):
        PooledEncoderConfig(encoder_config=BertConfig(**SMALL), **settings)


STRANGER = (
    WITHOUT_THIS_PACKAGE
    + """import torch
from transformers import AutoModelForSequenceClassification

folders, ids = json.load(sys.stdin)
found = {}
for kind, folder in folders.items():
    model = AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True)
    found[kind] = model.eval()(input_ids=torch.tensor(ids)).logits.tolist()
print(json.dumps(found))
"""
)


def test_somebody_without_this_package_loads_every_head(tmp_path):
    expected, ids = {}, [[7, 8, 9, 10]]
    for kind in HEADS:
        model = tiny(kind)
        model.save_pretrained(tmp_path / kind)
        expected[kind] = model(input_ids=torch.tensor(ids)).logits.tolist()
    folders = {kind: str(tmp_path / kind) for kind in HEADS}
    assert ask_stranger(STRANGER, [folders, ids], tmp_path, HF_HUB_OFFLINE="1") == expected
