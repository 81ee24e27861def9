"""What a card says of another run on the same rows: figures side by side, the test, and where they differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secondopinion.core.wording import difference, figure_title, p_phrase, p_value

from .tables import Table, count, number, plain


def opening(one: Mapping[str, Any]) -> str:
    """Return which rows were compared, and what came of them."""
    counts, test = one["changes"]["counts"], one["test"]
    units = "rows" if one["groups"] is None else f"{count(one['groups'])} groups of rows"
    what = "The deferring systems were" if one["system"] else "Both were"
    return (
        f"{what} measured on the same {count(one['rows'])} held-out rows as {plain(one['runs'][0]['name'])}: "
        f"{count(counts['became_right'])} rows became right and {count(counts['became_wrong'])} became wrong "
        f"(*p* {p_phrase(test['p_value'])}, McNemar's exact test). Differences are this model minus the other, "
        f"with 95% intervals from {count(one['resamples'])} paired resamples of {units}."
    )


def figures(one: Mapping[str, Any]) -> Table:
    """Return a row for each figure of both."""
    rows = [[figure_title(own["name"]), *_numbers(own)] for own in one["figures"]]
    return Table(["Figure", one["runs"][0]["name"], "This model", "Difference"], rows)


def slices(one: Mapping[str, Any]) -> Table | None:
    """Return a row for each slice; None where there is none."""
    if not one["slices"]:
        return None
    rows = [
        [f"{own['by']}: {own['value']}", count(own["rows"]), *_numbers(own), p_value(own["p_holm"])]
        for own in one["slices"]
    ]
    header = [f"{figure_title(one['counted'])} by slice", "Rows", one["runs"][0]["name"], "This model", "Difference"]
    return Table([*header, "p (Holm)"], rows)


def _numbers(own: Mapping[str, Any]) -> list[str]:
    return [number(own["first"], 3), number(own["second"], 3), difference(own)]
