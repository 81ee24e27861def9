"""Several experts asked at once."""

import pytest

from secondopinion.core.errors import InputError
from secondopinion.experts import ModelExpert, RecordedExpert, SeveralExperts, Vote

CLASSES = ["no", "yes"]


def rule(name, word):
    return ModelExpert(lambda texts: ["yes" if word in text else "no" for text in texts], CLASSES, name=name)


def test_votes_of_all_come_back_tagged_and_in_order():
    several = SeveralExperts([rule("fever", "fever"), rule("pain", "pain")])
    texts = ["fever and pain", "pain", "well"]
    flat = several(texts, ids=["a", "b", "c"])
    assert [(vote.id, vote.expert, vote.label) for vote in flat] == [
        ("a", "fever", "yes"),
        ("b", "fever", "no"),
        ("c", "fever", "no"),
        ("a", "pain", "yes"),
        ("b", "pain", "yes"),
        ("c", "pain", "no"),
    ]
    columns = several.by_expert(texts)
    assert [[vote.label for vote in votes] for votes in columns] == [["yes", "no", "no"], ["yes", "yes", "no"]]
    assert [vote.id for vote in columns[0]] == ["0", "1", "2"]
    assert several.names == ["fever", "pain"]


def test_missing_votes_of_one_are_nulls():
    recorded = RecordedExpert([Vote("a", "panel", "yes")], CLASSES)
    votes = SeveralExperts([rule("fever", "fever"), recorded])(["x", "y"], ids=["a", "b"])
    assert [vote.label for vote in votes] == ["no", "no", "yes", None]


def test_names_tell_experts_apart():
    with pytest.raises(InputError, match="several experts are called 'a'"):
        SeveralExperts([rule("a", "x"), rule("a", "y")])
    with pytest.raises(InputError, match="needs a name"):
        SeveralExperts([lambda texts, ids: []])
    with pytest.raises(InputError, match="at least one expert"):
        SeveralExperts([])


class Careless:
    """Answers in an order of its own."""

    name = "careless"

    def __call__(self, texts, ids=None):
        return [Vote(row, self.name, "yes") for row in reversed(ids)]


def test_answers_in_another_order_are_refused():
    with pytest.raises(InputError, match="'careless' was asked about 2 rows"):
        SeveralExperts([Careless()])(["x", "y"])
    with pytest.raises(InputError, match="2 texts and 1 ids"):
        SeveralExperts([rule("a", "x")])(["x", "y"], ids=["1"])
