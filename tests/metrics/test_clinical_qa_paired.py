"""Intervals and paired differences of clinical QA against resampling done row by row, and against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap as scipy_bootstrap
from sklearn.metrics import f1_score

from secondopinion.metrics.clinical_qa.clinical_qa import (
    CATEGORIES,
    paired_qa_difference,
    paired_qa_differences,
    qa_figures,
    row_scores,
)
from secondopinion.metrics.clinical_qa.paired import FIGURES
from secondopinion.metrics.clinical_qa.resample import SumResampler

WORDS = ["rash", "fever", "aspirin", "mg", "daily", "left", "knee"]


def sample(rows=120, right=0.7, seed=0, per_note=1, unanswerable=0.2):
    """Answers of one system; rows of one note share whether the model is good at them."""
    chance, truth = np.random.default_rng([seed, 1]), np.random.default_rng(0)
    references, predictions = [], []
    for at in range(rows):
        if at % per_note == 0:
            luck = chance.random() < right
        words = truth.permutation(WORDS)[:3]
        gold = [] if truth.random() < unanswerable else [" ".join(words)]
        category = int(truth.integers(0, 5))
        hit = luck if per_note > 1 else chance.random() < right
        text = (gold or [""])[0] if hit else " ".join(chance.permutation(WORDS)[: chance.integers(1, 5)])
        named = category if chance.random() < right else int(chance.integers(0, 5))
        probs = np.eye(5)[category].tolist()
        answers = {"text": gold, "answer_start": [0] * len(gold)}
        references.append({"id": f"q{at:04}", "answers": answers, "category_probs": probs})
        predictions.append({"id": f"q{at:04}", "prediction_text": text, "category": CATEGORIES[named]})
    return predictions, references, [at // per_note for at in range(rows)]


@pytest.mark.parametrize("method", ["BCa", "percentile"])
def test_interval_of_f1_agrees_with_scipy(method):
    predictions, references, _ = sample()
    f1 = np.array(row_scores(predictions, references)["f1"])
    theirs = scipy_bootstrap(
        (f1,), np.mean, n_resamples=9000, method=method, rng=np.random.default_rng(3), vectorized=True
    ).confidence_interval
    ours = qa_figures(predictions, references, n_resamples=9000, method=method)["intervals"]["f1"]
    assert ours == pytest.approx([theirs.low, theirs.high], abs=0.05 * (theirs.high - theirs.low))


def by_hand(predictions, references, groups, figure, draws, seed=5):
    """Return the percentile interval of whole groups drawn with replacement, one resample after another."""
    chance, scores = np.random.default_rng(seed), row_scores(predictions, references)
    members = [np.flatnonzero(np.array(groups) == group) for group in sorted(set(groups))]
    f1, has = np.array(scores["f1"]), np.array(scores["has_answer"])
    gold = np.array([np.argmax(row["category_probs"]) for row in references])
    named = np.array([CATEGORIES.index(row["category"]) for row in predictions])
    found = []
    for _ in range(draws):
        rows = np.concatenate([members[at] for at in chance.integers(0, len(members), len(members))])
        if figure == "HasAns_f1":
            found.append(f1[rows][has[rows]].mean())
        else:
            found.append(f1_score(gold[rows], named[rows], average="macro", zero_division=0))
    return np.quantile(found, [0.025, 0.975])


@pytest.mark.parametrize(("figure", "draws"), [("HasAns_f1", 3000), ("category_macro_f1", 400)])
def test_groups_are_resampled_whole(figure, draws):
    predictions, references, groups = sample(per_note=6)
    expected = by_hand(predictions, references, groups, figure, draws)
    found = qa_figures(predictions, references, n_resamples=4000, groups=groups, method="percentile")["intervals"]
    assert found[figure] == pytest.approx(expected.tolist(), abs=0.12 * (expected[1] - expected[0]))


def test_rows_of_one_note_widen_the_interval():
    predictions, references, groups = sample(per_note=6)
    low, high = qa_figures(predictions, references, n_resamples=1500)["intervals"]["exact"]
    wide_low, wide_high = qa_figures(predictions, references, n_resamples=1500, groups=groups)["intervals"]["exact"]
    assert wide_high - wide_low > 1.5 * (high - low)


def test_every_figure_has_an_interval_around_it():
    predictions, references, groups = sample()
    found = qa_figures(predictions, references, n_resamples=400, groups=groups)
    names = [*FIGURES, "HasAns_exact", "HasAns_f1", "NoAns_exact", "NoAns_f1"]
    for name in names:
        low, high = found["intervals"][name]
        assert low < found[name] < high
    by_category = {f"{kind}_{name}" for kind in ("f1", "precision", "recall") for name in CATEGORIES}
    assert set(found["intervals"]) == {*names, *by_category}


def test_what_no_resample_changes_has_no_width():
    answers = {"text": ["red rash"], "answer_start": [0]}
    references = [{"id": at, "answers": answers} for at in range(7)]
    found = qa_figures([{"id": at, "prediction_text": "rash"} for at in range(7)], references, n_resamples=60)
    assert found["f1"] == pytest.approx(2 / 3)
    assert found["intervals"]["f1"] == [found["f1"], found["f1"]]


def test_a_part_that_a_resample_may_lack():
    """One unanswerable question in twelve: about a third of the resamples hold none."""
    predictions, references, _ = sample(rows=12, unanswerable=0)
    references[3]["answers"] = {"text": [], "answer_start": []}
    predictions[3]["prediction_text"] = "rash"
    found = qa_figures(predictions, references, n_resamples=300)
    assert found["NoAns_total"] == 1
    assert found["intervals"]["NoAns_exact"] == [0.0, 0.0]


def test_sums_are_drawn_as_rows_are():
    values = np.array([[1.0, 0.5], [0.0, 0.5], [1.0, 0.5], [0.0, 0.0]])
    resampler = SumResampler(values)
    assert (resampler.units, sorted(resampler.times.tolist())) == (4, [1, 1, 2])
    assert resampler.total.tolist() == [2.0, 1.5]
    left_out = np.repeat(np.concatenate(list(resampler.leave_one_out())), resampler.times, axis=0)
    assert sorted(left_out.tolist()) == sorted((values.sum(axis=0) - values).tolist())
    drawn = np.concatenate(list(resampler.draws(4000, 0)))
    assert drawn.mean(axis=0) == pytest.approx(values.sum(axis=0), abs=0.05)
    assert np.cov(drawn.T) == pytest.approx(4 * np.cov(values.T, bias=True), rel=0.12)
    grouped = SumResampler(values, ["x", "y", "x", "y"])
    assert sorted(grouped.patterns.toarray().tolist()) == [[0.0, 0.5], [2.0, 1.0]]


def test_paired_difference_is_the_difference():
    a, references, groups = sample(right=0.8, seed=1)
    b, _, _ = sample(right=0.5, seed=2)
    figures_a, figures_b = qa_figures(a, references), qa_figures(b, references)
    found = paired_qa_differences(a, b, references, n_resamples=600, groups=groups)
    assert tuple(found) == FIGURES
    for name, row in found.items():
        assert (row["a"], row["b"]) == (figures_a[name], figures_b[name])
        assert row["difference"] == pytest.approx(figures_a[name] - figures_b[name], abs=1e-12)
        assert row["low"] < row["difference"] < row["high"]
        assert (row["p_value"] < 0.05) == (row["low"] > 0 or row["high"] < 0)
    assert found["exact"]["p_value"] < 0.01
    alone = paired_qa_difference(a, b, references, "exact", n_resamples=600, groups=groups)
    assert alone == pytest.approx(found["exact"], rel=1e-9)
    back = paired_qa_differences(b, a, references, n_resamples=600, groups=groups)
    assert back["f1"]["difference"] == -found["f1"]["difference"]


def test_paired_difference_agrees_with_scipy():
    a, references, _ = sample(rows=200, right=0.75, seed=1)
    b, _, _ = sample(rows=200, right=0.65, seed=2)
    first, second = (np.array(row_scores(rows, references)["f1"]) for rows in (a, b))
    theirs = scipy_bootstrap(
        (first - second,), np.mean, n_resamples=9000, rng=np.random.default_rng(3), vectorized=True
    ).confidence_interval
    ours = paired_qa_difference(a, b, references, n_resamples=9000)
    width = theirs.high - theirs.low
    assert [ours["low"], ours["high"]] == pytest.approx([theirs.low, theirs.high], abs=0.05 * width)


def test_paired_is_narrower_than_unpaired_and_pairs_by_id():
    a, references, _ = sample(rows=200)
    b = [dict(row) for row in a]
    for row in b[::20]:
        row["prediction_text"] = "elsewhere"
    paired = paired_qa_difference(a, b[::-1], references[::-1], "exact", n_resamples=800)
    assert paired == paired_qa_difference(a, b, references, "exact", n_resamples=800)
    low, high = qa_figures(a, references, n_resamples=800)["intervals"]["exact"]
    assert paired["high"] - paired["low"] < high - low
    assert paired["low"] > 0


def test_equal_systems_do_not_differ():
    a, references, groups = sample()
    for row in paired_qa_differences(a, a[::-1], references, n_resamples=200, groups=groups).values():
        assert (row["difference"], row["low"], row["high"], row["p_value"]) == (0.0, 0.0, 0.0, 1.0)


def test_a_single_task_system_is_compared_where_it_can_be():
    a, references, _ = sample()
    spans = [{"id": row["id"], "prediction_text": row["prediction_text"]} for row in a]
    categories = [{"id": row["id"], "category": row["category"]} for row in a]
    assert list(paired_qa_differences(a, spans, references, n_resamples=20)) == ["exact", "f1"]
    found = paired_qa_differences(a, categories, references, n_resamples=20)
    assert list(found) == ["category_accuracy", "category_macro_f1"]
    with pytest.raises(ValueError, match="no figure that both systems have; both have: none"):
        paired_qa_differences(spans, categories, references, n_resamples=20)
    with pytest.raises(ValueError, match="no figure 'joint_accuracy' of both systems; both have: exact, f1"):
        paired_qa_difference(a, spans, references, "joint_accuracy", n_resamples=20)


def test_bad_rows_are_said_to_be_those_of_a_or_b():
    a, references, _ = sample(rows=4)
    with pytest.raises(ValueError, match="1 of 4 references have no row in predictions_b"):
        paired_qa_differences(a, a[1:], references)
    with pytest.raises(ValueError, match=r"predictions_a\[0\] is a str"):
        paired_qa_differences(["x"], a, references)
    with pytest.raises(ValueError, match="n_resamples is 0; at least 1 is needed"):
        paired_qa_differences(a, a, references, n_resamples=0)


def test_many_rows_and_groups_fit_in_little_memory():
    import tracemalloc

    generator = np.random.default_rng(0)
    values = np.round(generator.random((30_000, 41)), 2)
    tracemalloc.start()
    resampler = SumResampler(values, generator.integers(0, 3_000, 30_000))
    for drawn in resampler.draws(1000, 0):
        assert drawn.shape[1] == 41
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150 * 2**20
