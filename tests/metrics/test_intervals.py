"""Multinomial resampling against SciPy's bootstrap, groups, and the paired difference."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy.stats import bootstrap as scipy_bootstrap

from secondopinion.metrics.confusion import confusion_table, figure_names, table_figures
from secondopinion.metrics.intervals import Resampler, figure_intervals, paired_difference, paired_differences

NAMES = ["Death", "Injury", "Other"]


def sample(rows, seed=0, right=0.75):
    generator = np.random.default_rng(seed)
    truth = generator.choice(3, rows, p=[0.2, 0.5, 0.3])
    return truth, np.where(generator.random(rows) < right, truth, generator.choice(3, rows))


@pytest.mark.parametrize("method", ["BCa", "percentile"])
@pytest.mark.parametrize("figure", ["macro_f1", "f1_Death", "recall_Other"])
def test_agrees_with_scipy(method, figure):
    truth, said = sample(150)
    column = figure_names(NAMES).index(figure)

    def statistic(truth, said, axis=-1):
        cells = truth * 3 + said
        tables = (cells[..., None] == np.arange(9)).sum(axis=-2).reshape(*cells.shape[:-1], 3, 3)
        return table_figures(tables)[..., column]

    theirs = scipy_bootstrap(
        (truth, said),
        statistic,
        paired=True,
        n_resamples=6000,
        method=method,
        rng=np.random.default_rng(5),
        batch=500,
    ).confidence_interval
    ours = figure_intervals(truth, said, NAMES, n_resamples=6000, method=method, random_state=6)[figure]
    width = theirs.high - theirs.low
    assert ours == pytest.approx([theirs.low, theirs.high], abs=0.06 * width)


def test_resampled_groups_are_whole_groups():
    cells = np.array([0, 0, 3, 3, 1])
    resampler = Resampler(cells, 4, groups=["p", "p", "q", "q", "r"])
    counts = np.concatenate(list(resampler.draws(500, random_state=0)))
    assert set(np.unique(counts[:, 0])) <= {0, 2, 4, 6}
    assert (counts[:, 0] / 2 + counts[:, 3] / 2 + counts[:, 1] == 3).all()
    assert (counts[:, 2] == 0).all()


def test_group_draws_have_the_right_mean_and_spread():
    generator = np.random.default_rng(3)
    groups = generator.integers(0, 40, 300)
    cells = generator.integers(0, 4, 300)
    tables = np.stack([np.bincount(cells[groups == g], minlength=4) for g in np.unique(groups)])
    counts = np.concatenate(list(Resampler(cells, 4, groups).draws(20_000, random_state=1)))
    n = len(tables)
    np.testing.assert_allclose(counts.mean(axis=0), tables.sum(axis=0), rtol=0.01)
    np.testing.assert_allclose(counts.var(axis=0), n * tables.var(axis=0), rtol=0.05)


def test_groups_of_one_equal_rows_and_copies_widen():
    truth, said = sample(200)
    plain = figure_intervals(truth, said, NAMES, random_state=0)
    singles = figure_intervals(truth, said, NAMES, random_state=0, groups=np.arange(200))
    copies = {"groups": np.tile(np.arange(200), 4), "random_state": 0}
    copied = figure_intervals(np.tile(truth, 4), np.tile(said, 4), NAMES, **copies)
    naive = figure_intervals(np.tile(truth, 4), np.tile(said, 4), NAMES, random_state=0)
    low, high = plain["macro_f1"]
    assert singles["macro_f1"] == pytest.approx([low, high], abs=0.02)
    assert copied["macro_f1"] == pytest.approx([low, high], abs=0.02)
    assert naive["macro_f1"][1] - naive["macro_f1"][0] < 0.7 * (high - low)


def test_interval_covers_the_truth_about_as_often_as_it_says():
    recall, covered = 0.8, 0
    for seed in range(200):
        hits = np.random.default_rng(seed).random(120) < recall
        truth, said = np.zeros(120, dtype=int), np.where(hits, 0, 1)
        low, high = figure_intervals(truth, said, ["a", "b"], n_resamples=600, random_state=seed)["recall_a"]
        covered += low <= recall <= high
    assert 0.90 <= covered / 200 <= 0.99


@pytest.mark.parametrize("groups", [None, ["g"] * 4])
def test_what_no_resample_changes_has_no_width(groups):
    truth = np.array([0, 0, 0, 0])
    intervals = figure_intervals(truth, truth, ["a", "b"], n_resamples=100, groups=groups)
    assert intervals["f1_a"] == [1.0, 1.0]
    assert intervals["f1_b"] == [0.0, 0.0]


def test_one_row():
    intervals = figure_intervals(np.array([0]), np.array([1]), ["a", "b"], n_resamples=10)
    assert all(ends == [0.0, 0.0] for ends in intervals.values())


def test_same_seed_same_interval():
    truth, said = sample(80)
    assert figure_intervals(truth, said, NAMES, random_state=4) == figure_intervals(truth, said, NAMES, random_state=4)
    assert figure_intervals(truth, said, NAMES, random_state=4) != figure_intervals(truth, said, NAMES, random_state=5)


def test_paired_difference_is_the_difference_and_narrower_than_unpaired():
    truth, a = sample(400, right=0.8)
    b = np.where(np.random.default_rng(9).random(400) < 0.05, (truth + 1) % 3, a)
    found = paired_differences(truth, a, b, label_names=NAMES)
    figures = [table_figures(confusion_table(truth, said, 3)) for said in (a, b)]
    for name, first, second in zip(figure_names(NAMES), *figures, strict=True):
        assert found[name]["difference"] == pytest.approx(first - second, abs=1e-12)
        assert found[name]["low"] <= found[name]["difference"] <= found[name]["high"]
    own = figure_intervals(truth, a, NAMES)["macro_f1"]
    assert found["macro_f1"]["high"] - found["macro_f1"]["low"] < own[1] - own[0]
    assert found["macro_f1"]["low"] > 0
    assert paired_difference(truth, a, b, "macro_f1", label_names=NAMES) == found["macro_f1"]


def test_paired_difference_agrees_with_scipy():
    truth, a = sample(150, right=0.8)
    b = sample(150, right=0.8, seed=0)[1]
    b[::7] = (b[::7] + 1) % 3

    def statistic(truth, a, b, axis=-1):
        def macro(said):
            cells = truth * 3 + said
            tables = (cells[..., None] == np.arange(9)).sum(axis=-2).reshape(*cells.shape[:-1], 3, 3)
            return table_figures(tables)[..., 1]

        return macro(a) - macro(b)

    theirs = scipy_bootstrap(
        (truth, a, b), statistic, paired=True, n_resamples=6000, rng=np.random.default_rng(5), batch=500
    ).confidence_interval
    ours = paired_difference(truth, a, b, "macro_f1", n_resamples=6000, random_state=6)
    width = theirs.high - theirs.low
    assert [ours["low"], ours["high"]] == pytest.approx([theirs.low, theirs.high], abs=0.06 * width)


def test_paired_difference_with_groups_and_bad_names():
    truth, a = sample(100)
    groups = np.arange(100) // 5
    found = paired_difference(truth, a, truth, "accuracy", groups=groups)
    assert found["high"] < 0
    with pytest.raises(ValueError, match=r"unknown figure 'f1_Deth'; known: accuracy, macro_f1"):
        paired_difference(truth, a, a, "f1_Deth", label_names=NAMES)
    with pytest.raises(ValueError, match="100 references, 100 and 99 predictions"):
        paired_difference(truth, a, a[:-1], label_names=NAMES)


def test_memory_stays_bounded_with_many_groups():
    generator = np.random.default_rng(0)
    truth, said = generator.integers(0, 4, (2, 60_000))
    groups = generator.integers(0, 3_000, 60_000)
    tracemalloc.start()
    figure_intervals(truth, said, list("abcd"), n_resamples=1000, groups=groups)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150 * 2**20
