"""The figures against scikit-learn, and the module as `evaluate` loads it."""

from __future__ import annotations

import doctest
import json
import math
from pathlib import Path

import evaluate
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_recall_fscore_support

from secondopinion.metrics.confusion import figure_names, flatten, table_figures
from secondopinion.metrics.per_class_f1.per_class_f1 import per_class_figures

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "metrics" / "per_class_f1"


@pytest.fixture(scope="module")
def metric():
    return evaluate.load(str(FOLDER))


rows = st.integers(1, 6).flatmap(
    lambda k: st.tuples(
        st.just(k),
        st.lists(st.tuples(st.integers(0, k - 1), st.integers(0, k - 1)), min_size=1, max_size=60),
    )
)


@pytest.mark.filterwarnings("ignore:A single label was found")
@settings(max_examples=200, deadline=None)
@given(rows, st.sampled_from([0.0, 1.0]))
def test_equals_scikit_learn(case, zero_division):
    k, pairs = case
    truth, said = (list(column) for column in zip(*pairs, strict=True))
    labels = list(range(k))
    figures = per_class_figures(truth, said, labels=labels, zero_division=zero_division)
    expected = precision_recall_fscore_support(truth, said, labels=labels, zero_division=zero_division)
    for name, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        found = [figures["per_class"][str(label)][name] for label in labels]
        np.testing.assert_allclose(found, values, atol=1e-12, rtol=0)
    for average in ("macro", "weighted", "micro"):
        score = f1_score(truth, said, labels=labels, average=average, zero_division=zero_division)
        assert figures[f"{average}_f1"] == pytest.approx(score, abs=1e-12)
    assert figures["accuracy"] == pytest.approx(accuracy_score(truth, said), abs=1e-12)
    assert figures["confusion_matrix"]["counts"] == confusion_matrix(truth, said, labels=labels).tolist()


def test_many_tables_at_once_equal_one_by_one():
    tables = np.random.default_rng(1).integers(0, 9, size=(20, 3, 3))
    together = table_figures(tables)
    assert together.shape == (20, len(figure_names("abc")))
    np.testing.assert_array_equal(together, np.stack([table_figures(table) for table in tables]))


def test_strings_integers_and_names_agree(metric):
    names = ["Death", "Injury", "Other"]
    truth, said = [0, 1, 1, 0, 1], [0, 1, 0, 0, 1]
    by_number = metric.compute(references=truth, predictions=said, label_names=names)
    as_text = {"references": [names[i] for i in truth], "predictions": [names[i] for i in said]}
    assert metric.compute(**as_text, label_names=names) == by_number
    assert metric.compute(**as_text, labels=names) == by_number
    assert metric.compute(references=truth, predictions=said, labels=[0, 1, 2], label_names=names) == by_number
    reversed_order = metric.compute(**as_text, labels=names[::-1])
    assert reversed_order["per_class"] == by_number["per_class"]
    assert list(reversed_order["per_class"]) == names[::-1]


def test_a_class_absent_from_the_split_counts_in_macro(metric):
    absent = metric.compute(references=[0, 1], predictions=[0, 1], label_names=["a", "b", "never"])
    assert absent["per_class"]["never"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}
    assert absent["macro_f1"] == pytest.approx(2 / 3)
    assert absent["weighted_f1"] == 1.0
    kind = metric.compute(references=[0, 1], predictions=[0, 1], label_names=["a", "b", "never"], zero_division=1)
    assert kind["macro_f1"] == 1.0


def test_result_is_plain_data(metric):
    figures = metric.compute(
        references=np.array([0, 1, 1]),
        predictions=np.array([0, 1, 0]),
        label_names=["a", "b"],
        n_resamples=50,
    )
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert set(figures["intervals"]) == set(figure_names(["a", "b"])) == set(flatten(figures))
    assert type(figures["per_class"]["a"]["support"]) is int


def test_flatten_leaves_flat_figures_alone():
    flat = flatten(per_class_figures(["x", "y"], ["x", "x"]))
    assert flatten(flat) == flat


@pytest.mark.parametrize(
    ("references", "predictions", "options", "message"),
    [
        ([], [], {}, "empty: there is nothing to measure"),
        ([0, 1], [0], {}, "2 references but 1 predictions"),
        (
            [0, 7],
            [0, 1],
            {"label_names": ["a", "b"]},
            r"references hold 7, which is none of the labels \[0, 1\]",
        ),
        (["a"], ["X"], {"labels": ["a", "b"]}, "predictions hold 'X', which is none of the labels"),
        ([0, 1], [0, "a"], {}, "integers and strings are mixed"),
        (["a", None], ["a", "a"], {}, "NoneType is among them"),
        ([0.5], [0.5], {}, "float is among them"),
        ([0], [0], {"labels": [0, 1], "label_names": ["a"]}, "2 labels but 1 label_names"),
        ([0], [0], {"label_names": ["a", "a"]}, "label_names repeat"),
        ([0], [0], {"zero_division": math.nan}, "zero_division is nan; give 0.0 or 1.0"),
        ([0], [0], {"n_resamples": -1}, "n_resamples is -1"),
        (
            [0],
            [0],
            {"n_resamples": 9, "confidence_level": 95},
            "confidence_level is 95; it lies between 0 and 1",
        ),
        (
            [0],
            [0],
            {"n_resamples": 9, "method": "bca"},
            "unknown interval method 'bca'; known: BCa, percentile",
        ),
        ([0], [0], {"n_resamples": 9, "groups": ["p", "q"]}, "1 rows but 2 groups"),
    ],
)
def test_bad_input_says_what_came(metric, references, predictions, options, message):
    with pytest.raises(ValueError, match=message):
        metric.compute(references=references, predictions=predictions, **options)


def test_rows_may_come_in_batches(metric):
    fresh = evaluate.load(str(FOLDER))
    fresh.add_batch(references=["a", "b"], predictions=["a", "a"])
    fresh.add_batch(references=["b"], predictions=["b"])
    whole = metric.compute(references=["a", "b", "b"], predictions=["a", "a", "b"])
    assert fresh.compute() == whole


def test_examples_run(metric):
    example = metric.inputs_description.split("Examples:")[1].replace('"metrics/per_class_f1"', repr(str(FOLDER)))
    test = doctest.DocTestParser().get_doctest(example, {"evaluate": evaluate}, "card", None, None)
    assert len(test.examples) >= 5
    assert doctest.DocTestRunner().run(test).failed == 0


@pytest.mark.parametrize("name", ["confusion", "intervals", "per_class_f1.per_class_f1"])
def test_docstring_examples_run(name):
    import importlib

    result = doctest.testmod(importlib.import_module(f"secondopinion.metrics.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
