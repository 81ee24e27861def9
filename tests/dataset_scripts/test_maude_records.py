import pytest

from secondopinion.dataset_scripts.maude.records import TextOptions, convert, parse_date, parse_key


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ("20101231", "2010-12-31"),
        ("10/08/2009", "2009-10-08"),
        ("2009-10-08", "2009-10-08"),
        ("08-OCT-2009", "2009-10-08"),
        ("08-oct-09", "2009-10-08"),
        ("2009/10/08 00:00:00", "2009-10-08"),
        ("2009-10-08T12:00:00", "2009-10-08"),
        ("20101341", None),
        ("", None),
        (None, None),
        ("unknown", None),
    ],
)
def test_dates_of_every_source(value, date):
    assert parse_date(value) == date


def test_keys_of_raw_files_lose_their_decimals():
    assert (parse_key(" 123.0"), parse_key(123), parse_key(None), parse_key("120")) == ("123", "123", "", "120")


def test_a_row_has_every_field(report):
    record = report(
        7,
        "Death",
        "THE PATIENT DIED.",
        event_key="55",
        report_source_code="P",
        patient=[{"sequence_number_outcome": ["Death", " H"]}, {"sequence_number_outcome": [""]}],
    )
    row = convert(record, "file", TextOptions())
    assert row.columns == {
        "id": "7",
        "text": "the patient died.",
        "label": "Death",
        "meta": {
            "event_key": "55",
            "report_number": "100-2020-7",
            "date_received": "2020-01-31",
            "device_group": "INFUSION PUMP",
            "brand_name": "ACME FLOW",
            "generic_name": "Infusion pump",
            "manufacturer": None,
            "product_code": "FRN",
            "report_source": "Voluntary report",
            "narratives": "description",
            "outcomes": ["Death", "Hospitalization"],
            "death_by_keyword": True,
            "death_by_outcome": True,
            "partition": "file",
        },
    }
    assert row.event_key == "55"
    assert not row.truncated


def test_the_brand_stands_in_for_a_blank_generic_name(report):
    record = report(1, device=[{"brand_name": "Acme  Flow", "generic_name": "UNKNOWN"}])
    assert convert(record, "f", TextOptions()).columns["meta"]["device_group"] == "ACME FLOW"


def test_no_outcome_is_not_the_same_as_no_death(report):
    without = convert(report(1), "f", TextOptions()).columns["meta"]
    other = convert(report(1, patient=[{"sequence_number_outcome": ["Other"]}]), "f", TextOptions()).columns["meta"]
    assert (without["death_by_outcome"], other["death_by_outcome"]) == (None, False)


def test_narratives_are_chosen_and_ordered(report):
    texts = [("N", "maker text."), ("D", "first."), ("E", "evaluation."), ("D", "second.")]
    record = report(1, mdr_text=[{"text_type_code": kind, "text": text} for kind, text in texts])
    assert convert(record, "f", TextOptions()).columns["text"] == "first. second."
    row = convert(record, "f", TextOptions(narratives=("additional", "description")))
    assert row.columns["text"] == "maker text. first. second."
    assert row.columns["meta"]["narratives"] == "additional+description"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (["a", "list"], "not a record"),
        ({"event_type": "Death"}, "no mdr_report_key"),
        ({"mdr_report_key": "1", "event_type": "Near miss"}, "event type: none of the four"),
        ({"mdr_report_key": "1", "event_type": "Death"}, "narrative: none of the chosen kinds"),
        ({"mdr_report_key": "1", "event_type": "Death", "mdr_text": "text"}, "narrative: none of the chosen kinds"),
        (
            {"mdr_report_key": "1", "event_type": "Death", "mdr_text": [{"text_type_code": "D", "text": " "}]},
            "narrative: empty",
        ),
        (
            {"mdr_report_key": "1", "event_type": "Death", "mdr_text": [{"text_type_code": "D", "text": None}]},
            "narrative: empty",
        ),
        (
            {"mdr_report_key": "1", "event_type": "Death", "mdr_text": [{"text_type_code": "D", "text": "..."}]},
            "narrative: empty",
        ),
    ],
)
def test_what_makes_no_row_has_a_reason(record, reason):
    assert convert(record, "f", TextOptions()) == reason


def test_a_narrative_of_10_mb_is_cut(report):
    record = report(1, text="the pump stopped. " * 600_000)
    row = convert(record, "f", TextOptions())
    assert row.truncated
    assert 99_000 < len(row.columns["text"]) <= 100_000
