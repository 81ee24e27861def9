"""What a configuration of the QA model settles, and what it refuses."""

import pytest
from small_encoders import ENCODERS
from transformers import AutoConfig

from secondopinion.modeling import CATEGORIES, MultiTaskQAConfig


def test_the_config_says_which_categories():
    config = MultiTaskQAConfig()
    assert CATEGORIES == ("Diagnosis", "Medication", "Symptoms", "Procedure", "Lab Reports")
    assert [config.id2label[number] for number in range(config.num_labels)] == list(CATEGORIES)
    assert config.label2id["Symptoms"] == 2
    assert config.num_shared_layers == 8


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_shared_layers": 4}, "num_shared_layers is 4; the encoder has 3 layers"),
        ({"num_shared_layers": -1}, "num_shared_layers is -1; the encoder has 3 layers"),
        ({"tasks": ["span", "triage"]}, r"tasks is \['span', 'triage'\]; name one or both of span, category"),
        ({"tasks": []}, r"tasks is \[\]; name one or both"),
        ({"tasks": ["span", "span"]}, "each of them once"),
        ({"reads_context": False}, r'reads_context is False .* Set tasks=\["category"\]'),
        ({"tasks": ["category"], "category_from": "span"}, 'category_from is "span", but no span is predicted'),
        ({"task_weights": {"span": -0.5}}, r"task_weights\['span'\] is -0.5; weights must be finite and not negative"),
        ({"task_weights": {"span": float("nan")}}, "weights must be finite"),
        ({"task_weights": {"spam": 1.0}}, r"task_weights names \['spam'\]; known tasks: span, category"),
        ({"task_weights": {"span": 0.0, "category": 0}}, "0 for span and category: nothing would be learnt"),
        ({"task_weights": {"span": 0.0}, "tasks": ["span"]}, "0 for span: nothing would be learnt"),
        ({"num_labels": 3}, "id2label has 3 labels .*; the categories are always Diagnosis, Medication"),
        ({"id2label": dict(enumerate(CATEGORIES[::-1]))}, "in this order"),
        ({"doc_stride": 384}, "doc_stride is 384 with max_length 384"),
        ({"doc_stride": -1}, "doc_stride is -1"),
        ({"max_answer_length": 0}, "max_answer_length is 0; it must be at least 1"),
        ({"n_best": 0}, "n_best is 0"),
        ({"category_temperature": 0}, "category_temperature is 0; it must be above 0"),
        ({"no_answer_threshold": float("nan")}, "no_answer_threshold is NaN"),
        ({"category_from": "answer"}, "category_from"),
        ({"task_weighting": "gradnorm"}, "task_weighting"),
        ({"category_pooling": "average"}, "category_pooling"),
        ({"num_shared_layers": 1.5}, "num_shared_layers"),
    ],
)
def test_bad_configurations_are_refused(settings, message):
    with pytest.raises(Exception, match=message):
        MultiTaskQAConfig(encoder_config=ENCODERS["bert"](), **settings)


def test_single_task_configs_have_nothing_to_branch_or_to_weigh():
    config = MultiTaskQAConfig(
        tasks=["category"], reads_context=False, num_shared_layers=4, task_weighting="uncertainty"
    )
    assert (config.num_shared_layers, config.is_branched, config.task_weighting) == (12, False, "fixed")


@pytest.mark.parametrize(("layers", "shared"), [(1, 0), (2, 1), (3, 2), (6, 4), (12, 8)])
def test_two_thirds_of_the_layers_are_shared_by_default(layers, shared):
    encoder = {"model_type": "bert", "num_hidden_layers": layers}
    assert MultiTaskQAConfig(encoder_config=encoder).num_shared_layers == shared


def test_a_configuration_is_read_as_it_was_written(tmp_path):
    given = {
        "num_shared_layers": 8,  # of 24: the default's own number
        "task_weights": {"category": 0.5},
        "no_answer_threshold": -1.5,
        "no_answer_record": {"rows": 10},
        "category_temperature": 1.2,
        "max_length": 200,
    }
    encoder = {"model_type": "bert", "num_hidden_layers": 24}
    MultiTaskQAConfig(encoder_config=encoder, **given).save_pretrained(tmp_path)
    loaded = AutoConfig.from_pretrained(tmp_path)
    assert type(loaded) is MultiTaskQAConfig
    for key, value in (given | {"task_weights": {"span": 1.0, "category": 0.5}}).items():
        assert getattr(loaded, key) == value, key
    assert loaded.id2label == dict(enumerate(CATEGORIES))
