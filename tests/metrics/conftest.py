"""Pages of metrics, imported as they run: from their own folder, with nothing of it left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

METRICS = Path(__file__).resolve().parents[2] / "metrics"


@pytest.fixture(scope="session")
def app():
    """Return what gives the module `app` of a metric's folder; each is imported once."""
    pytest.importorskip("gradio", reason="gradio is in the extra [spaces]")
    from secondopinion.cli.space import loaded_app

    apps = {}

    def of(name):
        if name not in apps:
            with loaded_app(METRICS / name) as module:
                apps[name] = module
        return apps[name]

    return of


@pytest.fixture(scope="session")
def start():
    """Return the values that the form of a page begins with."""
    return lambda page: {name: make().value for name, make in page.fields().items()} | {"n_resamples": 60}
