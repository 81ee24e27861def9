"""The measurement finder on authored cases, and how fast text is normalised, with entities where they are built.

    python benchmarks/bench_normalizer.py --data ../shared/data/mtsamples.jsonl.gz

Precision and recall count a measurement as found where span, kind and canonical form are all as authored; `spans` asks
for the span alone. Intervals are Wilson's at 95%. The cases were written with the patterns' author at hand, so that
they say which spellings are read, not how often such spellings occur. Speed is CPU time of one thread over the UTF-8
bytes of the notes, the median of `--repeats`; each step is measured alone and all together.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

from common import machine_line, measured, report, seconds
from measurement_cases import HELD_OUT, TUNING, Case, read_cases

from secondopinion.modeling.measurements import find_measurements
from secondopinion.modeling.text_normalization import TextNormalizer


def wilson(hits: int, total: int, z: float = 1.959964) -> tuple[float, float]:
    """Return the 95% interval of a share, after Wilson (1927)."""
    if not total:
        return 0.0, 1.0
    share, spread = hits / total, z * z / total
    middle = share + spread / 2
    width = z * (share * (1 - share) / total + spread / (4 * total)) ** 0.5
    return (middle - width) / (1 + spread), (middle + width) / (1 + spread)


def score(cases: list[Case], shown: bool) -> tuple[int, int, int, int]:
    """Return how many measurements were found right, found by span, found at all, and authored."""
    right = spans = found_all = authored = 0
    for case in cases:
        found = {(one.start, one.end, one.kind, one.canonical) for one in find_measurements(case.text)}
        expected = set(case.expected)
        right += len(found & expected)
        spans += len({one[:2] for one in found} & {one[:2] for one in expected})
        found_all += len(found)
        authored += len(expected)
        if shown and found != expected:
            print(f"  {case.topic}: {case.text}")
            for name, ones in (("missed", expected - found), ("extra", found - expected)):
                for start, end, kind, form in sorted(ones):
                    print(f"    {name} {case.text[start:end]!r} {kind} {form!r}")
    return right, spans, found_all, authored


def share(hits: int, total: int) -> str:
    low, high = wilson(hits, total)
    return f"{hits:>3}/{total:<3} {hits / max(total, 1):6.1%} ({low:.1%}–{high:.1%})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/mtsamples.jsonl.gz"))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--errors", action="store_true", help="show the cases that were read otherwise")
    parser.add_argument("--at-least", type=float, default=2.0, help="exit with 1 below so many MB/s with everything on")
    arguments = parser.parse_args()
    print(machine_line())
    for name, lines in (("tuning", TUNING), ("held out", HELD_OUT)):
        cases = read_cases(lines)
        print(f"{name}: {len(cases)} cases, {sum(not case.expected for case in cases)} without a measurement")
        right, spans, found, authored = score(cases, arguments.errors)
        print(f"  precision {share(right, found)}   spans {share(spans, found)}")
        print(f"  recall    {share(right, authored)}   spans {share(spans, authored)}")
    with gzip.open(arguments.data, "rt", encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file]
    size = sum(len(text.encode()) for text in texts) / 1e6
    normalizers = {
        "measurements": TextNormalizer(),
        "measurements, value buckets": TextNormalizer(value_buckets=True),
        "abbreviations": TextNormalizer(measurements=False, abbreviations=True),
        "measurements, buckets, abbreviations": TextNormalizer(value_buckets=True, abbreviations=True),
    }
    steps: dict[str, Callable[[str], object]] = {"finder alone": find_measurements, **normalizers}
    try:
        from secondopinion.modeling.clinical_entities import EntityFinder
    except ImportError:
        print("entities: not built here")
    else:
        entities, normalizer = EntityFinder(), normalizers["measurements"]
        steps |= {
            "entities": entities,
            "measurements, entities": lambda text: entities(normalizer(text).text),
        }
    print(f"{len(texts):,} notes, {size:.2f} MB; {sum(len(find_measurements(text)) for text in texts):,} measurements")
    rates = {}
    for name, step in steps.items():
        rates[name] = [
            size / seconds(lambda step=step: [step(text) for text in texts]) for _ in range(arguments.repeats)
        ]
        print(f"{name:<38}{statistics.median(rates[name]):7.2f} MB/s")
    work = "normalising notes, with entities" if "entities" in rates else "normalising notes"
    found = rates.get("measurements, entities", rates["measurements"])
    sys.exit(not report([measured(work, "none, in one thread", found, asked=arguments.at_least, unit=" MB/s")]))


if __name__ == "__main__":
    main()
