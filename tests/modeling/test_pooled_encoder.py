"""The contract of the pooled classifier: every encoder, both padding sides, save → load → equal logits."""

import copy

import pytest
import torch
from transformers import (
    AlbertConfig,
    AutoConfig,
    AutoModelForSequenceClassification,
    BertConfig,
    BertModel,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    LongformerConfig,
    ModernBertConfig,
    RobertaConfig,
)

from secondopinion.modeling import POOLINGS, PooledEncoderConfig, PooledEncoderForSequenceClassification

SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "vocab_size": 100,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}
ENCODERS = {
    "bert": lambda: BertConfig(**SMALL),
    "roberta": lambda: RobertaConfig(**SMALL),
    "electra": lambda: ElectraConfig(**SMALL, embedding_size=32),
    "distilbert": lambda: DistilBertConfig(
        dim=32, n_layers=2, n_heads=2, hidden_dim=64, vocab_size=100, pad_token_id=0
    ),
    "modernbert": lambda: ModernBertConfig(**SMALL, cls_token_id=1, sep_token_id=2, bos_token_id=1, eos_token_id=2),
    "deberta-v2": lambda: DebertaV2Config(**SMALL, relative_attention=True, pos_att_type=["c2p", "p2c"]),
    "albert": lambda: AlbertConfig(**SMALL, embedding_size=16),
    "longformer": lambda: LongformerConfig(**SMALL, attention_window=8),
}


def tiny(name="bert", **settings):
    torch.manual_seed(0)
    config = PooledEncoderConfig(encoder_config=ENCODERS[name](), num_labels=3, **settings)
    model = PooledEncoderForSequenceClassification(config).eval()
    with torch.no_grad():
        model.classifier.weight.normal_(std=1.0)
    return model


def padded(ids, left, right):
    zeros = torch.zeros(1, 1, dtype=torch.long)
    mask = torch.tensor([[0] * left + [1] * ids.shape[1] + [0] * right])
    return torch.cat([zeros.expand(1, left), ids, zeros.expand(1, right)], dim=1), mask


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("name", ENCODERS)
def test_padding_on_either_side_leaves_the_logits(name, pooling):
    model = tiny(name, pooling=pooling)
    ids = torch.randint(5, 99, (1, 7), generator=torch.Generator().manual_seed(1))
    alone = model(input_ids=ids).logits
    for left, right in ((0, 5), (5, 0), (2, 3)):
        batch, mask = padded(ids, left, right)
        assert torch.allclose(model(input_ids=batch, attention_mask=mask).logits, alone, atol=2e-6)


@pytest.mark.parametrize("name", ENCODERS)
def test_batch_of_one_equals_batch_of_many(name):
    model = tiny(name)
    long, short = torch.randint(5, 99, (1, 9)), torch.randint(5, 99, (1, 4))
    batch, mask = padded(short, 0, 5)
    together = model(input_ids=torch.cat([long, batch]), attention_mask=torch.cat([torch.ones_like(long), mask])).logits
    assert torch.allclose(together[0], model(input_ids=long).logits[0], atol=2e-6)
    assert torch.allclose(together[1], model(input_ids=short).logits[0], atol=2e-6)
    assert not torch.allclose(together[0], together[1], atol=1e-3)


@pytest.mark.parametrize("name", ENCODERS)
def test_saved_and_loaded_through_the_auto_class(name, tmp_path):
    model = tiny(name, class_weights=[1.0, 2.0, 3.0], temperature=1.7)
    model.save_pretrained(tmp_path)
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    ids = torch.randint(5, 99, (2, 8))
    assert torch.equal(loaded(input_ids=ids).logits, model(input_ids=ids).logits)
    assert loaded.config.class_weights == [1.0, 2.0, 3.0]
    config = AutoConfig.from_pretrained(tmp_path)
    assert config.encoder_config.model_type == ENCODERS[name]().model_type
    assert config.auto_map["AutoModelForSequenceClassification"].endswith("PooledEncoderForSequenceClassification")


@pytest.mark.parametrize("pooling", POOLINGS)
def test_poolings_equal_their_definitions(pooling):
    model = tiny(pooling=pooling)
    ids = torch.randint(5, 99, (1, 6))
    states = model.encoder(input_ids=ids).last_hidden_state[0]
    expected = {
        "cls": states[0],
        "mean": states.mean(0),
        "max": states.max(0).values,
        "cls_mean_concat": torch.cat([states[0], states.mean(0)]),
    }[pooling]
    assert model.config.pooled_size == len(expected)
    assert torch.allclose(model(input_ids=ids).logits[0], model.classifier(expected), atol=1e-5)


def test_class_weights_and_temperature_are_in_the_loss():
    model = tiny(class_weights=[0.5, 1.0, 4.0], temperature=2.0)
    ids, labels = torch.randint(5, 99, (4, 6)), torch.tensor([0, 1, 2, 2])
    output = model(input_ids=ids, labels=labels)
    weights = torch.tensor([0.5, 1.0, 4.0])
    assert torch.allclose(output.loss, torch.nn.functional.cross_entropy(output.logits, labels, weights))
    half = model(input_ids=ids, labels=labels, num_items_in_batch=weights[labels].sum() * 2).loss
    assert torch.allclose(half * 2, output.loss)
    model.config.temperature = 1.0
    assert torch.allclose(model(input_ids=ids).logits, output.logits * 2, atol=1e-6)


@pytest.mark.parametrize("problem_type", ["regression", "multi_label_classification"])
def test_other_problem_types_have_a_loss(problem_type):
    model = tiny(problem_type=problem_type)
    ids, labels = torch.randint(5, 99, (2, 6)), torch.rand(2, 3).round()
    output = model(input_ids=ids, labels=labels)
    loss = torch.nn.MSELoss() if problem_type == "regression" else torch.nn.BCEWithLogitsLoss()
    assert torch.allclose(output.loss, loss(output.logits, labels), atol=1e-6)


def test_from_encoder_takes_the_pretrained_weights_and_drops_the_pooler(tmp_path):
    encoder = BertModel(ENCODERS["bert"]())
    encoder.save_pretrained(tmp_path)
    model = PooledEncoderForSequenceClassification.from_encoder(
        str(tmp_path), num_labels=4, encoder_overrides={"attention_probs_dropout_prob": 0.0}
    )
    assert torch.equal(model.encoder.embeddings.word_embeddings.weight, encoder.embeddings.word_embeddings.weight)
    assert model.encoder.pooler is None
    assert model.encoder.config.attention_probs_dropout_prob == 0.0
    assert str(tmp_path) not in model.config.to_json_string()


def test_every_parameter_moves_in_training_and_checkpointing_changes_nothing():
    model = tiny().train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    again = copy.deepcopy(model)
    again.gradient_checkpointing_enable()
    ids, labels = torch.randint(5, 99, (4, 6)), torch.tensor([0, 1, 2, 0])
    model(input_ids=ids, labels=labels).loss.backward()
    again(input_ids=ids, labels=labels).loss.backward()
    for (name, one), (_, two) in zip(model.named_parameters(), again.named_parameters(), strict=True):
        assert one.grad is not None, name
        assert one.grad.abs().sum() > 0 or "key.bias" in name, name
        assert torch.allclose(one.grad, two.grad, atol=1e-6), name


def test_global_attention_reaches_longformer_and_is_refused_elsewhere():
    ids = torch.randint(5, 99, (1, 24))
    mask = torch.zeros_like(ids)
    mask[:, 0] = 1
    longformer = tiny("longformer")
    assert not torch.equal(
        longformer(input_ids=ids, global_attention_mask=mask).logits, longformer(input_ids=ids).logits
    )
    with pytest.raises(ValueError, match="BertModel has no global attention"):
        tiny()(input_ids=ids, global_attention_mask=mask)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"class_weights": [1.0]}, "class_weights has 1 entries for 3 classes"),
        ({"class_weights": [1.0, -1.0, 1.0]}, "must not be negative"),
        ({"temperature": 0.0}, "temperature is 0.0; it must be above 0"),
        ({"pooling": "average"}, "pooling"),
    ],
)
def test_bad_configurations_are_refused(settings, message):
    with pytest.raises(Exception, match=message):
        PooledEncoderConfig(encoder_config=ENCODERS["bert"](), num_labels=3, **settings)


def test_a_classifier_is_not_an_encoder(tmp_path):
    tiny().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="already a PooledEncoderForSequenceClassification, not an encoder"):
        PooledEncoderForSequenceClassification.from_encoder(str(tmp_path))


def test_a_checkpoint_of_another_architecture_is_refused(tmp_path):
    from safetensors.torch import save_file

    BertModel(ENCODERS["bert"]()).save_pretrained(tmp_path)
    save_file({"something.weight": torch.zeros(2)}, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match="checkpoint of another architecture"):
        PooledEncoderForSequenceClassification.from_encoder(str(tmp_path))


def test_no_input_is_refused():
    with pytest.raises(ValueError, match="either input_ids or inputs_embeds"):
        tiny()()
