"""Questions to a clinical note: the answer marked at its place, its category, and when there is no answer.

Run by `secondopinion space`, or as a Space on the Hub, where `space.json` names the model (or the variables MODEL,
MODEL_REVISION and TRUST_REMOTE_CODE do).
"""

from __future__ import annotations

from typing import Any

import gradio as gr
import look
from about import about
from batch_tab import tab as table_tab
from examples import EXAMPLES
from many import Desk, tab
from panels import Panels
from reader import Found, Reader
from rows import scorer
from severity.readers import Published
from styles import CSS
from text_input import clear_button, example_buttons, main_button, text_field

TITLE = "Clinical questions"
LEDE = (
    "Ask a clinical note. The answer is a span of the note, marked at its exact characters, with the category that it "
    "is of – or the word that the note holds none."
)
# The marked place is brought into view inside the note, and the page stays where it is.
SHOW_MARK = """() => { setTimeout(() => {
  const note = document.getElementById('qa-note'), mark = document.getElementById('qa-answer');
  if (note) note.scrollTop = mark ? mark.offsetTop - note.clientHeight / 3 : 0;
}, 80) }"""

__all__ = ["Console", "Desk", "Panels", "Published", "Reader", "build", "look", "settings"]


class Console:
    """What the first tab does with a note and a question, apart from gradio.

    Args:
        panels: what is shown.
    """

    def __init__(self, panels: Panels) -> None:
        self.panels, self.reader = panels, panels.reader

    def ask(self, note: str, question: str) -> tuple[Found | None, str]:
        """Return (what the model finds, a notice on what is wrong or was left out)."""
        problem = self.panels.problem(note, question)
        if problem:
            return None, problem
        try:
            return self.reader.read(note, question), self.panels.cut(question)
        except ValueError as error:
            return None, look.notice("stop", "The model cannot read this.", str(error))

    def show(self, found: Found | None, note: str, percent: float, pick: int | None, notice: str = "") -> tuple:
        """Return (cards, marked note) of what was found."""
        panels = self.panels
        return panels.answer(found, note, percent, pick, notice), panels.note(found, note, percent, pick)


def build(model: str, *, revision: str | None = None, trust_remote_code: bool = False) -> gr.Blocks:
    """Return the page.

    Args:
        model: folder or Hub id of a multitask_qa model.
        revision: of the model on the Hub.
        trust_remote_code: whether code in the model's repository may run.

    Raises:
        ValueError: the model finds no answers in notes.
    """
    panels = Panels(Reader(model, revision, trust_remote_code))
    table = scorer(panels)
    with look.blocks(TITLE, CSS) as demo:
        look.panel(look.header(TITLE, LEDE, panels.facts(), "Research prototype · not for clinical decisions"))
        with gr.Tab("A question"):
            _one(Console(panels))
        with gr.Tab("Structured retrieval"):
            tab(panels)
        with gr.Tab("A table"):
            table_tab(demo, table)
        look.panel(about(panels.reader.published))
        look.panel(
            look.footer(
                (
                    "What is pasted or uploaded here is not logged and sent to no other service. A pasted note is "
                    "not written to disk; an uploaded file is removed as soon as it was read.",
                    "Examples were written for this page: no patient in them exists.",
                )
            )
        )

        def ask(note: str, question: str) -> dict:
            """Return the answer to a question about a note, with its place and category."""
            return table.read([note, question])

        look.endpoint(ask, "ask")
    return demo


def _one(console: Console) -> None:
    panels, start = console.panels, console.reader.start
    found = gr.State(None, time_to_live=3600)
    drawn = gr.State(None, time_to_live=3600)
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320):
            note = text_field("Note", "Nothing is stored.", "Write or paste a clinical note.", panels.length, lines=9)
            question = gr.Textbox(
                label="Question",
                info="Enter asks it.",
                placeholder="Which antibiotic was started?",
                lines=1,
                max_lines=4,
                submit_btn=False,
                elem_classes="so-input",
            )
            with gr.Row():
                ask, clear = main_button("Ask"), clear_button()
            examples = example_buttons(EXAMPLES, 150)
        with gr.Column(scale=7, min_width=320):
            answer = look.panel(panels.answer(None, "", start, None), elem_id="answer")
            with gr.Column(elem_classes="qa-options"):
                percent = gr.Slider(
                    0,
                    100,
                    value=start,
                    step=0.1,
                    label="Say “no answer” above a probability of, %",
                    info=f"The model's own threshold is at {start:.1f}%.",
                    buttons=["reset"],
                )
                pick = gr.Radio([], label="Spans that the model considered, best first", visible=False)
    whole = look.panel("", elem_id="note")

    def shown(given: Found | None, text: str, threshold: float, notice: str = "") -> tuple[Any, ...]:
        choices = panels.choices(given, text)
        radio = gr.update(choices=choices, value=0 if choices else None, visible=len(choices) > 1)
        return given, *console.show(given, text, threshold, 0, notice), radio, (given, threshold, 0)

    def take(text: str | None, asked: str | None, threshold: float) -> tuple[Any, ...]:
        given, notice = console.ask(text or "", asked or "")
        return shown(given, text or "", threshold, notice)

    def move(given: Found | None, text: str | None, threshold: float, number: int | None) -> Any:
        if given is None:  # nothing is drawn that hangs on the slider, and an answer may be on its way
            return gr.skip()
        number = number or 0
        return *console.show(given, text or "", threshold, number), (given, threshold, number)

    def catch_up(given: Found | None, text: str | None, threshold: float, number: int | None, before: Any) -> Any:
        return gr.skip() if (given, threshold, number or 0) == before else move(given, text, threshold, number)

    private, after, moved = look.PRIVATE_EVENT, [found, answer, whole, pick, drawn], [answer, whole, drawn]

    def finish(done: Any) -> None:
        """Show the mark as of now: a slider may have moved while the model read, or a question been asked meanwhile."""
        caught_up = done.then(catch_up, [found, note, percent, pick, drawn], moved, **private)
        caught_up.then(None, js=SHOW_MARK, **private)

    finish(gr.on([ask.click, question.submit], look.counted(take), [note, question, percent], after, **private))
    finish(
        gr.on(
            [percent.change, pick.input],
            move,
            [found, note, percent, pick],
            moved,
            trigger_mode="always_last",
            **private,
        )
    )
    clear.click(lambda threshold: ("", "", *shown(None, "", threshold)), percent, [note, question, *after], **private)
    for button, (text, asked) in zip(examples, EXAMPLES.values(), strict=True):
        finish(
            button.click(
                look.counted(lambda threshold, text=text, asked=asked: (text, asked, *take(text, asked, threshold))),
                percent,
                [note, question, *after],
                **private,
            )
        )


def settings() -> dict[str, Any]:
    """Return what `build` takes, from `space.json` and the environment; see `look.settings`."""
    return look.settings(model="MODEL", revision="MODEL_REVISION")


if __name__ == "__main__":
    look.launch(build(**settings()))
