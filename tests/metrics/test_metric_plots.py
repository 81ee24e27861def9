"""Plots of figures as points with intervals: files whole and the same each time, axes of the caller, what is drawn."""

from __future__ import annotations

import subprocess
import sys

import pytest

from secondopinion.metrics.clinical_qa.clinical_qa import plot_qa_figures, qa_figures
from secondopinion.metrics.dragon.dragon import dragon_figures, plot_dragon_figures
from secondopinion.metrics.dragon.plots import panels
from secondopinion.metrics.drawing import on_page
from secondopinion.metrics.per_class_f1.per_class_f1 import per_class_figures, plot_class_figures

TRUE = [
    {"id": at, "answers": {"text": ["rash"] if at % 3 else []}, "category_probs": [0, 0, 1, 0, 0]} for at in range(9)
]
SAID = [{"id": at, "prediction_text": "rash", "category": "Symptoms" if at % 2 else "Diagnosis"} for at in range(9)]
SEVERAL = "multi_label_binary_classification"


@pytest.fixture(scope="module")
def figures():
    drawn = {"n_resamples": 60}
    return {
        plot_qa_figures: qa_figures(SAID, TRUE, **drawn),
        plot_class_figures: per_class_figures(list("aabbbc") * 9, list("abbbac") * 9, **drawn),
        plot_dragon_figures: dragon_figures([[0.9, 0.2], [0.1, 0.8]] * 9, [[1, 1], [0, 0]] * 9, SEVERAL, **drawn),
    }


@pytest.mark.parametrize("draw", [plot_qa_figures, plot_class_figures, plot_dragon_figures])
def test_files_are_whole_and_reproducible(figures, draw, tmp_path):
    first, second = (draw(figures[draw], tmp_path / name) for name in ("a.png", "b.png"))
    assert first.read_bytes()[:4] == b"\x89PNG"
    assert first.read_bytes() == second.read_bytes()
    with pytest.raises(ValueError, match="xyz"):
        draw(figures[draw], tmp_path / "c.xyz")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]
    with pytest.raises(ValueError, match="give what"):
        draw({}, tmp_path / "d.png")


def values(axes, marker):
    return [line.get_xdata()[0] for line in axes.get_lines() if line.get_marker() == marker]


def ends(axes):
    return [list(line.get_xdata()) for line in axes.get_lines() if len(line.get_xdata()) == 2]


def labels(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def test_what_is_drawn_of_classes(figures):
    from matplotlib.figure import Figure

    found = figures[plot_class_figures]
    classes, whole = plot_class_figures(found, Figure().subplots(1, 2))
    assert values(classes, "o") == [row["f1"] for row in found["per_class"].values()]
    assert ends(classes) == [found["intervals"][f"f1_{name}"] for name in "abc"]
    assert labels(classes)[0] == "a (18)"
    assert values(whole, "s") == [found["accuracy"], found["macro_f1"], found["weighted_f1"]]


def test_what_is_drawn_of_questions(figures):
    from matplotlib.figure import Figure

    found = figures[plot_qa_figures]
    whole, categories = plot_qa_figures(found, Figure().subplots(1, 2))
    assert values(categories, "s") == [row["f1"] for row in found["per_category"].values()]
    assert ends(whole)[:2] == [found["intervals"]["exact"], found["intervals"]["f1"]]
    assert labels(whole)[0] == "Exact match (9)"
    axes = Figure().subplots()
    assert plot_qa_figures(found, axes) is axes


def test_what_is_drawn_of_the_benchmark(figures):
    from matplotlib.figure import Figure

    found = figures[plot_dragon_figures]
    whole, each = plot_dragon_figures(found, Figure().subplots(1, 2))
    assert labels(whole) == ["AUC, pooled", "AUC, macro", "Accuracy"]
    assert values(whole, "o") == [found["auc_pooled"], found["auc_macro"]]
    assert labels(each) == ["label_1", "label_2"]
    assert values(each, "o") == [1.0, 0.0]
    numbers = dragon_figures([1.0, 2.0], [1.0, 5.0], "single_label_regression")
    assert labels(plot_dragon_figures(numbers, Figure().subplots())) == ["R-SMAPE score"]
    against = dragon_figures(["a", "b"], ["b", "a"], "single_label_multi_class_classification")
    assert plot_dragon_figures(against, Figure().subplots()).get_xlim()[0] == -1


def test_a_drawing_on_a_page_has_the_pages_colours(figures):
    first, second = on_page(panels(figures[plot_dragon_figures]))
    assert first.startswith("<svg")
    assert 'aria-label="Figures (18 rows)"' in first
    assert "<metadata" not in first
    assert "<style" not in first
    assert "var(--so-blue)" in first
    assert "#202124" not in first
    assert first != second
    assert on_page(panels(figures[plot_dragon_figures])) == [first, second]


def test_importing_the_metrics_does_not_import_matplotlib():
    names = ("clinical_qa.paired", "clinical_qa.plots", "dragon.plots", "per_class_f1.plots", "deferral_rate.plots")
    code = "".join(f"import secondopinion.metrics.{name}\n" for name in names)
    answer = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}print('matplotlib' in sys.modules)"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert answer.stdout.strip() == "False", answer.stderr
