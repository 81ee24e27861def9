"""What benchmarks share: the line that each prints first, and timing of two in turn."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from secondopinion.core.machine import hardware, package_versions


def machine_line() -> str:
    """Return processor, cores, memory and versions on one line."""
    machine, versions = hardware(), package_versions()
    shown = ", ".join(f"{name} {versions[name]}" for name in ("python", "torch", "transformers", "scikit-learn"))
    return f"{machine['cpu']}, {machine['cores']} cores, {machine.get('memory_gib', '?')} GiB; {shown}"


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds that this thread spends, so that other work on the machine counts less."""
    began = time.thread_time()
    work()
    return time.thread_time() - began


def paired(plain: Callable[[], object], ours: Callable[[], object], pairs: int) -> np.ndarray:
    """Return (pairs, 2) seconds; who goes first alternates."""
    times = np.empty((pairs, 2))
    for number in range(pairs):
        for side in (0, 1) if number % 2 else (1, 0):
            times[number, side] = seconds((plain, ours)[side])
    return times
