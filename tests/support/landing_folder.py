"""A published deferring system with the whole record that the landing page shows: calibration, data, folds, figures."""

from __future__ import annotations

import json
from pathlib import Path

from console_folder import console_folder
from run_builder import LABELS

# Half of the range holds no answer, so that a page has to say so.
BINS = [
    {
        "low": at / 10,
        "high": (at + 1) / 10,
        "count": count,
        "confidence": at / 10 + 0.05 if count else None,
        "accuracy": right,
    }
    for at, (count, right) in enumerate([(0, None)] * 2 + [(30, 0.3), (25, 0.44), (20, 0.5)] + [(0, None)] * 5)
]


def landing_folder(path: Path) -> Path:
    """Write the folder: `console_folder` with more in its run.json."""
    console_folder(path)
    facts = json.loads((path / "run.json").read_text())
    per_class = {name: {"f1": 0.5, "precision": 0.5, "recall": 0.5, "support": 10} for name in LABELS}
    pooled = {"per_class": per_class, "macro_f1": 0.5, "intervals": {f"f1_{name}": [0.4, 0.6] for name in LABELS}}
    facts["dataset"] |= {
        "name": "authored reports",
        "rows": 240,
        "class_counts": dict.fromkeys(LABELS, 60),
        "date_range": ["2019-01-02", "2023-04-05"],
        "policy": {"licence": "cc0-1.0"},
        "fingerprint": "5876ee500c55b7f974aedb971113ddc3",
    }
    facts |= {
        "calibration": {"bins": {"after": BINS}, "ece": {"after": 0.034}},
        "folds": {"n_splits": 5, "trained": [1, 2]},
        "model": {"base_model": "someone/tiny-encoder"},
        "selection": {"reason": "Fold 2 has the best Death F1."},
        "summary": {"out_of_fold": pooled},
    }
    (path / "run.json").write_text(json.dumps(facts))
    return path
