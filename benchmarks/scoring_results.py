"""What is asked of scoring, and the rows of the table that its rounds give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from common import Result, measured, unmeasured

RIVAL, SINGLE = "pipeline, batches of 32", "pipeline, one at a time"
# Corpus → (contender, rival, the ratio of their rates that is asked for).
RATIOS = {
    "reports": (
        ("engine, torch", RIVAL, None),
        ("engine, torch, bf16", RIVAL, 7.0),
        ("engine, OpenVINO", RIVAL, None),
        ("engine, OpenVINO, bf16", RIVAL, 11.0),
        ("engine, OpenVINO, bf16", SINGLE, 4.3),
        ("engine, OpenVINO, int8", RIVAL, 16.0),
        ("engine, OpenVINO", "bare OpenVINO loop", 0.90),
        ("engine, OpenVINO, bf16", "bare OpenVINO loop, bf16", 0.90),
    ),
    "notes": (
        ("engine, torch", RIVAL, None),
        ("engine, OpenVINO", RIVAL, None),
        ("engine, OpenVINO, int8", RIVAL, None),
        ("engine, OpenVINO, bf16", RIVAL, 5.0),
    ),
}
SHARE_ASKED = 0.6


def results_of(
    corpus: str,
    model: str,
    rounds: list[dict[str, dict[str, Any]]],
    lengths: np.ndarray,
    work_done: float,
    same_label: dict[str, float],
) -> list[Result]:
    """Return the rows of the table: who is how much quicker than whom, and the share of the cores' matrix rate.

    Args:
        corpus: a key of `RATIOS`.
        model: that was measured.
        rounds: contender → its seconds and its ceiling, for each round.
        lengths: (texts,) in tokens.
        work_done: floating-point operations of scoring them.
        same_label: contender → share of the texts with the label that the rival gives.
    """
    texts = f"{len(lengths):,} {'device reports' if corpus == 'reports' else 'notes'}"
    results = []
    for name, rival, asked in RATIOS[corpus]:
        work = f"scoring {texts}, {name.removeprefix('engine, ')}"
        if name in rounds[0] and rival in rounds[0]:
            ratios = [found[rival]["seconds"] / found[name]["seconds"] for found in rounds]
            rate = lengths.sum() / np.median([found[name]["seconds"] for found in rounds])
            note = f"{rate:,.0f} tokens/s"
            if "bf16" in name or "int8" in name:
                note += f"; {same_label[name]:.2%} the same label"
            note += int8_loss(model) if "int8" in name else ""
            results.append(measured(work, rival, ratios, asked=asked, note=note))
        elif name not in rounds[0] and asked is not None:
            why = "this processor has no bf16" if "bf16" in name else "left out, or int8 would cost too much F1"
            results.append(unmeasured(work, rival, why, asked=asked))
    for name, precision in (("engine, OpenVINO, bf16", "bf16"), ("engine, torch", "float32")):
        if name in rounds[0] and corpus == "reports":
            shares = [work_done / found[name]["seconds"] / 1e9 / found[name]["ceiling"] for found in rounds]
            asked = SHARE_ASKED if precision == "bf16" else None
            rival = f"a {precision} matrix product of 2048³"
            rate = np.median([work_done / found[name]["seconds"] / 1e9 for found in rounds])
            note = f"{rate:,.0f} of {np.median([found[name]['ceiling'] for found in rounds]):,.0f} GFLOP/s"
            work = f"arithmetic rate while scoring, {precision}"
            results.append(measured(work, rival, shares, asked=asked, note=note))
    return results


def int8_loss(model: str) -> str:
    """Return what the model's int8 form costs, as `quantize` measured it."""
    for path in sorted(Path(model).glob("backends/*/openvino-int8/conversion.json")):
        found = json.loads(path.read_text(encoding="utf-8"))["measured"]
        return (
            f"; {found['figure'].replace('_', ' ')} {found['int8'] - found['float32']:+.4f} on {found['rows']:,} rows"
        )
    return ""
