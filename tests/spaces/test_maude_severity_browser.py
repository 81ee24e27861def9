"""The severity Space in a real browser: used as a person would, on a desk and a phone, in the light and the dark."""

import signal
from pathlib import Path

import pytest
from page_checks import CHROMIUM, KEPT, LOW_CONTRAST, NOTHING
from space_server import space_server, visits

pytestmark = pytest.mark.browser
pytest.importorskip("playwright.sync_api", reason="playwright is in the extra [dev]")
pytest.importorskip("gradio", reason="gradio is in the extra [spaces]")

if not Path(CHROMIUM).exists():
    pytest.skip("Debian's chromium is not installed (apt-get install chromium)", allow_module_level=True)

SECRET = "zebrawood quillfish"
DEATH = f"The pump stopped during the infusion. The patient could not be revived. {SECRET}."


@pytest.fixture(scope="module")
def server(tmp_path_factory, model_folder, baseline_folder):
    """Yield (address, folder that takes every file the server writes, process)."""
    folder = tmp_path_factory.mktemp("server")
    with space_server(folder, "maude_severity", model=model_folder, baseline=baseline_folder) as (url, process):
        yield url, folder, process


class Visit:
    """One page, by what a person finds on it."""

    def __init__(self, page):
        self.page, self.context = page, page.context

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
    with visits(browser, server[0], "Classify") as open_page:
        yield lambda **settings: Visit(open_page(**settings))


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
    assert kept == NOTHING
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
