"""What every test stands on: sockets to loopback only, caches in a temporary folder, a Hub, small runs.

The folders `tests/hub` and `tests/support` hold helpers, importable by name.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path

TESTS = Path(__file__).parent
sys.path[:0] = [str(TESTS / "hub"), str(TESTS / "support")]

# Read by huggingface_hub, datasets and gradio when they are imported, so they are set before any test module is.
CACHE = tempfile.mkdtemp(prefix="secondopinion-tests-")
os.environ.update(
    HF_HOME=CACHE,
    HF_HUB_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_HUB_DISABLE_XET="1",
    HF_HUB_DISABLE_PROGRESS_BARS="1",
    GRADIO_ANALYTICS_ENABLED="False",
    TOKENIZERS_PARALLELISM="false",
    MPLBACKEND="Agg",
)
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # each worker has a core to itself
for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_ENDPOINT", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
    os.environ.pop(name, None)
    os.environ.pop(name.lower(), None)

import pytest  # noqa: E402
from hub_server import LoopbackHub  # noqa: E402
from page_checks import lacking  # noqa: E402
from space_server import chromium, visits  # noqa: E402


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Allow sockets to this machine only, unless the command line says otherwise (`--allow-hosts`)."""
    if config.option.allow_hosts is None:
        config.option.allow_hosts = "127.0.0.1,::1,localhost"
        config.option.allow_unix_socket = True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long, so that no worker is left alone with one of them at the end."""
    items.sort(key=lambda item: not ({"slow", "browser"} & {marker.name for marker in item.iter_markers()}))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a browser where there is none, and say so, before any page is served for it."""
    if item.get_closest_marker("browser") and (reason := lacking()):
        pytest.skip(reason)


def pytest_unconfigure() -> None:
    shutil.rmtree(CACHE, ignore_errors=True)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    """A Hub on loopback that huggingface_hub talks to in this test: `hub.url`, `hub.state`, `hub.fail(...)`."""
    from huggingface_hub import constants

    with LoopbackHub() as server:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, server.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.delenv("HF_HUB_OFFLINE")
        yield server


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let huggingface_hub try again as often as ever, without the seconds in between."""
    from huggingface_hub.utils import _http

    clock = types.ModuleType("time")
    clock.__dict__.update(vars(time), sleep=lambda seconds: None)
    monkeypatch.setattr(_http, "time", clock)


@pytest.fixture
def without_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train without the plots, which take longer than a tiny model, where another test of the file sees the same."""
    from secondopinion.training import plots
    from secondopinion.training.question_answering import plots as answer_plots

    monkeypatch.setattr(plots, "write_plots", lambda folder, facts: [])
    monkeypatch.setattr(answer_plots, "write_answer_plots", lambda folder, facts: [])


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """A browser, of one file of tests: while it runs, nothing else on this worker can have an event loop."""
    with chromium() as instance:
        yield instance


@pytest.fixture(scope="module")
def person(browser: object) -> object:
    """Somebody with a browser, who comes back to what was loaded before."""
    return browser.new_context()


@pytest.fixture
def visit(server: tuple, person: object, request: pytest.FixtureRequest) -> Iterator[Callable]:
    """`visit(width=…, scheme=…)` opens the page at `server[0]`, which is there once it has the module's `READY`."""
    with visits(person, server[0], request.module.READY) as open_page:
        yield open_page


@pytest.fixture(scope="session")
def run_templates(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Small finished runs, each built once in a session and then copied."""
    from run_builder import build_run, save_model

    root, models, runs = tmp_path_factory.mktemp("templates"), {}, {}

    def template(kind: str, **options: object) -> Path:
        key = f"{kind} {sorted(options.items())}"
        if kind not in models:
            models[kind] = save_model(kind, root / "models" / kind)
        if key not in runs:
            runs[key] = build_run(root / "runs" / str(len(runs)), kind, models[kind], **options)
        return runs[key]

    return template


@pytest.fixture
def make_run(tmp_path: Path, run_templates: Callable[..., Path]) -> Callable:
    """`make_run(kind, name=..., change=..., **options)` writes a small finished run, returns its `RunFolder`.

    Kinds are `pooled_encoder`, `bert` (a stock model) and `tfidf`; options are those of `run_builder.build_run`;
    `change` alters the facts before they are written.
    """
    from run_builder import copy_run

    def make(
        kind: str = "pooled_encoder", name: str = "severity", change: Callable | None = None, **options: object
    ) -> object:
        return copy_run(run_templates(kind, **options), tmp_path / "runs" / name, change)

    return make
