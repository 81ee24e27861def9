"""Patterns of what names a person in clinical text, kind by kind, and where they stand in a text.

Every pattern takes time linear in the text: its repetitions are bounded or possessive, and those that are not start
only where a word or a number starts.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

# What follows a number that is a measurement or an amount, and so no date, record or phone number.
_UNITS = (
    r"(?:mg|mcg|ug|kg|g|gm|grams?|ng|pg|ml|cc|l|dl|mm|cm|m|inch(?:es)?|ft|meq|mmol|umol|mol|iu|u|units?|tabs?|"
    r"tablets?|caps?|capsules?|puffs?|drops?|doses?|times|hours?|hrs?|min(?:utes)?|sec(?:onds)?|days?|weeks?|wks?|"
    r"months?|mos?|years?|yrs?|bpm|mmhg|k?hz|m?v|w|ohms?|psi|f|c|k|cells?|copies|cfu|strength|degrees?|pulses|cycles|"
    r"shocks?|more|leads?|vessels?)\b"
)
_NO_UNIT = rf"(?!\s?(?i:[µμ%]|x\b|{_UNITS}))"

_FULL = "January|February|March|April|May|June|July|August|September|October|November|December"
_SHORT = "Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec"
_MONTH = rf"(?:(?:{_FULL})|(?:{_SHORT})\b\.?)"
# Without a year "may 3" and "march 3" are verbs more often than months, unless they are capitalised.
_CAPITAL_MONTH = rf"(?:(?:{_FULL}|{_FULL.upper()})|(?:{_SHORT}|{_SHORT.upper()})\b\.?)"
_YEAR, _DAY, _NUMBER = r"(?:19|20)\d\d", r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])"
_DAYS = rf"{_DAY}(?i:st|nd|rd|th)?(?:\s?[-–]\s?{_DAY}(?i:st|nd|rd|th)?)?"
_TIME = r"(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?"
# Around a date that names four digits of a year, and around one that could also be a ratio or a range.
_START, _END = r"(?<![\w./])", r"(?!\d)"
_STRICT_START, _STRICT_END = r"(?<![\w./-])", r"(?![\w/]|[.,-]\d)"

_STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|DC|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR|"
    "PA|PR|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY"
)
# In capitals CT is a scan, ST a segment, DR a form of release and PL a plate, so capitals need the whole word.
_STREET = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Way|Place|Pl|Parkway|Pkwy|Highway|Hwy|"
    r"Circle|Cir|Terrace|Ter|Square|Sq|STREET|AVENUE|AVE|ROAD|BOULEVARD|BLVD|LANE|DRIVE|PARKWAY|HIGHWAY)\b\.?"
)
_STREET_WORD = rf"(?!(?i:{_UNITS}))(?:[A-Z][\w'.-]{{1,20}}|\d{{1,3}}(?:st|nd|rd|th))\s"
_CITY = r"[A-Z][A-Za-z.'-]{1,20}(?: [A-Z][A-Za-z.'-]{1,20}){0,2}"
_ZIP = r"\d{5}(?:-\d{4})?(?!\w)"

# Words that follow a title, or stand where a name would, and are none.
_NO_NAME = (
    r"(?!(?:may|MAY|will|WILL|(?i:a(?!\.)|an|and|anesthetist|any|are|as|asked|at|by|called|confirmed|contacted|contin|"
    r"did|educator|examined|explained|for|from|had|has|he|her|his|if|imaging|in|indicated|informed|is|it|manager|"
    r"no|not|noted|of|office|on|or|ordered|patient|performed|placed|practitioner|pt|recommended|replaced|reported|"
    r"requested|said|saw|scan|seen|she|states?|stated|system|that|the|they|to|told|tried|visit|was|were|when|where|which|while|who|with|wrote))\b)"
)
_WORD = rf"{_NO_NAME}[A-Z](?:[\w'’-]{{1,30}}|\.(?=\s?[A-Z]))"
_PARTICLE = r"(?:(?:van|von|de|der|den|la|le|da|di|del|bin|al|el|ten)[ -]){0,2}"
_PERSON = rf"(?P<value>{_PARTICLE}{_WORD}(?:(?:[ -]|(?<=\.)){_PARTICLE}{_WORD}){{0,3}})"
_CREDENTIAL = r"(?:M\.?D\.?|D\.?O\.?|R\.?N\.?|Ph\.?D\.?|NP|PA-C|CRNA|FACS|DDS)(?!\w)"

_RECORD = (
    r"(?:MRN|medical record(?: number| no\.?| #)?|record (?:number|no\.?|#)|(?:account|acct|patient|pt|case|chart|"
    r"encounter|visit|accession|policy|member|subscriber|report|claim|serial|licen[cs]e)\.? (?:number|num|no\.?|id|#)|"
    r"acct\.?|account|S/N|NPI|DEA)"
)
_CALL = (
    r"(?:(?:tele)?phone|tel|call(?:ed)?(?: (?:him|her|us|me|back|(?:the|our|my) (?:office|clinic)))?|fax|pager|beeper|"
    r"cell|mobile|ext(?:ension)?)"
)


def _compile(*patterns: str, flags: int = re.IGNORECASE) -> list[re.Pattern[str]]:
    return [re.compile(pattern, flags) for pattern in patterns]


# Where a pattern has the group `value`, that alone is the identifier; the rest is what tells it apart.
PATTERNS: dict[str, list[re.Pattern[str]]] = {
    "EMAIL": _compile(r"(?<![\w.%+-])[\w.%+-]++@[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)++"),
    "URL": _compile(r"(?<!\w)(?:https?://|www\.)[^\s<>\"]*[^\s<>\".,;:!?)\]]"),
    "SSN": _compile(
        r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])",
        r"(?<!\w)(?:SSN|social security(?: number)?)\W{0,3}(?:is )?(?P<value>\d{3}[ -]?\d{2}[ -]?\d{4})(?!\w)",
    ),
    "PHONE": _compile(
        r"(?<![\w.+-])(?:\+?1[-. ]?)?(?:\(\d{3}\)[-. ]?|\d{3}([-.])(?=\d{3}\1))\d{3}[-. ]\d{4}"
        r"(?:,?\s?(?:x|ext\.?|extension)\s?\d{1,6})?(?![\w-])",
        r"(?<![\w.+-])\+(?=(?:[ .()-]{0,2}\d){8,15}(?!\d))\d{1,3}(?:[ .-]?\(?\d{1,4}\)?){2,5}(?![\w-])",
        rf"(?<!\w){_CALL}(?:\s(?:number|no\.?|at|is|#)){{0,2}}[\s:.#]{{0,3}}"
        r"(?P<value>(?:\d{3}[-. ])?\d{3}[-. ]\d{4})(?![\w-])",
    ),
    "DATE": [
        *_compile(
            rf"{_START}{_YEAR}([-/.]){_NUMBER}\1{_DAY}{_END}{_TIME}",
            rf"{_START}(?:{_NUMBER}([-/.]){_DAY}|{_DAY}([-/.]){_NUMBER})(?:\1|\2){_YEAR}{_END}{_TIME}",
            rf"{_STRICT_START}{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]){_STRICT_END}{_NO_UNIT}",
            rf"{_STRICT_START}(?:{_NUMBER}/{_DAY}|{_DAY}/{_NUMBER})/\d\d{_STRICT_END}{_NO_UNIT}",
            rf"{_STRICT_START}(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])|(?:0[1-9]|[12]\d|3[01])-(?:0[1-9]|1[0-2]))"
            rf"-\d\d{_STRICT_END}{_NO_UNIT}",
            rf"{_STRICT_START}(?:{_NUMBER}[/-]{_YEAR}|{_YEAR}[/-](?:0[1-9]|1[0-2])){_STRICT_END}{_NO_UNIT}",
            rf"(?<!\w)(?:on|dated?|since|until|seen|DO[BS]:?)\s(?P<value>{_NUMBER}/(?:{_DAY}|\d\d)){_STRICT_END}{_NO_UNIT}",
            rf"(?<!\w){_MONTH}\s?{_DAYS}(?:,\s?|\s){_YEAR}(?!\w)",
            rf"(?<!\w){_DAYS}(?:\s(?:of\s)?{_MONTH},?\s{_YEAR}|-{_MONTH}-(?:{_YEAR}|\d\d))(?!\w)",
            rf"(?<!\w){_DAY}(?:{_FULL}|{_SHORT}){_YEAR}(?!\w)",
            rf"(?<!\w){_MONTH}(?:\s(?:of\s)?|,\s|-){_YEAR}(?!\w)",
        ),
        *_compile(
            rf"(?<!\w){_CAPITAL_MONTH}\s{_DAYS}(?![\w%]|\.\d){_NO_UNIT}",
            rf"(?<!\w){_DAYS}\s(?:of\s)?(?:(?:{_FULL})|(?:{_SHORT})\b\.?)(?!\w)",
            flags=0,
        ),
    ],
    "AGE": _compile(
        r"(?<![\w.,/])(?P<value>9\d|1[01]\d|12[0-5]|"
        r"ninet(?:y|ies)(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?)"
        r"[\s-]?(?:(?:years?|yrs?|y)\.?[\s/-]?(?:old|o)\b|years\s(?:of\sage|young)\b|y\.o\.)",
        r"(?<!\w)(?:aged?|age\sof|age\sis)\s?[:=]?\s?(?P<value>9\d|1[01]\d|12[0-5])(?![\w%]|[.,]\d)",
        r"(?<!\w)in\s(?:his|her|their)\s(?:early\s|mid[\s-]?|late\s)?(?P<value>(?:90|100)'?s|nineties)(?!\w)",
    ),
    "NAME": _compile(
        rf"(?<!\w)(?:Dr|Mr|Mrs|Ms|Mx|Prof|Rev|DR|MRS|PROF|MR(?=\.)|MS(?=\.))\.?\s{_PERSON}",
        rf"(?<!\w)(?:Doctor|Professor|Miss|Nurse)\s{_PERSON}",
        rf"(?<!\w)(?:dr|mrs|prof|mr(?=\.)|ms(?=\.))\.?\s(?P<value>{_NO_NAME}[a-z][a-z'’-]{{1,30}})",
        rf"(?<!\w)(?P<value>[A-Z][a-z'’-]{{1,30}}(?: [A-Z]\.?)?(?: [A-Z][a-zA-Z'’-]{{1,30}}){{1,2}}),? {_CREDENTIAL}",
        r"(?<!\w)(?i:(?:patient|pt|first|last|full|sur|maiden|contact)(?:'s)?\s?name|attending|(?:dictated|signed) by)"
        rf"(?:\s?[:=]\s?|\sis\s){_PERSON}",
        flags=0,
    ),
    "RECORD": _compile(
        rf"(?<!\w){_RECORD}\s?[:#=]{{0,2}}\s?(?:is\s)?(?P<value>(?=[A-Z-]{{0,8}}\d)[A-Z0-9][\w/.-]{{1,28}}[A-Z0-9])(?!\w)",
        rf"(?<![\w.,/+-])\d{{7,}}+(?!\w|[.,/]\d){_NO_UNIT}",
    ),
    "ADDRESS": _compile(
        rf"(?<![\w./-])\d{{1,6}}[A-Z]?\s(?:(?:[NS][EW]|[NSEW])\.?\s)?(?:{_STREET_WORD}){{1,3}}{_STREET}"
        r"(?:,?\s(?:Apt|Apartment|Suite|Ste|Unit|APT|SUITE|UNIT|#)\.?\s?\w{1,6})?"
        rf"(?:,\s{_CITY},?\s(?:{_STATES})(?:\s{_ZIP})?)?",
        rf"(?<!\w){_CITY},\s(?:{_STATES})\s{_ZIP}",
        r"(?<!\w)P\.?\s?O\.?\s(?:Box|BOX)\s\d{1,8}",
        flags=0,
    ),
    "ZIP": _compile(
        rf"(?<!\w)zip(?:\scode)?\s?[:#]?\s?(?P<value>{_ZIP})",
        rf"(?<![\w.,/-])\d{{5}}-\d{{4}}(?![\w-]|[.,]\d){_NO_UNIT}",
    ),
}
KINDS = tuple(PATTERNS)

# What the FDA removed already; it stays as it stands.
REMOVED = re.compile(r"\([bB]\)\s?\(\d\)")


def find_identifiers(text: str, kinds: tuple[str, ...] = KINDS) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, kind) of identifiers, in no particular order; they may overlap.

    >>> text = "seen 3/14/2019 by Dr. Roe"
    >>> [(kind, text[start:end]) for start, end, kind in find_identifiers(text)]
    [('DATE', '3/14/2019'), ('NAME', 'Roe')]
    """
    marks = [(0, 0), *(mark.span() for mark in REMOVED.finditer(text)), (len(text), len(text))]
    for (_, start), (end, _) in itertools.pairwise(marks):
        for kind in kinds:
            for pattern in PATTERNS[kind]:
                group = "value" if "value" in pattern.groupindex else 0
                for match in pattern.finditer(text, start, end):
                    yield (*match.span(group), kind)
