"""How large batches are and how many are computed at once: measured on first use, kept for the next."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...core.files import read_json, write_json
from ...core.machine import cpu_name, usable_threads
from .backend import Backend

CPU_BUDGETS, GPU_BUDGETS = (512, 1024, 2048), (8192, 16384, 32768, 65536)
# A corpus of fewer tokens is done before a measurement would pay.
WORTH_TUNING = 400_000
SAMPLE_TOKENS = 8_192
# A batching that is not this near to the quickest at its first run has no further ones.
RUNS, NEAR = 3, 0.9


@dataclass(frozen=True)
class Batching:
    """How rows are put together.

    Attributes:
        token_budget: tokens of a batch at most, padding included.
        streams: batches computed at the same time, each by its share of the cores.
    """

    token_budget: int
    streams: int

    @classmethod
    def default(cls, backend: Backend) -> Batching:
        """Return what does well without a measurement."""
        if backend.device != "cpu":
            return cls(32768, 1)
        return cls(1024, usable_threads()) if backend.name == "openvino" else cls(2048, 1)


def candidates(backend: Backend) -> list[Batching]:
    """Return what is tried: on a CPU one stream over all cores, and one a core.

    On a GPU a second stream pads its batch while the card computes that of the first.
    """
    on_cpu = backend.device == "cpu"
    streams, budgets = (sorted({1, usable_threads()}), CPU_BUDGETS) if on_cpu else ((1, 2), GPU_BUDGETS)
    return [Batching(budget, number) for number in streams for budget in budgets]


def tuned(
    backend: Backend,
    run: Callable[[Batching, Sequence[int]], float],
    lengths: np.ndarray,
    cache: Path | None,
    *,
    force: bool = False,
) -> Batching:
    """Return the quickest batching on this machine, from the cache or by measuring it.

    Args:
        backend: that computes.
        run: scores some rows with a batching; returns tokens a second.
        lengths: (rows,) tokens of the rows at hand, from which a sample is drawn; texts of other lengths have their own
            measurement.
        cache: folder of the model's converted forms; None keeps nothing.
        force: measure anew.
    """
    kept = None if force else kept_batching(backend, cache, lengths)
    if kept is not None:
        return kept
    rates = measured(backend, run, lengths)
    best = max(rates, key=rates.__getitem__)
    trials = [{**asdict(batching), "tokens_per_second": round(rate)} for batching, rate in rates.items()]
    if cache is not None:
        facts = _facts(backend, lengths)
        write_json(_record(cache, facts), {**asdict(best), "measured": trials, "on": facts})
    return best


def kept_batching(backend: Backend, cache: Path | None, lengths: np.ndarray) -> Batching | None:
    """Return what was the quickest batching for such texts on such a machine, or None where that was not measured."""
    if cache is None or not len(lengths) or not (record := _record(cache, _facts(backend, lengths))).exists():
        return None
    kept = read_json(record)
    return Batching(kept["token_budget"], kept["streams"])


def _facts(backend: Backend, lengths: np.ndarray) -> dict[str, Any]:
    """Return what decides which batching is the quickest, beside the model: texts about twice as long have others."""
    about = 2 ** round(math.log2(max(1, np.sum(lengths) / max(1, len(lengths)))))
    facts = {**backend.facts(), "cpu": cpu_name(), "cores": usable_threads(), "tokens_a_text": about}
    if backend.device == "cuda":
        import torch

        facts["card"] = torch.cuda.get_device_name()
    return facts


def _record(cache: Path, facts: dict[str, Any]) -> Path:
    key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]
    return cache / f"batching-{key}.json"


def measured(
    backend: Backend, run: Callable[[Batching, Sequence[int]], float], lengths: np.ndarray
) -> dict[Batching, float]:
    """Return tokens a second of each candidate on the same sample of rows.

    The sample has short and long rows as the corpus has them; each candidate is warmed up on it once, and the best of
    three runs counts, since candidates differ by a few percent and a machine's moments by more.
    """
    scale = 1 if backend.device == "cpu" else 16
    order = np.random.default_rng(13).permutation(len(lengths))
    sample = order[: int(np.searchsorted(np.cumsum(lengths[order]), SAMPLE_TOKENS * scale)) + 1]
    rates, best = {}, 0.0
    for batching in candidates(backend):
        run(batching, sample)
        rate = 0.0
        for _ in range(RUNS):
            rate = max(rate, run(batching, sample))
            if rate < NEAR * best:
                break
        rates[batching], best = rate, max(rate, best)
    return rates


__all__ = ["WORTH_TUNING", "Batching", "candidates", "kept_batching", "measured", "tuned"]
