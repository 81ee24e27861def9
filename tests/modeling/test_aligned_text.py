"""A rewritten text maps to its original and back, through any number of steps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondopinion.modeling.aligned_text import AlignedText, Edit, apply_edits, shortest_edit

TEXTS = st.text(st.sampled_from("ab1 \u200b\u0301é😀שلA\n.-"), max_size=30)


@st.composite
def rewritings(draw, text=None):
    text = draw(TEXTS) if text is None else text
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pairs = list(zip(places[::2], places[1::2], strict=False))
    return apply_edits(text, [Edit(start, end, draw(st.text(max_size=4))) for start, end in pairs])


@st.composite
def two_steps(draw):
    first = draw(rewritings())
    return first, draw(rewritings(first.text))


def check(aligned):
    length = len(aligned.text)
    singles = [aligned.to_original(place, place + 1) for place in range(length)]
    for place, (start, end) in enumerate(singles):
        assert 0 <= start <= end <= len(aligned.original)
        if not any(low <= place < high for low, high, _, _ in aligned.changes):
            assert end == start + 1
            assert aligned.original[start] == aligned.text[place]
            assert aligned.from_original(start, end) == (place, place + 1)
    assert singles == sorted(singles)
    spans = [(start, end) for start in range(length + 1) for end in range(start, length + 1)]
    mapped = [aligned.to_original(*span) for span in spans]
    assert aligned.to_original_spans(spans).tolist() == [list(span) for span in mapped]
    for (start, end), there in zip(spans, mapped, strict=True):
        if start < end:
            assert there[0] == singles[start][0]
            assert there[1] == max(there[0], singles[end - 1][1])
            # Characters that were only inserted come from nowhere, so that the way back may leave them out.
            core = [place for place in range(start, end) if singles[place][0] < singles[place][1]]
            if core:
                back = aligned.from_original(*there)
                assert back[0] <= core[0]
                assert back[1] > core[-1]


@settings(max_examples=60, deadline=None)
@given(rewritings())
def test_one_step_maps_both_ways(aligned):
    check(aligned)
    back = AlignedText(aligned.original, aligned.text, [(*change[2:], *change[:2]) for change in aligned.changes])
    for place in range(len(aligned.original)):
        assert aligned.from_original(place, place + 1) == back.to_original(place, place + 1)


@settings(max_examples=60, deadline=None)
@given(two_steps())
def test_steps_compose(steps):
    first, second = steps
    both = first.compose(second)
    assert (both.text, both.original) == (second.text, first.original)
    check(both)
    for place in range(len(both.text)):
        middle = second.to_original(place, place + 1)
        start, end = both.to_original(place, place + 1)
        if middle[0] < middle[1]:
            inner = first.to_original(*middle)
            assert start <= inner[0]
            assert end >= inner[1]


def test_a_size_keeps_its_parts_apart():
    """Worked by hand: 'a 18mm b' -> 'a 18 mm b'."""
    aligned = apply_edits("a 18mm b", [Edit(4, 4, " ")])
    assert aligned.to_original(2, 7) == (2, 6)
    assert aligned.to_original(2, 4) == (2, 4)
    assert aligned.to_original(5, 7) == (4, 6)
    assert aligned.to_original(4, 5) == (4, 4)
    assert aligned.from_original(2, 6) == (2, 7)
    assert aligned.from_original_spans([(2, 4), (4, 6)]).tolist() == [[2, 4], [5, 7]]


def test_a_changed_piece_maps_as_a_whole():
    aligned = apply_edits("BP 120 over 80.", [Edit(3, 14, "120/80"), Edit(14, 15, "")])
    assert aligned.text == "BP 120/80"
    assert aligned.to_original(7, 9) == (3, 14)
    assert aligned.from_original(4, 5) == (3, 9)
    assert aligned.from_original(14, 15) == (9, 9)


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda: apply_edits("abc", [Edit(1, 2, ""), Edit(0, 1, "")]), "edit 1 of characters 0 to 1 is not behind"),
        (lambda: apply_edits("abc", [Edit(2, 5, "")]), "not inside a text of 3 characters"),
        (lambda: apply_edits("abc", []).to_original(1, 4), r"span \(1, 4\) is not inside a text of 3 characters"),
        (lambda: apply_edits("abc", []).to_original_spans([(0, 1), (2, 1)]), r"span \(2, 1\) \(number 1\)"),
        (lambda: apply_edits("abc", []).compose(apply_edits("abd", [])), "compose what was made from this one's text"),
        (lambda: AlignedText("ab", "abc", []), "expected sorted pieces with equal text"),
    ],
)
def test_wrong_spans_are_refused(work, message):
    with pytest.raises(ValueError, match=message):
        work()


def test_no_message_holds_the_text():
    with pytest.raises(ValueError, match="is not inside") as error:
        apply_edits("Jane Doe", []).to_original(0, 99)
    assert "Jane" not in str(error.value)


@pytest.mark.parametrize("text", ["", "a", "same", "sane", "a18mmb", "aaaa", "aa"])
@pytest.mark.parametrize("replacement", ["", "a", "same", "a18 mmb", "aaa", "aa"])
def test_the_shortest_edit_makes_the_same_text(text, replacement):
    edit = shortest_edit(f"<{text}>", 1, 1 + len(text), replacement)
    if edit is None:
        assert text == replacement
        return
    assert apply_edits(f"<{text}>", [edit]).text == f"<{replacement}>"
    assert not edit.replacement or edit.start == edit.end or f"<{text}>"[edit.start] != edit.replacement[0]


def test_a_long_text_with_many_edits():
    count = 3_000
    aligned = apply_edits("18mm " * count, [Edit(5 * place + 2, 5 * place + 2, " ") for place in range(count)])
    twice = aligned.compose(apply_edits(aligned.text, [Edit(6 * place, 6 * place + 2, "20") for place in range(count)]))
    spans = twice.to_original_spans(np.array([(6 * place, 6 * place + 5) for place in range(count)]))
    assert (spans == np.array([(5 * place, 5 * place + 4) for place in range(count)])).all()
