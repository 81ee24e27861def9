"""Normalised text: every character maps inside the original, whatever the text; normalising again changes nothing."""

import copy
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from secondopinion.modeling.text_normalization import BUCKET_TOKENS, TextNormalizer, bucket_token

PIECES = (
    "120|80|5|18|1.5|.5|1,200|2,5|1/2|½|0|/| over |x| x |×| by |-|–| to | and | |\n| from |between |mm|cm|mg|mL|kg|min|"
    "/min|%|°C| C| F|'|\"|mmHg|BP |BP|<|>=|≥| less than |up to |~|±|+/-|K/uL|x10^9/L| per |AP|(|)|.|,|\u200b|\u200f|MS|"
    "HTN|CHF|(CHF)|DVTs|PT|INR|RA|sats|U|L|ft|in|feet|lb|oz|s|m|🩺|متر|e|1.73 m2|[VALUE_0]|pack-years|French|"
    " congestive heart failure "
)
TEXTS = st.one_of(st.lists(st.sampled_from(PIECES.split("|")), max_size=14).map("".join), st.text(max_size=30))
NORMALIZERS = {
    "measurements": TextNormalizer(),
    "buckets": TextNormalizer(value_buckets=True),
    "abbreviations": TextNormalizer(measurements=False, abbreviations=True),
    "all": TextNormalizer(value_buckets=True, abbreviations=True),
    "none": TextNormalizer(measurements=False),
}


@pytest.mark.parametrize("name", list(NORMALIZERS))
@settings(max_examples=100, deadline=None)
@given(text=TEXTS)
@example(text="")
@example(text=".,;:!?()[]–—…")
@example(text="קוטר 18mm נגע, لحجم 1,200mg و")
@example(text="18\u200bmm\u200d and 5\ufeffmg 👩‍⚕️ 120/80")
@example(text=".1.73 m2, ½120mm, 2½5 cm")
def test_every_character_maps_inside_the_text(name, text):
    aligned = NORMALIZERS[name](text)
    assert aligned.original == text
    ends, before = [], (0, 0)
    for place, character in enumerate(aligned.text):
        start, end = aligned.to_original(place, place + 1)
        assert 0 <= start <= end <= len(text)
        assert (start, end) >= before
        before = (start, end)
        if not any(low <= place < high for low, high, _, _ in aligned.changes):
            assert text[start:end] == character
        ends.append(end)
    assert aligned.to_original(0, len(aligned.text))[1] == max(ends, default=0)
    assert NORMALIZERS[name](aligned.text).text == aligned.text


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "HTN, BP 120/80. An 18 mm nodule."),
        ({"measurements": False}, "HTN, BP 120 over 80. An 18mm nodule."),
        ({"value_buckets": True}, "HTN, BP 120/80 [VALUE_100-200] [VALUE_50-100]. An 18 mm [VALUE_10-20] nodule."),
        ({"abbreviations": True}, "hypertension, blood pressure 120/80. An 18 mm nodule."),
        (
            {"measurements": False, "abbreviations": {"HTN": "high pressure"}},
            "high pressure, BP 120 over 80. An 18mm nodule.",
        ),
    ],
)
def test_each_step_has_its_switch(settings, expected):
    assert TextNormalizer(**settings)("HTN, BP 120 over 80. An 18mm nodule.").text == expected


def test_spans_of_measurements_are_in_the_original():
    text = "s/p CABG, BP 120 over 80, 1.5x2.0x3.1cm mass"
    aligned, found = TextNormalizer(abbreviations=True).with_measurements(text)
    assert [text[one.start : one.end] for one in found] == ["120 over 80", "1.5x2.0x3.1cm"]
    spans = [aligned.from_original(one.start, one.end) for one in found]
    assert [aligned.text[slice(*span)] for span in spans] == [one.canonical for one in found]


def test_buckets_are_finite_and_ordered():
    assert len(BUCKET_TOKENS) == len(set(BUCKET_TOKENS)) == 31
    assert TextNormalizer(value_buckets=True).bucket_tokens == BUCKET_TOKENS
    assert TextNormalizer().bucket_tokens == ()
    values = [-1.0, 0.0, 0.0001, 0.001, 0.0019, 0.002, 1.0, 1.99, 999_999.0, 1e6, 1e12]
    tokens = [bucket_token(value) for value in values]
    assert [BUCKET_TOKENS.index(token) for token in tokens] == [0, 1, 2, 3, 3, 4, 12, 12, 29, 30, 30]
    assert tokens[3] == "[VALUE_0.001-0.002]"
    assert tokens[8] == "[VALUE_500000-1000000]"


def test_a_unit_is_never_lost_or_converted():
    for text in ("lesion of 3.8 mm", "lesion of 14 cm", "38.5 C", "101 F", "5 ft 9 in", "81 mg", "0.081 g"):
        first, second = text.split()[-2:] if "ft" not in text else ("ft", "in")
        normal = TextNormalizer()(text).text
        assert first in normal
        assert second in normal


def test_a_normalizer_copies_and_its_settings_are_plain(tmp_path):
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"XYZ": "extended zygoma"}), encoding="utf-8")
    normalizer = TextNormalizer(value_buckets=True, abbreviations=str(path))
    assert copy.deepcopy(normalizer)("XYZ 5mg").text == "extended zygoma 5 mg [VALUE_5-10]"
    assert (normalizer.measurements, normalizer.value_buckets, normalizer.abbreviations) == (True, True, str(path))


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match="value_buckets come after measurements, which are switched off"):
        TextNormalizer(measurements=False, value_buckets=True)
    with pytest.raises(TypeError, match="text is of type int; expected a string"):
        TextNormalizer()(5)
    with pytest.raises(ValueError, match="no file of abbreviations at"):
        TextNormalizer(abbreviations="nowhere.csv")
