import json

import numpy as np
import pytest

from secondopinion.core.errors import InputError
from secondopinion.training.folds import Folds, inner_split, make_folds


@pytest.fixture
def rows():
    random = np.random.default_rng(0)
    labels = random.choice(["Death", "Injury", "Malfunction", "Other"], 400, p=[0.1, 0.5, 0.35, 0.05])
    groups = [f"g{n}" for n in random.integers(0, 150, 400)]
    return [f"r{i}" for i in range(400)], labels, groups


def test_groups_stay_together_and_classes_stay_balanced(rows):
    ids, labels, groups = rows
    folds = make_folds(ids, labels, groups)
    assert sum(folds.sizes) == 400
    homes = {}
    for group, fold in zip(groups, folds.fold, strict=True):
        assert homes.setdefault(group, fold) == fold
    for _, _, held_out in folds:
        assert abs((labels[held_out] == "Injury").mean() - (labels == "Injury").mean()) < 0.08


def test_plain_stratified_on_request(rows):
    ids, labels, _ = rows
    folds = make_folds(ids, labels, strategy="stratified")
    shares = [(labels[held_out] == "Death").sum() for _, _, held_out in folds]
    assert max(shares) - min(shares) <= 1


def test_sha1_names_the_split_whatever_the_order_of_rows(rows):
    ids, labels, groups = rows
    folds = make_folds(ids, labels, groups, dataset_fingerprint="f")
    order = np.random.default_rng(1).permutation(400)
    again = folds.for_data([ids[i] for i in order], "f")
    assert again.sha1 == folds.sha1
    assert (again.fold == folds.fold[order]).all()
    assert make_folds(ids, labels, groups, seed=14).sha1 != folds.sha1


def test_saved_verified_and_refused_when_changed(rows, tmp_path):
    ids, labels, groups = rows
    path = tmp_path / "folds.json"
    folds = make_folds(ids, labels, groups, dataset_fingerprint="abc")
    folds.save(path)
    assert Folds.load(path).sha1 == folds.sha1
    with pytest.raises(InputError, match="data now has xyz .400 rows.: it changed"):
        Folds.load(path).for_data(ids, "xyz", path)
    stored = json.loads(path.read_text())
    stored["assignment"]["r0"] = stored["assignment"]["r0"] % 5 + 1
    path.write_text(json.dumps(stored))
    with pytest.raises(InputError, match="it was changed by hand"):
        Folds.load(path)
    path.write_text("{}")
    with pytest.raises(InputError, match="does not hold folds"):
        Folds.load(path)
    path.write_text("{")
    with pytest.raises(InputError, match="not valid JSON"):
        Folds.load(path)


def test_a_class_that_cannot_be_in_every_fold_is_named():
    labels = ["Injury"] * 20 + ["Death"] * 3
    ids = [str(i) for i in range(23)]
    with pytest.raises(InputError, match="class Death has 3 rows, too few for 5 folds.*use n_splits: 3"):
        make_folds(ids, labels, strategy="stratified")
    with pytest.raises(InputError, match="class Death has 1 groups"):
        make_folds(ids, labels, ids[:20] + ["same"] * 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"strategy": "grouped"}, "unknown fold strategy 'grouped'"),
        ({"n_splits": 1}, "at least 2 folds"),
        ({}, "needs a group for each row"),
    ],
)
def test_other_mistakes(arguments, message):
    with pytest.raises(InputError, match=message):
        make_folds(["a", "b"], [0, 1], **arguments)
    with pytest.raises(InputError, match="1 ids occur more than once"):
        make_folds(["a", "a"], [0, 1], strategy="stratified")


def test_validation_rows_share_no_group_with_training_rows(rows):
    _, labels, groups = rows
    training, validation = inner_split(labels, groups, 0.1, 13)
    assert not set(np.array(groups)[training]) & set(np.array(groups)[validation])
    assert 0.04 < len(validation) / 400 < 0.2
    assert len(training) + len(validation) == 400
    with pytest.raises(InputError, match="keeps every class on both sides"):
        inner_split(["a"] * 30 + ["b"], None, 0.1, 13)
    with pytest.raises(InputError, match="validation_share is 0.9"):
        inner_split(labels, groups, 0.9, 13)
