"""The deferral console in a real browser: the slider, a person's answer, privacy, a phone, light and dark."""

import pytest
from console_folder import LONG, SHORT, console_folder
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
READY = "Read"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Yield (address, folder that takes every file the server writes, folder of the queue)."""
    model = console_folder(tmp_path_factory.mktemp("published") / "tiny-console")
    folder, queue = tmp_path_factory.mktemp("server"), tmp_path_factory.mktemp("queue")
    model = shown_model("deferral_console", model)
    with space_server(folder, "deferral_console", model=model, queue=queue) as (url, _):
        yield url, folder, queue


def read(page, text):
    page.get_by_label("Text", exact=False).first.fill(text)
    page.get_by_role("button", name="Read", exact=True).click()
    decision(page).get_by_text("Deferral score").wait_for()


def decision(page):
    return page.get_by_role("region", name="Decision", exact=True)


def point(page):
    """Return where the point stands, as shares of the drawing's width and height."""
    area, mark = page.locator(".dc-area").bounding_box(), page.locator(".dc-area .point").bounding_box()
    x = (mark["x"] + mark["width"] / 2 - area["x"]) / area["width"]
    return x, (mark["y"] + mark["height"] / 2 - area["y"]) / area["height"]


def test_the_slider_moves_the_point_and_the_decision(visit):
    page = visit()
    read(page, SHORT)
    decision(page).get_by_text("Keep the answer").wait_for()
    page.get_by_role("slider").first.scroll_into_view_if_needed()
    before = page.evaluate("[scrollY, document.documentElement.scrollHeight]")
    page.get_by_role("slider").first.fill("50")
    page.get_by_text("At 50.0% asked").wait_for()
    x, y = point(page)
    assert x == pytest.approx(0.5, abs=0.01)
    page.get_by_role("radio", name="Accuracy").check()
    page.locator("figcaption", has_text="Accuracy").wait_for()
    assert point(page)[1] != pytest.approx(y, abs=0.002)
    assert page.evaluate("[scrollY, document.documentElement.scrollHeight]")[0] == before[0], "the page stays put"
    page.get_by_role("slider").first.fill("100")
    decision(page).get_by_text("Ask the expert").wait_for()
    page.get_by_text("An expert decides").wait_for()
    page.get_by_role("slider").first.fill("0")
    decision(page).get_by_text("Keep the answer").wait_for()


def test_a_person_answers_in_the_second_tab(visit, server):
    page = visit()
    read(page, f"{LONG} <b>${{1+1}}</b>")
    page.get_by_role("button", name="Send to review").click()
    page.get_by_text("Sent to the review queue.").wait_for()
    page.get_by_role("tab", name="Review queue").click()
    page.get_by_label("Your name").fill("ann")
    page.get_by_role("button", name="Next row").click()
    page.get_by_role("region", name="Row to judge").get_by_text("<b>${1+1}</b>").wait_for()
    page.get_by_role("radio", name="Injury").check()
    page.get_by_role("button", name="Answer and go on").click()
    page.get_by_text("Nothing waits for you.").wait_for()
    page.get_by_role("tab", name="A text").click()
    page.get_by_role("button", name="Read", exact=True).click()
    page.get_by_role("region", name="Final answer").get_by_text("ann, 20").wait_for()
    assert (server[2] / "reviews.sqlite").stat().st_mode & 0o077 == 0


def test_nothing_is_kept_in_the_browser_or_on_the_server(visit, server):
    page = visit()
    read(page, f"{LONG} {SECRET}")
    page.get_by_role("slider").first.fill("70")
    page.get_by_text("At 70.0% asked").wait_for()
    assert (server[2] / "reviews.sqlite").is_file()
    check_kept_nowhere(page, *server[1:])
    page.wait_for_timeout(500)  # a reload would cut off what the slider still asks for
    page.reload()
    page.get_by_role("button", name="Read", exact=True).wait_for()
    assert page.get_by_label("Text", exact=False).first.input_value() == ""


def test_the_keyboard_is_enough(visit):
    page = visit()
    page.get_by_label("Text", exact=False).first.focus()
    page.keyboard.type(SHORT)
    page.keyboard.press("Shift+Enter")
    decision(page).get_by_text("Keep the answer").wait_for()
    page.get_by_role("slider").first.focus()
    page.keyboard.press("End")
    decision(page).get_by_text("Ask the expert").wait_for()
    page.get_by_role("tab", name="A table").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Use the example table").wait_for()


def test_it_is_legible_open_to_all_and_fits(visit):
    page = visit(**FIRST)
    page.locator(".so-examples button").nth(2).click()
    decision(page).get_by_text("Deferral score").wait_for()
    page.get_by_role("slider").first.fill("30")
    page.get_by_text("At 30.0% asked").wait_for()
    for look in in_every_look(page):
        check_look(page, least=100)
        picture(page, "deferral_console", look)
    score_example(page)
    for _ in in_every_look(page):
        check_look(page)
    page.get_by_role("tab", name="Review queue").click()
    page.get_by_role("button", name="Next row").click()
    page.get_by_text("Who are you?").wait_for()
    for _ in in_every_look(page):
        check_look(page)
