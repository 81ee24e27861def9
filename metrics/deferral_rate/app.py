"""The metric's Space: a table of classes, votes and scores in, figures and the deferral curve out. Nothing is kept."""

from __future__ import annotations

import random
from pathlib import Path
from types import ModuleType
from typing import Any

import gradio as gr
import space
from shown import Shown, interval, shown_number
from tables import Column, Table, name, number, truth

SYSTEMS = {
    "system": "System",
    "classifier": "Classifier alone",
    "expert": "Expert alone",
    "random": "Deferring by lot",
    "oracle": "Oracle",
    "classifier_on_kept": "Classifier on the rows kept",
    "expert_on_deferred": "Expert on the rows deferred",
}


def example(rows: int = 240) -> str:
    """Return a made-up table: the classifier errs more often the higher the score, the expert seldom."""
    chance = random.Random(0)
    lines = ["reference,prediction,expert,score"]
    for _ in range(rows):
        true, score = chance.random() < 0.4, chance.random()
        said = true if chance.random() > 0.45 * score else not true
        vote = true if chance.random() > 0.08 else not true
        names = ["ADE" if value else "none" for value in (true, said, vote)]
        names[2] = names[2] if chance.random() > 0.02 else ""
        lines.append(",".join([*names, f"{score:.3f}"]))
    return "\n".join(lines) + "\n"


def arguments(table: Table, settings: dict[str, Any], module: ModuleType) -> dict[str, Any]:
    """Return what the metric computes from; decisions in the table go before the share."""
    deferred, scores = table.get("deferred"), table.get("score")
    if deferred is None and scores is None:
        raise ValueError("Neither score nor deferred is in the table: which rows are deferred?")
    return {
        "references": table.columns["reference"],
        "predictions": table.columns["prediction"],
        "expert_predictions": table.columns["expert"],
        "deferral_scores": scores,
        "deferred": deferred,
        "rate": None if deferred is not None else float(settings["percent"]) / 100,
        "ids": table.get("id"),
        "groups": table.get("group"),
        "call_costs": table.get("cost"),
        "positive_label": (settings["positive_label"] or "").strip() or None,
    }


def figures(results: dict[str, Any]) -> list[Shown]:
    """Return the tables of the page."""
    systems = []
    for key, title in SYSTEMS.items():
        if results[key]:
            cells = [
                (shown_number(results[key][figure]), interval(results, f"{key}.{figure}"))
                for figure in ("f1", "accuracy")
            ]
            systems.append([title, *cells[0], *cells[1]])
    gains = []
    for pair, values in results["differences"].items():
        for figure, title in (("f1", "F1"), ("accuracy", "accuracy")):
            found = values[figure]
            ends = "[{low:+.3f}, {high:+.3f}]".format(**found) if "low" in found else ""
            p_value = f"{found['p_value']:.4f}" if "low" in found else ""
            gains.append([f"{pair}, {title}", f"{found['difference']:+.3f}", ends, p_value])
    return [
        Shown("Systems", ["System", "F1", "F1, interval", "Accuracy", "Accuracy, interval"], systems),
        Shown("What was gained", ["Difference", "Value", "interval", "p"], gains),
    ]


def summary(results: dict[str, Any]) -> str:
    """Return a line about what was deferred and the areas of the curve."""
    unanswered = f", {results['unanswered']} of them unanswered" if results["unanswered"] else ""
    line = (
        f"**{results['deferred_rows']:,} of {results['rows']:,} rows deferred ({results['deferral_rate']:.1%})**"
        f"{unanswered}."
    )
    if results["cost"]:
        line += f" ${results['cost']['per_1000']:,.2f} for 1,000 rows."
    if results["audc"] is None:
        return f"{line} Without a column score there is no curve."
    apgr = "" if results["apgr"] is None else f", APGR {results['apgr']:.3f}"
    return f"{line} AUDC (F1) {results['audc']['f1']:.3f}, AURC {results['aurc']:.3f}{apgr}."


PAGE = space.Page(
    folder=Path(__file__).resolve().parent,
    title="Deferral rate",
    lede="How good a classifier is that asks an expert about some rows, beside the classifier alone, the expert alone, "
    "deferring by lot and an oracle.",
    columns=(
        Column(
            "reference", "the true class", ("references", "gold", "label", "labels", "true", "truth", "y_true"), name
        ),
        Column(
            "prediction",
            "the classifier's class",
            ("predictions", "predicted", "pred", "y_pred", "classifier"),
            name,
        ),
        Column(
            "expert",
            "the expert's class; empty where its answer was unusable",
            ("expert_prediction", "expert_predictions", "expert_label", "vote"),
            name,
            filled=False,
        ),
        Column("score", "a number; higher: rather ask", ("deferral_score", "deferral_scores"), number),
        Column("deferred", "true or false, where the decision was made already", ("asked",), truth),
        Column("cost", "what asking costs, in dollars", ("call_cost", "cost_usd"), number),
        Column("id", "tells tied scores apart", ("ids",), name),
        Column("group", "rows that depend on one another share one", ("groups", "cluster"), name),
    ),
    needs=(("reference",), ("prediction",), ("expert",), ("score", "deferred")),
    example=example,
    settings={
        "percent": lambda: gr.Slider(0, 100, value=10, step=0.5, label="Rows deferred, %"),
        "positive_label": lambda: gr.Textbox(
            "", label="Class whose F1 counts (empty: macro mean)", placeholder="Such as ADE"
        ),
    },
    arguments=arguments,
    figures=figures,
    summary=summary,
    resamples=1000,
)

if __name__ == "__main__":
    space.launch(PAGE)
