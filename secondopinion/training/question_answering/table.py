"""The figures of runs of questions and answers as plain text, the single-task baselines beside them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...core.errors import InputError
from ...modeling.configuration_multitask_qa import CATEGORIES
from ..text_grid import text_grid
from .single_task import NAMES

# Title, figure, its number of rows.
ROWS = (
    ("exact match", "exact", "total"),
    ("answer F1", "f1", "total"),
    ("answer F1, answerable", "HasAns_f1", "HasAns_total"),
    ("right, unanswerable", "NoAns_exact", "NoAns_total"),
    ("category accuracy", "category_accuracy", "category_total"),
    ("category macro F1", "category_macro_f1", "category_total"),
    ("joint accuracy", "joint_accuracy", "joint_total"),
)


def answers_table(facts: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> str:
    """Return the figures of one run, with its baselines, or of several runs side by side.

    Args:
        facts: what run.json holds, or a list of such.

    Raises:
        InputError: a run holds no figures.
    """
    runs = [facts] if isinstance(facts, Mapping) else list(facts)
    columns: list[tuple[str, Mapping[str, Any], bool]] = []
    for run in runs:
        figures = (run.get("summary") or {}).get("out_of_fold")
        if not figures:
            raise InputError(f"run {run.get('name')!r} holds no out-of-fold figures; train it, or evaluate it, first")
        columns.append((str(run.get("name", "")), figures, True))
        columns += [(name.replace("_", " "), each["figures"], False) for name, each in _baselines(run)]
    head = [""]
    for name, _, with_interval in columns:
        head += [name, "95% interval"] if with_interval else [name]
    lines = [[*head, "rows"]]
    some_unanswerable = any(figures.get("NoAns_total") for _, figures, _ in columns)
    for title, figure, total in ROWS:
        if figure == "HasAns_f1" and not some_unanswerable:
            continue  # it would repeat the row above
        lines.append([title, *_cells(columns, figure), _support(figures.get(total) for _, figures, _ in columns)])
    for category in CATEGORIES:
        rows = [figures.get("per_category", {}).get(category, {}).get("support") for _, figures, _ in columns]
        lines.append([f"F1 of {category}", *_cells(columns, f"f1_{category}"), _support(rows)])
    lines = [line for line in lines if any(line[1:])]
    grid = [line.rstrip() for line in text_grid(lines)]
    return "\n".join([*grid, "", *(line for run in runs for line in _notes(run, len(runs) > 1))]) + "\n"


def _baselines(run: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    found = run.get("single_task") or {}
    yield from ((name, found[name]) for name in NAMES if name in found)


def _cells(columns: Sequence[tuple[str, Mapping[str, Any], bool]], figure: str) -> Iterator[str]:
    for _, figures, with_interval in columns:
        value = figures.get(figure)
        if figure.startswith("f1_"):
            value = figures.get("per_category", {}).get(figure.removeprefix("f1_"), {}).get("f1")
        yield "" if value is None else f"{value:.3f}"
        if with_interval:
            ends = figures.get("intervals", {}).get(figure)
            yield f"[{ends[0]:.3f}, {ends[1]:.3f}]" if ends else ""


def _support(counts: Any) -> str:
    """Return one number where all columns agree, else all of them."""
    return "/".join(dict.fromkeys(f"{count:,}" for count in counts if count is not None))


def _notes(run: Mapping[str, Any], named: bool) -> Iterator[str]:
    """Yield what the grid cannot hold, wrapped."""
    notes = []
    if chosen := run.get("selection"):
        notes.append(f"published: {chosen['reason']}")
    mean, std = (run.get("summary", {}).get(key) or {} for key in ("mean", "std"))
    trained = run.get("folds", {}).get("trained") or []
    if len(trained) > 1:
        spread = "; ".join(f"{title} {mean[name]:.4f} ± {std[name]:.4f}" for title, name, _ in ROWS if name in mean)
        notes.append(f"over {len(trained)} folds (mean ± standard deviation, ddof 0): {spread}")
    if threshold := run.get("no_answer"):
        notes.append(_threshold_note(threshold))
    if scaled := run.get("calibration"):
        ece = scaled["ece"]
        change = f"{ece['before']:.4f} → {ece['after']:.4f}"
        notes.append(f"category temperature {scaled['temperature']:.3f}: ECE out of fold {change}")
    for name, each in _baselines(run):
        gains = ", ".join(
            f"{figure} {gain['difference']:+.3f} [{gain['low']:+.3f}, {gain['high']:+.3f}]"
            for figure, gain in each["difference"].items()
        )
        notes.append(f"gain over {name.replace('_', ' ')}: {gains}")
    prefix = f"{run.get('name', '')}: " if named else ""
    for note in notes:
        yield from textwrap.wrap(prefix + note, 110, subsequent_indent="  ", break_long_words=False)


def _threshold_note(threshold: Mapping[str, Any]) -> str:
    if not threshold.get("unanswerable"):
        return f"no unanswerable question among {threshold['rows']:,} validation rows: the model always answers"
    return (
        f"no answer where the null odds are above {threshold['threshold']:.2f}, chosen on {threshold['rows']:,} "
        f"validation rows, {threshold['unanswerable']:,} of them unanswerable"
    )
