"""A Space served by a process of its own, a browser, and visits whose pages must not complain."""

from __future__ import annotations

import json
import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from forked import Forked
from page_checks import CHROMIUM, FLAGS

SERVER = """
import json, sys
from secondopinion.cli.space import launch_space
launch_space(port=int(sys.argv[1]), **json.loads(sys.argv[2]))
"""


@contextmanager
def space_server(folder: Path, name: str, **options: Any) -> Iterator[tuple[str, Forked]]:
    """Serve a Space; yields its address and its process, which is killed at the end.

    Args:
        folder: takes every file the server writes, its log among them.
        name: of the Space.
        **options: of `launch_space`; paths become text.
    """
    with page_server(folder, SERVER, json.dumps({"name": name, **options}, default=str)) as served:
        yield served


@contextmanager
def page_server(folder: Path, code: str, *arguments: str) -> Iterator[tuple[str, Forked]]:
    """Run code that serves a page; yields its address and its process, which is killed at the end.

    Args:
        folder: takes every file the server writes, its log among them.
        code: takes the port as its first argument.
        *arguments: that follow.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "TMPDIR": str(folder),
        "HOME": str(folder),
        "HF_HOME": str(folder / "hf"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    with open(folder / "server.log", "wb") as log:
        process = Forked(code, port, *arguments, folder=folder, environment=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(3000):
            assert process.poll() is None, (folder / "server.log").read_text()[-2000:]
            try:
                urllib.request.urlopen(url, timeout=5).close()
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.1)
        else:
            raise AssertionError(f"no page was served: {(folder / 'server.log').read_text()[-2000:]}")
        yield url, process
    finally:
        process.kill()
        process.wait()


@contextmanager
def chromium() -> Iterator[Any]:
    """Yield a browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as runner:
        instance = runner.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield instance
        instance.close()


@contextmanager
def visits(person: Any, url: str, button: str) -> Iterator[Callable[..., Any]]:
    """Yield what opens a page; at the end none of them complained or asked another host for anything.

    Args:
        person: whose browser opens them; what it has loaded before it need not load again.
        url: of the Space.
        button: a page is ready once it has a button of this name.
    """
    opened, requests, complaints = [], [], []

    def open_page(width: int = 1280, height: int = 900, scheme: str = "light") -> Any:
        page = person.new_page()
        opened.append(page)
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.on("request", lambda request: requests.append(request.url))
        page.on("websocket", lambda socket: requests.append(socket.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.goto(url)
        page.get_by_role("button", name=button, exact=True).wait_for()
        return page

    yield open_page
    for page in opened:
        page.close()
    assert not complaints, complaints
    assert [one for one in requests if not one.startswith((url, "data:", "blob:"))] == []
