"""Exact match, F1 and thresholds of clinical QA equal those of SQuAD's official scripts, versions 1.1 and 2.0."""

from __future__ import annotations

import collections
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondopinion.metrics.clinical_qa.clinical_qa import normalize, qa_figures, row_scores
from secondopinion.metrics.clinical_qa.thresholds import best_threshold


def true(row_id, *texts):
    return {"id": row_id, "answers": {"text": list(texts), "answer_start": [0] * len(texts)}}


def said(row_id, text, **more):
    return {"id": row_id, "prediction_text": text, **more}


# Each row: gold answers, prediction, exact match, F1, as evaluate-v2.0.py gives them.
OFFICIAL = [
    (["Denver Broncos"], "the Denver Broncos!", 1, 1.0),
    (["aspirin 81 mg daily"], "aspirin 81 mg", 0, 0.8571428571428571),
    (["aspirin", "aspirin 81 mg po daily"], "81 mg of aspirin", 0, 0.6666666666666666),
    (["no no fever"], "no fever fever", 0, 0.6666666666666666),
    (["fever"], "chills", 0, 0.0),
    (["120/80"], "12080", 1, 1.0),
    (["120/80"], "120 / 80", 0, 0.0),
    (["a"], "The", 1, 1.0),
    (["the", "rash"], "an", 0, 0.0),
    (["the", "rash"], "a rash", 1, 1.0),
    (["..."], "", 1, 1.0),
    (["..."], "rash", 0, 0.0),
    ([""], "", 1, 1.0),
    ([], "", 1, 1.0),
    ([], " ", 1, 1.0),
    ([], "the", 1, 1.0),
    ([], "rash", 0, 0.0),
    (["rash"], "", 0, 0.0),
    (["anthem theory"], "an them the ory", 0, 0.0),
    (["x-ray"], "xray", 1, 1.0),
    (["x\u2013ray"], "xray", 0, 0.0),
    (["a\u00a0b  C\n"], "b c", 1, 1.0),
    (["\u0130V line"], "\u0130v a LINE", 1, 1.0),
    (["a_b"], "ab", 1, 1.0),
    (["the patient's the"], "patients", 1, 1.0),
]


@pytest.mark.parametrize(("golds", "text", "exact", "f1"), OFFICIAL)
def test_a_row_equals_the_official_script(golds, text, exact, f1):
    found = row_scores([said("q", text)], [true("q", *golds)])
    assert (found["exact"], found["f1"]) == ([exact], [pytest.approx(f1, abs=1e-15)])
    assert found["has_answer"] == [bool(golds)]


def test_figures_equal_the_official_script():
    """The numbers were printed by evaluate-v2.0.py (as percent) for these rows."""
    references = [true(at, *golds) for at, (golds, *_) in enumerate(OFFICIAL)]
    predictions = [said(at, text, no_answer_probability=at * 7 % 25 / 25) for at, (_, text, *_) in enumerate(OFFICIAL)]
    expected = {
        "exact": 0.56,
        "f1": 0.6476190476190476,
        "total": 25,
        "HasAns_exact": 0.5238095238095238,
        "HasAns_f1": 0.6281179138321995,
        "HasAns_total": 21,
        "NoAns_exact": 0.75,
        "NoAns_f1": 0.75,
        "NoAns_total": 4,
        "best_exact": 0.48,
        "best_exact_thresh": 0.88,
        "best_f1": 0.5676190476190476,
        "best_f1_thresh": 0.88,
    }
    assert qa_figures(predictions, references) == pytest.approx(expected, abs=1e-15)
    at_half = {"exact": 0.36, "f1": 0.3942857142857143, "HasAns_f1": 0.326530612244898, "NoAns_f1": 0.75}
    found = qa_figures(predictions, references, no_answer_threshold=0.5)
    assert {name: found[name] for name in at_half} == pytest.approx(at_half, abs=1e-15)
    assert found["best_f1"] == pytest.approx(expected["best_f1"])


def official_normalize(text):
    text = "".join(letter for letter in text.lower() if letter not in set("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


@settings(max_examples=150, deadline=None)
@given(
    st.text() | st.lists(st.sampled_from(["the", "a", "An", "x-", "\u00e9", "1.5", "_", "\n", "theatre"])).map(" ".join)
)
def test_normalize_is_the_official_one(text):
    assert normalize(text) == official_normalize(text)


def official_tokens(text):
    return official_normalize(text).split()


def official_f1(gold, predicted):
    """`compute_f1` of evaluate-v2.0.py."""
    gold, predicted = official_tokens(gold), official_tokens(predicted)
    same = sum((collections.Counter(gold) & collections.Counter(predicted)).values())
    if not gold or not predicted:
        return float(gold == predicted)
    if same == 0:
        return 0.0
    precision, recall = same / len(predicted), same / len(gold)
    return 2 * precision * recall / (precision + recall)


def official_row(golds, predicted):
    """`get_raw_scores` of evaluate-v2.0.py for one question."""
    golds = [gold for gold in golds if official_normalize(gold)] or [""]
    exact = max(float(official_normalize(gold) == official_normalize(predicted)) for gold in golds)
    return exact, max(official_f1(gold, predicted) for gold in golds)


def official_row_of_version_1(golds, predicted):
    """`metric_max_over_ground_truths` of evaluate-v1.1.py for one question."""
    exact = max(float(official_normalize(predicted) == official_normalize(gold)) for gold in golds)
    f1 = 0.0
    for gold in golds:
        shared = collections.Counter(official_tokens(predicted)) & collections.Counter(official_tokens(gold))
        if same := sum(shared.values()):
            precision, recall = same / len(official_tokens(predicted)), same / len(official_tokens(gold))
            f1 = max(f1, 2 * precision * recall / (precision + recall))
    return exact, f1


# Words that share tokens often, with articles, punctuation and letters whose lower case is longer than they are.
PIECES = [
    "the",
    "a",
    "An",
    "aspirin",
    "81",
    "mg",
    "x-ray",
    "120/80",
    "...",
    "\u0130V",
    "no",
    "No,",
    "\u00a0",
    "_a_",
    "",
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=5).map(" ".join) | st.text(max_size=12)
QUESTIONS = st.lists(st.tuples(st.lists(TEXTS, max_size=3), TEXTS), min_size=1, max_size=12)


@settings(max_examples=150, deadline=None)
@given(QUESTIONS)
def test_random_answers_score_as_in_version_2(questions):
    references = [true(at, *golds) for at, (golds, _) in enumerate(questions)]
    predictions = [said(at, text) for at, (_, text) in enumerate(questions)]
    expected = np.array([official_row(golds, text) for golds, text in questions])
    rows = row_scores(predictions, references)
    assert rows["exact"] == expected[:, 0].tolist()
    assert rows["f1"] == pytest.approx(expected[:, 1].tolist(), abs=1e-12)
    found = qa_figures(predictions, references)
    has = np.array([bool(golds) for golds, _ in questions])
    for prefix, part in (("", has | True), ("HasAns_", has), ("NoAns_", ~has)):
        if part.any():
            mean = dict(zip(("exact", "f1"), expected[part].mean(axis=0), strict=True))
            assert {name: found[f"{prefix}{name}"] for name in mean} == pytest.approx(mean, abs=1e-12)
            assert found[f"{prefix}total"] == part.sum()
        else:
            assert not [name for name in found if name.startswith(prefix)]


@settings(max_examples=150, deadline=None)
@given(st.lists(TEXTS.filter(official_normalize), min_size=1, max_size=3), TEXTS)
def test_answerable_questions_score_as_in_version_1(golds, text):
    found = row_scores([said("q", text)], [true("q", *golds)])
    exact, f1 = official_row_of_version_1(golds, text)
    assert (found["exact"], found["f1"]) == ([exact], [pytest.approx(f1, abs=1e-12)])


def official_best(silent, scores, no_answer, has_answer):
    current = best = sum(not has for has in has_answer)
    threshold = 0.0
    for at in sorted(range(len(scores)), key=lambda at: no_answer[at]):
        current += scores[at] if has_answer[at] else (0 if silent[at] else -1)
        if current > best:
            best, threshold = current, no_answer[at]
    return best / len(scores), threshold


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from([0, 0.5, 1]), st.booleans()), min_size=1, max_size=20),
    st.randoms(),
)
def test_best_threshold_is_the_official_one_and_is_reached(rows, chance):
    no_answer = [at / 20 for at in range(len(rows))]
    chance.shuffle(no_answer)
    silent, scores, has = (list(column) for column in zip(*rows, strict=True))
    found = best_threshold(np.array(scores), np.array(no_answer), np.array(has), np.array(silent))
    assert found == pytest.approx(official_best(silent, scores, no_answer, has))
    kept = [p <= found[1] for p in no_answer]
    if found[0] > sum(not h for h in has) / len(has):
        at_threshold = [
            (score if h else float(quiet)) if keep else float(not h)
            for score, h, quiet, keep in zip(scores, has, silent, kept, strict=True)
        ]
        assert found[0] == pytest.approx(sum(at_threshold) / len(rows))


def test_best_threshold_keeps_equal_probabilities_together():
    scores, has, silent = np.array([1.0, 0.0]), np.array([True, False]), np.array([False, False])
    for order in ([0, 1], [1, 0]):
        assert best_threshold(scores[order], np.array([0.4, 0.4]), has[order], silent[order]) == (0.5, 0.0)
