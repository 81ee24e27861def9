"""The tab of every Space in which a table is scored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr
import look
from batch import Desk, Scorer


def tab(demo: gr.Blocks, scorer: Scorer) -> None:
    """Add the tab's contents to a page that is being built."""
    desk = Desk(scorer)
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320):
            upload = gr.UploadButton("Upload a table (.csv, .tsv)", file_types=[".csv", ".tsv"], min_width=190)
            with gr.Row():
                example = gr.Button("Use the example table", size="sm", min_width=170)
                drop = gr.Button("Remove the table", size="sm", min_width=140)
            choices = [
                gr.Dropdown([], label=f"Column of the {one.title.lower()}", interactive=True) for one in scorer.fields
            ]
            with gr.Row():
                run = gr.Button("Score the table", variant="primary", scale=3, min_width=160)
                stop = gr.Button("Stop", scale=1, min_width=90)
        with gr.Column(scale=7, min_width=320):
            about = look.panel(desk.about(""), elem_id="batch-table")
            far = look.panel("", elem_id="batch-progress")
            found = look.panel("", elem_id="batch-result")

    def taken(said: str, columns: tuple[str, ...]) -> tuple[Any, ...]:
        return (
            said,
            "",
            "",
            None,
            *(gr.update(choices=list(columns), value=one.find(columns)) for one in scorer.fields),
        )

    def take(path: str | None, request: gr.Request) -> tuple[Any, ...]:
        return taken(*desk.upload(request.session_hash, path))

    def take_example(request: gr.Request) -> tuple[Any, ...]:
        return taken(*desk.take_example(request.session_hash))

    def forget(request: gr.Request) -> tuple[Any, ...]:
        desk.forget(request.session_hash)
        return taken(desk.about(""), ())

    def begin(request: gr.Request, *chosen: str | None) -> tuple[str, str]:
        return desk.begin(request.session_hash, list(chosen)), ""

    def answers(request: gr.Request, *chosen: str | None) -> int:
        return desk.answers(request.session_hash, list(chosen))

    def score(request: gr.Request, *chosen: str) -> Iterator[tuple[Any, Any]]:
        yield gr.skip(), gr.skip()
        yield from desk.run(request.session_hash, list(chosen))

    def stopped(request: gr.Request) -> None:
        desk.stop(request.session_hash)

    def left(request: gr.Request) -> None:
        desk.forget(request.session_hash)

    private, after = look.PRIVATE_EVENT, [about, far, found, upload, *choices]
    upload.upload(take, upload, after, **private)
    example.click(take_example, None, after, **private)
    drop.click(forget, None, after, **private)
    begun = run.click(look.counted(begin, answers), choices, [far, found], **private)
    begun.success(score, choices, [far, found], **private)
    stop.click(stopped, None, None, queue=False, **private)
    demo.unload(left)
