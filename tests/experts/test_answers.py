"""Answers of language models, read as classes: what is understood, and what is refused."""

import math
from types import SimpleNamespace

import pytest

from secondopinion.experts.answers import answer_format, logprob_probabilities, read_answer

SEVERITY = ["Death", "Injury", "Malfunction", "Other"]
ADE = ["Not-Related", "Related"]
OUTCOME = ["good", "poor"]
BINARY = ["no", "yes"]


@pytest.mark.parametrize(
    ("raw", "classes", "label"),
    [
        ('{"label": "Death"}', SEVERITY, "Death"),
        ('{"Label": "death "}', SEVERITY, "Death"),
        ('{"label": "Death", "why": "a {brace} in it"}', SEVERITY, "Death"),
        ('Here you are:\n```json\n{"label": "Injury"}\n```\nDeath was not reported.', SEVERITY, "Injury"),
        ("{'label': 'Injury'}", SEVERITY, "Injury"),
        ('{"label": "Injury"', SEVERITY, "Injury"),
        ('{"answer": {"label": "Injury"}}', SEVERITY, "Injury"),
        ('{"label": ["Injury"]}', SEVERITY, "Injury"),
        ('{"label": 1}', ["0", "1"], "1"),
        ("```\nInjury\n```", SEVERITY, "Injury"),
        ("injury", SEVERITY, "Injury"),
        ('"Injury".', SEVERITY, "Injury"),
        ("**Injury**", SEVERITY, "Injury"),
        ("Answer: Injury.", SEVERITY, "Injury"),
        ("The answer is **Injury**, because the patient bled.", SEVERITY, "Injury"),
        ("Category: Death (most severe)", SEVERITY, "Death"),
        ("Death. The patient died of other causes.", SEVERITY, "Death"),
        ("Death - the patient died", SEVERITY, "Death"),
        ('<think>Death? No: Injury.</think>\n{"label": "Other"}', SEVERITY, "Other"),
        ("not related", ADE, "Not-Related"),
        ("The sentence is not-related.", ADE, "Not-Related"),
        ("The sentence is related", ADE, "Related"),
        ("The outcome is good.", OUTCOME, "good"),
        ("no, there is none", BINARY, "no"),
    ],
)
def test_what_names_one_class_is_understood(raw, classes, label):
    answer = read_answer(raw, classes)
    assert (answer.label, answer.error) == (label, None)


@pytest.mark.parametrize(
    ("raw", "classes", "error"),
    [
        (None, SEVERITY, "empty"),
        ("  \n", SEVERITY, "empty"),
        ("<think>it must be Death", SEVERITY, "empty"),
        ('{"label": "Fatal"}', SEVERITY, "off_list"),
        ('{"label": "Death or Injury"}', SEVERITY, "off_list"),
        ('{"label": null}', SEVERITY, "no_label"),
        ('{"verdict": "Death"}', SEVERITY, "no_label"),
        ('{"label": "Death"} or {"label": "Injury"}', SEVERITY, "contradictory"),
        ('{"label": "Death", "label": "Injury"}', SEVERITY, "contradictory"),
        ('{"label": ["Death", "Injury"]}', SEVERITY, "contradictory"),
        ('{"label": ["Death", "Fatal"]}', SEVERITY, "contradictory"),
        ("Label: Death\nLabel: Injury", SEVERITY, "contradictory"),
        ("Death\n\nFinal answer: Injury", SEVERITY, "contradictory"),
        ("Death, Injury", SEVERITY, "no_label"),
        ("Neither Death nor Injury", SEVERITY, "no_label"),
        ("Label: not Death", SEVERITY, "off_list"),
        ("The outcome is not good.", OUTCOME, "no_label"),
        ("That is a good question", OUTCOME, "no_label"),
        ("The sentence is unrelated", ADE, "off_list"),
        ("I cannot judge this report for you, sorry.", SEVERITY, "no_label"),
        ("B", SEVERITY, "off_list"),
        ("Death" * 2000, SEVERITY, "off_list"),
        ("{" * 5000, SEVERITY, "off_list"),
    ],
)
def test_what_does_not_is_never_a_class(raw, classes, error):
    answer = read_answer(raw, classes)
    assert (answer.label, answer.error) == (None, error)


def test_the_servers_word_on_the_end_names_the_reason():
    assert read_answer('{"lab', SEVERITY, finish_reason="length").error == "cut_off"
    assert read_answer("", SEVERITY, finish_reason="length").error == "cut_off"
    assert read_answer("Death", SEVERITY, finish_reason="content_filter").error == "refused"
    assert read_answer('{"label": "Death"}', SEVERITY, finish_reason="length").label == "Death"


def test_letters_count_only_where_the_prompt_gave_them():
    for raw in ("B", "(b)", "B.", "B) Injury", "The answer is B."):
        assert read_answer(raw, SEVERITY, letters=True).label == "Injury"
    assert read_answer("E", SEVERITY, letters=True).error == "off_list"
    assert read_answer("B) Death", SEVERITY, letters=True).label != "Injury"
    assert read_answer("b", ["b", "a"], letters=True).label == "b"


def test_classes_that_differ_by_case_alone_need_the_exact_case():
    assert read_answer("a", ["A", "a"]).label == "a"
    assert read_answer('{"label": "A"}', ["A", "a"]).label == "A"


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ('{"no": 0.2, "yes": 0.8}', [0.2, 0.8]),
        ('{"YES": "80%", "no": 20}', [0.2, 0.8]),
        ('{"no": 0.2, "yes": 0.6}', [0.25, 0.75]),
        ('{"no": 0.2}', None),
        ('{"no": 0.2, "yes": 0.8, "maybe": 0}', None),
        ('{"no": -0.2, "yes": 1.2}', None),
        ('{"no": NaN, "yes": 1}', None),
        ('{"no": true, "yes": 1}', None),
        ('{"no": 0, "yes": 0}', None),
        ('{"no": 0.9, "yes": 0.1}', None),
        ("[0.2, 0.8]", None),
    ],
)
def test_verbalised_probabilities(shares, expected):
    answer = read_answer(f'{{"label": "yes", "probabilities": {shares}}}', BINARY, verbalised=True)
    assert answer.label == "yes"
    assert answer.probabilities == (None if expected is None else pytest.approx(expected))


def token(text, p, **others):
    alternatives = [SimpleNamespace(token=k, logprob=math.log(v)) for k, v in {text: p, **others}.items()]
    return SimpleNamespace(token=text, logprob=math.log(p), top_logprobs=alternatives)


def test_log_probabilities_at_the_token_that_tells_classes_apart():
    answer = [token('{"', 0.9), token('label": "', 0.9), token("Death", 0.7, Inj=0.2, Mal=0.05, the=0.05)]
    assert logprob_probabilities([*answer, token('"}', 1.0)], "Death", SEVERITY) == pytest.approx(
        [0.7 / 0.95, 0.2 / 0.95, 0.05 / 0.95, 0]
    )
    split = [token("pos", 0.9, neg=0.1), token("sible", 0.6, itive=0.4)]
    assert logprob_probabilities(split, "possible", ["positive", "possible", "negative"]) == pytest.approx(
        [0.36, 0.54, 0.1]
    )
    spaced = [token(" yes", 0.8, **{" no": 0.2})]
    assert logprob_probabilities(spaced, "yes", BINARY) == pytest.approx([0.2, 0.8])


def test_log_probabilities_that_do_not_tell_are_none():
    assert logprob_probabilities(None, "yes", BINARY) is None
    assert logprob_probabilities([token("maybe", 1.0)], "yes", BINARY) is None
    elsewhere = [token("yes", 0.3, perhaps=0.7)]
    assert logprob_probabilities(elsewhere, "yes", BINARY) is None
    ambiguous = [token("negative", 0.6, pos=0.4)]
    assert logprob_probabilities(ambiguous, "negative", ["positive", "possible", "negative"]) is None


def test_the_schema_allows_the_classes_and_nothing_else():
    schema = answer_format(SEVERITY, verbalised=True)["json_schema"]["schema"]
    assert schema["properties"]["label"]["enum"] == SEVERITY
    assert schema["properties"]["probabilities"]["required"] == SEVERITY
    assert schema["required"] == ["label", "probabilities"]
    assert schema["additionalProperties"] is False
