import datasets
import numpy as np
import pytest

from secondopinion.core.errors import InputError
from secondopinion.training.data import from_dataset, load_data
from secondopinion.training.recipe import DatasetSpec

SPEC = DatasetSpec()


def rows(**columns):
    base = {"id": ["a", "b", "c"], "text": ["x", "y", "z"], "label": ["no", "yes", "no"]}
    return datasets.Dataset.from_dict({**base, **columns})


def test_text_labels_become_class_numbers():
    data = from_dataset(rows(), SPEC, name="d")
    assert data.label_names == ["no", "yes"]
    assert data.labels.tolist() == [0, 1, 0]
    assert data.groups is None
    assert data.texts(np.array([2, 0])) == ["z", "x"]


def test_fingerprint_follows_content_not_order():
    one = from_dataset(rows(), SPEC, name="d")
    two = from_dataset(rows().select([2, 0, 1]), SPEC, name="d")
    other = from_dataset(rows(text=["x", "y", "changed"]), SPEC, name="d")
    assert one.fingerprint == two.fingerprint != other.fingerprint


def test_description_holds_counts_and_terms_but_no_text():
    facts = {"corpus": "d", "policy": {"licence": "cc0-1.0"}, "dropped": {"empty": 2}, "secret": "x", "synthetic": True}
    described = from_dataset(rows(), SPEC, name="d", facts=facts).describe()
    assert described["class_counts"] == {"no": 2, "yes": 1}
    assert described["facts"] == {"dropped": {"empty": 2}}
    assert described["synthetic"]
    assert from_dataset(rows(), SPEC, name="d").describe()["policy"]["publish_text"] is False


def test_a_long_narrative_passes():
    assert from_dataset(rows(text=["x" * 10_000_000, "y", "z"]), SPEC, name="d").ids.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("columns", "spec", "message"),
    [
        ({"text": ["x", " ", None]}, SPEC, "2 rows have no text in column 'text'; drop them first"),
        ({"label": [{"a": 1}] * 3}, SPEC, "expected classes"),
        ({}, DatasetSpec(label_column="lable"), "no column 'lable' for the label; did you mean 'label'"),
        ({}, DatasetSpec(text_column="note"), "no column 'note' for the text"),
    ],
)
def test_rows_that_cannot_be_trained_on(columns, spec, message):
    with pytest.raises(InputError, match=message):
        from_dataset(rows(**columns), spec, name="d")


def test_rows_without_a_label():
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])})
    dataset = datasets.Dataset.from_dict({"text": ["x", "y"], "label": [0, -1]}, features=features)
    with pytest.raises(InputError, match="1 rows have no label"):
        from_dataset(dataset, SPEC, name="d")
    with pytest.raises(InputError, match="has no rows in split 'train'"):
        from_dataset(dataset.select([]), SPEC, name="d")


def test_places_that_hold_no_data(tmp_path):
    with pytest.raises(InputError, match="holds no data set that can be loaded"):
        load_data(DatasetSpec(path=str(tmp_path)))
    with pytest.raises(InputError, match="is not a folder"):
        load_data(DatasetSpec(path=str(tmp_path / "none")))
    with pytest.raises(InputError, match="no data given"):
        load_data(SPEC)
