"""What a training comes to: figures over folds and out of fold, missed rows, lift over a baseline, a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from secondopinion.metrics.confusion import confusion_table, encode, flatten

from ..core.errors import InputError, closest


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
        raise InputError(
            f"{len(flat)} folds are measured; a standard deviation with ddof {ddof} needs {ddof + 1}"
        )
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
        groups: (rows,) near-duplicates share a group; groups are resampled, or the intervals would be too narrow.
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

    `predicted_as` counts the missed rows by what was said of them, most frequent first; `recall` is 0.0 where no row
    is of the class.

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
    columns = [
        _numbers(column, list(label_names)) for column in (references, predictions, baseline_predictions)
    ]
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
            raise InputError(
                f"run {run.get('name')!r} holds no out-of-fold figures; train it, or evaluate it, first"
            )
        figures.append(run["summary"]["out_of_fold"])
    names = list(figures[0]["per_class"])
    if any(list(other["per_class"]) != names for other in figures):
        raise InputError(
            "the runs have different classes and do not fit in one table; print one table for each"
        )
    supports = [[str(each["per_class"][name]["support"]) for each in figures] for name in names]
    rows = [["class", *["P", "R", "F1", "95% interval"] * len(runs), "support"]]
    for name, support in zip(names, supports, strict=True):
        rows.append(
            [
                name,
                *(cell for each in figures for cell in _class_cells(each, name)),
                "/".join(dict.fromkeys(support)),
            ]
        )
    totals = [str(sum(row["support"] for row in each["per_class"].values())) for each in figures]
    for title, figure in (("macro F1", "macro_f1"), ("weighted F1", "weighted_f1"), ("accuracy", "accuracy")):
        cells = [c for each in figures for c in ("", "", _number(each[figure]), _interval(each, figure))]
        rows.append([title, *cells, "/".join(dict.fromkeys(totals)) if figure == "macro_f1" else ""])
    return (
        "\n".join([*_grid(rows, runs), "", *(line for run in runs for line in _notes(run, len(runs) > 1))])
        + "\n"
    )


def _class_cells(figures: Mapping[str, Any], name: str) -> list[str]:
    row = figures["per_class"][name]
    return [
        *(_number(row[figure]) for figure in ("precision", "recall", "f1")),
        _interval(figures, f"f1_{name}"),
    ]


def _grid(rows: list[list[str]], runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the table's lines: names to the left, numbers to the right, a gap between runs."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    gap = " " * 3

    def line(row: Sequence[str]) -> str:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        blocks = [" ".join(cells[1 + 4 * i : 5 + 4 * i]) for i in range(len(runs))]
        return gap.join([row[0].ljust(widths[0]), *blocks, cells[-1]]).rstrip()

    lines = [line(row) for row in rows]
    rule = "-" * max(map(len, lines))
    block = sum(widths[1:5]) + 3
    heads = [str(run.get("name", ""))[:block].ljust(block) for run in runs]
    head = gap.join([" " * widths[0], *heads]).rstrip()
    split = 1 + len(rows) - 4
    return [head, lines[0], rule, *lines[1:split], rule, *lines[split:]]


def _notes(run: Mapping[str, Any], several: bool) -> list[str]:
    """Return what the grid cannot hold: spread over folds, missed rows, choice, calibration, lift."""
    summary, lines = run["summary"], []
    trained = run.get("folds", {}).get("trained") or [
        result["fold"] for result in run.get("fold_results", [])
    ]
    if len(trained) > 1 and summary.get("mean"):
        mean, std = summary["mean"], summary["std"]
        shown = {"macro F1": "macro_f1", "weighted F1": "weighted_f1"}
        shown |= {f"{name} F1": f"f1_{name}" for name in summary["out_of_fold"]["per_class"]}
        spread = " · ".join(
            f"{title} {mean[key]:.4f} ± {std[key]:.4f}" for title, key in shown.items() if key in mean
        )
        lines.append(f"over {len(trained)} folds (mean ± std, ddof {summary['ddof']}): {spread}")
    lost = run.get("missed")
    if lost:
        into = ", ".join(f"{n} as {name}" for name, n in lost["predicted_as"].items())
        lines.append(
            f"{lost['label']}: {lost['missed']} of {lost['total']} missed" + (f" ({into})" if into else "")
        )
    if run.get("selection"):
        lines.append(f"selected: {run['selection']['reason']}")
    scaled = run.get("calibration")
    if scaled:
        ece = scaled["ece"]
        lines.append(
            f"temperature {scaled['temperature']:.3f}: ECE {ece['before']:.4f} -> {ece['after']:.4f}"
        )
    baseline = run.get("baseline")
    if baseline and baseline.get("lift"):
        gains = " · ".join(
            f"{name} {d['difference']:+.4f} [{d['low']:+.4f}, {d['high']:+.4f}]"
            for name, d in baseline["lift"].items()
        )
        lines.append(f"over {baseline['name']}: {gains}")
    return [f"{run.get('name', '')}: {line}" for line in lines] if several else lines


def _number(value: float) -> str:
    return f"{value:.3f}"


def _interval(figures: Mapping[str, Any], name: str) -> str:
    ends = figures.get("intervals", {}).get(name)
    return f"[{ends[0]:.3f}, {ends[1]:.3f}]" if ends else ""


def _numbers(values: Sequence[Any], names: list[str]) -> np.ndarray:
    """Return (rows,) class numbers of numbers or names."""
    values = np.asarray(values)
    try:
        return encode(values, names if values.dtype.kind in "OUST" else range(len(names)), "the rows")
    except ValueError as error:
        raise InputError(str(error)) from None
