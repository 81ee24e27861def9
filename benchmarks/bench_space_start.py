"""Cold start of each Space: from the start of its process until its page answers, beside a bare gradio page.

    python benchmarks/bench_space_start.py
    python benchmarks/bench_space_start.py --space long_cases --repeats 1

Each process is new; models are tiny, so that what is measured is the page and what it imports, not the reading of
weights. The bare page is a `gradio.Blocks` with one text box, launched with gradio's own settings. Space and bare page
take turns, `--repeats` times each; the medians count.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from common import machine_line
from console_folder import console_folder
from landing_folder import landing_folder
from long_case_folder import long_case_folder
from qa_folder import qa_folder
from run_builder import save_model
from space_server import page_server, space_server

BARE = """
import sys
import gradio
with gradio.Blocks() as demo:
    gradio.Textbox()
demo.launch(server_port=int(sys.argv[1]), quiet=True)
"""


def models(folder: Path) -> dict[str, Path]:
    """Write a tiny model for each Space; return Space → its folder."""
    return {
        "maude_severity": save_model("pooled_encoder", folder / "severity"),
        "deferral_console": console_folder(folder / "deferral"),
        "clinical_qa": qa_folder(folder / "questions"),
        "long_cases": long_case_folder(folder / "long"),
        "second_opinion": landing_folder(folder / "landing"),
    }


def started(server: Any) -> float:
    """Return the seconds until a server's page answers."""
    began = time.perf_counter()
    with server:
        return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--space", action="append", help="this Space alone (may be repeated)")
    given = parser.parse_args()
    print(machine_line())
    print(f"\n{'page':<18}{'start s':>9}{'beside bare':>13}{'ratio':>8}")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name, model in models(folder).items():
            if given.space and name not in given.space:
                continue
            times: dict[str, list[float]] = {"bare": [], name: []}
            for _ in range(given.repeats):
                times["bare"].append(started(page_server(folder, BARE)))
                times[name].append(started(space_server(folder, name, model=model)))
            bare, own = (statistics.median(values) for values in times.values())
            print(f"{name:<18}{own:>9.1f}{bare:>13.1f}{own / bare:>8.2f}", flush=True)


if __name__ == "__main__":
    main()
