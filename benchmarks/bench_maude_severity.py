"""Device-report severity: both phases and a keyword rule on one grouped fold, and transfer to unseen devices.

    python benchmarks/bench_maude_severity.py --data data/maude --output runs            # fold 1, both phases
    python benchmarks/bench_maude_severity.py --data data/maude --output runs --transfer # and held-out devices
    … --transfer --encoder-group 'VENTILATOR, NON-CONTINUOUS (RESPIRATOR)'               # and the encoder on one

Finished parts are kept in --output and not trained again. Full size: about 40 minutes of two cores for an encoder fold,
as much again for the encoder's held-out device group, some minutes for the rest.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from common import machine_line

from secondopinion.core.files import atomic_file, write_json
from secondopinion.core.progress import say
from secondopinion.dataset_scripts.maude.labels import tells_of_death
from secondopinion.metrics.per_class_f1.per_class_f1 import per_class_figures
from secondopinion.training import load_recipe, train
from secondopinion.training.baseline import tfidf_classifier
from secondopinion.training.data import TrainingData, load_data
from secondopinion.training.folds import Folds
from secondopinion.training.report import read_predictions

RESAMPLES = 2000


def figures(data: TrainingData, rows: np.ndarray, predicted: np.ndarray) -> dict:
    groups = None if data.groups is None else data.groups[rows].tolist()
    return per_class_figures(
        data.labels[rows].tolist(),
        predicted.tolist(),
        labels=range(len(data.label_names)),
        label_names=data.label_names,
        n_resamples=RESAMPLES,
        groups=groups,
    )


def line(name: str, result: dict) -> str:
    cells = []
    for key in ("f1_Death", "f1_Injury", "f1_Malfunction", "f1_Other", "macro_f1", "weighted_f1"):
        value = result["per_class"][key[3:]]["f1"] if key.startswith("f1_") else result[key]
        low, high = result["intervals"][key]
        cells.append(f"{value:.3f} [{low:.3f}, {high:.3f}]")
    return f"{name:<34}" + "".join(f"{cell:>22}" for cell in cells)


HEADER = " " * 34 + "".join(f"{name:>22}" for name in ("Death", "Injury", "Malfunction", "Other", "macro", "weighted"))


def keyword_rule(data: TrainingData, rows: np.ndarray) -> np.ndarray:
    """Death where the keyword rule says so, the largest class elsewhere."""
    largest = int(np.bincount(data.labels).argmax())
    death = data.label_names.index("Death")
    return np.array([death if tells_of_death(text) else largest for text in data.texts(rows)])


def predicted_by(run, data: TrainingData, rows: np.ndarray) -> np.ndarray:
    label_of = read_predictions(run).set_index("id")["label"]
    return label_of.loc[data.ids[rows]].map({n: i for i, n in enumerate(data.label_names)}).to_numpy()


def one_fold(data: TrainingData, arguments: argparse.Namespace) -> None:
    runs = {
        "TF-IDF + LR": train("maude_tfidf", data, arguments.output / "maude_tfidf", folds=[1]),
        "encoder": train(
            "maude_offline",
            data,
            arguments.output / "maude_offline",
            folds=[1],
            baseline=arguments.output / "maude_tfidf",
        ),
    }
    split = Folds.load(runs["encoder"].folds_file).for_data(data.ids.tolist(), data.fingerprint)
    rows = split.rows(1)[1]
    systems = {"keyword rule": keyword_rule(data, rows)}
    systems |= {name: predicted_by(run, data, rows) for name, run in runs.items()}
    print(f"\nfold 1 of {split.n_splits}, {split.strategy}, SHA-1 {split.sha1}, {len(rows)} held-out rows; F1 [95%]")
    print(HEADER)
    results = {name: figures(data, rows, predicted) for name, predicted in systems.items()}
    for name, result in results.items():
        print(line(name, result))
    for figure, value in runs["encoder"].facts["baseline"]["lift"].items():
        print(f"  encoder − TF-IDF, {figure:<14}{value['difference']:+.3f} [{value['low']:+.3f}, {value['high']:+.3f}]")

    known = np.array([meta["report_number"] is not None for meta in data.dataset.select(rows)["meta"]])
    death = data.label_names.index("Death")
    is_death = data.labels[rows] == death
    print(
        f"\nDeaths with a report number in this fold: {int((known & is_death).sum())}; "
        f"without: {int((~known & is_death).sum())}"
    )
    print("  recall of Death with / without a report number; Death F1 among rows with one")
    numbered = {}
    for name, predicted in systems.items():
        said = predicted == death
        with_number, without = said[known & is_death].mean(), said[~known & is_death].mean()
        hits = (said & is_death & known).sum()
        f1 = 2 * hits / max((said & known).sum() + (is_death & known).sum(), 1)
        numbered[name] = {"recall_with": with_number, "recall_without": without, "f1_with": f1}
        print(f"  {name:<32}{with_number:.3f} / {without:.3f}; {f1:.3f}")
    write_json(
        arguments.output / "bench_fold1.json",
        {
            "results": results,
            "report_number": {k: {a: float(b) for a, b in v.items()} for k, v in numbered.items()},
        },
    )


def held_out_devices(data: TrainingData, smallest: int) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Return (device, training rows, held-out rows) of every device group with at least `smallest` rows.

    Training rows that are near-duplicates of held-out ones are left out.
    """
    device = np.array([meta["device_group"] or "" for meta in data.dataset["meta"]])
    names, counts = np.unique(device, return_counts=True)
    chosen = [(n, c) for n, c in zip(names, counts, strict=True) if c >= smallest and n not in ("", "UNKNOWN")]
    splits = []
    for name, _ in sorted(chosen, key=lambda item: -item[1]):
        held_out = device == name
        related = np.isin(data.groups, np.unique(data.groups[held_out]))
        splits.append((str(name), np.flatnonzero(~related), np.flatnonzero(held_out)))
    return splits


def transfer(data: TrainingData, arguments: argparse.Namespace) -> None:
    spec = load_recipe("maude_tfidf").model
    folder = arguments.output / "transfer"
    folder.mkdir(parents=True, exist_ok=True)
    predictions, truth_rows = [], []
    splits = held_out_devices(data, arguments.smallest)
    print(
        f"\nleave one device group out, TF-IDF + LR trained on all other rows; "
        f"{len(splits)} groups of ≥ {arguments.smallest}"
    )
    print(f"{'device group':<58}{'rows':>6}{'Deaths':>8}{'macro F1*':>11}{'Death F1':>10}{'keyword':>9}")
    keyword = []
    for name, rows, held_out in splits:
        stored = folder / f"tfidf-{data.fingerprint}-{np.abs(held_out).sum()}-{len(held_out)}.npy"
        if stored.exists():
            predicted = np.load(stored)
        else:
            model = tfidf_classifier(spec, data.label_names)
            model.fit(data.texts(rows), data.labels[rows], data.groups[rows])
            predicted = model.logits(data.texts(held_out)).argmax(axis=1)
            with atomic_file(stored) as temporary, open(temporary, "wb") as handle:
                np.save(handle, predicted)
        rule = keyword_rule(data, held_out)
        device_row(name, data, held_out, predicted, rule)
        predictions.append(predicted)
        keyword.append(rule)
        truth_rows.append(held_out)
    rows = np.concatenate(truth_rows)
    print("pooled over these groups (* macro over the classes that a group holds)")
    print(HEADER)
    results = {
        "keyword rule": figures(data, rows, np.concatenate(keyword)),
        "TF-IDF + LR": figures(data, rows, np.concatenate(predictions)),
    }
    for name, result in results.items():
        print(line(name, result))
    write_json(arguments.output / "bench_transfer.json", results)
    if arguments.encoder_group:
        encoder_transfer(data, arguments, splits, dict(zip((s[0] for s in splits), predictions, strict=True)))


def device_row(name: str, data: TrainingData, rows: np.ndarray, predicted: np.ndarray, rule: np.ndarray) -> None:
    gold, death = data.labels[rows], data.label_names.index("Death")
    present = np.unique(gold)
    result = per_class_figures(
        gold.tolist(), predicted.tolist(), labels=range(len(data.label_names)), label_names=data.label_names
    )
    of_rule = per_class_figures(
        gold.tolist(), rule.tolist(), labels=range(len(data.label_names)), label_names=data.label_names
    )
    macro = np.mean([result["per_class"][data.label_names[c]]["f1"] for c in present])
    shown = f"{result['per_class']['Death']['f1']:>10.3f}{of_rule['per_class']['Death']['f1']:>9.3f}"
    print(
        f"{name[:56]:<58}{len(rows):>6}{(gold == death).sum():>8}{macro:>11.3f}" + (shown if death in present else "")
    )


def encoder_transfer(data, arguments, splits, tfidf: dict[str, np.ndarray]) -> None:
    """Train the encoder on all other devices and put it beside TF-IDF on one held-out group."""
    from secondopinion.training.encoder import fit_encoder_fold, load_tokenizer, tokenize

    found = [s for s in splits if s[0] == arguments.encoder_group]
    if not found:
        raise SystemExit(f"no device group {arguments.encoder_group!r}; the largest are: {[s[0] for s in splits[:5]]}")
    name, rows, held_out = found[0]
    folder = arguments.output / "transfer"
    stored = folder / f"encoder-{data.fingerprint}-{len(held_out)}.npy"
    if not stored.exists():
        recipe = load_recipe("maude_offline")
        tokenizer = load_tokenizer(recipe)
        encoded = tokenize(data, tokenizer, recipe.model.max_length, folder / "cache")
        outcome = fit_encoder_fold(
            recipe,
            data,
            encoded,
            tokenizer,
            rows,
            held_out,
            output=folder / "encoder",
            work=folder / "cache" / "encoder",
            label="held-out device",
        )
        with atomic_file(stored) as temporary, open(temporary, "wb") as handle:
            np.save(handle, outcome.logits)
        write_json(folder / "encoder.json", outcome.facts)
    print(f"\nheld-out device group {name!r}: {len(held_out)} rows, {len(rows)} training rows")
    print(HEADER)
    systems = {
        "keyword rule": keyword_rule(data, held_out),
        "TF-IDF + LR": tfidf[name],
        "encoder": np.load(stored).argmax(axis=1),
    }
    results = {}
    for system, predicted in systems.items():
        results[system] = figures(data, held_out, predicted)
        print(line(system, results[system]))
    write_json(arguments.output / "bench_encoder_transfer.json", results)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="data/maude", help="prepared folder")
    parser.add_argument("--output", type=Path, default=Path("runs"), help="where runs are kept")
    parser.add_argument("--transfer", action="store_true", help="also hold out one device group after another")
    parser.add_argument("--smallest", type=int, default=200, help="rows a held-out device group must have")
    parser.add_argument("--encoder-group", help="also train the encoder with this device group held out")
    arguments = parser.parse_args()
    print(machine_line())
    recipe = load_recipe("maude_offline").replace(dataset={"path": arguments.data})
    data = load_data(recipe.dataset)
    say(json.dumps(data.describe()["class_counts"]))
    one_fold(data, arguments)
    if arguments.transfer or arguments.encoder_group:
        transfer(data, arguments)


if __name__ == "__main__":
    main()
