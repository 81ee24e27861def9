"""Training tokens/s against the stock `Trainer` with default settings: same model, same reports, one process each.

    python benchmarks/bench_training_speed.py --data data/maude --steps 12 --pairs 3

Each side runs in a fresh process, in turn; the ratio is taken pair by pair and its median is the figure to quote.
Padding does not count as tokens. Each process trains some warm-up steps first.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time

from common import machine_line

WARM_UP = 3


def measure(side: str, data_path: str, steps: int, rows: int) -> float:
    import numpy as np
    import torch
    from transformers import DataCollatorWithPadding, Trainer, TrainerCallback, TrainingArguments

    from secondopinion.core.machine import bf16_supported, keep_pages
    from secondopinion.scoring.engine import CPU_TOKEN_BUDGET
    from secondopinion.training.data import load_data
    from secondopinion.training.encoder import load_tokenizer
    from secondopinion.training.encoder_model import cpu_overrides
    from secondopinion.training.encoders import resolve_encoder
    from secondopinion.training.recipe import load_recipe
    from secondopinion.training.trainer import ClassificationTrainer

    from secondopinion.modeling import PooledEncoderForSequenceClassification  # isort: skip

    recipe = load_recipe("maude_offline").replace(dataset={"path": data_path})
    data = load_data(recipe.dataset)
    chosen = np.random.default_rng(0).permutation(len(data.ids))[:rows]
    tokenizer = load_tokenizer(recipe)
    encoded = [
        {"input_ids": ids, "labels": int(label)}
        for ids, label in zip(
            tokenizer(data.texts(chosen), truncation=True, max_length=512)["input_ids"],
            data.labels[chosen],
            strict=True,
        )
    ]
    ours = side == "ours"
    location = resolve_encoder(recipe.model).location
    model = PooledEncoderForSequenceClassification.from_encoder(
        location, num_labels=4, encoder_overrides=cpu_overrides(location, recipe.model) if ours else {}
    )

    class Clock(TrainerCallback):
        tokens = 0
        started = 0.0
        ended = 0.0

        def on_step_end(self, args, state, control, **kwargs):
            if state.global_step == WARM_UP:
                Clock.tokens, Clock.started = 0, time.perf_counter()
            Clock.ended = time.perf_counter()

    class Counting(DataCollatorWithPadding):
        def __call__(self, features):
            Clock.tokens += sum(len(feature["input_ids"]) for feature in features)
            return super().__call__(features)

    common = {
        "output_dir": tempfile.mkdtemp(),
        "max_steps": WARM_UP + steps,
        "report_to": "none",
        "save_strategy": "no",
        "use_cpu": True,
        "disable_tqdm": True,
        "logging_strategy": "no",
    }
    if ours:
        keep_pages()
        arguments = TrainingArguments(
            **common,
            per_device_train_batch_size=16,
            gradient_accumulation_steps=2,
            bf16=bf16_supported(),
            optim="adamw_torch_fused",
            dataloader_pin_memory=False,
        )
        trainer = ClassificationTrainer(
            model=model,
            args=arguments,
            train_dataset=encoded,
            data_collator=Counting(tokenizer),
            lengths=[len(row["input_ids"]) for row in encoded],
            micro_batch_tokens=CPU_TOKEN_BUDGET,
            callbacks=[Clock()],
        )
    else:
        arguments = TrainingArguments(**common, per_device_train_batch_size=16, gradient_accumulation_steps=2)
        trainer = Trainer(
            model=model,
            args=arguments,
            train_dataset=encoded,
            data_collator=Counting(tokenizer),
            callbacks=[Clock()],
        )
    torch.manual_seed(0)
    trainer.train()
    return Clock.tokens / (Clock.ended - Clock.started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="data/maude")
    parser.add_argument("--steps", type=int, default=16, help="optimiser steps of 32 rows that count")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--rows", type=int, default=4000, help="reports to draw from")
    parser.add_argument("--side", choices=("ours", "stock"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        print(json.dumps(measure(arguments.side, arguments.data, arguments.steps, arguments.rows)))
        return
    print(machine_line())
    ratios = []
    for pair in range(arguments.pairs):
        rates = {}
        for side in ("ours", "stock"):
            command = [sys.executable, __file__, "--side", side, "--data", arguments.data]
            command += ["--steps", str(arguments.steps), "--rows", str(arguments.rows)]
            answer = subprocess.run(command, capture_output=True, text=True, check=True)
            rates[side] = float(answer.stdout.strip().splitlines()[-1])
        ratios.append(rates["ours"] / rates["stock"])
        print(
            f"pair {pair + 1}: ours {rates['ours']:.0f} tokens/s, stock Trainer {rates['stock']:.0f}, "
            f"ratio {ratios[-1]:.1f}"
        )
    print(f"median ratio {statistics.median(ratios):.1f} (asked: at least 4)")


if __name__ == "__main__":
    main()
