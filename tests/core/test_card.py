"""A card as data: what is parsed is written back to the letter, and broken metadata is told by its line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondopinion.core.card import Card, Section, front_matter
from secondopinion.core.errors import InputError

CODE = "```text\n## no heading\n```"
PIECES = [
    "Few rows.",
    CODE,
    "| a |\n|:--|\n| 1 |",
    "two blanks end this line  \nnext",
    "### lower heading\n\nText",
    "~~~\n# x",
]


@given(
    st.dictionaries(st.sampled_from(["license", "tags", "x"]), st.sampled_from(["mit", ["b", "é🩺"], 1.5, {"a": [1]}])),
    st.lists(
        st.tuples(
            st.sampled_from(["A", "B: `c`", "D ##"]), st.lists(st.sampled_from(PIECES[:-1])), st.sampled_from([1, 2])
        )
    ),
)
@settings(max_examples=30, deadline=None)
def test_a_card_is_read_as_it_was_written(metadata, parts):
    card = Card(metadata, tuple(Section(heading, "\n\n".join(texts), level) for heading, texts, level in parts))
    assert Card.parse(str(card)) == card
    assert Card.parse(str(card).replace("\n", "\r\n")) == card


@given(st.text(alphabet="-#`~ \nab<!:[]", max_size=80))
@settings(max_examples=100, deadline=None)
def test_any_text_is_read_or_refused_and_settles(text):
    try:
        once = str(Card.parse(text))
    except InputError:
        return
    assert str(Card.parse(once)) == once


def test_headings_inside_code_are_none_and_an_open_fence_ends_with_the_page():
    card = Card.parse(f"first\n\n# Pumps\n\n{CODE}\n\n## Limits\n\n~~~\n## still code\n")
    assert [(s.level, s.heading) for s in card.sections] == [(0, ""), (1, "Pumps"), (2, "Limits")]
    assert "## no heading" in card.sections[1].text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("---\nlicense: mit\ntags: [a\nx: 1\n---\n# A\n", r"not plain YAML in line 4: .*Expected `key: value` lines"),
        ("\n\n---\nlicense: mit: no\n---\n", r"not plain YAML in line 4"),
        ("---\nlicense: mit\n# A\n", "it must begin with a YAML block between two lines of ---"),
        ("---\n- mit\n---\n", "the card's metadata is a list, expected `key: value` lines"),
    ],
)
def test_broken_metadata_is_told_by_its_line(text, message):
    with pytest.raises(InputError, match=message):
        Card.parse(text)


def test_no_metadata_and_empty_metadata_are_told_apart():
    assert Card.parse("# A\n").metadata == Card.parse("---\n---\n# A\n").metadata == front_matter("---\n---\n") == {}
    with pytest.raises(InputError, match="the card has no metadata"):
        front_matter("# A\n")
