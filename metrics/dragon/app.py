"""The metric's Space: paste the benchmark's files, read the figures. Nothing that is pasted is kept."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("GRADIO_TEMP_DIR", tempfile.mkdtemp(prefix="dragon-"))

import evaluate
import gradio as gr

MODULE = Path(__file__).resolve().parent / "dragon.py"
MAX_CHARACTERS = 20_000_000
KIND = "single_label_binary_classification"
_TRUE = (True, True, False, True, False, False, True, False, True, False, False, True)
_SAID = (0.94, 0.71, 0.2, 0.55, 0.31, 0.62, 0.83, 0.05, 0.4, 0.12, 0.27, 0.77)
REFERENCES = json.dumps([{"uid": f"case{n}", f"{KIND}_target": true} for n, true in enumerate(_TRUE)], indent=1)
PREDICTIONS = json.dumps([{"uid": f"case{n}", KIND: said} for n, said in enumerate(_SAID)], indent=1)
NOTE = """\
# DRAGON
Paste the cases with their labels (`uid` and one `…_target` field; other fields are not read) and the predictions, as in
`nlp-predictions-dataset.json`. Which figure counts follows from the name of the field.
"""
TITLES = {
    "score": "Score",
    "auc": "AUC",
    "linear_kappa": "Kappa, linear weights",
    "unweighted_kappa": "Kappa, no weights",
    "r_smape_score": "R-SMAPE score",
    "mean_absolute_error": "Mean absolute error",
    "accuracy": "Accuracy",
}


def read_json(text: str, name: str) -> list[Any]:
    """Return a pasted list.

    Raises:
        ValueError: the text is no JSON list; the message names the place.
    """
    if not text.strip():
        raise ValueError(f"The {name} are empty: paste a JSON list of objects with a uid")
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"The {name} have {len(text):,} characters; this page takes {MAX_CHARACTERS:,}")
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"The {name} are not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from None
    if not isinstance(value, list):
        raise ValueError(f"The {name} are not a list; paste a JSON list of objects with a uid")
    return value


def table(results: dict[str, Any]) -> list[list[str]]:
    """Return the rows of the page's table: figure, value, interval."""
    intervals = results.get("intervals", {})

    def row(title: str, name: str, value: float | None) -> list[str]:
        ends = "[{:.3f}, {:.3f}]".format(*intervals[name]) if name in intervals else ""
        return [title, "not defined" if value is None else f"{value:.4f}", ends]

    rows = [row(f"Score ({TITLES[results['figure']]})", "score", results["score"])]
    rows += [row(title, name, results[name]) for name, title in TITLES.items() if name in results and name != "score"]
    for label, figures in results.get("per_label", {}).items():
        rows += [row(f"{TITLES[name]}, {label}", f"{name}_{label}", value) for name, value in figures.items()]
    return rows


def measure(
    references: str, predictions: str, ordinal: bool, average: str, epsilon: float, resamples: float
) -> tuple[list[list[str]], dict[str, Any]]:
    """Return what the page shows for pasted files."""
    try:
        metric = evaluate.load(str(MODULE), keep_in_memory=True)
        read_files = sys.modules[type(metric).__module__].read_files
        task_type, said, true = read_files(read_json(references, "references"), read_json(predictions, "predictions"))
        results = metric.compute(
            predictions=said,
            references=true,
            task_type=task_type,
            ordinal=bool(ordinal),
            average=average,
            epsilon=epsilon,
            n_resamples=int(resamples),
        )
    except ValueError as error:
        raise gr.Error(str(error), print_exception=False) from None
    return table(results), results


def build() -> gr.Blocks:
    """Return the page."""
    with gr.Blocks(title="DRAGON", analytics_enabled=False, delete_cache=(600, 600)) as page:
        gr.Markdown(NOTE)
        with gr.Row():
            with gr.Column(scale=2):
                references = gr.Textbox(REFERENCES, label="Cases with labels (JSON)", lines=8, max_lines=16)
                predictions = gr.Textbox(PREDICTIONS, label="Predictions (JSON)", lines=8, max_lines=16)
                ordinal = gr.Checkbox(False, label="The classes have an order (kappa with linear weights)")
                average = gr.Radio(["pooled", "macro"], value="pooled", label="Several labels")
                epsilon = gr.Number(4.0, label="Epsilon of R-SMAPE", minimum=0)
                resamples = gr.Slider(0, 5000, value=2000, step=500, label="Bootstrap resamples (0: no intervals)")
                button = gr.Button("Compute", variant="primary")
            with gr.Column(scale=3):
                figures = gr.Dataframe(headers=["Figure", "Value", "95% interval"], label="Figures", interactive=False)
                with gr.Accordion("As JSON", open=False):
                    results = gr.JSON(show_label=False)
        inputs = [references, predictions, ordinal, average, epsilon, resamples]
        button.click(measure, inputs, [figures, results], api_name="measure")
    return page


# System fonts: the page asks no other server for anything.
THEME = gr.themes.Soft(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])

if __name__ == "__main__":
    build().launch(share=False, run_history=False, enable_monitoring=False, theme=THEME)
