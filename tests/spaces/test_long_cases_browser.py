"""The Space of long cases in a real browser: marks, what carried the answer, privacy, a phone, light and dark."""

from pathlib import Path

import pytest
from long_case_folder import long_case_folder
from page_checks import CHROMIUM, KEPT, LOW_CONTRAST, NOTHING
from space_server import space_server, visits

pytestmark = pytest.mark.browser
pytest.importorskip("playwright.sync_api", reason="playwright is in the extra [dev]")
pytest.importorskip("gradio", reason="gradio is in the extra [spaces]")
if not Path(CHROMIUM).exists():
    pytest.skip("Debian's chromium is not installed (apt-get install chromium)", allow_module_level=True)

SECRET = "zebrawood quillfish"
CASE = f"The patient has chest pain <script>document.title = 'taken'</script>. {SECRET}. A mass of 3.1x2.4cm. " * 9


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Yield (address, folder that takes every file the server writes)."""
    model = long_case_folder(tmp_path_factory.mktemp("published") / "tiny-long")
    folder = tmp_path_factory.mktemp("server")
    with space_server(folder, "long_cases", model=model) as (url, _):
        yield url, folder


@pytest.fixture
def visit(server, browser):
    with visits(browser, server[0], "Classify") as open_page:
        yield open_page


def classify(page, case=CASE):
    page.get_by_label("Case description", exact=False).first.fill(case)
    page.get_by_role("button", name="Classify", exact=True).click()
    page.locator(".lc-note").wait_for()


def test_a_case_is_marked_and_weighed(visit, server):
    page = visit()
    classify(page)
    note = page.locator(".lc-note")
    assert page.title() == "Long clinical cases", "nothing of the case runs"
    assert note.evaluate("e => e.textContent") == CASE
    assert note.locator("mark.red").first.inner_text() == "chest pain"
    assert "struck through below" in page.locator("#answer").inner_text()
    page.get_by_role("radio", name="What carried the prediction").check()
    page.get_by_text("How far each word moved the class's logit").wait_for()
    assert note.evaluate("e => e.textContent") == CASE
    assert note.locator("mark[class^=for], mark[class^=against]").count() > 0
    page.get_by_role("radio", name="Entities and measurements").check()
    page.get_by_text("of the entities, in bold, attend to the whole text").wait_for()
    assert page.evaluate(KEPT) == NOTHING
    assert not any(SECRET.encode() in path.read_bytes() for path in server[1].rglob("*") if path.is_file())
    page.get_by_role("button", name="Clear").click()
    page.locator("#answer").get_by_text("No case yet").wait_for()
    page.get_by_role("button", name="Classify", exact=True).click()
    page.get_by_role("alert").get_by_text("There is nothing to read.").wait_for()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390), ("light", 320)])
def test_it_is_legible_and_fits(visit, scheme, width, tmp_path):
    page = visit(width=width, scheme=scheme)
    page.get_by_role("button", name="A mass on the scan").click()
    page.locator(".lc-note").wait_for()
    for view in ("What carried the prediction", "Entities and measurements"):
        page.get_by_role("radio", name=view).check()
        page.get_by_text("How far each word" if "carried" in view else "attend to the whole text").first.wait_for()
        page.wait_for_timeout(300)
        measured = page.evaluate(LOW_CONTRAST)
        assert measured["seen"] > 40
        assert measured["low"] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.screenshot(path=tmp_path / f"{view[:4]}.png", full_page=True)
