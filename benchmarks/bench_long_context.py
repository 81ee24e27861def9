"""What long texts cost: time and memory as the length grows, and scoring by length against padding everything.

    python benchmarks/bench_long_context.py --notes 600
    python benchmarks/bench_long_context.py --parts growth --lengths 512 1024 2048 4096

`growth`: one text at a time through the offline encoder, once converted to a Longformer (a window of 256 tokens, 32
global ones), once the same with the attention that transformers brings, once with its positions extended under full
attention. Each measurement runs in a process of its own, so
that its peak is its own: the median of some training steps (forward, backward, AdamW, bf16 where the machine has it, as
in training) or forward passes, after one that warms up, and the memory above what the process held before. "per token"
is the time of a token over that at the shortest length: 1.0 is linear growth.

`scoring`: medical transcriptions at 1,024 tokens, by a model as `recipes/dragon_offline.yaml` makes it. Ours sorts by
length and fills batches up to a budget of tokens; the other sides pad every note to the maximum, in batches of the same
budget, through the same model or through the same weights in transformers' own Longformer. All include the processor.
Asked: at least twice the notes a second, with equal logits.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from common import machine_line

NOTES = Path("../shared/data/mtsamples.jsonl.gz")
OF_TRANSFORMERS = "longformer_of_transformers"
KINDS = ("longformer", OF_TRANSFORMERS, "extended_positions")
GLOBAL_TOKENS = 32
CLASSES = 40


def spec_of(kind: str, length: int, window: int) -> Any:
    """Return the offline encoder, converted for texts of `length` tokens."""
    from secondopinion.training.recipe import EncoderSpec

    way = "longformer" if kind == OF_TRANSFORMERS else kind
    return EncoderSpec(encoder="offline:all-MiniLM-L6-v2", long_context=way, max_length=length, attention_window=window)


def build(kind: str, length: int, window: int) -> Any:
    """Return a classifier with a fresh head."""
    import torch
    from transformers import LongformerModel

    from secondopinion.modeling import PooledEncoderForSequenceClassification
    from secondopinion.training.long_context import lengthened_encoder

    torch.manual_seed(0)
    model = PooledEncoderForSequenceClassification.from_encoder(
        lengthened_encoder(spec_of(kind, length, window)),
        num_labels=CLASSES,
        encoder_overrides={} if torch.cuda.is_available() else {"attention_probs_dropout_prob": 0.0},
    )
    if kind == OF_TRANSFORMERS:
        stock = LongformerModel(model.encoder.config, add_pooling_layer=False)
        stock.load_state_dict(model.encoder.state_dict())
        model.encoder = stock
    return model.cuda() if torch.cuda.is_available() else model


class Peak:
    """Memory that a process takes above what it holds now, in MiB: of the GPU where there is one."""

    def __init__(self) -> None:
        import torch

        self.gpu = torch.cuda.is_available()
        if self.gpu:
            torch.cuda.reset_peak_memory_stats()
            self.before = torch.cuda.memory_allocated() / 2**20
        else:
            Path("/proc/self/clear_refs").write_text("5")  # proc(5): sets VmHWM to what is held now
            self.before = self._status("VmRSS")

    def above(self) -> float:
        """Return the peak since then."""
        import torch

        return (torch.cuda.max_memory_allocated() / 2**20 if self.gpu else self._status("VmHWM")) - self.before

    @staticmethod
    def _status(name: str) -> float:
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1024


def measure(kind: str, length: int, phase: str, window: int, repeats: int) -> dict[str, float]:
    """Return median seconds and peak MiB of one training step, or one forward pass, over a text of `length` tokens."""
    import torch

    from secondopinion.core.machine import bf16_supported

    model = build(kind, length, window)
    device = next(model.parameters()).device
    draw = torch.Generator().manual_seed(0)
    ids = torch.randint(1000, 20000, (1, length), generator=draw).to(device)
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if kind != "extended_positions":
        batch["global_attention_mask"] = torch.zeros_like(ids)
        batch["global_attention_mask"][0, :: length // GLOBAL_TOKENS] = 1
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    label = torch.zeros(1, dtype=torch.long, device=device)

    def step() -> None:
        model.train()
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16_supported()):
            loss = model(**batch, labels=label).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    def forward() -> None:
        model.eval()
        with torch.inference_mode():
            model(**batch)

    work = step if phase == "step" else forward
    peak, times = Peak(), []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return {"seconds": statistics.median(times[1:]), "mib": peak.above()}


def child(*settings: str) -> dict[str, float]:
    """Run one measurement in a process of its own."""
    answer = subprocess.run([sys.executable, __file__, "--child", *settings], capture_output=True, text=True)
    if answer.returncode:
        sys.exit(f"{' '.join(settings)}: {answer.stderr.strip().splitlines()[-1]}")
    return json.loads(answer.stdout.strip().splitlines()[-1])


def growth(arguments: argparse.Namespace) -> None:
    """Print time and memory by length."""
    print(f"\n{'encoder':<28}{'':<11}{'tokens':>7}{'ms':>9}{'MiB':>8}{'ms per token':>14}{'MiB per token':>15}")
    for kind in KINDS:
        for phase in ("inference", "step"):
            first: dict[str, float] = {}
            for length in arguments.lengths:
                found = child(kind, str(length), phase, str(arguments.window), str(arguments.repeats))
                each = {name: value / length for name, value in found.items()}
                first = first or each
                print(
                    f"{kind:<28}{phase:<11}{length:>7,}{found['seconds'] * 1000:>9.0f}{found['mib']:>8.0f}"
                    f"{each['seconds'] / first['seconds']:>13.2f}x{each['mib'] / first['mib']:>14.2f}x",
                    flush=True,
                )


def read_notes(path: Path, notes: int) -> list[str]:
    """Return notes drawn evenly from the file."""
    with gzip.open(path, "rt", encoding="utf-8") as handle:
        texts = [json.loads(line)["text"] for line in handle]
    return texts[:: max(1, len(texts) // notes)][:notes]


def scoring(arguments: argparse.Namespace) -> None:
    """Print notes a second, sorted by length under a token budget against all padded to the maximum."""
    import numpy as np
    import torch
    from transformers import AutoTokenizer

    from secondopinion.core.machine import keep_pages
    from secondopinion.modeling import ClinicalProcessor
    from secondopinion.scoring.engine import CPU_TOKEN_BUDGET, GPU_TOKEN_BUDGET, score_texts
    from secondopinion.training.encoders import resolve_encoder

    keep_pages()
    length = arguments.max_length
    texts = read_notes(arguments.data, arguments.notes)
    tokenizer = AutoTokenizer.from_pretrained(resolve_encoder(spec_of("longformer", length, 256)).location)
    tokenizer.model_max_length = length
    counts = np.array([len(ids) for ids in tokenizer(texts, truncation=True, max_length=length)["input_ids"]])
    rows = (GPU_TOKEN_BUDGET if torch.cuda.is_available() else CPU_TOKEN_BUDGET) // length
    print(
        f"\n{len(texts)} notes at {length:,} tokens: mean {counts.mean():.0f}, {(counts >= length).mean():.0%} cut; "
        f"padded side in batches of {rows}"
    )
    for kind in ("longformer", "extended_positions"):
        model = build(kind, length, arguments.window).eval()
        device = next(model.parameters()).device
        rivals = {"padded": model}
        if kind == "longformer":
            rivals["padded, attention of transformers"] = build(OF_TRANSFORMERS, length, arguments.window).eval()
        processor = ClinicalProcessor(tokenizer, global_attention=kind == "longformer", max_global=GLOBAL_TOKENS)

        def padded(model: Any, processor: Any = processor, device: Any = device) -> np.ndarray:
            logits = []
            for start in range(0, len(texts), rows):
                batch = processor(
                    texts[start : start + rows], truncation=True, padding="max_length", max_length=length,
                    return_tensors="pt",
                )  # fmt: skip
                with torch.inference_mode():
                    logits.append(model(**batch.to(device)).logits.float().cpu().numpy())
            return np.concatenate(logits)

        def ours(model: Any = model, processor: Any = processor) -> np.ndarray:
            return score_texts(model, processor, texts)

        score_texts(model, processor, texts[:4])
        sides = {"ours": ours} | {name: partial(padded, rival) for name, rival in rivals.items()}
        rates: dict[str, list[float]] = {name: [] for name in sides}
        for number in range(arguments.pairs):
            found = {}
            for name in list(sides)[:: -1 if number % 2 else 1]:
                began = time.perf_counter()
                found[name] = sides[name]()
                rates[name].append(len(texts) / (time.perf_counter() - began))
        print(f"{kind:<20} ours {statistics.median(rates['ours']):6.1f} notes/s")
        for name in rivals:
            ratio = statistics.median(a / b for a, b in zip(rates["ours"], rates[name], strict=True))
            print(
                f"{'':<20} {name}: {statistics.median(rates[name]):.1f} notes/s, ratio {ratio:.2f} (asked: 2 or more), "
                f"largest difference of logits {np.abs(found['ours'] - found[name]).max():.1e}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=("growth", "scoring"), default=["growth", "scoring"])
    parser.add_argument("--lengths", nargs="+", type=int, default=[512, 1024, 4096])
    parser.add_argument("--window", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3, help="measurements after the warm-up, of which the median")
    parser.add_argument("--data", type=Path, default=NOTES)
    parser.add_argument("--notes", type=int, default=600)
    parser.add_argument("--max-length", type=int, default=1024)
    parser.add_argument("--pairs", type=int, default=1, help="how often both sides score, in turn")
    parser.add_argument("--child", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        kind, length, phase, window, repeats = arguments.child
        print(json.dumps(measure(kind, int(length), phase, int(window), int(repeats))))
        return
    print(machine_line())
    for part in arguments.parts:
        {"growth": growth, "scoring": scoring}[part](arguments)


if __name__ == "__main__":
    main()
