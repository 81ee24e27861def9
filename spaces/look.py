"""How every Space of this project looks, and what none of them keeps.

One file, copied beside `app.py` when a Space is published or started, so that a Space is a folder of its own.
Nothing here is fetched: fonts are the system's, styles travel with the page.

Privacy: what a person pastes stays in memory until the answer is out. No run history in the browser (gradio's
default keeps every input and output there), no analytics, no sharing tunnel, no API unless it is asked for, no
monitoring page, no files to serve; gradio's own temporary folder is private to this process and removed when it
ends. Spaces are built with `blocks`, which has no flagging.
"""

from __future__ import annotations

import atexit
import functools
import html
import json
import math
import os
import re
import shutil
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

PRIVATE_FOLDER = tempfile.mkdtemp(prefix="space-")
atexit.register(shutil.rmtree, PRIVATE_FOLDER, ignore_errors=True)
os.environ["GRADIO_TEMP_DIR"] = PRIVATE_FOLDER
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["GRADIO_RUN_HISTORY"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import gradio as gr  # noqa: E402  (after the settings above, which it reads)
from gradio.context import LocalContext  # noqa: E402

SANS = (
    "Inter",
    "ui-sans-serif",
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "Roboto",
    "Noto Sans",
    "sans-serif",
)
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")

PRIVATE = {
    "share": False,
    "run_history": False,
    "footer_links": [],
    "allowed_paths": [],
    "enable_monitoring": False,
    "mcp_server": False,
    "pwa": False,
    "ssr_mode": False,
    "show_error": False,
    "max_file_size": "5mb",
    "app_kwargs": {"docs_url": None, "redoc_url": None, "openapi_url": None},
}
"""What `launch` passes on to gradio."""

PRIVATE_EVENT = {"api_visibility": "private", "show_progress": "hidden"}
"""What every event listener takes: no API endpoint, no spinner over the page."""

CSS = """
:root {
  --so-page: #f4f7f8; --so-card: #ffffff; --so-ink: #14222b; --so-soft: #4b5c67; --so-line: #d3dde2;
  --so-accent: #0b6670; --so-accent-deep: #084f57;
  --so-on-accent: #ffffff; --so-track: #e4ebee; --so-warn-ink: #7a3e00; --so-warn: #fff5e4;
  --so-warn-line: #c77700;
  --so-stop-ink: #8c1d34; --so-stop: #fdeff1; --so-stop-line: #b3263f; --so-calm: #ebf5f4;
  --so-calm-line: #2b7f83;
  --so-red: #ab2440; --so-amber: #b05f00; --so-blue: #1d6596; --so-grey: #5c6b75;
}
:root.dark, .dark {
  --so-page: #0e161b; --so-card: #15212a; --so-ink: #e9eff2; --so-soft: #a8b8c2; --so-line: #2c3b46;
  --so-accent: #63c7cf; --so-accent-deep: #8ad9df;
  --so-on-accent: #0e161b; --so-track: #263540; --so-warn-ink: #ffd9a1; --so-warn: #2b2113;
  --so-warn-line: #d08b2c;
  --so-stop-ink: #ffc2cb; --so-stop: #2d161c; --so-stop-line: #e0677d; --so-calm: #12292b;
  --so-calm-line: #4aa5aa;
  --so-red: #f0758c; --so-amber: #eda646; --so-blue: #6bb2e4; --so-grey: #a3b2bc;
}
html, body, gradio-app, .gradio-container { background: var(--so-page) !important; }
.gradio-container { width: 100% !important; max-width: 1180px !important; margin: 0 auto !important;
  padding: 0 !important; }
.gradio-container .main { padding: 0 !important; }
.gradio-container main { width: 100% !important; }
.gradio-container main { padding: 26px 24px 20px !important; }
.so-panel, .so-panel > * { padding: 0 !important; min-height: 0 !important; overflow: visible !important; }
.so-panel span.error { display: none !important; }
.so, .so * { box-sizing: border-box; }
.so { color: var(--so-ink); font-size: 15px; line-height: 1.5; }
.so h1, .so h2, .so h3 { color: var(--so-ink); margin: 0; letter-spacing: -0.01em; }
.so h1 { font-size: 28px; line-height: 1.2; font-weight: 680; }
.so h2 { font-size: 18px; font-weight: 650; }
.so h3 { font-size: 13px; font-weight: 600; color: var(--so-soft); letter-spacing: 0; }
.so p { margin: 0; }
.so a { color: var(--so-accent); text-decoration: underline; text-underline-offset: 2px; }
.so-lede { color: var(--so-soft); max-width: 74ch; margin-top: 6px !important; }
.so .so-facts { display: flex; flex-wrap: wrap; gap: 6px 22px; margin: 14px 0 0; padding: 12px 0 0;
  border-top: 1px solid var(--so-line); font-size: 13px; }
.so-facts div { display: flex; gap: 7px; min-width: 0; }
.so-facts dt { color: var(--so-soft); margin: 0; }
.so-facts dd { margin: 0; overflow-wrap: anywhere; font-weight: 550; }
.so-tag { display: inline-block; font-size: 12.5px; font-weight: 600; color: var(--so-warn-ink);
  background: var(--so-warn);
  border: 1px solid var(--so-warn-line); border-radius: 99px; padding: 2px 11px; margin-bottom: 10px; }
.so-card { background: var(--so-card); border: 1px solid var(--so-line); border-radius: 12px;
  padding: 18px 20px; }
.so-notice { border: 1px solid var(--so-line); border-left: 4px solid var(--so-calm-line);
  background: var(--so-calm);
  border-radius: 8px; padding: 10px 14px; }
.so-notice strong { display: block; font-weight: 650; }
.so-notice.warn { background: var(--so-warn); border-color: var(--so-warn-line); color: var(--so-warn-ink);
  }
.so-notice.stop { background: var(--so-stop); border-color: var(--so-stop-line); color: var(--so-stop-ink);
  }
.so-notice + .so-notice, .so-notice + .so-pair, .so-pair + .so-notice { margin-top: 12px; }
.so-pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 250px), 1fr));
  gap: 12px; }
.so-uneven { align-items: start; }
.so .so-verdict { display: flex; align-items: center; gap: 9px; font-size: 23px; font-weight: 680;
  margin: 4px 0 16px;
  letter-spacing: -0.015em; line-height: 1.25; }
.so .so-verdict.none { color: var(--so-soft); font-weight: 500; }
.so-dot { width: 12px; height: 12px; border-radius: 50%; flex: none; background: var(--tone); }
.so table { width: 100%; border-collapse: collapse; font-size: 14px; margin: 0; color: var(--so-ink);
  font-variant-numeric: tabular-nums; }
.so th, .so td { border: 0; padding: 0; text-align: left; font-weight: 400; color: var(--so-ink); }
.so-bars tr { display: grid; grid-template-columns: 1fr auto; row-gap: 5px; margin-bottom: 12px; }
.so-bars tr:last-child { margin-bottom: 2px; }
.so-bars .bar { grid-column: 1 / -1; grid-row: 2; height: 10px; border-radius: 99px;
  background: var(--so-track);
  overflow: hidden; }
.so-bars .bar i { display: block; height: 100%; min-width: 3px; border-radius: 99px;
  background: var(--tone); }
.so-bars .top th, .so-bars .top .value { font-weight: 680; }
.so-figures th, .so-figures td { padding: 7px 10px 7px 0 !important;
  border-bottom: 1px solid var(--so-line) !important; }
.so-figures thead th { color: var(--so-soft); font-size: 13px; }
.so-figures td { text-align: right; white-space: nowrap; }
.so-figures th:last-child, .so-figures td:last-child { padding-right: 0 !important; }
.so-figures thead th:not(:first-child) { text-align: right; }
.so-figures tbody tr:last-child th, .so-figures tbody tr:last-child td { border-bottom: 0 !important; }
.so-figures small { color: var(--so-soft); font-size: 12.5px; }
.so-note { color: var(--so-soft); font-size: 13px; }
.so ul.so-list { margin: 8px 0 0; padding-left: 18px; list-style: disc; }
.so ul.so-list li { margin: 0 0 6px; padding-left: 2px; }
.so-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap; }
.so.so-foot { border-top: 1px solid var(--so-line); margin-top: 8px; padding-top: 14px !important;
  color: var(--so-soft); font-size: 13px; }
.so progress { width: 100%; height: 10px; margin: 8px 0 0; border: 0; border-radius: 99px; appearance: none;
  background: var(--so-track); overflow: hidden; display: block; }
.so progress::-webkit-progress-bar { background: var(--so-track); }
.so progress::-webkit-progress-value { background: var(--so-accent); border-radius: 99px; }
.so progress::-moz-progress-bar { background: var(--so-accent); border-radius: 99px; }
.so-above { display: flex; flex-wrap: wrap; gap: 8px 18px; justify-content: space-between; align-items: center;
  margin-bottom: 10px; }
.so-wide { overflow-x: auto; margin-top: 6px; }
.so-wide th, .so-wide td { white-space: nowrap; }
.so .so-wide td { text-align: left; padding-right: 18px !important; }
.so .so-wide th { text-align: left !important; padding-right: 18px !important; }
.so-wide:focus-visible { outline: 3px solid var(--so-accent); outline-offset: 2px; }
.so.so-scored > * + *, .so-scored .so-bars { margin-top: 12px !important; }
.so-scored .so-verdict { display: none; }
.so a.so-download { font-weight: 600; }
.so-input textarea { font-size: 15px !important; line-height: 1.55 !important; }
.so-examples { gap: 8px !important; }
.so-examples button { text-align: left; justify-content: flex-start; font-weight: 500; white-space: normal;
  }
button:focus-visible, textarea:focus-visible, a:focus-visible {
  outline: 3px solid var(--so-accent) !important;
  outline-offset: 2px; }
@media (max-width: 640px) {
  .gradio-container main { padding: 18px 14px !important; }
  .so h1 { font-size: 23px; }
  .so-card { padding: 15px; }
  .so-figures small { display: block; }
  .so-figures th, .so-figures td { padding-right: 6px !important; }
}
@media (max-width: 380px) { .so-figures th:last-child, .so-figures td:last-child { display: none; } }
@media (prefers-reduced-motion: no-preference) {
  .so-bars .bar i { animation: so-grow .35s ease-out; transform-origin: 0; }
}
@keyframes so-grow { from { transform: scaleX(0); } }
"""

DOOR_CSS = """
.gradio-container { max-width: 520px !important; }
.gradio-container div { background-color: transparent !important; }
"""

TONES = ("red", "amber", "blue", "grey")

SURFACES = {
    "body_background_fill": "var(--so-page)",
    "body_text_color": "var(--so-ink)",
    "body_text_color_subdued": "var(--so-soft)",
    "background_fill_primary": "var(--so-card)",
    "border_color_primary": "var(--so-line)",
    "block_background_fill": "var(--so-card)",
    "block_border_color": "var(--so-line)",
    "block_shadow": "none",
    "block_title_text_color": "var(--so-ink)",
    "block_info_text_color": "var(--so-soft)",
    "input_background_fill": "var(--so-card)",
    "input_background_fill_focus": "var(--so-card)",
    "input_border_color": "var(--so-line)",
    "input_border_color_focus": "var(--so-accent)",
    "input_placeholder_color": "var(--so-soft)",
    "slider_color": "var(--so-accent)",
    "checkbox_background_color_selected": "var(--so-accent)",
    "checkbox_border_color_selected": "var(--so-accent)",
    "button_primary_background_fill": "var(--so-accent)",
    "button_primary_background_fill_hover": "var(--so-accent-deep)",
    "button_primary_text_color": "var(--so-on-accent)",
    "button_primary_text_color_hover": "var(--so-on-accent)",
    "button_secondary_background_fill": "var(--so-card)",
    "button_secondary_background_fill_hover": "var(--so-track)",
    "button_secondary_border_color": "var(--so-line)",
    "button_secondary_text_color": "var(--so-ink)",
    "button_secondary_text_color_hover": "var(--so-ink)",
}


def theme() -> gr.themes.Base:
    """Return the theme: system fonts, calm slate and teal, contrast AA in the light and the dark."""
    both = SURFACES | {f"{name}_dark": value for name, value in SURFACES.items()}
    return gr.themes.Base(primary_hue="teal", neutral_hue="slate", font=SANS, font_mono=MONO).set(
        block_radius="12px",
        color_accent="var(--so-accent)",
        block_title_text_weight="600",
        button_border_width="1px",
        input_border_width="1px",
        input_border_width_dark="1px",
        button_small_radius="8px",
        button_large_radius="8px",
        **both,
    )


def panel(content: str, **settings: Any) -> gr.HTML:
    """Return a piece of the page that brings its own styles."""
    return gr.HTML(content, apply_default_css=False, padding=False, elem_classes="so-panel", **settings)


def blocks(title: str, css: str = "") -> gr.Blocks:
    """Return an empty page: no analytics, and what gradio caches is deleted after ten minutes.

    Args:
        title: of the page.
        css: the Space's own styles, beside the look's.
    """
    page = gr.Blocks(title=title, analytics_enabled=False, delete_cache=(300, 600))
    page.own_css = css
    return page


class RateLimit:
    """How many tasks one user may start within a while; without a number nobody is held up.

    Args:
        most: tasks.
        seconds: the while.

    >>> limit = RateLimit(2, 60)
    >>> [limit.wait("ann", at) for at in (0, 10, 30, 59, 61)], limit.wait("bob", 30)
    ([0.0, 0.0, 30.0, 1.0, 0.0], 0.0)
    """

    def __init__(self, most: int | None = None, seconds: float = 60.0) -> None:
        self.most, self.seconds = most, seconds
        self._begun: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def wait(self, user: str, now: float | None = None) -> float:
        """Return how many seconds a user has to wait; where there are none, the task counts as begun."""
        if self.most is None:
            return 0.0
        now = time.monotonic() if now is None else now
        with self._lock:
            past = {name: times for name, times in self._begun.items() if times[-1] > now - self.seconds}
            times = past.setdefault(user, deque(maxlen=self.most))
            self._begun = past
            while times and times[0] <= now - self.seconds:
                times.popleft()
            if len(times) == self.most:
                return float(times[0] + self.seconds - now)
            times.append(now)
        return 0.0


RATE = RateLimit()
"""Of the page that this process serves; `launch` sets its numbers."""


def counted(work: Callable[..., Any]) -> Callable[..., Any]:
    """Return a listener that a user may call as often as `RATE` allows: what asks a model, never what only shows.

    Whoever is not logged in goes by the client's address.
    """

    @functools.wraps(work)
    def held(*given: Any) -> Any:
        request = LocalContext.request.get(None)
        if request is not None and (seconds := RATE.wait(request.username or request.client.host)):
            often = f"{RATE.most:,} time{'' if RATE.most == 1 else 's'} in {RATE.seconds:,.0f} seconds"
            raise gr.Error(
                f"This page answers each person {often}. Please try again in {math.ceil(seconds):,} s.",
                duration=max(10.0, seconds),
                title="That was quick",
                print_exception=False,
            )
        return work(*given)

    return held


def endpoint(work: Callable[..., Any], name: str) -> None:
    """Add a function to the page's API, which is there only if `launch` is asked for it.

    Args:
        work: with type hints, from texts to a mapping.
        name: of the endpoint.
    """
    gr.api(counted(work), api_name=name, api_visibility="private")


def launch(demo: gr.Blocks, *, api_docs: bool | None = None, rate: RateLimit | None = None, **settings: Any) -> Any:
    """Start a page with the look and the privacy settings.

    Args:
        demo: made with `blocks`.
        api_docs: offer what `endpoint` added, with gradio's page about it; by default only where the variable
            API_DOCS says so.
        rate: how often each user may ask; as often as they like by default.
        **settings: gradio's (address, port, …).

    Raises:
        ValueError: a privacy setting is overridden.
    """
    refused = sorted(PRIVATE.keys() & settings)
    if refused:
        raise ValueError(f"{', '.join(refused)}: fixed by the privacy settings of every Space (look.PRIVATE)")
    if rate is not None:
        RATE.most, RATE.seconds = rate.most, rate.seconds
    fixed = dict(PRIVATE)
    if _yes("API_DOCS") if api_docs is None else api_docs:
        fixed["footer_links"] = ["api"]
        for listener in demo.fns.values():
            if not listener.targets and listener.api_name:
                listener.api_visibility = "public"
    styles = CSS + getattr(demo, "own_css", "")
    return demo.launch(theme=theme(), head=f"<style>{styles}</style>", **fixed, **settings)


def door(title: str) -> str:
    """Return what stands above the fields of gradio's login page, with the styles that it lacks."""
    said = f'<h1>{text(title)}</h1><p class="so-lede">For those who were given a login.</p>'
    return f'<style>{CSS}{DOOR_CSS}</style><div class="so">{said}</div>'


def _yes(variable: str) -> bool:
    return os.environ.get(variable, "").lower() in ("1", "true", "yes")


def settings(**variables: str) -> dict[str, Any]:
    """Return what a Space loads: `space.json` beside this file, overruled by the environment.

    Args:
        **variables: the environment's variable for each option of the Space's `build`; TRUST_REMOTE_CODE is always one.

    Raises:
        ValueError: no model is named.
    """
    file = Path(__file__).with_name("space.json")
    chosen = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    chosen.pop("space", None)  # which Space it is, for those who publish it
    chosen |= {name: os.environ[variable] for name, variable in variables.items() if os.environ.get(variable)}
    if "TRUST_REMOTE_CODE" in os.environ:
        chosen["trust_remote_code"] = _yes("TRUST_REMOTE_CODE")
    if not chosen.get("model"):
        raise ValueError("no model is named: set MODEL to a folder or a Hub id, or write it in space.json")
    return chosen


def text(value: object) -> str:
    """Return any value as text that is safe inside HTML."""
    return html.escape(str(value), quote=True)


def strong(value: object) -> str:
    """Return text that is safe inside HTML, with `**strong**` marked.

    >>> strong("a < **b**")
    'a &lt; <strong>b</strong>'
    """
    return re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text(value))


def header(title: str, lede: str, facts: Sequence[tuple[str, str]], tag: str = "") -> str:
    """Return the head of a page: what it is, what it must not be used for, which model stands behind it."""
    shown = "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in facts)
    label = f'<span class="so-tag">{text(tag)}</span>' if tag else ""
    return (
        f'<header class="so">{label}<h1>{text(title)}</h1><p class="so-lede">{text(lede)}</p>'
        f'<dl class="so-facts">{shown}</dl></header>'
    )


def footer(lines: Sequence[str]) -> str:
    """Return the foot of a page."""
    return f'<footer class="so so-foot">{"<br>".join(map(text, lines))}</footer>'


def notice(kind: str, title: str, body: str = "") -> str:
    """Return a box that says something: `calm`, `warn`, or `stop`, which a screen reader speaks at once."""
    role = "alert" if kind == "stop" else "status"
    return f'<div class="so-notice {kind}" role="{role}"><strong>{text(title)}</strong>{text(body)}</div>'


def bars(
    title: str,
    subtitle: str,
    rows: Sequence[tuple[str, float | None]],
    tones: Sequence[str] = TONES,
    empty: str = "No report yet",
) -> str:
    """Return a card with one bar a class; a table to a screen reader, so that each value has its name.

    Args:
        title: who gives the values.
        subtitle: how.
        rows: (name, share between 0 and 1), or None for every share before there is an answer.
        tones: a colour of the palette for each row; the last one repeats.
        empty: what stands in place of a verdict before there is an answer.
    """
    shares = [share for _, share in rows if share is not None]
    top = max(range(len(rows)), key=lambda i: rows[i][1]) if shares else None
    lines = []
    for index, (name, share) in enumerate(rows):
        tone = f"--tone: var(--so-{tones[min(index, len(tones) - 1)]})"
        percent = "–" if share is None else f"{share:.1%}"
        fill = "" if share is None else f'<i style="width:{share:.4%};{tone}"></i>'
        lines.append(
            f'<tr role="row" class="{"top" if index == top else ""}">'
            f'<th scope="row" role="rowheader">{text(name)}</th>'
            f'<td class="value" role="cell">{percent}</td><td class="bar" aria-hidden="true">{fill}</td></tr>'
        )
    if top is None:
        verdict = f'<p class="so-verdict none">{text(empty)}</p>'
    else:
        tone = f"--tone: var(--so-{tones[min(top, len(tones) - 1)]})"
        verdict = f'<p class="so-verdict"><span class="so-dot" style="{tone}"></span>{text(rows[top][0])}</p>'
    return (
        f'<section class="so-card" aria-label="{text(title)}">'
        f"<h3>{text(title)} · {text(subtitle)}</h3>{verdict}"
        f'<table class="so-bars" role="table" aria-label="{text(title)}: probability of each class">'
        f'<tbody role="rowgroup">{"".join(lines)}</tbody></table></section>'
    )
