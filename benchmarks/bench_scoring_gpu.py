"""Scoring on a GPU: the engine beside the pipeline of transformers on the same card, with a random BERT-base.

    python benchmarks/bench_scoring_gpu.py --data data/maude --rows 20000
    python benchmarks/bench_scoring_gpu.py --data ../shared/data/mtsamples.jsonl.gz --rows 0
    python benchmarks/bench_scoring_gpu.py --data data/maude --rows 64 --cpu --hidden 64 --layers 2

Speed does not depend on what the weights are: they are drawn at random in BERT-base's shape (12 layers, 768 wide), and
the tokenizer is that of the offline encoder. Both sides keep the model on the card; the pipeline takes batches of 32 as
the texts come, in float32 and in bf16, the engine sorts them by length under a token budget that it measures before.
Its time includes reading and writing files and tokenising. The share is of a matrix product of 8192³ on the same card.
`--cpu` hides the card and tries the same on the cores.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path


def random_model(folder: Path, hidden: int, layers: int) -> None:
    """Write a BERT with random weights and four labels, and its tokenizer."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    from secondopinion.training.encoders import resolve_encoder
    from secondopinion.training.recipe import EncoderSpec

    tokenizer = AutoTokenizer.from_pretrained(resolve_encoder(EncoderSpec(encoder="offline:all-MiniLM-L6-v2")).location)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=max(1, hidden // 64),
        intermediate_size=4 * hidden,
        num_labels=4,
    )
    torch.manual_seed(13)
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="prepared data, or a file of texts")
    parser.add_argument("--text-column", default="text")
    parser.add_argument("--rows", type=int, default=20_000, help="0 for all")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--hidden", type=int, default=768)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--cpu", action="store_true", help="hide the card")
    arguments = parser.parse_args()
    if arguments.cpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    import torch

    if not arguments.cpu and not torch.cuda.is_available():
        sys.exit("torch sees no GPU here; --cpu tries the same on the cores (with --hidden 64 --layers 2 it is short)")
    if torch.cuda.is_available():
        print(torch.cuda.get_device_name())
    import bench_scoring

    folder = Path(tempfile.mkdtemp(prefix="bench-gpu-"))
    try:
        random_model(folder, arguments.hidden, arguments.layers)
        words = ["--model", str(folder), "--data", arguments.data, "--text-column", arguments.text_column]
        words += ["--rows", str(arguments.rows), "--repeats", str(arguments.repeats), "--corpus", "card"]
        bench_scoring.main(words)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
