"""The severity Space in a real browser: used as a person would, on a desk and a phone, in the light and the dark."""

import csv
import signal

import pytest
from page_checks import (
    FIRST,
    SECRET,
    barriers,
    check_kept_nowhere,
    check_look,
    fits,
    in_every_look,
    picture,
    score_example,
    shown_model,
)
from space_server import space_server, visits

from secondopinion.cli.space import launch_space
from secondopinion.dataset_scripts.maude.synthetic import LABELS

pytestmark = pytest.mark.browser
READY = "Classify"
DEATH = f"The pump stopped during the infusion. The patient could not be revived. {SECRET}."


@pytest.fixture(scope="module")
def server(tmp_path_factory, model_folder, baseline_folder):
    """Yield (address, folder that takes every file the server writes, process)."""
    folder = tmp_path_factory.mktemp("server")
    model = shown_model("maude_severity", model_folder)
    baseline = shown_model("maude_severity_baseline", baseline_folder)
    with space_server(folder, "maude_severity", model=model, baseline=baseline) as (url, process):
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
def visit(visit):
    return lambda **settings: Visit(visit(**settings))


def test_a_report_is_read_by_both_models(visit):
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


def test_nothing_is_kept_in_the_browser_or_on_the_server(visit, server):
    page = visit()
    page.report.fill(DEATH)
    page.button("Classify").click()
    page.answered()
    assert SECRET not in str(page.context.storage_state())
    page.page.reload()
    page.report.wait_for()
    assert page.report.input_value() == ""
    check_kept_nowhere(page.page, server[1])


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
    # The browser lays out ten megabytes first, which takes a busy machine a while.
    page.button("Classify").click(timeout=180_000)
    page.page.get_by_role("alert").filter(has_text="It has 10,485,760 characters").wait_for(timeout=180_000)


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


def test_it_is_legible_open_to_all_and_fits(visit):
    page = visit(**FIRST)
    page.button("Classify").click()
    page.page.get_by_role("alert").filter(has_text="There is nothing to read.").wait_for()
    for scheme, _ in in_every_look(page.page):
        background = page.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert background == {"light": "rgb(244, 247, 248)", "dark": "rgb(14, 22, 27)"}[scheme]
        check_look(page.page)
    page.button("Told without the word").click()
    page.answered()
    for scheme, width in in_every_look(page.page):
        check_look(page.page)
        picture(page.page, "maude_severity", (scheme, width))
        first, second = (card.bounding_box() for card in page.cards())
        if width > 1000:
            assert first["y"] == second["y"]
            assert first["x"] + first["width"] <= second["x"]
        else:
            assert second["y"] >= first["y"] + first["height"], "the cards stand below one another"
    score_example(page.page)
    for look in in_every_look(page.page):
        check_look(page.page)
        picture(page.page, "maude_severity_table", look)


def test_a_table_is_scored_and_nothing_of_it_stays(visit, server, tmp_path):
    page = visit().page
    page.get_by_role("tab", name="A table").click()
    page.get_by_role("button", name="Score the table").click()
    page.get_by_role("alert").get_by_text("There is no table.").wait_for()
    (tmp_path / "words.csv").write_bytes(b"text\n\xff\xfe")
    upload = page.locator("input[type=file]")
    upload.set_input_files(tmp_path / "words.csv")
    page.get_by_role("alert").get_by_text("words.csv is not UTF-8 text (byte 5).").wait_for()
    rows = [("7", f"{DEATH} No {n}.", "=1+1") for n in range(40)] + [("8", "", "-2.5")]
    with open(tmp_path / "reports.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("id", "words of it", "note"), *rows])
    upload.set_input_files(tmp_path / "reports.csv")
    page.get_by_text("reports.csv · 41 rows, 3 columns").wait_for()
    page.get_by_role("button", name="Score the table").click()
    page.get_by_role("alert").get_by_text("No column is chosen for the report.").wait_for()
    page.get_by_label("Column of the report").click()
    page.get_by_role("option", name="words of it").click()
    page.get_by_role("button", name="Score the table").click()
    page.get_by_text("Done: 41 of 41 rows were read, 1 of them in vain").wait_for()
    with page.expect_download() as started:
        page.get_by_role("link", name="Download CSV").click()
    assert started.value.suggested_filename == "reports-scored.csv"
    started.value.save_as(tmp_path / "scored.csv")
    with open(tmp_path / "scored.csv", newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert [(row["id"], row["words of it"], row["note"]) for row in found] == [
        (name, words, f"'{note}" if note.startswith("=") else note) for name, words, note in rows
    ]
    assert {row["phase_1"] for row in found[:40]} <= set(LABELS)
    assert all(abs(sum(float(row[f"phase_2_p_{name}"]) for name in LABELS) - 1) < 1e-4 for row in found[:40])
    assert (found[40]["phase_1"], found[40]["problem"]) == ("", "Report: empty")
    check_kept_nowhere(page, server[1])
    assert not list(server[1].rglob("*.csv"))


def test_who_is_not_let_in_sees_a_door_and_who_asks_too_often_is_told(
    browser, model_folder, baseline_folder, monkeypatch
):
    import gradio

    monkeypatch.setenv("LOGINS", "ann:correct horse")
    url = launch_space(
        model=model_folder, baseline=baseline_folder, password_env="LOGINS", rate="1/minute", block=False
    )
    try:
        with visits(browser.new_context(), url, "Login") as open_page:
            page = open_page(width=390)
            page.get_by_role("heading", name="Device report severity").wait_for()
            assert barriers(page) == []
            fits(page, 390)
            page.get_by_label("username").fill("ann")
            page.get_by_label("password").fill("correct horse")
            page.get_by_role("button", name="Login").click()
            page.get_by_role("button", name="A battery that died").click()
            page.locator("#answer .top").first.wait_for()
            page.get_by_role("button", name="Hard to place").click()
            page.get_by_role("status").get_by_text("This page answers each person once in 60 seconds.").wait_for()
            assert barriers(page) == []
            page.get_by_role("tab", name="A table").click()
            page.get_by_role("button", name="Use the example table").click()
            page.get_by_text("example.csv").wait_for()
            page.get_by_role("button", name="Score the table").click()
            # Its rows count each, and are more than anybody may ask for at once.
            page.get_by_text("and this asks for 4 answers at once. Ask for 1 at most.").wait_for()
            assert page.locator("#batch-progress").inner_text() == ""
    finally:
        gradio.close_all()


def test_stopping_the_server_leaves_nothing_behind(server):
    _, folder, process = server
    assert list(folder.glob("space-*"))
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    assert not list(folder.glob("space-*"))
    assert SECRET not in (folder / "server.log").read_text()
