"""The suite on one page: a model's answer to a report, how far to trust it, whether and at what price to ask again.

Below stand what the model was trained on, how to hand it on, and the other Spaces.

Run by `secondopinion space`, or as a Space on the Hub, where `space.json` names the model (or the variables MODEL,
MODEL_REVISION, TRUST_REMOTE_CODE and LINKS do).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr
import look
from examples import examples_for
from landing_styles import CSS
from loading import Model, Reading
from others import others, parse_links
from panels import MAX_CHARACTERS, TWO_TONES
from record import HANDED, TRAINED, code, handed, trained
from severity.readers import Published
from styles import CSS as CHARTS
from text_input import clear_button, example_buttons, main_button, text_field
from trust import TITLE as TRUST
from trust import trust
from why import why

TITLE = "Second opinion"
LEDE = (
    "Models for clinical text that say how sure they are, know when a language model or a person should look again, "
    "and carry the record of how they were made. Paste a report and see."
)
AGAIN, GAIN = "Should somebody look again?", "What does a second opinion cost, and what does it bring?"

__all__ = ["Page", "Published", "build", "look", "settings"]


class Page:
    """What the page says of a text and of its model, apart from gradio.

    Args:
        model: of the page.
    """

    def __init__(self, model: Model) -> None:
        self.model = model

    def facts(self) -> list[tuple[str, str]]:
        """Return what the head of the page says of the model."""
        if self.model.panels is not None:
            return self.model.panels.facts()
        published = self.model.published
        return [("Model", published.source), ("Revision", published.revision), ("Licence", published.licence)]

    def questions(self) -> str:
        """Return what the project answers, each question with this model's answer in a line."""
        facts = self.model.published.facts
        error = ((facts.get("calibration") or {}).get("ece") or {}).get("after")
        sure = (
            "Probabilities, but no calibration was published."
            if error is None
            else (f"Its certainty is calibrated: off by {100 * error:.1f} percentage points on average.")
        )
        dataset = facts.get("dataset") or {}
        rows = (
            f"{dataset['rows']:,} texts of {dataset.get('name', 'unnamed data')}"
            if dataset.get("rows")
            else "See below"
        )
        cards = [
            ("#answer", TRUST, sure),
            ("#again", "Should a language model or a person look again?", self._again()),
            ("#record", TRAINED, f"{rows}, with figures, folds and limits."),
            ("#handover", HANDED, "One command, one commit; three lines load it anywhere."),
        ]
        items = "".join(
            f'<li><a href="{to}"><b>{look.text(title)}</b><span>{look.text(line)}</span></a></li>'
            for to, title, line in cards
        )
        return f'<nav class="so" aria-label="What this project answers"><ol class="l-questions">{items}</ol></nav>'

    def _again(self) -> str:
        if not self.model.defers:
            return "This model answers every text itself; see how to make it ask."
        curve = self.model.curve
        rate, figures = curve.published
        title = self.model.panels.measures()["f1"]
        before, after = curve.alone["classifier"]["f1"], figures["f1"]
        return f"It asks about {rate:.0%} of texts: {title} {before:.2f} → {after:.2f}."

    def length(self, text: str) -> str:
        """Return how long a text is."""
        line = f"{len(text):,} character{'' if len(text) == 1 else 's'}"
        if len(text) > MAX_CHARACTERS:
            line += f" · this page reads up to {MAX_CHARACTERS:,}"
        return f'<div class="so so-note">{look.text(line)}</div>'

    def problem(self, text: str) -> str:
        """Return what keeps a text from being read, or nothing."""
        if not text.strip():
            return look.notice("stop", "There is nothing to read.", "Paste a report, or choose an example.")
        if len(text) > MAX_CHARACTERS:
            said = f"It has {len(text):,} characters; this page reads up to {MAX_CHARACTERS:,}."
            return look.notice("stop", "This text is too long.", said)
        return ""

    def read(self, text: str) -> tuple[str, str, str]:
        """Return answer, reasons and trade-off of a text, or what is wrong with it."""
        problem = self.problem(text)
        return self.shown(None if problem else self.model.read(text), problem)

    def shown(self, reading: Reading | None, notice: str = "") -> tuple[str, str, str]:
        """Return answer, reasons and trade-off; of nothing yet without a reading."""
        model = self.model
        confidence = reading.confidence if reading else None
        label = max(reading.probabilities, key=reading.probabilities.__getitem__) if reading else ""
        trusted = trust(model.published.facts, confidence, label)
        if model.panels is None:
            shares = reading.probabilities if reading else dict.fromkeys(model.labels)
            tones = TWO_TONES if len(model.labels) == 2 else look.TONES
            bars = look.bars("What it says", "calibrated", [(name, shares[name]) for name in model.labels], tones)
            answer = f'<div class="so l-answer">{notice}{bars}{trusted}</div>'
            return answer, self._never(), ""
        case, panels = (reading.case if reading else None), model.panels
        start = model.curve.start
        answer = f'<div class="so l-answer">{panels.answer(case, start, notice)}{trusted}</div>'
        reasons = why(model.reader.config, case.reading if case else None)
        return answer, f'<div id="again">{reasons}</div>', self._gain(panels.trade_off(case, start, "f1"))

    def _gain(self, drawn: str) -> str:
        card = f'<section class="so-card l-gain" aria-label="{GAIN}"><h2>{GAIN}</h2>{drawn}</section>'
        return f'<div class="so">{card}</div>'

    def _never(self) -> str:
        lines = ("ask RUN", "defer RUN --budget 0.1", "space second_opinion --model RUN")
        return (
            f'<div class="so" id="again"><section class="so-card" aria-label="{AGAIN}"><h2>{AGAIN}</h2>'
            "<p>This model was published without a policy: it answers every text itself, and the page cannot say when "
            "to ask. These commands collect an expert's answers, choose when to ask, and show it here:</p>"
            f"{code(chr(10).join(f'secondopinion {line}' for line in lines))}</section></div>"
        )


def build(
    model: str,
    *,
    revision: str | None = None,
    trust_remote_code: bool = False,
    links: str | Mapping[str, str] | None = None,
) -> gr.Blocks:
    """Return the page.

    Args:
        model: folder or Hub id of a classifier, best one that defers, with its run.json.
        revision: of the model on the Hub.
        trust_remote_code: whether code in the model's repository may run.
        links: Space → address or Hub id of the other Spaces that run.

    Raises:
        ValueError: the model classifies no texts, lacks something, or a link is none.
    """
    addresses = parse_links(links)
    loaded = Model(model, revision, trust_remote_code)
    examples = examples_for(loaded.labels)
    loaded.record(dict(examples.values()))
    page = Page(loaded)
    empty = page.shown(None)
    with look.blocks(TITLE, CHARTS + CSS) as demo:
        look.panel(look.header(TITLE, LEDE, page.facts(), "Research prototype · not for clinical decisions"))
        look.panel(page.questions())
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=320):
                placeholder = "Paste a text of the kind that the model was trained on."
                info = "Nothing is stored. Shift + Enter reads it."
                text = text_field("Report", info, placeholder, page.length, lines=7)
                with gr.Row():
                    read, clear = main_button("Read"), clear_button()
                buttons = example_buttons(examples, 200, '<h2 class="l-small">{}</h2>')
            with gr.Column(scale=7, min_width=320):
                answer = look.panel(empty[0], elem_id="answer")
        reasons = look.panel(empty[1])
        gain = look.panel(empty[2])
        look.panel(trained(loaded))
        look.panel(handed(loaded))
        look.panel(others(addresses))
        look.panel(
            look.footer(("What is pasted here is not written to disk and not logged, and sent to no other service.",))
        )

        def take(given: str | None) -> tuple[str, str, str]:
            return page.read(given or "")

        private, after = look.PRIVATE_EVENT, [answer, reasons, gain]
        gr.on([read.click, text.submit], look.counted(take), text, after, **private)
        clear.click(lambda: ("", *empty), None, [text, *after], **private)
        for button, (example, _) in zip(buttons, examples.values(), strict=True):
            button.click(look.counted(lambda given=example: (given, *take(given))), None, [text, *after], **private)
    return demo


def settings() -> dict[str, Any]:
    """Return what `build` takes, from `space.json` and the environment; see `look.settings`."""
    return look.settings(model="MODEL", revision="MODEL_REVISION", links="LINKS")


if __name__ == "__main__":
    look.launch(build(**settings()))
