"""What is measured in a real browser on any page of the project, and the pictures that are taken of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
SECRET = "zebrawood quillfish"
"""What a test types, to look afterwards whether it was kept."""
LOOKS = [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)]
"""Theme and width of the window; each page of the project is looked at in each, and is opened in the last."""
FIRST = dict(zip(("scheme", "width"), LOOKS[-1], strict=True))
"""How a page is opened that is looked at in each."""
NARROWEST = 320
TALLEST = 1600
"""Pixels of a picture, from the top of the page."""

# The contrast of every visible text with what is painted behind it (WCAG 2.2, 1.4.3).
LOW_CONTRAST = """() => {
  const parse = c => { const m = c.match(/[\\d.]+/g).map(Number); return [m[0], m[1], m[2], m.length > 3 ? m[3] : 1]; };
  const channel = v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const luminance = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c[3] === 1) return c;
    }
    return [255, 255, 255, 1];
  };
  const low = [];
  let seen = 0;
  for (const e of document.querySelectorAll('main *')) {
    const text = [...e.childNodes].filter(n => n.nodeType === 3).map(n => n.data.trim()).join('');
    const box = e.getBoundingClientRect();
    if (!(text || e.tagName === 'TEXTAREA') || !box.width || !box.height || e.tagName === 'STYLE') continue;
    const style = getComputedStyle(e);
    if (style.visibility === 'hidden' || style.opacity === '0') continue;
    const [a, b] = [luminance(parse(style.color)), luminance(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    seen += 1;
    if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) low.push([text.slice(0, 40), ratio.toFixed(2)]);
  }
  return {seen, low};
}"""

# What stands out of the window to either side; what lies in a box that scrolls by itself may.
OUTSIDE = """width => [...document.querySelectorAll(
    '.so-card, .so-notice, .so-wide, table, td, button, textarea, input[type=range], [role=region]')]
  .filter(e => !e.parentElement.closest('.so-wide, .visually-hidden'))
  .filter(e => e.checkVisibility({visibilityProperty: true}))
  .map(e => [e.tagName, e.className, e.getBoundingClientRect()])
  .filter(([, , box]) => box.width && (box.left < 0 || box.right > width + 0.5))
  .map(([tag, name, box]) => `${tag}.${name} ${box.left} to ${box.right}`)"""

# Nothing fades or moves but what does so without an end.
AT_REST = """() => document.getAnimations().every(
  a => a.playState !== 'running' || a.effect.getComputedTiming().endTime === Infinity)"""

# What a page left in the browser.
KEPT = """async () => ({
  local: Object.keys(localStorage), session: Object.keys(sessionStorage),
  databases: (await indexedDB.databases()).map(d => d.name), caches: await caches.keys(), cookies: document.cookie
})"""
NOTHING = {"local": [], "session": [], "databases": [], "caches": [], "cookies": ""}

WCAG = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]},
    "resultTypes": ["violations"],
}
GRADIOS_OWN = {
    ("document-title", "html"): "gradio's login page has no title, and takes none",
    ("nested-interactive", ".toast-header"): "gradio's message in the corner is a button that holds its closing button",
}
"""(rule, element) → why a violation cannot be mended from here. Everything else must be."""


@cache
def lacking() -> str | None:
    """Return what a browser test cannot do without and is not installed, or None."""
    for module, extra in (("playwright", "dev"), ("axe_playwright_python", "dev"), ("gradio", "spaces")):
        if find_spec(module) is None:
            return f"{module} is in the extra [{extra}]"
    if not Path(CHROMIUM).exists():
        return "Debian's chromium is not installed (apt-get install chromium)"
    return None


def barriers(page: Any) -> list[str]:
    """Return what axe finds against WCAG 2.1 A and AA, but for `GRADIOS_OWN`."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options=WCAG).response["violations"]
    return [
        f"{rule['id']}: {node['target']} {node['html'][:200]}"
        for rule in found
        for node in rule["nodes"]
        if (rule["id"], node["target"][-1]) not in GRADIOS_OWN
    ]


def in_every_look(page: Any, looks: Sequence[tuple[str, int]] = LOOKS) -> Iterator[tuple[str, int]]:
    """Show a page in each of `LOOKS` as it stands, without loading it or asking its models again.

    Args:
        page: that was opened in the last of `LOOKS`, and is left in it.
        looks: some of them, the last at the end.

    Yields:
        Theme and width.
    """
    page.wait_for_timeout(300)
    for scheme, width in looks:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": page.viewport_size["height"]})
        page.wait_for_function("dark => document.body.classList.contains('dark') === dark", arg=scheme == "dark")
        page.wait_for_function(AT_REST)
        yield scheme, width


def check_look(page: Any, least: int = 40) -> None:
    """Assert that a page is legible, open to everybody, and as wide as its window.

    Args:
        page: as a person sees it now, in one of `in_every_look`.
        least: texts that are looked at.
    """
    measured = page.evaluate(LOW_CONTRAST)
    assert measured["seen"] > least
    assert not measured["low"], measured["low"]
    found = barriers(page)
    assert not found, found
    width = page.viewport_size["width"]
    fits(page, width)
    if width == LOOKS[-1][1]:
        fits(page, NARROWEST)
        fits(page, width)


def fits(page: Any, width: int) -> None:
    """Assert that nothing of a page stands out of a window of some width."""
    page.set_viewport_size({"width": width, "height": page.viewport_size["height"]})
    page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width, timeout=3000)
    outside = page.evaluate(OUTSIDE, width)
    assert not outside, outside


def check_kept_nowhere(page: Any, *folders: Path) -> None:
    """Assert that nothing is stored in the browser, and that no file of the server's holds `SECRET`.

    Args:
        page: where it was typed.
        *folders: that take every file which the server writes.
    """
    assert page.evaluate(KEPT) == NOTHING
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert "server.log" in {path.name for path in files}
    for path in files:
        assert SECRET.encode() not in path.read_bytes(), path


def score_example(page: Any) -> None:
    """Let the tab of tables score its example."""
    page.get_by_role("tab", name="A table").click()
    page.get_by_role("button", name="Use the example table").click()
    page.get_by_text("example.csv").wait_for()
    page.get_by_role("button", name="Score the table").click()
    page.locator("#batch-result").get_by_role("link", name="Download CSV").wait_for()


def picture(page: Any, name: str, look: Sequence[Any]) -> None:
    """Keep a picture of a page where SECONDOPINION_SCREENSHOTS names a folder: `name.png` in the light on a desk,
    `name_dark_phone.png` in the dark on a phone.

    Args:
        page: as it is to be shown.
        name: of the picture.
        look: one of `LOOKS`.
    """
    folder = os.environ.get("SECONDOPINION_SCREENSHOTS")
    end = {LOOKS[0]: "", LOOKS[-1]: "_dark_phone"}.get(tuple(look))
    if folder and end is not None:
        page.mouse.move(0, 0)
        page.evaluate("document.activeElement.blur()")
        page.wait_for_timeout(300)
        size = {"width": page.viewport_size["width"], "height": page.evaluate("document.documentElement.scrollHeight")}
        shown = {"x": 0, "y": 0, **size, "height": min(size["height"], TALLEST)}
        page.screenshot(path=Path(folder) / f"{name}{end}.png", full_page=True, clip=shown)


def shown_model(name: str, otherwise: Path) -> Path:
    """Return the model that a picture shows: a folder of this name in SECONDOPINION_SCREENSHOT_MODELS, if there is one.

    Args:
        name: of the Space, or `<Space>_baseline`.
        otherwise: the tiny model of the tests.
    """
    folder = os.environ.get("SECONDOPINION_SCREENSHOT_MODELS")
    trained = Path(folder) / name if folder else None
    return trained if trained and trained.exists() else otherwise
