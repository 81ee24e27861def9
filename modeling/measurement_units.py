"""Units of clinical text: their spellings, one canonical form of each, and patterns that find them."""

import functools
import re
from collections.abc import Iterable

# Spaces of one line that stand between the parts of a measurement, zero-width ones among them.
SPACES = " \t\u00a0\u2007\u2009\u200a\u200b\u200c\u200d\u2060\u202f\ufeff"
GAP = f"[{SPACES}]"

# Canonical form -> spellings, which may also come in capitals or with a capital. A space in a spelling is optional.
LENGTHS = {
    "mm": "mm mms millimeter millimeters millimetre millimetres",
    "cm": "cm cms centimeter centimeters centimetre centimetres",
    "um": "um µm μm micron microns micrometer micrometers micrometre micrometres",
    "nm": "nm nanometer nanometers nanometre nanometres",
    "inch": "inch inches",
    "ft": "ft foot feet",
    "m": "meter meters metre metres",
}
MASSES = {
    "mg": "mg mgs milligram milligrams",
    "mcg": "mcg mcgs µg μg ug microgram micrograms",
    "ng": "ng nanogram nanograms",
    "pg": "pg picogram picograms",
    "kg": "kg kgs kilo kilos kilogram kilograms",
    "g": "gm gms gram grams",
    "lb": "lb lbs pound pounds",
    "oz": "oz ounce ounces",
}
VOLUMES = {
    "mL": "ml mls milliliter milliliters millilitre millilitres",
    "dL": "dl deciliter deciliters decilitre decilitres",
    "uL": "ul µl μl µL μL mcl microliter microliters microlitre microlitres",
    "fL": "fl femtoliter femtoliters",
    "L": "l liter liters litre litres",
    "cc": "cc ccs",
}
AMOUNTS = {
    "mEq": "meq MEq milliequivalent milliequivalents",
    "mmol": "mmol millimole millimoles",
    "umol": "umol µmol μmol micromole micromoles",
    "nmol": "nmol nanomole nanomoles",
    "pmol": "pmol picomole picomoles",
    "mol": "mol moles",
    "mOsm": "mosm mosmol milliosmoles",
    "IU": "iu international_units",
    "mIU": "miu",
    "uIU": "uiu µiu μiu µIU μIU",
    "units": "u unit units",
    "mU": "mu milliunits",
    "uU": "uu µu μu µU μU",
}
PRESSURES = {
    "mmHg": "mm_hg mm/hg mm_/hg mm_of_hg mm_of_mercury millimeters_of_mercury",
    "cmH2O": "cm_h2o cm_of_h2o cm_of_water centimeters_of_water",
    "kPa": "kpa",
}
DEGREES = {
    "°C": "°_c º_c ℃ deg_c deg._c degree_c degrees_c degree_celsius degrees_celsius "
    "degrees_centigrade celsius centigrade",
    "°F": "°_f º_f ℉ deg_f deg._f degree_f degrees_f degree_fahrenheit degrees_fahrenheit fahrenheit",
    "°": "° º deg degree degrees",
}
OTHERS = {
    "bpm": "bpm",
    "lpm": "lpm",
    "rpm": "rpm",
    "ppm": "ppm",
    "mph": "mph",
    "ms": "ms msec msecs millisecond milliseconds",
    "s": "sec secs second seconds",
    "Fr": "fr french",
    "atm": "atm atmosphere atmospheres",
    "cGy": "cgy centigray",
    "mGy": "mgy",
    "Gy": "gy gray grays",
    "mSv": "msv",
    "mCi": "mci millicurie millicuries",
    "MBq": "mbq",
    "kcal": "kcal kcals kilocalories",
    "cal": "calories",
    "HU": "hu hounsfield_units",
    "kHz": "khz",
    "MHz": "mhz",
    "Hz": "hz hertz",
    "mV": "mv millivolt millivolts",
    "V": "volt volts",
    "ohm": "ohms",
    "mA": "milliamp milliamps",
    "kV": "kv",
    "kVp": "kvp",
    "dB": "db decibel decibels",
    "J": "joule joules",
    "METs": "mets",
    "diopters": "diopter diopters dioptre dioptres",
    "pack-years": "pack_years pack_year pack-years pack-year",
    "mg%": "mg%",
    "g%": "g% gm%",
}
AREAS = {
    **{
        f"{unit}{power}": " ".join(f"{unit}{sign}" for sign in ((f"{power}", f"^{power}", "²" if power == 2 else "³")))
        for unit in ("mm", "cm", "m")
        for power in (2, 3)
    },
}
for _power, _words in ((2, ("square", "sq", "sq.")), (3, ("cubic", "cu", "cu."))):
    for _unit, _names in (("mm", "mm millimeter millimeters"), ("cm", "cm centimeter centimeters"), ("m", "meters")):
        AREAS[f"{_unit}{_power}"] += "".join(f" {word}_{name}" for word in _words for name in _names.split())
AREAS["mm3"] += " cmm cumm"
# What only case tells from something else: mM from mm, C and F (kept by value), m, g and s.
EXACT = {"mM": "mM", "m": "m", "g": "g", "s": "s", "mA": "mA", "mU": "mU", "mV": "mV", "C": "°C", "F": "°F"}
# What is a unit only over something: K/uL, beats/min.
COUNTS = {
    "K": "k",
    "M": "M",
    "g": "G",
    "beats": "beat beats",
    "breaths": "breath breaths",
    "cells": "cell cells",
    "WBC": "wbc wbcs",
    "RBC": "rbc rbcs",
    "copies": "copies",
    "CFU": "cfu",
    "gtt": "gtt gtts drops",
    "thousand": "thousand thou",
    "million": "million mill",
    "U": "u unit units",
}
UNDER = {
    "day": "d day days", "h": "h hr hrs hour hours", "min": "min mins minute minutes",
    "s": "s sec second seconds", "week": "wk week weeks", "month": "month months", "year": "yr year years",
    "dose": "dose doses", "beat": "beat beats", "hpf": "hpf", "lpf": "lpf", "U": "u unit units",
    "BSA": "bsa", "mm": "mm", "cm": "cm", "m": "m", "g": "g", "mol": "mol mole",
}  # fmt: skip
# A number goes straight before these: 72/min, 12000/mm3.
BARE_UNDER = ("min", "mm3", "uL", "hpf", "lpf")
LENGTH_UNITS = frozenset(LENGTHS)
# What a value with a minus sign is measured in; before other units a hyphen is a dash.
SIGNED_UNITS = frozenset(("mEq/L", "mmol/L", "°C", "diopters", "%", "HU", "mV"))
# Variants in which another word or unit is more likely: MS (multiple sclerosis), MV (megavolt), M, G, S.
NOT_UNITS = {
    "M",
    "G",
    "S",
    "MS",
    "Ms",
    "mM",
    "MM3",
    "MU",
    "Mu",
    "mu",
    "MA",
    "Ma",
    "ma",
    "MV",
    "Mv",
    "UM",
    "Um",
    "v",
    "FR",
}


def _spellings(table: dict[str, str]) -> dict[str, str]:
    """Return every spelling of a table -> its canonical form; `_` is an optional space."""
    found: dict[str, str] = {}
    for unit, words in table.items():
        for word in (*words.split(), unit):
            head, space, tail = word.rpartition("_")
            tails = (tail, tail.upper(), tail.capitalize()) if space else ()
            for variant in (word, word.lower(), word.upper(), word.capitalize(), *(head + space + t for t in tails)):
                found.setdefault(variant, unit)
    return found


SINGLE = {
    spelling: unit
    for table in (AREAS, LENGTHS, MASSES, VOLUMES, AMOUNTS, PRESSURES, DEGREES, OTHERS)
    for spelling, unit in _spellings(table).items()
    if spelling not in NOT_UNITS
} | EXACT
SIZES = {spelling: unit for spelling, unit in SINGLE.items() if unit in LENGTH_UNITS}
OVER = _spellings(COUNTS) | SINGLE
BELOW = {
    spelling: unit
    for table in (AREAS, MASSES, VOLUMES, AMOUNTS, UNDER)
    for spelling, unit in _spellings(table).items()
    if spelling not in NOT_UNITS or unit == "mm3"
}
# What a number may stand before under the line: mg/5 mL, mg/24 h; mg/325 mg would be two drugs of one tablet.
COUNTED = [spelling for spelling, unit in BELOW.items() if unit in {*AREAS, *VOLUMES, "day", "h", "min"}]
PERCENT = {"%": "%", "percent": "%", "per_cent": "%", "Percent": "%", "PERCENT": "%"}
BARE = {spelling: unit for spelling, unit in BELOW.items() if unit in BARE_UNDER}
# Without the optional spaces, by which a unit that was found is looked up.
_NAMES = [{s.replace("_", ""): u for s, u in table.items()} for table in (SINGLE | PERCENT, OVER, BELOW)]


def trie_pattern(words: Iterable[str], gap: str | None = "_") -> str:
    """Return a pattern of any of the words, the longest first, that tries each beginning once.

    Args:
        words: not empty.
        gap: a character of the words that stands for an optional space; None for none.

    >>> trie_pattern(["mg", "mm", "m"])
    'm(?:g|m)?'
    """
    tree: dict = {}
    for word in words:
        branch = tree
        for character in word:
            branch = branch.setdefault(character, {})
        branch[""] = {}

    def pattern(branch: dict) -> str:
        options = []
        for character in sorted(filter(None, branch)):
            piece = f"{GAP}{{0,2}}" if character == gap else re.escape(character)
            options.append(piece + pattern(branch[character]))
        if not options:
            return ""
        body = options[0] if len(options) == 1 and "" not in branch else f"(?:{'|'.join(options)})"
        return body + ("?" if "" in branch else "")

    return pattern(tree)


_PER = rf"(?:{GAP}?/{GAP}?|{GAP}(?:per|PER|Per){GAP})"
_END = r"(?![\w²³])"
_AMOUNT = rf"[0-9]{{1,4}}(?:[.,][0-9]{{1,3}})?{GAP}?"
_UNDER = rf"{_PER}(?:{trie_pattern(BELOW)}|{_AMOUNT}{trie_pattern(COUNTED)}){_END}"
_TEN = (
    rf"(?:[xX×*]{GAP}?10(?:[\^eE*]?\(?(?:12|3|6|9)\)?|[³⁶⁹]|¹²)|10(?:[\^eE*]|\()(?:12|3|6|9)\)?|[eE](?:12|3|6|9))"
    rf"(?:{GAP}?(?:cells|copies|CFU|cfu))?"
)
UNIT_PATTERN = (
    rf"(?:%(?!-?ile)|{trie_pattern(PERCENT.keys() - {'%'})}{_END}"
    rf"|(?:{_TEN}|{trie_pattern(OVER)})(?:{_UNDER}){{1,3}}"
    rf"|(?:{trie_pattern(SINGLE)}){_END}"
    rf"|{_PER}(?:{trie_pattern(BARE)}){_END})"
)
SIZE_PATTERN = rf"(?:{trie_pattern(SIZES)}){_END}"
_SPLIT = re.compile(rf"{GAP}*/{GAP}*|(?:^|{GAP}+)(?:per|PER|Per){GAP}+")
_SPACE = re.compile(rf"{GAP}+")
_LEAD = re.compile(r"([0-9][0-9.,]*)(.*)")
_POWER = re.compile(r"(?:[xX×*]?10)?[\^eE*(]*(12|3|6|9|[³⁶⁹]|¹²)\)?([A-Za-z]*)\Z")
_SUPERSCRIPTS = str.maketrans("¹²³⁶⁹", "12369")


@functools.lru_cache(maxsize=4096)
def canonical_unit(spelling: str) -> str:
    """Return the canonical form of a unit that `UNIT_PATTERN` found.

    >>> canonical_unit("micrograms per kilogram per minute"), canonical_unit("X 10(9) / l")
    ('mcg/kg/min', 'x10^9/L')
    >>> canonical_unit("ml/min/1.73m²"), canonical_unit("MG"), canonical_unit("U")
    ('mL/min/1.73 m2', 'mg', 'units')
    """
    if name := _NAMES[0].get(_SPACE.sub("", spelling)):
        return name
    head, *rest = (_SPACE.sub("", part) for part in _SPLIT.split(spelling))
    if power := _POWER.match(head):
        head = f"x10^{power[1].translate(_SUPERSCRIPTS)}" + (f" {_NAMES[1][power[2]]}" if power[2] else "")
    elif head:
        head = _NAMES[1][head]
        head = "U" if head == "units" else head
    parts = [head]
    for part in rest:
        number, unit = _LEAD.match(part).groups() if part[0].isdigit() else ("", part)
        parts.append(f"{number.replace(',', '.')} {_NAMES[2][unit]}" if number else _NAMES[2][unit])
    return "/".join(parts)


__all__ = ["GAP", "LENGTH_UNITS", "SIGNED_UNITS", "SIZE_PATTERN", "SPACES", "UNIT_PATTERN", "canonical_unit"]
