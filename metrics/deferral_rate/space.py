"""The page of every metric of this project: a table in, figures with intervals and their plot out.

One file, copied into each metric's folder beside `app.py`, which declares what differs. Nothing that is given is kept:
an uploaded file is removed as soon as it was read, and the figures travel to the browser inside the page.
"""

from __future__ import annotations

import base64
import contextlib
import inspect
import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import drawing
import evaluate
import gradio as gr
import look
import tables
from shown import Shown, as_html
from tables import Column, Table

MAX_BYTES = 32 * 2**20
PRIVATE_LINES = (
    "What is given here is not written to disk and not logged, and sent to no other service.",
    "The intervals state the uncertainty from the choice of rows, not from the training of the model.",
)
CSS = """
.ms-plots { display: grid; gap: 16px; grid-template-columns: minmax(0, 1fr); }
.metric-plot { width: 100%; height: auto; max-width: 480px; display: block; }
.ms-answer > * + * { margin-top: 12px !important; }
.ms-top { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 6px 20px; align-items: baseline; }
.ms-table { min-width: 100%; width: auto !important; }
.so .so-wide .ms-table th, .so .so-wide .ms-table td { padding: 6px 14px 6px 0 !important; white-space: nowrap;
  border-bottom: 1px solid var(--so-line); text-align: right !important; }
.so .so-wide .ms-table th:first-child { text-align: left !important; }
.so .ms-table thead th { color: var(--so-soft); font-size: 13px; }
.so .ms-table tbody tr:last-child > * { border-bottom: 0; }
.so .so-wide .ms-table td.heat { padding: 6px 12px !important; border: 2px solid var(--so-card);
  background: color-mix(in srgb, var(--so-accent) calc(var(--share) * 32%), transparent); }
.so .ms-details summary { cursor: pointer; font-size: 13.5px; color: var(--so-soft); }
.so dl.ms-columns { margin: 8px 0 0; font-size: 13.5px; }
.so .ms-columns div { padding: 5px 0; border-top: 1px solid var(--so-line); }
.so .ms-columns dt { font-family: ui-monospace, monospace; font-weight: 600; margin: 0; }
.so .ms-columns dd { margin: 0; color: var(--so-soft); }
.ms-settings { border: 1px solid var(--so-line) !important; border-radius: 12px !important; }
.so pre.ms-code { margin: 8px 0 0; padding: 10px 12px; font-size: 13px; overflow-x: auto; border-radius: 8px;
  background: var(--so-track); color: var(--so-ink); }
input:focus-visible, summary:focus-visible, .ms-code:focus-visible { outline: 3px solid var(--so-accent) !important;
  outline-offset: 2px; }
"""


@dataclass(frozen=True)
class Page:
    """What one metric's page is.

    Attributes:
        folder: of the metric, which is the name of its module.
        title: of the page.
        lede: what it says, in a sentence or two.
        columns: what is read of a table.
        needs: of each group of columns one must be there.
        example: returns a made-up table as text.
        settings: the metric's own, each a function that makes the form field; {name: function}.
        arguments: (table, values of the settings, the metric's module) → arguments of `compute`.
        figures: what `compute` returned → tables of figures.
        summary: the same → a sentence that stands above; `**strong**` is kept.
        what: what a row stands for.
        several: whether files may be given together, one after the other.
        most: rows of a table.
        resamples: how many are drawn unless one says otherwise.
    """

    folder: Path
    title: str
    lede: str
    columns: Sequence[Column]
    needs: Sequence[Sequence[str]]
    example: Callable[[], str]
    arguments: Callable[[Table, dict[str, Any], ModuleType], dict[str, Any]]
    figures: Callable[[dict[str, Any]], list[Shown]]
    settings: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
    summary: Callable[[dict[str, Any]], str] = lambda results: ""
    what: str = "row"
    several: bool = False
    most: int = 50_000
    resamples: int = 2000

    @property
    def name(self) -> str:
        """The metric's name."""
        return self.folder.name

    @cached_property
    def metric(self) -> type[evaluate.Metric]:
        """The metric's class; loaded once, as `evaluate` loads it, from this folder alone."""
        return type(evaluate.load(str(self.folder / f"{self.name}.py"), keep_in_memory=True))

    @property
    def module(self) -> ModuleType:
        """The metric's module."""
        return sys.modules[self.metric.__module__]

    def fields(self) -> dict[str, Callable[[], Any]]:
        """Return every form field: the metric's own settings, then those of the intervals."""
        return {
            **self.settings,
            "n_resamples": lambda: gr.Slider(
                0, 5000, value=self.resamples, step=500, label="Bootstrap resamples (0: no intervals)"
            ),
            "confidence_level": lambda: gr.Slider(
                0.8, 0.99, value=0.95, step=0.01, label="Confidence level of the intervals"
            ),
        }

    def compute(self, text: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the figures of a table.

        Raises:
            ValueError: the table or a setting is wrong; says how.
        """
        table = tables.read_table(text, self.columns, self.needs, self.most, self.what)
        own = {name: value for name, value in settings.items() if name in self.settings}
        given = self.arguments(table, own, self.module)
        given |= {name: settings[name] for name in ("n_resamples", "confidence_level")}
        # In memory: the module otherwise writes the rows to a file while it computes.
        return self.metric(keep_in_memory=True).compute(**given | {"n_resamples": int(given["n_resamples"])})

    def answer(self, text: str, settings: Mapping[str, Any]) -> str:
        """Return the figures of a table as HTML, or what is wrong with it."""
        try:
            results = self.compute(text, settings)
        except ValueError as error:
            return _answer(look.notice("stop", "Nothing was computed.", str(error)))
        level = f"{float(settings['confidence_level']):.0%}"
        return _answer(*self.parts(results, level))

    def parts(self, results: dict[str, Any], level: str) -> list[str]:
        """Return cards: the plots, and each table of figures."""
        head = f'<p>{look.strong(self.summary(results))}</p><p class="so-note">{self._download(results)}</p>'
        try:
            drawings = "".join(f"<div>{svg}</div>" for svg in drawing.on_page(self.module.panels(results)))
        except ValueError as error:
            drawings = f'<p class="so-note">{look.text(error)}</p>'
        figure = f'<section class="so-card" aria-label="Plot"><div class="ms-plots">{drawings}</div></section>'
        return [f'<div class="ms-top">{head}</div>', figure, *(as_html(one, level) for one in self.figures(results))]

    def _download(self, results: dict[str, Any]) -> str:
        data = base64.b64encode(json.dumps(results, indent=1).encode()).decode()
        name = f"{self.name}.json"
        return (
            f'<a class="so-download" download="{name}" href="data:application/json;base64,{data}">Download as JSON</a>'
        )

    def read_files(self, paths: Sequence[str]) -> str:
        """Return files as one text, and remove them.

        Raises:
            ValueError: a file is too large or no table.
        """
        try:
            if any(os.path.getsize(path) > MAX_BYTES for path in paths):
                raise ValueError(f"The file is larger than {MAX_BYTES // 2**20} MB: load the metric instead")
            # Files given together complete one another's rows, so that no single one needs all columns.
            needs = self.needs if len(paths) == 1 else ()
            texts = [tables.as_text(path, self.columns, needs) for path in paths]
        finally:
            for path in paths:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
        return texts[0] if len(texts) == 1 else tables.joined(texts)

    def facts(self) -> list[tuple[str, str]]:
        """Return what the head of the page says of the metric."""
        from huggingface_hub.repocard import RepoCard

        card = RepoCard((self.folder / "README.md").read_text(encoding="utf-8")).data.to_dict()
        published = self.folder / "space.json"
        made = json.loads(published.read_text(encoding="utf-8")) if published.exists() else {}
        return [
            ("Metric", self.name),
            ("Version", f"secondopinion {made['secondopinion']}" if "secondopinion" in made else "local folder"),
            ("Licence", str(card.get("license") or "not stated")),
            ("Computed by", f"evaluate {version('evaluate')}"),
        ]

    def limits(self) -> str:
        """Return the section on limits of the metric's card, as Markdown."""
        card = (self.folder / "README.md").read_text(encoding="utf-8")
        found = re.search(r"^## Limits\n+(.*?)(?=^## |\Z)", card, re.MULTILINE | re.DOTALL)
        return f"## Limits\n{found.group(1)}" if found else ""


def build(page: Page) -> gr.Blocks:
    """Return the page."""
    example = page.example()
    with look.blocks(page.title, CSS) as demo:
        look.panel(look.header(page.title, page.lede, page.facts(), "A metric · nothing is stored"))
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=300):
                text = gr.Textbox(
                    example,
                    label="Table",
                    info="CSV with a header, JSON lines or a JSON list. Shift + Enter computes.",
                    lines=9,
                    max_lines=16,
                    elem_classes="so-input",
                )
                with gr.Row():
                    run = gr.Button("Compute", variant="primary", scale=2, min_width=120)
                    clear = gr.Button("Clear", scale=1, min_width=80)
                with gr.Row():
                    count = "multiple" if page.several else "single"
                    upload = gr.UploadButton(
                        "Open a file (CSV, JSON, Parquet)",
                        file_types=list(tables.ENDINGS),
                        file_count=count,
                        size="sm",
                        min_width=190,
                    )
                    again = gr.Button("Example table", size="sm", min_width=110)
                with gr.Column(elem_classes="ms-settings"):
                    fields = {name: make() for name, make in page.fields().items()}
                look.panel(_columns(page))
            start = {name: component.value for name, component in fields.items()}
            with gr.Column(scale=7, min_width=300):
                shown = look.notice(
                    "calm", "The figures of the example, a made-up table.", "Put your own in its place."
                )
                answer = look.panel(_answer(shown, page.answer(example, start)), elem_id="answer")
        with gr.Column(elem_classes="so-card"):
            gr.Markdown(page.limits())
        look.panel(_code(page))
        look.panel(look.footer(PRIVATE_LINES))

        def answered(given: str | None, *values: Any) -> str:
            return page.answer(given or "", dict(zip(fields, values, strict=True)))

        def opened(paths: Any) -> tuple[Any, str]:
            try:
                given = page.read_files(paths if isinstance(paths, list) else [paths])
            except ValueError as error:
                return gr.skip(), _answer(look.notice("stop", "The file was not opened.", str(error)))
            return given, _answer(look.notice("calm", "The file is in the table.", "Compute its figures."))

        private = look.PRIVATE_EVENT
        busy = _answer(look.notice("calm", "Computing …"))
        gr.on([run.click, text.submit], lambda: busy, None, answer, queue=False, **private).then(
            look.counted(answered), [text, *fields.values()], answer, **private
        )
        upload.upload(opened, upload, [text, answer], **private)
        clear.click(lambda: ("", _answer(look.notice("calm", "No table yet."))), None, [text, answer], **private)
        again.click(lambda: example, None, text, **private)

        def measure_api(table: str, settings: dict) -> dict:
            return page.compute(table, start | (settings or {}))

        # gr.api reads the types themselves, not their names.
        measure_api.__annotations__ = {"table": str, "settings": dict, "return": dict}
        look.endpoint(measure_api, "measure")
    return demo


def launch(page: Page, **settings: Any) -> Any:
    """Start the page; `settings` are those of `look.launch`."""
    return look.launch(build(page), **settings)


def _answer(*parts: str) -> str:
    return f'<div class="so ms-answer">{"".join(parts)}</div>'


def _columns(page: Page) -> str:
    needed = [name for group in page.needs for name in group]
    names = look.text(", ".join(column.name for column in page.columns))
    rows = []
    for column in page.columns:
        group = next((group for group in page.needs if column.name in group), ())
        note = "" if column.name not in needed else " · needed" if len(group) == 1 else f" · one of {', '.join(group)}"
        also = f"; also read: {', '.join(column.aliases[:4])}" if column.aliases else ""
        rows.append(
            f"<div><dt>{look.text(column.name)}{look.text(note)}</dt><dd>{look.text(column.about + also)}</dd></div>"
        )
    return (
        '<div class="so"><details class="so-card ms-details"><summary>'
        f"Columns that are read, one {look.text(page.what)} a line: {names}</summary>"
        f'<dl class="ms-columns">{"".join(rows)}</dl></details></div>'
    )


def _code(page: Page) -> str:
    first = inspect.cleandoc(
        f"""
        import evaluate

        metric = evaluate.load("{os.environ.get("SPACE_ID", f"namespace/{page.name}")}")
        results = metric.compute(...)  # arguments: see the card
        metric.plot(results, "{page.name}.png")
        """
    )
    return (
        '<div class="so"><section class="so-card" aria-label="In Python"><h2>The same in Python</h2>'
        f'<pre class="ms-code" tabindex="0">{look.text(first)}</pre></section></div>'
    )
