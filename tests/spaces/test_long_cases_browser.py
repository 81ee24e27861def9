"""The Space of long cases in a real browser: marks, what carried the answer, privacy, a phone, light and dark."""

import pytest
from long_case_folder import long_case_folder
from page_checks import (
    FIRST,
    SECRET,
    check_kept_nowhere,
    check_look,
    in_every_look,
    picture,
    score_example,
    shown_model,
)
from space_server import space_server

pytestmark = pytest.mark.browser
READY = "Classify"
CASE = f"The patient has chest pain <script>document.title = 'taken'</script>. {SECRET}. A mass of 3.1x2.4cm. " * 9


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Yield (address, folder that takes every file the server writes)."""
    model = long_case_folder(tmp_path_factory.mktemp("published") / "tiny-long")
    folder = tmp_path_factory.mktemp("server")
    with space_server(folder, "long_cases", model=shown_model("long_cases", model)) as (url, _):
        yield url, folder


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
    check_kept_nowhere(page, server[1])
    page.get_by_role("button", name="Clear").click()
    page.locator("#answer").get_by_text("No case yet").wait_for()
    page.get_by_role("button", name="Classify", exact=True).click()
    page.get_by_role("alert").get_by_text("There is nothing to read.").wait_for()


def test_the_keyboard_is_enough(visit):
    page = visit()
    page.get_by_label("Case description", exact=False).first.focus()
    page.keyboard.insert_text(CASE)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator(".lc-note").wait_for()
    page.get_by_role("radio", name="What carried the prediction").focus()
    page.keyboard.press("Space")
    page.get_by_text("How far each word moved the class's logit").wait_for()


def test_it_is_legible_open_to_all_and_fits(visit):
    page = visit(**FIRST)
    page.get_by_role("button", name="A mass on the scan").click()
    page.locator(".lc-note").wait_for()
    for look in in_every_look(page):
        picture(page, "long_cases", look)
    for view in ("What carried the prediction", "Entities and measurements"):
        page.get_by_role("radio", name=view).check()
        said = page.get_by_text("How far each word" if "carried" in view else "attend to the whole text").first
        said.wait_for(timeout=120_000)  # a trained model, which a picture shows, takes its time
        for _ in in_every_look(page):
            check_look(page)
    score_example(page)
    for _ in in_every_look(page):
        check_look(page)
