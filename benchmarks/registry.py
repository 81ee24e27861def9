"""The benchmarks of the one command, and how each is called in its quick and in its full size."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
QUICK, FULL = "quick", "full"


@dataclass(frozen=True)
class Benchmark:
    """A script and how it is called.

    Attributes:
        name: in results and in `--only`.
        script: in this folder, without `bench_` and its ending.
        options: of both sizes; a word in braces stands for a material.
        quick: further ones of the quick size.
        full: of the full size.
        hours: whether it takes hours in its full size; it is then run only where `--only` names it.
    """

    name: str
    script: str
    options: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()
    full: tuple[str, ...] = ()
    hours: bool = False

    @property
    def path(self) -> Path:
        """The script."""
        return HERE / f"bench_{self.script}.py"

    def words(self, size: str) -> list[str]:
        """Return the options of a size."""
        return [*self.options, *(self.full if size == FULL else self.quick)]


def benchmark(
    name: str, options: str = "", quick: str = "", full: str = "", *, script: str = "", hours: bool = False
) -> Benchmark:
    """Return a benchmark, options written as in a shell."""
    words = (tuple(shlex.split(text)) for text in (options, quick, full))
    return Benchmark(name, script or name.replace("-", "_"), *words, hours)


BENCHMARKS = (
    benchmark("scoring", "--model {int8_encoder} --data {reports}", "--rows 200 --repeats 2", "--rows 2000"),
    benchmark(
        "scoring-notes",
        "--model {int8_encoder} --data {notes} --corpus notes",
        "--rows 40 --repeats 2",
        "--rows 0 --repeats 3 --only 'engine, OpenVINO, bf16' --only 'engine, OpenVINO, int8'",
        script="scoring",
    ),
    benchmark(
        "scoring-memory", "--model {encoder} --data {reports} --memory", "--rows 500", "--rows 2000", script="scoring"
    ),
    benchmark(
        "workers", "--model {encoder} --data {reports}", "--rows 400 --repeats 1", "--rows 5000 --copies 2 --repeats 2"
    ),
    benchmark("training-speed", "--data {reports}", "--steps 4 --pairs 1", "--steps 24 --pairs 3"),
    benchmark("training-epoch", "--data {reports}", "--pairs 1", "--pairs 1", script="training_speed", hours=True),
    benchmark("cold-paths", "--model {encoder}", "--repeats 3", "--repeats 7"),
    benchmark("maude-builder", "{raw_reports}", "--copies 3", "--copies 10"),
    benchmark("push-memory", "--run {encoder}", "--mib 200", "--mib 500"),
    benchmark("deferral-overhead", "", "--seconds 1", "--seconds 8"),
    benchmark("qa-branching", "--shared 4", "--seconds 2", "--seconds 10"),
    benchmark("qa-windows", "--data {questions}", "--contexts 8", "--contexts 60"),
    benchmark("normalizer", "--data {notes}", "--repeats 1", "--repeats 5"),
)
