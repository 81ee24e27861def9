"""The landing page in a real browser: a report read, a way to every other page, a phone, light and dark."""

import pytest
from console_folder import LONG, SHORT
from landing_folder import landing_folder
from page_checks import FIRST, SECRET, check_kept_nowhere, check_look, in_every_look, picture, shown_model
from space_server import space_server

pytestmark = pytest.mark.browser
READY = "Read"


@pytest.fixture(scope="module")
def server(tmp_path_factory, model_folder):
    """Yield (address, folder that takes every file the server writes)."""
    model = landing_folder(tmp_path_factory.mktemp("published") / "tiny-system")
    folder, model = tmp_path_factory.mktemp("server"), shown_model("second_opinion", model)
    with space_server(folder, "second_opinion", model=model, also=[str(model_folder)]) as (url, _):
        yield url, folder


def read(page, text):
    page.get_by_label("Report", exact=False).first.fill(text)
    page.get_by_role("button", name="Read", exact=True).click()
    page.get_by_role("region", name="Decision", exact=True).get_by_text("Deferral score").wait_for()


def test_a_report_is_read_and_nothing_of_it_stays(visit, server):
    page = visit()
    assert page.title() == page.get_by_role("heading", level=1).inner_text() == "Second opinion"
    read(page, f"{LONG} {SECRET}")
    trust = page.get_by_role("region", name="Can I trust this prediction?")
    trust.get_by_text("sure.").first.wait_for()
    page.get_by_role("region", name="Decision").get_by_text("Ask the expert").wait_for()
    page.get_by_role("region", name="Why this score").get_by_text("Length of the text (log)").wait_for()
    page.get_by_role("region", name="What does a second opinion cost").get_by_text("Per 1,000 texts").wait_for()
    read(page, SHORT)
    page.get_by_role("region", name="Decision").get_by_text("Keep the answer").wait_for()
    page.get_by_role("button", name="Clear", exact=True).click()
    page.get_by_text("No text yet").first.wait_for()
    page.get_by_role("button", name="Read", exact=True).click()
    page.get_by_role("alert").get_by_text("There is nothing to read.").wait_for()
    check_kept_nowhere(page, server[1])


def test_every_question_leads_somewhere_and_every_page_has_its_way(visit):
    page = visit()
    questions = page.get_by_role("navigation", name="What this project answers").get_by_role("link")
    assert questions.count() == 4
    for question in questions.all():
        assert page.locator(question.get_attribute("href")).count() == 1
    questions.nth(3).focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#handover').getBoundingClientRect().top < innerHeight")
    console = page.get_by_role("region", name="Deferral console", exact=True)
    assert "secondopinion space deferral_console --model RUN" in console.inner_text()
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Open Device report severity").click()
    opened.value.get_by_role("heading", level=1, name="Device report severity").wait_for()


def test_the_keyboard_is_enough(visit):
    page = visit()
    page.get_by_label("Report", exact=False).first.focus()
    page.keyboard.type(SHORT)
    page.keyboard.press("Shift+Enter")
    page.get_by_role("region", name="Decision").get_by_text("Keep the answer").wait_for()
    page.get_by_role("button", name="Hard to place").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('textarea').value.startsWith('A caller')")


def test_it_is_legible_open_to_all_and_fits(visit):
    page = visit(**FIRST)
    page.get_by_role("button", name="Told without the word").click()
    page.get_by_role("region", name="Decision").get_by_text("Deferral score").wait_for()
    for look in in_every_look(page):
        check_look(page, least=100)
        picture(page, "second_opinion", look)
