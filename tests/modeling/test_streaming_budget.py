"""A cap that no order of texts, batches or scores can pass."""

import pickle
import threading
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondopinion.modeling.streaming_budget import StreamingBudget

RATES = st.one_of(st.sampled_from([0.0, 0.07, 0.1, 0.29, 1 / 3, 0.5, 0.999, 1.0, 1, 0]), st.floats(0, 1))
ROWS = st.tuples(st.booleans(), st.sampled_from([0.5, -1.0]) | st.floats(allow_nan=False))
BATCHES = st.lists(st.lists(ROWS, max_size=12), max_size=40)


@settings(max_examples=200, deadline=None)
@given(rate=RATES, batches=BATCHES)
def test_the_cap_is_never_passed_and_never_wasted(rate, batches):
    budget, seen, deferred = StreamingBudget(rate), 0, 0
    for batch in batches:
        wanted, scores = [row[0] for row in batch], [row[1] for row in batch]
        admitted = budget.admit(wanted, scores)
        assert len(admitted) == len(batch)
        assert all(flag or not one for flag, one in zip(wanted, admitted, strict=True))
        seen, deferred = seen + len(batch), deferred + sum(admitted)
        assert deferred <= Fraction(str(rate)) * seen
        refused = [score for score, flag, one in zip(scores, wanted, admitted, strict=True) if flag and not one]
        if refused:
            # Turned away only where one more would pass the cap, and never in favour of a lower score.
            assert deferred + 1 > Fraction(str(rate)) * seen
            assert all(score >= max(refused) for score, one in zip(scores, admitted, strict=True) if one)
        assert (budget.seen, budget.deferred) == (seen, deferred)


@settings(max_examples=50, deadline=None)
@given(rate=RATES, flags=st.lists(st.booleans(), max_size=100), cut=st.integers(0, 100))
def test_a_saved_state_goes_on_as_if_nothing_happened(rate, flags, cut):
    whole, first = StreamingBudget(rate), StreamingBudget(rate)
    expected = [whole.admit([flag])[0] for flag in flags]
    found = [first.admit([flag])[0] for flag in flags[:cut]]
    second = pickle.loads(pickle.dumps(StreamingBudget.from_state(first.state())))
    found += [second.admit([flag])[0] for flag in flags[cut:]]
    assert found == expected


def test_the_rate_is_read_as_it_is_written():
    budget = StreamingBudget(0.29)
    assert sum(budget.admit([True] * 100)) == 29
    single = StreamingBudget(0.07)
    assert [i for i in range(100) if single.admit([True])[0]] == [14, 28, 42, 57, 71, 85, 99]


def test_equal_scores_go_to_the_earlier_row():
    assert StreamingBudget(0.5).admit([True] * 4, [1.0, 2.0, 1.0, 1.0]) == [True, True, False, False]


def test_reset_forgets():
    budget = StreamingBudget(0.5)
    budget.admit([True, True])
    budget.reset()
    assert budget.state() == {"rate": 0.5, "seen": 0, "deferred": 0}
    assert budget.admit([True]) == [False]


def test_several_threads_share_one_cap():
    budget, admitted = StreamingBudget(0.1), []
    workers = [
        threading.Thread(target=lambda: admitted.extend(budget.admit([True])[0] for _ in range(500))) for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (budget.seen, budget.deferred) == (2000, 200)
    assert sum(admitted) == 200


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan"), "0.1", None, True])
def test_bad_rates_are_refused(rate):
    with pytest.raises(ValueError, match="expected a share from 0 to 1"):
        StreamingBudget(rate)


def test_bad_rows_are_refused_and_not_counted():
    budget = StreamingBudget(0.5)
    with pytest.raises(ValueError, match="1 scores for 2 rows"):
        budget.admit([True, True], [0.1])
    with pytest.raises(ValueError, match="1 deferral scores are not numbers"):
        budget.admit([True, False], [float("nan"), 0.1])
    assert budget.seen == 0


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"rate": 0.5}, "deferred, rate and seen"),
        ({"rate": 0.5, "seen": 10, "deferred": 6}, "more than a rate of 0.5 allows"),
        ({"rate": 0.5, "seen": 10, "deferred": -1}, "the state is damaged"),
    ],
)
def test_damaged_states_are_refused(state, message):
    with pytest.raises(ValueError, match=message):
        StreamingBudget.from_state(state)
