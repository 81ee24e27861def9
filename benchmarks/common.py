"""What benchmarks share: the line that each prints first, timing of two in turn, and the form of a result."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from secondopinion.core.files import atomic_file
from secondopinion.core.machine import hardware, package_versions

# Where `report` leaves the results of a script that `run.py` started.
RESULTS_FILE = "SECONDOPINION_BENCHMARK_RESULTS"
# From so many rounds on the quarter points say more than the range.
MANY = 9


@dataclass(frozen=True)
class Result:
    """One measured ratio beside its rival; a row of the table that `run.py` prints and of `docs/benchmarks.md`.

    Attributes:
        work: what was done, in the words of the table.
        rival: what it is measured against.
        value: the median ratio; None where this machine cannot measure it.
        low: the least ratio of few rounds, the quarter point of many.
        high: the largest, or the three-quarter point.
        rounds: how many ratios there are.
        asked: what it should reach, if anything is asked.
        at_most: whether `asked` is a ceiling (time, memory) and not a floor (speed).
        unit: of the value; a `×` is drawn, anything else is in the table alone.
        note: why there is no value, or what belongs beside it (tokens/s, the resolution).
    """

    work: str
    rival: str
    value: float | None
    low: float | None = None
    high: float | None = None
    rounds: int = 0
    asked: float | None = None
    at_most: bool = False
    unit: str = "×"
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether what is asked is reached; None where nothing is asked or measured.

        >>> Result("score", "pipeline", 6.2, asked=7).met, Result("import", "torch", 0.3, asked=0.5, at_most=True).met
        (False, True)
        """
        if self.asked is None or self.value is None:
            return None
        return self.value <= self.asked if self.at_most else self.value >= self.asked


def measured(
    work: str,
    rival: str,
    ratios: float | Sequence[float] | np.ndarray,
    *,
    asked: float | None = None,
    at_most: bool = False,
    unit: str = "×",
    note: str = "",
) -> Result:
    """Return the result of rounds: the median ratio with its range, or with its quarter points where there are many.

    Args:
        work: what was done.
        rival: what it is measured against.
        ratios: of each round; rates over the rival's, or, with `at_most`, costs over the rival's.
        asked: what it should reach.
        at_most: whether `asked` is a ceiling.
        unit: of the ratios.
        note: what belongs beside it.

    >>> result = measured("score", "pipeline", [6.0, 6.2, 6.9], asked=7)
    >>> result.low, result.value, result.high, result.rounds
    (6.0, 6.2, 6.9, 3)
    """
    rounds = np.atleast_1d(np.asarray(ratios, dtype=float))
    ends = (25, 75) if len(rounds) >= MANY else (0, 100)
    low, middle, high = (float(value) for value in np.percentile(rounds, (ends[0], 50, ends[1])))
    return Result(work, rival, middle, low, high, len(rounds), asked, at_most, unit, note)


def unmeasured(work: str, rival: str, why: str, *, asked: float | None = None, at_most: bool = False) -> Result:
    """Return the row of what this machine cannot measure, and why."""
    return Result(work, rival, None, asked=asked, at_most=at_most, note=why)


def report(results: Sequence[Result]) -> bool:
    """Print results, hand them to `run.py` where it started this script, and say whether all that is asked is met.

    Called once, when all is measured: `sys.exit(not report(results))`.
    """
    for result in results:
        print(line_of(result), flush=True)
    target = os.environ.get(RESULTS_FILE)
    if target:
        with atomic_file(target) as temporary:
            temporary.write_text(json.dumps([asdict(result) for result in results]), encoding="utf-8")
    return all(result.met is not False for result in results)


def line_of(result: Result) -> str:
    """Return a result on one line.

    >>> line_of(measured("score, torch", "pipeline", [6.0, 6.2, 6.9], asked=7))
    'score, torch: 6.2× (6–6.9) beside pipeline (asked: at least 7×): not met'
    """
    if result.value is None:
        return f"{result.work}, beside {result.rival}: not measured, {result.note}"
    ends = f" ({result.low:.3g}–{result.high:.3g})" if result.rounds > 1 else ""
    asked = ""
    if result.asked is not None:
        least = "at most" if result.at_most else "at least"
        asked = f" (asked: {least} {result.asked:g}{result.unit}): {'met' if result.met else 'not met'}"
    return f"{result.work}: {result.value:.3g}{result.unit}{ends} beside {result.rival}{asked}"


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
