"""What a card says of another run on the same rows: figures side by side, the test, and where they differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .tables import FIGURE_NAMES, Table, count, number, plain

QUESTIONS = {
    "exact": "Exact match",
    "f1": "F1",
    "category_accuracy": "Category accuracy",
    "joint_accuracy": "Joint accuracy",
}


def opening(one: Mapping[str, Any]) -> str:
    """Return which rows were compared, and what came of them."""
    counts, test = one["changes"]["counts"], one["test"]
    units = "rows" if one["groups"] is None else f"{count(one['groups'])} groups of rows"
    p_value = "*p* < 0.001" if test["p_value"] < 0.001 else f"*p* = {number(test['p_value'], 3)}"
    what = "The deferring systems were" if one["system"] else "Both were"
    return (
        f"{what} measured on the same {count(one['rows'])} held-out rows as {plain(one['runs'][0]['name'])}: "
        f"{count(counts['became_right'])} rows became right and {count(counts['became_wrong'])} became wrong "
        f"({p_value}, McNemar's exact test). Differences are this model minus the other, with 95% intervals from "
        f"{count(one['resamples'])} paired resamples of {units}."
    )


def figures(one: Mapping[str, Any]) -> Table:
    """Return a row for each figure of both."""
    rows = [[_name(own["name"]), *_numbers(own)] for own in one["figures"]]
    return Table(["Figure", one["runs"][0]["name"], "This model", "Difference"], rows)


def slices(one: Mapping[str, Any]) -> Table | None:
    """Return a row for each slice; None where there is none."""
    if not one["slices"]:
        return None
    rows = [
        [f"{own['by']}: {own['value']}", count(own["rows"]), *_numbers(own), _p_value(own["p_holm"])]
        for own in one["slices"]
    ]
    header = [f"{_name(one['counted'])} by slice", "Rows", one["runs"][0]["name"], "This model", "Difference"]
    return Table([*header, "p (Holm)"], rows)


def _name(name: str) -> str:
    if name.startswith("f1_"):
        return f"F1 of {name.removeprefix('f1_')}"
    return {**FIGURE_NAMES, **QUESTIONS}.get(name, name.replace("_", " ").capitalize())


def _numbers(own: Mapping[str, Any]) -> list[str]:
    difference = f"{own['difference']:+.3f} [{own['low']:+.3f}, {own['high']:+.3f}]"
    return [number(own["first"], 3), number(own["second"], 3), difference]


def _p_value(value: float) -> str:
    return "< 0.001" if value < 0.001 else number(value, 3)
