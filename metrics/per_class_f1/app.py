"""The metric's Space: paste references and predictions, read the figures. Nothing that is pasted is kept."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("GRADIO_TEMP_DIR", tempfile.mkdtemp(prefix="per-class-f1-"))

import evaluate
import gradio as gr

MODULE = Path(__file__).resolve().parent / "per_class_f1.py"
MAX_ROWS = 200_000
COLUMNS = {
    "reference": ("reference", "references", "gold", "label", "labels", "true", "truth", "y_true"),
    "prediction": ("prediction", "predictions", "predicted", "pred", "y_pred"),
    "group": ("group", "groups", "cluster"),
}
EXAMPLE_COUNTS = {
    ("Death", "Death"): 25,
    ("Death", "Injury"): 5,
    ("Injury", "Injury"): 70,
    ("Injury", "Malfunction"): 10,
    ("Malfunction", "Malfunction"): 50,
    ("Malfunction", "Injury"): 8,
    ("Other", "Malfunction"): 6,
    ("Other", "Other"): 6,
}
EXAMPLE = "reference,prediction\n" + "".join(f"{a},{b}\n" * count for (a, b), count in EXAMPLE_COUNTS.items())
NOTE = """\
# Per-class F1
Paste a table, one row for each example: the true class, the predicted class and, if rows depend on one
another (near-duplicates, several notes of one patient), a group. Comma, semicolon or tab; a header may be there.
"""


def parse_table(text: str) -> tuple[list[str], list[str], list[str] | None]:
    """Return references, predictions and groups (None without such a column).

    Raises:
        ValueError: the text is not such a table; the message names the line.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise ValueError("The table is empty: paste a true and a predicted class a line")
    if len(lines) > MAX_ROWS + 1:
        raise ValueError(f"The table has {len(lines):,} lines; this page takes {MAX_ROWS:,}: load the metric instead")
    delimiter = max("\t;,", key=lines[0].count)
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter)]
    places = {
        role: index for index, cell in enumerate(rows[0]) for role, names in COLUMNS.items() if cell.lower() in names
    }
    if {"reference", "prediction"} <= places.keys():
        rows = rows[1:]
        first = 2
    else:
        places, first = dict(zip(COLUMNS, range(len(rows[0])), strict=False)), 1
    if not rows or len(places) < 2:
        raise ValueError("Two columns are needed: the true class and the predicted class")
    for number, row in enumerate(rows, start=first):
        if len(row) <= max(places.values()) or not all(row[index] for index in places.values()):
            raise ValueError(f"Line {number} lacks a value: {len(places)} columns were expected")
    columns = {role: [row[index] for row in rows] for role, index in places.items()}
    return columns["reference"], columns["prediction"], columns.get("group")


def tables(results: dict[str, Any]) -> tuple[list[list], list[list], dict[str, Any]]:
    """Return the rows of the class table, of the overall table, and the confusion matrix as a table."""
    intervals = results.get("intervals", {})

    def interval(name: str) -> str:
        return "[{:.3f}, {:.3f}]".format(*intervals[name]) if name in intervals else ""

    per_class = [
        [
            name,
            *(f"{row[figure]:.3f}" for figure in ("precision", "recall", "f1")),
            interval(f"f1_{name}"),
            row["support"],
        ]
        for name, row in results["per_class"].items()
    ]
    titles = {"accuracy": "Accuracy (= micro F1)", "macro_f1": "Macro F1", "weighted_f1": "Weighted F1"}
    overall = [[title, f"{results[name]:.3f}", interval(name)] for name, title in titles.items()]
    matrix = results["confusion_matrix"]
    counts = [[f"true {name}", *row] for name, row in zip(matrix["labels"], matrix["counts"], strict=True)]
    return per_class, overall, {"headers": ["", *(f"as {name}" for name in matrix["labels"])], "data": counts}


def measure(text: str, resamples: float) -> tuple[list[list], list[list], dict[str, Any], dict[str, Any]]:
    """Return what the page shows for a pasted table."""
    try:
        references, predictions, groups = parse_table(text)
        metric = evaluate.load(str(MODULE), keep_in_memory=True)
        options = {"n_resamples": int(resamples), "groups": groups if resamples else None}
        results = metric.compute(references=references, predictions=predictions, **options)
    except (ValueError, csv.Error) as error:
        raise gr.Error(str(error), print_exception=False) from None
    return *tables(results), results


def build() -> gr.Blocks:
    """Return the page."""
    with gr.Blocks(title="Per-class F1", analytics_enabled=False, delete_cache=(600, 600)) as page:
        gr.Markdown(NOTE)
        with gr.Row():
            with gr.Column(scale=2):
                text = gr.Textbox(EXAMPLE, label="References and predictions", lines=14, max_lines=24)
                resamples = gr.Slider(0, 5000, value=2000, step=500, label="Bootstrap resamples (0: no intervals)")
                button = gr.Button("Compute", variant="primary")
            with gr.Column(scale=3):
                overall = gr.Dataframe(headers=["Figure", "Value", "95% interval"], label="Overall", interactive=False)
                per_class = gr.Dataframe(
                    headers=["Class", "Precision", "Recall", "F1", "F1, 95% interval", "Support"],
                    label="Per class",
                    interactive=False,
                )
                matrix = gr.Dataframe(label="Confusion matrix", interactive=False)
                with gr.Accordion("As JSON", open=False):
                    results = gr.JSON(show_label=False)
        outputs = [per_class, overall, matrix, results]
        button.click(measure, [text, resamples], outputs, api_name="measure")
    return page


# System fonts: the page asks no other server for anything.
THEME = gr.themes.Soft(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])

if __name__ == "__main__":
    build().launch(share=False, run_history=False, enable_monitoring=False, theme=THEME)
