"""The metrics' pages in a real browser, served from what was published: used, given wrong tables, looked at."""

import json
from dataclasses import dataclass

import pytest
from page_checks import FIRST, LOOKS, SECRET, check_kept_nowhere, check_look, in_every_look, picture
from space_server import page_server

from secondopinion.publishing import push_metric

pytestmark = pytest.mark.browser
READY = "Compute"
UNLIKE = (LOOKS[0], LOOKS[-1])
"""One code makes the four pages, so two looks of each will do."""


@dataclass(frozen=True)
class Used:
    """What one metric's page is asked, and what it says.

    Attributes:
        title: of the page.
        plot: name of a drawing of the example.
        said: what it says of the example.
        table: of one's own.
        found: what it says of that.
        wrong: a table that it cannot measure.
        told: why.
    """

    title: str
    plot: str
    said: str
    table: str
    found: str
    wrong: str
    told: str


BINARY = "single_label_binary_classification"
PAGES = {
    "clinical_qa": Used(
        "Clinical QA",
        "F1 of each category (rows)",
        "F1 of the answers 0.778, category right in 88.1% of 84 rows.",
        "prediction_text,answers\naspirin,aspirin 81 mg\n,\n",
        "F1 of the answers 0.500.",
        "note,said\na,b\n",
        "lacks the column answers or gold_category or category_probs",
    ),
    "deferral_rate": Used(
        "Deferral rate",
        "Accuracy of the system",
        "24 of 240 rows deferred (10.0%). AUDC (F1) 0.843",
        "gold,pred,vote,asked\na,b,a,yes\nb,b,a,no\n",
        "1 of 2 rows deferred (50.0%). Without a column score there is no curve.",
        "truth,said\na,b\n",
        "lacks the column prediction",
    ),
    "dragon": Used(
        "DRAGON",
        "Figures (12 rows)",
        "AUC 0.944 on 12 rows.",
        f"{BINARY}_target,{BINARY}\ntrue,0.9\nfalse,0.2\n",
        "AUC 1.000 on 2 rows.",
        "reference,prediction\ntrue,0.9\n",
        "The columns' names tell no single task: choose it in the field Task",
    ),
    "per_class_f1": Used(
        "Per-class F1",
        "F1 of each class (rows)",
        "Macro F1 0.810. Weakest class: Other",
        "reference,prediction\na,a\nb,a\n",
        "Macro F1 0.333. Weakest class: b, F1 0.000",
        "truth,said\na,b\n",
        "lacks the column prediction",
    ),
}
# One process for all, for what takes the time are gradio and evaluate; the last page holds it up.
SERVER = """
import importlib, json, sys
from pathlib import Path

sys.modules["secondopinion"] = None
port, root, *names = sys.argv[1:]
addresses = {}
for name in names:
    folder = Path(root) / name
    sys.path.insert(0, str(folder))
    app = importlib.import_module("app")
    if name == names[-1]:
        Path(root, "addresses.json").write_text(json.dumps(addresses))
        app.space.launch(app.PAGE, server_port=int(port))
    _, addresses[name], _ = app.space.launch(app.PAGE, prevent_thread_lock=True)
    sys.path.remove(str(folder))
    for module in folder.glob("*.py"):
        sys.modules.pop(module.stem, None)
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Yield (metric → address of its page, folder that takes every file the server writes)."""
    published, folder = tmp_path_factory.mktemp("published"), tmp_path_factory.mktemp("server")
    for name in PAGES:
        push_metric(name, str(published / name))
    with page_server(folder, SERVER, str(published), *PAGES) as (url, _):
        addresses = json.loads((published / "addresses.json").read_text())
        yield {**addresses, list(PAGES)[-1]: url}, folder


@pytest.fixture
def name():
    """The metric whose page is opened, unless a test names another."""
    return "deferral_rate"


@pytest.fixture
def server(pages, name):
    """(address of the metric's page, folder that takes every file the server writes)"""
    addresses, folder = pages
    return addresses[name], folder


def table(page):
    return page.get_by_label("Table", exact=False).first


def compute(page, text=None):
    if text is not None:
        table(page).fill(text)
    page.get_by_role("button", name="Compute", exact=True).click()


@pytest.mark.parametrize("name", PAGES)
def test_each_is_used_refuses_what_is_wrong_and_is_open_to_all(visit, name):
    page, used = visit(**FIRST), PAGES[name]
    assert page.title() == page.get_by_role("heading", level=1).inner_text() == used.title
    page.get_by_text("The figures of the example, a made-up table.").wait_for()
    answer = page.locator("#answer")
    answer.get_by_text(used.said).wait_for()
    assert answer.get_by_role("img", name=used.plot, exact=True).count() == 1
    for look in in_every_look(page, UNLIKE):
        check_look(page)
        picture(page, f"metric_{name}", look)
    compute(page, used.table)
    answer.get_by_text(used.found).wait_for()
    compute(page, used.wrong)
    answer.get_by_role("alert").get_by_text(used.told).wait_for()
    for _ in in_every_look(page, UNLIKE):
        check_look(page)
    page.get_by_role("button", name="Example table").click()
    page.wait_for_function("wrong => document.querySelector('textarea').value !== wrong", arg=used.wrong)
    compute(page)
    answer.get_by_text(used.said).wait_for()
    compute(page, " ")
    page.get_by_role("alert").get_by_text("The table is empty").wait_for()
    for _ in in_every_look(page, UNLIKE[-1:]):
        check_look(page)


def test_a_table_is_measured_and_nothing_of_it_stays(visit, server, tmp_path):
    page = visit()
    rows = [{"gold": "a", "pred": "ab"[at % 2], "vote": "a", "score": at / 40, "note": SECRET} for at in range(40)]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    page.locator("input[type=file]").set_input_files(tmp_path / "rows.json")
    page.get_by_text("The file is in the table.").wait_for()
    compute(page)
    page.get_by_text("4 of 40 rows deferred (10.0%)").wait_for()
    with page.expect_download() as started:
        page.get_by_role("link", name="Download as JSON").click()
    assert started.value.suggested_filename == "deferral_rate.json"
    started.value.save_as(tmp_path / "figures.json")
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["classifier"]["accuracy"] == 0.5
    systems = page.get_by_role("region", name="Systems")
    assert (
        f"{figures['system']['f1']:.3f}" in systems.get_by_role("row", name="System", exact=False).nth(1).inner_text()
    )
    assert page.get_by_role("img", name="F1 of the system").count() == 1
    page.get_by_label("Class whose F1 counts (empty: macro mean)").fill("a")
    compute(page)
    page.get_by_role("region", name="Systems").get_by_role("cell", name="0.710", exact=True).first.wait_for()
    check_kept_nowhere(page, server[1])


def test_wrong_files_are_named_and_the_keyboard_is_enough(visit, tmp_path):
    page = visit()
    compute(page, "truth,said\na,b\n")
    alert = page.get_by_role("alert")
    alert.get_by_text("Its columns are: truth, said").wait_for()
    (tmp_path / "rows.parquet").write_bytes(b"PAR1")
    page.locator("input[type=file]").set_input_files(tmp_path / "rows.parquet")
    alert.get_by_text("no Parquet file that can be read").wait_for()
    assert table(page).input_value().startswith("truth,said"), "what was typed stays"
    page.get_by_role("button", name="Clear", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_text("No table yet.").wait_for()
    table(page).focus()
    page.keyboard.type("gold,pred,vote,asked\na,b,a,yes\nb,b,a,no\n")
    page.keyboard.press("Shift+Enter")
    page.get_by_text("1 of 2 rows deferred (50.0%)").wait_for()
    page.get_by_text("Without a column score there is no curve").wait_for()
    page.get_by_text("Columns that are read").focus()
    page.keyboard.press("Enter")
    page.get_by_text("the expert's class; empty where its answer was unusable", exact=False).wait_for()
