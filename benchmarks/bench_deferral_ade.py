"""Learning to defer on ADE Corpus V2: what each policy gains over the classifier alone, at several shares deferred.

    secondopinion prepare ade_corpus_v2 --source ../shared/data/ade_corpus_v2 --output data/ade
    secondopinion train --config recipes/ade_tfidf.yaml --data data/ade
    secondopinion train --config recipes/l2d_ade_offline.yaml --data data/ade
    python benchmarks/bench_deferral_ade.py --data data/ade
    python benchmarks/bench_deferral_ade.py --data data/ade --tuned
    python benchmarks/bench_deferral_ade.py --data data/ade joint

The classifier is the offline encoder, one epoch a fold, grouped by PubMed id; the expert is a bag of words and letters
trained on the same folds' training rows, so neither saw the rows it is measured on. `joint` trains the joint surrogates
with their α grids on frozen embeddings of the encoder before any fine-tuning, five seeds. `--tuned` first gives the
classifier the decision threshold with the best F1 on the other folds, so that asking does not gain what tuning would.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from common import machine_line

from secondopinion.core.machine import keep_pages
from secondopinion.core.progress import progress
from secondopinion.core.run_folder import RunFolder
from secondopinion.metrics.deferral_rate.deferral_rate import deferral_figures
from secondopinion.training.asking import run_data, votes_of_run
from secondopinion.training.cross_fitting import CrossFit, best_expert, cross_fit, declare
from secondopinion.training.deferral import loss_matrix
from secondopinion.training.deferral_recipe import DeferralSpec, RunExpertSpec
from secondopinion.training.deferral_rows import gather_rows
from secondopinion.training.policy_fitting import DeferralRows, FittedPolicy, policy_config
from secondopinion.training.recipe import load_recipe
from secondopinion.training.threshold import top_k

RATES = (0.05, 0.07, 0.10, 0.20)
POLICIES = ["selective", "compare_confidence", "logistic", "network", "two_stage", "ce", "rs", "ova", "asm"]
SEEDS = (0, 1, 2, 3, 4)
POSITIVE = "Related"


def main() -> None:
    """Run the part that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=("policies", "joint"), default="policies")
    parser.add_argument("--data", type=Path, default=Path("data/ade"))
    parser.add_argument("--run", type=Path, default=Path("runs/l2d_ade_offline"))
    parser.add_argument("--expert", type=Path, default=Path("runs/ade_tfidf"))
    parser.add_argument("--votes", type=Path, help="A file of votes of another expert, in place of --expert.")
    parser.add_argument("--tuned", action="store_true", help="Tune the classifier's decision threshold first.")
    parser.add_argument("--resamples", type=int, default=2000)
    args = parser.parse_args()
    keep_pages()
    print(machine_line())
    run = RunFolder.open(args.run)
    data = run_data(run, args.data)
    recipe = load_recipe("l2d_ade_offline")
    recipe = recipe.replace(experts=[RunExpertSpec(name="ade_tfidf", path=str(args.expert))])
    files = [args.votes] if args.votes else None
    votes = {name: found.rows for name, found in votes_of_run(run, recipe, data, files).items()}
    rows = gather_rows(run, data, votes, recipe.deferral)
    if args.tuned:
        rows = tuned(rows)
    print(f"{len(rows):,} sentences, folds {run.facts['folds']['sha1']}, expert {', '.join(votes)}: out of fold\n")
    if args.part == "policies":
        measure_policies(run, rows, recipe.deferral, args.resamples)
    else:
        measure_joint(data, rows, args.resamples)


def measure_policies(run: RunFolder, rows: DeferralRows, spec: DeferralSpec, resamples: int) -> None:
    """Print every post-hoc policy at every rate, and the one that validation rows declare."""
    from secondopinion.core.files import read_json

    config = read_json(run.fold_folder(run.selected_fold) / "config.json")
    for name in ("auto_map", "architectures", "dtype"):
        config.pop(name, None)

    def crossed_with(spec: DeferralSpec, names: list[str]) -> CrossFit:
        def fit(kind: str, part: DeferralRows) -> FittedPolicy:
            losses = loss_matrix(part, spec)
            return FittedPolicy(policy_config(spec, kind, config, losses, rows.expert_names), part, losses, spec)

        return cross_fit(rows, rows.fold, names, fit)

    crossed = crossed_with(spec, POLICIES)
    single = deferral_figures(**columns(rows), deferred=np.zeros(len(rows), bool), n_resamples=resamples)
    for who in ("classifier", "expert"):
        figures = single[who]["per_class"][POSITIVE]
        low, high = single["intervals"][f"{who}.f1"]
        print(
            f"{who} alone: F1 {figures['f1']:.4f} [{low:.4f}, {high:.4f}], precision {figures['precision']:.3f}, "
            f"recall {figures['recall']:.3f}, accuracy {single[who]['accuracy']:.4f}"
        )
    for rate in RATES:
        print(
            f"\n{rate:.0%} deferred        F1 [95 %]                  − classifier alone [95 %], p        − random, p"
        )
        for name in POLICIES:
            deferred = deferred_within_folds(rows, crossed.outer[name], rate)
            show(name, rows, deferred, resamples)
        deferred = np.zeros(len(rows), bool)
        chosen = []
        for j in np.unique(rows.fold):
            seen = {name: tables[int(j)][rows.fold != j] for name, tables in crossed.inner.items()}
            others = rows.take(np.flatnonzero(rows.fold != j))
            losses = loss_matrix(others, spec)
            name, _ = declare(others, seen, [rate], spec.declare_by, losses, spec.positive_label)
            chosen.append(name)
            held_out = np.flatnonzero(rows.fold == j)
            deferred[held_out] = deferred_within_folds(rows.take(held_out), crossed.outer[name][held_out], rate)
        figures = show("declared", rows, deferred, resamples)
        print(f"{'':12s} declared in the five folds: {', '.join(chosen)}")
        for who in ("random", "oracle"):
            low, high = figures["intervals"].get(f"{who}.f1", (float("nan"),) * 2)
            print(f"{who:12s}  {figures[who]['f1']:.4f} [{low:.4f}, {high:.4f}]")
    show_tuned(rows, resamples)


def tuned(rows: DeferralRows) -> DeferralRows:
    """Return the rows with a classifier whose decision threshold has the best F1 on the other folds."""
    place = rows.label_names.index(POSITIVE)
    margin = rows.logits[:, place] - rows.logits[:, 1 - place]
    logits = rows.logits.copy()
    for j in np.unique(rows.fold):
        others = rows.fold != j
        order = np.argsort(-margin[others])
        hits = np.cumsum(rows.gold[others][order] == place)
        f1 = 2 * hits / (np.arange(1, others.sum() + 1) + (rows.gold[others] == place).sum())
        logits[rows.fold == j, place] -= margin[others][order][f1.argmax()]
    return dataclasses.replace(rows, logits=logits)


def show_tuned(rows: DeferralRows, resamples: int) -> None:
    """Print what a better decision threshold alone would gain the classifier: asking has to beat that, too."""
    given = {**columns(rows), "expert_predictions": tuned(rows).classifier.tolist()}
    figures = deferral_figures(**given, deferred=np.ones(len(rows), bool), n_resamples=resamples)
    gain = figures["differences"]["system - classifier"]["f1"]
    print(
        f"\nclassifier with its decision threshold tuned on the other folds, nobody asked: F1 "
        f"{figures['system']['f1']:.4f}, − classifier {gain['difference']:+.4f} "
        f"[{gain['low']:+.4f}, {gain['high']:+.4f}]"
    )


def columns(rows: DeferralRows) -> dict[str, Any]:
    """Return the arguments of `deferral_figures` that do not change."""
    return {
        "references": rows.gold.tolist(),
        "predictions": rows.classifier.tolist(),
        "expert_predictions": [None if vote < 0 else vote for vote in rows.votes[:, 0].tolist()],
        "label_names": rows.label_names,
        "positive_label": POSITIVE,
        "ids": rows.ids.tolist(),
        "groups": rows.groups,
    }


def deferred_within_folds(rows: DeferralRows, scores: np.ndarray, rate: float) -> np.ndarray:
    """Return (rows,) bool: the highest scores of each fold, exactly ⌊rate · rows⌋ of it."""
    deferred = np.zeros(len(rows), bool)
    score, _ = best_expert(scores)
    for j in np.unique(rows.fold):
        part = np.flatnonzero(rows.fold == j)
        deferred[part] = top_k(score[part], rows.ids[part].tolist(), int(rate * len(part) + 1e-9))
    return deferred


def show(name: str, rows: DeferralRows, deferred: np.ndarray, resamples: int) -> dict[str, Any]:
    """Print one line and return the figures."""
    figures = deferral_figures(**columns(rows), deferred=deferred, n_resamples=resamples)
    low, high = figures["intervals"]["system.f1"]
    gain, lot = (figures["differences"][f"system - {other}"]["f1"] for other in ("classifier", "random"))
    print(
        f"{name:18s} {figures['system']['f1']:.4f} [{low:.4f}, {high:.4f}]   {gain['difference']:+.4f} "
        f"[{gain['low']:+.4f}, {gain['high']:+.4f}] p {gain['p_value']:.4f}   {lot['difference']:+.4f} "
        f"p {lot['p_value']:.4f}",
        flush=True,
    )
    return figures


def embeddings(data: Any) -> np.ndarray:
    """Return (rows, 768) first token and mean over tokens of the encoder before any fine-tuning."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    from secondopinion.modeling.pooling import pool
    from secondopinion.scoring.batches import token_batches
    from secondopinion.training.encoders import resolve_encoder

    location = resolve_encoder(load_recipe("l2d_ade_offline").model).location
    tokenizer, encoder = AutoTokenizer.from_pretrained(location), AutoModel.from_pretrained(location).eval()
    encoded = tokenizer(data.texts(), truncation=True, max_length=128)["input_ids"]
    out = np.zeros((len(encoded), 2 * encoder.config.hidden_size), dtype=np.float32)
    lengths = [len(row) for row in encoded]
    with torch.inference_mode(), progress(total=len(encoded), label="embedding") as bar:
        for batch in token_batches(lengths, 2048):
            padded = tokenizer.pad({"input_ids": [encoded[i] for i in batch]}, return_tensors="pt")
            hidden = encoder(**padded).last_hidden_state
            out[batch] = pool(hidden, padded["attention_mask"], "cls_mean_concat").numpy()
            bar.update(len(batch))
    return out


def measure_joint(data: Any, rows: DeferralRows, resamples: int) -> None:
    """Print the joint surrogates on frozen embeddings beside selective prediction and compare-confidence there."""
    place = {identifier: i for i, identifier in enumerate(data.ids.tolist())}
    features = embeddings(data)[[place[i] for i in rows.ids.tolist()]]
    right = (rows.votes[:, 0] == rows.gold).astype(np.float32)
    from secondopinion.modeling.deferral_losses import SURROGATES

    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    grids = {kind: surrogate.alphas or (1.0,) for kind, surrogate in SURROGATES.items()}
    folds = np.unique(rows.fold)
    total = len(SEEDS) * len(folds) * (sum(map(len, grids.values())) + 2)
    picked: dict[str, list[float]] = {kind: [] for kind in grids}
    with progress(total=total, label="training heads", unit="head") as bar:
        for seed in SEEDS:
            tables = {name: np.zeros((len(rows), 3), np.float32) for name in [*grids, "classifier", "expert_right"]}
            for j in folds:
                held_out, others = np.flatnonzero(rows.fold == j), np.flatnonzero(rows.fold != j)
                validation = others[rows.fold[others] == folds[(list(folds).index(j) + 1) % len(folds)]]
                training = np.setdiff1d(others, validation)
                for kind, alphas in grids.items():
                    trials = []
                    for alpha in alphas:
                        head = fit_head(kind, alpha, features[training], rows.gold[training], right[training], seed)
                        trials.append((validation_f1(kind, head(features[validation]), rows, validation), alpha, head))
                        bar.update(1)
                    _, alpha, head = max(trials, key=lambda trial: trial[0])
                    picked[kind].append(alpha)
                    tables[kind][held_out] = head(features[held_out])
                for name in ("classifier", "expert_right"):
                    gold = rows.gold if name == "classifier" else right.astype(np.int64)
                    head = fit_head(None, 1.0, features[training], gold[training], right[training], seed)
                    tables[name][held_out] = head(features[held_out])
                    bar.update(1)
            for name, table in tables.items():
                found.setdefault(name, []).append((table, table[:, :2].argmax(axis=1)))
    print_joint(rows, found, picked, resamples)


def fit_head(
    kind: str | None, alpha: float, features: np.ndarray, gold: np.ndarray, right: np.ndarray, seed: int
) -> Any:
    """Train a linear head on standardised embeddings, class logits and a deferral logit, by Adam; return a scorer."""
    import torch
    from torch.nn import functional

    from secondopinion.modeling.deferral_losses import surrogate_loss

    torch.manual_seed(seed)
    mean, std = features.mean(axis=0), features.std(axis=0) + 1e-6
    x, y = torch.from_numpy((features - mean) / std), torch.from_numpy(gold.astype(np.int64))
    e = torch.from_numpy(right)
    head = torch.nn.Linear(x.shape[1], 3)
    optimizer = torch.optim.AdamW(head.parameters(), lr=2e-3, weight_decay=1e-2)
    for _ in range(10):
        for batch in torch.randperm(len(x)).split(512):
            scores = head(x[batch])
            loss = (
                functional.cross_entropy(scores[:, :2], y[batch])
                if kind is None
                else surrogate_loss(kind, scores, y[batch], e[batch], alpha)
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    def score(values: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return head(torch.from_numpy((values - mean) / std)).numpy()

    return score


def joint_score(kind: str, table: np.ndarray) -> np.ndarray:
    """Return (rows,) deferral scores of (rows, 3) head outputs."""
    import torch

    from secondopinion.modeling.deferral_losses import deferral_score

    return deferral_score(kind, torch.from_numpy(table), 2).numpy()


def validation_f1(kind: str, table: np.ndarray, rows: DeferralRows, part: np.ndarray) -> float:
    """Return the mean F1 of the system on validation rows over the rates, which picks α."""
    own = table[:, :2].argmax(axis=1)
    score, place = joint_score(kind, table), rows.label_names.index(POSITIVE)
    values = []
    for rate in RATES:
        deferred = top_k(score, rows.ids[part].tolist(), int(rate * len(part)))
        said = np.where(deferred, rows.votes[part, 0], own)
        hits = ((said == place) & (rows.gold[part] == place)).sum()
        values.append(2 * hits / ((said == place).sum() + (rows.gold[part] == place).sum()))
    return float(np.mean(values))


def print_joint(rows: DeferralRows, found: dict[str, Any], picked: dict[str, list[float]], resamples: int) -> None:
    """Print F1 over the seeds, and of the first seed the paired difference to selective prediction."""
    place = rows.label_names.index(POSITIVE)
    confident = found["classifier"]

    def softmax(table: np.ndarray) -> np.ndarray:
        values = np.exp(table[:, :2] - table[:, :2].max(axis=1, keepdims=True))
        return values / values.sum(axis=1, keepdims=True)

    scores = {
        "selective": [(1 - softmax(table).max(axis=1), own) for table, own in confident],
        "compare_confidence": [
            (softmax(expert)[:, 1] - softmax(table).max(axis=1), own)
            for (table, own), (expert, _) in zip(confident, found["expert_right"], strict=True)
        ],
    }
    scores |= {kind: [(joint_score(kind, table), own) for table, own in found[kind]] for kind in picked}
    print("frozen embeddings, F1 mean ± std over 5 seeds (std 0 is rounding)")
    print(f"{'':20s} {'alone':>16s} " + " ".join(f"{rate:>15.0%}" for rate in RATES) + "   α picked")
    for name, seeds in scores.items():
        cells = []
        for rate in (0.0, *RATES):
            values = []
            for score, own in seeds:
                deferred = deferred_within_folds(rows, score[:, None], rate)
                said = np.where(deferred, rows.votes[:, 0], own)
                hits = ((said == place) & (rows.gold == place)).sum()
                values.append(2 * hits / ((said == place).sum() + (rows.gold == place).sum()))
            cells.append(f"{np.mean(values):.4f} ± {np.std(values):.4f}")
        counts = sorted({(alpha, picked[name].count(alpha)) for alpha in picked[name]}) if name in picked else ""
        print(f"{name:20s} " + " ".join(f"{cell:>15s}" for cell in cells) + f"   {counts}")
    for rate in RATES:
        own = confident[0][1]
        for name, seeds in scores.items():
            deferred = deferred_within_folds(rows, seeds[0][0][:, None], rate)
            given = {**columns(rows), "predictions": own.tolist()}
            said = np.where(deferred, rows.votes[:, 0], seeds[0][1])
            figures = deferral_figures(
                **{**given, "expert_predictions": said.tolist()},
                deferred=np.ones(len(rows), bool),
                n_resamples=resamples,
            )
            gain = figures["differences"]["system - classifier"]["f1"]
            print(
                f"{rate:.0%} {name:20s} seed 0 − plain classifier on the same embeddings: {gain['difference']:+.4f} "
                f"[{gain['low']:+.4f}, {gain['high']:+.4f}] p {gain['p_value']:.4f}"
            )


if __name__ == "__main__":
    main()
