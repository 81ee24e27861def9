"""A metric's page in a real browser, served from what was published: used, given wrong tables, looked at."""

import json
from pathlib import Path

import pytest
from page_checks import CHROMIUM, KEPT, LOOKS, NARROWEST, NOTHING, check_looks, fits, picture
from space_server import chromium, page_server, visits

from secondopinion.publishing import push_metric

pytestmark = pytest.mark.browser
pytest.importorskip("playwright.sync_api", reason="playwright is in the extra [dev]")
pytest.importorskip("gradio", reason="gradio is in the extra [spaces]")
if not Path(CHROMIUM).exists():
    pytest.skip("Debian's chromium is not installed (apt-get install chromium)", allow_module_level=True)

SECRET = "zebrawood quillfish"
SERVER = """
import os, runpy, sys
sys.modules["secondopinion"] = None
os.environ["GRADIO_SERVER_PORT"] = sys.argv[1]
sys.path.insert(0, sys.argv[2])
runpy.run_path(sys.argv[2] + "/app.py", run_name="__main__")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Yield (address, folder that takes every file the server writes)."""
    published = tmp_path_factory.mktemp("published") / "deferral_rate"
    push_metric("deferral_rate", str(published))
    folder = tmp_path_factory.mktemp("server")
    with page_server(folder, SERVER, str(published)) as (url, _):
        yield url, folder


@pytest.fixture(scope="module")
def browser():
    with chromium() as instance:
        yield instance


@pytest.fixture
def visit(server, browser):
    with visits(browser, server[0], "Compute") as open_page:
        yield open_page


def table(page):
    return page.get_by_label("Table", exact=False).first


def compute(page, text=None):
    if text is not None:
        table(page).fill(text)
    page.get_by_role("button", name="Compute", exact=True).click()


def test_a_table_is_measured_and_nothing_of_it_stays(visit, server, tmp_path):
    page = visit()
    page.get_by_text("The figures of the example, a made-up table.").wait_for()
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
    assert page.evaluate(KEPT) == NOTHING
    for path in server[1].rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


def test_wrong_tables_are_named_and_the_keyboard_is_enough(visit, tmp_path):
    page = visit()
    compute(page, "truth,said\na,b\n")
    alert = page.get_by_role("alert")
    alert.get_by_text("lacks the column prediction").wait_for()
    assert "Its columns are: truth, said" in alert.inner_text()
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


@pytest.mark.parametrize("look", LOOKS)
def test_it_is_legible_open_to_all_and_fits(visit, look):
    scheme, width = look
    page = visit(scheme=scheme, width=width)
    page.get_by_role("img", name="Accuracy of the system").wait_for()
    check_looks(page)
    picture(page, "metric_deferral_rate", look)
    if width < 1000:
        fits(page, NARROWEST)
    compute(page, " ")
    page.get_by_role("alert").get_by_text("The table is empty").wait_for()
    check_looks(page)
