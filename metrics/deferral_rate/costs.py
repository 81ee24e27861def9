"""What the calls to the expert cost."""

from __future__ import annotations

from typing import Any

import numpy as np

from .rows import Rows, draw_weights


def cost_figures(
    rows: Rows, deferred: np.ndarray, n_resamples: int, confidence_level: float, random_state: int | None
) -> tuple[dict[str, Any], dict[str, list[float]]]:
    """Return {total, per_1000, share_of_expert} of the calls made and their percentile intervals.

    A call is paid whether or not its answer is usable. `share_of_expert` is of what asking on every row would cost,
    None where that is free.

    Args:
        rows: what is measured, with prices.
        deferred: (rows,) whether the expert was asked.
        n_resamples: number of resamples; 0 gives no intervals.
        confidence_level: of the intervals.
        random_state: seed.
    """
    n, paid = len(rows), rows.costs * deferred
    total, every = float(paid.sum()), float(rows.costs.sum())
    figures = {"total": total, "per_1000": total / n * 1000, "share_of_expert": total / every if every else None}
    if not n_resamples:
        return figures, {}
    sums = np.array(
        [
            (weights @ paid, weights @ rows.costs, weights.sum())
            for weights in draw_weights(rows, n_resamples, random_state)
        ]
    )
    tails = np.array([(1 - confidence_level) / 2, (1 + confidence_level) / 2])
    mean = sums[:, 0] / sums[:, 2]
    intervals = {
        "cost.total": np.quantile(mean * n, tails).tolist(),
        "cost.per_1000": np.quantile(mean * 1000, tails).tolist(),
    }
    charged = sums[sums[:, 1] > 0]
    if every and len(charged):
        intervals["cost.share_of_expert"] = np.quantile(charged[:, 0] / charged[:, 1], tails).tolist()
    return figures, intervals
