"""Recorded votes: found by id, checked against the rows and classes they are for."""

import pytest

from secondopinion.core.errors import InputError
from secondopinion.experts import RecordedExpert, Vote, read_votes, write_votes

CLASSES = ["no", "yes"]
VOTES = [
    Vote("r1", "panel", "yes", probabilities=[0.25, 0.75], prompt_sha1="a" * 40),
    Vote("r2", "panel", None, error="no class in the answer", prompt_sha1="a" * 40),
    Vote("r3", "panel", "no", probabilities=[0.5, 0.5], cost_usd=0.01, prompt_sha1="a" * 40),
]


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_answers_come_from_every_kind_of_file_in_the_order_asked(tmp_path, ending):
    path = write_votes(tmp_path / f"votes.{ending}", VOTES, {"name": "panel", "model": "tiny"})
    expert = RecordedExpert(path, CLASSES)
    votes = expert(["c", "a", "d"], ids=["r3", "r1", "r9"])
    assert votes[:2] == [VOTES[2], VOTES[0]]
    assert votes[2] == Vote("r9", "panel", None, error="no recorded vote")
    assert (expert.name, expert.label_names, expert.counts["unusable"]) == ("panel", CLASSES, 1)


def test_what_was_read_and_its_facts_serve_as_well(tmp_path):
    found = read_votes(write_votes(tmp_path / "v.parquet", VOTES, {"name": "panel", "model": "tiny"}))
    facts = RecordedExpert(found, CLASSES).facts()
    assert facts == {"name": "panel", "model": "tiny", "kind": "recorded", "remote": False}


def test_a_single_expert_takes_the_name_it_is_given():
    expert = RecordedExpert(VOTES, CLASSES, name="second reader")
    assert expert(["a"], ["r1"])[0].expert == expert.name == "second reader"


def test_one_expert_of_several_is_chosen_by_name():
    votes = [*VOTES, Vote("r1", "other", "no")]
    assert RecordedExpert(votes, CLASSES, name="other")(["a"], ["r1"])[0].label == "no"
    with pytest.raises(InputError, match=r"2 experts: other, panel; choose one with name="):
        RecordedExpert(votes, CLASSES)
    with pytest.raises(InputError, match="'pannel' is not among them"):
        RecordedExpert(votes, CLASSES, name="pannel")


@pytest.mark.parametrize(
    ("votes", "options", "message"),
    [
        ([*VOTES, VOTES[0]], {}, "more than one vote of the same expert"),
        ([Vote("r1", "panel", "maybe")], {"label_names": CLASSES}, "outside the classes"),
        (VOTES, {"ids": ["r1", "r2"]}, "1 of 3 votes are for ids that the data set does not have: 'r3'"),
        (VOTES, {"prompt_sha1": "b" * 40}, "another prompt"),
        ([Vote("r1", "panel", None, error="refused"), Vote("r2", "panel", None)], {}, "none of the 2 votes"),
        ([], {}, "no vote at all"),
    ],
    ids=["twice", "label", "unknown id", "prompt", "nothing usable", "empty"],
)
def test_votes_that_do_not_fit_are_refused(votes, options, message):
    with pytest.raises(InputError, match=message):
        RecordedExpert(votes, **options)


def test_ids_are_needed():
    expert = RecordedExpert(VOTES, CLASSES)
    with pytest.raises(InputError, match=r"ids=\[…\]"):
        expert(["a"])
    with pytest.raises(InputError, match="2 texts and 1 ids"):
        expert(["a", "b"], ids=["r1"])
