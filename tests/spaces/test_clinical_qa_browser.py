"""The question-answering Space in a real browser: a mark, the slider, files and their table, privacy, a phone."""

import pyarrow.csv
import pytest
from page_checks import (
    FIRST,
    LOW_CONTRAST,
    SECRET,
    check_kept_nowhere,
    check_look,
    in_every_look,
    picture,
    score_example,
    shown_model,
)
from qa_folder import qa_folder
from space_server import space_server

pytestmark = pytest.mark.browser
READY = "Ask"
NOTE = f"The ward recorded a 😀 night <script>document.title = 'taken'</script> & {SECRET}. Aspirin was given at 10:00."
QUESTION = "which medicine was handed to bed during that night"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Yield (address, folder that takes every file the server writes)."""
    model = qa_folder(tmp_path_factory.mktemp("published") / "tiny-qa")
    folder = tmp_path_factory.mktemp("server")
    with space_server(folder, "clinical_qa", model=shown_model("clinical_qa", model)) as (url, _):
        yield url, folder


def ask(page, note, question=QUESTION, percent="100"):
    page.get_by_label("Note", exact=False).first.fill(note)
    page.get_by_label("Question", exact=False).first.fill(question)
    page.get_by_role("slider").first.fill(percent)
    page.get_by_role("button", name="Ask", exact=True).click()


def test_a_question_marks_the_note_at_its_characters(visit):
    page = visit()
    ask(page, NOTE)
    mark = page.locator("#qa-answer")
    mark.wait_for()
    assert page.title() == "Clinical questions", "nothing of the note runs"
    assert page.locator("#qa-note").evaluate("e => e.textContent") == NOTE
    card = page.get_by_role("region", name="Answer", exact=True)
    start, end = (int(part) for part in card.locator("dd").first.inner_text().split(" to "))
    assert mark.evaluate("e => e.textContent") == NOTE[start:end]
    category = card.locator(".qa-label").inner_text()
    assert mark.evaluate("e => getComputedStyle(e, '::after').content") == f'"{category}"'
    shares = page.get_by_role("region", name="Category").get_by_role("row")
    assert shares.count() == 5
    assert sum(float(row.get_by_role("cell").inner_text().rstrip("%")) for row in shares.all()) == pytest.approx(
        100, abs=0.3
    )
    page.get_by_role("radio").nth(2).check()
    page.get_by_text("You picked another span").wait_for()
    start, end = (int(part) for part in card.locator("dd").first.inner_text().split(" to "))
    assert mark.evaluate("e => e.textContent") == NOTE[start:end]
    page.get_by_role("slider").first.fill("0")
    card.get_by_text("No answer in this note").wait_for()
    assert mark.count() == 0
    page.get_by_role("button", name="Clear").click()
    card.get_by_text("No question yet").wait_for()
    page.get_by_role("button", name="Ask", exact=True).click()
    page.get_by_role("alert").get_by_text("There is no note.").wait_for()


def test_a_long_note_is_scrolled_to_its_mark(visit):
    page = visit()
    note = "\n" * 50_000 + "Filler of no meaning here. " * 1_900 + "Aspirin was given at noon."
    assert len(note) > 100_000
    # Playwright types lines one by one; a paste does not.
    box = page.get_by_label("Note", exact=False).first
    box.evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input', {bubbles: true})) }", note)
    page.get_by_text(f"{len(note):,} characters").wait_for()
    page.get_by_label("Question", exact=False).first.fill(QUESTION)
    page.get_by_role("slider").first.fill("100")
    page.get_by_role("button", name="Ask", exact=True).click()
    page.locator("#qa-answer").wait_for(timeout=60_000)
    inside = """() => { const a = document.getElementById('qa-note').getBoundingClientRect(),
      b = document.getElementById('qa-answer').getBoundingClientRect();
      return a.top <= b.top && b.bottom <= a.bottom }"""
    page.wait_for_function(inside)
    assert page.locator("#qa-note").evaluate("e => e.scrollTop") > 10_000


def test_files_become_a_table_that_filters_and_downloads(visit, server, tmp_path):
    page = visit()
    for number in range(3):
        (tmp_path / f"note{number}.txt").write_text(f"{NOTE}\nBed {number}.")
    (tmp_path / "q.yaml").write_text(
        f"- id: drug\n  question: {QUESTION}\n  category: Medication\n- how fast was the pulse"
    )
    page.get_by_role("tab", name="Structured retrieval").click()
    uploads = page.locator("input[type=file]")
    uploads.nth(0).set_input_files(tmp_path / "q.yaml")
    page.wait_for_function("[...document.querySelectorAll('textarea')].some(e => e.value.includes('id: drug'))")
    uploads.nth(1).set_input_files([tmp_path / f"note{number}.txt" for number in range(3)])
    page.get_by_text("Notes · 3 notes").wait_for()
    page.get_by_role("button", name="Ask all").click()
    table = page.get_by_role("table", name="Answers")
    table.wait_for()
    page.get_by_text("6 of 6 rows").wait_for()
    with page.expect_download() as started:
        page.get_by_role("link", name="Download CSV").click()
    started.value.save_as(tmp_path / "a.csv")
    rows = pyarrow.csv.read_csv(tmp_path / "a.csv").to_pylist()
    assert [(row["note"], row["question_id"]) for row in rows] == [
        (f"note{number}.txt", name) for number in range(3) for name in ("drug", "q2")
    ]
    for box in page.get_by_role("checkbox").all():
        box.uncheck()
    page.get_by_text("No row is of a chosen category.").wait_for()
    check_kept_nowhere(page, server[1])
    page.wait_for_timeout(500)  # a reload would cut off what the last box still asks for
    page.reload()
    page.get_by_role("tab", name="Structured retrieval").click()
    page.get_by_text("None yet.").wait_for()


def test_the_keyboard_is_enough(visit):
    page = visit()
    page.get_by_label("Note", exact=False).first.focus()
    page.keyboard.insert_text(NOTE)
    page.keyboard.press("Tab")
    page.keyboard.insert_text(QUESTION)
    page.get_by_role("slider").first.focus()
    page.keyboard.press("End")
    page.get_by_label("Question", exact=False).first.focus()
    page.keyboard.press("Enter")
    page.locator("#qa-answer").wait_for()
    page.get_by_role("radio").nth(1).focus()
    page.keyboard.press("Space")
    page.get_by_text("You picked another span").wait_for()
    page.get_by_role("region", name="Note", exact=True).focus()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_it_is_legible_open_to_all_and_fits(visit):
    page = visit(**FIRST)
    page.get_by_role("button", name="Which antibiotic?").click()
    page.locator("#qa-note").wait_for()
    for look in in_every_look(page):
        picture(page, "clinical_qa", look)
    page.get_by_role("slider").first.fill("100")
    page.locator("#qa-answer").wait_for()
    for _ in in_every_look(page):
        check_look(page, least=100)
    # Every category's own colours, whichever the model named.
    for _ in in_every_look(page):
        for tone in ("red", "blue", "amber", "violet", "green", "grey"):
            page.locator("#qa-answer").evaluate("(e, t) => { e.className = t }", tone)
            page.locator(".qa-label").first.evaluate("(e, t) => { e.className = 'qa-label ' + t }", tone)
            assert page.evaluate(LOW_CONTRAST)["low"] == [], tone
    score_example(page)
    for _ in in_every_look(page):
        check_look(page)
    page = visit(**FIRST)  # once narrowed, gradio keeps the last of the tabs in a menu
    page.get_by_role("tab", name="Structured retrieval").click()
    page.get_by_role("button", name="Use the example notes and questions").click()
    page.get_by_text("Notes · 3 notes").wait_for()
    page.get_by_role("button", name="Ask all").click()
    page.get_by_role("table", name="Answers").wait_for()
    for _ in in_every_look(page):
        check_look(page)
