"""How every Space of this project looks, and what none of them keeps.

With `look_styles.py` and `rate.py` it is copied beside `app.py` when a Space is published or started, so that a Space
is a folder of its own. Nothing here is fetched: fonts are the system's, styles travel with the page.

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
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


def _private_folder() -> str:
    """Return a folder of this process alone, the same for all its pages: gradio knows of one, and reads no other."""
    own, folder = f"space-{os.getpid()}-", os.environ.get("GRADIO_TEMP_DIR", "")
    if not Path(folder).name.startswith(own) or not Path(folder).is_dir():
        folder = tempfile.mkdtemp(prefix=own)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


PRIVATE_FOLDER = os.environ["GRADIO_TEMP_DIR"] = _private_folder()
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["GRADIO_RUN_HISTORY"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import gradio as gr  # noqa: E402  (after the settings above, which it reads)
from gradio.context import LocalContext  # noqa: E402
from look_styles import CSS, DOOR_CSS, MONO, SANS, SURFACES  # noqa: E402
from rate import RateLimit  # noqa: E402

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

TONES = ("red", "amber", "blue", "grey")


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


RATE = RateLimit()
"""Of the page that this process serves; `launch` sets its numbers."""


def counted(work: Callable[..., Any], answers: Callable[..., int] | None = None) -> Callable[..., Any]:
    """Return a listener that a user may call as often as `RATE` allows: what asks a model, never what only shows.

    Whoever is not logged in goes by the client's address.

    Args:
        work: the listener.
        answers: from what the listener is given to how many answers that asks for, each row of a table is one; one
            by default.
    """

    @functools.wraps(work)
    def held(*given: Any) -> Any:
        request = LocalContext.request.get(None)
        if request is not None:
            _hold_up(request.username or request.client.host, answers(*given) if answers else 1)
        return work(*given)

    return held


def _hold_up(user: str, answers: int) -> None:
    """Raise what the page shows to somebody who asks for more than `RATE` allows."""
    seconds = RATE.wait(user, answers=answers)
    if not seconds:
        return
    times = "once" if RATE.most == 1 else f"{RATE.most:,} times"
    often = f"This page answers each person {times} in {RATE.seconds:,.0f} seconds"
    counts = f"{often}, and this asks for {answers:,} answers" if answers > 1 else often
    if math.isinf(seconds):
        raise gr.Error(
            f"{counts} at once. Ask for {RATE.most:,} at most.",
            duration=30.0,
            title="That is too much",
            print_exception=False,
        )
    raise gr.Error(
        f"{counts}. Please try again in {math.ceil(seconds):,} s.",
        duration=max(10.0, seconds),
        title="That was quick",
        print_exception=False,
    )


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
