"""Cold paths: what a first import, `--help`, a first model and a first prediction take, beside `import transformers`.

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

RIVAL = "import transformers"
OPEN = (
    "from secondopinion.scoring.opening import open_model\n"
    "model = open_model({model!r}, defer=False, backend={backend!r})\n"
)
# Name → (code, largest ratio to the rival that is no regression).
PATHS = {
    RIVAL: ("import transformers", 1.0),
    "import secondopinion": ("import secondopinion", 0.5),
    "secondopinion --help": (
        "import sys; sys.argv = ['secondopinion', '--help']\nfrom secondopinion.cli import main\nmain()",
        0.75,
    ),
    "import secondopinion.modeling": ("import secondopinion.modeling", 6.0),
    "open a model, torch": (OPEN.replace("{backend!r}", "'torch'"), 10.0),
    "open a model and predict, torch": (OPEN.replace("{backend!r}", "'torch'") + "model.scorer.score(['x'])", 11.0),
    "open a model and predict, OpenVINO": (
        OPEN.replace("{backend!r}", "'openvino'") + "model.scorer.score(['x'])",
        14.0,
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="a run, or a model's folder; without it only imports are measured")
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    names = [name for name, (code, _) in PATHS.items() if arguments.model or "{model" not in code]
    print(machine_line())
    spent: dict[str, list[float]] = {name: [] for name in names}
    for number in range(arguments.repeats + 1):
        for name in names if number % 2 else reversed(names):
            code = PATHS[name][0].replace("{model!r}", repr(arguments.model))
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
            # The first round fills the disk's cache.
            if number:
                spent[name].append(time.perf_counter() - began)
    results = [
        measured(
            name,
            RIVAL,
            np.array(spent[name]) / np.array(spent[RIVAL]),
            asked=PATHS[name][1],
            at_most=True,
            note=f"{np.median(spent[name]):.2f} s",
        )
        for name in names
        if name != RIVAL
    ]
    sys.exit(not report(results))


if __name__ == "__main__":
    main()
