"""The deferral plots: files whole and the same each time, axes of the caller, what cannot be drawn."""

from __future__ import annotations

import numpy as np
import pytest

from secondopinion.metrics.deferral_rate.deferral_rate import deferral_figures, plot_deferral_curve, plot_reliability


@pytest.fixture(scope="module")
def figures():
    generator = np.random.default_rng(0)
    gold = generator.integers(0, 2, 200)
    hard = generator.random(200)
    said = np.where(generator.random(200) < 1 - 0.5 * hard, gold, 1 - gold)
    losses = [[0, 1], [5, 0]]
    return deferral_figures(gold, said, gold, hard, rate=0.1, positive_label=1, n_resamples=60, loss_matrix=losses)


@pytest.mark.parametrize("draw", [plot_deferral_curve, plot_reliability])
def test_files_are_whole_and_reproducible(figures, tmp_path, draw):
    first, second = draw(figures, tmp_path / "a.png"), draw(figures, str(tmp_path / "b.png"))
    assert first.read_bytes()[:4] == b"\x89PNG"
    assert first.read_bytes() == second.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]
    with pytest.raises(ValueError, match="xyz"):
        draw(figures, tmp_path / "c.xyz")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]
    assert draw(figures, tmp_path / "a.svg").read_text().startswith("<?xml")


def test_what_is_drawn(figures):
    from matplotlib.figure import Figure

    f1, accuracy = plot_deferral_curve(figures, Figure().subplots(1, 2))
    curve = figures["curve"]
    drawn = {line.get_label(): line.get_ydata() for line in f1.get_lines()}
    np.testing.assert_array_equal(drawn["deferring by score"], curve["f1"]["policy"])
    np.testing.assert_array_equal(drawn["deferring by lot"], curve["f1"]["random"])
    np.testing.assert_array_equal(drawn["oracle"], curve["f1"]["oracle"])
    assert set(drawn["classifier alone"]) == {figures["classifier"]["f1"]}
    assert set(drawn["expert alone"]) == {figures["expert"]["f1"]}
    assert list(drawn["the system as decided"]) == [figures["system"]["f1"]]
    assert accuracy.get_ylabel() == "accuracy"


def test_axes_of_the_caller(figures):
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    assert plot_deferral_curve(figures, axes, ("loss",)) is axes
    assert axes.get_ylabel() == "mean loss"


def test_what_cannot_be_drawn(figures, tmp_path):
    plain = deferral_figures([0, 1], [0, 0], [0, 1], deferred=[False, True], n_resamples=0)
    with pytest.raises(ValueError, match="no curve of f1, accuracy; compute them with deferral_scores="):
        plot_deferral_curve(plain, tmp_path / "a.png")
    with pytest.raises(ValueError, match="predict no share or gain"):
        plot_reliability(plain, tmp_path / "a.png")
    without = deferral_figures([0, 1], [0, 0], [0, 1], [0.1, 0.9], rate=0, n_resamples=0)
    plot_deferral_curve(without, tmp_path / "a.png")
    assert not list(tmp_path.glob(".*"))
