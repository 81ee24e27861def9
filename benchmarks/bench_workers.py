"""Two workers beside one, a thread each: the same scoring by `accelerate`'s processes and by a local Ray cluster.

    python benchmarks/bench_workers.py --model RUN --data data/maude --rows 5000 --copies 2

`secondopinion score` is called as a person would, in turn with one worker and with two, each with a thread. What counts
is the time that it prints: reading, tokenising, the model and writing, without the start of Python. Ray's includes the
start of its workers, so that few rows show less gain. Every output is compared with the first. What the machine itself
gains is shown beside it: matrix products of two processes at once over those of one.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from common import machine_line, measured, report, unmeasured

from secondopinion.core.machine import bf16_supported, cpu_count

ASKED = 1.6
LAUNCH = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node"]
ENGINES = {
    "accelerate": lambda workers: ([*LAUNCH, str(workers)] if workers > 1 else [], []),
    "Ray": lambda workers: ([], ["--engine", "ray", "--workers", str(workers)]),
}
RATE = re.compile(r"rows scored in ([\d,.]+) s")


def scored(engine: str, workers: int, model: str, texts: Path, output: Path, rows_per_part: int) -> float:
    """Score the texts and return the seconds that the command says it took."""
    before, after = ENGINES[engine](workers)
    command = [sys.executable, *before, "-m", "secondopinion", "score", "--model", model, "--input", str(texts)]
    command += ["--output", str(output), "--no-defer", "--rows-per-part", str(rows_per_part), *after]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    found = RATE.search(done.stdout)
    if done.returncode or not found:
        sys.exit(f"{engine}, {workers} worker(s): {done.stdout[-500:]}{done.stderr[-2000:]}")
    return float(found[1].replace(",", ""))


PRODUCTS = """
import sys, time, torch
torch.set_num_threads(1)
kind = torch.bfloat16 if sys.argv[1] == "bf16" else torch.float32
left, right = torch.rand(1024, 1024, dtype=kind), torch.rand(1024, 1024, dtype=kind)
for _ in range(20): left @ right
print("ready", flush=True)
sys.stdin.readline()
done, until = 0, time.perf_counter() + 5
while time.perf_counter() < until:
    left @ right
    done += 1
print(done)
"""


def machine_gain() -> float:
    """Return how many times as many matrix products two processes of a thread make in five seconds as one does."""
    kind = "bf16" if bf16_supported() else "fp32"

    def products(processes: int) -> int:
        command = [sys.executable, "-c", PRODUCTS, kind]
        started = [subprocess.Popen(command, stdin=-1, stdout=-1, text=True) for _ in range(processes)]
        for one in started:
            one.stdout.readline()
        for one in started:
            one.stdin.write("go\n")
            one.stdin.flush()
        return sum(int(one.communicate()[0]) for one in started)

    return products(2) / products(1)


def labels(output: Path) -> list[str]:
    return [label for part in sorted(output.glob("part-*")) for label in pq.read_table(part)["label"].to_pylist()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a run, or a model's folder")
    parser.add_argument("--data", required=True, help="prepared data, or a file of texts")
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--copies", type=int, default=1, help="times that the rows are scored")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--engine", action="append", choices=list(ENGINES), help="this one alone (may be repeated)")
    arguments = parser.parse_args()
    from bench_scoring import write_texts

    print(machine_line())
    results = []
    with tempfile.TemporaryDirectory() as folder:
        once, texts = Path(folder) / "once.parquet", Path(folder) / "texts.parquet"
        rows = write_texts(arguments.data, "text", arguments.rows, once) * arguments.copies
        pq.write_table(pa.concat_tables([pq.read_table(once)] * arguments.copies), texts)
        # Converts the model and measures its batches, which the next ones find.
        scored("accelerate", 1, arguments.model, once, Path(folder) / "warm", rows)
        machine = f"matrix products of two processes: {machine_gain():.2f}×" if cpu_count() > 1 else ""
        for engine in arguments.engine or ENGINES:
            work, rival = f"scoring by 2 {engine} workers, a thread each", "one worker"
            if cpu_count() < 2:
                results.append(unmeasured(work, rival, "there is one core", asked=ASKED))
                continue
            spent = np.empty((arguments.repeats, 2))
            expected: list[str] = []
            for number in range(arguments.repeats):
                for side in (0, 1) if number % 2 else (1, 0):
                    output = Path(folder) / "scored"
                    # So many parts that both workers end together.
                    spent[number, side] = scored(engine, side + 1, arguments.model, texts, output, max(1, rows // 16))
                    found = labels(output)
                    expected = expected or found
                    if found != expected:
                        sys.exit(f"{engine}, {side + 1} worker(s): other labels than before")
                    shutil.rmtree(output)
                print(f"{engine}, round {number + 1}: {spent[number, 0]:.1f} s, {spent[number, 1]:.1f} s", flush=True)
            one, two = spent.T
            note = f"{rows:,} rows; {rows / np.median(one):,.0f} and {rows / np.median(two):,.0f} rows/s"
            note += f"; {machine}"
            results.append(measured(work, rival, one / two, asked=ASKED, note=note))
    sys.exit(not report(results))


if __name__ == "__main__":
    main()
