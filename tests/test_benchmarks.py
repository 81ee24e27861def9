"""The one command of the benchmarks: what is measured is stored, kept, shown in a table, drawn and on the page."""

import doctest
import json
import re
import shutil
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BENCHMARKS = ROOT / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import common  # noqa: E402
import page  # noqa: E402
import registry  # noqa: E402
import run  # noqa: E402
import stored  # noqa: E402
from common import measured, report, unmeasured  # noqa: E402
from stored import Stored  # noqa: E402

RESULTS = [
    measured("scoring, torch", "pipeline", [6.1, 6.4, 6.2], asked=7, note="5,387 tokens/s"),
    measured("scoring, int8", "pipeline", [17.0, 16.5, 18.0], asked=16),
    measured("peak memory of ten", "one", 1.07, asked=1.1, at_most=True),
    measured("normalising", "one thread", [3.0], asked=2, unit=" MB/s"),
    unmeasured("scoring, bf16", "pipeline", "this processor has no bf16", asked=11),
]


def kept(**fields):
    given = {"benchmark": "scoring", "size": "full", "command": "python benchmarks/bench_scoring.py --rows 9"}
    given |= {"data": ["reports"], "results": RESULTS, "seconds": 90.0, "measured": "2026-01-02"}
    given |= {"machine": {"cpu": "A", "cores": 2, "memory_gib": 8}, "versions": {"torch": "2"}}
    return Stored(**{**given, **fields})


def test_the_examples_of_the_benchmarks():
    for module in (common, page):
        results = doctest.testmod(module)
        assert results.attempted
        assert not results.failed, module.__name__


def test_a_ratio_is_a_median_with_its_range_or_its_quarters():
    few, many = measured("a", "b", [1, 3, 2]), measured("a", "b", range(1, 102))
    assert (few.low, few.value, few.high, few.rounds) == (1, 2, 3, 3)
    assert (many.low, many.value, many.high) == (26, 51, 76)
    assert [result.met for result in RESULTS] == [False, True, True, True, None]


def test_what_a_script_reports_is_handed_over_whole(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(common.RESULTS_FILE, str(tmp_path / "rows.json"))
    assert report(RESULTS) is False
    assert report(RESULTS[1:]) is True
    printed = capsys.readouterr().out
    assert "scoring, torch: 6.2× (6.1–6.4) beside pipeline (asked: at least 7×): not met" in printed
    assert "scoring, bf16, beside pipeline: not measured, this processor has no bf16" in printed
    assert [row["work"] for row in json.loads((tmp_path / "rows.json").read_text())] == [r.work for r in RESULTS[1:]]


def test_what_is_stored_stands_for_the_same_machine_versions_data_and_size(tmp_path):
    stored.save(kept(), tmp_path)
    found = stored.load(["cold-paths", "scoring"], tmp_path)
    assert found == {"scoring": kept()}
    full = found["scoring"]
    assert full.stands_for(kept(results=[]))
    assert full.stands_for(kept(size="quick", command="python benchmarks/bench_scoring.py --rows 2"))
    assert not kept(size="quick").stands_for(full)
    for other in ({"machine": {"cpu": "B"}}, {"versions": {"torch": "3"}}, {"data": ["other reports"]}):
        assert not full.stands_for(kept(**other))


class Made:
    """Materials that are there."""

    def __getitem__(self, name):
        from materials import Material

        return Material(ROOT / name, f"some {name}")


def test_every_benchmark_of_the_one_command_is_a_script_that_takes_its_options():
    for one in registry.BENCHMARKS:
        for size in ("quick", "full"):
            paths, asked = run.wanted(one, size, Made())
            assert str(ROOT) not in asked.command
            options = {word for word in paths if word.startswith("--")}
            assert options <= set(re.findall(r'"(--[\w-]+)"', one.path.read_text(encoding="utf-8"))), one.name
    assert len(set(run.NAMES)) == len(run.NAMES)
    assert (
        "python benchmarks/bench_scoring.py --model ENCODER --data REPORTS"
        in run.wanted(registry.BENCHMARKS[0], "full", Made())[1].command
    )


SCRIPT = '''
"""Something: beside something else.

    python benchmarks/bench_made.py

Both take turns.
"""
import sys
sys.path.insert(0, {folder!r})
from common import measured, report
if "--fail" in sys.argv:
    sys.exit("no such data")
sys.exit(not report([measured("made", "a rival", [0.5], asked=1)]))
'''


def test_a_result_below_what_is_asked_is_stored_and_a_failure_is_not(tmp_path, monkeypatch, capfd):
    (tmp_path / "bench_made.py").write_text(SCRIPT.format(folder=str(BENCHMARKS)))
    monkeypatch.setattr(registry, "HERE", tmp_path)
    one = registry.benchmark("made")
    found = run.measure(one, [], kept(benchmark="made", results=[]))
    assert [(row.work, row.value, row.met) for row in found.results] == [("made", 0.5, False)]
    assert run.measure(one, ["--fail"], kept()) is None
    assert "no such data" in capfd.readouterr().err


def test_the_page_holds_table_plot_and_how_it_was_measured(tmp_path):
    target = tmp_path / "benchmarks.md"
    shutil.copy(ROOT / "docs" / "benchmarks.md", target)
    slow = [measured("import secondopinion", "import transformers", [0.03, 0.04], asked=0.5, at_most=True)]
    cold = kept(benchmark="cold-paths", results=slow, command="python benchmarks/bench_cold_paths.py --repeats 3")
    elsewhere = kept(benchmark="workers", machine={"cpu": "B", "cores": 8, "accelerators": ["a card"]}, results=slow)
    found = {"scoring": kept(), "cold-paths": cold, "workers": elsewhere}
    page.write_page(found, target)
    text = target.read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    assert ["scoring, torch", "pipeline", "6.2× (6.1–6.4)", "≥7×: not met", "5,387 tokens/s"] in rows
    assert ["scoring, int8", "pipeline", "17× (16.5–18)", "≥16×: met", ""] in rows
    assert ["scoring, bf16", "pipeline", "–", "≥11×", "this processor has no bf16"] in rows
    assert ["import secondopinion", "import transformers", "0.035× (0.03–0.04)", "≤0.5×: met", ""] in rows
    assert text.index("## A, 2 cores") < text.index("## B, 8 cores, a card")
    assert "`python benchmarks/bench_cold_paths.py --repeats 3` (full size, on reports), 2 min" in text
    assert "`python benchmarks/bench_space_start.py`" in text
    drawings = sorted((tmp_path / "images").glob("*.svg"))
    assert [path.name for path in drawings] == [
        f"benchmarks{number}_{theme}.svg" for number in ("-2", "") for theme in ("dark", "light")
    ]
    for path in drawings:
        assert f"images/{path.name}#only-" in text
        ET.parse(path)
    light, dark = ((tmp_path / "images" / f"benchmarks_{theme}.svg").read_text() for theme in ("light", "dark"))
    assert page.drawing.INK.lower() in light.lower()
    assert page.drawing.INK.lower() not in dark.lower()
    before = [path.read_bytes() for path in drawings]
    page.write_page(found, target)
    assert (target.read_text(encoding="utf-8"), [path.read_bytes() for path in drawings]) == (text, before)


def test_the_documentation_shows_what_is_stored():
    found = stored.load(run.NAMES)
    shown = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    missing = [group for group in page.by_machine(found) if page.results_table(group) not in shown]
    assert not missing, "docs/benchmarks.md shows other results than are stored: python benchmarks/run.py --draw"
