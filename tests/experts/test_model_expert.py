"""A classifier of the Hub, or a function, as expert."""

import numpy as np
import pytest
from tiny_encoder import save_encoder

from secondopinion.core.errors import InputError
from secondopinion.experts import ModelExpert

CLASSES = ["Death", "Injury", "Malfunction"]
TEXTS = ["patient died", "the pump failed " * 30, "injury of the patient and a hospital", "", "battery"]


def save_classifier(folder, names, **settings):
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    save_encoder(folder)
    torch.manual_seed(8)
    config = BertConfig.from_pretrained(folder)
    config.id2label = dict(enumerate(names))
    config.label2id = {name: i for i, name in enumerate(names)}
    # Weights far from zero, so that texts get different classes.
    config.initializer_range = 0.5
    for name, value in settings.items():
        setattr(config, name, value)
    model = BertForSequenceClassification(config)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return save_classifier(tmp_path_factory.mktemp("models") / "tiny", ["injury", "MALFUNCTION", "death"])


def direct(folder, texts, max_length=62):
    """Probabilities of each text on its own, in the model's order of classes."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        rows = [
            model(**tokenizer(text, truncation=True, max_length=max_length, return_tensors="pt")).logits
            for text in texts
        ]
    return torch.cat(rows).softmax(-1).numpy()


def test_classes_are_mapped_by_name_and_probabilities_put_in_our_order(classifier):
    expert = ModelExpert(classifier, CLASSES)
    votes = expert(TEXTS, ids=list("abcde"))
    expected = direct(classifier, TEXTS)[:, [2, 0, 1]]
    assert [vote.id for vote in votes] == list("abcde")
    np.testing.assert_allclose([vote.probabilities for vote in votes], expected, atol=1e-5)
    assert [vote.label for vote in votes] == [CLASSES[i] for i in expected.argmax(axis=1)]
    assert len({vote.label for vote in votes}) > 1
    assert all(vote.expert == "tiny" and vote.error is None and vote.latency_s >= 0 for vote in votes)


def test_batches_do_not_change_the_answers(classifier):
    one, many = ModelExpert(classifier, CLASSES, token_budget=1), ModelExpert(classifier, CLASSES, token_budget=4096)
    for a, b in zip(one(TEXTS), many(TEXTS), strict=True):
        np.testing.assert_allclose(a.probabilities, b.probabilities, atol=1e-5)


def test_long_texts_are_cut_to_what_the_model_takes(classifier):
    expert = ModelExpert(classifier, CLASSES)
    assert expert.max_length == 62
    short = ModelExpert(classifier, CLASSES, max_length=5)
    np.testing.assert_allclose(
        short(TEXTS[1:2])[0].probabilities, direct(classifier, TEXTS[1:2], 5)[0, [2, 0, 1]], atol=1e-5
    )


def test_several_of_its_classes_may_stand_for_one_of_ours(classifier):
    label_map = {"injury": "harm", "death": "harm", "MALFUNCTION": "none"}
    votes = ModelExpert(classifier, ["none", "harm"], label_map)(TEXTS)
    theirs = direct(classifier, TEXTS)
    np.testing.assert_allclose([vote.probabilities[1] for vote in votes], theirs[:, 0] + theirs[:, 2], atol=1e-5)


def test_facts_hold_no_path(classifier):
    facts = ModelExpert(classifier, CLASSES, name="other").facts()
    assert (facts["name"], facts["model"], facts["remote"]) == ("other", "tiny", False)
    assert str(classifier.parent) not in str(facts)


@pytest.mark.parametrize(
    ("names", "label_map", "message"),
    [
        (["Death", "Injury"], None, r"do not fit \['Death', 'Injury'\].*MALFUNCTION.*label_map=\{'injury': 'Death'"),
        ([*CLASSES, "Other"], None, r"without counterpart: \['Other'\]"),
        (["no", "yes"], {"injury": "yes", "death": "yes"}, r"without counterpart: \['MALFUNCTION'\]"),
        (["no", "yes"], {"injury": "maybe"}, "label_map leads to 'maybe', which is no class"),
        (["yes"], None, "at least two different classes"),
    ],
)
def test_classes_that_do_not_fit(classifier, names, label_map, message):
    with pytest.raises(InputError, match=message):
        ModelExpert(classifier, names, label_map)


def test_models_that_are_no_classifier_of_one_class(tmp_path):
    with pytest.raises(InputError, match="could not be loaded"):
        ModelExpert(tmp_path / "nothing", CLASSES)
    several = save_classifier(tmp_path / "several", CLASSES, problem_type="multi_label_classification")
    with pytest.raises(InputError, match="no classifier of one class a text"):
        ModelExpert(several, CLASSES)
    encoder = save_encoder(tmp_path / "encoder")
    with pytest.raises(InputError, match=r"holds no weights for classifier\.bias"):
        ModelExpert(encoder, ["a", "b"], {"LABEL_0": "a", "LABEL_1": "b"})


def test_a_network_gone_wrong_gives_no_class(tmp_path):
    import torch
    from transformers import AutoModelForSequenceClassification

    folder = save_classifier(tmp_path / "broken", CLASSES)
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    torch.nn.init.constant_(model.classifier.bias, float("nan"))
    model.save_pretrained(folder)
    vote = ModelExpert(folder, CLASSES)(["patient died"])[0]
    assert (vote.label, vote.probabilities, vote.error) == (None, None, "the model's answer is not a number")


def test_our_own_kind_of_model_loads(tmp_path):
    from secondopinion.modeling import PooledEncoderConfig, PooledEncoderForSequenceClassification

    encoder = save_encoder(tmp_path / "encoder")
    from transformers import AutoConfig, AutoTokenizer

    config = PooledEncoderConfig(
        encoder_config=AutoConfig.from_pretrained(encoder),
        id2label=dict(enumerate(CLASSES)),
        label2id={name: i for i, name in enumerate(CLASSES)},
    )
    folder = tmp_path / "pooled"
    PooledEncoderForSequenceClassification(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(encoder).save_pretrained(folder)
    assert [len(vote.probabilities) for vote in ModelExpert(folder, CLASSES)(TEXTS)] == [3] * 5


@pytest.mark.parametrize(
    ("answer", "label", "probabilities", "error"),
    [
        ("yes", "yes", None, None),
        ("Yes", "yes", None, None),
        ({"label": "no", "score": 0.8}, "no", None, None),
        ({"label": "no", "probabilities": [3.0, 1.0]}, "no", [0.75, 0.25], None),
        ([{"label": "yes", "score": 0.9}, {"label": "no", "score": 0.1}], "yes", [0.1, 0.9], None),
        ([{"label": "yes", "score": float("nan")}], None, None, "the model's answer is not a number"),
        ("perhaps", None, None, "the function's answer is outside the classes"),
        ([{"label": "perhaps", "score": 1.0}], None, None, "the function's answer is outside the classes"),
        (None, None, None, "the function gave no class"),
    ],
)
def test_answers_of_a_function(answer, label, probabilities, error):
    vote = ModelExpert(lambda texts: [answer] * len(texts), ["no", "yes"], name="rule")(["some text"])[0]
    assert (vote.label, vote.error) == (label, error)
    assert vote.probabilities == (probabilities and pytest.approx(probabilities))
    assert vote.raw is None


def test_a_pipeline_is_a_function(classifier):
    from transformers import pipeline

    pipe = pipeline("text-classification", model=str(classifier), top_k=None, max_length=62, truncation=True)
    votes = ModelExpert(pipe, CLASSES, name="pipe")(TEXTS)
    np.testing.assert_allclose(
        [vote.probabilities for vote in votes], direct(classifier, TEXTS)[:, [2, 0, 1]], atol=1e-5
    )


def test_functions_that_do_not_keep_to_the_form():
    for answer in ("yes", ["yes"], {"label": "yes"}, 3):
        with pytest.raises(InputError, match="one answer a text"):
            ModelExpert(lambda texts, answer=answer: answer, ["no", "yes"])(["a", "b"])
    expert = ModelExpert(lambda texts: ["yes"] * len(texts), ["no", "yes"], name="rule")
    assert expert([]) == []
    with pytest.raises(InputError, match="2 texts and 1 ids"):
        expert(["a", "b"], ids=["1"])
