import pytest

from secondopinion.dataset_scripts.maude.text import (
    clean_narrative,
    drop_boilerplate,
    is_administrative,
    join_narratives,
    mask_names,
    mend,
    neutral_redactions,
)


@pytest.mark.parametrize(
    "mark", ["(B)(6)", "(b)(4)", "(B) (6)", "(b) (4)", "(B)6)", "(B)(46", "***", "XXXXX", "[REDACTED]"]
)
def test_every_style_of_redaction_becomes_the_same_mark(mark):
    assert neutral_redactions(f"ON {mark} 2019 THE PUMP") == "ON [redacted] 2019 THE PUMP"


def test_neighbouring_marks_merge_and_glued_words_part():
    assert neutral_redactions("ON (B)(6)2019, (b)(4) (b)(6) SAID") == "ON [redacted] 2019, [redacted] SAID"


def test_redactions_can_be_dropped_without_a_trace():
    assert neutral_redactions("LOT (B)(4), PUMP (B)(6).", " ") == "LOT, PUMP."


@pytest.mark.parametrize("text", ["PART B) WAS BENT", "STEP (A) AND (2)", "VITAMIN B 12", "XX CHROMOSOME", "REDACT"])
def test_ordinary_brackets_are_no_redaction(text):
    assert neutral_redactions(text) == text


def test_broken_quotes_are_mended():
    assert mend("THE PT¿S NOTE SAID ¿STOP¿ ¿ AT 6¿.") == 'THE PT\'S NOTE SAID "STOP" - AT 6".'


def test_spaces_control_characters_and_trademarks():
    assert mend("  A\tB\r\n\xa0C\x00 “D”® ’E’ ") == "A B C \"D\" 'E'"


def test_brand_and_maker_are_masked_whatever_the_case():
    text = mask_names(
        "Acme Flow by Zorgtech stopped; ACME FLOWS did not", "ACME FLOW", "ZORGTECH, INC.", "INFUSION PUMP"
    )
    assert text == "[device] by [manufacturer] stopped; ACME FLOWS did not"


@pytest.mark.parametrize(
    ("brand", "generic"), [("PUMP", ""), ("UNKNOWN", ""), ("BALLOON CATHETER", ""), ("HEART", "ARTIFICIAL HEART")]
)
def test_everyday_words_are_not_masked_as_a_brand(brand, generic):
    text = f"THE {brand} WAS REPLACED"
    assert mask_names(text, brand, "", generic) == text


def test_common_makers_are_masked_without_a_field_that_names_them():
    assert mask_names("MEDTRONIC, INC. / Boston Scientific said; GOREY detail") == "[manufacturer] said; GOREY detail"


@pytest.mark.parametrize(
    "sentence",
    [
        "A FOLLOW-UP REPORT WILL BE SUBMITTED WHEN THE MANUFACTURER'S INVESTIGATION IS COMPLETE.",
        "No additional information was provided.",
        "FDA SAFETY REPORT ID # (B)(4).",
        "ADDITIONAL INFORMATION HAS BEEN REQUESTED.",
        "MULTIPLE EMAIL REQUESTS WERE SENT TO THE CONTACTS FOR ADDITIONAL INFORMATION.",
        "THIS IS REPORT 1 OF 1 FOR (B)(4).",
    ],
)
def test_administrative_sentences_go(sentence):
    assert drop_boilerplate(f"THE PUMP STOPPED. {sentence}") == "THE PUMP STOPPED."


@pytest.mark.parametrize(
    "sentence",
    [
        "ADDITIONAL INFORMATION HAS BEEN REQUESTED REGARDING THE PATIENT'S DEATH.",
        "THERE WAS NO REPORT OF PATIENT INJURY.",
        "ATTEMPTS WERE MADE TO CUT THE CATHETER.",
        "A SECOND ATTEMPT WAS MADE.",
        "No additional information was provided " + "and the tubing was measured again " * 10,
    ],
)
def test_sentences_that_tell_what_happened_stay(sentence):
    assert not is_administrative(sentence)


def test_a_report_that_is_all_boilerplate_stays():
    assert drop_boilerplate("NO ADDITIONAL INFORMATION WAS PROVIDED.") == "NO ADDITIONAL INFORMATION WAS PROVIDED."


def test_both_casings_of_one_report_become_the_same_text():
    upper = "ON (B)(6) 2019 THE PT¿S MEDTRONIC PUMP STOPPED. NO FURTHER DETAILS WERE PROVIDED."
    mixed = "On (b)(6) 2019 the pt’s Medtronic pump  stopped. No further details were provided."
    assert (
        clean_narrative(upper) == clean_narrative(mixed) == "on [redacted] 2019 the pt's [manufacturer] pump stopped."
    )


def test_every_guard_can_be_switched_off():
    text = "ON (B)(6) THE MEDTRONIC PUMP STOPPED. NO FURTHER DETAILS WERE PROVIDED."
    assert clean_narrative(text, redaction="keep", names="keep", boilerplate="keep", casing="keep") == text


def test_cleaning_twice_changes_nothing():
    once = clean_narrative("ON (B)(6) THE MEDTRONIC PUMP STOPPED. NO FURTHER DETAILS WERE PROVIDED.")
    assert clean_narrative(once) == once


def test_narratives_are_joined_once_each():
    assert join_narratives(["A ", "", "B", "A"]) == "A\nB"
