"""Which of two backends is quicker for a model on this machine: measured once, kept for the next time."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from ...core.files import read_json, write_json
from ...core.machine import cpu_name, package_versions, usable_threads
from ...core.progress import say
from .backend import Backend
from .tuning import Batching

# Rows × tokens of the batches that are timed: short reports are many, long ones few.
TIMED_BATCHES = ((16, 48), (6, 128), (2, 384))


def quicker(plain: Backend, rival: Backend, config: Any, cache: Path) -> Backend:
    """Return the quicker of two backends, and keep what was found.

    Both compute the same random tokens twice, in one stream over all cores and in one a core; the better of the two
    counts, and the first pass, which warms up, does not.

    Args:
        plain: torch.
        rival: OpenVINO.
        config: of the model.
        cache: of its converted forms; `choice-….json` is written there.
    """
    say("measuring once whether torch or OpenVINO is quicker for this model on this machine")
    rates = {backend.name: _rate(backend, rival.inputs, config) for backend in (plain, rival)}
    best = max((plain, rival), key=lambda backend: rates[backend.name])
    shown = {name: round(rate) for name, rate in rates.items()}
    record = {"backend": best.name, "tokens_per_second": shown, "on": _facts(plain.precision)}
    write_json(_record(cache, plain.precision), record)
    return best


def chosen_before(cache: Path, precision: str) -> str | None:
    """Return the name of the backend that was quicker on such a machine, or None where that was not measured."""
    record = _record(cache, precision)
    return read_json(record)["backend"] if record.exists() else None


def _facts(precision: str) -> dict[str, Any]:
    """Return what decides which is quicker, beside the model."""
    from .openvino_backend import openvino

    versions = {"torch": package_versions()["torch"], "openvino": openvino().__version__}
    return {"precision": precision, "cpu": cpu_name(), "cores": usable_threads(), **versions}


def _record(cache: Path, precision: str) -> Path:
    key = hashlib.sha256(json.dumps(_facts(precision), sort_keys=True).encode()).hexdigest()[:12]
    return cache / f"choice-{key}.json"


def _rate(backend: Backend, inputs: tuple[str, ...], config: Any) -> float:
    """Return tokens a second, of the quicker number of streams."""
    from ..batch_runner import BatchRunner
    from .openvino_backend import example_batch

    random = np.random.default_rng(13)
    batches = [example_batch(config, inputs, rows, width, random) for rows, width in TIMED_BATCHES]
    # Each batch stands for itself: rows of the runner are batches here.
    tokens = np.array([batch["input_ids"].size for batch in batches])
    best = 0.0
    for streams in sorted({1, usable_threads()}):
        runner = BatchRunner(backend, batching=Batching(1, streams))
        try:
            for _ in range(2):
                started = time.perf_counter()
                runner.run(tokens, lambda rows: batches[int(rows[0])], lambda rows, outputs: None)
                spent = time.perf_counter() - started
        finally:
            runner.close()
        best = max(best, float(tokens.sum() / spent))
    return best


__all__ = ["chosen_before", "quicker"]
