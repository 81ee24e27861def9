"""The second tab: many questions over several notes, a table that filters by category, and its CSV."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import gradio as gr
import look
from examples import NOTES, QUESTIONS
from panels import Panels
from retrieval import KINDS, NO_ANSWER, Row, kept, plan, read_notes, rows_of, table
from tables import read_text, remove

EVERY = 0.7
"""Seconds between two states of a table that is being filled."""


class Desk:
    """What the tab does, apart from gradio.

    Args:
        panels: of the page.
    """

    def __init__(self, panels: Panels) -> None:
        self.panels, self.reader = panels, panels.reader
        self.choices = [*self.reader.categories, NO_ANSWER]

    def upload(self, paths: Sequence[str] | None, notes: dict[str, str]) -> tuple[dict[str, str], str]:
        """Return (notes with those of the files, HTML that lists them); the files are removed."""
        try:
            found = read_notes(paths or [])
            if again := sorted(found.keys() & notes):
                raise ValueError(f"The id {again[0]!r} stands twice. Each note needs its own.")
        except ValueError as error:
            return notes, self.listed(notes, look.notice("stop", "The files were not taken.", str(error)))
        finally:
            remove(paths)
        return notes | found, self.listed(notes | found)

    def questions(self, path: str | None, current: str) -> tuple[str, str]:
        """Return (the text of a file of questions, a notice); the file is removed."""
        try:
            return read_text(Path(path)), ""
        except ValueError as error:
            return current, _notice("stop", "The file was not taken.", str(error))
        finally:
            remove([path])

    def listed(self, notes: dict[str, str], notice: str = "") -> str:
        """Return the ids and lengths of notes."""
        items = "".join(
            f"<li>{look.text(name)}<span>{len(note):,} characters</span></li>" for name, note in notes.items()
        )
        count = f"{len(notes):,} note{'' if len(notes) == 1 else 's'}"
        body = f'<ul class="qa-files">{items}</ul>' if notes else _NONE
        head = f"Notes · {count}" if notes else "Notes"
        card = f'<section class="so-card" aria-label="Notes"><h3>{head}</h3>{body}</section>'
        return f'<div class="so">{notice}{card}</div>'

    def answers(self, text: str, notes: dict[str, str]) -> int:
        """Return how many answers are asked for, each question of each note is one; none where they cannot be read."""
        try:
            return len(plan(text, notes, self.reader.categories)) * len(notes)
        except ValueError:
            return 0

    def ask(self, text: str, notes: dict[str, str], chosen: Sequence[str]) -> Iterator[tuple[list[Row], str, str]]:
        """Yield (rows so far, their table, how far it is)."""
        try:
            questions = plan(text, notes, self.reader.categories)
        except ValueError as error:
            yield [], "", _notice("stop", "Nothing was asked.", str(error))
            return
        rows: list[Row] = []
        shown = time.monotonic()
        for number, (name, note) in enumerate(notes.items(), start=1):
            try:
                rows = rows + rows_of(self.reader, name, note, questions)
            except ValueError as error:
                said = f"The note {name!r} cannot be read: {error}"
                yield rows, self.table(rows, chosen), _notice("stop", "Stopped.", said)
                return
            if number < len(notes) and time.monotonic() - shown > EVERY:
                shown = time.monotonic()
                said = f"{number:,} of {len(notes):,} notes are read."
                yield rows, self.table(rows, chosen), _notice("calm", "Reading.", said)
        yield rows, self.table(rows, chosen), ""

    def table(self, rows: list[Row], chosen: Sequence[str]) -> str:
        """Return the table of the rows of chosen categories."""
        return table(kept(rows, chosen), len(rows), self.reader.categories)


def tab(panels: Panels) -> None:
    """Add the tab's contents to a page that is being built."""
    desk = Desk(panels)
    notes, rows = gr.State({}, time_to_live=3600), gr.State([], time_to_live=3600)
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=320):
            questions = gr.Textbox(
                label="Questions",
                info="One a line, or the YAML list that secondopinion extract takes.",
                placeholder="What was the patient diagnosed with?\nWhich medications is the patient on?",
                lines=9,
                max_lines=16,
                elem_classes="so-input",
            )
            from_file = gr.UploadButton(
                "Upload questions (.yaml, .txt)", file_types=[".yaml", ".yml", ".txt"], min_width=190
            )
        with gr.Column(scale=1, min_width=320):
            listed = look.panel(desk.listed({}), elem_id="notes")
            with gr.Row():
                upload = gr.UploadButton(
                    "Upload notes (.txt, .jsonl)", file_types=list(KINDS), file_count="multiple", min_width=190
                )
                remove_notes = gr.Button("Remove notes", min_width=120)
            example = gr.Button("Use the example notes and questions", size="sm")
    with gr.Row():
        run = gr.Button("Ask all", variant="primary", scale=3, min_width=160)
        stop = gr.Button("Stop", scale=1, min_width=90)
    chosen = gr.CheckboxGroup(desk.choices, value=desk.choices, label="Show", elem_classes="qa-filter")
    far = look.panel("", elem_id="progress")
    found = look.panel("", elem_id="table")

    private = look.PRIVATE_EVENT
    upload.upload(
        lambda paths, held: (*desk.upload(paths, held), None), [upload, notes], [notes, listed, upload], **private
    )
    from_file.upload(
        lambda path, text: (*desk.questions(path, text or ""), None),
        [from_file, questions],
        [questions, far, from_file],
        **private,
    )
    remove_notes.click(lambda: ({}, desk.listed({}), [], "", ""), None, [notes, listed, rows, found, far], **private)
    example.click(lambda: (dict(NOTES), desk.listed(NOTES), QUESTIONS), None, [notes, listed, questions], **private)
    begun = run.click(
        look.counted(lambda text, held: "", lambda text, held: desk.answers(text or "", held)),
        [questions, notes],
        far,
        **private,
    )
    asked = begun.success(
        lambda text, held, names: (yield from desk.ask(text or "", held, names)),
        [questions, notes, chosen],
        [rows, found, far],
        **private,
    )
    stop.click(lambda: "", None, far, cancels=[begun, asked], **private)
    chosen.change(desk.table, [rows, chosen], found, trigger_mode="always_last", **private)


_NONE = '<p class="so-note">None yet. Notes stay in memory for an hour at most; a file is removed once it was read.</p>'


def _notice(kind: str, title: str, body: str) -> str:
    return f'<div class="so">{look.notice(kind, title, body)}</div>'
