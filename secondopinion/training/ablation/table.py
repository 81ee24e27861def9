"""An ablation as Markdown: one line a variant, then the same by length of the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.wording import difference
from .variants import BASELINE

HEADER = ("variant", "accuracy", "precision", "recall", "F1", "F1 − baseline", "false pos.", "p", "minutes", "memory")
SLICES = {"all": "all", "short": "up to {split:,} {unit}", "long": "above {split:,} {unit}"}


def ablation_markdown(facts: Mapping[str, Any]) -> str:
    """Return the table of an ablation, with the words that say how to read it.

    Args:
        facts: as in `ablation.json`.
    """
    kept = [where for where in SLICES if facts["slice_rows"].get(where)]
    rows = [[*_figures(one, "all"), _minutes(one), _memory(one)] for one in facts["variants"]]
    lines = [f"# Ablation of {facts['recipe']}", "", *markdown(HEADER, rows), "", reading(facts), ""]
    for where in kept[1:]:
        title = slice_title(facts, where)
        lines += [f"## Texts {title} ({facts['slice_rows'][where]:,} rows)", ""]
        lines += [*markdown(HEADER[:8], [_figures(one, where) for one in facts["variants"]]), ""]
    return "\n".join(lines).rstrip() + "\n"


def slice_title(facts: Mapping[str, Any], where: str) -> str:
    """Return a slice in words.

    >>> slice_title({"length_split": 400, "length_unit": "tokens"}, "short")
    'up to 400 tokens'
    """
    return SLICES[where].format(split=facts["length_split"], unit=facts["length_unit"])


def reading(facts: Mapping[str, Any]) -> str:
    """Return how the figures were made, in a paragraph."""
    about = f"of class {facts['positive']}" if facts["positive"] else "means over classes"
    seeds = facts["seeds"]
    over = (
        f"mean over seeds {', '.join(map(str, seeds))}"
        if len(seeds) > 1
        else f"one training a variant, seed {seeds[0]}"
    )
    units = "groups of rows" if facts["groups"] else "rows"
    vote = " of the seeds' mean probabilities" if len(seeds) > 1 else ""
    device = all(one["device_peak_memory_mb"] for one in facts["variants"])
    memory = "most taken by tensors on the device" if device else "most resident in the process of a training"
    resumed = any(one["resumed"] for one in facts["variants"])
    words = (
        f"{facts['rows']:,} held-out rows, the same for every variant; precision, recall, F1 and false positives are "
        f"{about}. {over[0].upper()}{over[1:]}; in brackets 95% intervals from {facts['resamples']:,} resamples of "
        f"{units} (differences are paired). p: McNemar's exact test against the baseline{vote}, in brackets corrected "
        f"for {len(facts['variants']) - 1} comparisons (Holm). Minutes: of all folds, predicting them included; "
        f"memory: {memory}."
    )
    return words + (" ≥: continued after a kill; the minutes are those since." if resumed else "")


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table, columns padded.

    >>> markdown(["a", "b"], [["x", "1"]])
    ['| a | b |', '|:--|--:|', '| x | 1 |']
    """
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = [cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(zip(cells, widths, strict=True))]
        return f"| {' | '.join(padded)} |"

    rule = "|".join("-" * (w + 1) + ":" if i else ":" + "-" * (w + 1) for i, w in enumerate(widths))
    return [line(header), f"|{rule}|", *map(line, rows)]


def _figures(one: Mapping[str, Any], where: str) -> list[str]:
    found = one["slices"][where]
    figures = found["figures"]
    cells = [
        one["name"],
        _with_interval(figures["accuracy"]),
        *(f"{figures[k]['mean']:.3f}" for k in ("precision", "recall")),
    ]
    cells.append(_with_interval(figures["f1"]))
    if one["name"] == BASELINE:
        gain = test = "–"
    else:
        gain, told = difference(found["difference"]["f1"]), found["mcnemar"]
        test = f"{told['p_value']:.3f} ({told['p_holm']:.3f})"
    return [*cells, gain, f"{figures['false_positives']['mean']:.1f}", test]


def _with_interval(figure: Mapping[str, Any]) -> str:
    spread = "" if figure["std"] is None else f" ± {figure['std']:.3f}"
    return f"{figure['mean']:.3f}{spread} [{figure['low']:.3f}, {figure['high']:.3f}]"


def _minutes(one: Mapping[str, Any]) -> str:
    return f"{'≥ ' if one['resumed'] else ''}{sum(one['seconds']) / len(one['seconds']) / 60:.1f}"


def _memory(one: Mapping[str, Any]) -> str:
    return f"{max(one['device_peak_memory_mb'] or one['peak_memory_mb']) / 1024:.2f} GiB"
