"""What every Space has to paste a text into: a field that says how long the text is, examples to press."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import gradio as gr
import look


def text_field(
    label: str, info: str, placeholder: str, length: Callable[[str], str], *, lines: int, most: int = 16
) -> gr.Textbox:
    """Add a field for a long text to a page that is being built, and below it how long the text is.

    Args:
        label: what is pasted.
        info: what becomes of it.
        placeholder: stands in the empty field.
        length: text → HTML.
        lines: of the empty field.
        most: lines that it grows to.
    """
    field = gr.Textbox(
        label=label, info=info, placeholder=placeholder, lines=lines, max_lines=most, elem_classes="so-input"
    )
    shown = look.panel(length(""))
    field.change(lambda text: length(text or ""), field, shown, trigger_mode="always_last", **look.PRIVATE_EVENT)
    return field


def main_button(title: str) -> gr.Button:
    """Add the button that asks the model."""
    return gr.Button(title, variant="primary", scale=3, min_width=120)


def clear_button() -> gr.Button:
    """Add the button that empties the page."""
    return gr.Button("Clear", scale=1, min_width=90)


def example_buttons(names: Iterable[str], width: int, heading: str = "<h3>{}</h3>") -> list[gr.Button]:
    """Add a button for each example; where there is none, nothing.

    Args:
        names: of the examples.
        width: of a button, at least, in pixels.
        heading: HTML around what stands above them.
    """
    names = list(names)
    if names:
        look.panel(f'<div class="so">{heading.format("Examples, written for this page")}</div>')
    with gr.Row(elem_classes="so-examples"):
        return [gr.Button(name, size="sm", min_width=width) for name in names]
