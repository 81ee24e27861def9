"""What a training comes to: figures over folds and out of fold, missed rows, lift, and a table of them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from secondopinion.metrics.confusion import confusion_table, encode, flatten

from ..core.errors import InputError, closest
from .selection import FIGURE_TITLES
from .text_grid import text_grid


def summarise(fold_figures: Sequence[Mapping[str, Any]], ddof: int = 0) -> dict[str, Any]:
    """Return the mean and standard deviation over folds of every scalar.

    Args:
        fold_figures: the figures of each fold, nested or flat.
        ddof: 0 for the population's standard deviation, 1 for the sample's.

    Returns:
        `{mean {name: value}, std {name: value}, ddof}`.

    Raises:
        InputError: there are too few folds, or they were not measured alike.

    >>> summarise([{"macro_f1": 0.7}, {"macro_f1": 0.9}])["mean"]["macro_f1"]
    0.8
    """
    flat = [flatten(figures) for figures in fold_figures]
    if len(flat) <= ddof:
        raise InputError(f"{len(flat)} folds are measured; a standard deviation with ddof {ddof} needs {ddof + 1}")
    if any(set(figures) != set(flat[0]) for figures in flat):
        different = sorted(set().union(*flat) - set.intersection(*map(set, flat)))
        raise InputError(f"the folds were not measured alike: {', '.join(different[:5])} is missing in some")
    columns = {name: np.array([figures[name] for figures in flat]) for name in flat[0]}
    return {
        "mean": {name: float(values.mean()) for name, values in columns.items()},
        "std": {name: float(values.std(ddof=ddof)) for name, values in columns.items()},
        "ddof": ddof,
    }


def out_of_fold(
    references: Sequence[Any],
    predictions: Sequence[Any],
    label_names: Sequence[str],
    groups: Sequence[Any] | None = None,
    n_resamples: int = 2000,
    confidence_level: float = 0.95,
    random_state: int = 0,
) -> dict[str, Any]:
    """Return the figures on all out-of-fold rows together, with bootstrap intervals.

    Args:
        references: (rows,) true classes, as numbers or names.
        predictions: (rows,) predicted classes, by a model that did not see the row.
        label_names: (classes,).
        groups: (rows,) near-duplicates share a group; groups are resampled, or the intervals would be too
            narrow.
        n_resamples: bootstrap resamples; 0 leaves the intervals out.
        confidence_level: of the intervals.
        random_state: seed of the resamples.

    Raises:
        InputError: a label is unknown, or there are no rows.
    """
    from secondopinion.metrics.per_class_f1.per_class_f1 import per_class_figures

    try:
        return per_class_figures(
            references,
            predictions,
            label_names=label_names,
            n_resamples=n_resamples,
            confidence_level=confidence_level,
            random_state=random_state,
            groups=groups if n_resamples else None,
        )
    except ValueError as error:
        raise InputError(str(error)) from None


def missed(
    label: str, references: Sequence[Any], predictions: Sequence[Any], label_names: Sequence[str]
) -> dict[str, Any]:
    """Return what happened to one class: `{label, recall, missed, total, predicted_as {label: n}}`.

    `predicted_as` counts the missed rows by what was said of them, most frequent first; `recall` is 0.0 where
    no row is of the class.

    Raises:
        InputError: no class has this name.

    >>> missed("Death", [0, 0, 1], [0, 1, 1], ["Death", "Injury"])
    {'label': 'Death', 'recall': 0.5, 'missed': 1, 'total': 2, 'predicted_as': {'Injury': 1}}
    """
    names = list(label_names)
    if label not in names:
        raise InputError(f"no class is called {label!r}; {closest(label, names)}")
    truth, said = _numbers(references, names), _numbers(predictions, names)
    row = confusion_table(truth, said, len(names))[names.index(label)]
    total, right = int(row.sum()), int(row[names.index(label)])
    wrong = {name: int(n) for name, n in zip(names, row, strict=True) if n and name != label}
    return {
        "label": label,
        "recall": right / total if total else 0.0,
        "missed": total - right,
        "total": total,
        "predicted_as": dict(sorted(wrong.items(), key=lambda item: (-item[1], names.index(item[0])))),
    }


def lift(
    references: Sequence[Any],
    predictions: Sequence[Any],
    baseline_predictions: Sequence[Any],
    label_names: Sequence[str],
    groups: Sequence[Any] | None = None,
    n_resamples: int = 2000,
    confidence_level: float = 0.95,
    random_state: int = 0,
) -> dict[str, dict[str, float]]:
    """Return `{figure: {difference, low, high}}` of a system minus a baseline on the same rows.

    Figures: macro F1, weighted F1 and F1 of each class; the rows of both are resampled together.

    Args:
        references: (rows,) true classes, as numbers or names.
        predictions: (rows,) the system's.
        baseline_predictions: (rows,) the baseline's, in the same order.
        label_names: (classes,).
        groups: (rows,) near-duplicates share a group.
        n_resamples: bootstrap resamples.
        confidence_level: of the intervals.
        random_state: seed of the resamples.

    Raises:
        InputError: the rows differ in number, or a label is unknown.
    """
    from secondopinion.metrics.intervals import paired_differences

    figures = ["macro_f1", "weighted_f1", *(f"f1_{name}" for name in label_names)]
    columns = [_numbers(column, list(label_names)) for column in (references, predictions, baseline_predictions)]
    try:
        return paired_differences(
            *columns,
            figures,
            label_names=label_names,
            groups=groups,
            n_resamples=n_resamples,
            confidence_level=confidence_level,
            random_state=random_state,
        )
    except ValueError as error:
        raise InputError(str(error)) from None


def results_table(facts: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> str:
    """Return the figures of one run, or of several side by side, as plain text for a terminal.

    Args:
        facts: what run.json holds, or a list of such.

    Raises:
        InputError: a run holds no out-of-fold figures, or the runs have different classes.
    """
    runs = [facts] if isinstance(facts, Mapping) else list(facts)
    figures = []
    for run in runs:
        if not run.get("summary", {}).get("out_of_fold"):
            raise InputError(f"run {run.get('name')!r} holds no out-of-fold figures; train it, or evaluate it, first")
        figures.append(run["summary"]["out_of_fold"])
    if any("per_class" not in each for each in figures):
        return _number_table(runs)
    names = list(figures[0]["per_class"])
    if any(list(other["per_class"]) != names for other in figures):
        raise InputError("the runs have different classes and do not fit in one table; print one table for each")
    spread = any(len(_trained(run)) > 1 for run in runs)
    columns = ["P", "R", "F1", "95% interval", *(["over folds"] if spread else [])]
    rows = [["class", *columns * len(runs), "support"]]
    for name in names:
        row = [name]
        for run, each in zip(runs, figures, strict=True):
            row += [_number(each["per_class"][name][figure]) for figure in ("precision", "recall")]
            row += _cells(run, f"f1_{name}", spread)
        rows.append([*row, _distinct(each["per_class"][name]["support"] for each in figures)])
    whole = ["macro_f1", "weighted_f1", "accuracy"]
    whole += [name for name in ("auc", "linear_kappa", "unweighted_kappa") if all(name in each for each in figures)]
    for title, figure in ((FIGURE_TITLES[name], name) for name in whole):
        rows.append([title, *(cell for run in runs for cell in ("", "", *_cells(run, figure, spread))), ""])
    rows[len(names) + 1][-1] = _distinct(sum(row["support"] for row in each["per_class"].values()) for each in figures)
    heads = [str(run.get("name", "")) for run in runs]
    return "\n".join([*_grid(rows, heads, len(columns), len(names)), "", *_notes(runs)]) + "\n"


def _number_table(runs: Sequence[Mapping[str, Any]]) -> str:
    """Return the table of runs whose outputs are numbers: a line for each figure."""
    flat = [flatten(run["summary"]["out_of_fold"]) for run in runs]
    if any(list(other) != list(flat[0]) for other in flat):
        raise InputError("the runs have different figures and do not fit in one table; print one table for each")
    spread = any(len(_trained(run)) > 1 for run in runs)
    columns = ["95% interval", *(["over folds"] if spread else [])]
    rows = [["figure", *(cell for run in runs for cell in (str(run.get("name", "")), *columns))]]
    for figure, key in ((f, key) for f in FIGURE_TITLES for key in flat[0] if key == f or key.startswith(f"{f}_")):
        title = f"{FIGURE_TITLES[figure]} {key.removeprefix(figure).removeprefix('_')}".strip()
        rows.append([title, *(cell for run in runs for cell in _cells(run, key, spread))])
    return "\n".join([*text_grid(rows), "", *_notes(runs)]) + "\n"


def _cells(run: Mapping[str, Any], figure: str, spread: bool) -> list[str]:
    """Return a figure, its interval and, where asked for, its mean ± standard deviation over folds."""
    summary = run["summary"]
    figures = summary["out_of_fold"]
    ends = figures.get("intervals", {}).get(figure)
    cells = [_number(flatten(figures)[figure]), f"[{ends[0]:.3f}, {ends[1]:.3f}]" if ends else ""]
    if spread:
        several = len(_trained(run)) > 1 and figure in summary.get("mean", {})
        cells.append(f"{summary['mean'][figure]:.4f} ± {summary['std'][figure]:.4f}" if several else "")
    return cells


def _grid(rows: list[list[str]], heads: list[str], width: int, classes: int) -> list[str]:
    """Return the table's lines: names to the left, numbers to the right, a wider gap between runs."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    starts = range(1, len(widths) - 1, width)

    def line(row: Sequence[str]) -> str:
        cells = [cell.rjust(size) for cell, size in zip(row, widths, strict=True)]
        return "  ".join([row[0].ljust(widths[0]), *(" ".join(cells[i : i + width]) for i in starts), cells[-1]])

    sizes = [sum(widths[i : i + width]) + width - 1 for i in starts]
    titles = [head[:size].center(size) for head, size in zip(heads, sizes, strict=True)]
    lines = [line(row) for row in rows]
    rule = "-" * len(lines[0])
    lines = [
        "  ".join([" " * widths[0], *titles]),
        lines[0],
        rule,
        *lines[1 : classes + 1],
        rule,
        *lines[classes + 1 :],
    ]
    return [text.rstrip() for text in lines]


def _notes(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what the grid cannot hold, wrapped: missed rows, choice, calibration, lift."""
    lines = []
    ddof = {run["summary"]["ddof"] for run in runs if "ddof" in run["summary"] and len(_trained(run)) > 1}
    if ddof:
        lines.append(f"over folds: mean ± standard deviation (ddof {_distinct(sorted(ddof))})")
    for run in runs:
        notes = []
        if lost := run.get("missed"):
            into = ", ".join(f"{n} as {name}" for name, n in lost["predicted_as"].items())
            notes.append(
                f"{lost['label']}: {lost['missed']} of {lost['total']} missed" + (f" ({into})" if into else "")
            )
        if chosen := run.get("selection"):
            notes.append(f"published: {chosen['reason']}")
        if scaled := run.get("calibration"):
            ece, advised = scaled["ece"], scaled.get("advised")
            notes.append(
                f"not calibrated: ECE {ece['before']:.4f}; a temperature of {advised['temperature']:.3f} would make it "
                f"{advised['ece']:.4f}"
                if advised
                else f"temperature {scaled['temperature']:.3f}: ECE {ece['before']:.4f} → {ece['after']:.4f}"
            )
        if (baseline := run.get("baseline")) and baseline.get("lift"):
            gains = ", ".join(
                f"{figure} {gain['difference']:+.3f} [{gain['low']:+.3f}, {gain['high']:+.3f}]"
                for figure, gain in baseline["lift"].items()
            )
            notes.append(f"lift over {baseline['name']}: {gains}")
        prefix = f"{run.get('name', '')}: " if len(runs) > 1 else ""
        for note in notes:
            lines += textwrap.wrap(prefix + note, 110, subsequent_indent="  ", break_long_words=False)
    return lines


def _trained(run: Mapping[str, Any]) -> list[int]:
    return run.get("folds", {}).get("trained") or [result["fold"] for result in run.get("fold_results", [])]


def _distinct(values: Iterable[Any]) -> str:
    """Return one number where all runs agree, else all of them."""
    return "/".join(dict.fromkeys(map(str, values)))


def _number(value: float) -> str:
    return f"{value:.3f}"


def _numbers(values: Sequence[Any], names: list[str]) -> np.ndarray:
    """Return (rows,) class numbers of numbers or names."""
    values = np.asarray(values)
    try:
        return encode(values, names if values.dtype.kind in "OUST" else range(len(names)), "the rows")
    except ValueError as error:
        raise InputError(str(error)) from None
