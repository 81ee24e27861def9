"""What metrics share is the same in every metric's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from secondopinion.metrics import copy_shared


@pytest.mark.parametrize(("source", "copy"), copy_shared.copies(), ids=lambda path: path.parent.name + "/" + path.name)
def test_copy_is_equal(source: Path, copy: Path):
    assert copy.read_bytes() == source.read_bytes(), f"{copy} differs; run: python metrics/copy_shared.py"


def test_every_metric_is_covered():
    assert [folder.name for folder in copy_shared.metric_folders()] == [
        "clinical_qa",
        "deferral_rate",
        "dragon",
        "per_class_f1",
    ]
    shared = {"confusion.py", "drawing.py", "intervals.py", "shown.py", "space.py", "tables.py"}
    look = {"look.py", "look_styles.py", "rate.py"}
    assert {source.name for source, _ in copy_shared.copies()} == shared | look


def test_main_mends_a_copy_that_differs(tmp_path, monkeypatch):
    folder = tmp_path / "metrics" / "some_metric"
    folder.mkdir(parents=True)
    (tmp_path / "spaces").mkdir()
    for name in copy_shared.LOOK:
        (tmp_path / "spaces" / name).write_text(f"# {name}\n")
    for name in copy_shared.SHARED:
        (tmp_path / "metrics" / name).write_text(f"# {name}\n")
    (folder / "some_metric.py").touch()
    (folder / "intervals.py").write_text("old\n")
    monkeypatch.setattr(copy_shared, "HERE", tmp_path / "metrics")
    copy_shared.main()
    assert {path.name for path in folder.iterdir()} == {"some_metric.py", *copy_shared.LOOK, *copy_shared.SHARED}
    assert (folder / "intervals.py").read_text() == "# intervals.py\n"
