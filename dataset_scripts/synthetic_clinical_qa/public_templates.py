"""Which of the generator's facts a logical form of emrQA's public templates asks for."""

from __future__ import annotations

import re

_X = r"\{ConditionEvent \(x\) OR SymptomEvent \(x\)\}"
_P = r"\{ConditionEvent \(\|problem\|\)(?: \[status=x\])? OR SymptomEvent \(\|problem\|\)(?: \[status=x\])?\}"
_MX = r"MedicationEvent \(x\)"
_MM = r"MedicationEvent \(\|medication\|\)"
_CURRENT_X = rf"{_MX} CheckIfNull \(\[enddate\]\) OR {_MX} \[enddate>currentDate\]"
_CURRENT_M = rf"{_MM} CheckIfNull \(\[enddate\]\) OR {_MM} \[enddate>currentDate\]"
_MT, _PT = r"MedicationEvent \(\|treatment\|\)", r"ProcedureEvent \(\|treatment\|\)"
_CURRENT_T = rf"{_MT} CheckIfNull \(\[enddate\]\) OR {_MT} \[enddate>currentDate\] OR {_PT} \[date=x\]"
_CP, _SP = r"ConditionEvent \(\|problem\|\)", r"SymptomEvent \(\|problem\|\)"
_TESTS_X = r"\{LabEvent \(x\).* OR ProcedureEvent \(x\)[^|]*\}"
_TESTS_T = r"\{LabEvent \(\|test\|\).*ProcedureEvent \(\|test\|\).*\}"

# The first pattern that fits a whole form names the fact.
_RULES = (
    (rf"{_MM} \[dosage=x\]", "medication_dose"),
    (rf"{_MM} \[sig=x\]", "medication_frequency"),
    (rf"{_MM} \[startdate=x(?:, enddate=x)?\]", "medication_start"),
    (rf"{_MM} \[enddate=x\]", "medication_stop"),
    (rf"{_MM} given {_X}", "medication_reason"),
    (rf"{_MM} (?:improves/worsens/)?causes {_X}", "medication_effect"),
    (rf"(?:{_MM}|\{{{_CURRENT_M}\}}) given {_P}", "medication_given"),
    (_CURRENT_M, "medication_current"),
    (_MM, "medication_mention"),
    (rf"{_MX} \[dosage=x\] given {_P}", "medication_and_dose_for"),
    (rf"(?:{_MX}|\{{{_CURRENT_X}\}}) given {_P}", "medication_for"),
    (rf"{_MX} causes {_X}", "allergy_list"),
    (rf"{_CURRENT_X}|{_MX}", "medication_list"),
    (rf"{_MT} \[startdate=x(?:, enddate=x)?\] OR {_PT} \[date=x\]", "treatment_date"),
    (rf"{_MT} \[enddate=x\] OR {_PT} \[date=x\]", "treatment_last"),
    (rf"{_CURRENT_T}|{_MT} OR {_PT}", "treatment_mention"),
    (rf"\{{{_MT} OR {_PT}\}} given {_X}", "treatment_reason"),
    (rf"\[{_PT} given/conducted {_X}\] OR \[{_MT} given {_X}\]", "treatment_reason"),
    (rf"\{{{_MT} OR {_PT}\}} improves/worsens/causes {_X}", "treatment_effect"),
    (rf"\{{{_MT} OR {_PT}\}} given {_P}", "treatment_given"),
    (rf"\{{(?:{_CURRENT_X}|{_MX}) OR ProcedureEvent \(x\)(?: \[date=x\])?\}} given {_P}", "treatment_for"),
    (r"ConditionEvent \(x\)", "problem_list"),
    (rf"{_CP} \[diagnosisdate=x\] OR {_SP} \[onsetdate=x\]", "problem_onset"),
    (rf"{_CP} \[diagnosisdate=x\].*", "problem_date"),
    (rf"{_CP} \[clinicalnote\.notedate=x, status=x.*", "problem_status"),
    (rf"{_CP}(?: \[status=x\])? OR {_SP}(?: \[status=x\])?", "problem_mention"),
    (rf"{_CP} relates SymptomEvent \(x\)", "related_symptoms"),
    (r"FamilyHistoryEvent \(\|problem\|\)", "family_member"),
    (r"FamilyHistoryEvent \(x\)", "family_list"),
    (r"SmokingUseEvent \(x\) \[PackPerDay=x\]", "smoking_amount"),
    (r"SmokingUseEvent \(x\)(?: \[IsTobaccoUser=x\])?", "smoking_mention"),
    (r"SmokingQuitEvent \(x\)(?: \[QuitDate=x\])?", "smoking_quit"),
    (r"LabEvent \(x\) \[date=x, status=pending\].*", "tests_pending"),
    (r"LabEvent \(x\) \[date=x, \(result=x\)>lab\.refhigh\]", "labs_high"),
    (r"LabEvent \(x\) \[date=x, result=x\] conducted/reveals ConditionEvent \(\|problem\|\)", "study_that_shows"),
    (rf"{_TESTS_X} reveals (?:{_P}|{_CP})", "study_that_shows"),
    (rf"{_TESTS_X} conducted(?:/reveals)? {_P}", "study_of_symptom"),
    (rf"{_TESTS_T} conducted {_X}", "study_reason"),
    (rf"{_TESTS_T} reveals {_P}", "study_shows"),
    (rf"\[?{_TESTS_T} conducted(?:/reveals)? {_P}.*", "study_result_for_symptom"),
    (r"LabEvent \(\|test\|\) \[date=\|date\|, result=x\].*", "lab_on_date"),
    (r"LabEvent \(\|test\|\) \[abnormalResultFlag=Y, date=\|date\|, result=x\].*", "lab_on_date"),
    (r"\{?LabEvent \(\|test\|\) \[date=x, sortBy\(date\)\].*", "test_date"),
    (r"LabEvent \(\|test\|\) \[date=x, [^|]*\] OR VitalEvent \(\|test\|\)[^|]*", "lab_value"),
    (r"\{?LabEvent \(\|test\|\) \[date=x, .*", "test_result"),
)  # fmt: skip
_COMPILED = tuple((re.compile(pattern), name) for pattern, name in _RULES)


def ask_of(logical_form: str) -> str | None:
    """Return the kind of fact that a logical form asks for; None where the generator has none.

    >>> ask_of("MedicationEvent (|medication|) [dosage=x]")
    'medication_dose'
    >>> ask_of("MedicationEvent (|medication|) given {ConditionEvent (x) OR SymptomEvent (x)}")
    'medication_reason'
    """
    form = " ".join(logical_form.split())
    return next((name for pattern, name in _COMPILED if pattern.fullmatch(form)), None)
