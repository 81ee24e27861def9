"""Training tokens/s and loss curve against the stock `Trainer` with its defaults: same model, same reports, same steps.

    python benchmarks/bench_training_speed.py --data data/maude                       # an epoch of 4,000 reports
    python benchmarks/bench_training_speed.py --data data/maude --steps 12 --pairs 2  # about ten minutes
    python benchmarks/bench_training_speed.py --data data/maude --steps 12 --also frozen --also compiled

Each side trains in a fresh process, in turn; the ratio is taken pair by pair and its median is the figure to quote.
Padding does not count as tokens, nor the first steps and the held-out rows as time. A pair has a seed of its own.

The stock side is what a person gets who writes `Trainer(model, args, train_dataset, tokenizer)`: fp32, rows in random
order padded to the longest of the batch, its own optimiser, dropout of the encoder's configuration, and its own batch
of 8. Only what the curve hangs on is set alike on both sides: 32 rows a step (for the stock side by accumulation),
learning rate, warm-up and weight decay, and the freshly drawn head. `--stock-batch 16` gives it the batch of our side.

The curve is the loss of held-out reports, by the same forward in fp32 on both sides. What is compared is its mean over
the last quarter of the points, row by row, with an interval from resampled pairs and rows.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import Result, machine_line, measured, report

WARM_UP = 3
ROWS_A_STEP = 32
ASKED = 6.0
RIVAL = "stock Trainer, defaults"
OURS = {"ours": "as recipes do", "frozen": "lower half of the layers frozen", "compiled": "torch.compile"}


def encoded_rows(data_path: str, rows: int, held: int, seed: int) -> tuple[Any, list[dict], list[dict]]:
    """Return the recipe's tokenizer, `rows` reports to train on in the order of a seed, and `held` others."""
    from secondopinion.training.data import load_data
    from secondopinion.training.encoder import load_tokenizer
    from secondopinion.training.recipe import load_recipe

    recipe = load_recipe("maude_offline").replace(dataset={"path": data_path})
    data, tokenizer = load_data(recipe.dataset), load_tokenizer(recipe)
    drawn = np.random.default_rng(0).permutation(len(data.ids))
    held_out, training = drawn[:held], drawn[held:][:rows]
    if len(training) < rows:
        sys.exit(f"{data_path} has {len(data.ids):,} reports; with {held} held out, give --rows {len(training)}")
    training = np.random.default_rng(seed).permutation(training)

    def encode(chosen: np.ndarray) -> list[dict]:
        ids = tokenizer(data.texts(chosen), truncation=True, max_length=512)["input_ids"]
        return [{"input_ids": row, "labels": int(label)} for row, label in zip(ids, data.labels[chosen], strict=True)]

    return tokenizer, encode(training), encode(held_out)


def row_losses(model: Any, tokenizer: Any, rows: list[dict]) -> np.ndarray:
    """Return (rows,) cross-entropies, in fp32."""
    import torch
    from transformers import DataCollatorWithPadding

    from secondopinion.scoring.batches import token_batches

    losses, training, collate = np.empty(len(rows)), model.training, DataCollatorWithPadding(tokenizer)
    device = next(model.parameters()).device
    with torch.inference_mode():
        for chosen in token_batches([len(row["input_ids"]) for row in rows], 2048):
            batch = collate([rows[row] for row in chosen]).to(device)
            labels = batch.pop("labels")
            losses[chosen] = torch.nn.functional.cross_entropy(
                model.eval()(**batch).logits, labels, reduction="none"
            ).cpu()
    model.train(training)
    return losses


def train(
    side: str, data_path: str, steps: int, rows: int, held: int, points: int, seed: int, stock_batch: int
) -> dict[str, Any]:
    """Train one side; returns `rate` (tokens/s), `steps` at which the curve has points, and its row `losses`."""
    import torch
    from transformers import DataCollatorWithPadding, Trainer, TrainerCallback, TrainingArguments, set_seed

    from secondopinion.core.machine import bf16_supported, keep_pages
    from secondopinion.training.arguments import micro_batch_budget
    from secondopinion.training.compilation import compile_layers
    from secondopinion.training.encoder_model import cpu_overrides
    from secondopinion.training.encoders import resolve_encoder
    from secondopinion.training.frozen_weights import freeze
    from secondopinion.training.recipe import load_recipe
    from secondopinion.training.trainer import ClassificationTrainer

    from secondopinion.modeling import PooledEncoderForSequenceClassification  # isort: skip

    ours = side != "stock"
    recipe = load_recipe("maude_offline")
    tokenizer, training, held_out = encoded_rows(data_path, rows, held, seed)
    location, on_cpu = resolve_encoder(recipe.model).location, not torch.cuda.is_available()
    set_seed(seed)
    model = PooledEncoderForSequenceClassification.from_encoder(
        location, num_labels=4, encoder_overrides=cpu_overrides(location, recipe.model) if ours and on_cpu else {}
    )
    if side == "frozen":
        freeze(model.encoder, model.config.encoder_config.num_hidden_layers // 2, embeddings=True)
    if side == "compiled":
        compile_layers(model.encoder)
    last = WARM_UP + steps
    at = {round(last * (number + 1) / points) for number in range(points)}

    class Clock(TrainerCallback):
        """Counts seconds between steps, and measures the held-out rows while it stands."""

        def __init__(self) -> None:
            self.tokens, self.seconds, self.resumed = 0, 0.0, 0.0
            self.curve: list[tuple[int, list[float]]] = []

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.seconds += time.perf_counter() - self.resumed
            if state.global_step == WARM_UP:
                self.tokens, self.seconds = 0, 0.0
            if state.global_step in at:
                self.curve.append((state.global_step, row_losses(model, tokenizer, held_out).tolist()))
            self.resumed = time.perf_counter()

    def count(module: Any, args: tuple, kwargs: dict[str, Any]) -> None:
        if module.training:
            clock.tokens += int(kwargs["attention_mask"].sum())

    clock = Clock()
    model.register_forward_pre_hook(count, with_kwargs=True)
    settings = recipe.training
    with tempfile.TemporaryDirectory() as folder:
        alike = {
            "output_dir": folder,
            "max_steps": last,
            "learning_rate": settings.learning_rate,
            "warmup_steps": settings.warmup,
            "weight_decay": settings.weight_decay,
            "seed": seed,
            "report_to": "none",
            "save_strategy": "no",
            "use_cpu": on_cpu,
            "disable_tqdm": True,
        }
        parts = {"model": model, "train_dataset": training, "callbacks": [clock]}
        if ours:
            keep_pages()
            batch = settings.batch_size
            own = {"bf16": bf16_supported(), "optim": "adamw_torch_fused", "dataloader_pin_memory": not on_cpu}
            trainer = ClassificationTrainer(
                **parts,
                data_collator=DataCollatorWithPadding(tokenizer),
                args=TrainingArguments(
                    per_device_train_batch_size=batch, gradient_accumulation_steps=ROWS_A_STEP // batch, **alike, **own
                ),
                lengths=[len(row["input_ids"]) for row in training],
                micro_batch_tokens=micro_batch_budget(settings),
            )
        else:
            trainer = Trainer(
                **parts,
                processing_class=tokenizer,
                args=TrainingArguments(
                    per_device_train_batch_size=stock_batch,
                    gradient_accumulation_steps=ROWS_A_STEP // stock_batch,
                    **alike,
                ),
            )
        clock.resumed = time.perf_counter()
        trainer.train()
    at_steps, losses = zip(*clock.curve, strict=True)
    return {"rate": clock.tokens / clock.seconds, "steps": at_steps, "losses": losses}


def compared(ours: np.ndarray, stock: np.ndarray, resamples: int = 4000) -> tuple[float, float, float]:
    """Return the mean difference of the last quarter of two curves, and its interval from resampled pairs and rows.

    Args:
        ours: (pairs, points, rows) losses.
        stock: the same.
        resamples: of the bootstrap.
    """
    last = -max(1, ours.shape[1] // 4)
    difference = (ours[:, last:] - stock[:, last:]).mean(axis=1)
    random, (pairs, rows) = np.random.default_rng(0), difference.shape
    means = [
        difference[np.ix_(random.integers(0, pairs, pairs), random.integers(0, rows, rows))].mean()
        for _ in range(resamples)
    ]
    low, high = np.percentile(means, (2.5, 97.5))
    return float(difference.mean()), float(low), float(high)


def in_turn(arguments: argparse.Namespace, steps: int, points: int) -> tuple[dict[str, list[dict]], list[dict]]:
    """Return what each of our sides and the stock one told, pair by pair; who goes first alternates."""
    told: dict[str, list[dict]] = {side: [] for side in ("ours", "stock", *arguments.also)}
    for pair in range(arguments.pairs):
        for side in list(told) if pair % 2 == 0 else list(told)[::-1]:
            words = {"data": arguments.data, "steps": steps, "rows": arguments.rows, "points": points}
            words |= {"held-out": arguments.held_out, "seed": pair, "stock-batch": arguments.stock_batch}
            options = [word for name, value in words.items() for word in (f"--{name}", str(value))]
            command = [sys.executable, __file__, "--side", side, *options]
            answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            told[side].append(json.loads(answer.stdout.strip().splitlines()[-1]))
        rates = {side: answers[pair]["rate"] for side, answers in told.items()}
        print(
            f"pair {pair + 1}: " + ", ".join(f"{side} {rate:,.0f} tokens/s" for side, rate in rates.items()), flush=True
        )
    return told, told.pop("stock")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="data/maude")
    parser.add_argument("--rows", type=int, default=4000, help="reports to train on")
    parser.add_argument("--steps", type=int, help=f"optimiser steps of {ROWS_A_STEP} rows that count; an epoch of them")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--held-out", type=int, default=200, help="reports whose loss is the curve")
    parser.add_argument("--points", type=int, default=8, help="of the loss curve")
    parser.add_argument("--also", action="append", default=[], choices=("frozen", "compiled"), help="further sides")
    parser.add_argument("--stock-batch", type=int, default=8, choices=(1, 2, 4, 8, 16, 32), help="rows of its batch")
    parser.add_argument("--side", choices=("stock", *OURS), help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    steps = arguments.steps or max(1, arguments.rows // ROWS_A_STEP - WARM_UP)
    points = min(arguments.points, WARM_UP + steps)
    if arguments.side:
        sizes = (steps, arguments.rows, arguments.held_out, points, arguments.seed, arguments.stock_batch)
        print(json.dumps(train(arguments.side, str(Path(arguments.data)), *sizes)))
        return
    print(machine_line())
    told, stock = in_turn(arguments, steps, points)
    stock_rates, stock_curve = np.array([one["rate"] for one in stock]), np.array([one["losses"] for one in stock])
    spread = stock_curve.mean(axis=2)[:, -max(1, points // 4) :].mean(axis=1)
    print(f"held-out loss ({arguments.held_out} reports), mean of the pairs:")
    print("step".rjust(6) + "".join(side.rjust(10) for side in (*told, "stock")))
    curves = {side: np.array([one["losses"] for one in answers]) for side, answers in told.items()}
    for number, step in enumerate(stock[0]["steps"]):
        shown = (curve[:, number].mean() for curve in (*curves.values(), stock_curve))
        print(f"{step:6}" + "".join(f"{value:10.4f}" for value in shown))
    if len(stock) > 1:
        print(f"the stock curve's end lies from {spread.min():.4f} to {spread.max():.4f} over {len(stock)} seeds")
    results, parted = [], False
    for side, answers in told.items():
        rates = np.array([one["rate"] for one in answers])
        rate_note = f"{np.median(rates):,.0f} and {np.median(stock_rates):,.0f} tokens/s"
        work = f"training for {WARM_UP + steps} steps on {arguments.rows:,} reports, {OURS[side]}"
        asked = ASKED if side == "ours" else None
        results.append(measured(work, RIVAL, rates / stock_rates, asked=asked, note=rate_note))
        middle, low, high = compared(curves[side], stock_curve)
        verdict = "within noise" if low <= 0 <= high else "lower" if high < 0 else "higher"
        parted |= side == "ours" and verdict == "higher"
        print(f"{side}, held-out loss less the stock side's: {verdict}, {middle:.4f} [{low:.4f}, {high:.4f}]")
        results.append(
            Result(
                f"{work}: held-out loss over the last quarter of the curve, less the rival's",
                RIVAL,
                round(middle, 5),
                round(low, 5),
                round(high, 5),
                rounds=len(stock),
                unit=" nats",
                note=f"{verdict}: 95% from {low:.4f} to {high:.4f}, over pairs and {arguments.held_out} reports",
            )
        )
    met = report(results)
    sys.exit(parted or not met)


if __name__ == "__main__":
    main()
