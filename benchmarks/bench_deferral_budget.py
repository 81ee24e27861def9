"""Budgets and certificates over 1,000 draws of the choosing and certifying rows: how often is each promise broken?

    python benchmarks/bench_deferral_budget.py --votes ../shared/data/llm_votes

Rows are drawn with replacement from a pool, so that the pool's own rate, spending and risk are the exact truth. Pools:
simulated scores (without and with ties), simulated groups of dependent rows, and recorded answers of language models
(TF-IDF classifier scored out of fold, `chatgpt` as expert, score 1 − top probability). Some five minutes of one core.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from common import machine_line

from secondopinion.training.certificate import certify, certify_sequence
from secondopinion.training.threshold import ChoiceRows, Threshold, ThresholdRule, choose_threshold

BUDGETS = (0.05, 0.07, 0.10, 0.20)
OPTIONS = {
    "emotion": {letter: letter for letter in "ABCDEF"},
    "semeval_stance": {"A": "Against", "B": "Favor", "C": "None"},
    "wiki_politeness": {"A": "1", "B": "0", "C": "-1"},
    "persuasion": {"True": "1.0", "False": "0.0"},
}


@dataclass(frozen=True)
class Pool:
    """Rows from which is drawn; `group` rows in a row belong together."""

    name: str
    rows: ChoiceRows
    group: int = 1

    @cached_property
    def ascending(self) -> np.ndarray:
        """The scores, lowest first."""
        return np.sort(self.rows.scores)

    def count(self, value: float | None) -> int:
        """Number of the pool's rows above a threshold."""
        return 0 if value is None else len(self.rows) - int(np.searchsorted(self.ascending, np.float32(value), "right"))

    def draw(self, generator: np.random.Generator, n: int) -> tuple[ChoiceRows, np.ndarray]:
        """Return n rows drawn with replacement, in whole groups, and each row's group."""
        first = generator.integers(0, len(self.rows) // self.group, n // self.group) * self.group
        some = (first[:, None] + np.arange(self.group)).ravel()
        rows = self.rows
        columns = (rows.gold[some], rows.classifier[some], rows.expert[some])
        drawn = ChoiceRows(rows.scores[some], range(len(some)), *columns, call_costs=rows.call_costs[some])
        return drawn, np.arange(len(some)) // self.group


def simulated(name: str, rows: int, levels: int | None = None, group: int = 1, seed: int = 0) -> Pool:
    """A classifier right in 85%, an expert in 95% with 2% unusable answers, a score that tells mistakes a little."""
    generator = np.random.default_rng(seed)

    def right(share: float) -> np.ndarray:
        return np.repeat(generator.random(rows // group) < share, group)

    gold = generator.integers(0, 3, rows)
    classifier = np.where(right(0.85), gold, (gold + 1) % 3)
    expert = np.where(right(0.95), gold, (gold + 2) % 3)
    expert[generator.random(rows) < 0.02] = -1
    scores = 1.5 * (classifier != gold) + np.repeat(generator.normal(0, 1, rows // group), group)
    scores += generator.normal(0, 0.01, rows)
    if levels:
        scores = np.round(scores * levels) / levels
    prices = generator.gamma(2, 0.001, rows).clip(max=0.01)
    return Pool(name, ChoiceRows(scores, range(rows), gold, classifier, expert, call_costs=prices), group)


def recorded(folder: Path, task: str, expert_name: str = "chatgpt") -> Pool:
    """One task's texts, truth and answers; an answer that names no option is no vote."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline

    stored = json.loads((folder / task / "test.json").read_text(encoding="utf-8"))
    keys = list(stored["labels"])
    truth = [str(stored["labels"][key]) for key in keys]
    names = sorted(set(truth))
    gold = np.array([names.index(label) for label in truth])
    answers = (folder / task / f"answer-{expert_name}").read_text(encoding="utf-8").splitlines()
    expert = np.full(len(keys), -1)
    for line in answers:
        number, _, answer = line.split("\t", 2)
        label = OPTIONS[task].get(answer.replace("&", " ").strip().rstrip("."))
        if label is not None:
            expert[int(number)] = names.index(label)
    texts = [str(stored["context"][key]) for key in keys]
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(max_iter=1000))
    probabilities = cross_val_predict(model, texts, gold, cv=5, method="predict_proba")
    rows = ChoiceRows(1 - probabilities.max(axis=1), keys, gold, probabilities.argmax(axis=1), expert, call_costs=0.002)
    return Pool(f"votes: {task}", rows)


def budgets(pools: list[Pool], draws: int, n: int, delta: float) -> None:
    print(f"\nbudget on the rate: {draws:,} draws of {n:,} choosing rows; true rate in the pool (mean ± 1.96 s.e.)")
    sure = f"sure ({1 - delta:.0%}): mean"
    print(f"{'pool':<24}{'budget':>8}{'expected: mean rate':>26}{'passed':>9}{sure:>20}{'passed':>9}")
    for pool in pools:
        for budget in BUDGETS:
            cells = []
            for mode in ("expected", "high_probability"):
                rule, generator = ThresholdRule(budget=budget, mode=mode, delta=delta), np.random.default_rng(1)
                chosen = (choose_threshold(rule, pool.draw(generator, n)[0]) for _ in range(draws))
                rates = np.array([pool.count(threshold.value) / len(pool.rows) for threshold in chosen])
                cells.append((rates.mean(), 1.96 * rates.std() / np.sqrt(draws), (rates > budget).mean()))
            (mean, error, passed), (sure_mean, _, sure_passed) = cells
            shown = f"{100 * mean:.3f}% ± {100 * error:.3f}"
            print(f"{pool.name:<24}{budget:>8.0%}{shown:>26}{passed:>9.1%}{sure_mean:>20.3%}{sure_passed:>9.1%}")


def costs(pools: list[Pool], draws: int, n: int, delta: float, cap: float) -> None:
    print(f"\ncost: at most ${cap} per 1,000 texts; {draws:,} draws of {n:,} rows; true cost in the pool")
    print(f"{'pool':<24}{'expected: mean cost':>26}{'passed':>9}{f'sure ({1 - delta:.0%}): mean':>20}{'passed':>9}")
    for pool in pools:
        cells, spent, bound = [], pool.rows.running(pool.rows.call_costs), float(pool.rows.call_costs.max())
        for mode in ("expected", "high_probability"):
            rule = ThresholdRule(
                "cost", cost_budget_usd_per_1000=cap, call_cost_bound_usd=bound, mode=mode, delta=delta
            )
            generator, found = np.random.default_rng(2), []
            for _ in range(draws):
                value = choose_threshold(rule, pool.draw(generator, n)[0]).value
                found.append(1000 * spent[np.searchsorted(pool.rows.counts, pool.count(value))] / len(pool.rows))
            found = np.array(found)
            cells.append((found.mean(), 1.96 * found.std() / np.sqrt(draws), (found > cap).mean()))
        (mean, error, passed), (sure_mean, _, sure_passed) = cells
        shown = f"${mean:.4f} ± {error:.4f}"
        print(f"{pool.name:<24}{shown:>26}{passed:>9.1%}{f'${sure_mean:.4f}':>20}{sure_passed:>9.1%}")


def certificates(pools: list[Pool], draws: int, n: int, delta: float) -> None:
    print(f"\ncertificate: {draws:,} draws of {n:,} choosing and {n:,} certifying rows, delta {delta}")
    print("  bound low: the upper bound of the error at a 10% budget is below the pool's error")
    print("  sequence: fewest rows certified at the level; wrong: certified, though the true error is above the level")
    print(f"{'pool':<24}{'units':<9}{'bound low':>11}{'level':>9}{'certified':>11}{'wrong':>8}{'mean rate':>11}")
    for pool in pools:
        risks, counts = pool.rows.risks(), pool.rows.counts

        def truth(threshold: Threshold, pool: Pool = pool, risks=risks, counts=counts) -> float:
            return float(risks[np.searchsorted(counts, pool.count(threshold.value))])

        for unit in ["rows"] if pool.group == 1 else ["rows", "groups"]:
            for level in (0.5 * risks[0] + 0.5 * risks.min(), 0.1 * risks[0] + 0.9 * risks.min()):
                generator, low, held, wrong, rates = np.random.default_rng(3), 0, 0, 0, []
                rule = ThresholdRule("target_risk", target_risk=round(float(level), 3), delta=delta)
                for _ in range(draws):
                    (choosing, _), (certifying, group) = pool.draw(generator, n), pool.draw(generator, n)
                    groups = group if unit == "groups" else None
                    chosen = choose_threshold(ThresholdRule(budget=0.1), choosing)
                    bound = certify(chosen, certifying, level=0.5, delta=delta, groups=groups).upper_bound
                    low += bound < truth(chosen)
                    threshold, found = certify_sequence(rule, choosing, certifying, groups=groups, grid=20)
                    held += found.holds
                    wrong += found.holds and truth(threshold) > rule.target_risk
                    rates += [threshold.rate] * found.holds
                rate = f"{np.mean(rates):.1%}" if rates else "-"
                print(
                    f"{pool.name:<24}{unit:<9}{low / draws:>11.1%}{rule.target_risk:>9.1%}{held / draws:>11.1%}"
                    f"{wrong / draws:>8.1%}{rate:>11}"
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--votes", type=Path, help="folder of recorded answers")
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=500, help="choosing rows, and certifying rows, of a draw")
    parser.add_argument("--delta", type=float, default=0.1)
    parser.add_argument("--pool", type=int, default=100_000, help="rows of a simulated pool")
    arguments = parser.parse_args()
    draws, n, delta = arguments.draws, arguments.rows, arguments.delta
    print(machine_line())
    pools = [simulated("simulated", arguments.pool), simulated("simulated, tied", arguments.pool, levels=8)]
    grouped = simulated("simulated, groups of 5", arguments.pool, group=5)
    votes = [recorded(arguments.votes, task) for task in sorted(OPTIONS)] if arguments.votes else []
    budgets([*pools, *votes], draws, n, delta)
    costs([*pools, *votes], draws, n, delta, cap=0.3)
    certificates([*pools, grouped, *votes], draws, n, delta)


if __name__ == "__main__":
    main()
