"""One label from several experts' votes, and leakage from scoring an expert against its own vote."""

import builtins

import numpy as np
import pytest

from secondopinion.core.errors import InputError
from secondopinion.experts import Vote, consensus_labels, expert_figures, leave_one_out
from secondopinion.experts.consensus import METHODS
from secondopinion.experts.vote_matrix import vote_matrix

ESTIMATED = [name for name, theirs in METHODS.items() if theirs]
# Fewer rounds than crowd-kit's 100, where they take seconds.
QUICK = {name: {"n_iter": 5} for name in ("dawid_skene", "one_coin_dawid_skene", "zero_based_skill")}
QUICK["glad"] = {"n_iter": 1, "m_step_max_iter": 5}


def as_votes(said):
    return [
        Vote(f"r{i:03d}", expert, None if label == "." else label)
        for expert, labels in said.items()
        for i, label in enumerate(labels)
    ]


def simulated(seed=0, rows=80, right=(0.9, 0.8, 0.7, 0.65, 0.6), classes="abc", gaps=0.1):
    draw = np.random.default_rng(seed)
    gold = draw.choice(list(classes), rows)
    said = {
        f"e{j}": "".join(
            "." if draw.random() < gaps else g if draw.random() < p else draw.choice(list(classes)) for g in gold
        )
        for j, p in enumerate(right)
    }
    return as_votes(said), {f"r{i:03d}": str(g) for i, g in enumerate(gold)}


def shares_right(labels, gold):
    return np.mean([labels[row] == gold[row] for row in gold])


def test_majority_by_hand():
    found = consensus_labels(as_votes({"a": "xxy.", "b": "xyy.", "c": "x.z."}))
    assert found.labels == {"r000": "x", "r001": None, "r002": "y", "r003": None}
    assert found.shares == {"r000": 1.0, "r001": None, "r002": pytest.approx(2 / 3), "r003": None}
    counts = {name: found.facts[name] for name in ("rows", "labelled", "ties", "too_few_votes")}
    assert counts == {"rows": 4, "labelled": 2, "ties": 1, "too_few_votes": 1}


def test_ties_are_broken_by_the_stated_rule_alone():
    votes = as_votes({"a": "xx", "b": "y.", "c": "zz"})
    assert consensus_labels(votes).labels == {"r000": None, "r001": None}
    assert consensus_labels(votes, ties="order", order=["b", "c", "a"]).labels == {"r000": "y", "r001": "z"}
    weights = {"a": 1.0, "b": 3.0, "c": 1.0}
    assert consensus_labels(votes, ties="weight", weights=weights).labels == {"r000": "y", "r001": None}
    assert consensus_labels(votes, "weighted", weights=weights).labels == {"r000": "y", "r001": None}


def test_order_passes_over_experts_whose_class_lost():
    votes = as_votes({"a": "z", "b": "x", "c": "x", "d": "y", "e": "y"})
    assert consensus_labels(votes, ties="order", order=["a", "d"]).labels == {"r000": "y"}


def test_weights_outvote_numbers_and_rounding_makes_no_winner():
    votes = as_votes({"a": "xx", "b": "yx", "c": "yy", "d": ".y"})
    weights = {"a": 0.3, "b": 0.1, "c": 0.2, "d": 0.2}
    assert consensus_labels(votes, "weighted", weights=weights).labels == {"r000": None, "r001": None}
    assert consensus_labels(votes, "weighted", weights={**weights, "a": 1.0}).labels == {"r000": "x", "r001": "x"}


def test_rows_with_too_few_votes_get_none():
    votes = as_votes({"a": "xxx", "b": "xx.", "c": "x.."})
    assert consensus_labels(votes, min_votes=2).labels == {"r000": "x", "r001": "x", "r002": None}
    assert consensus_labels(votes, min_votes=4).labels == dict.fromkeys(("r000", "r001", "r002"))
    assert consensus_labels(votes, "dawid_skene", min_votes=4).facts["too_few_votes"] == 3


@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_majority_is_crowd_kits_where_nothing_is_tied():
    aggregation = pytest.importorskip("crowdkit.aggregation")
    import pandas

    votes, _ = simulated()
    ours = {row: label for row, label in consensus_labels(votes).labels.items() if label is not None}
    frame = pandas.DataFrame([(v.id, v.expert, v.label) for v in votes if v.label], columns=["task", "worker", "label"])
    theirs = aggregation.MajorityVote().fit_predict(frame)
    assert len(ours) > 60
    assert ours == {row: theirs[row] for row in ours}


@pytest.mark.parametrize("method", ESTIMATED)
def test_every_method_is_right_more_often_than_chance_in_any_order(method):
    votes, gold = simulated()
    options = QUICK.get(method, {})
    found = consensus_labels(votes, method, **options)
    assert shares_right(found.labels, gold) > 0.85
    assert all(0 < share <= 1 + 1e-9 for share in found.shares.values() if share is not None)
    shuffled = [votes[i] for i in np.random.default_rng(1).permutation(len(votes))]
    assert consensus_labels(shuffled, method, **options) == found


def test_dawid_skene_learns_who_is_right():
    votes, gold = simulated(rows=200, right=(0.95, 0.3, 0.3, 0.3, 0.3), classes="ab", gaps=0.0)
    majority = shares_right(consensus_labels(votes).labels, gold)
    assert shares_right(consensus_labels(votes, "one_coin_dawid_skene").labels, gold) > majority + 0.05


@pytest.mark.parametrize("method", METHODS)
def test_all_agree_everywhere(method):
    for said in ("xyxy", "xxxx"):
        votes = as_votes(dict.fromkeys("abc", said))
        weights = dict.fromkeys("abc", 1.0)
        figures = expert_figures(votes, method, {f"r{i:03d}": y for i, y in enumerate(said)}, weights=weights)
        assert list(consensus_labels(votes, method, weights=weights).labels.values()) == list(said)
        assert figures["mean_leakage"] == 0.0
        assert figures["consensus"]["gold"] == {"value": 1.0, "rows": 4}


@pytest.mark.parametrize("method", METHODS)
def test_an_expert_without_a_usable_vote_changes_nothing(method):
    votes, _ = simulated(rows=30, right=(0.9, 0.8, 0.7))
    options = {"weights": dict.fromkeys(("e0", "e1", "e2", "mute"), 1.0), **QUICK.get(method, {})}
    without = consensus_labels(votes, method, **options)
    found = consensus_labels([*votes, *as_votes({"mute": "." * 30})], method, **options)
    assert found.labels == without.labels
    assert found.facts["experts_without_votes"] == ["mute"]


def test_figures_of_an_expert_without_a_usable_vote_are_none():
    figures = expert_figures(as_votes({"a": "xy", "b": "xy", "mute": ".."}), gold={"r000": "x", "r001": "y"})
    mute = figures["experts"][2]
    assert (mute["usable"], mute["plain"], mute["gold"]) == (0, {"value": None, "rows": 0}, {"value": None, "rows": 0})
    assert mute["leakage"] is None
    assert figures["mean_leakage"] == 0.0


def test_leave_one_out_never_sees_the_expert_it_judges():
    votes, _ = simulated(rows=40)
    other = [Vote(v.id, v.expert, "a") if v.expert == "e0" else v for v in votes]
    for method in ("majority", "wawa"):
        assert leave_one_out(votes, method)["e0"] == leave_one_out(other, method)["e0"]
        assert leave_one_out(votes, method)["e1"] != leave_one_out(other, method)["e1"]


def test_leakage_by_hand():
    votes = as_votes({"a": "xxyy", "b": "xyyx", "c": "xyxx"})
    figures = expert_figures(votes, gold={"r000": "x", "r001": "x", "r002": "y", "r003": "y"})
    a, b, _ = figures["experts"]
    # Majority x y y x; without a: x y - x; without b: x - - -.
    assert a["plain"] == {"value": 0.5, "rows": 4}
    assert a["leave_one_out"] == {"value": pytest.approx(1 / 3), "rows": 3}
    assert a["gold"] == {"value": 1.0, "rows": 4}
    assert a["leakage"] == pytest.approx(0.5 - 1 / 3)
    assert a["leakage_same_rows"] == 0.0
    assert b["plain"] == {"value": 1.0, "rows": 4}
    assert b["leave_one_out"] == {"value": 1.0, "rows": 1}
    assert figures["consensus"] == {"rows": 4, "labelled": 4, "gold": {"value": 0.5, "rows": 4}}


def test_guessing_experts_look_better_than_they_are():
    votes, gold = simulated(rows=600, right=(0.0,) * 5, gaps=0.0)
    figures = expert_figures(votes, gold=gold)
    for expert in figures["experts"]:
        assert expert["plain"]["value"] > 0.45
        assert expert["leave_one_out"]["value"] < 0.42
        assert expert["gold"]["value"] < 0.42
    assert figures["mean_leakage"] > 0.1


def test_lists_by_expert_and_mappings_serve_as_votes():
    votes = as_votes({"a": "xy", "b": "xx"})
    nested = [[vote for vote in votes if vote.expert == name] for name in "ab"]
    plain = [{"id": vote.id, "expert": vote.expert, "label": vote.label} for vote in votes]
    assert consensus_labels(nested) == consensus_labels(plain) == consensus_labels(votes)


def test_without_crowd_kit_the_message_names_the_extra(monkeypatch):
    found = builtins.__import__

    def missing(name, *args, **options):
        if name.startswith("crowdkit"):
            raise ImportError(name)
        return found(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    votes, _ = simulated(rows=5)
    assert consensus_labels(votes).facts["rows"] == 5
    with pytest.raises(InputError, match=r"pip install 'secondopinion\[deferral\]'"):
        consensus_labels(votes, "dawid_skene")


@pytest.mark.parametrize(
    ("said", "options", "message"),
    [
        ({"a": "x"}, {"method": "majorty"}, "did you mean 'majority'"),
        ({"a": "x"}, {"ties": "first"}, "ties is one of null, order, weight"),
        ({"a": "x"}, {"ties": "order"}, "most trusted first"),
        ({"a": "x"}, {"min_votes": 0}, "at least 1; got 0"),
        ({"a": "x", "b": "y"}, {"method": "weighted", "weights": {"a": 1}}, r"no weight for \['b'\]"),
        ({"a": "x"}, {"method": "weighted", "weights": {"a": float("nan")}}, "finite and not negative"),
        ({"a": "x"}, {"n_iter": 5}, "'majority' has no settings"),
        ({"a": "xy", "b": "yx"}, {"method": "dawid_skene", "iterations": 5}, "does not take these settings"),
        ({"a": "xy", "b": "yx"}, {"method": "mmsr"}, "'mmsr' needs at least 3 experts"),
        ({"a": "..", "b": ".."}, {}, "none of the 2 experts has a usable vote on any of 2 rows"),
        ({"a": "xz"}, {"label_names": ["x", "y"]}, "1 votes have a label outside the classes"),
        ({}, {}, "no votes were given"),
    ],
)
def test_bad_input(said, options, message):
    with pytest.raises(InputError, match=message):
        consensus_labels(as_votes(said), **options)


def test_votes_that_cannot_be_arranged():
    votes = as_votes({"a": "xy"})
    with pytest.raises(InputError, match="two votes for row 'r000'"):
        consensus_labels([*votes, votes[0]])
    with pytest.raises(InputError, match="1 voted rows are not in the data"):
        vote_matrix(votes, ids=["r000"])
    with pytest.raises(InputError, match="without an id"):
        consensus_labels([{"label": "x", "expert": "a"}])
    with pytest.raises(InputError, match="got int"):
        consensus_labels([3])
    with pytest.raises(InputError, match="at least two with usable votes; 1 of 2"):
        leave_one_out(as_votes({"a": "xy", "mute": ".."}))
