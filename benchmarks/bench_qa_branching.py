"""What a branch for each task costs: forward of 4 of 6 shared layers against the plain encoder; at most 1.45 is asked.

    python benchmarks/bench_qa_branching.py

The offline encoder (6 layers, 384 wide) as it is, and inside the QA model with so many of its layers shared: branches
above them, both heads, the masks of spans. Both get the same windows in turn, one thread, in one process; a pair gives
a ratio of times, and the median over pairs is the figure to quote. Times are CPU seconds of that thread, so that other
work on the machine counts less. In theory a forward costs (shared + 2 · branched) / layers, embeddings and heads left
out. `same` is the largest difference between the states of a branch and of the plain encoder, before training.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial

import numpy as np
import torch
from common import machine_line, measured, paired, report
from transformers import AutoModel

from secondopinion.core.machine import keep_pages
from secondopinion.modeling import MultiTaskQAForQuestionAnswering
from secondopinion.training.encoders import resolve_encoder
from secondopinion.training.recipe import EncoderSpec

SHAPES = ((1, 128), (8, 128), (1, 384), (8, 384))


def batch_of(vocabulary: int, batch: int, length: int) -> dict[str, torch.Tensor]:
    """Windows of random tokens; no padding, which costs the encoder as much."""
    draw = torch.Generator().manual_seed(batch * length)
    ids = torch.randint(1000, vocabulary, (batch, length), generator=draw)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="offline:all-MiniLM-L6-v2")
    parser.add_argument("--shared", type=int, nargs="+", default=[6, 5, 4, 3, 2, 0], help="layers shared; a sweep")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each line")
    parser.add_argument("--limit", type=float, default=1.45, help="exit with 1 when 4 of 6 layers cost more")
    arguments = parser.parse_args()
    keep_pages()
    torch.set_num_threads(1)
    location = resolve_encoder(EncoderSpec(encoder=arguments.encoder)).location
    plain = AutoModel.from_pretrained(location, dtype=torch.float32, add_pooling_layer=False).eval()
    layers = plain.config.num_hidden_layers
    print(f"{machine_line()}; one thread, fp32")
    print(f"{'shared':>8}{'batch':>7}{'tokens':>8}{'plain':>11}{'ratio':>9}{'p25–p75':>17}{'theory':>9}{'same':>10}")
    asked: list[np.ndarray] = []
    for shared in arguments.shared:
        model = MultiTaskQAForQuestionAnswering.from_encoder(location, num_shared_layers=shared).eval()
        for batch, length in SHAPES:
            inputs = batch_of(plain.config.vocab_size, batch, length)
            span_mask = torch.ones_like(inputs["input_ids"])
            span_mask[:, 1:16] = 0
            with torch.inference_mode():
                expected = plain(**inputs).last_hidden_state
                states = model(**inputs, output_hidden_states=True).hidden_states
                same = max(float((parts[-1] - expected).abs().max()) for parts in states.values())
                one, other = partial(plain, **inputs), partial(model, **inputs, span_mask=span_mask)
                warm = paired(one, other, 2)
                times = paired(one, other, int(np.clip(arguments.seconds / warm.min(axis=0).sum(), 11, 400)))
            ratio = np.percentile(times[:, 1] / times[:, 0], (25, 50, 75))
            if 3 * shared == 2 * layers:
                asked.append(times[:, 1] / times[:, 0])
            print(
                f"{f'{shared} of {layers}':>8}{batch:>7}{length:>8}{1000 * np.median(times[:, 0]):>8.1f} ms"
                f"{ratio[1]:>9.3f}{f'{ratio[0]:.3f}–{ratio[2]:.3f}':>17}{2 - shared / layers:>9.3f}{same:>10.1e}"
            )
    work, note = "forward with a branch for each task above two thirds of the layers", "largest of four shapes"
    slowest = sorted(asked, key=np.median)[-1:]
    told = {"asked": arguments.limit, "at_most": True, "note": note}
    sys.exit(not report([measured(work, "the plain encoder's forward", ratios, **told) for ratios in slowest]))


if __name__ == "__main__":
    main()
