"""The plots are drawn from facts alone, the same bytes each time, for complete and for thin runs."""

from __future__ import annotations

import copy
import os

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from secondopinion.core.errors import DiskFullError, InputError
from secondopinion.metrics.per_class_f1.per_class_f1 import per_class_figures
from secondopinion.training.calibration import calibrate
from secondopinion.training.plots import write_plots
from secondopinion.training.selection import SelectionRule, select
from secondopinion.training.summary import out_of_fold, summarise

NAMES = ["Death", "Injury", "Malfunction", "Other"]
ALL = ["calibration.png", "confusion_matrix.png", "folds.png", "per_class_f1.png"]


def make_facts(folds=3, names=NAMES, right=0.8, rows=240):
    generator = np.random.default_rng(7)
    truth = generator.integers(0, len(names), rows)
    said = np.where(generator.random(rows) < right, truth, generator.integers(0, len(names), rows))
    fold = np.arange(rows) % folds + 1
    results = [
        {"fold": k, "figures": per_class_figures(truth[fold == k], said[fold == k], label_names=names)}
        for k in range(1, folds + 1)
    ]
    return {
        "name": "a run",
        "fold_results": results,
        "summary": {
            **summarise([result["figures"] for result in results]),
            "out_of_fold": out_of_fold(truth, said, names, n_resamples=50),
        },
        "selection": select(SelectionRule(label=names[0]), results),
        "calibration": calibrate(np.eye(len(names))[said] * 2 + generator.normal(size=(rows, len(names))), truth, fold),
        "baseline": None,
    }


@pytest.fixture(scope="module")
def complete():
    facts = make_facts()
    other = make_facts(right=0.5)
    facts["baseline"] = {"name": "baseline", "summary": other["summary"]}
    return facts


def drawn(folder, facts):
    return {name: (folder / name).read_bytes() for name in write_plots(folder, facts)}


def test_writes_every_plot_and_nothing_else(tmp_path, complete):
    before = copy.deepcopy(complete)
    assert write_plots(tmp_path / "plots", complete) == ALL
    assert sorted(os.listdir(tmp_path / "plots")) == ALL
    assert complete == before
    for name in ALL:
        with Image.open(tmp_path / "plots" / name) as image:
            assert min(image.size) > 400
            assert len(np.unique(np.asarray(image.convert("L")))) > 20
            assert set(image.info) <= {"dpi"}


def test_same_facts_same_bytes_whatever_the_users_settings(tmp_path, complete):
    first = drawn(tmp_path / "first", complete)
    with mpl.rc_context({"font.size": 20, "axes.facecolor": "red", "savefig.dpi": 30}):
        assert drawn(tmp_path / "second", complete) == first


def test_each_plot_shows_its_own_facts(tmp_path, complete):
    before = drawn(tmp_path / "before", complete)
    other = copy.deepcopy(complete)
    other["calibration"]["temperature"] = 9.0
    other["selection"]["fold"] = complete["selection"]["runner_up"]["fold"]
    other["baseline"] = None
    after = drawn(tmp_path / "after", other)
    assert {name for name in ALL if after[name] != before[name]} == set(ALL) - {"confusion_matrix.png"}
    other["summary"]["out_of_fold"]["confusion_matrix"]["counts"][0][1] += 40
    assert drawn(tmp_path / "counts", other)["confusion_matrix.png"] != before["confusion_matrix.png"]


def test_one_fold_and_no_calibration(tmp_path):
    facts = make_facts(folds=1)
    del facts["calibration"]
    assert write_plots(tmp_path, facts) == sorted(set(ALL) - {"calibration.png"})


def test_only_out_of_fold_figures(tmp_path):
    facts = {"summary": {"out_of_fold": per_class_figures([0, 1], [0, 0])}}
    assert write_plots(tmp_path, facts) == ["confusion_matrix.png", "per_class_f1.png"]


@pytest.mark.filterwarnings("error::UserWarning", "error::RuntimeWarning")
@pytest.mark.parametrize(
    "names",
    [
        ["Death", "Injury", "Malfunction", "never seen: cost $5 or $6"],
        [f"a class with a long name, number {i}" for i in range(14)],
        ["no", "yes"],
    ],
)
def test_absent_many_and_two_classes(tmp_path, names):
    facts = make_facts(names=names)
    last = names[-1]
    for figures in (facts["summary"]["out_of_fold"], *(result["figures"] for result in facts["fold_results"])):
        figures["per_class"][last] = {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}
        figures["confusion_matrix"]["counts"][-1] = [0] * len(names)
    assert write_plots(tmp_path, facts) == ALL


@pytest.mark.filterwarnings("error::UserWarning", "error::RuntimeWarning")
@pytest.mark.parametrize("right", [0.0, 1.0])
def test_all_wrong_and_all_right(tmp_path, right):
    facts = make_facts(right=1.0)
    if not right:
        figures = out_of_fold([0, 1, 2, 3] * 9, [1, 2, 3, 0] * 9, NAMES, n_resamples=20)
        facts["summary"]["out_of_fold"] = figures
        facts["fold_results"] = [{"fold": 4, "figures": figures}]
    assert write_plots(tmp_path, facts) == ALL


def test_no_figures_is_an_error(tmp_path):
    with pytest.raises(InputError, match="nothing to plot: the facts hold no out-of-fold figures"):
        write_plots(tmp_path, {"summary": {"mean": {}}})


def test_a_full_disk_leaves_no_half_plot(tmp_path, complete, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", full)
    with pytest.raises(DiskFullError, match="no room left"):
        write_plots(tmp_path, complete)
    assert os.listdir(tmp_path) == []
