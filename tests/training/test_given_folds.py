"""Folds that the rows name themselves."""

import datasets
import numpy as np
import pytest

from secondopinion.core.errors import InputError
from secondopinion.training.folds import Folds, fold_column, given_folds

IDS = [str(i) for i in range(6)]


def test_a_row_of_fold_0_is_always_trained_on(tmp_path):
    folds = given_folds(IDS, [0, 1, 1, 2, 0, 2], dataset_fingerprint="f")
    assert folds.n_splits == 2
    assert [(k, rows.tolist(), held.tolist()) for k, rows, held in folds] == [
        (1, [0, 3, 4, 5], [1, 2]),
        (2, [0, 1, 2, 4], [3, 5]),
    ]
    assert folds.facts()["never_held_out"] == 2
    folds.save(tmp_path / "folds.json")
    again = Folds.load(tmp_path / "folds.json").for_data(IDS, "f")
    assert again.fold.tolist() == folds.fold.tolist()
    assert again.sha1 == folds.sha1


def test_groups_on_both_sides_are_told_of(capsys):
    given_folds(IDS, [0, 1, 0, 1, 0, 1], ["a", "a", "b", "c", "d", "e"])
    assert "1 groups stand on both sides of a fold" in capsys.readouterr().err
    given_folds(IDS, [0, 0, 1, 1, 1, 0], ["a", "a", "b", "b", "c", "e"])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("fold", "message"),
    [
        (None, "have no column 'fold' of whole numbers; add one"),
        ([0, 1, -1, 1, 0, 0], "holds -1; folds count from 1"),
        ([0] * 6, "nothing is held out"),
        ([0, 1, 1, 3, 3, 0], "goes up to 3, but no row has 2"),
        ([1] * 6, "no row is left to train on"),
    ],
)
def test_columns_that_are_no_folds(fold, message):
    with pytest.raises(InputError, match=message):
        given_folds(IDS, fold)
    with pytest.raises(InputError, match="1 ids occur more than once"):
        given_folds([*IDS[:5], "0"], [0, 1, 1, 2, 0, 2])


def test_the_column_holds_whole_numbers():
    rows = datasets.Dataset.from_dict({"fold": [0, 1, None], "text": ["a", "b", "c"]})
    with pytest.raises(InputError, match="no whole number in 1 of 3 rows"):
        fold_column(rows)
    assert fold_column(rows.remove_columns("fold")) is None
    assert fold_column(rows.select([0, 1])).tolist() == np.array([0, 1]).tolist()
