"""A long case, read whole: its class, the entities and measurements in it, and which words carried the class.

Run by `secondopinion space`, or as a Space on the Hub, where `space.json` names the model (or the variables MODEL,
MODEL_REVISION and TRUST_REMOTE_CODE do).
"""

from __future__ import annotations

from typing import Any

import gradio as gr
import look
from batch_tab import tab
from examples import EXAMPLES
from panels import CARRIED, ENTITIES, Panels, about
from reader import Reader, Reading, Weights
from rows import scorer
from styles import CSS
from text_input import clear_button, example_buttons, main_button, text_field

TITLE = "Long clinical cases"
LEDE = (
    "Paste a case description of any length. The model names its class; the page shows which entities and measurements "
    "it was given to attend to, and which words carried the answer."
)


def build(model: str, *, revision: str | None = None, trust_remote_code: bool = False) -> gr.Blocks:
    """Return the page.

    Args:
        model: folder or Hub id of a classifier with a `ClinicalProcessor`.
        revision: of the model on the Hub.
        trust_remote_code: whether code in the model's repository may run.

    Raises:
        ValueError: the model has no processor, or does not name one of several classes.
    """
    panels = Panels(Reader(model, revision, trust_remote_code))
    published = panels.reader.published
    table = scorer(panels)
    with look.blocks(TITLE, CSS) as demo:
        look.panel(look.header(TITLE, LEDE, panels.facts(), "Research prototype · not for clinical decisions"))
        with gr.Tab("A case"):
            _one(panels)
        with gr.Tab("A table"):
            tab(demo, table)
        look.panel(about(published.facts, published.limits, published.synthetic))
        look.panel(
            look.footer(
                (
                    "What is pasted here is not written to disk, not logged, and sent to no other service.",
                    "Examples were written for this page: no patient in them exists.",
                )
            )
        )

        def classify(case: str) -> dict:
            """Return the class of a case, with the probability of each."""
            return table.read([case])

        look.endpoint(classify, "classify")
    return demo


def _one(panels: Panels) -> None:
    found, weighed = gr.State(None, time_to_live=3600), gr.State(None, time_to_live=3600)
    with gr.Row(equal_height=False):
        with gr.Column(scale=6, min_width=320):
            placeholder = "History, findings, laboratory, imaging, impression …"
            case = text_field("Case description", "Nothing is stored.", placeholder, panels.length, lines=10, most=18)
            with gr.Row():
                classify, clear = main_button("Classify"), clear_button()
            examples = example_buttons(EXAMPLES, 150)
        with gr.Column(scale=5, min_width=320):
            answer = look.panel(panels.classes(None), elem_id="answer")
            view = gr.Radio([ENTITIES, CARRIED], value=ENTITIES, label="Mark in the case", visible=False)
            busy = look.panel("", elem_id="busy")
    whole = look.panel("", elem_id="case")

    def nothing(notice: str = "") -> tuple[Any, ...]:
        return None, None, panels.classes(None, notice), "", gr.update(visible=False, value=ENTITIES)

    def read(text: str | None) -> tuple[Any, ...]:
        text = text or ""
        if notice := panels.problem(text):
            return nothing(notice)
        reading = panels.reader.read(text)
        shown = panels.case(reading, None, text, ENTITIES)
        return reading, None, panels.classes(reading), shown, gr.update(visible=True, value=ENTITIES)

    def wait(reading: Reading | None, weights: Weights | None, text: str | None, wanted: str) -> str:
        if not panels.unweighed(reading, weights, text or "", wanted):
            return ""
        return f'<div class="so">{look.notice("calm", "Weighing the words …", "Longer cases take longer.")}</div>'

    def mark(reading: Reading | None, weights: Weights | None, text: str | None, wanted: str) -> tuple[Any, ...]:
        text = text or ""
        if panels.unweighed(reading, weights, text, wanted):
            weights = panels.reader.weigh(text, reading.label)
        return weights, panels.case(reading, weights, text, wanted), ""

    private, after = look.PRIVATE_EVENT, [found, weighed, answer, whole, view]
    classify.click(look.counted(read), case, after, **private)
    view.input(wait, [found, weighed, case, view], busy, **private).then(
        mark, [found, weighed, case, view], [weighed, whole, busy], **private
    )
    clear.click(lambda: ("", *nothing()), None, [case, *after], **private)
    for button, text in zip(examples, EXAMPLES.values(), strict=True):
        button.click(look.counted(lambda text=text: (text, *read(text))), None, [case, *after], **private)


def settings() -> dict[str, Any]:
    """Return what `build` takes, from `space.json` and the environment; see `look.settings`."""
    return look.settings(model="MODEL", revision="MODEL_REVISION")


if __name__ == "__main__":
    look.launch(build(**settings()))
