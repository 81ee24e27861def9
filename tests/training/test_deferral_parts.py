"""Three parts that share no group, whatever the rows' order; in-sample predictions are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondopinion.core.errors import InputError
from secondopinion.training.deferral_parts import require_out_of_fold, split_parts
from secondopinion.training.folds import make_folds

IDS = [f"row {i}" for i in range(600)]
GROUPS = [f"group {i // 3}" for i in range(600)]
FOLDS = np.array([1 + (i // 3) % 5 for i in range(600)])


def names(parts, ids):
    return [{ids[i] for i in rows} for rows in (parts.fit, parts.choose, parts.certify)]


def test_the_published_fold_chooses_and_certifies_and_the_others_fit():
    parts = split_parts(IDS, GROUPS, FOLDS, 3)
    assert parts.fit.tolist() == np.flatnonzero(FOLDS != 3).tolist()
    held_out = np.concatenate([parts.choose, parts.certify])
    assert np.sort(held_out).tolist() == np.flatnonzero(FOLDS == 3).tolist()
    assert len(parts.choose) == len(parts.certify) == 60
    assert not {GROUPS[i] for i in parts.choose} & {GROUPS[i] for i in parts.certify}
    assert parts.facts() == {"fit": 480, "choose": 60, "certify": 60, "sha1": parts.sha1}


@pytest.mark.parametrize("folds", [FOLDS, np.full(600, 3)])
def test_one_fold_is_cut_in_three(folds):
    parts = split_parts(IDS, GROUPS, folds, 3, single_fold=True, shares=(0.5, 0.2, 0.3))
    held_out = np.flatnonzero(folds == 3)
    n = len(held_out)
    assert np.sort(np.concatenate([parts.fit, parts.choose, parts.certify])).tolist() == held_out.tolist()
    for rows, share in zip((parts.fit, parts.choose, parts.certify), (0.5, 0.2, 0.3), strict=True):
        assert abs(len(rows) - share * n) <= 3
    units = [{GROUPS[i] for i in rows} for rows in (parts.fit, parts.choose, parts.certify)]
    assert sum(map(len, units)) == len(set.union(*units))


def test_a_lone_fold_is_found_without_being_told():
    lone = split_parts(IDS, GROUPS, np.full(600, 2), 2)
    assert lone.sha1 == split_parts(IDS, GROUPS, np.full(600, 2), 2, single_fold=True).sha1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.booleans())
def test_the_order_of_the_rows_decides_nothing(seed, single, grouped):
    order = np.random.default_rng(seed).permutation(600)
    ids = [IDS[i] for i in order]
    groups = [GROUPS[i] for i in order] if grouped else None
    one = split_parts(IDS, GROUPS if grouped else None, FOLDS, 1, single_fold=single)
    two = split_parts(ids, groups, FOLDS[order], 1, single_fold=single)
    assert names(one, IDS) == names(two, ids)
    assert one.sha1 == two.sha1


def test_the_seed_decides():
    one, two = (split_parts(IDS, GROUPS, FOLDS, 1, seed=seed) for seed in (1, 2))
    assert one.sha1 != two.sha1
    assert names(one, IDS)[1] != names(two, IDS)[1]


def test_rows_whose_group_reaches_into_the_published_fold_fit_nothing():
    folds = FOLDS.copy()
    folds[0] = 2  # the rest of its group is in fold 1
    parts = split_parts(IDS, GROUPS, folds, 1)
    assert parts.left_out == 1
    assert 0 not in parts.fit
    assert {1, 2} <= {*parts.choose, *parts.certify}


def test_one_huge_group_cannot_be_spread():
    with pytest.raises(InputError, match="part to certify has 0 rows, at least 10.*about 20 held-out rows in fold 1"):
        split_parts(IDS, ["one"] * 120 + GROUPS[120:], np.repeat([1, 2], [120, 480]), 1)


def test_parts_that_are_too_small():
    with pytest.raises(InputError, match=r"part to (choose|certify) has \d+ rows.*about 40 held-out rows.*has 30"):
        split_parts(IDS[:30], None, [1] * 30, 1, shares=(0.5, 0.25, 0.25))
    with pytest.raises(InputError, match="4 rows of other folds to fit the policy on, at least 10.*single_fold"):
        split_parts(IDS[:54], None, [1] * 50 + [2] * 4, 1)
    assert len(split_parts(IDS[:54], None, [1] * 50 + [2] * 4, 1, minimum=4).fit) == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"published_fold": 9}, "no row was held out in fold 9; there are rows of folds 1, 2, 3, 4, 5"),
        ({"ids": [*IDS[:-1], IDS[0]]}, "1 ids occur more than once"),
        ({"groups": GROUPS[1:]}, "599 groups"),
        ({"shares": (0.5, 0.5, 0.5)}, "add up to 1"),
        ({"shares": (1.0, 0.0, 0.0)}, "three above 0"),
        ({"shares": (0.5, 0.5)}, "give three"),
    ],
)
def test_bad_input(changes, message):
    arguments = {"ids": IDS, "groups": GROUPS, "folds": FOLDS, "published_fold": 1, **changes}
    with pytest.raises(InputError, match=message):
        split_parts(**arguments)


def test_in_sample_predictions_are_refused():
    split = make_folds(IDS, [i % 2 for i in range(600)], GROUPS)
    require_out_of_fold(IDS, split.fold, split)
    some = np.random.default_rng(0).permutation(600)[:100]
    require_out_of_fold([IDS[i] for i in some], split.fold[some], split)
    seen = split.fold.copy()
    seen[:7] = seen[:7] % 5 + 1
    with pytest.raises(InputError, match="7 of 600 predictions are in-sample.*out-of-fold predictions"):
        require_out_of_fold(IDS, seen, split)
    with pytest.raises(InputError, match="1 of 2 predicted rows are not in folds.json"):
        require_out_of_fold([IDS[0], "another"], [split.fold[0], 1], split)
    with pytest.raises(InputError, match="1 ids occur more than once"):
        require_out_of_fold([IDS[0], IDS[0]], split.fold[[0, 0]], split)
    with pytest.raises(InputError, match="2 ids but 1 folds"):
        require_out_of_fold(IDS[:2], [1], split)
