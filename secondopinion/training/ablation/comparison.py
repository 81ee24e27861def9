"""From finished trainings to the facts of an ablation: every variant beside the baseline, by length of the text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.errors import InputError
from ..data import TrainingData
from ..report import read_predictions
from .figures import holm, mcnemar, variant_differences, variant_figures
from .runs import TrainedVariant
from .variants import BASELINE


def compare(
    trained: Sequence[TrainedVariant],
    data: TrainingData,
    lengths: np.ndarray,
    *,
    length_split: int,
    unit: str,
    positive: str | None,
    n_resamples: int,
) -> dict[str, Any]:
    """Return the figures of all variants on the rows that they all predicted out of fold.

    Args:
        trained: see `train_variants`; the baseline among them.
        data: the rows.
        lengths: (rows,) of the texts, uncut.
        length_split: texts up to it and above it are measured by themselves too.
        unit: of the lengths.
        positive: the class that precision, recall, F1 and false positives are about; None for means over classes.
        n_resamples: bootstrap resamples.

    Raises:
        InputError: two trainings predicted other rows, or a run does not sort texts into single classes.
    """
    place = {str(identifier): row for row, identifier in enumerate(data.ids)}
    number = {name: i for i, name in enumerate(data.label_names)}
    labels, probabilities, rows = {}, {}, None
    for one in trained:
        table = read_predictions(one.run)
        own = np.array([place[str(identifier)] for identifier in table["id"]])
        order = np.argsort(own)
        if rows is not None and not np.array_equal(own[order], rows):
            raise InputError(
                f"{one.run.path} has predictions of other rows than the others; train the same folds of each"
            )
        rows = own[order]
        key = (one.variant.name, one.seed)
        labels[key] = table["label"].map(number).to_numpy()[order]
        probabilities[key] = np.stack(table["probabilities"].to_numpy())[order]
    gold = data.labels[rows]
    groups = None if data.groups is None or len(np.unique(data.groups[rows])) == len(rows) else data.groups[rows]
    slices = {
        "all": np.ones(len(rows), dtype=bool),
        "short": lengths[rows] <= length_split,
        "long": lengths[rows] > length_split,
    }
    common = {
        "positive": None if positive is None else number[positive],
        "n_classes": len(data.label_names),
        "n_resamples": n_resamples,
    }
    names = list(dict.fromkeys(one.variant.name for one in trained))
    found = [_variant(name, [one for one in trained if one.variant.name == name]) for name in names]
    for one in found:
        one["slices"] = {}
        for where, chosen in slices.items():
            if not chosen.any():
                continue
            said, theirs = (
                np.stack([label[chosen] for (name, _), label in labels.items() if name == wanted])
                for wanted in (one["name"], BASELINE)
            )
            own_groups = None if groups is None else groups[chosen]
            figures = variant_figures(gold[chosen], said, groups=own_groups, **common)
            measured = {"rows": int(chosen.sum()), "figures": figures}
            if one["name"] != BASELINE:
                measured["difference"] = variant_differences(gold[chosen], said, theirs, groups=own_groups, **common)
                ours, other = (_averaged(probabilities, labels, name)[chosen] for name in (one["name"], BASELINE))
                measured["mcnemar"] = mcnemar(gold[chosen], ours, other)
            one["slices"][where] = measured
    for where in slices:
        p_values = {
            one["name"]: one["slices"][where]["mcnemar"]["p_value"]
            for one in found
            if "mcnemar" in one["slices"].get(where, {})
        }
        for name, p_value in holm(p_values).items():
            next(one for one in found if one["name"] == name)["slices"][where]["mcnemar"]["p_holm"] = p_value
    return {
        "rows": len(rows),
        "groups": None if groups is None else len(np.unique(groups)),
        "positive": positive,
        "length_split": length_split,
        "length_unit": unit,
        "slice_rows": {name: int(chosen.sum()) for name, chosen in slices.items()},
        "resamples": n_resamples,
        "seeds": sorted({one.seed for one in trained}),
        "variants": found,
    }


def _averaged(probabilities: dict[tuple[str, int], np.ndarray], labels: dict[Any, np.ndarray], name: str) -> np.ndarray:
    """Return (rows,) the class by the mean of the seeds' probabilities; of one seed its own class."""
    keys = [key for key in probabilities if key[0] == name]
    if len(keys) == 1:
        return labels[keys[0]]
    return np.mean([probabilities[key] for key in keys], axis=0).argmax(axis=1)


def _variant(name: str, trained: Sequence[TrainedVariant]) -> dict[str, Any]:
    """Return what is known of a variant's trainings, without its figures."""
    facts = [one.run.facts for one in trained]
    results = [[result for result in fact["fold_results"]] for fact in facts]
    device = [one.record.get("device_peak_memory_mb") for one in trained]
    return {
        "name": name,
        "factors": list(trained[0].variant.factors),
        "changes": {key: shown(value) for key, value in trained[0].variant.changes.items()},
        "runs": [f"{name}/{one.run.path.name}" for one in trained],
        "seconds": [round(sum(result["seconds"] for result in own), 1) for own in results],
        "resumed": any(result.get("resumed") for own in results for result in own),
        "peak_memory_mb": [one.record["peak_memory_mb"] for one in trained],
        "device_peak_memory_mb": None if None in device else device,
        "best_epochs": [[result.get("best_epoch") for result in own] for own in results],
        "truncated_share": [sum(result.get("truncated_share") or 0.0 for result in own) / len(own) for own in results],
    }


def shown(value: Any) -> Any:
    """Return a setting as one word or number; of dictionaries and files of the user's only that they are there.

    >>> shown(512), shown({"SOB": "shortness of breath"}), shown("/home/ann/terms.txt")
    (512, '1 entries', 'a file')
    """
    if isinstance(value, dict | list):
        return f"{len(value)} entries"
    return "a file" if isinstance(value, str) and ("/" in value or "\\" in value) else value
