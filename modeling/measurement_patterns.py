"""The patterns that find measurements: one pass over the text, anchored on digits.

Every repetition is bounded or possessive, so that the work for each character is bounded and the whole is linear.
"""

import re
from functools import cache

from .measurement_units import GAP, SIZE_PATTERN, SPACES, UNIT_PATTERN

VULGAR = {"½": "1/2", "¼": "1/4", "¾": "3/4", "⅓": "1/3", "⅔": "2/3", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8"}
_VULGAR = "".join(VULGAR)
_FRACTION = r"[1-9]/(?:16|2|3|4|8)(?![0-9/])"
_PLAIN = r"[0-9]{0,8}+(?:[.,][0-9]{1,6}+)?+(?![0-9])"
# What follows the first digit (or vulgar fraction) of a number.
_REST = (
    rf"(?:(?<=[{_VULGAR}])(?![0-9])|(?<=[0-9])(?:"
    rf"[0-9]{{0,2}}{GAP}?[{_VULGAR}](?![0-9])|[0-9]{{0,2}}[ -]{_FRACTION}|/(?:16|2|3|4|8)(?![0-9/])"
    rf"|[0-9]{{0,2}}(?:,[0-9]{{3}}){{1,3}}+(?![0-9])(?:\.[0-9]{{1,6}}+(?![0-9]))?+|{_PLAIN}))"
)
NUMBER = rf"(?:[0-9{_VULGAR}]{_REST}|\.[0-9]{{1,6}}+(?![0-9]|[.,][0-9]))"
# Nothing begins inside a word (T4, B-12), a longer number, a date, a price or an exponent.
_BEGIN = (
    rf"(?:(?<!\w[0-9{_VULGAR}])|(?<=\bBP[0-9]))(?<!\w[./\-–—−][0-9{_VULGAR}])"
    rf"(?<![0-9][,:(][0-9{_VULGAR}])(?<![$€£^/'][0-9{_VULGAR}])"
)
_LINES = rf"[{SPACES}\r\n]"
_UNIT = rf"(?:{GAP}{{0,2}}|-|{GAP}?\r?\n{GAP}?)(?:{UNIT_PATTERN})"
_SIZE = rf"(?:{GAP}{{0,2}}|-|{GAP}?\r?\n{GAP}?)(?:{SIZE_PATTERN})"
_BY = rf"(?:{_LINES}{{0,2}}[xX×*]{_LINES}{{0,2}}|{_LINES}{{1,2}}(?:by|BY){_LINES}{{1,2}})"
_LABEL = (
    r"\(?(?:AP|TR|TV|TRV|CC|SI|ML|RL|LR|L|W|H|D|[Tt]ransverse|[Cc]raniocaudal|[Aa]nteroposterior|[Ll]ongitudinal|long|"
    r"wide|deep|high|thick|tall|in (?:length|width|depth|height|diameter)|diameter|length|width|depth|height)(?!\w)\)?"
)
_NAMED = rf"(?:{GAP}{{1,2}}{_LABEL})?"
_MERCURY = rf"(?:mm|MM|millimeters){GAP}{{0,2}}(?:of{GAP}|/{GAP}?)?(?:Hg|HG|hg|mercury)(?!\w)"
_PRESSURE = r"[0-9]{2,3}(?![0-9])[sS]?"

_BLOOD_PRESSURE = (
    rf"[sS]?(?:[-–—]{_PRESSURE})?(?:{GAP}?[/\\]{GAP}?|{_LINES}(?:over|OVER){_LINES})"
    rf"(?:{_PRESSURE}(?:[-–—]{_PRESSURE})?|palp|palpation|doppler|[Pp])"
    rf"(?:{_LINES}{{0,2}}{_MERCURY}|(?![\w%]|[/.,:\-–][0-9]|/|{GAP}?%|{_UNIT}))"
)
_DIMENSIONS = (
    rf"(?:{_SIZE}{_NAMED}{_BY}{NUMBER}(?:{_SIZE}{_NAMED})?(?:{_BY}{NUMBER}(?:{_SIZE}{_NAMED})?)?"
    rf"|{_NAMED}{_BY}{NUMBER}{_SIZE}{_NAMED}(?:{_BY}{NUMBER}(?:{_SIZE}{_NAMED})?)?"
    rf"|{_NAMED}{_BY}{NUMBER}{_NAMED}{_BY}{NUMBER}{_SIZE}{_NAMED})"
)
_AND = rf"(?:{_LINES}|,{_LINES})?(?:and{_LINES})?"
_HEIGHT = (
    rf"(?:(?:['’′]|{GAP}{{0,2}}(?:feet|foot|ft)(?!\w)\.?){_AND}[0-9]{{1,2}}(?:\.[0-9])?(?![0-9])"
    rf"(?:[\"”″]|''|{GAP}{{0,2}}-?(?:inches|inch|in)(?!\w))|['’′]{GAP}?[0-9]{{1,2}}(?![\w'’′.]))"
)
_WEIGHT = (
    rf"{GAP}{{0,2}}(?:pounds?|lbs?)(?!\w)\.?{_AND}[0-9]{{1,2}}(?:\.[0-9])?(?![0-9]){GAP}{{0,2}}(?:ounces?|oz)(?!\w)"
)
_RANGE = (
    rf"(?:(?P<unit>{_UNIT})?(?P<to>{GAP}?(?:[-–—−~±]|\+/-|\+-){GAP}?|{_LINES}(?:to|TO){_LINES})"
    rf"|(?P<both>{_LINES}and{_LINES}))(?P<high>{NUMBER})"
)
_QUANTITY = rf"(?:{_RANGE})?(?P<last>{_UNIT})"


@cache
def measurement_pattern() -> re.Pattern[str]:
    """Return the pattern of a measurement: compiled when it is first used, for that takes half a second."""
    return re.compile(
        rf"[0-9{_VULGAR}]{_BEGIN}{_REST}(?P<number>)"
        rf"(?:(?P<blood_pressure>{_BLOOD_PRESSURE})|(?P<dimensions>{_DIMENSIONS})|(?P<height>{_HEIGHT})"
        rf"|(?P<weight>{_WEIGHT})|(?P<quantity>{_QUANTITY}))"
    )


FACTOR = re.compile(rf"({NUMBER})(?:(?:[{SPACES}\r\n-]*)({SIZE_PATTERN}))?(?:{GAP}*({_LABEL}))?")
PRESSURES = re.compile(
    rf"([0-9]{{2,3}})([sS]?)(?:[-–—]([0-9]+)([sS]?))?[{SPACES}\r\n]*(?:/|\\|over|OVER)[{SPACES}\r\n]*"
    rf"(?:([0-9]+)([sS]?)(?:[-–—]([0-9]+)([sS]?))?|([A-Za-z]+))(.*)",
    re.DOTALL,
)
PRESSURE_CUE = re.compile(
    r"(?i:\bB\.?/?P\b|\b[SD]BP\b|blood pressures?|\bpressures?\b|\bvital|\bhypotensi|\bhypertensi|\bsystolic)"
)
# Two numbers over each other that are a strength: insulin mixes, inhalers, combined tablets.
STRENGTH_CUE = re.compile(
    r"(?i:insulin|humulin|novolin|humalog|novolog|mix|advair|diskus|symbicort|dulera|seretide|airduo|wixela|hyzaar|"
    r"diovan|losartan|atenolol|triamterene|augmentin|bactrim|septra|percocet|vicodin|lortab|norco|tablets?|caps|"
    r"vision|acuity|vitamin|ratio|I/O)"
)
COMPARATOR = re.compile(
    rf"(?:(?P<sign><=|>=|=<|</=|>/=|(?<![-=])[<>]{GAP}?or{GAP}?=|(?<![-=])[<>]|[≤≥⩽⩾≦≧~≈∼≲≳])|"
    r"(?i:(?P<negated>\bno[t]?\s)?(?:(?P<less>\b(?:less|fewer|lower|smaller)\sthan)|"
    r"(?P<more>\b(?:more|greater|larger|bigger|higher)\sthan))(?P<equal>\sor\sequal\sto)?|"
    r"(?P<least>\bat\sleast)|(?P<most>\b(?:at\smost|up\sto))))"
    rf"{_LINES}{{0,2}}\Z"
)
FROM = re.compile(r"(?i:(?P<ranging>\b(?:rang|vari|var)\w{1,4}\s)?\bfrom\s{1,2}\Z)")
BETWEEN = re.compile(r"(?i:\bbetween\s{1,2}\Z)")

__all__ = [
    "BETWEEN",
    "COMPARATOR",
    "FACTOR",
    "FROM",
    "PRESSURES",
    "PRESSURE_CUE",
    "STRENGTH_CUE",
    "VULGAR",
    "measurement_pattern",
]
