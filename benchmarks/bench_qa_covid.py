"""Answers in long biomedical texts (COVID-QA): our span model beside a plain `AutoModelForQuestionAnswering`.

    python benchmarks/bench_qa_covid.py --data ../shared/data/covid_qa

Both start from the offline encoder and are fine-tuned in fp32 on the very same windows: those with an answer of 300
training questions, and as many without one, drawn by seed. Ours is `MultiTaskQAForQuestionAnswering` with the span task
alone, under the Trainer that `secondopinion train` uses (pieces of like length, evaluation under a token budget); the
other is the stock class under the stock `Trainer`, which also predicts. Then both answer every window of the dev
questions, and one decoder turns logits into answers, so that what is compared is the models. Exact match and F1 come
with intervals, and their difference with a paired one, all over whole contexts. Each side runs in a process of its own,
for its peak memory (without what is there before training); seconds are CPU seconds, so that other work counts less.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
from common import machine_line

from secondopinion.core.machine import keep_pages
from secondopinion.dataset_scripts import prepare
from secondopinion.modeling.qa_answers import decode
from secondopinion.modeling.qa_prediction import WindowLogits, predict_windows
from secondopinion.modeling.window_collator import WindowCollator
from secondopinion.training.arguments import training_arguments
from secondopinion.training.encoders import resolve_encoder
from secondopinion.training.qa_recipe import AnswerTrainingSpec, QuestionAnsweringRecipe, QuestionAnsweringSpec
from secondopinion.training.question_answering.answers import AnswerRows
from secondopinion.training.question_answering.data import QuestionAnsweringData, from_rows
from secondopinion.training.question_answering.figures import differences, measure
from secondopinion.training.question_answering.model import build_model, question_tokenizer
from secondopinion.training.question_answering.no_answer import ALWAYS_ANSWER
from secondopinion.training.question_answering.prediction import windows_of_rows
from secondopinion.training.question_answering.trainer import QuestionAnsweringTrainer
from secondopinion.training.question_answering.windows import training_windows, windows_of

SIDES = ("ours", "plain")


def recipe_of(arguments: argparse.Namespace) -> QuestionAnsweringRecipe:
    """Return the recipe of both sides."""
    return QuestionAnsweringRecipe(
        "covid_qa",
        model=QuestionAnsweringSpec(
            encoder="offline:all-MiniLM-L6-v2", tasks=["span"], max_length=arguments.max_length
        ),
        training=AnswerTrainingSpec(
            learning_rate=arguments.learning_rate,
            epochs=arguments.epochs,
            batch_size=8,
            accumulation_steps=1,
            bf16=False,
            seed=arguments.seed,
        ),
    )


def load(folder: Path, arguments: argparse.Namespace) -> tuple[QuestionAnsweringData, np.ndarray, np.ndarray]:
    """Return all rows, those drawn for training, and those of the dev split."""
    parts = {
        split: datasets.load_dataset("parquet", data_files=str(folder / split / "data" / "*.parquet"), split="train")
        for split in ("train", "dev")
    }
    data = from_rows(datasets.concatenate_datasets(list(parts.values())), recipe_of(arguments).dataset, name="COVID-QA")
    training = np.random.default_rng(arguments.seed).choice(len(parts["train"]), arguments.questions, replace=False)
    dev = np.arange(len(parts["train"]), len(data))[: arguments.dev]
    return data, np.sort(training), dev


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run_side(side: str, folder: Path, arguments: argparse.Namespace) -> None:
    """Train one side, answer the dev rows, leave answers and costs in `folder`."""
    keep_pages()
    torch.set_num_threads(arguments.threads)
    recipe = recipe_of(arguments)
    data, training, dev = load(folder, arguments)
    tokenizer = question_tokenizer(recipe)
    windows = windows_of(data, tokenizer, recipe.model)
    chosen = training_windows(windows, training, 1.0, arguments.seed, ["span"])
    asked = windows_of_rows(windows, dev)
    settings = dataclasses.replace(
        training_arguments(recipe.training, folder / "work", ["start_positions", "end_positions"]),
        eval_strategy="no",
        save_strategy="no",
        load_best_model_at_end=False,
    )
    torch.manual_seed(arguments.seed)
    train = train_ours if side == "ours" else train_plain
    before = peak_mib()
    trainer, seconds = train(recipe, settings, windows.take(chosen), tokenizer)
    trained_peak = peak_mib()
    began = time.process_time()
    logits = (predict_ours if side == "ours" else predict_plain)(trainer, asked, tokenizer)
    predicting = time.process_time() - began
    answers = decode(
        logits.start, logits.end, asked, n_best=20, max_answer_length=30, no_answer_threshold=ALWAYS_ANSWER
    )
    AnswerRows.of(answers, None, None).save(folder / f"{side}.npz")
    facts = {
        "training_windows": len(chosen),
        "dev_windows": len(asked),
        "training_seconds": seconds,
        "predicting_seconds": predicting,
        "training_mib": trained_peak - before,
        "peak_mib": peak_mib(),
    }
    (folder / f"{side}.json").write_text(json.dumps(facts))


def timed(trainer: Any) -> tuple[Any, float]:
    began = time.process_time()
    trainer.train()
    return trainer, time.process_time() - began


def train_ours(
    recipe: QuestionAnsweringRecipe, settings: Any, windows: Any, tokenizer: Any
) -> tuple[QuestionAnsweringTrainer, float]:
    """Fine-tune our model as `secondopinion train` does, for a fixed number of epochs."""
    return timed(
        QuestionAnsweringTrainer(
            model=build_model(recipe),
            args=settings,
            train_dataset=windows,
            processing_class=tokenizer,
            data_collator=WindowCollator(tokenizer),
            measure=lambda _: {},
            lengths=windows.lengths.tolist(),
            micro_batch_tokens=2048,
        )
    )


def train_plain(recipe: QuestionAnsweringRecipe, settings: Any, windows: Any, tokenizer: Any) -> tuple[Any, float]:
    """Fine-tune the stock class under the stock Trainer."""
    from transformers import AutoModelForQuestionAnswering, Trainer

    location = resolve_encoder(recipe.model.source).location
    model = AutoModelForQuestionAnswering.from_pretrained(location, dtype=torch.float32)
    return timed(
        Trainer(
            model=model,
            args=settings,
            train_dataset=windows,
            processing_class=tokenizer,
            data_collator=WindowCollator(tokenizer),
        )
    )


def predict_ours(trainer: Any, windows: Any, tokenizer: Any) -> WindowLogits:
    return predict_windows(trainer.model, windows, tokenizer)


def predict_plain(trainer: Any, windows: Any, tokenizer: Any) -> WindowLogits:
    """Return the stock model's logits, in the order of the windows and in batches of 8; outside the context lowest."""
    unlabelled = dataclasses.replace(windows, start_positions=None, end_positions=None, category_probs=None)
    start, end = trainer.predict(unlabelled).predictions[:2]
    allowed = np.zeros(start.shape, dtype=bool)
    spans = windows.padded()["span_mask"].astype(bool)
    allowed[:, : spans.shape[1]] = spans[:, : start.shape[1]]
    lowest = np.finfo(np.float32).min
    return WindowLogits(np.where(allowed, start, lowest), np.where(allowed, end, lowest), None)


def report(folder: Path, arguments: argparse.Namespace) -> None:
    """Print both sides' figures and what lies between them."""
    data, _, dev = load(folder, arguments)
    answers = {side: AnswerRows.load(folder / f"{side}.npz") for side in SIDES}
    facts = {side: json.loads((folder / f"{side}.json").read_text()) for side in SIDES}
    first = facts["ours"]
    print(
        f"{arguments.questions} training questions, {first['training_windows']} windows of {arguments.max_length} "
        f"tokens; {len(dev)} dev questions, {first['dev_windows']} windows; {arguments.epochs} epochs"
    )
    print(f"{'':<8}{'EM':>24}{'F1':>24}{'train':>10}{'predict':>10}{'train memory':>15}{'peak':>11}")
    for side in SIDES:
        figures = measure(data, dev, answers[side], n_resamples=arguments.resamples)
        shown = [
            "{:.3f} ({:.3f}–{:.3f})".format(figures[name], *figures["intervals"][name]) for name in ("exact", "f1")
        ]
        cost = facts[side]
        print(
            f"{side:<8}{shown[0]:>24}{shown[1]:>24}{cost['training_seconds']:>8.0f} s"
            f"{cost['predicting_seconds']:>8.0f} s{cost['training_mib']:>11.0f} MiB{cost['peak_mib']:>7.0f} MiB"
        )
    between = differences(data, dev, answers["ours"], answers["plain"], arguments.resamples)
    for name, title in (("exact", "EM"), ("f1", "F1")):
        part = between[name]
        print(f"ours − plain, {title}: {part['difference']:+.4f} ({part['low']:+.4f} to {part['high']:+.4f})")
    for what in ("training_seconds", "predicting_seconds", "training_mib"):
        print(f"{what.replace('_', ' ')}: ours {facts['ours'][what] / facts['plain'][what]:.2f} times plain")
    beyond = [name for name in ("exact", "f1") if between[name]["low"] > 0 or between[name]["high"] < 0]
    print(
        "the two differ beyond their interval: " + ", ".join(beyond) if beyond else "no difference beyond its interval"
    )
    sys.exit(bool(beyond))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/covid_qa"))
    parser.add_argument("--questions", type=int, default=300, help="training questions")
    parser.add_argument("--dev", type=int, help="dev questions; all by default")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--max-length", type=int, default=384)
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help="kept there, and continued from there; a temporary one by default")
    arguments = parser.parse_args()
    if arguments.side:
        run_side(arguments.side, arguments.folder, arguments)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        for split in ("train", "dev"):
            prepare("squad_form", arguments.data / f"covid-qa-{split}.json", folder / split)
        for side in SIDES:
            if not (folder / f"{side}.json").exists():
                again = [sys.executable, *sys.argv, "--side", side, "--folder", str(folder)]
                subprocess.run(again, check=True)
        print(f"{machine_line()}; {arguments.threads} threads, fp32")
        report(folder, arguments)


if __name__ == "__main__":
    main()
