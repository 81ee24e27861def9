"""A value with its unit as letters write it: with and without a space, in variants of the unit, in two dimensions."""

from __future__ import annotations

from ..synthetic_clinical_qa.drawing import Draw

# Each spelling is (unit as written, what the number is multiplied with).
SPELLINGS: dict[str, tuple[tuple[str, float], ...]] = {
    "mm": (("mm", 1), ("mm", 1), ("cm", 0.1), ("millimetres", 1)),
    "%": (("%", 1), ("%", 1), ("percent", 1), ("per cent", 1)),
    "mmol/L": (("mmol/L", 1), ("mmol/l", 1), ("mmol per litre", 1)),
    "µmol/L": (("µmol/L", 1), ("umol/L", 1), ("micromol/l", 1)),
    "ng/mL": (("ng/mL", 1), ("ng/ml", 1), ("µg/L", 1)),
}
_UNSPACED = 0.35
_TWO_DIMENSIONS = 0.25


def number(value: float, digits: int) -> str:
    """Return a number with at most so many digits after the point, and no zero at the end.

    >>> number(1.40, 2), number(12.0, 0)
    ('1.4', '12')
    """
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def spell(draw: Draw, value: float, unit: str, digits: int) -> str:
    """Return a value with its unit, in one of the spellings of letters.

    Args:
        draw: choices.
        value: in `unit`.
        unit: a key of `SPELLINGS`.
        digits: after the decimal point, in `unit`.

    >>> spell(Draw("13 1"), 14, "mm", 0)
    '1.4cm'
    """
    written, factor = draw.one(SPELLINGS[unit])
    shown = number(value * factor, digits if factor == 1 else digits + 1)
    if unit == "mm" and draw.chance(_TWO_DIMENSIONS):
        other = number(value * draw.uniform(0.6, 0.95) * factor, digits if factor == 1 else digits + 1)
        shown += draw.one((" x ", "x", " × ")) + other
    joint = "" if len(written) < 7 and draw.chance(_UNSPACED) else " "
    return f"{shown}{joint}{written}"
