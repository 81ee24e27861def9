"""Cold paths: what a first import, `--help`, a first model and a first prediction take, beside transformers.

    python benchmarks/bench_cold_paths.py --model RUN --repeats 7

Each is a process of its own, in an order that turns round every time; what is shown are medians of the wall-clock time
of the whole process, and of its ratio to the rival in the same round. Each has a budget: a ratio above it is a
regression, and ends this with 1.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

import numpy as np
from common import machine_line, measured, report

RIVAL, PARTS = "import transformers", "import what any model takes of transformers"
OPEN = (
    "from secondopinion.scoring.opening import open_model\n"
    "model = open_model({model!r}, defer=False, backend={backend!r})\n"
)
# `import transformers` alone loads next to nothing: its parts, and torch, come when they are named.
RIVALS = {
    RIVAL: "import transformers",
    PARTS: "from transformers import AutoModelForSequenceClassification, Pipeline, PreTrainedModel, ProcessorMixin",
}
# Name → (code, rival, largest ratio that is no regression).
PATHS = {
    "import secondopinion": ("import secondopinion", RIVAL, 0.5),
    "secondopinion --help": (
        "import sys; sys.argv = ['secondopinion', '--help']\nfrom secondopinion.cli import main\nmain()",
        RIVAL,
        0.75,
    ),
    "import secondopinion.modeling": ("import secondopinion.modeling", PARTS, 1.25),
    "open a model, torch": (OPEN.replace("{backend!r}", "'torch'"), PARTS, 1.75),
    "open a model and predict, torch": (
        OPEN.replace("{backend!r}", "'torch'") + "model.scorer.score(['x'])",
        PARTS,
        2.0,
    ),
    "open a model and predict, OpenVINO": (
        OPEN.replace("{backend!r}", "'openvino'") + "model.scorer.score(['x'])",
        PARTS,
        2.5,
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="a run, or a model's folder; without it only imports are measured")
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    codes = RIVALS | {
        name: code.replace("{model!r}", repr(arguments.model))
        for name, (code, _, _) in PATHS.items()
        if arguments.model or "{model" not in code
    }
    names = list(codes)
    print(machine_line())
    spent: dict[str, list[float]] = {name: [] for name in names}
    for number in range(arguments.repeats + 1):
        for name in names if number % 2 else reversed(names):
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", codes[name]], capture_output=True, check=True)
            # The first round fills the disk's cache.
            if number:
                spent[name].append(time.perf_counter() - began)
    results = []
    for name, (_, rival, budget) in PATHS.items():
        if name in codes:
            ratios, note = np.array(spent[name]) / np.array(spent[rival]), f"{np.median(spent[name]):.2f} s"
            results.append(measured(name, rival, ratios, asked=budget, at_most=True, note=note))
    sys.exit(not report(results))


if __name__ == "__main__":
    main()
