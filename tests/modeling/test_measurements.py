"""Measurements: what each kind holds, the authored cases, and linear work on text made to be hard."""

import re
import sys
import time
from pathlib import Path

import pytest

from secondopinion.modeling.measurements import Measurement, canonical_number, find_measurements, number_value

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
from measurement_cases import HELD_OUT, TUNING, read_cases

sys.path.pop(0)


def only(text):
    (found,) = find_measurements(text)
    return found


@pytest.mark.parametrize("case", read_cases(TUNING), ids=lambda case: f"{case.topic}: {case.text[:30]}")
def test_tuning_cases(case):
    assert [(one.start, one.end, one.kind, one.canonical) for one in find_measurements(case.text)] == case.expected


def test_the_cases_are_enough_and_apart():
    tuning, held_out = read_cases(TUNING), read_cases(HELD_OUT)
    assert len(tuning) + len(held_out) >= 150
    assert len(held_out) >= (len(tuning) + len(held_out)) // 4
    assert not {case.text for case in tuning} & {case.text for case in held_out}


@pytest.mark.parametrize(
    ("text", "values", "unit", "comparator"),
    [
        ("BP 120/80", (120, 80), None, None),
        ("BP 120-130/70-80 mm Hg", (120, 130, 70, 80), "mmHg", None),
        ("BP 90/palp", (90,), None, None),
        ("3 x 4 cm x 5 mm", (3, 4, 5), "cm x cm x mm", None),
        ("2½ cm", (2.5,), "cm", None),
        ("5–10 mm", (5, 10), "mm", None),
        ("5.2 ± 0.4 mm", (5.2, 0.4), "mm", "±"),
        ("no less than 1,200 mL", (1200,), "mL", ">="),
        ("≤ 0.5 mL/kg/h", (0.5,), "mL/kg/h", "<="),
        ("base excess -3 mEq/L", (-3,), "mEq/L", None),
        ("Lasix -40 mg", (40,), "mg", None),
        ("""5'9\"""", (5, 9), "ft in", None),
        ("7 lbs 8 oz", (7, 8), "lb oz", None),
        ("38,5 °C", (38.5,), "°C", None),
    ],
)
def test_what_a_measurement_says(text, values, unit, comparator):
    found = only(text)
    assert isinstance(found, Measurement)
    assert (found.values, found.unit, found.comparator) == (values, unit, comparator)


NONE = (
    "|....|½|1.2.3 mm|120~.1.73 m2|Xanax.5 mg|in her 80s|5/325 mg|29 C|60 F|120/80/60|80/120 noted|1,2,3,4,5 mm|١٢ mm|"
    "5 мм|-|5 to 10|< 5|12:30 m|1 ° AV block|" + "9" * 400
)


@pytest.mark.parametrize("text", NONE.split("|"))
def test_no_measurement(text):
    assert find_measurements(text) == []


def test_gaps_of_any_width_and_lines():
    for gap in ("", " ", "  ", "\u00a0", "\u2009", "\u200b", "\n", "\r\n", "-"):
        assert only(f"of 18{gap}mm").canonical == "18 mm"
    assert find_measurements("18\n\nmm") == []
    assert find_measurements("room 12\nL arm") == []


@pytest.mark.parametrize(
    ("spelling", "canonical", "value"),
    [
        ("1,200", "1200", 1200),
        ("1,200,000.5", "1200000.5", 1200000.5),
        ("0,200", "0.200", 0.2),
        ("3 1/4", "3 1/4", 3.25),
    ],
)
def test_numbers(spelling, canonical, value):
    assert canonical_number(spelling) == canonical
    assert number_value(canonical) == value


@pytest.mark.parametrize("piece", ["1", "x 1 ", "1 x ", "1/", "1,000", "5 mg to ", "less than ", "120/80", "½ "])
def test_work_is_linear_in_the_length(piece):
    """16 times the text may take 80 times the time of this thread, where quadratic work would take 256 times."""

    def work(length):
        text = piece * (length // len(piece))
        spent = []
        for _ in range(3):
            began = time.thread_time()
            find_measurements(text)
            spent.append(time.thread_time() - began)
        return min(spent)

    assert work(4_800) < 80 * max(work(300), 1e-4)


@pytest.mark.parametrize("piece", ["7", "x 1", " "])
def test_a_long_run_of_one_kind_ends(piece):
    assert find_measurements(piece * (1_000_000 // len(piece) if piece != "x 1" else 20_000)) == []


def test_canonical_forms_are_found_as_themselves():
    for case in read_cases(TUNING):
        for *_, kind, canonical in case.expected:
            prefix = "blood pressure " if kind == "blood_pressure" else ""
            found = only(prefix + canonical)
            assert (found.canonical, found.kind) == (canonical, kind)
            assert not re.search(r"\s\s|[–×]", found.canonical)
