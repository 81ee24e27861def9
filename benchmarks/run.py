"""All benchmarks that a machine without a GPU finishes in an hour or so, one after the other, and one table of ratios.

    python benchmarks/run.py                       # the quick size
    python benchmarks/run.py --full                # the size of the table in the documentation
    python benchmarks/run.py --only scoring --only cold-paths --force
    python benchmarks/run.py --draw                # docs/benchmarks.md and its plot from what is stored

Each is a script of its own (`benchmarks/bench_*.py`) that takes its contenders in turn. What it finds is stored in
`benchmarks/results`; a result of the same machine, versions, data and size is not measured again unless `--force` says
so, so that a stopped run goes on. Data and model are made where they are missing: from `../shared/data` if it is there,
from authored texts otherwise. Ends with 1 where a benchmark failed; a ratio below what is asked is told in the table.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import RESULTS_FILE, Result, machine_line
from materials import Materials
from page import results_table, write_page
from registry import BENCHMARKS, FULL, QUICK, Benchmark
from stored import FOLDER, Stored, load, save, this_machine, versions

from secondopinion.core.errors import InputError
from secondopinion.core.progress import say

ROOT = Path(__file__).resolve().parents[1]


NAMES = tuple(one.name for one in BENCHMARKS)


def wanted(one: Benchmark, size: str, materials: Materials) -> tuple[list[str], Stored]:
    """Return the options with the paths of the materials, and what is to be measured, without results."""
    paths, told, data = [], [], []
    for word in one.words(size):
        if word.startswith("{"):
            found = materials[word.strip("{}")]
            paths.append(str(found.path))
            told.append(word.strip("{}").removeprefix("int8_").upper())
            data.append(found.told)
        else:
            paths.append(word)
            told.append(word)
    command = f"python {shlex.join([f'benchmarks/{one.path.name}', *told])}"
    return paths, Stored(one.name, size, command, data, [], machine=this_machine(), versions=versions())


def measure(one: Benchmark, paths: list[str], asked: Stored) -> Stored | None:
    """Run a script and return what it found; None where it failed."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "results.json"
        environment = {**os.environ, RESULTS_FILE: str(target)}
        began = time.perf_counter()
        done = subprocess.run([sys.executable, one.path, *paths], env=environment, cwd=ROOT, check=False)
        if not target.exists():
            say(f"{one.name} ended with {done.returncode} and no result")
            return None
        rows = [Result(**row) for row in json.loads(target.read_text(encoding="utf-8"))]
    fields = {name: getattr(asked, name) for name in ("benchmark", "size", "command", "data", "machine", "versions")}
    return Stored(**fields, results=rows, seconds=round(time.perf_counter() - began, 1))


def measure_all(arguments: argparse.Namespace) -> list[str]:
    """Measure what is not stored yet and store it; return the names of those that failed."""
    print(machine_line())
    materials = Materials(arguments.shared, arguments.work, arguments.run, arguments.reports)
    chosen = [one for one in BENCHMARKS if (one.name in arguments.only if arguments.only else not one.hours)]
    failed = []
    for number, one in enumerate(chosen, 1):
        place = f"{number} of {len(chosen)}  {one.name}"
        try:
            paths, asked = wanted(one, FULL if arguments.full else QUICK, materials)
        except InputError as error:
            say(f"{place} cannot be measured: {error}")
            failed.append(one.name)
            continue
        known = load([one.name], arguments.results).get(one.name)
        if known and known.stands_for(asked) and not arguments.force:
            say(f"{place}: measured on {known.measured} ({known.size}); kept")
            continue
        say(f"{place}: {asked.command}")
        found = measure(one, paths, asked)
        if found is None:
            failed.append(one.name)
        else:
            save(found, arguments.results)
    return failed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="the sizes of the documentation's table")
    parser.add_argument("--only", action="append", choices=NAMES, metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--force", action="store_true", help="measure again what is stored")
    parser.add_argument("--draw", action="store_true", help="measure nothing; write the page from what is stored")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared" / "data", help="folder of shared data")
    parser.add_argument(
        "--work", type=Path, default=ROOT / "build" / "benchmarks", help="where data and model are made"
    )
    parser.add_argument("--run", type=Path, help="a finished run over device reports, in place of one trained here")
    parser.add_argument("--reports", type=Path, help="prepared device reports, in place of those prepared here")
    parser.add_argument("--results", type=Path, default=FOLDER)
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "benchmarks.md")
    arguments = parser.parse_args()
    failed = [] if arguments.draw else measure_all(arguments)
    stored = load(NAMES, arguments.results)
    print(f"\n{results_table(stored)}\n")
    write_page(stored, arguments.page)
    say(f"written: {arguments.page}")
    if failed:
        sys.exit(f"without a result: {', '.join(failed)}")


if __name__ == "__main__":
    main()
