"""The benchmark's figures against scikit-learn and its formula, the module as `evaluate` loads it."""

from __future__ import annotations

import doctest
import json
import math
from pathlib import Path

import evaluate
import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement
from pins import pins
from sklearn.metrics import accuracy_score, cohen_kappa_score, roc_auc_score

from secondopinion.metrics.dragon.dragon import dragon_figures, paired_dragon_difference, read_files
from secondopinion.metrics.per_class_f1.per_class_f1 import per_class_figures

FOLDER = Path(__file__).resolve().parents[2] / "metrics" / "dragon"
BINARY, CLASSES = "single_label_binary_classification", "single_label_multi_class_classification"
BINARIES, FACTORS = "multi_label_binary_classification", "multi_label_multi_class_classification"
NUMBER, NUMBERS = "single_label_regression", "multi_label_regression"


@pytest.fixture(scope="module")
def metric():
    return evaluate.load(str(FOLDER))


def close(expected):
    return None if math.isnan(expected) else pytest.approx(expected, abs=1e-12)


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0, 0.25, 0.5, 0.5001, 1])), min_size=1, max_size=40))
def test_auc_equals_scikit_learn_with_ties(pairs):
    truth, said = map(list, zip(*pairs, strict=True))
    found = dragon_figures(said, truth, BINARY)
    assert found["figure"] == "auc"
    assert found["score"] == found["auc"] == close(roc_auc_score(truth, said))
    assert found["accuracy"] == pytest.approx(accuracy_score(truth, np.array(said) > 0.5))


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[st.sampled_from(["2", "10", "9", "0"])] * 2), min_size=1, max_size=40), st.booleans())
def test_kappa_equals_scikit_learn_on_numbers_as_the_benchmark_reads_them(pairs, ordinal):
    truth, said = map(list, zip(*pairs, strict=True))
    numbers = list(map(int, truth)), list(map(int, said))
    found = dragon_figures(said, truth, CLASSES, ordinal=ordinal)
    assert found["linear_kappa"] == close(cohen_kappa_score(*numbers, weights="linear"))
    assert found["unweighted_kappa"] == close(cohen_kappa_score(*numbers))
    assert found["score"] == found["linear_kappa" if ordinal else "unweighted_kappa"]
    assert found["figure"] == ("linear_kappa" if ordinal else "unweighted_kappa")


def test_places_of_classes_that_do_not_occur_count_only_with_labels():
    truth, said = ["a", "c", "a", "c"], ["a", "c", "c", "c"]
    together = dragon_figures(said, truth, CLASSES, ordinal=True)["score"]
    assert together == pytest.approx(cohen_kappa_score(truth, said, weights="linear"))
    truth, said = [*truth, "b"], [*said, "a"]
    apart = dragon_figures(said, truth, CLASSES, ordinal=True, labels=["b", "a", "c"])["score"]
    assert apart == pytest.approx(cohen_kappa_score(truth, said, labels=["b", "a", "c"], weights="linear"))
    assert apart != pytest.approx(dragon_figures(said, truth, CLASSES, ordinal=True)["score"])


def test_r_smape_is_the_papers_formula_and_leaves_unknown_truths_out():
    draw = np.random.default_rng(0)
    truth, said = draw.lognormal(3, 1, (40, 3)), draw.lognormal(3, 1, (40, 3))
    error = np.abs(truth - said) / (np.abs(truth) + np.abs(said) + 4)
    found = dragon_figures(said, truth, NUMBERS)
    assert found["score"] == found["r_smape_score_pooled"] == pytest.approx(1 - error.mean(), abs=1e-12)
    assert found["per_label"]["label_2"]["r_smape_score"] == pytest.approx(1 - error[:, 1].mean(), abs=1e-12)
    rows = truth.tolist()
    rows[0][0], rows[5][2] = None, math.nan
    error[0, 0] = error[5, 2] = np.nan
    found = dragon_figures(said.tolist(), rows, NUMBERS)
    assert found["r_smape_score_pooled"] == pytest.approx(1 - np.nanmean(error), abs=1e-12)
    assert found["r_smape_score_macro"] == pytest.approx((1 - np.nanmean(error, axis=0)).mean(), abs=1e-12)
    small = dragon_figures([1.0], [3.0], NUMBER, epsilon=0.4)
    assert (small["score"], small["mean_absolute_error"]) == (pytest.approx(1 - 2 / 4.4), 2.0)
    assert dragon_figures([-3.0], [3.0], NUMBER)["score"] == pytest.approx(1 - 6 / 10)


def test_several_labels_are_pooled_as_in_the_benchmark_or_averaged():
    draw = np.random.default_rng(1)
    truth, said = draw.random((60, 3)) < [0.2, 0.5, 0.7], draw.random((60, 3)).round(1)
    each = [roc_auc_score(truth[:, i], said[:, i]) for i in range(3)]
    pooled = dragon_figures(said, truth, BINARIES, label_names=["polyp", "dysplasia", "cancer"])
    assert pooled["score"] == pytest.approx(roc_auc_score(truth.ravel(), said.ravel()), abs=1e-12)
    assert pooled["auc_macro"] == pytest.approx(np.mean(each), abs=1e-12)
    assert [row["auc"] for row in pooled["per_label"].values()] == pytest.approx(each, abs=1e-12)
    assert list(pooled["per_label"]) == ["polyp", "dysplasia", "cancer"]
    macro = dragon_figures(said, truth, BINARIES, average="macro")
    assert macro["score"] == macro["auc"] == pooled["auc_macro"]
    names = np.array(["mild", "severe", "urgent"])
    true, told = (names[draw.integers(0, 3, (50, 2))] for _ in range(2))
    found = dragon_figures(told, true, FACTORS)
    assert found["score"] == pytest.approx(cohen_kappa_score(true.ravel(), told.ravel()), abs=1e-12)
    kappas = [cohen_kappa_score(true[:, i], told[:, i]) for i in range(2)]
    assert found["unweighted_kappa_macro"] == pytest.approx(np.mean(kappas), abs=1e-12)
    one_class = dragon_figures([[0.9, 0.2], [0.1, 0.8]], [[1, 0], [0, 0]], BINARIES, average="macro")
    assert (one_class["score"], one_class["per_label"]["label_1"]["auc"]) == (None, 1.0)


def test_intervals_hold_the_figure_follow_groups_and_agree_with_the_sibling_metric():
    draw = np.random.default_rng(2)
    truth = draw.integers(0, 3, 120)
    said = np.where(draw.random(120) < 0.7, truth, draw.integers(0, 3, 120))
    options = {"n_resamples": 200, "groups": (np.arange(120) // 4).tolist()}
    found = dragon_figures(said, truth, CLASSES, ordinal=True, **options)
    assert found["intervals"]["accuracy"] == per_class_figures(truth, said, **options)["intervals"]["accuracy"]
    for name, (low, high) in found["intervals"].items():
        assert low < found[name] < high
    copies = dragon_figures(np.repeat(said, 4), np.repeat(truth, 4), CLASSES, n_resamples=500)["intervals"]["accuracy"]
    grouped = dragon_figures(
        np.repeat(said, 4), np.repeat(truth, 4), CLASSES, n_resamples=500, groups=np.repeat(np.arange(120), 4)
    )["intervals"]["accuracy"]
    assert grouped[1] - grouped[0] > 1.6 * (copies[1] - copies[0])
    score = np.clip(truth / 3 + draw.normal(0, 0.3, 120), 0, 1)
    area = dragon_figures(score, truth > 1, BINARY, n_resamples=500)
    rows = [draw.integers(0, 120, 120) for _ in range(200)]
    plain = np.quantile([roc_auc_score(truth[r] > 1, score[r]) for r in rows], [0.025, 0.975])
    assert area["intervals"]["auc"] == pytest.approx(plain, abs=0.04)
    undefined = dragon_figures([0.1, 0.2], [1, 1], BINARY, n_resamples=20)
    assert set(undefined["intervals"]) == {"accuracy"}


def test_two_systems_on_the_same_rows():
    draw = np.random.default_rng(3)
    truth = draw.integers(0, 2, 200)
    good, bad = (np.clip(truth * 0.5 + draw.normal(0.25, spread, 200), 0, 1) for spread in (0.2, 0.6))
    found = paired_dragon_difference(truth, good, bad, BINARY, n_resamples=500)
    assert found["difference"] == pytest.approx(roc_auc_score(truth, good) - roc_auc_score(truth, bad), abs=1e-12)
    assert 0 < found["low"] < found["difference"] < found["high"]
    assert found["p_value"] < 0.05
    classes = paired_dragon_difference(["1", "2", "3"], ["1", "2", "3"], ["1", "2", "2"], CLASSES, n_resamples=50)
    assert classes["difference"] == pytest.approx(1 - cohen_kappa_score([1, 2, 3], [1, 2, 2], labels=[1, 2, 3]))
    with pytest.raises(ValueError, match="not defined on these rows"):
        paired_dragon_difference([1, 1], [0.1, 0.2], [0.3, 0.4], BINARY, n_resamples=5)


@pytest.mark.parametrize(
    ("predictions", "references", "options", "message"),
    [
        ([], [], {}, "empty: there is nothing to measure"),
        ([0.5], [1, 0], {}, "2 references but 1 predictions"),
        ([1.2], [1], {}, r"predictions\[0\] is 1.2; give the probability of true, from 0 to 1"),
        (["yes"], [1], {}, r"predictions\[0\] is a str; give the probability"),
        ([0.5], [0.5], {}, r"references\[0\] is a float that is not true or false"),
        ([0.5], [1], {"task_type": "single_label_binary_clasification"}, f"did you mean '{BINARY}'"),
        ([0.5], [1], {"task_type": None}, "unknown task_type None; known: "),
        ([0.5], [1], {"average": "mean"}, "unknown average 'mean'; known: pooled, macro"),
        ([0.5], [1], {"labels": [0, 1]}, "labels are classes, and .* has none"),
        ([0.5, 0.5], [1, 0], {"n_resamples": 9, "groups": ["g"]}, "2 rows but 1 groups"),
        ([0.5], [1], {"n_resamples": -1}, "n_resamples is -1"),
        ([0.5], [1], {"task_type": NUMBER, "epsilon": 0}, "epsilon is 0; it must be a number above 0"),
        ([None], [1], {"task_type": NUMBER}, r"predictions\[0\] is no finite number"),
        ([1], [None], {"task_type": NUMBER}, "no reference holds a number"),
        (["a" * 30], ["b"], {"task_type": CLASSES, "labels": ["b"]}, "class of 30 characters is none of the labels"),
        ([0.5], ["a"], {"task_type": CLASSES}, r"predictions\[0\] is a float; give the name of a class"),
        ([[0.5]], [[1, 0]], {"task_type": BINARIES}, r"predictions\[0\] has 1 labels, the first reference has 2"),
        ([0.5], [[1, 0]], {"task_type": BINARIES}, r"predictions\[0\] is a float; give a list of 2 labels"),
        ([[0.5]], [[1]], {"task_type": BINARIES, "label_names": ["a", "b"]}, "label_names are .* for 1 labels"),
    ],
)
def test_bad_input_says_what_came(metric, predictions, references, options, message):
    with pytest.raises(ValueError, match=message):
        metric.compute(predictions=predictions, references=references, **{"task_type": BINARY, **options})


def test_module_takes_every_kind_in_batches_and_gives_plain_data(metric):
    with pytest.raises(ValueError, match="task_type is missing; give one of single_label_binary"):
        evaluate.load(str(FOLDER)).compute(predictions=[0.5], references=[1])
    fresh = evaluate.load(str(FOLDER))
    fresh.add_batch(predictions=np.array([[0.1, 0.9], [0.4, 0.2]]), references=[[True, False], (False, True)])
    fresh.add(prediction=[0.5, 0.5], reference=np.array([1, 0]))
    rows = {"predictions": [[0.1, 0.9], [0.4, 0.2], [0.5, 0.5]], "references": [[1, 0], [0, 1], [1, 0]]}
    whole = metric.compute(**rows, task_type=BINARIES + "_target", n_resamples=30)
    assert fresh.compute(task_type=BINARIES, n_resamples=30) == whole
    assert json.loads(json.dumps(whole, allow_nan=False)) == whole
    example = metric.inputs_description.split("Examples:")[1].replace('"metrics/dragon"', repr(str(FOLDER)))
    test = doctest.DocTestParser().get_doctest(example, {"evaluate": evaluate}, "card", None, None)
    assert len(test.examples) >= 6
    assert doctest.DocTestRunner().run(test).failed == 0


def test_files_are_matched_by_uid():
    true = [{"uid": "a", f"{NUMBER}_target": 1, "text": "x"}, {"uid": "b", f"{NUMBER}_target": None}]
    said = [{"uid": "b", NUMBER: 5.0}, {"uid": "a", NUMBER: 2.0}]
    assert read_files(true, said) == (NUMBER, [2.0, 5.0], [1, None])
    for rows, other, message in (
        (true, said[:1], "1 references have no prediction, 0 predictions no reference .first: 'a'"),
        ([*true, true[0]], said, r"references\[2\] has the uid 'a' of another row"),
        (true, [{"uid": "a"}, {"uid": "b"}], f"2 predictions have no '{NUMBER}'"),
        ([{"uid": "a"}], said, "references have 0 fields that end in '_target'"),
        ([{"id": "a"}], said, r"references\[0\] has no uid"),
        ({"uid": "a"}, said, "references is a dict; give a list"),
    ):
        with pytest.raises(ValueError, match=message):
            read_files(rows, other)


def test_the_folder_is_a_space():
    _, front, body = (FOLDER / "README.md").read_text().split("---\n", 2)
    facts = yaml.safe_load(front)
    requirements = [Requirement(line) for line in (FOLDER / "requirements.txt").read_text().splitlines()]
    for requirement in requirements:
        assert pins()[requirement.name] in requirement.specifier, requirement
    assert f"gradio=={facts['sdk_version']}" in map(str, requirements)
    assert (FOLDER / facts["app_file"]).is_file()
    assert {"evaluate", "metric"} <= set(facts["tags"])
    assert "# Metric card" in body
