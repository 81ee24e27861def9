"""Windows a second over long contexts: sorted batches by each backend, against one window at a time.

    python benchmarks/bench_qa_windows.py --data ../shared/data/covid_qa

200 questions, each with its long context (thousands of tokens), through the offline encoder with fresh heads. Ours is
`predict_windows`: all windows of a block, sorted by length, under a token budget; by torch, in bf16 where the processor
multiplies in it, and by OpenVINO in float32 and in int8 (calibrated on windows of other contexts). The rival is what
one writes first: fp32 in torch, each window padded to `max_length` and given to the model by itself; `--unpadded`
leaves its padding out. All take the same contexts in turn, a few at a time and in an order that turns round, so that
other work on the machine falls on all; a part gives a ratio of times, and the median over parts is the figure to quote,
beside windows a second. That the answers agree is checked: `same` is the share of questions whose best span is the same
one. Fresh heads decide by little, so that int8 differs more often than with a trained model (`secondopinion quantize`
states that).
"""

from __future__ import annotations

import argparse
import functools
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
from common import machine_line, measured, report
from transformers import AutoTokenizer

from secondopinion.core.machine import bf16_supported, keep_pages
from secondopinion.core.progress import progress
from secondopinion.dataset_scripts import prepare
from secondopinion.modeling import MultiTaskQAForQuestionAnswering
from secondopinion.modeling.qa_answers import decode
from secondopinion.modeling.qa_prediction import WindowLogits, predict_windows
from secondopinion.modeling.qa_windows import Windows, make_windows
from secondopinion.scoring.backends.openvino_backend import OpenVinoBackend, installed
from secondopinion.scoring.backends.quantization import quantize
from secondopinion.scoring.batch_runner import BatchRunner
from secondopinion.scoring.questions.answerer import converted_answerer
from secondopinion.training.encoders import resolve_encoder
from secondopinion.training.recipe import EncoderSpec


def one_at_a_time(model: torch.nn.Module, windows: Windows, length: int | None) -> WindowLogits:
    """Return logits by a loop over windows, each padded to `length` where it is given."""
    width = int(windows.lengths.max())
    start, end = (np.full((len(windows), width), np.finfo(np.float32).min, dtype=np.float32) for _ in range(2))
    category = np.zeros((len(windows), model.num_labels), dtype=np.float32)
    with torch.inference_mode():
        for place in range(len(windows)):
            window = windows[place]
            padding = 0 if length is None else length - len(window["input_ids"])
            inputs = {name: torch.tensor([tokens + [0] * padding]) for name, tokens in window.items()}
            output = model(**inputs)
            size = min(width, output.start_logits.shape[1])
            start[place, :size] = output.start_logits[0, :size]
            end[place, :size] = output.end_logits[0, :size]
            category[place] = output.category_logits[0]
    return WindowLogits(start, end, category)


def contenders(
    model: torch.nn.Module, tokenizer: Any, names: list[str], calibration: Windows, cache: Path, budget: int | None
) -> dict[str, Callable[[Windows], WindowLogits]]:
    """Return what computes windows, by name; OpenVINO's forms are made and their batches measured before."""
    found: dict[str, Callable[[Windows], WindowLogits]] = {}
    for name in names:
        if name.startswith("torch"):
            ours = MultiTaskQAForQuestionAnswering(model.config).eval()
            ours.load_state_dict(model.state_dict())
            ours = ours.to(torch.bfloat16 if name.endswith("bf16") else torch.float32)
            found[name] = functools.partial(by_torch, ours, tokenizer, budget)
            continue
        folder = converted_answerer(model, tokenizer, cache)
        precision = name.rpartition(" ")[2]
        if precision == "int8":
            batches = [calibration.padded([place]) for place in range(len(calibration))]
            folder = quantize(folder, cache, batches, lambda small: {})
        kind = {"fp32": "float32", "bf16": "bfloat16"}.get(precision, precision)
        runner = BatchRunner(OpenVinoBackend(folder, kind), cache=cache)
        runner.tune(calibration.lengths, calibration_inputs(calibration, runner.backend.inputs))
        print(f"{name}: {runner.batching.token_budget} tokens a batch, {runner.batching.streams} at once", flush=True)
        found[name] = functools.partial(by_runner, model, tokenizer, runner)
    return found


def by_torch(model: torch.nn.Module, tokenizer: Any, budget: int | None, windows: Windows) -> WindowLogits:
    return predict_windows(model, windows, tokenizer, token_budget=budget)


def by_runner(model: torch.nn.Module, tokenizer: Any, runner: BatchRunner, windows: Windows) -> WindowLogits:
    return predict_windows(model, windows, tokenizer, run=runner.run)


def calibration_inputs(windows: Windows, names: tuple[str, ...]) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    return lambda chosen: {name: part for name, part in windows.padded(chosen).items() if name in names}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/covid_qa"))
    parser.add_argument("--contexts", type=int, default=200)
    parser.add_argument("--part", type=int, default=4, help="contexts that all take in turn")
    parser.add_argument("--max-length", type=int, default=384)
    parser.add_argument("--token-budget", type=int, help="of torch's batches")
    parser.add_argument("--only", action="append", help="such as 'torch fp32' or 'OpenVINO int8' (may be repeated)")
    parser.add_argument("--unpadded", action="store_true", help="the loop pads no window")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--at-least", type=float, default=1.8, help="exit with 1 below this ratio")
    arguments = parser.parse_args()
    keep_pages()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    location = resolve_encoder(EncoderSpec(encoder="offline:all-MiniLM-L6-v2")).location
    tokenizer = AutoTokenizer.from_pretrained(location)
    plain = MultiTaskQAForQuestionAnswering.from_encoder(location).eval()
    exact = "bf16" if bf16_supported() else "fp32"
    names = arguments.only or [f"torch {exact}", *([f"OpenVINO {exact}", "OpenVINO int8"] if installed() else [])]
    with tempfile.TemporaryDirectory() as folder:
        prepare("squad_form", arguments.data / "covid-qa-train.json", folder)
        rows = datasets.load_dataset(
            "parquet", data_files=f"{folder}/data/*.parquet", split="train", cache_dir=f"{folder}/cache"
        )
        order = np.random.default_rng(arguments.seed).permutation(len(rows))
        others = rows.select(order[arguments.contexts :][:8]).select_columns(["question", "context"])[:]
        rows = rows.select(order[: arguments.contexts]).select_columns(["question", "context"])[:]
        sizes = {"max_length": arguments.max_length}
        calibration = make_windows(tokenizer, others["question"], others["context"], **sizes)
        calibration = calibration.take(np.linspace(0, len(calibration) - 1, min(40, len(calibration))).astype(int))
        print(f"{machine_line()}; {arguments.threads} threads; bf16 in hardware: {'yes' if bf16_supported() else 'no'}")
        ours = contenders(plain, tokenizer, names, calibration, Path(folder) / "backends", arguments.token_budget)
        measure(arguments, plain, tokenizer, rows, ours)


def measure(
    arguments: argparse.Namespace,
    plain: torch.nn.Module,
    tokenizer: Any,
    rows: dict[str, list[str]],
    ours: dict[str, Callable[[Windows], WindowLogits]],
) -> None:
    """Run all over the same contexts, print what came, and end the program."""
    length = None if arguments.unpadded else arguments.max_length
    sides = {"": lambda windows: one_at_a_time(plain, windows, length), **ours}
    times, counts, same = [], [], {name: [] for name in ours}
    parts = [slice(begin, begin + arguments.part) for begin in range(0, arguments.contexts, arguments.part)]
    with progress(total=arguments.contexts, label="contexts", unit="context") as bar:
        for number, part in enumerate(parts):
            windows = make_windows(
                tokenizer, rows["question"][part], rows["context"][part], max_length=arguments.max_length
            )
            spent, found = {}, {}
            for name in sides if number % 2 else reversed(sides):
                began = time.perf_counter()
                logits = sides[name](windows)
                spent[name] = time.perf_counter() - began
                found[name] = decode(logits.start, logits.end, windows, n_best=1).start[:, 0]
            for name in ours:
                same[name].append(found[name] == found[""])
            times.append([spent[name] for name in sides])
            counts.append(len(windows))
            bar.update(windows.num_rows)
    seconds, total = np.array(times), sum(counts)
    rates = total / seconds.sum(axis=0)
    print(f"{arguments.contexts} contexts, {total:,} windows of at most {arguments.max_length} tokens")
    shown = "unpadded" if arguments.unpadded else "padded"
    print(f"one at a time, torch fp32, {shown}: {rates[0]:.2f} windows/s")
    results = [
        measured(
            f"windows of {arguments.contexts} long contexts, {name}",
            "one at a time, torch fp32",
            seconds[:, 0] / seconds[:, place],
            asked=arguments.at_least,
            note=f"{rates[place]:.1f} windows/s; same best span in {np.concatenate(same[name]).mean():.1%}",
        )
        for place, name in enumerate(ours, start=1)
    ]
    sys.exit(not report(results))


if __name__ == "__main__":
    main()
