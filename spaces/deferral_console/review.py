"""The tab for a person: the next row of the review queue, an answer to it, and what was answered so far."""

from __future__ import annotations

import importlib
from typing import Any

import gradio as gr
import look
from panels import Case, Opinion, Panels
from why import reasons

CANNOT_SAY = "I cannot tell"
SHOWN_VOTES = 10


def open_queue(path: str) -> Any:
    """Return the review queue in a file or folder.

    Raises:
        ValueError: the package `secondopinion` is not installed, or the file is no review queue.
    """
    try:
        experts = importlib.import_module("secondopinion.experts")
    except ImportError as error:
        raise ValueError(
            "a review queue needs the package secondopinion: pip install 'secondopinion[spaces]'"
        ) from error
    return experts.ReviewQueue(path)


class Review:
    """What the tab does, apart from gradio.

    Args:
        queue: a `ReviewQueue`.
        panels: of the page: its classes, and whether a text is deferred.
    """

    def __init__(self, queue: Any, panels: Panels) -> None:
        self.queue, self.panels = queue, panels

    def send(self, text: str, case: Case | None, rate: float) -> str:
        """Put a deferred text into the queue; return what became of it."""
        if case is None or not self.panels.curve.deferred(case.reading.score, rate):
            return look.notice(
                "warn", "This text is not deferred.", "Only a text that the system would ask about goes to the queue."
            )
        reading = case.reading
        row = {"id": reading.id, "text": text.strip(), "label_names": list(self.panels.system.labels)}
        row |= {"answer": reading.answer, "score": reading.score, "why": reasons(reading) or None}
        try:
            new = self.queue.add([row])
        except ValueError as error:
            return look.notice("stop", "The text could not be sent.", str(error))
        if new:
            return look.notice("calm", "Sent to the review queue.", "It is kept there, on this machine, for a person.")
        return look.notice("calm", "It is in the review queue already.")

    def opinion(self, row: str) -> Opinion | None:
        """Return what a person answered to a row, if anybody did."""
        vote = next((vote for vote in self.queue.votes() if vote.id == row), None)
        return None if vote is None else Opinion(vote.label, f"{vote.answered_by}, {_when(vote.answered_at)}")

    def take(self, reviewer: str) -> tuple[str | None, str]:
        """Return (id of the row lent to a reviewer, what to show); None where no row is free."""
        if not reviewer.strip():
            return None, look.notice("stop", "Who are you?", "Enter a name: it stands beside every answer you give.")
        try:
            row = self.queue.next(reviewer)
        except ValueError as error:
            return None, look.notice("stop", "There is no row to show.", str(error))
        if row is None:
            return None, look.notice("calm", "Nothing waits for you.", "Rows that others hold come back after a while.")
        why = f'<p class="so-note">Asked because: {look.text(row.why)}</p>' if row.why else ""
        own = ""
        if row.answer:
            own = (
                "<details><summary>What the classifier said (judge first, then look)</summary>"
                f"<p>{look.text(row.answer)}</p></details>"
            )
        shown = f'<h3>What would you say?</h3><p class="dc-text">{look.text(row.text)}</p>{why}{own}'
        return row.id, f'<section class="so-card" aria-label="Row to judge">{shown}</section>'

    def answer(self, row: str | None, label: str | None, reviewer: str, note: str) -> str:
        """Record an answer; return a notice on what is wrong with it, or nothing."""
        if row is None:
            return look.notice("stop", "There is no row to answer.", "Get the next row first.")
        if not label:
            return look.notice("stop", "No answer was chosen.", f"Choose a class, or “{CANNOT_SAY}”.")
        try:
            self.queue.answer(row, None if label == CANNOT_SAY else label, reviewer, note.strip() or None)
        except ValueError as error:
            return look.notice("stop", "The answer was not recorded.", str(error))
        return ""

    def state(self) -> str:
        """Return how many rows wait, and the latest answers; no text of any row."""
        votes = sorted(self.queue.votes(), key=lambda vote: vote.answered_at or "", reverse=True)
        head = (
            f'<dl class="so-facts"><div><dt>Waiting</dt><dd>{len(self.queue.pending()):,}</dd></div>'
            f"<div><dt>Answered</dt><dd>{len(votes):,}</dd></div></dl>"
        )
        if not votes:
            return f'<div class="so">{head}</div>'
        body = "".join(
            f'<tr><th scope="row">{look.text(vote.id[:10])}</th><td>{look.text(vote.label or CANNOT_SAY)}</td>'
            f"<td>{look.text(vote.answered_by)}</td><td>{look.text(_when(vote.answered_at))}</td></tr>"
            for vote in votes[:SHOWN_VOTES]
        )
        heads = "".join(f'<th scope="col">{name}</th>' for name in ("Row", "Answer", "By", "At (UTC)"))
        return (
            f'<div class="so">{head}<table class="so-figures dc-why"><thead><tr>{heads}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>"
        )


def tab(review: Review) -> None:
    """Fill the tab."""

    def page(content: str) -> str:
        return f'<div class="so">{content}</div>'

    row = gr.State(None, time_to_live=3600)
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320):
            name = gr.Textbox(label="Your name", info="It is kept with every answer you give.", max_lines=1)
            fetch = gr.Button("Next row", variant="primary")
            choice = gr.Radio([*review.panels.system.labels, CANNOT_SAY], label="Your answer")
            note = gr.Textbox(label="Note (optional)", info="It is kept with the answer.", max_lines=3)
            record = gr.Button("Answer and go on")
        with gr.Column(scale=7, min_width=320):
            shown = look.panel(page('<p class="so-note">Enter your name and get a row.</p>'), elem_id="row")
            state = look.panel(review.state(), elem_id="queue")

    def take(reviewer: str) -> tuple[str | None, str, None, str, str]:
        found, content = review.take(reviewer or "")
        return found, page(content), None, "", review.state()

    def answer(held: str | None, label: str | None, reviewer: str, said: str) -> tuple[Any, ...]:
        wrong = review.answer(held, label, reviewer or "", said or "")
        if wrong:
            return held, gr.skip(), gr.skip(), gr.skip(), page(wrong) + review.state()
        return take(reviewer)

    private, after = look.PRIVATE_EVENT, [row, shown, choice, note, state]
    gr.on([fetch.click, name.submit], take, name, after, **private)
    record.click(answer, [row, choice, name, note], after, **private)


def _when(moment: str | None) -> str:
    return (moment or "").replace("T", " ")[:16]
