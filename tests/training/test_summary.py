"""Folds together, rows missed, lift over a baseline, and the table a terminal shows."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from secondopinion.core.errors import InputError
from secondopinion.metrics.confusion import flatten
from secondopinion.metrics.per_class_f1.per_class_f1 import per_class_figures
from secondopinion.training import summary
from secondopinion.training.calibration import calibrate
from secondopinion.training.selection import SelectionRule, select
from secondopinion.training.summary import lift, missed, out_of_fold, results_table, summarise

NAMES = ["Death", "Injury", "Malfunction", "Other"]


def predictions(right, seed=0, rows=600):
    generator = np.random.default_rng(seed)
    truth = np.random.default_rng(0).choice(4, rows, p=[0.1, 0.5, 0.35, 0.05])
    return truth, np.where(generator.random(rows) < right, truth, generator.choice(4, rows))


def run(name, right, folds=5):
    """The facts of a run, made by the functions under test from real predictions."""
    truth, said = predictions(right, seed=len(name))
    fold = np.arange(600) % folds + 1
    results = [
        {"fold": k, "figures": per_class_figures(truth[fold == k], said[fold == k], label_names=NAMES)}
        for k in range(1, folds + 1)
    ]
    logits = np.eye(4)[said] * 3.0
    return {
        "name": name,
        "folds": {"trained": list(range(1, folds + 1))},
        "fold_results": results,
        "summary": {
            **summarise([result["figures"] for result in results]),
            "out_of_fold": out_of_fold(truth, said, NAMES, n_resamples=200),
        },
        "missed": missed("Death", truth, said, NAMES),
        "selection": select(SelectionRule(), results),
        "calibration": calibrate(logits, truth, fold),
        "baseline": None,
    }


@pytest.mark.parametrize("ddof", [0, 1])
def test_mean_and_deviation_over_folds(ddof):
    figures = [per_class_figures(*predictions(right), label_names=NAMES) for right in (0.5, 0.7, 0.8)]
    found = summarise(figures, ddof=ddof)
    assert found["ddof"] == ddof
    assert set(found["mean"]) == set(found["std"]) == set(flatten(figures[0]))
    values = [each["per_class"]["Death"]["f1"] for each in figures]
    assert found["mean"]["f1_Death"] == pytest.approx(np.mean(values), abs=1e-15)
    assert found["std"]["f1_Death"] == pytest.approx(np.std(values, ddof=ddof), abs=1e-15)


def test_folds_that_cannot_be_summarised():
    with pytest.raises(InputError, match="0 folds are measured"):
        summarise([])
    with pytest.raises(InputError, match="1 folds are measured; a standard deviation with ddof 1 needs 2"):
        summarise([{"macro_f1": 0.5}], ddof=1)
    with pytest.raises(InputError, match="not measured alike: accuracy is missing in some"):
        summarise([{"macro_f1": 0.5}, {"macro_f1": 0.5, "accuracy": 0.5}])


def test_out_of_fold_takes_numbers_or_names_and_groups():
    truth, said = predictions(0.7)
    as_names = [[NAMES[i] for i in column] for column in (truth, said)]
    assert out_of_fold(truth, said, NAMES, n_resamples=50) == out_of_fold(*as_names, NAMES, n_resamples=50)
    assert "intervals" not in out_of_fold(truth, said, NAMES, n_resamples=0)
    copies = [np.repeat(column, 5) for column in (truth, said)]
    naive = out_of_fold(*copies, NAMES)["intervals"]["macro_f1"]
    grouped = out_of_fold(*copies, NAMES, groups=np.repeat(np.arange(600), 5))["intervals"]["macro_f1"]
    assert grouped[1] - grouped[0] > 1.5 * (naive[1] - naive[0])
    with pytest.raises(InputError, match="references hold 9"):
        out_of_fold([9], [0], NAMES)


def test_missed_rows_add_up():
    truth, said = predictions(0.6)
    for label in NAMES:
        found = missed(label, truth, said, NAMES)
        number = NAMES.index(label)
        assert found["total"] == int((truth == number).sum())
        assert (
            found["missed"] == int(((truth == number) & (said != number)).sum()) == sum(found["predicted_as"].values())
        )
        assert found["recall"] == pytest.approx(1 - found["missed"] / found["total"])
        assert list(found["predicted_as"].values()) == sorted(found["predicted_as"].values(), reverse=True)


def test_missed_of_a_class_without_rows_and_of_no_class():
    none = {"label": "Death", "recall": 0.0, "missed": 0, "total": 0, "predicted_as": {}}
    assert missed("Death", ["Injury"], ["Death"], NAMES) == none
    with pytest.raises(InputError, match="no class is called 'Deth'; did you mean 'Death'"):
        missed("Deth", [0], [0], NAMES)


def test_lift_is_the_difference_with_an_interval():
    truth, said = predictions(0.9)
    base = predictions(0.6, seed=4)[1]
    found = lift(truth, said, base, NAMES, groups=np.arange(600) // 2)
    assert list(found) == ["macro_f1", "weighted_f1", *(f"f1_{name}" for name in NAMES)]
    ours, theirs = (flatten(per_class_figures(truth, column, label_names=NAMES)) for column in (said, base))
    for name, entry in found.items():
        assert entry["difference"] == pytest.approx(ours[name] - theirs[name], abs=1e-12)
        assert entry["low"] < entry["difference"] < entry["high"]
    assert found["macro_f1"]["low"] > 0
    as_names = [[NAMES[i] for i in column] for column in (truth, said, base)]
    assert lift(*as_names, NAMES, groups=np.arange(600) // 2) == found


@pytest.mark.parametrize(
    ("baseline", "message"),
    [
        ([0, 1], "3 references, 3 and 2 predictions"),
        ([0, 1, 7], "the rows hold 7"),
        (["x", "y", "z"], "'x', 'y', 'z'"),
    ],
)
def test_lift_of_rows_that_do_not_fit(baseline, message):
    with pytest.raises(InputError, match=message):
        lift([0, 1, 2], [0, 1, 2], baseline, NAMES)


def test_table_of_one_run_holds_every_figure():
    facts = run("offline", 0.8)
    text = results_table(facts)
    figures = facts["summary"]["out_of_fold"]
    for name in NAMES:
        row = next(line for line in text.splitlines() if line.startswith(f"{name} ")).split()
        expected = figures["per_class"][name]
        assert row[1:4] == [f"{expected[key]:.3f}" for key in ("precision", "recall", "f1")]
        low, high = figures["intervals"][f"f1_{name}"]
        assert row[4:6] == [f"[{low:.3f},", f"{high:.3f}]"]
        assert row[-1] == str(expected["support"])
    mean, std = facts["summary"]["mean"]["macro_f1"], facts["summary"]["std"]["macro_f1"]
    assert f"{mean:.4f} ± {std:.4f}" in next(line for line in text.splitlines() if line.startswith("macro F1"))
    assert "mean ± standard deviation (ddof 0)" in text
    assert facts["selection"]["reason"] in " ".join(text.split())
    assert f"Death: {facts['missed']['missed']} of {facts['missed']['total']} missed (" in text
    assert "ECE" in text
    assert text == results_table(facts)


def test_table_of_two_runs_is_aligned():
    first, second = run("tfidf", 0.7), run("encoder", 0.8)
    truth, ours = predictions(0.8, seed=len("encoder"))
    base = predictions(0.7, seed=len("tfidf"))[1]
    second["baseline"] = {"name": "tfidf", "lift": lift(truth, ours, base, NAMES, n_resamples=100)}
    lines = results_table([first, second]).splitlines()
    grid = lines[1 : 3 + len(NAMES)]
    assert len({len(line) for line in grid}) == 1
    assert lines[0].split() == ["tfidf", "encoder"]
    assert any(line.startswith("encoder: lift over tfidf: macro_f1 +") for line in lines)
    assert max(map(len, lines)) <= 120


def test_table_of_one_fold_and_without_intervals():
    facts = run("single", 0.8, folds=1)
    facts["summary"]["out_of_fold"].pop("intervals")
    text = results_table(facts)
    assert "over folds" not in text
    assert "Fold 1 is the only fold trained" in text


def test_table_of_runs_that_do_not_fit():
    facts = run("a", 0.8)
    with pytest.raises(InputError, match="run 'b' holds no out-of-fold figures"):
        results_table({"name": "b", "summary": {}})
    other = {"name": "c", "summary": {"out_of_fold": per_class_figures([0], [0])}}
    with pytest.raises(InputError, match="different classes"):
        results_table([facts, other])


def test_docstring_examples_run():
    result = doctest.testmod(summary)
    assert result.attempted > 0
    assert result.failed == 0
