"""The metric's Space: a table of true and predicted classes in, F1 of each class out. Nothing that is given is kept."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import gradio as gr
import space
from shown import Shown, class_table, figure_row, figure_table, matrix
from tables import Column, Table, name

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
WHOLE = {"accuracy": "Accuracy (= micro F1)", "macro_f1": "Macro F1", "weighted_f1": "Weighted F1"}


def example() -> str:
    """Return a made-up table."""
    return "reference,prediction\n" + "".join(f"{a},{b}\n" * count for (a, b), count in EXAMPLE_COUNTS.items())


def arguments(table: Table, settings: dict[str, Any], module: ModuleType) -> dict[str, Any]:
    """Return what the metric computes from."""
    labels = [label.strip() for label in (settings["labels"] or "").split(",") if label.strip()]
    return {
        "references": table.columns["reference"],
        "predictions": table.columns["prediction"],
        "groups": table.get("group"),
        "labels": labels or None,
        "zero_division": float(settings["zero_division"]),
    }


def figures(results: dict[str, Any]) -> list[Shown]:
    """Return the tables of the page."""
    counts = results["confusion_matrix"]
    return [
        class_table("Each class", "Class", results, results["per_class"]),
        figure_table("All classes", [figure_row(results, key, title) for key, title in WHOLE.items()]),
        matrix("Confusion matrix", counts["labels"], counts["counts"]),
    ]


def summary(results: dict[str, Any]) -> str:
    """Return the worst class in a sentence."""
    worst, row = min(results["per_class"].items(), key=lambda item: item[1]["f1"])
    return (
        f"Macro F1 **{results['macro_f1']:.3f}**. Weakest class: **{worst}**, F1 {row['f1']:.3f}, of whose "
        f"{row['support']:,} rows {1 - row['recall']:.0%} are missed."
    )


PAGE = space.Page(
    folder=Path(__file__).resolve().parent,
    title="Per-class F1",
    lede="Precision, recall and F1 of each class beside their means, with bootstrap intervals: a mean hides the class "
    "that is missed.",
    columns=(
        Column(
            "reference",
            "the true class",
            ("references", "gold", "label", "labels", "true", "truth", "y_true"),
            name,
        ),
        Column("prediction", "the predicted class", ("predictions", "predicted", "pred", "y_pred"), name),
        Column("group", "rows that depend on one another share one (a note, a patient)", ("groups", "cluster"), name),
    ),
    needs=(("reference",), ("prediction",)),
    example=example,
    settings={
        "labels": lambda: gr.Textbox(
            "", label="Classes in order, with commas (empty: those that occur)", placeholder="Death, Injury, Other"
        ),
        "zero_division": lambda: gr.Radio([("0", 0), ("1", 1)], value=0, label="What stands for 0/0"),
    },
    arguments=arguments,
    figures=figures,
    summary=summary,
    most=200_000,
)

if __name__ == "__main__":
    space.launch(PAGE)
