"""Recorded answers of language models as experts: four tasks, every policy against selective prediction, consensus.

    python benchmarks/bench_llm_votes.py --votes ../shared/data/llm_votes
    python benchmarks/bench_llm_votes.py --votes ../shared/data/llm_votes policies --tasks emotion

The expert is the prompted model with the highest accuracy over all rows; every policy shares it, so the choice favours
none. On `emotion` the fine-tuned RoBERTa of the same record is a second expert; it votes in no consensus, nor does a
model without a usable answer. Cheaper classifiers, out of fold: TF-IDF + LR on the text, and the same with the answer
of flan-t5-base (250 M parameters) as a further feature. `declared` is in each fold the policy with the best accuracy
on the others' rows. Scores of all policies are compared within their fold, as in the report of a run.

Consensus of the best 3 and 5: ranked by gold on one half of the rows, measured on the other, then the other way round,
averaged. Ties go to the expert ranked first. `plain`, `others` and `gold`: how often an expert is right by the
consensus of all, by that of the others, and by gold, averaged over experts; leakage is plain − others.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from common import machine_line

from secondopinion.experts.agreement import agreement_figures
from secondopinion.experts.answers import read_answer
from secondopinion.experts.consensus import expert_figures
from secondopinion.experts.votes import Vote
from secondopinion.metrics.deferral_rate.deferral_rate import deferral_figures, paired_deferral
from secondopinion.training.calibration import fit_temperature
from secondopinion.training.cross_fitting import cross_fit, declare
from secondopinion.training.deferral import DECLARING_RATES
from secondopinion.training.deferral_recipe import DeferralSpec
from secondopinion.training.deferral_rows import token_counts, vote_classes
from secondopinion.training.policy_fitting import DeferralRows, FittedPolicy, policy_config

TASKS = ("emotion", "persuasion", "semeval_stance", "wiki_politeness")
GOLD = {
    "persuasion": {"1.0": "True", "0.0": "False"},
    "wiki_politeness": {"1": "Polite", "0": "Neutral", "-1": "Impolite"},
}
POLICIES = ["selective", "compare_confidence", "logistic", "network", "two_stage", "ce", "rs", "ova", "asm"]
FINE_TUNED = "roberta"
CHEAP = "flan-t5-base"
RATES = (0.1, 0.2)
NEWLINE = "&&&&&&"


@dataclass(frozen=True)
class Task:
    """Texts, truth and votes of one task; `votes` hold one vote a row for each expert whose rows are the task's."""

    name: str
    ids: list[str]
    texts: list[str]
    label_names: list[str]
    gold: np.ndarray
    votes: dict[str, list[Vote]]
    left_out: dict[str, str]

    @cached_property
    def prompted(self) -> list[str]:
        """Names of the prompted models, most accurate first."""
        return self.ranked([name for name in self.votes if name != FINE_TUNED], range(len(self.ids)))

    def said(self, expert: str) -> np.ndarray:
        """Return (rows,) the expert's classes, −1 where unusable."""
        return vote_classes(self.votes[expert], self.ids, self.label_names)

    def accuracy(self, expert: str, rows: Any) -> float:
        """Return the share of rows that an expert has right; an unusable answer is wrong."""
        return float((self.said(expert) == self.gold)[list(rows)].mean())

    def ranked(self, experts: list[str], rows: Any) -> list[str]:
        """Return experts by accuracy on some rows, best first."""
        return sorted(experts, key=lambda name: (-self.accuracy(name, rows), name))


def read_task(folder: Path, name: str) -> Task:
    """Read a task: options from its prompt, answers tolerantly, what names no option as no vote."""
    stored = json.loads((folder / name / "test.json").read_text(encoding="utf-8"))
    keys = list(stored["labels"])
    (prompt,) = set(stored["prompts"].values())
    options = re.findall(r"^[A-Z]: (.+?)\s*$", prompt, re.MULTILINE) or ["True", "False"]
    letters = {chr(65 + i): option for i, option in enumerate(options)}
    words = GOLD.get(name) or letters | {option: option for option in options}
    truth = [str(stored["labels"][key]) for key in keys]
    ids = [f"{name}-{i}" for i in range(len(keys))]
    votes, left_out = {}, {}
    for path in sorted((folder / name).glob("answer-*")):
        expert, rows, strangers = path.name.removeprefix("answer-"), {}, 0
        for line in path.read_text(encoding="utf-8").split("\n"):
            if line:
                number, gold, raw = line.split("\t", 2)
                strangers += gold != truth[int(number)]
                answer = read_answer(raw.replace(NEWLINE, "\n"), options, letters=True)
                rows[ids[int(number)]] = Vote(ids[int(number)], expert, answer.label, error=answer.error)
        if strangers:
            left_out[expert] = f"its gold differs from the task's in {strangers} rows: other rows"
        elif not any(vote.label for vote in rows.values()):
            left_out[expert] = "no usable answer"
        else:
            votes[expert] = [rows.get(i) or Vote(i, expert, None, error="missing") for i in ids]
    gold = np.array([options.index(words[label]) for label in truth])
    return Task(name, ids, [str(stored["context"][key]) for key in keys], options, gold, votes, left_out)


def out_of_fold(task: Task, extra: str | None, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (rows, classes) calibrated logits of TF-IDF + LR, beside the words a model's answer or not; and folds."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold

    answers = np.zeros((len(task.ids), 0)) if extra is None else np.eye(len(task.label_names) + 1)[task.said(extra)]
    logits = np.zeros((len(task.ids), len(task.label_names)))
    fold = np.zeros(len(task.ids), dtype=np.int64)
    splits = StratifiedKFold(5, shuffle=True, random_state=seed).split(logits, task.gold)
    for number, (train, test) in enumerate(splits, start=1):
        vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        train_words = vectorizer.fit_transform([task.texts[i] for i in train])
        test_words = vectorizer.transform([task.texts[i] for i in test])
        model = LogisticRegression(max_iter=2000).fit(sp.hstack([train_words, answers[train]]), task.gold[train])
        logits[test] = model.predict_log_proba(sp.hstack([test_words, answers[test]]))
        fold[test] = number
    return (logits / fit_temperature(logits, task.gold)).astype(np.float32), fold


def deferral_rows(
    task: Task, tokenizer: Any, encoder: dict, logits: np.ndarray, fold: np.ndarray, expert: str, spec: DeferralSpec
) -> DeferralRows:
    """Return what policies are fitted on: signals of the logits, traits and token counts of the text, the votes."""
    import torch

    from secondopinion.modeling.deferral_policies import DeferralFeatures, feature_names
    from secondopinion.modeling.text_traits import TextTraits

    config = policy_config(spec, "selective", encoder, 1 - np.eye(len(task.label_names)), [expert])
    reader = DeferralFeatures(config, len(tokenizer))
    reader.text_traits = TextTraits.from_tokenizer(tokenizer, len(tokenizer))
    encoded = tokenizer(task.texts, truncation=True, max_length=512)["input_ids"]
    padded = tokenizer.pad({"input_ids": encoded}, return_tensors="pt")
    truncated = padded["attention_mask"].sum(dim=1) >= 512
    features = reader(torch.from_numpy(logits), padded["input_ids"], padded["attention_mask"], truncated)
    n = len(task.ids)
    return DeferralRows(
        ids=np.array(task.ids),
        fold=fold,
        groups=None,
        gold=task.gold,
        logits=logits,
        votes=task.said(expert)[:, None],
        call_costs=np.zeros((n, 1)),
        features=features.numpy(),
        tokens=token_counts(encoded, len(tokenizer)) if spec.token_weights else None,
        label_names=task.label_names,
        expert_names=[expert],
        feature_names=feature_names(config),
    )


def scores_of(rows: DeferralRows, encoder: dict, spec: DeferralSpec) -> dict[str, np.ndarray]:
    """Return policy → (rows,) cross-fitted scores, as ranks within their fold, and those of the declared policy."""
    from scipy.stats import rankdata

    losses = 1 - np.eye(len(rows.label_names))

    def fit(kind: str, part: DeferralRows) -> FittedPolicy:
        return FittedPolicy(policy_config(spec, kind, encoder, losses, part.expert_names), part, losses, spec)

    crossed = cross_fit(rows, rows.fold, POLICIES, fit)
    ranks = {name: np.zeros(len(rows)) for name in [*POLICIES, "declared"]}
    for j in np.unique(rows.fold):
        others, held_out = np.flatnonzero(rows.fold != j), np.flatnonzero(rows.fold == j)
        seen = {name: tables[int(j)][others] for name, tables in crossed.inner.items()}
        declared, _ = declare(rows.take(others), seen, DECLARING_RATES, "accuracy", losses, None)
        for name, place in ranks.items():
            scores = crossed.outer[declared if name == "declared" else name][held_out, 0]
            place[held_out] = rankdata(scores) / len(held_out)
    return ranks


def compare_policies(tasks: list[Task], spec: DeferralSpec, resamples: int) -> None:
    from transformers import AutoTokenizer, BertConfig

    from secondopinion.training.encoders import resolve_encoder
    from secondopinion.training.recipe import EncoderSpec

    tokenizer = AutoTokenizer.from_pretrained(resolve_encoder(EncoderSpec(encoder="offline:all-MiniLM-L6-v2")).location)
    better = worse = total = 0
    for task in tasks:
        names = dict(enumerate(task.label_names))
        encoder = BertConfig(id2label=names, label2id={name: i for i, name in names.items()}).to_dict()
        for expert in [task.prompted[0], *([FINE_TUNED] if FINE_TUNED in task.votes else [])]:
            for extra in (None, CHEAP):
                logits, fold = out_of_fold(task, extra, spec.seed)
                rows = deferral_rows(task, tokenizer, encoder, logits, fold, expert, spec)
                beside = "" if extra is None else f" + {extra}"
                print(f"\n{task.name}: {len(rows)} rows, {len(names)} classes; TF-IDF{beside} | {expert}")
                for low, high in against_selective(rows, scores_of(rows, encoder, spec), resamples):
                    total, better, worse = total + 1, better + (low > 0), worse + (high < 0)
    print(f"\n{total} comparisons with selective prediction: interval above zero in {better}, below in {worse}")


def against_selective(
    rows: DeferralRows, scores: dict[str, np.ndarray], resamples: int
) -> Iterator[tuple[float, float]]:
    """Print each policy beside selective prediction, and yield the interval of its AUDC's difference."""
    votes = [None if vote < 0 else int(vote) for vote in rows.votes[:, 0]]
    columns, ids = (rows.gold.tolist(), rows.classifier.tolist(), votes), rows.ids.tolist()
    alone = deferral_figures(*columns, scores["selective"], rate=0.1, ids=ids, n_resamples=0)
    print(
        f"  accuracy: classifier {alone['classifier']['accuracy']:.3f}, expert {alone['expert']['accuracy']:.3f} "
        f"({votes.count(None)} unusable), oracle at 20% {oracle(rows, 0.2):.3f}; "
        f"AUDC: by lot {alone['audc_random']['accuracy']:.4f}, oracle {alone['audc_oracle']['accuracy']:.4f}"
    )
    heads = zip(("AUDC", "− selective", "95% interval", "p", "at 10%", "at 20%"), (8, 13, 21, 8, 9, 9), strict=True)
    print(f"  {'policy':<20}" + "".join(f"{head:>{width}}" for head, width in heads))
    for name, score in scores.items():
        found = paired_deferral(*columns, score, scores["selective"], rates=RATES, ids=ids, n_resamples=resamples)
        area, cells = found["audc"]["accuracy"], " " * 42
        if name != "selective":
            interval = f"[{area['low']:+.4f}, {area['high']:+.4f}]"
            cells = f"{area['difference']:>+13.4f}{interval:>21}{area['p_value']:>8.3f}"
            yield area["low"], area["high"]
        at = "".join(f"{found['at_rates'][f'{rate:g}']['accuracy']['a']:>9.3f}" for rate in RATES)
        print(f"  {name:<20}{area['a']:>8.4f}{cells}{at}")


def oracle(rows: DeferralRows, rate: float) -> float:
    """Return the accuracy when the rate goes to rows that only the expert has right."""
    right, gain = rows.classifier == rows.gold, rows.answered()[:, 0] == rows.gold
    return float((right.sum() + min((gain & ~right).sum(), int(rate * len(rows)))) / len(rows))


def consensus(tasks: list[Task], draws: int, seed: int, show_experts: bool) -> None:
    print("\nconsensus, averaged over two halves of the rows; accuracies")
    print(
        f"{'task':<17}{'experts':<15}{'method':<13}{'consensus':>10}{'best':>8}{'plain':>8}{'others':>8}{'gold':>8}"
        f"{'leakage':>9}{'alpha':>8}{'effective':>11}"
    )
    for task in tasks:
        half = np.array([int(hashlib.sha1(i.encode()).hexdigest(), 16) % 2 for i in task.ids])
        table: dict[tuple[str, str], list[list[float]]] = {}
        experts: dict[str, list[list[float]]] = {}
        for side in (0, 1):
            order = task.ranked(task.prompted, np.flatnonzero(half != side))
            measured = np.flatnonzero(half == side)
            generator = np.random.default_rng(seed)
            sets = [("best 3", order[:3]), ("best 5", order[:5])]
            for size in (3, 5):
                sets += [(f"{size} by lot", list(generator.permutation(order)[:size])) for _ in range(draws)]
            for name, chosen in [*sets, (f"all {len(order)}", order)]:
                for method in ("majority", "dawid_skene") if "lot" not in name else ("majority",):
                    line, figures = measure(task, measured, chosen, order, method)
                    table.setdefault((name, method), []).append(line)
                    if name.startswith("all") and method == "majority":
                        for one in figures["experts"]:
                            cells = [one[key]["value"] for key in ("plain", "leave_one_out", "gold")]
                            experts.setdefault(one["expert"], []).append([*cells, one["leakage"]])
        for (name, method), lines in table.items():
            agreed, best, plain, others, gold, leakage, alpha, effective = np.mean(lines, axis=0)
            print(
                f"{task.name:<17}{name:<15}{method:<13}{agreed:>10.3f}{best:>8.3f}{plain:>8.3f}{others:>8.3f}"
                f"{gold:>8.3f}{leakage:>+9.3f}{alpha:>8.3f}{effective:>11.2f}"
            )
        for name, lines in experts.items() if show_experts else ():
            plain, others, gold, leakage = np.mean(lines, axis=0)
            print(f"{'':<17}{name:<46}{plain:>8.3f}{others:>8.3f}{gold:>8.3f}{leakage:>+9.3f}")


def measure(
    task: Task, measured: np.ndarray, chosen: list[str], order: list[str], method: str
) -> tuple[list[float], dict[str, Any]]:
    """Return the figures of one set of experts on some rows."""
    kept = {task.ids[i]: task.label_names[task.gold[i]] for i in measured}
    votes = [vote for name in chosen for vote in task.votes[name] if vote.id in kept]
    figures = expert_figures(votes, method, kept, label_names=task.label_names, ties="order", order=order)
    agreement = agreement_figures(votes, kept, task.label_names)
    rows, best = figures["experts"], task.accuracy(min(chosen, key=order.index), measured)
    means = [float(np.mean([one[key]["value"] for one in rows])) for key in ("plain", "leave_one_out", "gold")]
    alpha = agreement["alpha"]["value"]
    line = [figures["consensus"]["gold"]["value"], best, *means, figures["mean_leakage"]]
    return [*line, np.nan if alpha is None else alpha, agreement["errors"]["effective_experts"]], figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=("all", "policies", "consensus"), default="all")
    parser.add_argument("--votes", type=Path, default=Path("../shared/data/llm_votes"))
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--draws", type=int, default=20, help="sets of experts drawn by lot")
    parser.add_argument("--experts", action="store_true", help="also each expert against the consensus of all")
    parser.add_argument("--token-weights", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument(
        "--regularization", type=float, default=1.0, help="inverse strength of fitted policies' penalty"
    )
    parser.add_argument("--seed", type=int, default=13)
    arguments = parser.parse_args()
    print(machine_line())
    tasks = [read_task(arguments.votes, name) for name in arguments.tasks]
    for task in tasks:
        unusable = {name: sum(v.label is None for v in votes) for name, votes in task.votes.items()}
        counted = ", ".join(f"{name} {count}" for name, count in unusable.items() if count) or "none"
        print(f"{task.name}: {len(task.votes)} models, unusable answers: {counted}")
        for name, reason in task.left_out.items():
            print(f"  left out: {name}: {reason}")
    spec = DeferralSpec(
        declare_by="accuracy",
        token_weights=arguments.token_weights,
        regularization=arguments.regularization,
        seed=arguments.seed,
    )
    if arguments.part != "consensus":
        compare_policies(tasks, spec, arguments.resamples)
    if arguments.part != "policies":
        consensus(tasks, arguments.draws, arguments.seed, arguments.experts)


if __name__ == "__main__":
    main()
