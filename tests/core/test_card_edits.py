"""Edits of a published card survive the next push; what nobody touched follows the run; nothing changes by itself."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from secondopinion.core.card import COMMENT, Card, Section
from secondopinion.core.card_edits import keep_edits, signed
from secondopinion.core.errors import InputError

OLD_TAG, NEW_TAG = "run-0123456789ab", "run-ba9876543210"
HEADINGS = ["Results", "Limits", "Data", "Licence", "Training"]
TEXTS = ["F1 0.71", "Few rows.", "```\n## no heading\n```", "| a |\n|:--|\n| 1 |", ""]
PERSONS = ["By hand.", "- by hand\n\n### and lower", f'from_pretrained("ann/x", revision="{OLD_TAG}")']

FEW = settings(deadline=None, max_examples=30)
sections = st.lists(
    st.builds(Section, st.sampled_from(HEADINGS), st.sampled_from(TEXTS)), unique_by=lambda section: section.heading
)
metadata = st.fixed_dictionaries(
    {"license": st.sampled_from(["mit", "unknown"]), "model-index": st.sampled_from([[{"v": 0.1}], [{"v": 0.2}]])},
    optional={
        "tags": st.sets(st.sampled_from(["a", "b", "c", "d"]), min_size=1).map(sorted),
        "widget": st.sampled_from([[{"text": "one"}], [{"text": "two"}]]),
    },
)


def card(metadata, sections, tag):
    loading = Section("How to load it", f'from_pretrained("ann/x", revision="{tag}")\n\nThe tag `{tag}` names it.')
    return Card(metadata, (Section("Pumps", "A model.", level=1), loading, *sections))


olds = st.builds(card, metadata, sections, st.just(OLD_TAG))
news = st.builds(card, metadata, sections, st.just(NEW_TAG))


def edited(text, *, sections=None, metadata=None):
    """Return a published card as it is after someone edited it on the Hub."""
    old = Card.parse(text)
    new = Card(old.metadata if metadata is None else metadata, old.sections if sections is None else tuple(sections))
    return f"{new}\n{COMMENT.search(text)[0]}"


def text_of(text, heading):
    return next((section.text for section in Card.parse(text).sections if section.heading == heading), None)


@given(olds, news)
@FEW
def test_what_nobody_touched_follows_the_run(old, new):
    kept = keep_edits(signed(new), signed(old))
    assert kept.text == signed(new) == keep_edits(signed(new), None).text
    assert not kept.told


@given(olds, news, st.data())
@FEW
def test_an_edited_section_stays_and_the_others_follow(old, new, data):
    section = data.draw(st.sampled_from(old.sections))
    words = data.draw(st.sampled_from(PERSONS))
    assume(words != section.text)
    changed = [Section(s.heading, words, s.level) if s is section else s for s in old.sections]
    kept = keep_edits(signed(new), edited(signed(old), sections=changed))
    assert text_of(kept.text, section.heading) == words.replace(OLD_TAG, NEW_TAG)
    assert kept.sections == (section.heading,)
    assert OLD_TAG not in kept.text
    for other in new.sections:
        if other.heading != section.heading:
            assert text_of(kept.text, other.heading) == other.text
    again = keep_edits(signed(new), kept.text)
    assert again.text == kept.text
    assert again.sections == kept.sections


@given(olds, news, st.integers(0, 6), st.sampled_from(PERSONS))
@FEW
def test_an_added_section_stays_behind_the_one_it_followed(old, new, place, words):
    place = min(place, len(old.sections))
    changed = [*old.sections[:place], Section("Our wards", words), *old.sections[place:]]
    kept = keep_edits(signed(new), edited(signed(old), sections=changed))
    order = [section.heading for section in Card.parse(kept.text).sections]
    before = [s.heading for s in old.sections[:place] if s.heading in order]
    assert order.index("Our wards") == (order.index(before[-1]) + 1 if before else 0)
    assert kept.sections == ("Our wards",)
    assert keep_edits(signed(new), kept.text).text == kept.text


@given(olds, news, st.data())
@FEW
def test_a_removed_section_stays_away_and_is_told(old, new, data):
    gone = data.draw(st.sampled_from(old.sections))
    kept = keep_edits(signed(new), edited(signed(old), sections=[s for s in old.sections if s is not gone]))
    present = gone.heading in [section.heading for section in new.sections]
    assert text_of(kept.text, gone.heading) is None
    assert kept.left_out == ((gone.heading,) if present else ())
    assert keep_edits(signed(new), kept.text).text == kept.text


tags = st.sets(st.sampled_from(["a", "b", "c", "mine"]), min_size=1)


@given(tags, tags, tags)
@FEW
def test_tags_merge_three_ways(before, there, ours):
    old, new = (Card({"tags": sorted(own)}, (Section("Limits", "Few."),)) for own in (before, ours))
    kept = keep_edits(signed(new), edited(signed(old), metadata={"tags": sorted(there)}))
    wanted = (ours - (before - there)) | (there - before)
    assert Card.parse(kept.text).metadata["tags"] == (sorted(wanted) or sorted(ours))
    assert keep_edits(signed(new), kept.text).text == kept.text


@given(olds, news)
@FEW
def test_keys_stay_but_for_those_that_say_what_was_measured(old, new):
    by_hand = {**old.metadata, "license": "cc0-1.0", "model-index": [{"v": 9}], "thumbnail": "x.png"}
    kept = keep_edits(signed(new), edited(signed(old), metadata=by_hand))
    found = Card.parse(kept.text).metadata
    assert found["license"] == "cc0-1.0"
    assert found["thumbnail"] == "x.png"
    assert found["model-index"] == new.metadata["model-index"]
    assert kept.keys == ("license", "thumbnail")
    assert kept.replaced == ("model-index",)
    assert keep_edits(signed(new), kept.text).text == kept.text


@given(news, st.text(alphabet="-#`: \nabL", max_size=60))
@FEW
def test_whatever_is_published_a_second_push_changes_nothing(new, published):
    try:
        once = keep_edits(signed(new), published).text
    except InputError:
        return
    assert keep_edits(signed(new), once).text == once


def test_a_card_without_our_comment_keeps_what_we_do_not_write():
    new = signed(card({"license": "mit", "tags": ["a"]}, [Section("Limits", "Few rows.")], NEW_TAG))
    front = "license: gpl-3.0\ntags: [zoo]\nthumbnail: x.png\n"
    by_hand = f"---\n{front}---\nA Space.\n\n# Mine\n\n## Limits\n\nNone.\n\n## Wards\n\nTwo.\n".replace("\n", "\r\n")
    kept = keep_edits(new, by_hand)
    found = Card.parse(kept.text)
    assert found.metadata == {"license": "mit", "tags": ["a", "zoo"], "thumbnail": "x.png"}
    assert text_of(kept.text, "Limits") == "Few rows."
    assert [section.heading for section in found.sections] == ["Pumps", "How to load it", "Limits", "Wards"]


def test_an_edit_in_the_folder_since_it_was_rendered_is_the_newest_word():
    old = signed(Card({"license": "mit"}, (Section("Limits", "Few rows."), Section("Data", "240 rows"))))
    here = old.replace("Few rows.", "Few rows, one clinic.").replace("license: mit", "license: cc0-1.0")
    there = old.replace("Few rows.", "Few rows, says the Hub.").replace("240", "241")
    kept = keep_edits(here, there)
    assert text_of(kept.text, "Limits") == "Few rows, one clinic."
    assert text_of(kept.text, "Data") == "241 rows"
    assert Card.parse(kept.text).metadata == {"license": "cc0-1.0"}
    assert keep_edits(here, kept.text).text == kept.text


def test_a_tag_quoted_on_purpose_stays():
    old = signed(card({}, [], OLD_TAG))
    note = "The first one was run-aaaaaaaaaaaa, now `run-0123456789ab`."
    kept = keep_edits(signed(card({}, [], NEW_TAG)), old.replace("A model.", note))
    assert text_of(kept.text, "Pumps") == f"The first one was run-aaaaaaaaaaaa, now `{NEW_TAG}`."


def test_metadata_that_somebody_broke_is_told_with_the_way_out():
    published = signed(Card({"license": "mit", "tags": ["a"]}, (Section("Limits", "Few."),))).replace("- a", "- [a")
    message = r"(?s)published README\.md cannot be read.*in line \d+.*Expected `key: value`.*--force-card"
    with pytest.raises(InputError, match=message):
        keep_edits("---\nlicense: mit\n---\n# A\n", published)
