"""Texts to try, with the answer that a reader wrote down for each. Written for this page: nobody in them exists."""

from __future__ import annotations

from collections.abc import Iterable

EXAMPLES = {
    ("Death", "Injury", "Malfunction", "Other"): {
        "Told without the word": (
            "During transport the ventilator shut down without an alarm. The crew bagged the patient by hand and began "
            "compressions. Efforts were stopped after forty minutes. The unit is kept for inspection.",
            "Death",
        ),
        "Harm and a second operation": (
            "The stapler fired but two staples did not form. The patient bled from the staple line and was taken back "
            "to surgery the same evening. No death was reported. The patient has since gone home.",
            "Injury",
        ),
        "A battery that died": (
            "At the weekly check the defibrillator battery was dead and a fatal error code stayed on the screen. No "
            "patient was connected. The unit passed its self test with a new battery.",
            "Malfunction",
        ),
        "Hard to place": (
            "A caller asks whether her headaches could come from the glucose sensor. She still wears it, has not seen "
            "a physician, and would like to know how to return the empty boxes.",
            "Other",
        ),
    },
    ("Not-Related", "Related"): {
        "A plain case": (
            "Three days after the first dose of ceftriaxone the patient developed a generalized urticarial rash.",
            "Related",
        ),
        "Drug and illness, no link": (
            "The patient had been treated with prednisone for sarcoidosis since 1994 and was admitted after a fall.",
            "Not-Related",
        ),
        "Said with a hedge": (
            "Although an infectious cause could not be excluded, the hepatitis may have been due to isoniazid.",
            "Related",
        ),
        "Harm that was prevented": (
            "Pretreatment with folinic acid prevented the mucositis that is usually seen with methotrexate.",
            "Not-Related",
        ),
    },
    ("good", "poor"): {
        "Home, walking": (
            "Discharged home with services. At discharge she walked with a cane, ate well and was afebrile for 72 "
            "hours; follow-up with her cardiologist is arranged.",
            "good",
        ),
        "Comfort care": (
            "After a meeting with the family, goals of care were changed to comfort. He was transferred to inpatient "
            "hospice, somnolent and not eating.",
            "poor",
        ),
        "Both in one summary": (
            "The abscess was drained and fever resolved, but he remains ventilator dependent with a tracheostomy and "
            "goes to long-term acute care; prognosis for weaning is guarded.",
            "poor",
        ),
    },
}


def examples_for(labels: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return title → (text, answer) for a set of classes, in their own spelling; empty for classes unknown here.

    >>> list(examples_for(["Good", "Poor"]))[0], examples_for(["Good", "Poor"])["Home, walking"][1]
    ('Home, walking', 'Good')
    >>> examples_for(["a", "b"])
    {}
    """
    own = {label.casefold(): label for label in labels}
    for classes, texts in EXAMPLES.items():
        if {name.casefold() for name in classes} == set(own):
            return {title: (text, own[answer.casefold()]) for title, (text, answer) in texts.items()}
    return {}
