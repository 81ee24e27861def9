"""What a card says of an ablation: the table of variants, and sentences on what was shown and what was not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secondopinion.core.wording import difference

from .tables import Table, count, number, plain

BASELINE, FULL = "baseline", "full"
WORDS = {"short": "up to {split} {unit}", "long": "above {split} {unit}"}


def opening(facts: Mapping[str, Any]) -> str:
    """Return what was compared, on which rows, over how many trainings."""
    own = facts["ablation"]
    seeds = own["seeds"]
    over = f"mean over {len(seeds)} seeds" if len(seeds) > 1 else "one training each"
    about = f"of class {plain(own['positive'])}" if own["positive"] else "means over classes"
    averaged = " on the mean probabilities of the seeds" if len(seeds) > 1 else ""
    variants, rows = len(own["variants"]), count(own["rows"])
    trained = f"{variants} variants of the recipe, trained on the same folds"
    tested = f"*p* is McNemar's exact test against the baseline{averaged}, corrected for {variants - 1} comparisons"
    sentences = [
        f"{trained} and measured on the same {rows} held-out rows ({over}).",
        f"F1, precision and recall are {about}.",
        f"{tested} (Holm); intervals come from {count(own['resamples'])} paired resamples.",
    ]
    return " ".join(sentences)


def table(facts: Mapping[str, Any]) -> Table:
    """Return one row a variant: figures on all rows, difference to the baseline, time and memory."""
    rows = []
    for one in facts["ablation"]["variants"]:
        found = one["slices"]["all"]
        figures = {name: number(figure["mean"], 3) for name, figure in found["figures"].items()}
        seconds = sum(one["seconds"]) / len(one["seconds"])
        memory = max(one["device_peak_memory_mb"] or one["peak_memory_mb"]) / 1024
        rows.append(
            [
                _title(one),
                *(figures[name] for name in ("accuracy", "precision", "recall", "f1")),
                _difference(found),
                number(found["figures"]["false_positives"]["mean"], 1),
                number(found["mcnemar"]["p_holm"], 3) if "mcnemar" in found else "–",
                f"{'≥ ' if one['resumed'] else ''}{seconds / 60:.1f}",
                f"{memory:.2f}",
            ]
        )
    header = ["Variant", "Accuracy", "Precision", "Recall", "F1", "F1 minus baseline", "False positives", "p"]
    return Table([*header, "Minutes", "GiB"], rows)


def by_length(facts: Mapping[str, Any]) -> Table | None:
    """Return F1 of each variant by length of the text; None where all texts are on one side."""
    own = facts["ablation"]
    kept = [where for where in WORDS if own["slice_rows"].get(where)]
    if len(kept) < 2:
        return None
    header = ["Variant"]
    for where in kept:
        words = WORDS[where].format(split=count(own["length_split"]), unit=own["length_unit"])
        header += [f"F1, {words} ({count(own['slice_rows'][where])} rows)", "minus baseline"]
    rows = []
    for one in own["variants"]:
        cells = [_title(one)]
        for where in kept:
            found = one["slices"][where]
            cells += [number(found["figures"]["f1"]["mean"], 3), _difference(found)]
        rows.append(cells)
    return Table(header, rows)


def verdicts(facts: Mapping[str, Any]) -> list[str]:
    """Return what the intervals of F1 say of the variants, a sentence each way."""
    told: dict[str, list[str]] = {"higher": [], "lower": [], "unclear": []}
    for one in facts["ablation"]["variants"]:
        if one["name"] == BASELINE:
            continue
        found = one["slices"]["all"]["difference"]["f1"]
        kind = "higher" if found["low"] > 0 else "lower" if found["high"] < 0 else "unclear"
        told[kind].append(plain(one["name"]))
    words = {
        "higher": "F1 is above the baseline's, its interval clear of zero: {}.",
        "lower": "F1 is below the baseline's, its interval clear of zero: {}.",
        "unclear": "No difference in F1 was shown (the interval holds zero): {}.",
    }
    return [words[kind].format(", ".join(names)) for kind, names in told.items() if names]


def _title(one: Mapping[str, Any]) -> str:
    return f"{one['name']} (this recipe)" if one["name"] == FULL else one["name"]


def _difference(found: Mapping[str, Any]) -> str:
    return difference(found["difference"]["f1"]) if "difference" in found else "–"
