import pytest

from secondopinion.dataset_scripts.maude.labels import LABEL_NAMES, label_of, outcome_words, tells_of_death


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("Death", "Death"),
        ("INJURY", "Injury"),
        (" Malfunction ", "Malfunction"),
        ("Other", "Other"),
        ("D", "Death"),
        ("IN", "Injury"),
        ("IL", "Injury"),
        ("IJ", "Injury"),
        ("M", "Malfunction"),
        ("O", "Other"),
    ],
)
def test_words_and_codes_name_a_class(value, label):
    assert label_of(value) == (label, None)
    assert label in LABEL_NAMES


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "event type: missing"),
        ("  ", "event type: missing"),
        ("*", "event type: no answer provided"),
        ("No answer provided", "event type: no answer provided"),
        ("Near miss", "event type: none of the four"),
        (["Death"], "event type: none of the four"),
        (4, "event type: none of the four"),
    ],
)
def test_everything_else_has_a_reason(value, reason):
    assert label_of(value) == (None, reason)


def test_outcomes_of_both_sources_become_the_same_words():
    assert outcome_words(["Death", " H", ""]) == outcome_words(["1. D; 2. H"]) == ["Death", "Hospitalization"]
    assert outcome_words([None, ""]) == []


@pytest.mark.parametrize(
    "text",
    [
        "THE PATIENT DIED.",
        "The patient expired two days later.",
        "it was reported that the patient passed away",
        "The cause of death was not provided.",
        "No autopsy was performed after the patient's death.",
        "Battery was fine; the patient was found dead.",
        "The patient was pronounced dead at 10:00.",
        "Death certificate was requested.",
    ],
)
def test_a_death_is_seen(text):
    assert tells_of_death(text)


@pytest.mark.parametrize(
    "text",
    [
        "There were no deaths.",
        "No injury or death was reported.",
        "The battery died.",
        "A dead battery was found.",
        "The unit's battery had died during transport.",
        "Death was not reported; without any death.",
        "The test strips expired in 2019.",
        "The product was past its expiration date; the lot had expired.",
        "This could have led to death.",
        "The malfunction may cause serious injury or death.",
        "The patient passed the stone.",
        "He almost died of fear.",
        "Tissue death around the wound.",
        "",
    ],
)
def test_what_only_reads_like_a_death_is_none(text):
    assert not tells_of_death(text)
