"""What span and category gain from being learnt together: both tasks against each alone, seeds × splits.

    python benchmarks/bench_qa_multitask.py --folder /tmp/qa_multitask

Authored notes with questions (`prepare synthetic_clinical_qa`; `--templates` fills emrQA's public templates instead of
our own), one fold of five held out, by note or by question template. For each seed `secondopinion train` fits the
model of both tasks and, on the same folds, windows and seed, the span alone and the category alone. A figure is the
mean over seeds; its interval and that of a difference resample whole groups, with each row's scores averaged over the
seeds first. `--shared` trains a model for each number of shared layers instead, and no single task. Run it again with
the same `--folder` to continue.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import machine_line

from secondopinion.core.machine import keep_pages
from secondopinion.core.run_folder import RunFolder
from secondopinion.dataset_scripts import prepare
from secondopinion.training import load_recipe, train
from secondopinion.training.folds import Folds
from secondopinion.training.question_answering.answers import AnswerRows
from secondopinion.training.question_answering.data import QuestionAnsweringData, load_questions
from secondopinion.training.question_answering.figures import score
from secondopinion.training.question_answering.single_task import single_task_folder

ALONE = {"f1": "span_only", "category_right": "category_only"}
TITLES = {"f1": "span F1", "category_right": "category accuracy"}
FOLD = 1


def recipe_of(arguments: argparse.Namespace, data: Path, seed: int, shared: int | None) -> Any:
    """Return the offline recipe with the sizes and the seed of this run."""
    value = load_recipe("clinical_qa_offline").as_dict()
    value["dataset"]["path"] = str(data)
    value["model"] |= {
        "max_length": arguments.max_length,
        "doc_stride": arguments.max_length // 4,
        "single_task": [] if shared is not None else list(ALONE.values()),
    }
    if shared is not None:
        value["model"]["num_shared_layers"] = shared
    value["training"] |= {
        "seed": seed,
        "epochs": arguments.epochs,
        "batch_size": arguments.batch_size,
        "learning_rate": arguments.learning_rate,
    }
    value["folds"]["train"] = [FOLD]
    return load_recipe(value)


def rows_of(data: QuestionAnsweringData, held_out: np.ndarray, answers: AnswerRows) -> dict[str, np.ndarray]:
    """Return each figure's score of each row; NaN where the row has no label of it, or the model no head."""
    found = score(data, held_out, answers)
    return {name: np.array(found[name], dtype=np.float64) for name in ALONE if name in found}


def interval(values: np.ndarray, groups: np.ndarray, resamples: int) -> tuple[float, float, float]:
    """Return the mean of (rows,) values and the 95% interval over resampled groups."""
    known = ~np.isnan(values)
    _, place = np.unique(groups[known], return_inverse=True)
    sums, counts = np.bincount(place, weights=values[known]), np.bincount(place)
    draw = np.random.default_rng(0).integers(len(sums), size=(resamples, len(sums)))
    low, high = np.percentile(sums[draw].sum(axis=1) / counts[draw].sum(axis=1), (2.5, 97.5))
    return float(values[known].mean()), float(low), float(high)


def shown(values: tuple[float, float, float], sign: str = "") -> str:
    return "{:{s}.3f} ({:{s}.3f} to {:{s}.3f})".format(*values, s=sign)


def compare(arguments: argparse.Namespace, split: str, folder: Path) -> None:
    """Train and print one split: both tasks against each alone."""
    scores: dict[str, list[dict[str, np.ndarray]]] = {"both": [], **{name: [] for name in ALONE.values()}}
    for seed in arguments.seeds:
        run = train(recipe_of(arguments, folder / split, seed, None), output=folder / f"{split}-{seed}")
        data, held_out, groups = held_out_rows(run, folder / split, arguments)
        scores["both"].append(rows_of(data, held_out, AnswerRows.load(run.fold_answers_file(FOLD))))
        for name in ALONE.values():
            answers = AnswerRows.load(single_task_folder(run, FOLD, name) / "answers.npz")
            scores[name].append(rows_of(data, held_out, answers))
    print(f"\n{split} split: {len(held_out)} held-out rows in {len(np.unique(groups))} groups")
    for figure, alone in ALONE.items():
        both, single = (np.mean([each[figure] for each in scores[name]], axis=0) for name in ("both", alone))
        seeds = ", ".join(
            f"{np.nanmean(a[figure]) - np.nanmean(b[figure]):+.3f}"
            for a, b in zip(scores["both"], scores[alone], strict=True)
        )
        print(f"  {TITLES[figure]:<18}both {shown(interval(both, groups, arguments.resamples))}")
        print(f"  {'':<18}alone {shown(interval(single, groups, arguments.resamples))}")
        print(f"  {'':<18}gain {shown(interval(both - single, groups, arguments.resamples), '+')}; by seed {seeds}")


def sweep(arguments: argparse.Namespace, split: str, folder: Path) -> None:
    """Train and print one split: a line for each number of shared layers."""
    print(f"\n{split} split, shared layers of the encoder")
    for shared in arguments.shared:
        figures: dict[str, list[np.ndarray]] = {name: [] for name in ALONE}
        for seed in arguments.seeds:
            recipe = recipe_of(arguments, folder / split, seed, shared)
            run = train(recipe, output=folder / f"{split}-{seed}-shared-{shared}")
            data, held_out, groups = held_out_rows(run, folder / split, arguments)
            found = rows_of(data, held_out, AnswerRows.load(run.fold_answers_file(FOLD)))
            for name, values in found.items():
                figures[name].append(values)
        parts = [
            f"{TITLES[name]} {shown(interval(np.mean(values, axis=0), groups, arguments.resamples))}"
            for name, values in figures.items()
        ]
        print(f"  {shared}: " + ", ".join(parts))


def held_out_rows(
    run: RunFolder, folder: Path, arguments: argparse.Namespace
) -> tuple[QuestionAnsweringData, np.ndarray, np.ndarray]:
    """Return all rows, those that a run's fold holds out, and their groups."""
    data = load_questions(recipe_of(arguments, folder, 0, None).dataset)
    held_out = Folds.load(run.folds_file).rows(FOLD)[1]
    return data, held_out, data.groups[held_out]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where data and runs stay; a temporary one by default")
    parser.add_argument("--notes", type=int, default=120)
    parser.add_argument("--questions", type=int, default=12, help="of a note, at most")
    parser.add_argument("--templates", help="file of emrQA's public templates")
    parser.add_argument("--splits", nargs="+", default=["note", "template"], choices=["note", "template"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[13, 14, 15])
    parser.add_argument("--shared", type=int, nargs="+", help="numbers of shared layers to sweep over")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--max-length", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resamples", type=int, default=5000)
    arguments = parser.parse_args()
    keep_pages()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        print(f"{machine_line()}; {arguments.threads} threads")
        print(
            f"{arguments.notes} authored notes, at most {arguments.questions} questions each, windows of "
            f"{arguments.max_length} tokens, {arguments.epochs} epochs, batches of {arguments.batch_size}, learning "
            f"rate {arguments.learning_rate:g}, seeds {arguments.seeds}"
        )
        for split in arguments.splits:
            options = {"templates": arguments.templates} if arguments.templates else {}
            prepare(
                "synthetic_clinical_qa",
                "synthetic",
                folder / split,
                notes=arguments.notes,
                questions=arguments.questions,
                split=split,
                **options,
            )
            (compare if arguments.shared is None else sweep)(arguments, split, folder)


if __name__ == "__main__":
    main()
