"""How severe is a device report? Two models read it side by side: a bag of words and an encoder.

Run by `secondopinion space`, or as a Space on the Hub, where `space.json` names the models (or the variables
MODEL, MODEL_REVISION, BASELINE, BASELINE_REVISION and TRUST_REMOTE_CODE do).
"""

from __future__ import annotations

from typing import Any

import gradio as gr
import look
from batch_tab import tab
from panels import Panels, about
from readers import Baseline, Encoder
from rows import scorer
from text_input import clear_button, example_buttons, main_button, text_field

TITLE = "Device report severity"

# Written for this page: no device, person or event in them exists.
EXAMPLES = {
    "Told without the word": (
        "SYNTHETIC. During transport the ventilator shut down without an alarm. The crew bagged the patient "
        "by hand and began compressions. Efforts were stopped after forty minutes. The unit is kept for "
        "inspection."
    ),
    "Harm and a second operation": (
        "SYNTHETIC. The stapler fired but two staples did not form. The patient bled from the staple line "
        "and was taken back to surgery the same evening. No death was reported. The patient has since gone "
        "home."
    ),
    "A battery that died": (
        "SYNTHETIC. At the weekly check the defibrillator battery was dead and a fatal error code stayed on "
        "the screen. No patient was connected. The unit passed its self test with a new battery."
    ),
    "Hard to place": (
        "SYNTHETIC. A caller asks whether her headaches could come from the glucose sensor. She still wears "
        "it, has not seen a physician, and would like to know how to return the empty boxes."
    ),
}


def build(
    model: str,
    baseline: str | None = None,
    *,
    revision: str | None = None,
    baseline_revision: str | None = None,
    trust_remote_code: bool = False,
) -> gr.Blocks:
    """Return the page.

    Args:
        model: folder or Hub id of a sequence classifier (phase 2).
        baseline: folder or Hub id of the phase-1 model; without it phase 2 stands alone.
        revision: of the model on the Hub.
        baseline_revision: of the baseline on the Hub.
        trust_remote_code: whether code in the model's repository may run.

    Raises:
        ValueError: a model is missing, or the two do not have the same classes.
    """
    panels = Panels(
        Encoder(model, revision, trust_remote_code),
        Baseline(baseline, baseline_revision) if baseline else None,
    )
    table = scorer(panels, EXAMPLES.values())
    with look.blocks(TITLE) as demo:
        look.panel(
            look.header(
                TITLE,
                "Paste the narrative of a medical-device report. Two models say how severe the event was for "
                "the patient; where they disagree, a person should look.",
                panels.facts(),
                "Research prototype · not for clinical decisions",
            )
        )
        with gr.Tab("A report"):
            _one(panels)
        with gr.Tab("A table"):
            tab(demo, table)
        look.panel(about(panels.encoder.published))
        look.panel(
            look.footer(
                (
                    "Classes are the event types of FDA's MAUDE reports: the reporter's own choice, and "
                    "so is what the models learned.",
                    "What is pasted here is not written to disk, not logged, and sent to no other service.",
                )
            )
        )

        def classify(report: str) -> dict:
            """Return what both models say of a report."""
            return table.read([report])

        look.endpoint(classify, "classify")
    return demo


def _one(panels: Panels) -> None:
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320):
            placeholder = "What happened to the device, and what happened to the patient?"
            info = "Nothing is stored. Shift + Enter classifies."
            report = text_field("Device report", info, placeholder, panels.length, lines=7)
            with gr.Row():
                classify, clear = main_button("Classify"), clear_button()
            examples = example_buttons(EXAMPLES, 200)
        with gr.Column(scale=7, min_width=320):
            answer = look.panel(panels.empty(), elem_id="answer")

    def read(text: str | None) -> str:
        return panels.read(text or "")

    private = look.PRIVATE_EVENT
    gr.on([classify.click, report.submit], look.counted(read), report, answer, **private)
    clear.click(lambda: ("", panels.empty()), None, [report, answer], **private)
    for button, example in zip(examples, EXAMPLES.values(), strict=True):
        shown = look.counted(lambda text=example: (text, read(text)))
        button.click(shown, None, [report, answer], **private)


def settings() -> dict[str, Any]:
    """Return what `build` takes, from `space.json` and the environment; see `look.settings`."""
    return look.settings(
        model="MODEL", revision="MODEL_REVISION", baseline="BASELINE", baseline_revision="BASELINE_REVISION"
    )


if __name__ == "__main__":
    look.launch(build(**settings()))
