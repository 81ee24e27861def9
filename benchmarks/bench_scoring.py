"""Scoring device reports: the engine with each backend, side by side with transformers' pipeline and a bare loop.

    secondopinion prepare maude --source FILE --output data/maude --limit 5000
    python benchmarks/bench_scoring.py --model RUN --data data/maude --rows 2000 --repeats 3
    python benchmarks/bench_scoring.py --model RUN --data ../shared/data/mtsamples.jsonl.gz --corpus notes --rows 0
    python benchmarks/bench_scoring.py --model RUN --data data/maude --memory

Each contender runs in a process of its own, one after the other, in an order that turns round every time. What is
timed: for the pipeline and the bare loop, texts (bare: tokens) in memory to logits in memory; for the engine, a Parquet
file on disk to Parquet parts on disk. Loading a model, converting it and measuring its batching are done before. The
bare loop is OpenVINO's own over the engine's batches. int8 needs `secondopinion quantize RUN`. The share of the ceiling
is of a float32 (or bf16) matrix product of 2048³ on the same cores. Only the dense layers come near it: where a matrix
unit computes bf16, softmax, activations and normalisation, which it does not compute, take about half of the time.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from common import Result, machine_line, measured, report
from scoring_results import RATIOS, RIVAL, RIVAL_BF16, SINGLE, results_of

from secondopinion.core.machine import bf16_supported, cpu_count

CONTENDERS = {
    RIVAL: ("pipeline", "float32", 32),
    SINGLE: ("pipeline", "float32", 1),
    RIVAL_BF16: ("pipeline", "bfloat16", 32),
    "engine, torch": ("engine", "float32", "torch"),
    "engine, OpenVINO": ("engine", "float32", "openvino"),
    "bare OpenVINO loop": ("bare", "float32", "openvino"),
    "engine, OpenVINO, int8": ("engine", "int8", "openvino"),
    "engine, torch, bf16": ("engine", "bfloat16", "torch"),
    "engine, OpenVINO, bf16": ("engine", "bfloat16", "openvino"),
    "bare OpenVINO loop, bf16": ("bare", "bfloat16", "openvino"),
}


def write_texts(data: str, text_column: str, rows: int, path: Path) -> int:
    """Write the texts that all contenders score; return how many."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from secondopinion.scoring.corpus.files import corpus_files, file_rows

    folder = Path(data) / "data" if (Path(data) / "data").is_dir() else Path(data)
    found = (row for file in corpus_files(folder) for row in file_rows(file, text_column=text_column))
    texts = [row[text_column] for row in islice(found, rows or None) if (row[text_column] or "").strip()]
    pq.write_table(pa.table({"text": texts}), path)
    return len(texts)


def pipeline_logits(model: str, texts: list[str], batch_size: int, precision: str) -> tuple[float, np.ndarray]:
    import torch
    from transformers import pipeline

    from secondopinion.modeling.sequence_limit import longest_sequence
    from secondopinion.scoring.classifier import open_classifier

    loaded, tokenizer = open_classifier(model)
    torch.set_num_threads(cpu_count())
    loaded = loaded.to(getattr(torch, precision))
    pipe = pipeline("text-classification", model=loaded, tokenizer=tokenizer, top_k=None, device=loaded.device)
    options = {"truncation": True, "max_length": longest_sequence(loaded.config, tokenizer), "batch_size": batch_size}
    options["function_to_apply"] = "none"
    pipe(texts[:4], **options)
    began = time.perf_counter()
    said = pipe(texts, **options)
    spent = time.perf_counter() - began
    names = [loaded.config.id2label[number] for number in range(loaded.config.num_labels)]
    by_name = [{one["label"]: one["score"] for one in row} for row in said]
    return spent, np.array([[row[name] for name in names] for row in by_name], dtype=np.float32)


def engine_logits(model: str, texts: Path, backend: str, precision: str) -> tuple[float, np.ndarray, int, str]:
    import pyarrow.parquet as pq

    from secondopinion.core.machine import usable_threads
    from secondopinion.scoring.corpus.shards import plan_shards
    from secondopinion.scoring.corpus.sources import open_sources
    from secondopinion.scoring.job import score_corpus
    from secondopinion.scoring.opening import open_model

    opened = open_model(model, backend=backend, precision=precision, defer=False)
    encoded = opened.scorer.encode(pq.read_table(texts)["text"].to_pylist()[:600])
    batching = opened.scorer.tune(encoded)
    with tempfile.TemporaryDirectory() as out:
        began = time.perf_counter()
        done = score_corpus(opened, plan_shards(open_sources([texts])), out)
        spent = time.perf_counter() - began
        table = pq.read_table(Path(out) / "part-00000.parquet")
        parts = [pq.read_table(path) for path in sorted(Path(out).glob("part-*"))]
    names = [name for name in table.column_names if name.startswith("p_")]
    logits = np.concatenate([np.log(np.stack([part[name].to_numpy() for name in names], axis=1)) for part in parts])
    opened.scorer.close()
    told = f"{batching.token_budget} tokens, {batching.streams} stream(s) of {usable_threads()} threads"
    return spent, logits.astype(np.float32), done.tokens, told


def bare_logits(model: str, texts: Path, precision: str) -> tuple[float, np.ndarray]:
    """Return what OpenVINO's own loop takes for the engine's batches, padded beforehand."""
    import pyarrow.parquet as pq

    from secondopinion.scoring.backends.openvino_backend import openvino
    from secondopinion.scoring.batches import token_batches
    from secondopinion.scoring.encoding import Padder
    from secondopinion.scoring.opening import open_model

    opened = open_model(model, backend="openvino", precision=precision, defer=False)
    scorer, backend = opened.scorer, opened.scorer.backend
    encoded = scorer.encode(pq.read_table(texts)["text"].to_pylist())
    batching = scorer.tune(encoded)
    pad = Padder(scorer.encode.reader)
    places = list(token_batches(encoded.lengths, batching.token_budget, scorer.runner.multiple))
    padded = ({k: v for k, v in pad(encoded, rows).items() if k in backend.inputs} for rows in places)
    batches = [backend.widened(batch) for batch in padded]
    logits = np.zeros((len(encoded.lengths), opened.config.num_labels), dtype=np.float32)

    def keep(request: Any, rows: np.ndarray) -> None:
        logits[rows] = request.get_output_tensor().data

    queue = openvino().AsyncInferQueue(backend._compiled, batching.streams)
    queue.set_callback(keep)
    queue.start_async(batches[-1], places[-1], share_inputs=True)
    queue.wait_all()
    began = time.perf_counter()
    for rows, batch in zip(places, batches, strict=True):
        queue.start_async(batch, rows, share_inputs=True)
    queue.wait_all()
    spent = time.perf_counter() - began
    scorer.close()
    return spent, logits


def ceiling(precision: str) -> dict[str, float]:
    """Return GFLOP/s of a square matrix product, the best of six, and its side."""
    import torch

    card = torch.cuda.is_available()
    kind, side = torch.bfloat16 if precision == "bfloat16" else torch.float32, 8192 if card else 2048
    left, right = (torch.rand(side, side, dtype=kind, device="cuda" if card else "cpu") for _ in range(2))
    best = 0.0
    for _ in range(6):
        began = time.perf_counter()
        left @ right
        if card:
            torch.cuda.synchronize()
        best = max(best, 2 * side**3 / (time.perf_counter() - began) / 1e9)
    return {"ceiling": best, "side": side}


def flops(config: Any, lengths: np.ndarray) -> float:
    """Return the multiplications and additions of an encoder's forward over texts, padding left out."""
    inner = getattr(config, "encoder_config", config)
    hidden, wide, layers = inner.hidden_size, inner.intermediate_size, inner.num_hidden_layers
    dense = 2 * (4 * hidden * hidden + 2 * hidden * wide) * lengths.sum()
    return float(layers * (dense + 4 * hidden * (lengths.astype(float) ** 2).sum()))


def child(arguments: argparse.Namespace) -> None:
    kind, precision, how = CONTENDERS[arguments.child]
    import pyarrow.parquet as pq

    told, tokens = "", 0
    if kind == "pipeline":
        texts = pq.read_table(arguments.texts)["text"].to_pylist()
        spent, logits = pipeline_logits(arguments.weights, texts, how, precision)
    elif kind == "bare":
        spent, logits = bare_logits(arguments.model, arguments.texts, precision)
    else:
        spent, logits, tokens, told = engine_logits(arguments.model, arguments.texts, how, precision)
    np.save(arguments.out, logits)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(json.dumps({"seconds": spent, "peak_mib": peak, "tokens": tokens, "told": told, **ceiling(precision)}))


def one(name: str, arguments: argparse.Namespace, texts: Path, out: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, "--child", name, "--model", arguments.model, "--weights", arguments.weights]
    command += ["--texts", str(texts), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def probabilities(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def show(arguments: argparse.Namespace, texts: Path, work: Path, names: list[str]) -> list[Result]:
    from secondopinion.scoring.classifier import open_classifier
    from secondopinion.scoring.encoding import TextEncoder

    rounds: list[dict[str, dict[str, Any]]] = []
    for number in range(arguments.repeats):
        found = {}
        for name in names if number % 2 == 0 else reversed(names):
            found[name] = one(name, arguments, texts, work / f"{names.index(name)}.npy")
            print(f"round {number + 1}: {name}: {found[name]['seconds']:.2f} s", file=sys.stderr, flush=True)
        rounds.append(found)
    import pyarrow.parquet as pq

    model, tokenizer = open_classifier(arguments.weights)
    lengths = TextEncoder(tokenizer, arguments.max_length)(pq.read_table(texts)["text"].to_pylist()).lengths
    work_done = flops(model.config, lengths)
    plain = probabilities(np.load(work / f"{names.index(RIVAL)}.npy"))
    print(f"{len(lengths):,} texts, {lengths.sum():,} tokens (mean {lengths.mean():.0f}), {work_done / 1e12:.2f} TFLOP")
    told = "seconds | tokens/s | times the pipeline's rate | of the ceiling | same label | largest difference | MiB"
    print(f"| contender | {told} |\n|---|---|---|---|---|---|---|---|")
    same_label = {}
    for place, name in enumerate(names):
        seconds = [found[name]["seconds"] for found in rounds]
        ratio = [found[RIVAL]["seconds"] / found[name]["seconds"] for found in rounds]
        share = np.median([work_done / one_["seconds"] / 1e9 / one_["ceiling"] for one_ in (f[name] for f in rounds)])
        said = probabilities(np.load(work / f"{place}.npy"))
        same = same_label[name] = float((said.argmax(1) == plain.argmax(1)).mean())
        print(
            f"| {name} {rounds[0][name]['told']} | {np.median(seconds):.1f} | "
            f"{lengths.sum() / np.median(seconds):,.0f} | {np.median(ratio):.2f} "
            f"[{min(ratio):.2f}, {max(ratio):.2f}] | {share:.0%} | {same:.2%} | {np.abs(said - plain).max():.1e} | "
            f"{rounds[0][name]['peak_mib']:.0f} |"
        )
    return results_of(arguments.corpus, arguments.model, rounds, lengths, work_done, same_label)


def memory(arguments: argparse.Namespace, texts: Path, work: Path) -> list[Result]:
    """Return the engine's peak memory over ten times a corpus, beside that over one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(texts)
    large = work / "large.parquet"
    pq.write_table(pa.concat_tables([table] * 10), large, row_group_size=1000)
    # As `score` computes by default; the first run measures the batching, which takes memory of its own.
    contender = "engine, OpenVINO, bf16" if bf16_supported() else "engine, OpenVINO"
    peaks = [one(contender, arguments, path, work / "m.npy")["peak_mib"] for path in (texts, texts, large)][1:]
    told = f"peak memory of scoring {10 * len(table):,} texts"
    note = f"{peaks[1]:,.0f} MiB"
    return [measured(told, f"{len(table):,} texts", peaks[1] / peaks[0], asked=1.1, at_most=True, note=note)]


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="a run, or a model's folder")
    parser.add_argument("--data", help="prepared data, or a file of texts")
    parser.add_argument("--text-column", default="text")
    parser.add_argument("--rows", type=int, default=2000, help="0 for all")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--only", action="append", help="contender; may be repeated")
    parser.add_argument("--corpus", choices=list(RATIOS), default="reports", help="which ratios are asked of it")
    parser.add_argument("--memory", action="store_true", help="peak memory of one and of ten corpora instead")
    for hidden in ("--child", "--weights", "--out", "--texts"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    arguments = parser.parse_args(words)
    if arguments.child:
        child(arguments)
        return
    from secondopinion.core.run_folder import RunFolder

    path = Path(arguments.model)
    run = (path / "run.json").exists() and not (path / "config.json").exists()
    arguments.weights = str(RunFolder.open(path).fold_folder(RunFolder.open(path).selected_fold)) if run else str(path)
    work = Path(tempfile.mkdtemp(prefix="bench-scoring-"))
    try:
        write_texts(arguments.data, arguments.text_column, arguments.rows, work / "texts.parquet")
        print(machine_line())
        compared = {name for pair in RATIOS[arguments.corpus] for name in pair[:2]}
        names = [name for name in CONTENDERS if name in compared and ("bf16" not in name or bf16_supported())]
        if not any((path / "backends").glob("*/openvino-int8")):
            names = [name for name in names if "int8" not in name]
        if arguments.only:
            names = [name for name in names if name in (RIVAL, *arguments.only)]
        if arguments.memory:
            results = memory(arguments, work / "texts.parquet", work)
        else:
            results = show(arguments, work / "texts.parquet", work, names)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    sys.exit(not report(results))


if __name__ == "__main__":
    main()
