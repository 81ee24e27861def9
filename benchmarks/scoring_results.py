"""What is asked of scoring, and the rows of the table that its rounds give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from common import Result, measured, unmeasured

RIVAL, SINGLE = "pipeline, batches of 32", "pipeline, one at a time"
RIVAL_BF16 = f"{RIVAL}, bf16"
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
    "card": (
        ("engine, torch", RIVAL, None),
        ("engine, torch, bf16", RIVAL, None),
        ("engine, torch, bf16", RIVAL_BF16, None),
    ),
}
TOLD = {"reports": "device reports", "notes": "notes", "card": "texts by a random model"}
# Corpus → (contender, precision, the share of its matrix rate that is asked for).
SHARES = {
    "reports": (("engine, OpenVINO, bf16", "bf16", 0.6), ("engine, torch", "float32", None)),
    "card": (("engine, torch, bf16", "bf16", None), ("engine, torch", "float32", None)),
}


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
    texts = f"{len(lengths):,} {TOLD[corpus]}"
    results = []
    for name, rival, asked in RATIOS[corpus]:
        work = f"scoring {texts}, {name.removeprefix('engine, ')}"
        if name in rounds[0] and rival in rounds[0]:
            ratios = [found[rival]["seconds"] / found[name]["seconds"] for found in rounds]
            rate = lengths.sum() / np.median([found[name]["seconds"] for found in rounds])
            note = f"{rate:,.0f} tokens/s"
            # The logits of random weights are nearly equal; which is the largest says nothing.
            if corpus != "card" and ("bf16" in name or "int8" in name):
                note += f"; {same_label[name]:.2%} the same label"
            note += int8_loss(model) if "int8" in name else ""
            results.append(measured(work, rival, ratios, asked=asked, note=note))
        elif name not in rounds[0] and asked is not None:
            why = "this processor has no bf16" if "bf16" in name else "left out, or int8 would cost too much F1"
            results.append(unmeasured(work, rival, why, asked=asked))
    for name, precision, asked in SHARES.get(corpus, ()):
        if name in rounds[0]:
            shares = [work_done / found[name]["seconds"] / 1e9 / found[name]["ceiling"] for found in rounds]
            rival = f"a {precision} matrix product of {rounds[0][name]['side']}³"
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
