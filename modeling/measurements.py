"""Measurements in clinical text: where they are, what they say, and one spelling for each."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from .measurement_patterns import (
    BETWEEN,
    COMPARATOR,
    FACTOR,
    FROM,
    PRESSURE_CUE,
    PRESSURES,
    STRENGTH_CUE,
    VULGAR,
    measurement_pattern,
)
from .measurement_units import LENGTH_UNITS, SIGNED_UNITS, SPACES, canonical_unit

KINDS = ("blood_pressure", "dimensions", "quantity")
# Characters before a number in which a comparator or the cue of a blood pressure is looked for.
COMPARATOR_REACH, CUE_REACH = 36, 48
DASHES = "-–—−"
# The last letters of "than", "to", "least", "most", and the signs.
_COMPARATOR_ENDS = frozenset("nNoOtT<>=≤≥⩽⩾≦≧~≈∼≲≳")
_SIGNS = {
    **dict.fromkeys(("<",), "<"),
    **dict.fromkeys((">",), ">"),
    **dict.fromkeys(("<=", "=<", "</=", "≤", "⩽", "≦", "≲"), "<="),
    **dict.fromkeys((">=", ">/=", "≥", "⩾", "≧", "≳"), ">="),
    **dict.fromkeys(("~", "≈", "∼"), "~"),
}
_SPACE = re.compile(rf"[{SPACES}\r\n]+")


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measurement of a text.

    Attributes:
        start: its first character.
        end: the character after its last.
        kind: "blood_pressure"; "dimensions" (one to three lengths: 18 mm, 3 x 4 cm); "quantity" (all others, with
            ranges and comparators of lengths among them).
        values: its numbers in their order: systolic and diastolic, the sides, both ends of a range, mean and
            tolerance, feet and inches.
        unit: in canonical form, of all values ("cm"), or of each ("cm x cm x mm", "ft in"); None for a blood pressure
            without one. Never another unit than the text's.
        comparator: "<", "<=", ">", ">=", "~" or "±"; None without one.
        canonical: the one spelling of it, decimal places kept.
    """

    start: int
    end: int
    kind: str
    values: tuple[float, ...]
    unit: str | None
    comparator: str | None
    canonical: str


def find_measurements(text: str) -> list[Measurement]:
    """Return the measurements of a text, sorted, none overlapping another, in time linear in its length.

    Blood pressures come first, then sizes, then quantities; a number alone is none, and neither are dates, times,
    spans of minutes or longer, ages, ratios, vertebrae, telephone numbers. `1,200` is twelve hundred, `1,2` and
    `0,200` have decimal commas. `C` and `F` are degrees only in the range of body temperatures.

    >>> [m.canonical for m in find_measurements("BP 120 over 80, a 1.5x2.0x3.1cm mass, PSA less than 0.5 ng/ml")]
    ['120/80', '1.5 x 2.0 x 3.1 cm', '<0.5 ng/mL']
    >>> find_measurements("5–10mm")[0]
    Measurement(start=0, end=6, kind='quantity', values=(5.0, 10.0), unit='mm', comparator=None, canonical='5-10 mm')
    >>> find_measurements("On 12/10/2019 fusion of C5-C6; dressed with 2 x 4 gauze; 1/2 tablet of vitamin B-12.")
    []
    """
    found: list[Measurement] = []
    for match in measurement_pattern().finditer(text):
        if text[match.start() - 1 : match.start()] == "." and not text[match.start() : match.start("number")].isdigit():
            continue
        for measurement in _READERS[match.lastgroup](text, match):
            if not found or measurement.start >= found[-1].end:
                found.append(measurement)
    return found


def canonical_number(spelling: str) -> str:
    """Return a number without separators of thousands, with a decimal point; fractions stay fractions.

    >>> [canonical_number(number) for number in ("1,200", "2,5", "0,250", ".5", "2½", "2-1/2", "2.0")]
    ['1200', '2.5', '0.250', '0.5', '2 1/2', '2 1/2', '2.0']
    """
    if spelling[-1] in VULGAR:
        whole = _SPACE.sub("", spelling[:-1])
        return f"{whole} {VULGAR[spelling[-1]]}".strip()
    if "/" in spelling:
        return spelling.replace("-", " ")
    if spelling[0] == ".":
        return f"0{spelling}"
    if "," in spelling:
        head, *tails = spelling.split(",")
        is_decimal = len(tails) == 1 and "." not in spelling and (len(tails[0]) != 3 or head.strip("0") == "")
        return spelling.replace(",", "." if is_decimal else "")
    return spelling


def number_value(canonical: str) -> float:
    """Return what a canonical number is worth.

    >>> number_value("2 1/2")
    2.5
    """
    if "/" not in canonical:
        return float(canonical)
    whole, _, fraction = canonical.rpartition(" ")
    top, bottom = fraction.split("/")
    return float(whole or 0) + float(top) / float(bottom)


def _number_start(text: str, start: int) -> int:
    """Return where the number at `start` begins, a decimal point before it included."""
    return start - 1 if start and text[start - 1] == "." else start


def _with_unit(number: str, unit: str) -> str:
    return number + unit if unit[0] in "%°/" and unit not in ("°C", "°F") else f"{number} {unit}"


def _comparator(text: str, start: int) -> tuple[str | None, int]:
    """Return the comparator before `start`, and where it begins."""
    before = text[max(0, start - COMPARATOR_REACH) : start]
    stripped = before.rstrip(SPACES + "\r\n")
    if not stripped or stripped[-1] not in _COMPARATOR_ENDS:
        return None, start
    match = COMPARATOR.search(before)
    if match is None:
        return None, start
    begin = start - len(before) + match.start()
    if sign := match["sign"]:
        return _SIGNS.get(sign, f"{sign[0]}="), begin
    if match["least"] or match["most"]:
        return ">=" if match["least"] else "<=", begin
    less, equal = bool(match["less"]), bool(match["equal"])
    if match["negated"]:
        less, equal = not less, not equal
    return ("<" if less else ">") + ("=" if equal else ""), begin


def _blood_pressure(text: str, match: re.Match) -> list[Measurement]:
    start, end = match.span()
    parts = PRESSURES.match(match[0])
    if parts is None or text[start - 1 : start] == ".":
        return []
    low, low_s, low_high, low_high_s, high, high_s, high_high, high_high_s, palpated, rest = parts.groups()
    before = text[max(0, start - CUE_REACH) : start]
    systolic = [int(number) for number in (low, low_high) if number]
    diastolic = [int(number) for number in (high, high_high) if number]
    has_cue = bool(rest) or bool(PRESSURE_CUE.search(before))
    if palpated:
        if not 30 <= systolic[0] <= 300 or (palpated in "pP" and not has_cue):
            return []
        lower = "palp" if palpated[0] in "pP" else palpated
    else:
        gaps = [systolic[0] - diastolic[0], systolic[-1] - diastolic[-1]]
        if has_cue:
            fits = min(systolic) >= 30 and max(systolic) <= 350 and min(diastolic) >= 10 and min(gaps) >= 0
        else:
            fits = min(systolic) >= 80 and max(systolic) <= 260 and min(diastolic) >= 35 and max(diastolic) <= 150
            fits = fits and min(gaps) >= 10 and max(gaps) <= 120 and not STRENGTH_CUE.search(before)
        if not fits:
            return []
        lower = f"{high}{high_s}" + (f"-{high_high}{high_high_s}" if high_high else "")
    upper = f"{low}{low_s}" + (f"-{low_high}{low_high_s}" if low_high else "")
    unit = "mmHg" if rest else None
    canonical = f"{upper}/{lower}".lower() + (" mmHg" if unit else "")
    values = tuple(float(number) for number in systolic + diastolic)
    return [Measurement(start, end, "blood_pressure", values, unit, None, canonical)]


def _dimensions(text: str, match: re.Match) -> list[Measurement]:
    start, end = _number_start(text, match.start()), match.end()
    factors = list(FACTOR.finditer(text, start, end))
    while len(factors) > 1 and not factors[-1][2] and _is_count(text, factors):
        factors.pop()
        end = factors[-1].end()
    spelled = [canonical_unit(factor[2]) if factor[2] else None for factor in factors]
    if not any(spelled):
        return []
    units: list[str] = []
    for place, unit in enumerate(spelled):
        ahead = next((later for later in spelled[place:] if later), None)
        units.append(unit or ahead or units[-1])
    numbers = [canonical_number(factor[1]) for factor in factors]
    comparator, begin = _comparator(text, start)
    labels = [factor[3] for factor in factors]
    if len(set(units)) == 1 and not any(labels):
        unit, canonical = units[0], f"{' x '.join(numbers)} {units[0]}"
    else:
        unit = units[0] if len(set(units)) == 1 else " x ".join(units)
        sides = zip(numbers, units, labels, strict=True)
        canonical = " x ".join(f"{number} {unit}" + (f" {label}" if label else "") for number, unit, label in sides)
    values = tuple(map(number_value, numbers))
    return [Measurement(begin, end, "dimensions", values, unit, comparator, (comparator or "") + canonical)]


def _is_count(text: str, factors: list[re.Match]) -> bool:
    """Return whether the last factor, which has no unit, says how many or how often rather than how long."""
    last = factors[-1]
    after = text[last.end() : last.end() + 3]
    if after[:1] in ("%", "/", ":", "-", "^") or after[:1].isalpha():
        return True
    return "." not in last[1] and "," not in last[1] and len(last[1]) == 1 and len(factors) == 2


def _mixed(small: str, large: str, most: float) -> Callable[[str, re.Match], list[Measurement]]:
    def read(text: str, match: re.Match) -> list[Measurement]:
        start, end = _number_start(text, match.start()), match.end()
        first = canonical_number(text[start : match.start("number")])
        second = re.search(r"[0-9]+(?:\.[0-9])?", text[match.start("number") : end])[0]
        values = (number_value(first), float(second))
        if not 1 <= values[0] <= most or values[1] >= 16 or not first.isdigit():
            return []
        canonical = f"{first} {large} {second} {small}"
        return [Measurement(start, end, "quantity", values, f"{large} {small}", None, canonical)]

    return read


def _quantity(text: str, match: re.Match) -> list[Measurement]:
    start = _number_start(text, match.start())
    middle = match.start("number")
    number = text[start:middle]
    if match["high"] is None:
        one = _single(text, start, number, match["last"], match.end())
        return [one] if one else []
    high_start = match.start("high")
    separator = match["to"] or match["both"]
    word = _SPACE.sub("", separator)
    spelled, unit_last = match["unit"], match["last"]
    unit = _unit_name(unit_last)
    before = text[max(0, start - 24) : start]
    apart = spelled is not None and _unit_name(spelled) != unit
    if word == "and":
        apart = apart or not BETWEEN.search(before)
    elif word in ("to", "TO") and (origin := FROM.search(before)):
        apart = apart or not origin["ranging"]
    if apart:
        low = _single(text, start, number, spelled, match.end("unit")) if spelled else None
        high = _single(text, high_start, match["high"], unit_last, match.end())
        return [one for one in (low, high) if one]
    numbers = canonical_number(number), canonical_number(match["high"])
    values = tuple(map(number_value, numbers))
    if unit is None or not _plausible(text, match.end(), unit, unit_last, values[-1]):
        return []
    if word in ("±", "+/-", "+-"):
        canonical = _with_unit(f"{numbers[0]} ± {numbers[1]}", unit)
        return [Measurement(start, match.end(), "quantity", values, unit, "±", canonical)]
    comparator, begin = _comparator(text, start)
    canonical = (comparator or "") + _with_unit("-".join(numbers), unit)
    return [Measurement(begin, match.end(), "quantity", values, unit, comparator, canonical)]


def _unit_name(spelling: str) -> str:
    return canonical_unit(spelling.strip(SPACES + "\r\n" + "-"))


def _plausible(text: str, end: int, unit: str, spelling: str, value: float) -> bool:
    """Return whether the letters of a unit can stand for it here."""
    letters = spelling.strip(SPACES + "\r\n-")
    if letters == "C":
        return 30 <= value <= 45 and text[end : end + 1] != "-"
    if letters == "F":
        return 85 <= value <= 115 and text[end : end + 1] != "-"
    if unit == "°":
        return value > 4
    if letters in ("m", "V") and (letters == "V" or spelling == "m"):
        return value != int(value)
    if spelling in ("s", "S"):
        return False
    return not (len(letters) == 1 and ("\n" in spelling or text[end : end + 1] == "/"))


def _single(text: str, start: int, number: str, spelling: str, end: int) -> Measurement | None:
    """Return the quantity of one number and its unit; None where it is none."""
    unit = _unit_name(spelling)
    form = canonical_number(number)
    value = number_value(form)
    if not _plausible(text, end, unit, spelling, value):
        return None
    if start and text[start - 1] in "-−" and unit in SIGNED_UNITS and (start == 1 or text[start - 2] in " \t\n(=:"):
        start, form, value = start - 1, f"-{form}", -value
    comparator, begin = _comparator(text, start)
    kind = "dimensions" if unit in LENGTH_UNITS and comparator is None else "quantity"
    return Measurement(begin, end, kind, (value,), unit, comparator, (comparator or "") + _with_unit(form, unit))


_READERS: dict[str, Callable[[str, re.Match], list[Measurement]]] = {
    "blood_pressure": _blood_pressure,
    "dimensions": _dimensions,
    "height": _mixed("in", "ft", 8),
    "weight": _mixed("oz", "lb", 30),
    "quantity": _quantity,
}

__all__ = ["KINDS", "Measurement", "canonical_number", "find_measurements", "number_value"]
