"""The metric's Space: paste or open a table of questions, read the figures. Nothing that is given is kept."""

from __future__ import annotations

import csv
import importlib.util
import os
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("GRADIO_TEMP_DIR", tempfile.mkdtemp(prefix="clinical-qa-"))

import evaluate
import gradio as gr

HERE = Path(__file__).resolve().parent
MODULE = HERE / "clinical_qa.py"
FILES = [".csv", ".tsv", ".txt", ".jsonl", ".json"]
MAX_ROWS = 50_000
MAX_BYTES = 32 * 2**20
CATEGORIES = ("Diagnosis", "Medication", "Symptoms", "Procedure", "Lab Reports")
WHOLE = {
    "exact": ("Exact match", "total"),
    "f1": ("F1", "total"),
    "HasAns_exact": ("Exact match, questions with an answer", "HasAns_total"),
    "HasAns_f1": ("F1, questions with an answer", "HasAns_total"),
    "NoAns_exact": ("Right, questions without an answer", "NoAns_total"),
    "category_accuracy": ("Category accuracy", "category_total"),
    "category_macro_f1": ("Category macro F1", "category_total"),
    "joint_accuracy": ("Joint accuracy: exact and category", "joint_total"),
}
NOTE = """\
# Clinical QA
Paste a table with a header, or open a file, one row for each question: `prediction_text` (empty: no answer), `answers`
(gold; several separated by `|`; empty: unanswerable), `category` and `gold_category` (several `|`: each counts as
right; empty: unlabelled), and, if you have them, `id`, `no_answer_probability` and `group` (questions of one note).
CSV with comma, semicolon or tab, or JSON lines with the same fields. Leave out the columns of a task that is not to be
measured.
"""
ANSWERS = (
    ("aspirin 81 mg", "Medication", ("aspirin 81 mg", "the aspirin", "81 mg"), "Medication"),
    ("metformin 500 mg twice daily", "Medication", ("metformin 500 mg", "metformin 500 mg twice daily"), "Medication"),
    ("shortness of breath", "Symptoms", ("shortness of breath", "worsening shortness of breath"), "Symptoms|Diagnosis"),
    ("congestive heart failure", "Diagnosis", ("congestive heart failure", "heart failure"), "Diagnosis"),
    ("coronary artery bypass graft", "Procedure", ("bypass graft", "a coronary artery bypass graft"), "Procedure"),
    ("creatinine of 1.4", "Lab Reports", ("creatinine of 1.4", "1.4"), "Lab Reports"),
    ("type 2 diabetes", "Diagnosis", ("type 2 diabetes", "diabetes", ""), "Diagnosis"),
    ("", "", ("", "no known allergies", ""), ""),
)


def example(rows: int = 96) -> str:
    """Return a made-up table; the model's category is wrong on every seventh row."""
    lines = ["id,note,prediction_text,answers,category,gold_category"]
    for at in range(rows):
        gold, category, said, true = ANSWERS[at % len(ANSWERS)]
        named = CATEGORIES[at // 7 % len(CATEGORIES)] if at % 7 == 0 else category or CATEGORIES[0]
        lines.append(f"q{at + 1},note {at // 6 + 1},{said[at // len(ANSWERS) % len(said)]},{gold},{named},{true}")
    return "\n".join(lines) + "\n"


def tables(results: dict[str, Any]) -> tuple[list[list], list[list], dict[str, Any]]:
    """Return the rows of the table of figures, of the table of categories, and the confusion matrix as a table."""
    intervals = results.get("intervals", {})

    def interval(name: str) -> str:
        return "[{:.3f}, {:.3f}]".format(*intervals[name]) if name in intervals else ""

    whole = [
        [title, f"{results[name]:.3f}", interval(name), results[rows]]
        for name, (title, rows) in WHOLE.items()
        if name in results
    ]
    for name, title in (("exact", "exact match"), ("f1", "F1")):
        if f"best_{name}" in results:
            threshold = results[f"best_{name}_thresh"]
            best = f"{results[f'best_{name}']:.3f}"
            whole.append([f"Best {title}, no answer above {threshold:.3f}", best, "", results["total"]])
    per_category = [
        [name, *(f"{row[key]:.3f}" for key in ("precision", "recall", "f1")), interval(f"f1_{name}"), row["support"]]
        for name, row in results.get("per_category", {}).items()
    ]
    matrix = results.get("category_confusion", {"labels": [], "counts": [], "unanswered": []})
    cells = zip(matrix["labels"], matrix["counts"], matrix["unanswered"], strict=True)
    headers = ["", *(f"as {name}" for name in matrix["labels"]), "without"]
    counts = [[f"true {name}", *row, none] for name, row, none in cells]
    if not any(matrix["unanswered"]):
        headers, counts = headers[:-1], [row[:-1] for row in counts]
    return whole, per_category, {"headers": headers, "data": counts}


def measure(text: str, resamples: float) -> tuple[Any, list[list], list[list], dict[str, Any], dict[str, Any]]:
    """Return what the page shows for a table."""
    try:
        predictions, references, groups = _module("table").parse_table(text, CATEGORIES, MAX_ROWS)
        # In memory: the module otherwise writes the rows to a file while it computes.
        metric = evaluate.load(str(MODULE), keep_in_memory=True)
        options = {"n_resamples": int(resamples), "groups": groups}
        results = metric.compute(predictions=predictions, references=references, **options)
    except (ValueError, csv.Error) as error:
        raise gr.Error(str(error), print_exception=False) from None
    return _module("plots").qa_figure(results), *tables(results), results


def open_file(path: str) -> str:
    """Return the text of an uploaded file, and delete the file."""
    try:
        if os.path.getsize(path) > MAX_BYTES:
            raise gr.Error(
                f"The file is larger than {MAX_BYTES // 2**20} MB: load the metric instead", print_exception=False
            )
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise gr.Error(
            "The file is not UTF-8 text: save it as CSV (UTF-8) or JSON lines", print_exception=False
        ) from None
    finally:
        os.unlink(path)


def build() -> gr.Blocks:
    """Return the page."""
    with gr.Blocks(title="Clinical QA", analytics_enabled=False, delete_cache=(600, 600)) as page:
        gr.Markdown(NOTE)
        with gr.Row():
            with gr.Column(scale=2):
                text = gr.Textbox(example(), label="Questions", lines=14, max_lines=24)
                upload = gr.UploadButton("Open a file (CSV, JSON lines)", file_types=FILES)
                resamples = gr.Slider(0, 5000, value=2000, step=500, label="Bootstrap resamples (0: no intervals)")
                button = gr.Button("Compute", variant="primary")
            with gr.Column(scale=3):
                plot = gr.Plot(show_label=False, format="png")
                whole = gr.Dataframe(
                    headers=["Figure", "Value", "95% interval", "Rows"], label="Figures", interactive=False
                )
                per_category = gr.Dataframe(
                    headers=["Category", "Precision", "Recall", "F1", "F1, 95% interval", "Support"],
                    label="Categories",
                    interactive=False,
                )
                matrix = gr.Dataframe(label="Confusion matrix of the categories", interactive=False, wrap=True)
                with gr.Accordion("As JSON", open=False):
                    results = gr.JSON(show_label=False)
        outputs = [plot, whole, per_category, matrix, results]
        button.click(measure, [text, resamples], outputs, api_name="measure")
        upload.upload(open_file, upload, text, api_name=False)
    return page


def _module(name: str) -> Any:
    """Return a module beside this file, under a name that no installed package has."""
    specification = importlib.util.spec_from_file_location(f"clinical_qa_{name}", HERE / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


# System fonts: the page asks no other server for anything.
THEME = gr.themes.Soft(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])

if __name__ == "__main__":
    build().launch(share=False, run_history=False, enable_monitoring=False, theme=THEME)
