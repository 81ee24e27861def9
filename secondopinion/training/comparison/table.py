"""A comparison as Markdown: figures, tests, slices, and the ways in which answers changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.wording import difference, figure_title, p_phrase, p_value
from ..ablation.table import markdown

WAYS = 12


def comparison_markdown(facts: Mapping[str, Any]) -> str:
    """Return a comparison as a page.

    Args:
        facts: as in `comparison.json`.
    """
    first, second = (run["name"] for run in facts["runs"])
    if first == second:
        first, second = f"{first} (first)", f"{second} (second)"
    lines = [f"# {second} against {first}", "", *_figures(facts, first, second), "", *_reading(facts), ""]
    if facts["slices"]:
        lines += [f"## {figure_title(facts['counted'])} by slice", "", *_slices(facts), ""]
    if facts["changes"]["ways"]:
        lines += ["## What changed", "", *_ways(facts, first, second), ""]
    return "\n".join(lines).rstrip() + "\n"


def with_interval(found: Mapping[str, Any]) -> str:
    """Return a difference with its interval, and a mark where zero is not in it.

    >>> with_interval({"difference": 0.1, "low": 0.02, "high": 0.2})
    '+0.100 [+0.020, +0.200] *'
    """
    clear = " *" if found["low"] > 0 or found["high"] < 0 else ""
    return difference(found) + clear


def _figures(facts: Mapping[str, Any], first: str, second: str) -> list[str]:
    rows = [
        [figure_title(one["name"]), f"{one['first']:.3f}", f"{one['second']:.3f}", with_interval(one)]
        for one in facts["figures"]
    ]
    return markdown(["figure", first, second, "difference"], rows)


def _reading(facts: Mapping[str, Any]) -> list[str]:
    test, counts, left_out = facts["test"], facts["changes"]["counts"], facts["left_out"]
    units = "rows" if facts["groups"] is None else f"{facts['groups']:,} groups of rows"
    lines = [
        f"{facts['rows']:,} rows that both predicted out of fold. {counts['became_right']:,} became right, "
        f"{counts['became_wrong']:,} became wrong (p {p_phrase(test['p_value'])}, McNemar's exact test); "
        f"{counts['both_right']:,} are right and {counts['both_wrong']:,} wrong in both. In brackets: 95% intervals "
        f"of paired differences, second minus first, from {facts['resamples']:,} resamples of {units}; *: zero is not "
        "in it."
    ]
    if any(left_out):
        lines += ["", f"Not compared: {left_out[0]:,} rows of the first alone, {left_out[1]:,} of the second alone."]
    if facts["runs"][0]["fingerprint"] != facts["runs"][1]["fingerprint"]:
        lines += ["", "The two were trained on different data: some rows of one may have been in the other's training."]
    elif facts["runs"][0]["folds_sha1"] != facts["runs"][1]["folds_sha1"]:
        lines += ["", "The folds differ: the two models of a row were trained on different other rows."]
    return lines


def _slices(facts: Mapping[str, Any]) -> list[str]:
    rows = [
        [
            f"{one['by']}: {one['value']}".replace("|", "/"),
            f"{one['rows']:,}",
            f"{one['first']:.3f}",
            f"{one['second']:.3f}",
            with_interval(one),
            f"{one['only_second_right']:,}",
            f"{one['only_first_right']:,}",
            p_value(one["p_holm"]),
        ]
        for one in facts["slices"]
    ]
    header = ["slice", "rows", "first", "second", "difference", "became right", "became wrong", "p"]
    return [*markdown(header, rows), "", f"p: McNemar's exact test, corrected for {len(rows)} slices (Holm)."]


def _ways(facts: Mapping[str, Any], first: str, second: str) -> list[str]:
    ways = facts["changes"]["ways"]
    rows = [[one["gold"], one["first"], one["second"], f"{one['rows']:,}"] for one in ways[:WAYS]]
    rest = sum(one["rows"] for one in ways[WAYS:])
    if rest:
        rows.append([f"{len(ways) - WAYS} other ways", "", "", f"{rest:,}"])
    return markdown(["true class", first, second, "rows"], rows)
