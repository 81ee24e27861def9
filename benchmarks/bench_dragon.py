"""DRAGON's public example tasks 101 and 102, fold 0: an encoder beside TF-IDF and LR, and beside a rule of one line.

    python benchmarks/bench_dragon.py --data ../shared/data/dragon --parts rule tfidf
    python benchmarks/bench_dragon.py --data ../shared/data/dragon --recipe dragon_offline --epochs 8

Each task is prepared with `prepare dragon` (one fold: training cases train, validation cases are held out), then
trained through `train` with the folds that the benchmark gives. Figures are of the validation cases, because the labels
of the test cases are not public: accuracy and the benchmark's own figure by `metrics/dragon` (AUC in 101, linear kappa
in 102), with BCa intervals over the cases, and the difference from the rule with a paired interval.

The rule counts "lesion of … cm": in task 101 the label is whether there is one, in 102 how many there are. It needs no
training, so that a model's figure on these tasks shows that its parts fit together, and that units survive what is done
to the text; it says nothing about reports of patients.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from common import machine_line

from secondopinion.core.dragon_form import BINARY
from secondopinion.core.machine import keep_pages
from secondopinion.dataset_scripts import prepare
from secondopinion.metrics.dragon.dragon import dragon_figures, paired_dragon_difference
from secondopinion.training import load_recipe, train

TASKS = {"101": "Task101_Example_sl_bin_clf", "102": "Task102_Example_sl_mc_clf"}
LESION_IN_CM = re.compile(r"lesion of (?:size )?\d+(?:\.\d+)? cm", re.IGNORECASE)
PARTS = ("rule", "tfidf", "encoder")
TFIDF = {
    "name": "dragon_tfidf",
    "model": {"kind": "tfidf", "ngram_max": 3, "min_df": 2},
    "folds": {"strategy": "given"},
    "selection": {"metric": "main", "label": None},
}


def main() -> None:
    """Measure the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/dragon"))
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--fold", type=int, default=0, help="the benchmark's number of the fold")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--recipe", default="dragon_offline")
    parser.add_argument("--epochs", type=int, help="in place of the recipe's")
    parser.add_argument("--max-length", type=int, help="in place of the recipe's")
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--work", type=Path, help="folder to keep data and runs in; a run that is there goes on")
    arguments = parser.parse_args()
    keep_pages()
    print(machine_line())
    with tempfile.TemporaryDirectory() as folder:
        for task in arguments.tasks:
            measure(TASKS[task], arguments, arguments.work or Path(folder))


def measure(task: str, arguments: argparse.Namespace, work: Path) -> None:
    """Print the figures of one task."""
    data = work / task
    facts = prepare("dragon", arguments.data / f"{task}-fold{arguments.fold}", data)
    figure, names = facts["metric"]["figure"], facts["label_names"]
    rows = pq.read_table(data / "data" / "train-00001-of-00001.parquet").to_pylist()
    held_out = {row["id"]: row for row in rows if row["fold"] == 1}
    gold = [names[row["label"]] for row in held_out.values()]
    longest = max(names, key=gold.count)
    print(
        f"\n{task}, fold {arguments.fold}: {len(rows) - len(held_out)} cases train, {len(held_out)} validate; always "
        f"{longest!r} has accuracy {gold.count(longest) / len(gold):.3f}"
    )
    print(f"{'':18}{'accuracy':>9}{'95%':>16}{figure:>18}{'95%':>16}{'− rule':>9}{'95%':>18}{'seconds':>9}")
    settings = {"ordinal": figure == "linear_kappa"}
    if facts["label_kind"] != BINARY:
        settings["labels"] = names
    rule = [say_rule(row["text"], facts["label_kind"], names) for row in held_out.values()]
    said: dict[str, tuple[list[Any], float]] = {"rule": (rule, 0.0)} if "rule" in arguments.parts else {}
    recipes = {"tfidf": load_recipe(TFIDF), "encoder": load_recipe(arguments.recipe)}
    if arguments.epochs:
        recipes["encoder"] = recipes["encoder"].replace(training={"epochs": arguments.epochs})
    if arguments.max_length:
        recipes["encoder"] = recipes["encoder"].replace(model={"max_length": arguments.max_length})
    true = [name == "true" for name in gold] if facts["label_kind"] == BINARY else gold
    for part in ("tfidf", "encoder"):
        if part in arguments.parts:
            began = time.perf_counter()
            run = train(recipes[part], data, work / f"{task}-{part}", folds=[1])
            found = predictions_of(run.predictions_file, list(held_out), facts["label_kind"], names)
            said[part] = found, time.perf_counter() - began
    for part, (predictions, seconds) in said.items():
        figures = dragon_figures(predictions, true, facts["label_kind"], n_resamples=arguments.resamples, **settings)
        difference = paired_dragon_difference(
            true, predictions, rule, facts["label_kind"], n_resamples=arguments.resamples, **settings
        )
        ends = {name: "[{:.3f}, {:.3f}]".format(*pair) for name, pair in figures["intervals"].items()}
        title = recipes[part].name if part in recipes else "lesion … cm"
        print(
            f"{title:18}{figures['accuracy']:>9.3f}{ends['accuracy']:>16}{figures['score']:>18.3f}{ends['score']:>16}"
            f"{difference['difference']:>9.3f}"
            f"{'[{:.3f}, {:.3f}]'.format(difference['low'], difference['high']):>18}{seconds:>9.1f}"
        )


def say_rule(text: str, kind: str, names: list[str]) -> Any:
    """Return what the rule says of a text: the probability of true, or the class."""
    mentions = len(LESION_IN_CM.findall(text))
    return float(mentions > 0) if kind == BINARY else names[min(mentions, len(names) - 1)]


def predictions_of(path: Path, ids: list[str], kind: str, names: list[str]) -> list[Any]:
    """Return out-of-fold predictions of some rows, as the metric takes them."""
    found = {row["id"]: row for row in pq.read_table(path).to_pylist()}
    if kind == BINARY:
        return [float(np.clip(found[name]["probabilities"][names.index("true")], 0, 1)) for name in ids]
    return [found[name]["label"] for name in ids]


if __name__ == "__main__":
    main()
