"""How much memory a push of a large model takes: the peak of the pushing process above what it held before.

    secondopinion demo --no-launch
    python benchmarks/bench_push_memory.py --run demo-output/runs/phase2

The run is copied, its weights are filled up to `--mib` with random numbers, and it is pushed over HTTP by the real
client to a Hub on loopback, which is a process of its own (`tests/hub`). Ends with 1 above `--limit` MiB.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import machine_line, measured, report

HUB = Path(__file__).resolve().parents[1] / "tests" / "hub" / "hub_server.py"
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def resident(name: str) -> float:
    """Return a line of this process's status (`VmRSS`, `VmHWM`) in MiB."""
    return next(int(line.split()[1]) for line in STATUS.read_text().splitlines() if line.startswith(name)) / 1024


def fill(run: Path, mib: int) -> None:
    """Make the weights that are published `mib` MiB large."""
    import numpy as np
    from safetensors.numpy import load_file, save_file

    from secondopinion.core.run_folder import RunFolder
    from secondopinion.model_cards.deferral import published_folder

    opened = RunFolder.open(run)
    weights = published_folder(opened, opened.facts) / "model.safetensors"
    missing = (mib << 20) - weights.stat().st_size
    filler = np.random.default_rng(0).integers(0, 255, max(missing, 0), dtype=np.uint8)
    save_file({**load_file(weights), "filler": filler}, weights, metadata={"format": "pt"})


def push(run: Path, small: Path) -> None:
    """Push both, the small run first, and print what the large one took."""
    import torch

    from secondopinion.model_cards import push_run

    torch.set_num_threads(1)
    push_run(small, "demo/small")
    before = resident("VmRSS")
    CLEAR.write_text("5")  # proc(5): sets VmHWM to what is held now
    began = time.perf_counter()
    result = push_run(run, "demo/large")
    took = time.perf_counter() - began
    print(f"{resident('VmHWM') - before:.1f} {result.size / 2**20:.1f} {took:.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="a finished run of an encoder")
    parser.add_argument("--mib", type=int, default=500, help="size of the weights")
    parser.add_argument("--limit", type=float, default=150.0, help="MiB above idle")
    parser.add_argument("--push", type=Path, nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.push:
        return push(*arguments.push)
    print(machine_line(), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        large, home = Path(folder) / "large", Path(folder) / "hf"
        shutil.copytree(arguments.run, large)
        fill(large, arguments.mib)
        server = subprocess.Popen([sys.executable, HUB, "--port", "0"], stdout=subprocess.PIPE, text=True)
        try:
            told = dict(word.split("=", 1) for word in server.stdout.readline().removeprefix("export ").split())
            command = [sys.executable, __file__, "--run", arguments.run, "--push", large, arguments.run]
            environment = {key: value for key, value in os.environ.items() if key != "HF_HUB_OFFLINE"}
            environment |= {**told, "HF_HOME": str(home)}
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        finally:
            server.terminate()
    peak, size, took = map(float, done.stdout.split()[-3:])
    print(f"pushed {size:,.0f} MiB in {took:.1f} s: {peak:.0f} MiB above idle at most (limit {arguments.limit:.0f})")
    work, note = f"memory above idle while {size:,.0f} MiB are pushed", f"{peak:.0f} MiB"
    asked = round(arguments.limit / size, 3)
    sys.exit(not report([measured(work, "what is pushed", peak / size, asked=asked, at_most=True, note=note)]))


if __name__ == "__main__":
    main()
