"""What a fold leaves behind, and figures of class numbers by the suite's own metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..metrics.per_class_f1.per_class_f1 import per_class_figures


@dataclass(frozen=True)
class FoldOutcome:
    """A trained fold: `logits` (held-out rows, classes), uncalibrated, and facts for run.json.

    Where a policy was trained along, `expert_scores` (held-out rows, experts) are its scores; else None.
    """

    logits: np.ndarray
    facts: dict[str, Any]
    expert_scores: np.ndarray | None = None


def class_figures(gold: np.ndarray, predicted: np.ndarray, label_names: Sequence[str]) -> dict[str, Any]:
    """Return `figures` as in run.json, without intervals, from class numbers (rows,) and (rows,)."""
    return per_class_figures(
        np.asarray(gold).tolist(),
        np.asarray(predicted).tolist(),
        labels=range(len(label_names)),
        label_names=list(label_names),
    )
