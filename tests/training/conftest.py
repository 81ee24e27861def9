"""A trained tiny run with votes, made once in a session and copied for each test that changes it."""

import shutil

import pytest
from votes_files import trained_run

from secondopinion.core.run_folder import RunFolder
from secondopinion.training import DeferralSpec, ThresholdRule, defer
from secondopinion.training.deferral_recipe import RiskSpec


@pytest.fixture(scope="session")
def quick_spec():
    """`quick_spec(**changes)` is a `deferral` section that takes a second or two."""

    def spec(**changes):
        plain = {"policies": ["selective", "compare_confidence"], "threshold": ThresholdRule(budget=0.2)}
        return DeferralSpec(**{**plain, **changes})

    return spec


@pytest.fixture(scope="session")
def deferral_template(tmp_path_factory):
    """A folder with `reports`, a run of three folds of a weak tiny encoder, and votes of a good panel and a novice."""
    return trained_run(tmp_path_factory)


@pytest.fixture(scope="session")
def deferring(deferral_template, quick_spec, tmp_path_factory):
    """A copy of the run that asks the panel, and its `deferral` section; not to be changed."""
    path = tmp_path_factory.mktemp("deferring") / "run"
    shutil.copytree(deferral_template / "run", path)
    section = defer(path, votes=[deferral_template / "panel.csv"], spec=quick_spec(risk=RiskSpec(level=0.6)))
    return RunFolder.open(path), section


@pytest.fixture
def deferral_run(deferral_template, tmp_path):
    """A copy of the run that a test may change."""
    shutil.copytree(deferral_template / "run", tmp_path / "run")
    return RunFolder.open(tmp_path / "run")


@pytest.fixture
def votes_of(deferral_template):
    """`votes_of("panel", "novice")` gives the files of votes."""
    return lambda *names: [deferral_template / f"{name}.csv" for name in names]
