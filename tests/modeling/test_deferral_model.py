"""The contract of the deferring model: any classifier, every policy, save → load → the same decisions, anywhere."""

import copy

import pytest
import torch
from one_step import one_step
from stranger import WITHOUT_THIS_PACKAGE, ask_stranger
from tiny_encoder import save_encoder
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from secondopinion.modeling import (
    DeferralConfig,
    DeferralForSequenceClassification,
    PooledEncoderConfig,
    PooledEncoderForSequenceClassification,
)
from secondopinion.modeling.configuration_deferral import JOINT_POLICIES, POLICIES
from secondopinion.modeling.deferral_losses import deferral_score, surrogate_loss
from secondopinion.modeling.deferral_policies import DeferralPolicy
from secondopinion.modeling.deferral_signals import disagreement
from secondopinion.training.trainer import ClassificationTrainer

VOCABULARY, CLASSES = 21, 3
SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}
DISTIL = {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64, "vocab_size": VOCABULARY, "pad_token_id": 0}
CLASSIFIERS = {
    "ours": lambda: PooledEncoderForSequenceClassification(
        PooledEncoderConfig(encoder_config=BertConfig(**SMALL), num_labels=CLASSES, temperature=1.3)
    ),
    "bert": lambda: BertForSequenceClassification(BertConfig(**SMALL, num_labels=CLASSES)),
    "roberta": lambda: RobertaForSequenceClassification(RobertaConfig(**SMALL, num_labels=CLASSES)),
    "distilbert": lambda: DistilBertForSequenceClassification(DistilBertConfig(**DISTIL, num_labels=CLASSES)),
}
READS = {"signals": ["margin", "entropy", "predicted_class"], "traits": ["length", "truncated"], "max_length": 12}
LINEAR = ("compare_confidence", "logistic")
JOINTLY_TRAINED = ("ce", "ova")  # the other joint policies as they are when fitted afterwards


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return AutoTokenizer.from_pretrained(save_encoder(tmp_path_factory.mktemp("tokenizer")))


@pytest.fixture(scope="module")
def make(tokenizer):
    """`make(policy, classifier="ours", **config)` wraps a random classifier in a policy with random weights."""

    def build(policy="compare_confidence", classifier="ours", *, members=0, **settings):
        torch.manual_seed(0)
        first, *others = [spread(CLASSIFIERS[classifier]()) for _ in range(1 + members)]
        config = {**READS, "policy": policy, "expert_names": ["panel"], **settings}
        model = DeferralForSequenceClassification.from_classifier(first, tokenizer, members=others, **config).eval()
        with torch.no_grad():
            for value in model.policy.parameters():
                value.normal_(std=0.7)
        return model

    return build


def spread(classifier):
    """Let logits of random weights differ by more than rounding."""
    with torch.no_grad():
        for name, value in classifier.named_parameters():
            if value.ndim == 2:
                value.mul_(4.0 if "embed" in name else 2.0)
    return classifier.eval()


def texts(rows=6, seed=1):
    """Return (rows, 14) token ids, padded on the right, and their mask; one row is whole, all others are shorter."""
    draw = torch.Generator().manual_seed(seed)
    ids = torch.randint(4, VOCABULARY, (rows, 14), generator=draw)
    ids[:, 0] = 2
    mask = (torch.arange(14) < torch.tensor([14, *torch.randint(3, 12, (rows - 1,), generator=draw)])[:, None]).long()
    return ids * mask, mask


def settings_of(policy):
    more = {"network_size": 8} if policy == "network" else {"token_weights": policy in LINEAR}
    if policy in JOINTLY_TRAINED:
        more = {"signals": [], "traits": [], "embedding": True}
    return {**more, "loss_matrix": [[0, 2, 1], [1, 0, 1], [4, 1, 0]], "call_costs": [0.05]}


def with_threshold(model):
    """Set the threshold between two scores, so that some texts are deferred and some are not."""
    ids, mask = texts()
    scores = model(input_ids=ids, attention_mask=mask).deferral_score.detach().sort().values
    model.config.threshold = float((scores[2] + scores[3]) / 2)
    return model


def assert_same(one, two, atol=0.0):
    for name in ("logits", "expert_scores", "deferral_score"):
        assert torch.allclose(one[name], two[name], atol=atol, rtol=0), name
    assert torch.equal(one.deferred, two.deferred)
    assert torch.equal(one.expert, two.expert)


CASES = [*(("ours", policy) for policy in POLICIES), *((name, "logistic") for name in CLASSIFIERS if name != "ours")]


@pytest.fixture(scope="module")
def saved(make, tmp_path_factory):
    """(classifier, policy) → (model, its folder)."""
    root = tmp_path_factory.mktemp("saved")
    found = {}
    for name, policy in CASES:
        model = with_threshold(make(policy, name, **settings_of(policy)))
        model.save_pretrained(root / f"{name}-{policy}")
        found[name, policy] = (model, root / f"{name}-{policy}")
    return found


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_saved_and_loaded_through_the_auto_class(saved, case):
    model, folder = saved[case]
    ids, mask = texts()
    before = model(input_ids=ids, attention_mask=mask)
    loaded = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    assert_same(loaded(input_ids=ids, attention_mask=mask), before)
    assert before.deferred.sum() == 3
    assert before.expert_scores.std() > 1e-4


STRANGER = (
    WITHOUT_THIS_PACKAGE
    + """import torch
from transformers import AutoModelForSequenceClassification

asked, said = json.load(sys.stdin), []
ids, mask = torch.tensor(asked["ids"]), torch.tensor(asked["mask"])
for folder in asked["folders"]:
    model = AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True).eval()
    output = model(input_ids=ids, attention_mask=mask)
    said.append({name: output[name].tolist() for name in asked["fields"]})
print(json.dumps(said))
"""
)


def test_a_folder_alone_decides_in_a_process_without_this_package(saved, tmp_path):
    ids, mask = texts()
    fields = ["logits", "expert_scores", "deferral_score", "deferred", "expert"]
    asked = {"ids": ids.tolist(), "mask": mask.tolist(), "fields": fields}
    asked["folders"] = [str(folder) for _, folder in saved.values()]
    answers = ask_stranger(STRANGER, asked, tmp_path, HF_HUB_OFFLINE="1")
    assert len(answers) == len(saved)
    for (case, (model, _)), answer in zip(saved.items(), answers, strict=True):
        expected = model(input_ids=ids, attention_mask=mask)
        for name in fields:
            assert torch.allclose(torch.tensor(answer[name]).float(), expected[name].float(), atol=1e-6), (case, name)


@pytest.mark.parametrize("policy", POLICIES)
def test_neither_padding_nor_the_batch_changes_a_decision(make, policy):
    model = with_threshold(make(policy, **{**settings_of(policy), "embedding": True}))
    ids, mask = texts()
    together = model(input_ids=ids, attention_mask=mask)
    left = torch.stack([row.roll(14 - int(kept.sum())) for row, kept in zip(ids, mask, strict=True)])
    assert_same(model(input_ids=left, attention_mask=mask.flip(1)), together, atol=5e-6)
    for row, kept in enumerate(mask.sum(dim=1).tolist()):
        alone = model(input_ids=ids[row : row + 1, :kept])
        assert torch.allclose(alone.expert_scores, together.expert_scores[row : row + 1], atol=5e-6)
        assert alone.deferred == together.deferred[row]


@pytest.mark.parametrize("name", ["bert", "roberta", "distilbert"])
def test_stock_classifiers_answer_as_they_do_alone(make, name):
    model = make("logistic", name, token_weights=True, temperature=2.0)
    ids, mask = texts()
    inner = model.classifier(input_ids=ids, attention_mask=mask).logits
    assert torch.allclose(model(input_ids=ids, attention_mask=mask).logits, inner / 2.0, atol=1e-6)
    rows = model(input_ids=ids[:, :11], attention_mask=mask[:, :11]).expert_scores
    for row, kept in enumerate(mask[:, :11].sum(dim=1).tolist()):
        alone = model(input_ids=ids[row : row + 1, :kept]).expert_scores
        assert torch.allclose(alone, rows[row : row + 1], atol=5e-6)


def test_the_classifiers_weights_are_copied(make, tokenizer):
    classifier = CLASSIFIERS["bert"]()
    model = DeferralForSequenceClassification.from_classifier(classifier, tokenizer, policy="selective")
    for name, value in classifier.state_dict().items():
        own = model.classifier.state_dict()[name]
        assert torch.equal(own, value)
        assert own.data_ptr() != value.data_ptr(), name
    assert model.config.max_length == (tokenizer.model_max_length if tokenizer.model_max_length < 1e6 else None)


def test_a_text_that_fills_the_length_counts_as_truncated(make):
    model = make("logistic")
    ids, mask = texts()

    def column(**inputs):
        return model.read(ids, mask, **inputs)[2][:, -1].tolist()

    assert column() == [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert column(truncated=torch.tensor([0, 1, 1, 0, 0, 0])) == [0.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    model.config.max_length = None
    assert column() == [0.0] * 6
    scores = model(input_ids=ids, attention_mask=mask).expert_scores
    told = model(input_ids=ids, attention_mask=mask, truncated=torch.ones(6, dtype=torch.bool)).expert_scores
    assert ((told - scores).abs() > 1e-4).all()


def test_another_dtype_scores_but_does_not_decide(make, tmp_path):
    record = {"dtype": "float32", "backend": "torch"}
    model = make("logistic", token_weights=True, threshold=0.5, threshold_record=record)
    model.save_pretrained(tmp_path)
    ids, mask = texts()
    lower = AutoModelForSequenceClassification.from_pretrained(tmp_path, dtype=torch.bfloat16).eval()
    assert lower.classifier.dtype == torch.bfloat16
    assert {value.dtype for value in lower.policy.state_dict().values()} == {torch.float32}
    assert not any(value.is_floating_point() for value in lower.features.state_dict().values())
    with pytest.raises(ValueError, match=r"chosen with float32, but the model runs in torch.bfloat16.*= None"):
        lower(input_ids=ids, attention_mask=mask)
    with torch.autocast("cpu", torch.bfloat16), pytest.raises(ValueError, match="chosen with float32"):
        model(input_ids=ids, attention_mask=mask)
    lower.config.threshold = None
    output, whole = (m(input_ids=ids, attention_mask=mask) for m in (lower, model))
    assert not output.deferred.any()
    assert output.expert_scores.dtype == torch.float32
    assert (output.expert_scores - whole.expert_scores).abs().max() < 0.1


def test_the_threshold_is_exclusive_and_none_defers_nothing(make):
    model = make("selective")
    ids, mask = texts()
    scores = model(input_ids=ids, attention_mask=mask).deferral_score.detach()
    assert not model(input_ids=ids, attention_mask=mask).deferred.any()
    model.config.threshold = float(scores[0])
    assert torch.equal(model(input_ids=ids, attention_mask=mask).deferred, scores > scores[0])
    model.config.threshold = float(torch.finfo(torch.float32).min)
    assert model(input_ids=ids, attention_mask=mask).deferred.all()


def test_of_several_experts_the_one_that_gains_most_is_asked(make):
    names = ["panel", "novice", "model"]
    model = make("compare_confidence", expert_names=names, call_costs=[0.0, 0.0, 0.1], token_weights=True)
    ids, mask = texts(24)
    with torch.no_grad():
        model.policy.head.mean.copy_(model.read(ids, mask)[2].mean(dim=0))
        model.policy.head.output.bias.zero_()
    output = model(input_ids=ids, attention_mask=mask)
    assert output.expert_scores.shape == (24, 3)
    assert torch.equal(output.expert, output.expert_scores.argmax(dim=1))
    assert torch.equal(output.deferral_score, output.expert_scores.amax(dim=1))
    assert len(set(output.expert.tolist())) > 1
    plain = model(input_ids=ids, attention_mask=mask, return_dict=False, output_hidden_states=True)
    assert torch.equal(plain[0], output.logits)
    assert len(plain[-1]) == 3


def test_scores_equal_their_definitions():
    logits, outputs = torch.tensor([[1.0, 0.0, -1.0]]), torch.tensor([[0.3, -0.2]])
    losses = [[0.0, 2.0, 1.0], [1.0, 0.0, 1.0], [4.0, 1.0, 0.0]]
    shares = torch.softmax(logits[0], -1)
    right = 1.0 - float(shares[1] * 1.0 + shares[2] * 4.0) / 4.0  # it says class 0
    a, b = torch.sigmoid(outputs[0]).tolist()
    expected = {
        "selective": [1 - right - 0.1, 1 - right - 0.2],
        "compare_confidence": [a - right - 0.1, b - right - 0.2],
        "logistic": [a - 0.1, b - 0.2],
    }
    classifier = PooledEncoderConfig(num_labels=3)
    two = {"expert_names": ["x", "y"], "call_costs": [0.1, 0.2], "loss_matrix": losses}
    for kind, scores in expected.items():
        policy = DeferralPolicy(DeferralConfig(classifier_config=classifier, policy=kind, **two), 1, 0)
        assert policy.scores(logits, outputs)[0].tolist() == pytest.approx(scores, abs=1e-6), kind
    one = {"expert_names": ["x"], "call_costs": [0.1], "loss_matrix": losses}
    for kind, score in (("network", b - a - 0.1), ("two_stage", -0.5)):
        policy = DeferralPolicy(DeferralConfig(classifier_config=classifier, policy=kind, **one), 1, 0)
        assert policy.scores(logits, outputs)[0].tolist() == pytest.approx([score], abs=1e-6), kind
    for kind in JOINT_POLICIES:
        policy = DeferralPolicy(DeferralConfig(classifier_config=classifier, policy=kind, **two), 1, 0)
        own = [deferral_score(kind, torch.cat([logits, g], 1), 3).item() for g in outputs.split(1, 1)]
        assert policy.scores(logits, outputs)[0].tolist() == pytest.approx(own, abs=1e-6), kind


def test_members_and_dropout_are_read_the_same_way_each_time(make, tmp_path):
    model = make("logistic", members=2, mc_dropout_samples=3)
    assert model.config.forwards_per_text == 6
    ids, mask = texts()
    state = torch.random.get_rng_state()
    one = model(input_ids=ids, attention_mask=mask)
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(99)
    assert_same(model(input_ids=ids, attention_mask=mask), one)
    odd = model.classifier.encoder.encoder.layer[0].attention.output.dropout.train()
    model.read(ids, mask)
    assert [module for module in model.modules() if module.training] == [odd]
    model.eval()
    logits = torch.stack([m(input_ids=ids, attention_mask=mask).logits for m in (model.classifier, *model.members)])
    features = model.read(ids, mask)[2]
    assert torch.allclose(features[:, -2:], disagreement(logits), atol=1e-6)
    assert (features[:, -4] > 1e-6).any()
    model.save_pretrained(tmp_path)
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    assert_same(loaded(input_ids=ids, attention_mask=mask), one)


@pytest.mark.parametrize("kind", JOINT_POLICIES)
def test_a_joint_loss_trains_classifier_and_policy(make, kind):
    model = make(kind, alpha=0.5)
    ids, mask = texts()
    labels, right = torch.tensor([0, 1, 2, 0, 1, -100]), torch.tensor([1.0, 0.0, 1.0, 0.5, 1.0, 1.0])
    output = model(input_ids=ids, attention_mask=mask, labels=labels, expert_right=right)
    outputs = model.policy.outputs(model.read(ids, mask)[2], ids, mask)
    joint = torch.cat([output.logits, outputs], dim=1)
    assert torch.allclose(output.loss, surrogate_loss(kind, joint, labels, right, 0.5), atol=1e-6)
    output.loss.backward()
    for part in (model.classifier, model.policy):
        assert sum(value.grad.abs().sum() for value in part.parameters()) > 1e-3


@pytest.mark.parametrize("kind", JOINT_POLICIES)
def test_a_temperature_that_is_found_later_leaves_a_joint_policy_as_it_was_trained(make, kind):
    model = make(kind)
    ids, mask = texts()
    before = model(input_ids=ids, attention_mask=mask)
    model.config.temperature = 3.0
    after = model(input_ids=ids, attention_mask=mask)
    assert torch.allclose(after.logits, before.logits / 3.0)
    assert torch.equal(after.expert_scores, before.expert_scores)


@pytest.mark.parametrize("kind", [*JOINT_POLICIES, "two_stage", "logistic"])
def test_a_row_counts_by_the_class_weight_of_its_label(make, kind):
    model = make(kind)
    ids, mask = texts()
    labels, right = torch.tensor([0, 1, 2, 0, 1, -100]), torch.tensor([1.0, 0.0, -100.0, 0.5, 1.0, 1.0])

    def loss(rows, **options):
        given = {"input_ids": ids[rows], "attention_mask": mask[rows], "labels": labels[rows]}
        return model(**given, expert_right=right[rows], **options).loss.item()

    each = [loss([row]) for row in range(5)]
    weights = model.config.classifier_config.class_weights = [3.0, 0.5, 1.0]
    total = sum(weights[label] * own for label, own in zip(labels[:5].tolist(), each, strict=True))
    assert loss(list(range(6))) == pytest.approx(total / 8.0, abs=1e-5)
    assert loss(list(range(6)), num_items_in_batch=16.0) == pytest.approx(total / 16.0, abs=1e-5)
    assert loss([5]) == 0.0


def test_a_two_stage_loss_leaves_the_classifier_alone(make):
    model = make("two_stage", expert_names=["a", "b"], call_costs=[0.1, 0.0])
    ids, mask = texts()
    labels, right = torch.tensor([0, 1, 2, 0, 1, 2]), torch.rand(6, 2, generator=torch.Generator().manual_seed(0))
    loss = model(input_ids=ids, attention_mask=mask, labels=labels, expert_right=right).loss
    loss.backward()
    assert model.policy.head.output.weight.grad.abs().sum() > 1e-3
    assert all(value.grad is None or not value.grad.any() for value in model.classifier.parameters())
    labels[5] = -100
    some = model(input_ids=ids, attention_mask=mask, labels=labels, expert_right=right).loss
    five = model(input_ids=ids[:5], attention_mask=mask[:5], labels=labels[:5], expert_right=right[:5]).loss
    assert torch.allclose(some, five, atol=1e-6)


def test_a_fitted_policy_trains_the_classifier_by_cross_entropy(make):
    model = make("logistic")
    ids, mask = texts()
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    output = model(input_ids=ids, attention_mask=mask, labels=labels, expert_right=torch.ones(6))
    assert torch.allclose(output.loss, torch.nn.functional.cross_entropy(output.logits, labels), atol=1e-6)
    output.loss.backward()
    assert all(value.grad is None for value in model.policy.parameters())


def batches(rows=16):
    ids, mask = texts(rows, seed=3)
    draw = torch.Generator().manual_seed(4)
    return [
        {
            "input_ids": row,
            "attention_mask": kept,
            "labels": torch.randint(0, CLASSES, (), generator=draw),
            "expert_right": torch.rand((), generator=draw).round(),
        }
        for row, kept in zip(ids, mask, strict=True)
    ]


def after_one_step(make, folder, batch_size, accumulation, budget):
    model = make("ce", network_size=4)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    rows = batches()
    trainer = ClassificationTrainer(
        model=model,
        args=one_step(folder, batch_size, accumulation),
        train_dataset=rows,
        lengths=[int(row["attention_mask"].sum()) for row in rows],
        micro_batch_tokens=budget,
    )
    trainer.train()
    return before, dict(trainer.model.named_parameters())


def test_a_training_step_moves_every_parameter_however_it_is_cut(make, tmp_path):
    before, whole = after_one_step(make, tmp_path / "whole", 16, 1, 0)
    for name, value in whole.items():
        assert "key.bias" in name or not torch.equal(value, before[name]), name
    _, cut = after_one_step(make, tmp_path / "cut", 4, 4, 40)
    for name, value in whole.items():
        assert torch.allclose(value, cut[name], atol=1e-6), name


def test_gradient_checkpointing_changes_nothing(make):
    model = make("ova").train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    again = copy.deepcopy(model)
    again.gradient_checkpointing_enable()
    ids, mask = texts()
    inputs = {"input_ids": ids, "attention_mask": mask, "labels": torch.tensor([0, 1, 2, 0, 1, 2])}
    for one in (model, again):
        one(**inputs, expert_right=torch.ones(6)).loss.backward()
    assert any(getattr(module, "gradient_checkpointing", False) for module in again.modules())
    for (name, one), (_, two) in zip(model.named_parameters(), again.named_parameters(), strict=True):
        assert torch.allclose(one.grad, two.grad, atol=1e-6), name


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"expert_names": []}, "name at least one expert, each of them once"),
        ({"expert_names": ["a", "a"]}, "name at least one expert, each of them once"),
        ({"id2label": {0: "a", 1: "b"}}, "the classifier has 3 classes, the deferring model 2; leave id2label out"),
        ({"call_costs": [0.1, 0.2]}, "call_costs has 2 entries for 1 experts"),
        ({"loss_matrix": [[0, 1], [1, 0]]}, "3 classes need 3 rows of 3"),
        ({"loss_matrix": [[0, 1, 1], [1, 1, 1], [1, 1, 0]]}, "must be zero on the diagonal"),
        ({"loss_matrix": [[0, -1, 1], [1, 0, 1], [1, 1, 0]]}, "nowhere negative"),
        ({"loss_matrix": [[0, 0, 0]] * 3}, "cost something somewhere"),
        ({"temperature": 0}, "temperature is 0; it must be above 0"),
        ({"network_size": -1}, "network_size is -1; it must not be negative"),
        ({"mc_dropout_samples": -2}, "mc_dropout_samples is -2; it must not be negative"),
        ({"num_members": 0}, "num_members is 0; the classifier itself is the first"),
        ({"token_weights": True, "network_size": 4}, "token_weights belong to a linear policy"),
        ({"policy": "l2d"}, "policy"),
    ],
)
def test_bad_configurations_are_refused(settings, message):
    with pytest.raises(Exception, match=message):
        DeferralConfig(classifier_config=PooledEncoderConfig(num_labels=3), **settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"traits": ["lenght"]}, "unknown traits of a text"), ({"signals": ["certainty"]}, "certainty")],
)
def test_unknown_columns_are_refused(settings, message):
    config = DeferralConfig(classifier_config=PooledEncoderConfig(encoder_config=BertConfig(**SMALL)), **settings)
    with pytest.raises(ValueError, match=message):
        DeferralForSequenceClassification(config)


def test_only_classifiers_of_one_class_can_be_wrapped(tokenizer):
    for settings in ({"num_labels": 1}, {"num_labels": 3, "problem_type": "multi_label_classification"}):
        classifier = BertForSequenceClassification(BertConfig(**SMALL, **settings))
        with pytest.raises(ValueError, match="needs a classifier that gives one of several classes"):
            DeferralForSequenceClassification.from_classifier(classifier, tokenizer)
    other = BertForSequenceClassification(BertConfig(**{**SMALL, "hidden_size": 16}, num_labels=3))
    with pytest.raises(ValueError, match="member 1 .*same configuration"):
        DeferralForSequenceClassification.from_classifier(CLASSIFIERS["bert"](), tokenizer, members=[other])


def test_a_classifier_is_given_by_its_folder(tokenizer, tmp_path):
    classifier = CLASSIFIERS["roberta"]()
    classifier.save_pretrained(tmp_path)
    model = DeferralForSequenceClassification.from_classifier(str(tmp_path), tokenizer, policy="selective").eval()
    ids, mask = texts()
    own = classifier.eval()(input_ids=ids, attention_mask=mask).logits
    assert torch.equal(model(input_ids=ids, attention_mask=mask).logits, own)
    assert str(tmp_path) not in model.config.to_json_string()
