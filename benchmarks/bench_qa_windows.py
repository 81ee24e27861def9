"""Windows a second over long contexts: sorted batches, bf16 where the CPU has it, against one window at a time.

    python benchmarks/bench_qa_windows.py --data ../shared/data/covid_qa

200 questions, each with its long context (thousands of tokens), through the offline encoder with fresh heads. Ours is
`predict_windows`: all windows of a block, sorted by length, under a token budget, in bf16 where the processor
multiplies in it. The other is what one writes first: fp32, each window padded to `max_length` and given to the model
by itself; `--unpadded` leaves its padding out. Both take the same contexts in turn, a few at a time, so that other work
on the machine falls on both; a part gives a ratio of times, and the median over parts is the figure to quote, beside
windows a second. That the answers agree is checked: `same` is the share of questions whose best span is the same one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import datasets
import numpy as np
import torch
from common import machine_line
from transformers import AutoTokenizer

from secondopinion.core.machine import bf16_supported, keep_pages
from secondopinion.core.progress import progress
from secondopinion.dataset_scripts import prepare
from secondopinion.modeling import MultiTaskQAForQuestionAnswering
from secondopinion.modeling.qa_answers import decode
from secondopinion.modeling.qa_prediction import WindowLogits, predict_windows
from secondopinion.modeling.qa_windows import Windows, make_windows
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/covid_qa"))
    parser.add_argument("--contexts", type=int, default=200)
    parser.add_argument("--part", type=int, default=4, help="contexts that the two take in turn")
    parser.add_argument("--max-length", type=int, default=384)
    parser.add_argument("--token-budget", type=int)
    parser.add_argument("--dtype", choices=["bf16", "fp32"], help="of ours; bf16 where the processor has it by default")
    parser.add_argument("--unpadded", action="store_true", help="the loop pads no window")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--at-least", type=float, default=1.8, help="exit with 1 below this ratio")
    arguments = parser.parse_args()
    keep_pages()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    dtype = arguments.dtype or ("bf16" if bf16_supported() else "fp32")
    location = resolve_encoder(EncoderSpec(encoder="offline:all-MiniLM-L6-v2")).location
    tokenizer = AutoTokenizer.from_pretrained(location)
    plain = MultiTaskQAForQuestionAnswering.from_encoder(location).eval()
    ours = MultiTaskQAForQuestionAnswering(plain.config).eval()
    ours.load_state_dict(plain.state_dict())
    ours = ours.to(torch.bfloat16 if dtype == "bf16" else torch.float32)
    with tempfile.TemporaryDirectory() as folder:
        prepare("squad_form", arguments.data / "covid-qa-train.json", folder)
        rows = datasets.load_dataset(
            "parquet", data_files=f"{folder}/data/*.parquet", split="train", cache_dir=f"{folder}/cache"
        )
        draw = np.random.default_rng(arguments.seed).choice(len(rows), arguments.contexts, replace=False)
        rows = rows.select(draw).select_columns(["question", "context"])[:]
    print(f"{machine_line()}; {arguments.threads} threads; bf16 in hardware: {'yes' if bf16_supported() else 'no'}")
    length = None if arguments.unpadded else arguments.max_length
    times, counts, same = [], [], []
    parts = [slice(begin, begin + arguments.part) for begin in range(0, arguments.contexts, arguments.part)]
    with progress(total=arguments.contexts, label="contexts", unit="context") as bar:
        for number, part in enumerate(parts):
            windows = make_windows(
                tokenizer, rows["question"][part], rows["context"][part], max_length=arguments.max_length
            )
            spent, found = [0.0, 0.0], [None, None]
            for side in (0, 1) if number % 2 else (1, 0):
                began = time.perf_counter()
                logits = (
                    one_at_a_time(plain, windows, length)
                    if side
                    else predict_windows(ours, windows, tokenizer, token_budget=arguments.token_budget)
                )
                spent[side] = time.perf_counter() - began
                found[side] = decode(logits.start, logits.end, windows, n_best=1)
            same.append(found[0].start[:, 0] == found[1].start[:, 0])
            times.append(spent)
            counts.append(len(windows))
            bar.update(windows.num_rows)
    seconds, total = np.array(times), sum(counts)
    ratio = np.percentile(seconds[:, 1] / seconds[:, 0], (25, 50, 75))
    rates = total / seconds.sum(axis=0)
    print(f"{arguments.contexts} contexts, {total:,} windows of at most {arguments.max_length} tokens")
    print(f"ours, {dtype}, sorted:      {rates[0]:7.2f} windows/s")
    print(f"one at a time, fp32:    {rates[1]:7.2f} windows/s ({'unpadded' if arguments.unpadded else 'padded'})")
    print(f"ratio {ratio[1]:.2f} ({ratio[0]:.2f}–{ratio[2]:.2f}); same best span: {np.concatenate(same).mean():.1%}")
    print(f"asked: at least {arguments.at_least}")
    sys.exit(ratio[1] < arguments.at_least)


if __name__ == "__main__":
    main()
