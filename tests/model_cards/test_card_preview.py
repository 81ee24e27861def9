"""The preview of a card: one file, plots inside, raw HTML shown as text, readable in the light and the dark."""

import os
import re

import pytest
from page_checks import LOW_CONTRAST
from typer.testing import CliRunner

from secondopinion.cli.app import app
from secondopinion.core.errors import InputError
from secondopinion.model_cards import card_data, preview_html, render_card

HOSTILE = """---
license: mit
library_name: "<b>x</b>"
tags: ["<script>t()</script>"]
widget:
- {text: "<img src=x onerror=t()>", example_title: "</style>"}
---
# A <script>t()</script>

<img src=x onerror="t()"> [go](javascript:t) ![out](../../secret.png) ![far](https://example.org/a.png)

```html
<script>t()</script>
```
"""


def run_verb(*words):
    return CliRunner().invoke(app, ["card", *map(str, words)])


def test_the_page_holds_everything_and_fetches_nothing(make_run):
    run = make_run()
    text = render_card(card_data(run))
    page = preview_html(text, run.path, "ann/severity")
    assert page == preview_html(text, run.path, "ann/severity")
    plots = run.facts["plots"]
    assert page.count('<img src="data:image/png;base64,') == len(plots) > 0
    assert not re.search(r"""(?:src|href)=["'](?!data:|https://huggingface\.co/)""", page)
    assert "secondopinion wrote this card" not in page
    for said in ("<table>", "apache-2.0", "Alarm with no harm", "on maude, self-reported", "ann/severity"):
        assert said in page
    assert f"{run.facts['summary']['mean']['macro_f1']:.4f}</td>" in page


def test_raw_html_is_text_and_no_file_outside_is_read(tmp_path):
    (tmp_path / "secret.png").write_bytes(b"secret")
    (tmp_path / "data" / "set").mkdir(parents=True)
    page = preview_html(HOSTILE, tmp_path / "data" / "set", "x")
    assert "<script" not in page
    assert "<img" not in page
    assert 'href="javascript' not in page
    assert "onerror=t()" in page, "shown, as text"
    assert page.count('<span class="absent">') == 2
    assert page.count("</style>") == 1


def test_the_verb_prints_writes_and_previews(make_run, tmp_path, monkeypatch):
    run = make_run(change=lambda facts: facts["model"].update(base_license="llama3"))
    printed = run_verb(run.path)
    assert printed.exit_code == 0
    assert printed.stdout == render_card(card_data(run))
    assert "licence: The encoder's licence (llama3) restricts" in printed.stderr
    written = run_verb(run.path, "--output", tmp_path / "card.md")
    assert (tmp_path / "card.md").read_text() == printed.stdout
    assert written.stdout.strip() == str(tmp_path / "card.md")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    shown = run_verb(run.path, "--preview", "--license", "llama3").stdout.strip()
    assert shown.startswith(str(tmp_path))
    assert os.stat(os.path.dirname(shown)).st_mode & 0o077 == 0, "for this user alone"
    with open(shown, encoding="utf-8") as page:
        assert page.read() == preview_html(printed.stdout, run.path, run.name)


def test_the_verb_shows_a_folders_own_card_checked(tmp_path):
    (tmp_path / "README.md").write_text("---\nsdk: gradio\ntitle: A page\n---\n# A page\n")
    answer = run_verb(tmp_path)
    assert isinstance(answer.exception, InputError)
    assert "app_file is missing" in str(answer.exception)
    answer = run_verb(tmp_path, "--license", "mit")
    assert "are for the card of a run" in str(answer.exception)
    assert "is not a finished run" in str(run_verb(tmp_path / "nothing").exception)


@pytest.mark.browser
def test_the_page_reads_well_in_a_browser(make_run, make_qa_run, browser, tmp_path):
    for run in (make_run(), make_qa_run()):
        page = preview_html(render_card(card_data(run)), run.path, run.name)
        (tmp_path / f"{run.name}.html").write_text(page, encoding="utf-8")
    for name in ("severity", "questions"):
        for scheme, width in (("light", 1280), ("dark", 390)):
            page, said = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 800}), []
            page.on("console", lambda message, said=said: said.append(message.text))
            page.goto((tmp_path / f"{name}.html").as_uri())
            found = page.evaluate(LOW_CONTRAST)
            assert found["seen"] > 100
            assert not found["low"]
            assert not said
            assert page.evaluate("document.documentElement.scrollWidth") <= width, "tables scroll by themselves"
            assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
