"""Figures of clinical QA: scikit-learn, cases worked by hand, bad input, the module."""

from __future__ import annotations

import doctest
import json
import math
import random
from pathlib import Path

import evaluate
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_recall_fscore_support

from secondopinion.metrics.clinical_qa.clinical_qa import CATEGORIES, flatten, qa_figures, row_scores

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "metrics" / "clinical_qa"


def hot(*names):
    return [(name in names) / len(names) if names else 0.0 for name in CATEGORIES]


def true(row_id, *texts, category=(), **more):
    answers = {"text": list(texts), "answer_start": [0] * len(texts)}
    return {"id": row_id, "answers": answers, "category_probs": hot(*category), **more}


def said(row_id, text=None, category=None, **more):
    return {"id": row_id, "prediction_text": text, "category": category, **more}


def test_categories_and_joint_by_hand():
    references = [
        true("a", "rash", category=["Symptoms"]),
        true("b", "mi", category=["Diagnosis", "Symptoms"]),  # a tie: each counts as right
        true("c", "mi", category=["Diagnosis", "Symptoms"]),
        true("d", category=["Medication"]),
        true("e", "ct"),  # unlabelled
        {"id": "f", "category_probs": hot("Procedure"), "span_labelled": False},
        true("g", "k 4.1") | {"category_probs": [0.3, 0, 0.1, 0, 0.6]},
    ]
    predictions = [
        said("a", "a rash", "Symptoms"),
        said("b", "mi", "Symptoms"),
        said("c", "angina", "Procedure"),
        said("d", "", None),
        said("e", "ct", "Procedure"),
        said("f", None, "Procedure"),
        {"id": "g", "prediction_text": "k", "category_probabilities": [0.1, 0.1, 0.1, 0.1, 0.6]},
    ]
    found = qa_figures(predictions, references)
    assert (found["total"], found["HasAns_total"], found["NoAns_total"]) == (6, 5, 1)
    assert (found["exact"], found["f1"]) == (pytest.approx(4 / 6), pytest.approx((4 + 2 / 3) / 6))
    assert (found["category_accuracy"], found["category_total"]) == (pytest.approx(4 / 6), 6)
    assert (found["joint_accuracy"], found["joint_total"]) == (pytest.approx(2 / 5), 5)
    per_category = found["per_category"]
    assert list(per_category) == list(CATEGORIES)
    assert per_category["Symptoms"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 2}
    # The tie that was missed counts for the first of its categories.
    assert per_category["Diagnosis"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1}
    # No category named: recall falls, and no category has a false alarm.
    assert per_category["Medication"]["support"] == 1
    assert per_category["Procedure"]["precision"] == 0.5
    assert found["category_confusion"]["unanswered"] == [0, 1, 0, 0, 0]
    assert found["category_macro_f1"] == pytest.approx((0 + 0 + 1 + 2 / 3 + 1) / 5)
    assert row_scores(predictions, references) == {
        "id": ["a", "b", "c", "d", "e", "f", "g"],
        "exact": [1.0, 1.0, 0.0, 1.0, 1.0, None, 0.0],
        "f1": [1.0, 1.0, 0.0, 1.0, 1.0, None, pytest.approx(2 / 3)],
        "has_answer": [True, True, True, False, True, None, True],
        "category_right": [True, True, False, False, None, True, True],
        "joint": [True, True, False, False, None, None, False],
    }


@pytest.mark.filterwarnings("ignore:A single label was found")
@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30))
def test_categories_equal_scikit_learn(pairs):
    gold, named = (list(column) for column in zip(*pairs, strict=True))
    references = [{"id": at, "category_probs": hot(CATEGORIES[c]), "span_labelled": False} for at, c in enumerate(gold)]
    found = qa_figures([{"id": at, "category": CATEGORIES[c]} for at, c in enumerate(named)], references)
    assert found["category_accuracy"] == pytest.approx(accuracy_score(gold, named), abs=1e-12)
    macro = f1_score(gold, named, average="macro", zero_division=0)
    assert found["category_macro_f1"] == pytest.approx(macro, abs=1e-12)
    expected = precision_recall_fscore_support(gold, named, labels=range(5), zero_division=0)
    for name, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        assert [row[name] for row in found["per_category"].values()] == pytest.approx(list(values), abs=1e-12)
    assert found["category_confusion"]["counts"] == confusion_matrix(gold, named, labels=range(5)).tolist()
    assert not {"exact", "total", "joint_accuracy"} & found.keys()


def test_a_task_that_is_not_there_leaves_no_figures():
    references = [true("a", "rash", category=["Symptoms"]), true("b", category=["Diagnosis"])]
    spans = qa_figures([said("a", "rash"), said("b", "")], references)
    assert set(spans) == {f"{part}{name}" for part in ("", "HasAns_", "NoAns_") for name in ("exact", "f1", "total")}
    categories = qa_figures([said("a", None, "Symptoms"), said("b", None, "Symptoms")], references)
    assert not {"exact", "joint_accuracy"} & categories.keys()
    assert categories["category_accuracy"] == 0.5
    assert "HasAns_exact" not in qa_figures([said("b", "")], [true("b")])
    assert "NoAns_exact" not in qa_figures([said("b", "")], [true("b", "x")])


def sample(rows=60, seed=0):
    chance = random.Random(seed)
    words = ["the", "rash", "fever", "mg", "81", "aspirin", "daily"]

    def text():
        return " ".join(chance.choices(words, k=chance.randint(1, 4)))

    references, predictions = [], []
    for at in range(rows):
        golds = [text() for _ in range(chance.choice([0, 1, 2]))]
        categories = [chance.sample(CATEGORIES, k=chance.choice([1, 1, 2])), []][chance.random() < 0.1]
        answer = chance.choice([*golds, text(), ""])
        references.append(true(f"q{at}", *golds, category=categories))
        predictions.append(said(f"q{at}", answer, chance.choice(CATEGORIES), no_answer_probability=chance.random()))
    return predictions, references, [at // 4 for at in range(rows)]


@pytest.mark.parametrize("grouped", [False, True])
def test_order_of_rows_does_not_matter(grouped):
    predictions, references, groups = sample()
    whole = qa_figures(predictions, references, n_resamples=50, groups=groups if grouped else None)
    order = list(range(len(references)))
    random.Random(1).shuffle(order)
    references, groups = [references[at] for at in order], [groups[at] for at in order]
    again = qa_figures(predictions[::-1], references, n_resamples=50, groups=groups if grouped else None)
    assert again == whole
    if grouped:
        by_id = {row["id"]: group for row, group in zip(references, groups, strict=True)}
        assert qa_figures(predictions, references, n_resamples=50, groups=by_id) == whole


def test_result_is_plain_data_and_flattens():
    predictions, references, _ = sample()
    found = qa_figures(predictions, references, n_resamples=30)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    flat = flatten(found)
    assert set(found["intervals"]) < set(flat)
    assert flat["f1_Symptoms"] == found["per_category"]["Symptoms"]["f1"]
    assert all(0 <= flat[name] <= 1 for name in found["intervals"])
    assert flatten(flat) == flat


SOFT = st.lists(st.integers(0, 3), min_size=5, max_size=5).map(lambda n: [v / sum(n) if sum(n) else 0.0 for v in n])
ROWS = st.tuples(
    st.lists(st.sampled_from(["", "the", "rash", "a red rash", "fever, chills"]), max_size=2),
    st.sampled_from(["", "...", "rash", "red", "chills"]),
    st.none() | SOFT,
    st.none() | st.sampled_from(CATEGORIES),
    st.booleans(),
    st.floats(0, 1),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=8), st.sampled_from(["BCa", "percentile"]), st.integers(1, 4))
def test_whatever_the_rows_are_every_figure_is_a_share(rows, method, per_group):
    references, predictions = [], []
    for at, (golds, text, soft, category, labelled, no_answer) in enumerate(rows):
        references.append(true(at, *golds) | {"category_probs": soft, "span_labelled": labelled})
        predictions.append(said(at, text, category, no_answer_probability=no_answer))
    options = {"n_resamples": 12, "method": method, "groups": [at // per_group for at in range(len(rows))]}
    named = any(category for *_, category, _, _ in rows) and any(any(soft or [0]) for _, _, soft, *_ in rows)
    if not named and not any(row["span_labelled"] for row in references):
        with pytest.raises(ValueError, match="there is nothing to measure"):
            qa_figures(predictions, references, **options)
        return
    found = qa_figures(predictions, references, **options)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    flat = flatten(found)
    assert all(0 <= value <= 1 for name, value in flat.items() if not name.endswith("total"))
    assert all(0 <= low <= high <= 1 for low, high in found["intervals"].values())
    assert found.get("joint_accuracy", 0) <= 1
    if found.get("joint_total") == found.get("total") == found.get("category_total"):
        assert found["joint_accuracy"] <= min(found["exact"], found["category_accuracy"])


def test_probabilities_in_every_form():
    probs = [0.1, 0.2, 0.3, 0.2, 0.2]
    references = [true("q", category=["Symptoms"])]
    forms = [probs, np.array(probs, dtype=np.float32), dict(zip(CATEGORIES[::-1], probs[::-1], strict=True))]
    for form in forms:
        found = qa_figures([{"id": "q", "category_probabilities": form}], references)
        assert found["category_accuracy"] == 1.0
    both = {"id": "q", "category": "Diagnosis", "category_probabilities": probs}
    assert qa_figures([both], references)["category_accuracy"] == 0.0


ONE = [true("q", "rash", category=["Symptoms"])]
BAD = {
    "empty": ([], [], {}, "predictions and references are empty: there is nothing to measure"),
    "a dict of texts": ({"q": "rash"}, ONE, {}, r'predictions is a dict; give a list of dicts such as \{"id"'),
    "a row that is no dict": (["rash"], ONE, {}, r"predictions\[0\] is a str; give a dict"),
    "no id": ([{"prediction_text": "rash"}], ONE, {}, r"predictions\[0\] has the id None; give each row its own id"),
    "missing": (
        [said("q", "x")],
        [*ONE, true("r"), true("s")],
        {},
        r"2 of 3 references have no row in predictions \(first: 'r'\); give one row for each id",
    ),
    "surplus": ([said("q", "x"), said("z", "x")], ONE, {}, r"1 of 2 predictions have no reference \(first: 'z'\)"),
    "other ids": ([said("z", "x")], ONE, {}, r"1 of 1 references have no row.*; 1 of 1 predictions have no reference"),
    "repeated prediction": ([said("q", "x")] * 3, ONE, {}, r"2 ids repeat in predictions \(first: 'q'\)"),
    "repeated reference": ([said("q", "x")], ONE * 2, {}, r"1 ids repeat in references \(first: 'q'\)"),
    "category unknown": (
        [said("q", "rash", "Treatment")],
        ONE,
        {},
        "id 'q': the category 'Treatment' is unknown; known: Diagnosis, Medication, Symptoms, Procedure, Lab Reports",
    ),
    "category is a number": ([said("q", "rash", 2)], ONE, {}, "the category 2 is unknown"),
    "predicted sum": (
        [{"id": "q", "category_probabilities": [0.5, 0.4, 0, 0, 0]}],
        ONE,
        {},
        "predictions, id 'q': category_probabilities sum to 0.9; give 5 numbers that sum to one",
    ),
    "true sum": (
        [said(name, "x") for name in "qr"],
        [true(name) | {"category_probs": [1, 1, 0, 0, 0]} for name in "qr"],
        {},
        r"references, id 'q': category_probs sum to 2 \(1 more rows like it\)",
    ),
    "negative": (
        [said("q", "x")],
        [ONE[0] | {"category_probs": [1.5, -0.5, 0, 0, 0]}],
        {},
        "are negative or no number",
    ),
    "nan": ([said("q", "x")], [ONE[0] | {"category_probs": [math.nan] * 5}], {}, "are negative or no number"),
    "four": ([said("q", "x")], [ONE[0] | {"category_probs": [0.25] * 4}], {}, "category_probs has 4 values; give 5"),
    "words": ([said("q", "x")], [ONE[0] | {"category_probs": ["x"] * 5}], {}, "holds something that is no number"),
    "a text": ([said("q", "x")], [ONE[0] | {"category_probs": "Symptoms"}], {}, "category_probs is a str; give 5"),
    "lengths": (
        [said("q", "x")],
        [{"id": "q", "answers": {"text": ["a", "b"], "answer_start": [1]}}],
        {},
        "id 'q': 2 answers.text but 1 answers.answer_start; give one a text",
    ),
    "answers is a list": (
        [said("q", "x")],
        [{"id": "q", "answers": ["rash"]}],
        {},
        r'answers is not \{"text": \[...\]',
    ),
    "answers missing": ([said("q", "x")], [{"id": "q"}], {}, "span_labelled=False for a row without a span label"),
    "one text": (
        [said("q", "x")],
        [{"id": "q", "answers": {"text": "rash"}}],
        {},
        "answers.text is not a list of strings",
    ),
    "a number": ([said("q", "x")], [{"id": "q", "answers": {"text": 5}}], {}, "answers.text is not a list of strings"),
    "no text": ([said("q", 3)], ONE, {}, 'prediction_text is a int; give a string, "" for none'),
    "some texts": (
        [said("q", "x"), said("r")],
        [*ONE, true("r")],
        {},
        r"1 of 2 rows with a span label have no prediction_text in predictions \(first: 'r'\); give \"\"",
    ),
    "span_labelled": ([said("q", "x")], [ONE[0] | {"span_labelled": "no"}], {}, "span_labelled is a str; give True or"),
    "no-answer nan": (
        [said("q", "x", no_answer_probability=math.nan)],
        ONE,
        {},
        "predictions, id 'q': no_answer_probability is nan; give a number from 0 to 1",
    ),
    "no-answer odds": ([said("q", "x", no_answer_probability=-3.5)], ONE, {}, "no_answer_probability is -3.5"),
    "no-answer word": ([said("q", "x", no_answer_probability="hi")], ONE, {}, "no_answer_probability is a str"),
    "some no-answer": (
        [said("q", "x", no_answer_probability=0.5), said("r", "")],
        [*ONE, true("r")],
        {},
        r"1 of 2 rows have no no_answer_probability in predictions \(first: 'r'\)",
    ),
    "threshold": ([said("q", "x")], ONE, {"no_answer_threshold": 2}, "no_answer_threshold is 2; give a probability"),
    "threshold of nothing": ([said("q", "x")], ONE, {"no_answer_threshold": 0.5}, "give no no_answer_probability"),
    "nothing in common": (
        [said("q", None, "Symptoms")],
        [true("q", "x")],
        {},
        "there is nothing to measure: predictions",
    ),
    "resamples": ([said("q", "x")], ONE, {"n_resamples": -1}, "n_resamples is -1; give 0 for no intervals"),
    "level": ([said("q", "x")], ONE, {"n_resamples": 9, "confidence_level": 95}, "confidence_level is 95"),
    "method": ([said("q", "x")], ONE, {"n_resamples": 9, "method": "t"}, "unknown interval method 't'; known: BCa"),
    "groups": ([said("q", "x")], ONE, {"n_resamples": 9, "groups": [1, 2]}, "1 references but 2 groups"),
    "group missing": ([said("q", "x")], ONE, {"groups": [None]}, "some groups are missing"),
    "group of an id": ([said("q", "x")], ONE, {"groups": {"z": 1}}, r"1 of 1 ids have no group \(first: 'q'\)"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_says_what_came(case):
    predictions, references, options, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        qa_figures(predictions, references, **options)
    with pytest.raises(ValueError, match=message):
        evaluate.load(str(FOLDER), keep_in_memory=True).compute(
            predictions=predictions, references=references, **options
        )


def test_messages_hold_no_text_of_a_patient():
    secret = "Jane Doe of 12 Elm Street, aspirin 81 mg"
    for row in (said("q", [secret]), said("q", "x", secret), said("q", "x", no_answer_probability=secret)):
        with pytest.raises(ValueError, match="id 'q'") as caught:
            qa_figures([row], ONE)
        assert "Jane" not in str(caught.value)


def test_module_gives_what_the_function_gives():
    predictions, references, groups = sample()
    metric = evaluate.load(str(FOLDER), keep_in_memory=True)
    options = {"n_resamples": 40, "groups": groups}
    whole = qa_figures(predictions, references, **options)
    assert metric.compute(predictions=predictions, references=references, **options) == whole
    metric.add_batch(predictions=predictions[:20], references=references[:20])
    for prediction, reference in zip(predictions[20:], references[20:], strict=True):
        metric.add(prediction=prediction, reference=reference)
    assert metric.compute(**options) == whole


def test_a_batch_may_lack_what_others_have():
    metric = evaluate.load(str(FOLDER), keep_in_memory=True)
    metric.add_batch(predictions=[said("q", "rash")], references=ONE)
    metric.add_batch(predictions=[{"id": 2, "prediction_text": ""}], references=[{"id": 2, "answers": {"text": []}}])
    assert metric.compute()["exact"] == 1.0


def test_examples_run(tmp_path, monkeypatch):
    metric = evaluate.load(str(FOLDER))
    example = metric.inputs_description.split("Examples:")[1].replace('"metrics/clinical_qa"', repr(str(FOLDER)))
    test = doctest.DocTestParser().get_doctest(example, {"evaluate": evaluate}, "card", None, None)
    assert len(test.examples) >= 7
    assert doctest.DocTestRunner().run(test).failed == 0
    readme = (FOLDER / "README.md").read_text().split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(readme.replace('"metrics/clinical_qa"', repr(str(FOLDER))), names)
    assert names["results"]["joint_accuracy"] == 0.5
    assert (tmp_path / "figures.png").is_file()


def test_categories_are_those_of_the_model():
    configuration = pytest.importorskip("secondopinion.modeling.configuration_multitask_qa")
    assert tuple(configuration.CATEGORIES) == CATEGORIES
