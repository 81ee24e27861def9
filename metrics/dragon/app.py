"""The metric's Space: the benchmark's files, or one table, in; its figures with intervals out. Nothing is kept."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import gradio as gr
import space
from shown import Shown, figure_row, figure_table, interval, shown_number
from tables import Column, Table, name, number, truth

BINARY = "single_label_binary_classification"
TASKS = {
    BINARY: "yes or no",
    "single_label_multi_class_classification": "one of several classes",
    "single_label_regression": "a number",
    "multi_label_binary_classification": "several times yes or no",
    "multi_label_multi_class_classification": "several classes",
    "multi_label_regression": "several numbers",
}
TITLES = {
    "auc": "AUC",
    "linear_kappa": "Kappa, linear weights",
    "unweighted_kappa": "Kappa, no weights",
    "r_smape_score": "R-SMAPE score",
    "mean_absolute_error": "Mean absolute error",
    "accuracy": "Accuracy",
}
_TRUE = (True, True, False, True, False, False, True, False, True, False, False, True)
_SAID = (0.94, 0.71, 0.2, 0.55, 0.31, 0.62, 0.83, 0.05, 0.4, 0.12, 0.27, 0.77)


def example() -> str:
    """Return a made-up table under the benchmark's own names."""
    rows = enumerate(zip(_TRUE, _SAID, strict=True))
    lines = [json.dumps({"uid": f"case{at}", f"{BINARY}_target": true, BINARY: said}) for at, (true, said) in rows]
    return "\n".join(lines) + "\n"


def arguments(table: Table, settings: dict[str, Any], module: ModuleType) -> dict[str, Any]:
    """Return what the metric computes from; references and predictions of two files are matched by uid."""
    task = settings["task_type"] or task_of(table, module)
    references, predictions = table.columns["reference"], table.columns["prediction"]
    if any(said is None for said in predictions):
        uids = table.get("uid") or [None] * len(predictions)
        rows = list(zip(uids, references, predictions, strict=True))
        true = [{"uid": uid, f"{task}_target": value} for uid, value, said in rows if said is None]
        said = [{"uid": uid, task: value} for uid, _, value in rows if value is not None]
        _, predictions, references = module.read_files(true, said)
    return {
        "references": [typed(value, task, f"reference {at}") for at, value in enumerate(references, start=1)],
        "predictions": [typed(value, task, f"prediction {at}", True) for at, value in enumerate(predictions, start=1)],
        "task_type": task,
        "ordinal": bool(settings["ordinal"]),
        "average": settings["average"],
        "epsilon": float(settings["epsilon"]),
        "groups": table.get("group"),
    }


def task_of(table: Table, module: ModuleType) -> str:
    """Return the type of task that the names of the columns tell.

    Raises:
        ValueError: they tell none, or two.
    """
    names = {table.names[column].lower().removesuffix("_target") for column in ("reference", "prediction")}
    told = sorted(names & set(module.TASK_TYPES))
    if len(told) != 1:
        raise ValueError("The columns' names tell no single task: choose it in the field Task")
    return told[0]


def typed(value: Any, task: str, place: str, predicted: bool = False) -> Any:
    """Return a cell of a CSV as what the task asks for; what is no text stays as it is.

    Raises:
        ValueError: it is no such thing.
    """
    if not isinstance(value, str):
        return value
    try:
        if task.startswith("multi_label"):
            return json.loads(value)
        if task.endswith("regression") or (task == BINARY and predicted):
            return number(value)
        return truth(value) if task == BINARY else value
    except json.JSONDecodeError:
        raise ValueError(f"The {place} is no list; give one such as [1, 0]") from None
    except ValueError as error:
        raise ValueError(f"The {place} {error}") from None


def figures(results: dict[str, Any]) -> list[Shown]:
    """Return the tables of the page."""
    parts = {key: title for key, title in TITLES.items() if key in results}
    rows = [figure_row(results, "score", f"Score: {TITLES[results['figure']]}")]
    for key, title in parts.items():
        rows.append(figure_row(results, key, title))
        rows += [
            figure_row(results, f"{key}_{part}", f"{title}, {part}")
            for part in ("pooled", "macro")
            if f"{key}_{part}" in results
        ]
    found = [figure_table("Figures", rows)]
    labels = [
        [f"{label}: {parts[key]}", shown_number(value), interval(results, f"{key}_{label}")]
        for label, row in results.get("per_label", {}).items()
        for key, value in row.items()
    ]
    return [*found, figure_table("Each label", labels)] if labels else found


def summary(results: dict[str, Any]) -> str:
    """Return the benchmark's figure in a sentence."""
    return f"{TITLES[results['figure']]} **{shown_number(results['score'])}** on {results['rows']:,} rows."


PAGE = space.Page(
    folder=Path(__file__).resolve().parent,
    title="DRAGON",
    lede="The figures of the DRAGON benchmark of clinical reports, with intervals: give the cases and "
    "nlp-predictions-dataset.json together, or one table.",
    columns=(
        Column(
            "reference",
            "true or false, the class, the number, or a list of these; the benchmark's *_target",
            ("references", "gold", "true", "label", *(f"{task}_target" for task in TASKS)),
            filled=False,
        ),
        Column(
            "prediction",
            "the probability of true, the class, the number, or a list of these; the benchmark's own names",
            ("predictions", "predicted", "pred", *TASKS),
            filled=False,
        ),
        Column("uid", "matches rows of two files", ("id", "ids"), name, filled=False),
        Column("group", "rows of one patient share one (in one table)", ("groups", "patient"), name),
    ),
    needs=(("reference",), ("prediction",)),
    example=example,
    settings={
        "task_type": lambda: gr.Dropdown(
            [("as the columns' names say", ""), *((said, task) for task, said in TASKS.items())], value="", label="Task"
        ),
        "ordinal": lambda: gr.Checkbox(False, label="The classes have an order (kappa with linear weights)"),
        "average": lambda: gr.Radio(["pooled", "macro"], value="pooled", label="Several labels"),
        "epsilon": lambda: gr.Number(4.0, label="Epsilon of R-SMAPE", minimum=0),
    },
    arguments=arguments,
    figures=figures,
    summary=summary,
    what="case",
    several=True,
)

if __name__ == "__main__":
    space.launch(PAGE)
