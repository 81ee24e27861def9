"""The MAUDE builder: rows a second, and peak memory on one and on ten times the input.

    python benchmarks/bench_maude_builder.py ../shared/data/maude

Each run is a fresh process. The larger input is made here from the smaller one: copies with new report keys and
one word in fifty changed, so that the ten tellings of a report are near copies and the groups grow tenfold.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import zipfile
from importlib.metadata import version
from pathlib import Path

from common import measured, report

from secondopinion.core.machine import hardware, package_versions
from secondopinion.core.progress import progress
from secondopinion.dataset_scripts.maude.bulk import read_zip
from secondopinion.dataset_scripts.maude.source import detect

RUN = (
    "import json, sys; from secondopinion.dataset_scripts import prepare; "
    "print(json.dumps(prepare('maude', sys.argv[1], sys.argv[2])))"
)


def altered(text: str, rng: random.Random) -> str:
    words = text.split(" ")
    for place in range(len(words)):
        if rng.random() < 0.02:
            words[place] = rng.choice(words)
    return " ".join(words)


def write_copy(source: Path, target: Path, number: int) -> None:
    """Write one altered copy of a partition, record by record."""
    rng = random.Random(f"{source.name} {number}")
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(target.stem, "w") as out,
    ):
        out.write(b'{"meta": {}, "results": [')
        for index, record in enumerate(read_zip(source, source.name)):
            record["mdr_report_key"] = f"{number}{record['mdr_report_key']}"
            for narrative in record.get("mdr_text", []):
                narrative["text"] = altered(narrative["text"], rng)
            out.write((", " if index else "").encode() + json.dumps(record).encode())
        out.write(b"]}")


def run(source: Path, output: Path) -> dict:
    answer = subprocess.run(
        [sys.executable, "-c", RUN, str(source), str(output)], check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(answer.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, nargs="?", default=Path("../shared/data/maude"))
    parser.add_argument("--copies", type=int, default=10)
    parser.add_argument("--limit-ratio", type=float, default=1.2, help="exit with 1 above this ratio of peak memory")
    arguments = parser.parse_args()
    files = detect(arguments.source, "bulk")[1]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        small, large = work / "once", work / "copies"
        small.mkdir()
        large.mkdir()
        for file in files:
            (small / file.name).symlink_to(file.resolve())
        jobs = [(number, file) for number in range(1, arguments.copies + 1) for file in files]
        for number, file in progress(jobs, label="writing copies", unit="file"):
            write_copy(file, large / f"copy-{number:02d}-{file.name}", number)
        results = {"once": run(small, work / "out-once"), f"{arguments.copies} copies": run(large, work / "out-copies")}
    packages = {name: version(name) for name in ("datasets", "datasketch", "ijson", "numpy", "pyarrow")}
    print(json.dumps({"machine": hardware(), "versions": {**package_versions(), **packages}}, indent=2))
    print(f"{'input':<12}{'reports':>10}{'rows':>10}{'groups':>10}{'seconds':>10}{'reports/s':>11}{'peak MiB':>10}")
    for name, facts in results.items():
        print(
            f"{name:<12}{facts['read']:>10,}{facts['rows']:>10,}{facts['groups']:>10,}{facts['seconds']:>10.1f}"
            f"{facts['rows_per_second']:>11,.0f}{facts['peak_memory_mb']:>10.1f}"
        )
    once, copies = results.values()
    ratio = copies["peak_memory_mb"] / once["peak_memory_mb"]
    work = f"peak memory of preparing {copies['read']:,} reports"
    note = f"{copies['peak_memory_mb']:.0f} MiB; {once['rows_per_second']:,.0f} reports/s"
    result = measured(work, f"{once['read']:,}", ratio, asked=arguments.limit_ratio, at_most=True, note=note)
    sys.exit(not report([result]))


if __name__ == "__main__":
    main()
