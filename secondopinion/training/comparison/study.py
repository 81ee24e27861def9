"""One call from two runs to what sets them apart."""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from secondopinion.metrics.clinical_qa.resample import SumResampler
from secondopinion.metrics.confusion import confusion_table, encode, flatten, nested_figures
from secondopinion.metrics.deferral_rate.decision import mcnemar
from secondopinion.metrics.intervals import bootstrap, paired_differences

from ...core.errors import InputError
from ...core.files import atomic_file, write_json
from ...core.run_folder import RunFolder, now
from ..ablation.figures import holm
from ..data import TrainingData, load_data
from ..recipe import DatasetSpec
from .plot import draw_comparison
from .rows import CLASS, SharedRows, shared_rows
from .slices import slices_of
from .table import comparison_markdown

FIGURES = ("accuracy", "macro_f1")
MOST, LEAST = 8, 20


def compare_runs(
    first: RunFolder | str | os.PathLike,
    second: RunFolder | str | os.PathLike,
    data: TrainingData | str | os.PathLike | None = None,
    *,
    by: Sequence[str] | None = None,
    system: bool = False,
    output: str | os.PathLike | None = None,
    record: bool = False,
    n_resamples: int = 2000,
    most: int = MOST,
    least: int = LEAST,
) -> dict[str, Any]:
    """Compare what two runs said of the same rows, out of fold: the second minus the first, everywhere.

    Args:
        first: a finished run.
        second: another one on the same rows; other folds, another encoder, another recipe.
        data: the rows, for groups (which are resampled as a whole) and for slices by length or by what the data say; by
            default where the second run, or the first, was trained on, if that is still there.
        by: slices: `class` (of questions `category` and `answer`), `length`, `year`, or a column or field of `meta`
            (see `slices_of`). By default all that are always there: class, and length where the data is.
        system: compare what deferring systems say, experts' answers included.
        output: folder for `comparison.json`, `comparison.md`, `comparison.png` and `changed.parquet`: which rows
            changed, by id, without their texts.
        record: put the comparison into the second run's facts, so that its card tells of it.
        n_resamples: bootstrap resamples.
        most: values of a property that are kept; the others are one slice.
        least: rows of a slice at least.

    Returns:
        The facts, as in `comparison.json`.

    Raises:
        InputError: the runs do not fit each other, a slice is unknown, or the data is of other rows.
    """
    runs = [run if isinstance(run, RunFolder) else RunFolder.open(run) for run in (first, second)]
    shared = shared_rows(*runs, system=system)
    with tempfile.TemporaryDirectory(prefix="secondopinion-") as cache:
        rows_of = _data(runs, data, Path(cache))
        places = None if rows_of is None else _places(rows_of, shared)
        if by is None:
            by = [*shared.properties, *([] if rows_of is None else ["length"])]
        chosen = slices_of(by, shared.properties, rows_of, places, most=most, least=least)
        groups = None if rows_of is None or rows_of.groups is None else rows_of.groups[places]
    if groups is not None and len(np.unique(groups)) == len(groups):
        groups = None
    every = np.ones(len(shared.ids), dtype=bool)
    facts = {
        "made_at": now(),
        "runs": [_about(run) for run in runs],
        "system": system,
        "rows": len(shared.ids),
        "left_out": list(shared.left_out),
        "groups": None if groups is None else len(np.unique(groups)),
        "resamples": n_resamples,
        "counted": shared.counted,
        "figures": _figures(shared, groups, n_resamples),
        "test": _test(shared, every),
        "slices": _slices(shared, chosen, groups, n_resamples),
        "changes": _changes(shared),
    }
    if output is not None:
        _write(Path(output), facts, shared)
    if record:
        _record(runs[1], facts)
    return facts


def _record(run: RunFolder, facts: dict[str, Any]) -> None:
    """Put a comparison into the facts of a run, in place of an earlier one with the same other run."""
    name = facts["runs"][0]["name"]
    others = [one for one in run.facts.get("comparisons") or [] if one["runs"][0]["name"] != name]
    plot = draw_comparison(run.plots, facts, f"comparison_{re.sub(r'[^A-Za-z0-9-]+', '_', name)}.png")
    run.add_facts({"comparisons": [*others, facts]}, plots=[plot])


def _about(run: RunFolder) -> dict[str, Any]:
    facts = run.facts
    return {
        "name": facts["name"],
        "base_model": facts["model"].get("base_model"),
        "fingerprint": facts["dataset"]["fingerprint"],
        "folds_sha1": facts["folds"]["sha1"],
        "finished_at": facts.get("finished_at"),
    }


def _data(runs: Sequence[RunFolder], data: Any, cache: Path) -> TrainingData | None:
    if isinstance(data, TrainingData):
        return data
    if data is not None:
        return load_data(DatasetSpec(path=os.fspath(data)), cache)
    for run in reversed(runs):
        if run.facts["model"]["kind"] == "multitask_qa":
            return None
        location = run.local.get("data")
        if location and Path(location).is_dir():
            stored = run.facts["recipe"]["dataset"]
            spec = DatasetSpec(**{**stored, "path": location})
            return load_data(spec, cache)
    return None


def _places(data: TrainingData, shared: SharedRows) -> np.ndarray:
    """Return where each shared row is in the data."""
    place = {str(identifier): row for row, identifier in enumerate(data.ids)}
    missing = [identifier for identifier in shared.ids if identifier not in place]
    if missing:
        raise InputError(
            f"{len(missing):,} of {len(shared.ids):,} rows are not in {data.name}, {missing[0]} for one; give the data "
            "that the runs were trained on"
        )
    return np.array([place[identifier] for identifier in shared.ids])


def _figures(shared: SharedRows, groups: np.ndarray | None, n_resamples: int) -> list[dict[str, Any]]:
    """Return name, first, second and the paired difference of each figure over all rows."""
    if shared.said is None:
        every = np.ones(len(shared.ids), dtype=bool)
        return [{"name": name, **_mean(values, every, groups, n_resamples)} for name, values in shared.scores.items()]
    gold = shared.properties[CLASS]
    names = sorted({*gold.tolist(), *shared.said.ravel().tolist()})
    true, first, second = (encode(column.tolist(), names) for column in (gold, *shared.said))
    values = [flatten(nested_figures(confusion_table(true, one, len(names)), names)) for one in (first, second)]
    numbers = range(len(names))
    found = paired_differences(
        true, second, first, labels=numbers, label_names=names, groups=groups, n_resamples=n_resamples
    )
    wanted = [*FIGURES, *(f"f1_{name}" for name in names)]
    return [{"name": name, "first": values[0][name], "second": values[1][name], **found[name]} for name in wanted]


def _mean(values: np.ndarray, rows: np.ndarray, groups: np.ndarray | None, n_resamples: int) -> dict[str, float]:
    """Return both means over some rows, and the second minus the first with its interval."""
    own = values[:, rows]
    known = ~np.isnan(own).any(axis=0)
    own = np.where(known, own, 0.0)
    sums = np.column_stack([own[0], own[1], known.astype(np.float64)])
    resampler = SumResampler(sums, None if groups is None else groups[rows])

    def statistic(drawn: np.ndarray) -> np.ndarray:
        return ((drawn[:, 1] - drawn[:, 0]) / np.maximum(drawn[:, 2], 1.0))[:, None]

    difference, low, high = (float(value[0]) for value in bootstrap(resampler, statistic, n_resamples))
    first, second = own.sum(axis=1) / max(1, int(known.sum()))
    return {"first": float(first), "second": float(second), "difference": difference, "low": low, "high": high}


def _test(shared: SharedRows, rows: np.ndarray) -> dict[str, Any]:
    """Return McNemar's test on some rows."""
    first, second = shared.scores[shared.counted][:, rows]
    return mcnemar(
        int(((first == 1) & (second != 1)).sum()), int(((second == 1) & (first != 1)).sum()), "first", "second"
    )


def _slices(
    shared: SharedRows, chosen: Sequence[Any], groups: np.ndarray | None, n_resamples: int
) -> list[dict[str, Any]]:
    values = shared.scores[shared.counted]
    found = []
    for one in chosen:
        if np.isnan(values[:, one.rows]).any(axis=0).all():
            continue
        found.append(
            {
                "by": one.by,
                "value": one.value,
                "rows": int(one.rows.sum()),
                **_mean(values, one.rows, groups, n_resamples),
                **_test(shared, one.rows),
            }
        )
    for place, p_value in holm({str(i): one["p_value"] for i, one in enumerate(found)}).items():
        found[int(place)]["p_holm"] = p_value
    return found


def _changes(shared: SharedRows) -> dict[str, Any]:
    """Return how many rows became right or wrong or stayed so, and of classes how many went from what to what."""
    first, second = shared.scores[shared.counted] == 1
    counts = {"both_right": int((first & second).sum()), "became_right": int((~first & second).sum())}
    counts |= {"became_wrong": int((first & ~second).sum()), "both_wrong": int((~first & ~second).sum())}
    if shared.said is None:
        return {"counts": counts, "ways": []}
    changed = shared.said[0] != shared.said[1]
    columns = (shared.properties[CLASS], *shared.said)
    ways = Counter(zip(*(column[changed].tolist() for column in columns), strict=True))
    names = ("gold", "first", "second")
    return {
        "counts": counts,
        "ways": [
            dict(zip(names, way, strict=True)) | {"rows": rows}
            for way, rows in sorted(ways.items(), key=lambda item: (-item[1], item[0]))
        ],
    }


def _write(folder: Path, facts: dict[str, Any], shared: SharedRows) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    right = shared.scores[shared.counted] == 1
    changed = right[0] != right[1]
    columns: dict[str, Any] = {"id": shared.ids} | dict(shared.properties)
    if shared.said is not None:
        changed |= shared.said[0] != shared.said[1]
        columns |= {"first": shared.said[0], "second": shared.said[1]}
    columns |= {"first_right": right[0], "second_right": right[1]}
    columns |= {"first_confidence": shared.confidence[0], "second_confidence": shared.confidence[1]}
    table = pa.table({name: pa.array(np.asarray(values)[changed].tolist()) for name, values in columns.items()})
    with atomic_file(folder / "changed.parquet") as temporary:
        pq.write_table(table, temporary)
    write_json(folder / "comparison.json", facts)
    with atomic_file(folder / "comparison.md") as temporary:
        temporary.write_text(comparison_markdown(facts), encoding="utf-8")
    draw_comparison(folder, facts)
