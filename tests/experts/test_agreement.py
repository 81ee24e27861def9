"""Agreement between experts, against hand-worked and independent figures."""

import numpy as np
import pytest

from secondopinion.core.errors import InputError
from secondopinion.experts import Vote, agreement_figures, correlated_errors, krippendorff_alpha

# Krippendorff (2011), Computing Krippendorff's Alpha-Reliability: sections A, B and C, with the α printed there.
SECTION_A = ({"meg": "0100000010", "owen": "1110010000"}, 0.095)
SECTION_B = ({"meg": "aabbdcccedda", "owen": "babbbccceddd"}, 0.692)
SECTION_C = ({"a": "123321412...", "b": "1233224125.3", "c": ".3332342251.", "d": "12332441251."}, 0.743)


def as_votes(said):
    return [
        Vote(f"u{i:02d}", expert, None if label == "." else label)
        for expert, labels in said.items()
        for i, label in enumerate(labels)
    ]


@pytest.mark.parametrize(
    ("said", "alpha"), [SECTION_A, SECTION_B, SECTION_C], ids=["two binary", "two nominal", "gaps"]
)
def test_alpha_of_the_worked_examples(said, alpha):
    found = krippendorff_alpha(as_votes(said))
    assert found["value"] == pytest.approx(alpha, abs=5e-4)
    assert found["reason"] is None


def test_rows_with_one_vote_count_for_nothing():
    found = krippendorff_alpha(as_votes(SECTION_C[0]))
    assert (found["rows"], found["votes"]) == (11, 40)


def random_votes(seed, rows=120, experts=4, classes="abc"):
    draw = np.random.default_rng(seed)
    gold = draw.choice(list(classes), rows)
    said = {
        f"e{j}": "".join(
            "." if draw.random() < 0.2 else g if draw.random() < 0.5 else draw.choice(list(classes)) for g in gold
        )
        for j in range(experts)
    }
    return as_votes(said), {f"u{i:02d}": str(g) for i, g in enumerate(gold)}


@pytest.mark.parametrize("seed", range(3))
def test_alpha_equals_that_of_crowd_kit_in_any_order(seed):
    data = pytest.importorskip("crowdkit.metrics.data")
    import pandas

    votes, _ = random_votes(seed)
    frame = pandas.DataFrame([(v.id, v.expert, v.label) for v in votes if v.label], columns=["task", "worker", "label"])
    theirs = data.alpha_krippendorff(frame)
    shuffled = [votes[i] for i in np.random.default_rng(seed).permutation(len(votes))]
    assert krippendorff_alpha(votes)["value"] == pytest.approx(theirs, abs=1e-12)
    assert krippendorff_alpha(shuffled)["value"] == krippendorff_alpha(votes)["value"]


def test_all_agree_everywhere():
    figures = agreement_figures(as_votes({"a": "xyxy", "b": "xyxy", "c": "xyxy"}), {f"u{i:02d}": "x" for i in range(4)})
    assert figures["alpha"]["value"] == 1.0
    assert [(pair["agreement"], pair["kappa"]) for pair in figures["pairs"]] == [(1.0, 1.0)] * 3
    assert figures["errors"]["mean_correlation"] == pytest.approx(1.0)
    assert figures["errors"]["effective_experts"] == pytest.approx(1.0)


def test_one_class_everywhere_has_a_reason_instead_of_a_number():
    figures = agreement_figures(as_votes({"a": "xxx", "b": "xxx"}), {"u00": "x"}, label_names=["x", "y"])
    assert figures["alpha"]["value"] is None
    assert "same class" in figures["alpha"]["reason"]
    assert figures["pairs"][0]["agreement"] == 1.0
    assert figures["pairs"][0]["kappa"] is None
    assert "one class" in figures["pairs"][0]["reason"]
    assert figures["errors"]["mean_correlation"] is None
    assert figures["errors"]["effective_experts"] is None


def test_experts_without_a_common_row():
    figures = agreement_figures(as_votes({"a": "x.", "b": ".x", "c": ".."}), {"u00": "x", "u01": "x"})
    assert figures["alpha"]["reason"] == "no row has two usable votes"
    assert {pair["reason"] for pair in figures["pairs"]} == {"no row has a usable vote of both"}
    assert [e["error_rate"] for e in figures["errors"]["experts"]] == [0.0, 0.0, None]


def test_errors_that_go_together():
    votes = as_votes({"a": "yyxxxxxx", "b": "yyxxxxxx", "c": "xxzzxxxx"})
    gold = {f"u{i:02d}": "x" for i in range(8)}
    found = correlated_errors(votes, gold)
    ab, ac, _ = found["pairs"]
    assert ab == {
        "experts": ["a", "b"],
        "rows": 8,
        "both_wrong": 0.25,
        "expected_if_independent": 0.0625,
        "same_wrong": 1.0,
        "correlation": pytest.approx(1.0),
    }
    assert ac["both_wrong"] == 0.0
    assert ac["same_wrong"] is None
    assert ac["correlation"] == pytest.approx(-1 / 3)
    mean = (1 - 1 / 3 - 1 / 3) / 3
    assert found["mean_correlation"] == pytest.approx(mean)
    assert found["effective_experts"] == pytest.approx(3 / (1 + 2 * mean))


def test_correlation_is_that_of_the_error_indicators():
    votes, gold = random_votes(5)
    pair = correlated_errors(votes, gold)["pairs"][0]
    one, other = ({v.id: v.label for v in votes if v.expert == name and v.label} for name in ("e0", "e1"))
    rows = sorted(set(one) & set(other))
    wrong = np.array([[said[row] != gold[row] for row in rows] for said in (one, other)], dtype=float)
    assert pair["correlation"] == pytest.approx(np.corrcoef(wrong)[0, 1])


def test_gold_that_does_not_fit():
    votes = as_votes({"a": "xy", "b": "xy"})
    with pytest.raises(InputError, match=r"gold labels outside the classes \['x', 'y'\]: \['z'\]"):
        correlated_errors(votes, {"u00": "z"})
    with pytest.raises(InputError, match="none of the 2 rows"):
        correlated_errors(votes, {"other": "x"})
