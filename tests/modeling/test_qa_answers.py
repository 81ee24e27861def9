"""Decoding: equal to a plain search over all spans, whatever the padding; thresholds and probabilities of no answer."""

import numpy as np
import pytest
from qa_tokenizers import FAMILIES, NOTE, family_tokenizer

from secondopinion.modeling import (
    choose_no_answer_threshold,
    decode,
    fit_no_answer_scale,
    make_windows,
    no_answer_probability,
)

QUESTIONS = ["dry cough?", "WBC and CRP of the patient?", "fever?"]
CONTEXTS = [NOTE * 2, NOTE, "fever"]


@pytest.fixture(scope="module", params=FAMILIES)
def windows(request):
    return make_windows(family_tokenizer(request.param), QUESTIONS, CONTEXTS, max_length=60, doc_stride=20)


@pytest.fixture(scope="module")
def bert_windows():
    return make_windows(family_tokenizer("bert"), QUESTIONS, CONTEXTS, max_length=60, doc_stride=20)


def random_logits(windows, seed=0):
    draw = np.random.default_rng(seed)
    return [[draw.normal(size=n) * 3 for n in windows.lengths] for _ in range(2)]


def padded(logits, side, extra=0):
    width = max(map(len, logits)) + extra
    # What stands on padding must not matter, so it is what would win.
    out = np.full((len(logits), width), 99.0)
    for line, part in zip(out, logits, strict=True):
        line[slice(0, len(part)) if side == "right" else slice(width - len(part), width)] = part
    return out


def searched(starts, ends, windows, n_best, max_answer_length):
    """Every span of every window, one at a time."""
    rows = []
    for row in range(windows.num_rows):
        found = {}
        null = float("inf")
        for place in np.flatnonzero(windows.row == row):
            first, last = windows.offsets[place]
            null = min(null, starts[place][0] + ends[place][0])
            for i in range(len(first)):
                for j in range(i, min(i + max_answer_length, len(first))):
                    if first[i] < 0 or first[j] < 0:
                        continue
                    # Of several tokens of one character the first opens and the last closes a span.
                    if first[i] in first[:i] or last[j] in last[j + 1 :]:
                        continue
                    score = starts[place][i] + ends[place][j]
                    key = (int(first[i]), int(last[j]))
                    found[key] = max(found.get(key, (-np.inf, 0)), (score, -place))
        best = sorted(((score, key, -place) for key, (score, place) in found.items()), key=lambda a: (-a[0], a[1]))
        rows.append((null, best[:n_best]))
    return rows


@pytest.mark.parametrize("side", ["right", "left", "ragged"])
@pytest.mark.parametrize(("n_best", "max_answer_length"), [(20, 30), (1, 1), (7, 4), (500, 100)])
def test_decoding_is_a_search_over_all_spans(windows, side, n_best, max_answer_length):
    starts, ends = random_logits(windows)
    settings = {"n_best": n_best, "max_answer_length": max_answer_length}
    if side == "ragged":
        answers = decode(starts, ends, windows, **settings)
    else:
        answers = decode(padded(starts, side, 3), padded(ends, side, 3), windows, padding_side=side, **settings)
    for row, (null, best) in enumerate(searched(starts, ends, windows, n_best, max_answer_length)):
        found = answers.answers(row)
        assert [(a.start, a.end) for a in found] == [key for _, key, _ in best]
        assert [a.window for a in found] == [place for *_, place in best]
        np.testing.assert_allclose([a.score for a in found], [score for score, *_ in best])
        assert answers.null_score[row] == pytest.approx(null)
        assert answers.null_odds[row] == pytest.approx(null - best[0][0])
        scores = np.array([*(score for score, *_ in best), null])
        shares = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
        np.testing.assert_allclose([a.probability for a in found], shares[:-1])
        assert answers.null_probability[row] == pytest.approx(shares[-1])


def test_windows_in_any_order_give_the_same_answers(bert_windows, monkeypatch):
    from secondopinion.modeling import qa_answers

    starts, ends = random_logits(bert_windows)
    answers = decode(starts, ends, bert_windows)
    order = np.random.default_rng(1).permutation(len(bert_windows))
    shuffled = decode([starts[i] for i in order], [ends[i] for i in order], bert_windows.take(order))
    monkeypatch.setattr(qa_answers, "SCORES_AT_ONCE", 1)
    one_at_a_time = decode(starts, ends, bert_windows)
    for other in (shuffled, one_at_a_time):
        for name in ("start", "end", "score", "probability", "null_score", "null_probability"):
            np.testing.assert_array_equal(getattr(other, name), getattr(answers, name))
    found = np.where(shuffled.window < 0, -1, order[shuffled.window])
    np.testing.assert_array_equal(found, answers.window)


def test_a_span_of_two_windows_keeps_the_better_score(bert_windows):
    starts, ends = ([np.zeros(n) for n in bert_windows.lengths] for _ in range(2))
    first = [set(offsets[0][offsets[0] >= 0].tolist()) for offsets in bert_windows.offsets]
    place = max(first[0] & first[1])
    for window, value in ((0, 5.0), (1, 8.0)):
        token = int(np.flatnonzero(bert_windows.offsets[window][0] == place)[0])
        starts[window][token] = ends[window][token] = value
    best, second = decode(starts, ends, bert_windows, n_best=2).answers(0)
    assert (best.start, best.score, best.window) == (place, 16.0, 1)
    assert (second.start, second.end) != (best.start, best.end)


def test_masked_logits_of_half_precision(bert_windows):
    starts, ends = random_logits(bert_windows)
    lowest = np.finfo(np.float32).min
    masked = [
        [
            np.where(mask == 1, part, lowest).astype(np.float32)
            for part, mask in zip(logits, bert_windows.span_mask, strict=True)
        ]
        for logits in (starts, ends)
    ]
    with np.errstate(all="raise", under="ignore"):
        answers = decode(*masked, bert_windows)
    expected = decode(starts, ends, bert_windows)
    np.testing.assert_array_equal(answers.start, expected.start)
    np.testing.assert_allclose(answers.score, expected.score, rtol=1e-5)


@pytest.mark.parametrize("n_best", [1, 3])
def test_of_equal_scores_the_first_ones_are_kept(bert_windows, n_best):
    flat = [np.zeros(n) for n in bert_windows.lengths]
    few, all_of_them = (decode(flat, flat, bert_windows, n_best=n, max_answer_length=4) for n in (n_best, 100))
    np.testing.assert_array_equal(few.start, all_of_them.start[:, :n_best])
    np.testing.assert_array_equal(few.end, all_of_them.end[:, :n_best])


def test_of_equal_scores_the_first_in_the_context_is_first(bert_windows):
    flat = [np.zeros(n) for n in bert_windows.lengths]
    answers = decode(flat, flat, bert_windows, n_best=10, max_answer_length=1)
    starts = answers.start[0]
    assert (np.diff(starts) > 0).all()
    assert answers.score[0].tolist() == [0.0] * 10
    assert not answers.no_answer.any()


def test_the_threshold_decides_and_the_category_follows(bert_windows):
    starts, ends = random_logits(bert_windows)
    logits = np.random.default_rng(5).normal(size=(len(bert_windows), 5)) * 2
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    answers = decode(starts, ends, bert_windows, category_logits=logits)
    odds = answers.null_odds
    np.testing.assert_array_equal(answers.no_answer, odds > 0)
    middle = float(np.sort(odds)[1])
    judged = answers.with_threshold(middle)
    np.testing.assert_array_equal(judged.no_answer, odds > middle)
    assert judged.no_answer.sum() == 1
    same = decode(starts, ends, bert_windows, category_logits=logits, no_answer_threshold=middle)
    for row in range(3):
        own = shares[bert_windows.row == row]
        expected = own.mean(axis=0) if odds[row] > middle else shares[answers.window[row, 0]]
        np.testing.assert_allclose(judged.category_probabilities[row], expected)
        np.testing.assert_allclose(same.category_probabilities[row], expected)
        entropy = -(expected * np.log(expected)).sum() / np.log(5)
        assert judged.category_entropy[row] == pytest.approx(entropy)
        assert judged.category_max_probability[row] == pytest.approx(expected.max())
        assert judged.no_answer_margin[row] == pytest.approx(abs(odds[row] - middle))
        assert judged.span_probability[row] == answers.probability[row, 0]
        assert judged.n_best_margin[row] == pytest.approx(answers.probability[row, 0] - answers.probability[row, 1])
        if judged.no_answer[row]:
            assert (judged.prediction_start[row], judged.prediction_end[row]) == (-1, -1)
            assert judged.prediction_score[row] == answers.null_probability[row]
        else:
            assert (judged.prediction_start[row], judged.prediction_end[row]) == (
                answers.start[row, 0],
                answers.end[row, 0],
            )
            assert judged.prediction_score[row] == answers.probability[row, 0]
    assert not answers.with_threshold(np.inf).no_answer.any()
    assert answers.with_threshold(-1e9).no_answer.all()


def test_categories_without_spans(bert_windows):
    logits = np.random.default_rng(5).normal(size=(len(bert_windows), 5))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    answers = decode(None, None, bert_windows, category_logits=logits)
    for row in range(3):
        np.testing.assert_allclose(answers.category_probabilities[row], shares[bert_windows.row == row].mean(axis=0))
        assert answers.answers(row) == []
    assert answers.no_answer.all()
    assert answers.null_probability.tolist() == [1.0] * 3
    spans = decode(*random_logits(bert_windows), bert_windows)
    assert spans.category_probabilities is spans.category_entropy is spans.category_max_probability is None


def test_a_certain_category_has_no_entropy(bert_windows):
    answers = decode(None, None, bert_windows, category_logits=np.eye(5)[[0] * len(bert_windows)] * 1e4)
    assert answers.category_entropy.tolist() == [0.0] * 3


def test_many_windows_of_many_rows():
    tokenizer = family_tokenizer("bert")
    windows = make_windows(tokenizer, ["fever?"] * 30, [NOTE * 60] * 30, max_length=384)
    draw = np.random.default_rng(0)
    starts, ends = draw.normal(size=(2, len(windows), 384)).astype(np.float32)
    answers = decode(starts, ends, windows)
    row = 17
    own = np.flatnonzero(windows.row == row)
    some = decode(starts[own], ends[own], windows.take(own))
    np.testing.assert_array_equal(answers.start[row], some.start[row])
    assert (answers.start >= 0).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_best": 0}, "n_best is 0"),
        ({"max_answer_length": 0}, "max_answer_length is 0"),
        ({"end_logits": None}, "start_logits or end_logits are missing"),
        ({"start_logits": np.zeros((2, 99))}, r"start_logits have the shape \(2, 99\); expected \("),
        ({"end_logits": [np.zeros(3)]}, "end_logits of 1 windows came"),
        ({"category_logits": np.zeros((1, 5))}, r"category_logits have the shape \(1, 5\)"),
        ({"no_answer_threshold": float("nan")}, "threshold is NaN"),
    ],
)
def test_bad_logits_are_refused(bert_windows, change, message):
    starts, ends = random_logits(bert_windows)
    given = {"start_logits": starts, "end_logits": ends} | change
    with pytest.raises(ValueError, match=message):
        decode(given.pop("start_logits"), given.pop("end_logits"), bert_windows, **given)


def test_broken_numbers_are_refused(bert_windows):
    starts, ends = random_logits(bert_windows)
    ends[2][4] = np.nan
    with pytest.raises(ValueError, match="end_logits hold NaN"):
        decode(starts, ends, bert_windows)
    wide = padded(starts, "right")
    wide[0, -1] = np.nan  # of padding, where it does not matter
    if bert_windows.lengths[0] == wide.shape[1]:
        wide[-1, -1], wide[0, -1] = np.nan, 0.0
    decode(wide, padded(random_logits(bert_windows)[1], "right"), bert_windows)
    with pytest.raises(ValueError, match="expected 'left' or 'right'"):
        decode(padded(starts, "right"), padded(starts, "right"), bert_windows, padding_side="top")


def mean_f1(threshold, odds, worth, has_answer):
    return float(np.where(odds > threshold, ~has_answer, worth).mean())


def official(odds, worth, has_answer):
    """`find_best_thresh` of SQuAD 2.0's evaluate-v2.0.py."""
    score = best = int((~has_answer).sum())
    for i in sorted(range(len(odds)), key=lambda i: odds[i]):
        score += worth[i] if has_answer[i] else -1
        best = max(best, score)
    return best / len(odds)


@pytest.mark.parametrize("seed", range(20))
def test_the_threshold_is_the_best_of_all(seed):
    draw = np.random.default_rng(seed)
    rows = int(draw.integers(1, 60))
    has_answer = draw.random(rows) < draw.random()
    worth = np.where(has_answer, draw.choice([0.0, 0.5, 1.0], rows), 0.0)
    odds = draw.normal(size=rows) + 2.0 * ~has_answer
    record = choose_no_answer_threshold(odds, worth, has_answer)
    assert mean_f1(record["threshold"], odds, worth, has_answer) == pytest.approx(record["f1"])
    assert record["f1"] == pytest.approx(official(odds, worth, has_answer))
    assert record["f1_always"] == pytest.approx(worth.mean())
    assert record["f1_never"] == pytest.approx(1 - has_answer.mean())
    assert (record["rows"], record["has_answer"]) == (rows, has_answer.sum())
    tied = np.round(odds)
    record = choose_no_answer_threshold(tied, worth, has_answer)
    tried = [mean_f1(threshold, tied, worth, has_answer) for threshold in (*np.unique(tied), -1e9)]
    assert record["f1"] == pytest.approx(max(tried))
    assert mean_f1(record["threshold"], tied, worth, has_answer) == pytest.approx(record["f1"])


def test_rows_of_equal_odds_are_decided_together():
    # Between the two the official script finds 1.0, which no threshold gives.
    odds, worth, has_answer = np.zeros(2), np.array([1.0, 0.0]), np.array([True, False])
    assert official(odds, worth, has_answer) == 1.0
    record = choose_no_answer_threshold(odds, worth, has_answer)
    assert record["f1"] == 0.5
    assert mean_f1(record["threshold"], odds, worth, has_answer) == 0.5


def test_the_scale_is_that_of_logistic_regression():
    from sklearn.linear_model import LogisticRegression

    draw = np.random.default_rng(0)
    odds = draw.normal(size=4000) * 5 + 3
    none = draw.random(4000) < 1 / (1 + np.exp(-(0.7 * odds - 2.0)))
    record = fit_no_answer_scale(odds, ~none)
    plain = LogisticRegression(C=np.inf).fit(odds[:, None], none)
    # Platt's targets pull a little towards the middle.
    assert record["scale"] == pytest.approx(plain.coef_[0, 0], rel=0.02)
    assert record["bias"] == pytest.approx(plain.intercept_[0], rel=0.02)
    shares = no_answer_probability(odds, record)
    assert shares.mean() == pytest.approx(none.mean(), abs=2e-3)
    assert record["rows"] == 4000


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e4])
def test_rows_that_the_odds_part_keep_it_finite(size):
    odds = np.array([-3.0, -2.0, -1.0, 1.0, 2.0]) * size
    record = fit_no_answer_scale(odds, [True, True, True, False, False])
    assert 0 < record["scale"] * size < 100
    shares = no_answer_probability(odds, record)
    assert (np.diff(shares) > 0).all()
    np.testing.assert_allclose(shares.sum(), 3 * 1 / 5 + 2 * 3 / 4, rtol=1e-6)


def test_odds_that_mislead_say_nothing():
    record = fit_no_answer_scale([3.0, 2.0, -1.0, -2.0], [True, True, False, False])
    assert record["scale"] == 0
    assert no_answer_probability([-5.0, 5.0, np.inf], record).tolist() == pytest.approx([0.5] * 3)
    same = fit_no_answer_scale([1.0, 1.0, 1.0], [True, True, False])
    assert no_answer_probability(1.0, same) == pytest.approx((0.25 * 2 + 2 / 3) / 3, rel=1e-6)


def test_probabilities_of_no_answer():
    assert no_answer_probability([-1e9, 0.0, 1e9]).tolist() == [0.0, 0.5, 1.0]
    assert no_answer_probability(2.0, {"threshold": 1.0}) == pytest.approx(1 / (1 + np.exp(-2.0)))
    assert no_answer_probability(2.0, {"scale": 2.0, "bias": -1.0}) == pytest.approx(1 / (1 + np.exp(-3.0)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: choose_no_answer_threshold([], [], []), "expected null odds, worth and has_answer of the same rows"),
        (lambda: choose_no_answer_threshold([1.0], [1.0, 2.0], [True]), r"the columns have the shapes \(1,\), \(2,\)"),
        (lambda: choose_no_answer_threshold([np.nan], [1.0], [True]), "hold NaN or infinity"),
        (lambda: fit_no_answer_scale([1.0, 2.0], [True, True]), "2 rows have an answer and 0 have none"),
        (lambda: fit_no_answer_scale([1.0, np.inf], [True, False]), "hold NaN or infinity"),
    ],
)
def test_bad_columns_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
