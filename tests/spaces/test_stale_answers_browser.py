"""An answer that comes late, of a slider moved before, never stays on the page in place of a newer one."""

import json

import pytest
from console_folder import LONG, SHORT, console_folder
from page_checks import shown_model
from qa_folder import qa_folder
from space_server import page_server, visits

pytestmark = pytest.mark.browser

# The page's own server, on which the first that a moved slider asks for takes two seconds to draw.
SLOW = """
import functools, json, sys, time
import gradio as gr
from secondopinion.cli.space import launch_space

on, late = gr.on, []
def slowed(triggers, work, *rest, **options):
    @functools.wraps(work)
    def moved(*given):
        drawn = work(*given)
        if given[0] is not None and not late:
            late.append(time.sleep(2))
        return drawn
    return on(triggers, moved if work.__name__ == "move" else work, *rest, **options)
gr.on = slowed
launch_space(port=int(sys.argv[1]), **json.loads(sys.argv[2]))
"""
NOTE = "The ward recorded a quiet night. Aspirin was given at 10:00, and the pulse settled."


@pytest.fixture
def opened(tmp_path, person):
    def start(name, model, button):
        options = {"name": name, "model": str(shown_model(name, model))}
        served = page_server(tmp_path / "server", SLOW, json.dumps(options))
        (tmp_path / "server").mkdir()
        url, _ = held.enter_context(served)
        return held.enter_context(visits(person, url, button))()

    from contextlib import ExitStack

    with ExitStack() as held:
        yield start


def test_a_question_asked_after_the_slider_moved(opened, tmp_path):
    page = opened("clinical_qa", qa_folder(tmp_path / "tiny-qa"), "Ask")
    note, slider = page.get_by_label("Note", exact=False).first, page.get_by_role("slider").first
    note.fill(NOTE)
    page.get_by_label("Question", exact=False).first.fill("which medicine was given")
    slider.fill("100")
    page.get_by_role("button", name="Ask", exact=True).click()
    page.locator("#qa-answer").wait_for()
    slider.fill("99")
    page.wait_for_timeout(300)  # the slider's old answer is being drawn
    note.fill(f"Of another patient. {NOTE}")
    page.get_by_role("button", name="Ask", exact=True).click()
    page.locator("#qa-note").get_by_text("Of another patient").wait_for()
    page.wait_for_timeout(2500)  # by now it has come
    assert page.locator("#qa-note").evaluate("e => e.textContent") == f"Of another patient. {NOTE}"
    assert page.get_by_role("region", name="Answer", exact=True).get_by_text("99.0%").is_visible()


def test_a_text_read_after_the_budget_moved(opened, tmp_path):
    page = opened("deferral_console", console_folder(tmp_path / "tiny-console"), "Read")
    text, slider = page.get_by_label("Text", exact=False).first, page.get_by_role("slider").first
    decision = page.get_by_role("region", name="Decision", exact=True)
    seen = {}
    for given in (SHORT, LONG):
        text.fill(given)
        page.get_by_role("button", name="Read", exact=True).click()
        page.wait_for_timeout(700)
        seen[given] = decision.inner_text()
    assert seen[SHORT] != seen[LONG]
    slider.fill("3")
    page.wait_for_timeout(300)
    text.fill(SHORT)
    page.get_by_role("button", name="Read", exact=True).click()
    page.wait_for_timeout(700)
    now = decision.inner_text()
    assert now != seen[LONG]
    page.wait_for_timeout(2500)
    assert decision.inner_text() == now
    page.get_by_role("radio", name="Accuracy").check()
    page.locator("figcaption", has_text="Accuracy").wait_for()
    assert decision.inner_text() == now, "the page holds the case that it shows"
