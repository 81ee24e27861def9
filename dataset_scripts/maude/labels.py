"""Classes, outcome codes, and the keyword rule that audits them."""

from __future__ import annotations

import re
from collections.abc import Iterable

LABEL_NAMES = ("Death", "Injury", "Malfunction", "Other")

_EVENT_TYPES = {
    "death": "Death",
    "d": "Death",
    "injury": "Injury",
    "serious injury": "Injury",
    "in": "Injury",
    "il": "Injury",
    "ij": "Injury",
    "malfunction": "Malfunction",
    "m": "Malfunction",
    "other": "Other",
    "o": "Other",
}
_NO_ANSWER = frozenset({"*", "no answer provided"})

OUTCOMES = {
    "L": "Life Threatening",
    "H": "Hospitalization",
    "S": "Disability",
    "C": "Congenital Anomaly",
    "R": "Required Intervention",
    "O": "Other",
    "*": "Invalid Data",
    "U": "Unknown",
    "I": "No Information",
    "A": "Not Applicable",
    "D": "Death",
}

NO_ANSWER = "event type: no answer provided"
NO_EVENT_TYPE = "event type: missing"
UNKNOWN_EVENT_TYPE = "event type: none of the four"

_DEATH = re.compile(
    r"\b(?:deaths?|died|dies|expired|deceased|decedent|demise|fatal|fatally|fatality|fatalities|autopsy|post-?mortem"
    r"|succumbed|passed (?:away|on)|pass(?:es|ing) away"
    r"|(?:patient|pt) (?:has |had )?passed(?=\W*$|\s*[.,;]|\s+(?:in|on|at|due|from|during|while|after)\b)"
    r"|found dead|pronounced dead|(?:was|is|were|being) dead|stillborn|stillbirth|life support (?:was )?withdrawn"
    r"|lost (?:his|her|their) life|mortality|coded and could not)\b"
)

# What reads like a death and is none; removed before the words above are looked for.
_NO_DEATH = re.compile(
    r"\b(?:no|not|never|without|non|nor|zero|denied|denies|did not (?:result in|cause|lead to)|0)\b"
    r"(?:[\s,/-]+(?!(?:after|autopsy|before|cause|details?|following|since|until|when)\b)[\w'-]+){0,6}?"
    r"[\s,/-]+(?:deaths?|fatal(?:ity|ities)?|died|expired|deceased|mortality|demise)\b"
    r"(?!\s+(?:certificate|report|record))"
    r"|\b(?:batter(?:y|ies)|device|unit|pump|monitor|meter|generator|motor|phone|screen|cell|camera|computer|power"
    r"|system|machine|laser|implant|lead|ipg|ins|handpiece|console|controller|transmitter|receiver|sensor|ventilator)s?"
    r"(?:['’]s)?(?:\s+(?:is|was|were|had|has|have|been|just|completely|suddenly|then|that|itself|now|being)){0,3}"
    r"\s+(?:died|dies|dead|expired|passed)\b"
    r"|\bdead\s+(?:batter\w*|spots?|spaces?|pixels?|ends?|zones?|phones?|sea|on|stops?|devices?|tissue|skin)\b"
    r"|\b(?:expir\w+|passed)\s+(?:dates?|product|lots?|strips?|test|warranty|on\s+\d|in\s+\d"
    r"|medications?|control)"
    r"|\b(?:product|strips?|lots?|warranty|kits?|vials?|reagents?|controls?|cartridges?|date|shelf.life|solution"
    r"|license|medication|insulin|items?|shelf|patch|sterility|use.by)\s+(?:\w+\s+){0,3}expired\b"
    r"|\b(?:cell|tissue|nerve|pulp|tooth|bone|muscle|brain)\s+death\b(?! was declared)"
    r"|\b(?:may|might|could|can|potential(?:ly)?|possibl[ey]|risks?|likely|would|cause or)\b"
    r"(?:\W+\w+){0,8}?\W+(?:deaths?|fatal(?:ity|ities)?|mortality)\b"
    r"|\bserious injur(?:y|ies) or deaths?\b|\bdeaths? or (?:serious )?injur(?:y|ies)\b|\bdeath and/or\b"
    r"|\b(?:afraid|fear\w*|thought|felt like|almost|nearly|near)\s+(?:\w+\s+){0,4}"
    r"(?:died|die|dying|death|dead|fatal)\b"
    r"|\bdeaths?\s+(?:was|were|is|are|has|have|had)\s+(?:not|never)\s+(?:been\s+)?(?:reported|alleged|confirmed)\b"
    r"|\bdeath grip\b|\blife or death\b|\bpassed (?:on to|away from)\b"
)


def label_of(event_type: object) -> tuple[str | None, str | None]:
    """Return (label, None), or (None, the reason why the report has no label).

    Takes openFDA's words and the raw codes D; IN, IL, IJ; M; O; `*`.

    >>> label_of("IL"), label_of("*"), label_of(None)
    (('Injury', None), (None, 'event type: no answer provided'), (None, 'event type: missing'))
    """
    if event_type is None:
        return None, NO_EVENT_TYPE
    name = event_type.strip().lower() if isinstance(event_type, str) else repr(event_type)
    if not name:
        return None, NO_EVENT_TYPE
    if name in _NO_ANSWER:
        return None, NO_ANSWER
    label = _EVENT_TYPES.get(name)
    return (label, None) if label else (None, UNKNOWN_EVENT_TYPE)


def outcome_words(values: Iterable[object]) -> list[str]:
    """Return the outcomes of a report's patients as FDA's words, sorted, each once.

    openFDA sends `["Hospitalization", " R"]`, the raw files `1. L; 2. R`.

    >>> outcome_words(["Hospitalization", " R"]), outcome_words(["1. L; 2. R"])
    (['Hospitalization', 'Required Intervention'], ['Life Threatening', 'Required Intervention'])
    """
    words = set()
    for value in values:
        for part in re.split(r"[;,]", str(value or "")):
            part = re.sub(r"^\s*\d+\.\s*", "", part).strip()
            if part:
                words.add(OUTCOMES.get(part.upper(), part))
    return sorted(words)


def tells_of_death(text: str) -> bool:
    """Whether a narrative tells of a person's death, by keywords; not if it is denied, feared or a battery's.

    >>> tells_of_death("The patient expired."), tells_of_death("The battery died; no deaths were reported.")
    (True, False)
    """
    text = text.lower()
    return bool(_DEATH.search(text)) and bool(_DEATH.search(_NO_DEATH.sub(" ", text)))
