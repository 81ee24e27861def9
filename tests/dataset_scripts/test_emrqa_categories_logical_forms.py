"""Logical forms: which events hold the answer, whatever the form's shape; damaged ones give a reason."""

import csv
from pathlib import Path

import pytest

from secondopinion.dataset_scripts.emrqa import logical_forms as forms
from secondopinion.dataset_scripts.emrqa.logical_forms import category_prior, parse_logical_form

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "emrqa" / "templates-all.csv"
D, M, S, P, L = (tuple(float(i == k) for i in range(5)) for k in range(5))


@pytest.mark.parametrize(
    ("form", "weights"),
    [
        ("ConditionEvent (x)", D),
        ("MedicationEvent (|medication|) [dosage=x]", M),
        ("MedicationEvent(|medication|)[startdate=x, enddate=x]", M),
        ("VitalEvent (|test|) [date=x, (result=x)>vital.refhigh] OR LabEvent (|test|) [result=x]", L),
        ("ConditionEvent (x) OR SymptomEvent (x)", (0.5, 0, 0.5, 0, 0)),
        ("MedicationEvent (|m|) given {ConditionEvent (x) OR SymptomEvent (x)}", (0.5, 0, 0.5, 0, 0)),
        ("{MedicationEvent (x) OR ProcedureEvent (x)} given {ConditionEvent (|p|)}", (0, 0.5, 0, 0.5, 0)),
        ("MedicationEvent (x) CheckIfNull ([enddate]) OR MedicationEvent (x) [enddate>currentDate]", M),
        ("[ProcedureEvent (|t|) given/conducted {ConditionEvent (x)}] OR [MedicationEvent (|t|) given {A (x)}]", None),
        ("[{LabEvent (|t|) [date=|d|]} reveals {ConditionEvent (x) OR SymptomEvent (x)}]", (0.5, 0, 0.5, 0, 0)),
        ("LabEvent (|t|) [(date=x)>={ConditionEvent (|p|) [diagnosisdate=x]}, result=x]", L),
        ("MedicationEvent (x) given {ConditionEvent (|p|)} AND causes {SymptomEvent (x)}", (0, 0.5, 0.5, 0, 0)),
        ("ConditionEvent (x) AND FamilyHistoryEvent (x) AND SmokingUseEvent (x)", D),
        # Without an x: the event that is asked about.
        ("ConditionEvent (|problem|) OR SymptomEvent (|problem|)", (0.5, 0, 0.5, 0, 0)),
        ("MedicationEvent (|m|) given {ConditionEvent (|p|)}", M),
        ("{ProcedureEvent (|chest x ray|)} reveals {ConditionEvent (|p|)}", P),
        ("SymptomEvent (x)\n  [status = absent]", S),
    ],
)
def test_weights(form, weights):
    assert category_prior(form).weights == weights


def test_outside_events_are_dropped_and_the_rest_scaled_up():
    prior = category_prior(
        "ConditionEvent (x) AND FamilyHistoryEvent (x) AND ProcedureEvent (x) AND AlcoholUseEvent (x)"
    )
    assert prior.weights == (0.5, 0, 0, 0.5, 0)
    assert prior.unlabelled == 0.5


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        (None, forms.ABSENT),
        ("", forms.ABSENT),
        ("   ", forms.ABSENT),
        (["MedicationEvent (x)"], forms.ABSENT),
        ("MedicationEvent (x", forms.BRACKETS),
        ("MedicationEvent (x]", forms.BRACKETS),
        ("MedicationEvent (|x)", forms.BRACKETS),
        ("MedicationEvent", forms.GRAMMAR),
        ("what is the dose", forms.GRAMMAR),
        ("MedicationEvent (x) OR", forms.GRAMMAR),
        ("given {ConditionEvent (x)}", forms.GRAMMAR),
        ("MedicationEvent (x) ConditionEvent (x)", forms.GRAMMAR),
        ("{" * 60 + "ConditionEvent (x)" + "}" * 60, forms.TOO_DEEP),
        ("{" * 100_000, forms.TOO_DEEP),
        ("FamilyHistoryEvent (|problem|)", forms.OUTSIDE),
        ("SmokingUseEvent (x) [PackPerDay=x]", forms.OUTSIDE),
    ],
)
def test_what_is_no_form_gives_a_reason_and_no_weights(form, reason):
    prior = category_prior(form)
    assert (prior.weights, prior.reason) == (None, reason)


def test_the_reason_never_holds_the_words_of_the_form():
    with pytest.raises(forms.FormError) as caught:
        parse_logical_form("MedicationEvent (|secret drug|")
    assert "secret" not in str(caught.value)


def test_long_forms_are_read_in_linear_time():
    form = " OR ".join(["LabEvent (|t|) [date=x, result=x]"] * 5000)
    assert category_prior(form).weights == L


def test_every_public_template_of_emrqa_is_read():
    if not SHARED.is_file():
        pytest.skip("emrQA's public templates are not on this machine")
    with open(SHARED, encoding="utf-8-sig", newline="") as handle:
        lines = list(csv.DictReader(handle))
    found = [(category_prior(line["Logical Forms"]), line["Logical Forms"]) for line in lines]
    assert len(found) == 142
    # Two lines have the same form, in which a bracket closes that was never opened.
    assert [prior.reason for prior, _ in found].count(forms.BRACKETS) == 2
    assert {prior.reason for prior, _ in found} == {None, forms.OUTSIDE, forms.BRACKETS}
    outside = {name for prior, _ in found if prior.reason == forms.OUTSIDE for name in prior.events}
    assert outside == {"FamilyHistoryEvent", "SmokingUseEvent", "SmokingQuitEvent"}
