"""Thresholds, temperatures and figures of answers, by hand-made answers on rows with a known outcome."""

import dataclasses

import numpy as np
import pytest
from qa_rows import question_dataset, question_rows

from secondopinion.core.errors import InputError
from secondopinion.training.qa_recipe import AnswerDatasetSpec, AnswerRule
from secondopinion.training.question_answering.answers import AnswerRows
from secondopinion.training.question_answering.category_calibration import category_calibration, category_temperature
from secondopinion.training.question_answering.data import from_rows
from secondopinion.training.question_answering.figures import best_span_scores, differences, measure, score, summary
from secondopinion.training.question_answering.no_answer import (
    ALWAYS_ANSWER,
    choose_threshold,
    probability_calibration,
)
from secondopinion.training.question_answering.plots import write_answer_plots
from secondopinion.training.question_answering.table import answers_table
from secondopinion.training.selection import select


@pytest.fixture(scope="module")
def data():
    return from_rows(question_dataset(question_rows(8)), AnswerDatasetSpec(), name="rows")


def right_answers(data, sure=0.9):
    """Answers that are all right, with the gold category at the probability `sure`."""
    spans = [found[0] if found else (-1, -1) for found in data.answers]
    start, end = np.array(spans).T
    top = data.category_probs.argmax(axis=1)
    categories = np.full((len(data), 5), (1 - sure) / 4)
    categories[np.arange(len(data)), top] = sure
    odds = np.where(start < 0, 2.0, -2.0)
    return AnswerRows(
        start=start,
        end=end,
        best_start=np.where(start < 0, 0, start),
        best_end=np.where(start < 0, 1, end),
        score=np.full(len(data), 0.8),
        null_odds=odds,
        no_answer_probability=1 / (1 + np.exp(-odds)),
        span_probability=np.full(len(data), 0.8),
        n_best_margin=np.full(len(data), 0.5),
        no_answer_margin=np.abs(odds),
        category_probabilities=categories,
        category_entropy=np.full(len(data), 0.4),
        raw_category_probabilities=categories,
    )


def test_right_answers_score_one(data):
    rows = np.arange(len(data))
    figures = measure(data, rows, right_answers(data), n_resamples=50)
    for name in ("exact", "f1", "HasAns_f1", "NoAns_exact", "category_macro_f1", "joint_accuracy"):
        assert figures[name] == 1.0, name
    assert figures["total"] == data.span_labelled.sum() < len(data)
    assert figures["category_total"] == data.has_category.sum() < len(data)
    assert figures["intervals"]["f1"] == [1.0, 1.0]


def test_what_a_system_does_not_do_is_left_out(data):
    rows = np.arange(len(data))
    whole = right_answers(data)
    spans = AnswerRows(**{n: c for n, c in whole.columns().items() if "category" not in n})
    categories = AnswerRows(**{n: c for n, c in whole.columns().items() if "category" in n})
    assert "category_accuracy" not in measure(data, rows, spans)
    assert "f1" not in measure(data, rows, categories)
    wrong = dataclasses.replace(whole, category_probabilities=np.roll(whole.category_probabilities, 1, axis=1))
    found = differences(data, rows, wrong, categories, 50)
    assert set(found) == {"category_accuracy", "category_macro_f1"}
    assert found["category_accuracy"]["difference"] == -1.0
    assert found["category_accuracy"]["high"] <= -0.9


def test_scores_are_none_where_a_row_lacks_the_label(data):
    scores = score(data, np.arange(len(data)), right_answers(data))
    assert [value is None for value in scores["f1"]] == (~data.span_labelled).tolist()
    assert [value is None for value in scores["category_right"]] == (~data.has_category).tolist()


def test_best_spans_are_scored_whatever_the_threshold(data):
    answers = right_answers(data)
    silent = dataclasses.replace(answers, start=np.full(len(data), -1), end=np.full(len(data), -1))
    found = best_span_scores(data, np.arange(len(data)), silent)
    assert (found["rows"] == np.flatnonzero(data.span_labelled)).all()
    assert (found["f1"] == (~found["unanswerable"]).astype(float)).all()


def test_answers_survive_the_disk_and_damage_is_named(data, tmp_path):
    answers = right_answers(data)
    answers.save(tmp_path / "a.npz")
    loaded = AnswerRows.load(tmp_path / "a.npz")
    assert all(np.array_equal(column, loaded.columns()[name]) for name, column in answers.columns().items())
    assert len(AnswerRows.concatenate([loaded, loaded.take(np.array([0]))])) == len(data) + 1
    (tmp_path / "b.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:100])
    with pytest.raises(InputError, match="does not hold answers .* delete it and train its fold again"):
        AnswerRows.load(tmp_path / "b.npz")


def brute_force(odds, score, unanswerable):
    return max(
        np.where(odds <= threshold, score, unanswerable).mean() for threshold in [*odds, odds.min() - 1, odds.max() + 1]
    )


@pytest.mark.parametrize("seed", range(8))
def test_no_threshold_is_better_than_the_chosen_one(seed):
    random = np.random.default_rng(seed)
    odds = random.normal(size=40).round(1)
    unanswerable = random.random(40) < 0.4
    worth = np.where(unanswerable, 0.0, random.random(40))
    record = choose_threshold(odds, worth, unanswerable)
    reached = np.where(odds <= record["threshold"], worth, unanswerable).mean()
    assert record["value"] == pytest.approx(reached) == pytest.approx(brute_force(odds, worth, unanswerable))
    assert record["value_always"] == pytest.approx(worth.mean())
    assert record["scale"] >= 0
    assert (record["rows"], record["unanswerable"]) == (40, int(unanswerable.sum()))


def test_rows_that_all_have_an_answer_teach_no_threshold():
    record = choose_threshold(np.array([-1.0, 5.0]), np.array([1.0, 0.0]), np.array([False, False]))
    assert record["threshold"] == ALWAYS_ANSWER
    assert "scale" not in record
    assert choose_threshold(np.zeros(0), np.zeros(0), np.zeros(0, bool))["threshold"] is None


def test_calibration_of_no_answer():
    sure = np.array([0.0, 0.0, 1.0, 1.0])
    assert probability_calibration(sure, sure > 0.5)["ece"] == 0
    found = probability_calibration(np.full(10, 0.8), np.arange(10) < 5)
    assert found["ece"] == pytest.approx(0.3)
    assert sum(entry["count"] for entry in found["bins"]) == 10


def test_temperature_cools_a_model_that_is_too_sure(data):
    rows = np.arange(len(data))
    wrong = right_answers(data, sure=0.999)
    turned = wrong.category_probabilities.copy()
    turned[::2] = np.roll(turned[::2], 1, axis=1)
    answers = dataclasses.replace(wrong, category_probabilities=turned, raw_category_probabilities=turned)
    temperature = category_temperature(data, rows, answers)
    assert temperature > 2
    cooled = turned ** (1 / temperature)
    cooled /= cooled.sum(axis=1, keepdims=True)
    found = category_calibration(data, rows, dataclasses.replace(answers, category_probabilities=cooled), temperature)
    assert found["nll"]["after"] < found["nll"]["before"]
    assert found["rows"] == data.has_category.sum()
    nothing = dataclasses.replace(data, category_probs=np.zeros_like(data.category_probs))
    assert category_temperature(nothing, rows, answers) == 1.0
    assert category_calibration(nothing, rows, answers, 1.0) is None


def test_folds_of_different_figures_are_averaged_over_what_all_have():
    found = summary([{"f1": 0.5, "exact": 0.2, "NoAns_f1": 1.0}, {"f1": 0.7, "exact": 0.4}])
    assert found["mean"] == {"exact": pytest.approx(0.3), "f1": pytest.approx(0.6)}


def test_the_declared_rule_picks_the_fold():
    folds = [{"fold": 1, "figures": {"f1": 0.5, "joint_accuracy": 0.4}}, {"fold": 2, "figures": {"f1": 0.4}}]
    chosen = select(AnswerRule(), folds)
    assert chosen["fold"] == 1
    assert chosen["rule"] == {"metric": "f1", "label": None, "mode": "max"}
    assert chosen["reason"] == "Fold 1 has the highest answer F1 of 2 folds, 0.5000, ahead of fold 2 with 0.4000."
    with pytest.raises(InputError, match="joint accuracy cannot be measured, for no row has the labels it needs"):
        select(AnswerRule("joint_accuracy"), folds)


def test_table_and_plots_show_the_baselines(data, tmp_path):
    rows = np.arange(len(data))
    answers = right_answers(data)
    figures = measure(data, rows, answers, n_resamples=50)
    single = {
        "figures": {"f1": 0.5, "exact": 0.5, "total": 36},
        "difference": differences(data, rows, answers, answers, 50),
    }
    facts = {
        "name": "mine",
        "summary": {"out_of_fold": figures},
        "single_task": {"span_only": single},
        "no_answer": {
            "threshold": -1.0,
            "rows": 9,
            "unanswerable": 2,
            "calibration": probability_calibration(answers.no_answer_probability, data.unanswerable),
        },
        "calibration": category_calibration(data, rows, answers, 1.0),
    }
    text = answers_table(facts)
    first = text.splitlines()[0]
    assert first.split() == ["mine", "95%", "interval", "span", "only", "rows"]
    assert "joint accuracy" in text
    assert "F1 of Lab Reports" in text
    assert "gain over span only: exact +0.000 [+0.000, +0.000]" in text
    assert "no answer where the null odds are above -1.00, chosen on 9 validation rows, 2 of them unanswerable" in text
    assert max(map(len, text.splitlines())) <= 110
    names = write_answer_plots(tmp_path, facts)
    assert names == ["category_calibration.png", "figures.png", "no_answer_calibration.png", "single_task.png"]
    before = {name: (tmp_path / name).read_bytes() for name in names}
    write_answer_plots(tmp_path, facts)
    assert before == {name: (tmp_path / name).read_bytes() for name in names}
    with pytest.raises(InputError, match="holds no out-of-fold figures; train it"):
        answers_table({"name": "mine"})
