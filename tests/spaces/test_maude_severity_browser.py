"""The severity Space in a real browser: used as a person would, on a desk and a phone, in the light and the dark."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is in the extra [dev]")
pytest.importorskip("gradio", reason="gradio is in the extra [spaces]")

CHROMIUM = Path("/usr/bin/chromium")
if not CHROMIUM.exists():
    pytest.skip("Debian's chromium is not installed (apt-get install chromium)", allow_module_level=True)

FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
SERVER = """
import sys
from secondopinion.cli.space import launch_space
launch_space(model=sys.argv[1], baseline=sys.argv[2], port=int(sys.argv[3]))
"""
SECRET = "zebrawood quillfish"
DEATH = f"The pump stopped during the infusion. The patient could not be revived. {SECRET}."

# The contrast of every visible text with what is painted behind it (WCAG 2.2, 1.4.3).
LOW_CONTRAST = """() => {
  const parse = c => { const m = c.match(/[\\d.]+/g).map(Number); return [m[0], m[1], m[2], m.length > 3 ? m[3] : 1]; };
  const channel = v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const luminance = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c[3] === 1) return c;
    }
    return [255, 255, 255, 1];
  };
  const low = [];
  let seen = 0;
  for (const e of document.querySelectorAll('main *')) {
    const text = [...e.childNodes].filter(n => n.nodeType === 3).map(n => n.data.trim()).join('');
    const box = e.getBoundingClientRect();
    if (!(text || e.tagName === 'TEXTAREA') || !box.width || !box.height || e.tagName === 'STYLE') continue;
    const style = getComputedStyle(e);
    if (style.visibility === 'hidden' || style.opacity === '0') continue;
    const [a, b] = [luminance(parse(style.color)), luminance(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize);
    seen += 1;
    if (ratio < (size >= 24 ? 3 : 4.5)) low.push([text.slice(0, 40), ratio.toFixed(2)]);
  }
  return {seen, low};
}"""
KEPT = """async () => ({
  local: Object.keys(localStorage), session: Object.keys(sessionStorage),
  databases: (await indexedDB.databases()).map(d => d.name), caches: await caches.keys(), cookies: document.cookie
})"""


@pytest.fixture(scope="module")
def server(tmp_path_factory, model_folder, baseline_folder):
    """Yield (address, folder that takes every file the server writes, process)."""
    folder = tmp_path_factory.mktemp("server")
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
        process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(model_folder), str(baseline_folder), str(port)],
            stdout=log,
            stderr=log,
            cwd=folder,
            env=environment,
        )
    url = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(240):
            assert process.poll() is None, (folder / "server.log").read_text()[-2000:]
            try:
                urllib.request.urlopen(url, timeout=5).close()
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.25)
        yield url, folder, process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as runner:
        instance = runner.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield instance
        instance.close()


class Visit:
    """One page with what it asked for and complained about."""

    def __init__(self, browser, url, width=1280, height=900, scheme="light"):
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
        )
        self.page = self.context.new_page()
        self.requests, self.complaints = [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda ws: self.requests.append(ws.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._console)
        self.page.goto(url)
        self.report.wait_for()

    def _console(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    @property
    def report(self):
        return self.page.get_by_label("Device report", exact=False).first

    def button(self, name):
        return self.page.get_by_role("button", name=name, exact=True)

    def cards(self):
        return [self.page.get_by_role("region", name=name, exact=True) for name in ("Phase 1", "Phase 2")]

    def shares(self):
        """Return {card: {class: shown share}} as a screen reader would find it."""
        return [
            {
                row.get_by_role("rowheader").inner_text(): float(row.get_by_role("cell").inner_text().rstrip("%"))
                for row in card.get_by_role("row").all()
            }
            for card in self.cards()
        ]

    def answered(self):
        self.cards()[1].get_by_text("%").first.wait_for()


@pytest.fixture
def visit(server, browser):
    visits = []

    def open_page(**settings):
        visits.append(Visit(browser, server[0], **settings))
        return visits[-1]

    yield open_page
    for one in visits:
        assert not one.complaints
        assert [url for url in one.requests if not url.startswith((server[0], "data:", "blob:"))] == []
        one.context.close()


def test_a_report_is_read_by_both_models(visit, tmp_path):
    page = visit()
    assert page.page.title() == "Device report severity"
    assert page.page.get_by_role("heading", level=1).inner_text() == "Device report severity"
    page.report.fill(DEATH)
    page.button("Classify").click()
    page.answered()
    for shares in page.shares():
        assert list(shares) == ["Death", "Injury", "Malfunction", "Other"]
        assert sum(shares.values()) == pytest.approx(100, abs=0.21)
    for card, shares in zip(page.cards(), page.shares(), strict=True):
        track = card.locator(".bar").first.bounding_box()
        bar = card.locator(".bar i").first.bounding_box()
        assert bar["width"] / track["width"] * 100 == pytest.approx(shares["Death"], abs=1.5)
    page.page.get_by_text(f"{len(DEATH)} characters").wait_for()
    answer = page.page.locator("#answer").inner_text()
    assert "disagree" in answer or "Both models read" in answer
    page.page.screenshot(path=tmp_path / "light.png", full_page=True)
    assert (tmp_path / "light.png").stat().st_size > 20_000


def test_nothing_is_kept_in_the_browser_or_on_the_server(visit, server):
    page = visit()
    page.report.fill(DEATH)
    page.button("Classify").click()
    page.answered()
    kept = page.page.evaluate(KEPT)
    assert kept == {"local": [], "session": [], "databases": [], "caches": [], "cookies": ""}
    assert SECRET not in str(page.context.storage_state())
    page.page.reload()
    page.report.wait_for()
    assert page.report.input_value() == ""
    files = [path for path in server[1].rglob("*") if path.is_file()]
    assert any(path.name == "server.log" for path in files)
    for path in files:
        assert SECRET.encode() not in path.read_bytes(), path


def test_empty_text_shows_an_error_state_and_clear_starts_anew(visit):
    page = visit()
    page.button("Classify").click()
    alert = page.page.get_by_role("alert").filter(has_text="There is nothing to read.")
    alert.wait_for()
    page.button("A battery that died").click()
    page.answered()
    assert alert.count() == 0
    assert page.report.input_value().startswith("SYNTHETIC.")
    page.button("Clear").click()
    page.cards()[0].get_by_text("No report yet").wait_for()
    assert page.report.input_value() == ""


def test_ten_megabytes_are_refused_politely(visit):
    page = visit()
    page.page.evaluate("() => { window.big = 'pump '.repeat(2097152); }")
    page.report.evaluate("e => { e.value = window.big; e.dispatchEvent(new Event('input', {bubbles: true})); }")
    page.button("Classify").click()
    page.page.get_by_role("alert").filter(has_text="It has 10,485,760 characters").wait_for()


def test_the_keyboard_is_enough(visit):
    page = visit()
    page.report.focus()
    page.page.keyboard.type("The screen went dead.")
    page.page.keyboard.press("Shift+Enter")
    page.answered()
    page.button("Clear").focus()
    page.page.keyboard.press("Enter")
    page.cards()[0].get_by_text("No report yet").wait_for()
    page.report.focus()
    focused = []
    for _ in range(6):
        page.page.keyboard.press("Tab")
        focused.append(page.page.evaluate("document.activeElement.innerText.trim()"))
        outline = page.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", focused[-1]
    assert focused[:3] == ["Classify", "Clear", "Told without the word"]
    page.page.keyboard.press("Enter")
    page.answered()
    assert page.report.input_value().startswith("SYNTHETIC.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_aa(visit, scheme, tmp_path):
    page = visit(scheme=scheme)
    for state in ("empty", "read", "error"):
        if state == "read":
            page.button("Told without the word").click()
            page.answered()
        if state == "error":
            page.button("Clear").click()
            page.cards()[0].get_by_text("No report yet").wait_for()
            page.button("Classify").click()
            page.page.get_by_role("alert").filter(has_text="There is nothing to read.").wait_for()
        page.page.wait_for_timeout(400)
        measured = page.page.evaluate(LOW_CONTRAST)
        assert measured["seen"] > 40
        assert measured["low"] == []
        page.page.screenshot(path=tmp_path / f"{scheme}-{state}.png", full_page=True)
    background = page.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(244, 247, 248)", "dark": "rgb(14, 22, 27)"}[scheme]


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_needs_no_sideways_scrolling(visit, width, tmp_path):
    page = visit(width=width, height=800)
    page.button("Harm and a second operation").click()
    page.answered()
    assert page.page.evaluate("document.documentElement.scrollWidth") <= width
    first, second = (card.bounding_box() for card in page.cards())
    assert second["y"] >= first["y"] + first["height"], "the cards stand below one another"
    for element in page.page.locator(".so-card, .so-notice, table, button, textarea").all():
        box = element.bounding_box()
        if box:
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
    page.page.screenshot(path=tmp_path / "phone.png", full_page=True)


def test_the_desk_shows_the_cards_side_by_side(visit):
    page = visit()
    first, second = (card.bounding_box() for card in page.cards())
    assert first["y"] == second["y"]
    assert first["x"] + first["width"] <= second["x"]


def test_stopping_the_server_leaves_nothing_behind(server):
    _, folder, process = server
    assert list(folder.glob("space-*"))
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    assert not list(folder.glob("space-*"))
    assert SECRET not in (folder / "server.log").read_text()
