"""The declared rule, on the published fold table and on the cases that make a rule ambiguous."""

from __future__ import annotations

import doctest
import math

import pytest

from secondopinion.core.errors import InputError
from secondopinion.metrics.per_class_f1.per_class_f1 import per_class_figures
from secondopinion.training import selection
from secondopinion.training.selection import SelectionRule, select

# The fold table of the published severity card: Death, Injury, Malfunction, Other, macro and weighted F1.
PUBLISHED = """
1 .8346 .8713 .9048 .4730 .7709 .8671
2 .8364 .8711 .9092 .4826 .7748 .8700
3 .8418 .8749 .9056 .4764 .7747 .8693
4 .8249 .8727 .9081 .4735 .7698 .8693
5 .8212 .8740 .9065 .4915 .7733 .8698
"""
COLUMNS = ("f1_Death", "f1_Injury", "f1_Malfunction", "f1_Other", "macro_f1", "weighted_f1")


@pytest.fixture
def published():
    rows = [line.split() for line in PUBLISHED.split("\n") if line]
    return [{"fold": int(row[0]), "figures": dict(zip(COLUMNS, map(float, row[1:]), strict=True))} for row in rows]


def test_death_f1_picks_fold_3(published):
    chosen = select(SelectionRule(), published)
    assert chosen["fold"] == 3
    assert chosen["value"] == 0.8418
    assert chosen["runner_up"] == {"fold": 2, "value": 0.8364}
    assert [entry["fold"] for entry in chosen["ranking"]] == [3, 2, 1, 4, 5]
    assert chosen["rule"] == {"metric": "f1", "label": "Death", "mode": "max"}
    assert chosen["reason"] == (
        "Fold 3 has the highest Death F1 of 5 folds, 0.8418, ahead of fold 2 with 0.8364; "
        "fold 2 leads on macro F1 (0.7748 against 0.7747)."
    )
    assert chosen["decided_at"].endswith("+00:00")


@pytest.mark.parametrize("metric", ["macro_f1", "weighted_f1"])
@pytest.mark.parametrize("label", [None, "Death"])
def test_macro_and_weighted_pick_fold_2(published, metric, label):
    assert select(SelectionRule(metric=metric, label=label), published)["fold"] == 2


def test_order_of_folds_does_not_matter(published):
    forward, backward = select(SelectionRule(), published), select(SelectionRule(), published[::-1])
    del forward["decided_at"], backward["decided_at"]
    assert forward == backward


def test_least_can_be_asked_for(published):
    assert select(SelectionRule(mode="min"), published)["fold"] == 5


def test_reason_tells_recall_and_missed_rows():
    figures = per_class_figures(
        ["Death"] * 4 + ["Injury"] * 4, ["Death"] * 3 + ["Injury"] * 5, labels=["Death", "Injury"]
    )
    chosen = select(SelectionRule(), [{"fold": 2, "figures": figures}])
    assert chosen["runner_up"] is None
    assert chosen["reason"] == (
        "Fold 2 is the only fold trained; its Death F1 is 0.8571; its Death recall is 0.7500 (1 of 4 missed)."
    )


@pytest.mark.parametrize(
    ("second", "winner"),
    [
        ({"recall_Death": 0.7, "macro_f1": 0.1}, 2),
        ({"recall_Death": 0.6, "macro_f1": 0.8}, 2),
        ({"recall_Death": 0.6, "macro_f1": 0.7}, 1),
        ({"recall_Death": 0.5, "macro_f1": 0.9}, 1),
    ],
)
def test_ties_go_by_recall_then_macro_then_number(second, winner):
    first = {"f1_Death": 0.5, "recall_Death": 0.6, "macro_f1": 0.7}
    folds = [{"fold": 2, "figures": {"f1_Death": 0.5 + 1e-16, **second}}, {"fold": 1, "figures": first}]
    chosen = select(SelectionRule(), folds)
    assert chosen["fold"] == winner
    assert "a tie with fold" in chosen["reason"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "f2"}, "unknown metric 'f2'; known: accuracy, auc, f1, linear_kappa"),
        ({"metric": "macrof1", "label": None}, "did you mean 'macro_f1'"),
        ({"label": None}, "metric 'f1' is of one class; name it"),
        ({"mode": "most"}, "mode is 'most'; give max or min"),
    ],
)
def test_a_rule_that_cannot_be(options, message):
    with pytest.raises(InputError, match=message):
        SelectionRule(**options)


def test_unknown_label_and_missing_figure_are_named(published):
    with pytest.raises(InputError, match="no class is called 'Deaths'; did you mean 'Death'"):
        select(SelectionRule(label="Deaths"), published)
    with pytest.raises(InputError, match="the figures lack 'recall_Death'"):
        select(SelectionRule(metric="recall"), published)
    with pytest.raises(InputError, match="the figures lack 'accuracy'"):
        select(SelectionRule(metric="accuracy", label=None), published)


def test_folds_that_cannot_be_ranked(published):
    with pytest.raises(InputError, match="no fold is trained yet"):
        select(SelectionRule(), [])
    with pytest.raises(InputError, match="repeat; give each fold once"):
        select(SelectionRule(), [*published, published[0]])
    published[1]["figures"]["f1_Death"] = math.nan
    with pytest.raises(InputError, match="f1_Death is nan"):
        select(SelectionRule(), published)


def test_docstring_examples_run():
    result = doctest.testmod(selection)
    assert result.attempted > 0
    assert result.failed == 0
