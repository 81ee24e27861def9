"""The metric's Space: paste a table of rows, read the figures and the curve. Nothing that is pasted is kept."""

from __future__ import annotations

import csv
import importlib.util
import io
import os
import random
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("GRADIO_TEMP_DIR", tempfile.mkdtemp(prefix="deferral-rate-"))

import evaluate
import gradio as gr

HERE = Path(__file__).resolve().parent
MODULE = HERE / "deferral_rate.py"
MAX_ROWS = 50_000
COLUMNS = {
    "reference": ("reference", "references", "gold", "label", "labels", "true", "truth", "y_true"),
    "prediction": ("prediction", "predictions", "predicted", "pred", "y_pred", "classifier"),
    "expert": ("expert", "expert_prediction", "expert_predictions", "expert_label", "vote"),
    "score": ("score", "deferral_score", "deferral_scores"),
    "id": ("id", "ids"),
    "group": ("group", "groups", "cluster"),
}
NEEDED = ("reference", "prediction", "expert", "score")
SYSTEMS = {
    "system": "System",
    "classifier": "Classifier alone",
    "expert": "Expert alone",
    "random": "Deferring by lot",
    "oracle": "Oracle",
    "classifier_on_kept": "Classifier on the rows kept",
    "expert_on_deferred": "Expert on the rows deferred",
}
NOTE = """\
# Deferral rate
Paste a table with a header, one row for each example: `reference` (the true class), `prediction` (the classifier's),
`expert` (the expert's; empty where its answer was unusable), `score` (higher: rather defer) and, if you have them, `id`
and `group` (rows that depend on one another). Comma, semicolon or tab.
"""


def example(rows: int = 240) -> str:
    """Return a made-up table: the classifier errs more often the higher the score, the expert seldom."""
    chance = random.Random(0)
    lines = ["reference,prediction,expert,score"]
    for _ in range(rows):
        truth, score = chance.random() < 0.4, chance.random()
        said = truth if chance.random() > 0.45 * score else not truth
        vote = truth if chance.random() > 0.08 else not truth
        names = ["ADE" if value else "none" for value in (truth, said, vote)]
        names[2] = names[2] if chance.random() > 0.02 else ""
        lines.append(",".join([*names, f"{score:.3f}"]))
    return "\n".join(lines) + "\n"


def parse_table(text: str) -> dict[str, list[Any]]:
    """Return the columns; an empty expert's cell is None.

    Raises:
        ValueError: the text is not such a table; the message names the line.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise ValueError("The table is empty: paste a header and a line for each row")
    if len(lines) > MAX_ROWS + 1:
        raise ValueError(f"The table has {len(lines):,} lines; this page takes {MAX_ROWS:,}: load the metric instead")
    delimiter = max("\t;,", key=lines[0].count)
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter)]
    places = {role: at for at, cell in enumerate(rows[0]) for role, names in COLUMNS.items() if cell.lower() in names}
    missing = [name for name in NEEDED if name not in places]
    if missing:
        raise ValueError(f"The header lacks {', '.join(missing)}: it names the columns {', '.join(NEEDED)}")
    if len(rows) < 2:
        raise ValueError("The table has a header and no rows")
    columns: dict[str, list[Any]] = {role: [] for role in places}
    for number, row in enumerate(rows[1:], start=2):
        if len(row) <= max(places.values()):
            raise ValueError(f"Line {number} lacks a value: {len(rows[0])} columns were expected")
        for role, at in places.items():
            if not row[at] and role != "expert":
                raise ValueError(f"Line {number} lacks a value in the column {role}")
            columns[role].append(row[at] or None)
    for number, score in enumerate(columns["score"], start=2):
        try:
            columns["score"][number - 2] = float(score)
        except ValueError:
            raise ValueError(f"Line {number}: the score is no number") from None
    return columns


def tables(results: dict[str, Any]) -> tuple[list[list[str]], list[list[str]]]:
    """Return the rows of the table of systems and of the table of what was gained."""

    def interval(name: str) -> str:
        ends = results["intervals"].get(name)
        return "[{:.3f}, {:.3f}]".format(*ends) if ends else ""

    systems = []
    for name, title in SYSTEMS.items():
        if results[name]:
            cells = [(f"{results[name][figure]:.3f}", interval(f"{name}.{figure}")) for figure in ("f1", "accuracy")]
            systems.append([title, *cells[0], *cells[1]])
    gains = []
    for pair, figures in results["differences"].items():
        for figure in ("f1", "accuracy"):
            found = figures[figure]
            ends = "[{low:+.3f}, {high:+.3f}]".format(**found) if "low" in found else ""
            p_value = f"{found['p_value']:.4f}" if "low" in found else ""
            gains.append([pair, figure, f"{found['difference']:+.3f}", ends, p_value])
    return systems, gains


def summary(results: dict[str, Any]) -> str:
    """Return a line about what was deferred and the areas of the curve."""
    areas = f"AUDC (F1) {results['audc']['f1']:.3f}, AURC {results['aurc']:.3f}"
    apgr = "" if results["apgr"] is None else f", APGR {results['apgr']:.3f}"
    unanswered = f", {results['unanswered']} of them unanswered" if results["unanswered"] else ""
    return (
        f"**{results['deferred_rows']:,} of {results['rows']:,} rows deferred ({results['deferral_rate']:.1%})**"
        f"{unanswered}. {areas}{apgr}."
    )


def measure(text: str, percent: float, positive: str, resamples: float) -> tuple[str, Any, list, list, dict[str, Any]]:
    """Return what the page shows for a pasted table."""
    try:
        columns = parse_table(text)
        metric = evaluate.load(str(MODULE), keep_in_memory=True)
        results = metric.compute(
            references=columns["reference"],
            predictions=columns["prediction"],
            expert_predictions=columns["expert"],
            deferral_scores=columns["score"],
            ids=columns.get("id"),
            groups=columns.get("group"),
            rate=float(percent) / 100,
            positive_label=positive.strip() or None,
            n_resamples=int(resamples),
        )
    except (ValueError, csv.Error) as error:
        raise gr.Error(str(error), print_exception=False) from None
    systems, gains = tables(results)
    return summary(results), _plots().deferral_curve_figure(results), systems, gains, results


def build() -> gr.Blocks:
    """Return the page."""
    with gr.Blocks(title="Deferral rate", analytics_enabled=False, delete_cache=(600, 600)) as page:
        gr.Markdown(NOTE)
        with gr.Row():
            with gr.Column(scale=2):
                text = gr.Textbox(example(), label="Rows", lines=14, max_lines=24)
                percent = gr.Slider(0, 100, value=10, step=0.5, label="Rows deferred (%)")
                positive = gr.Textbox("ADE", label="Class whose F1 counts (empty: macro mean)")
                resamples = gr.Slider(0, 5000, value=1000, step=500, label="Bootstrap resamples (0: no intervals)")
                button = gr.Button("Compute", variant="primary")
            with gr.Column(scale=3):
                line = gr.Markdown()
                curve = gr.Plot(label="Deferral curve", format="png")
                systems = gr.Dataframe(
                    headers=["", "F1", "95% interval", "Accuracy", "95% interval "], label="Figures", interactive=False
                )
                gains = gr.Dataframe(
                    headers=["Difference", "Figure", "Value", "95% interval", "p"], label="Gained", interactive=False
                )
                with gr.Accordion("As JSON", open=False):
                    results = gr.JSON(show_label=False)
        outputs = [line, curve, systems, gains, results]
        button.click(measure, [text, percent, positive, resamples], outputs, api_name="measure")
    return page


def _plots() -> Any:
    """Return the plots module beside this file, under a name that no installed package has."""
    specification = importlib.util.spec_from_file_location("deferral_rate_plots", HERE / "plots.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


# System fonts: the page asks no other server for anything.
THEME = gr.themes.Soft(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])

if __name__ == "__main__":
    build().launch(share=False, run_history=False, enable_monitoring=False, theme=THEME)
