"""A classifier that knows when to ask: its answer, its decision and the expert's answer, at a budget that one moves.

Run by `secondopinion space`, or as a Space on the Hub, where `space.json` names the model (or the variables MODEL,
MODEL_REVISION, TRUST_REMOTE_CODE and QUEUE do).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
import look
from batch_tab import tab as table_tab
from curve import Curve
from examples import examples_for
from panels import Case, Opinion, Panels, about
from review import Review, open_queue, tab
from rows import scorer
from severity.readers import Published
from styles import CSS
from system import System, text_id
from text_input import clear_button, example_buttons, main_button, text_field
from why import why

TITLE = "Deferral console"
LEDE = (
    "A classifier reads a text and knows when to ask an expert. Move the budget to see what a second opinion costs and "
    "what it gains."
)
STORED_NOWHERE = "What is pasted here is not written to disk and not logged"

__all__ = ["Console", "Published", "build", "look", "settings"]


class Console:
    """What the page does with a text, apart from gradio.

    Args:
        panels: what is shown.
        ask: a live expert: any callable from a list of texts to a list of votes with `label`; None for none.
        review: the queue of a person; None for none.
        name: of the live expert.
    """

    def __init__(
        self,
        panels: Panels,
        ask: Callable[[list[str]], Sequence[Any]] | None = None,
        review: Review | None = None,
        name: str = "expert",
    ) -> None:
        self.panels, self.curve = panels, panels.curve
        self.ask, self.review, self.name = ask, review, name
        self.examples = examples_for(panels.system.labels)
        self.recorded = {text_id(text): answer for text, answer in self.examples.values()}

    def read(self, text: str, rate: float, live: bool = True) -> tuple[Case | None, str]:
        """Return (case of a text, what is wrong with it); a text that is deferred is shown to a live expert at once."""
        problem = self.panels.problem(text)
        if problem:
            return None, problem
        reading = self.panels.system.read(text)
        case = self.settle(Case(reading, self.curve.asked_from(reading.score)), rate)
        if live and self.ask and case.opinion is None and self.curve.deferred(reading.score, rate):
            case = dataclasses.replace(case, opinion=self._live(text))
        return case, ""

    def settle(self, case: Case | None, rate: float) -> Case | None:
        """Return a case with the answer that lies ready for it, from a person or an example; nobody is asked anew."""
        if case is None or not self.curve.deferred(case.reading.score, rate):
            return case
        found = self.review.opinion(case.reading.id) if self.review else None
        if found is None and case.opinion is None and self.ask is None and case.reading.id in self.recorded:
            found = Opinion(self.recorded[case.reading.id], "Recorded with this example; nobody was asked")
        return case if found is None else dataclasses.replace(case, opinion=found)

    def _live(self, text: str) -> Opinion:
        try:
            vote = next(iter(self.ask([text])))
        # Whatever a server does, the page must go on; the reason is named without anything of the text.
        except Exception as error:
            return Opinion(None, f"{self.name} did not answer ({type(error).__name__})")
        label = vote["label"] if isinstance(vote, dict) else vote.label
        if label in self.panels.system.labels:
            return Opinion(label, f"{self.name}, asked just now")
        return Opinion(None, f"{self.name}, asked just now")


def build(
    model: str,
    *,
    revision: str | None = None,
    trust_remote_code: bool = False,
    expert: Callable[[list[str]], Sequence[Any]] | None = None,
    queue: str | None = None,
) -> gr.Blocks:
    """Return the page.

    Args:
        model: folder or Hub id of a deferring system with its run.json.
        revision: of the model on the Hub.
        trust_remote_code: whether code in the model's repository may run.
        expert: a live expert, asked about each text that is deferred; its `name`, if it has one, is shown.
        queue: file or folder of a review queue, for people; needs the package `secondopinion`.

    Raises:
        ValueError: the model does not defer, lacks a curve, or the queue cannot be used.
    """
    system = System(model, revision, trust_remote_code)
    curve = Curve.read(system.deferral, system.config.threshold)
    ways = tuple(way for way, given in (("live", expert), ("queue", queue)) if given)
    panels = Panels(system, curve, ways)
    review = Review(open_queue(queue), panels) if queue else None
    console = Console(panels, expert, review, getattr(expert, "name", "The expert"))
    table = scorer(panels)
    with look.blocks(TITLE, CSS) as demo:
        look.panel(look.header(TITLE, LEDE, panels.facts(), "Research prototype · not for clinical decisions"))
        with gr.Tab("A text"):
            _main(console)
        with gr.Tab("A table"):
            table_tab(demo, table)
        if review is not None:
            with gr.Tab("Review queue"):
                tab(review)
        look.panel(about(system))
        look.panel(look.footer(_foot(console)))

        def read(text: str) -> dict:
            """Return the classifier's answer and whether an expert should be asked; nobody is."""
            return table.read([text])

        look.endpoint(read, "read")
    return demo


def _main(console: Console) -> None:
    panels, curve = console.panels, console.curve
    titles, config = panels.measures(), panels.system.config
    stored = "Nothing is stored." if console.review is None else "Nothing is stored but what you send to review."
    case, drawn = gr.State(None, time_to_live=3600), gr.State(None, time_to_live=3600)
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320):
            placeholder = "Write or paste a text of the kind that the model was trained on."
            text = text_field("Text", f"{stored} Shift + Enter reads it.", placeholder, panels.length, lines=6)
            with gr.Row():
                read = main_button("Read")
                send = gr.Button("Send to review", scale=3, min_width=190, visible=console.review is not None)
                clear = clear_button()
            examples = example_buttons(console.examples, 180)
        with gr.Column(scale=7, min_width=320):
            answer = look.panel(panels.answer(None, curve.start), elem_id="answer")
    with gr.Column(elem_classes="dc-budget"):
        with gr.Row(equal_height=False):
            budget = gr.Slider(
                0,
                100,
                value=round(100 * curve.start, 1),
                step=0.5,
                label="Budget: share of texts that the expert is asked about, %",
                buttons=["reset"],
                scale=4,
                min_width=260,
            )
            measure = gr.Radio(
                [(title, name) for name, title in titles.items()], value="f1", label="Curve", scale=2, min_width=250
            )
        trade = look.panel(panels.trade_off(None, curve.start, "f1"), elem_id="trade-off")
    reasons = look.panel(why(config, None), elem_id="why")

    def shown(given: Case | None, percent: float, name: str, notice: str = "") -> tuple[Any, ...]:
        cards = panels.answer(given, percent / 100, notice), panels.trade_off(given, percent / 100, name)
        return *cards, (given, percent, name)

    def take(given: str | None, percent: float, name: str) -> tuple[Any, ...]:
        found, problem = console.read(given or "", percent / 100)
        return *shown(found, percent, name, problem), found, why(config, found.reading if found else None)

    def move(found: Case | None, percent: float, name: str) -> tuple[Any, ...]:
        answered, trade_off, _ = shown(console.settle(found, percent / 100), percent, name)
        if found is None:  # a notice stays, and an answer may be on its way
            answered = gr.skip()
        return answered, trade_off, (found, percent, name)

    def catch_up(found: Case | None, percent: float, name: str, before: Any) -> Any:
        return gr.skip() if (found, percent, name) == before else move(found, percent, name)

    def forget(percent: float, name: str) -> tuple[Any, ...]:
        return "", *shown(None, percent, name), None, why(config, None)

    def queue(given: str | None, percent: float, name: str) -> tuple[Any, ...]:
        found, problem = console.read(given or "", percent / 100, live=False)
        notice = problem or console.review.send(given, found, percent / 100)
        return *shown(found, percent, name, notice), found, why(config, found.reading if found else None)

    private, moved = look.PRIVATE_EVENT, [answer, trade, drawn]
    after = [*moved, case, reasons]

    def finish(done: Any) -> None:
        """Draw as of now: the budget may have moved while a text was read, or a text been read meanwhile."""
        done.then(catch_up, [case, budget, measure, drawn], moved, **private)

    finish(gr.on([read.click, text.submit], look.counted(take), [text, budget, measure], after, **private))
    finish(
        gr.on(
            [budget.change, measure.change],
            move,
            [case, budget, measure],
            moved,
            trigger_mode="always_last",
            **private,
        )
    )
    clear.click(forget, [budget, measure], [text, *after], **private)
    if console.review is not None:
        finish(send.click(look.counted(queue), [text, budget, measure], after, **private))
    for button, (example, _) in zip(examples, console.examples.values(), strict=True):
        shown_example = look.counted(lambda percent, name, given=example: (given, *take(given, percent, name)))
        finish(button.click(shown_example, [budget, measure], [text, *after], **private))


def _foot(console: Console) -> list[str]:
    if console.ask is None:
        sent = "and sent to no other service."
    else:
        sent = f"by this page; a text that is deferred is sent to {console.name}, which was named at the start."
    lines = [f"{STORED_NOWHERE}, {sent}"]
    if console.review is not None:
        lines.append("A text that is sent to the review queue is kept in the queue's file, for people to judge.")
    else:
        lines.append("The review queue for people needs the package secondopinion and --queue FILE at the start.")
    return lines


def settings() -> dict[str, Any]:
    """Return what `build` takes, from `space.json` and the environment; see `look.settings`."""
    return look.settings(model="MODEL", revision="MODEL_REVISION", queue="QUEUE")


if __name__ == "__main__":
    look.launch(build(**settings()))
