"""Device-report severity: both phases and a keyword rule on one grouped fold, and transfer to unseen devices.

    python benchmarks/bench_maude_severity.py --data data/maude --output runs fold
    python benchmarks/bench_maude_severity.py --data data/maude --output runs devices
    python benchmarks/bench_maude_severity.py --data data/maude --output runs encoder-device

`fold`: TF-IDF, encoder and keyword rule on fold 1. `all-folds`: TF-IDF and keyword rule on every row. `devices`: TF-IDF
with one device group after another left out; with --unguarded DATA, also trained on the same reports prepared without
the guards against source marks. `encoder-device`: the encoder with one device group left out. Finished parts are kept
in --output and not trained again.

An encoder takes some 30 minutes of two idle cores, the rest some minutes.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from common import machine_line

from secondopinion.core.files import atomic_file, write_json
from secondopinion.core.fingerprint import pairs_sha1
from secondopinion.core.machine import keep_pages
from secondopinion.core.progress import say
from secondopinion.dataset_scripts.maude.labels import tells_of_death
from secondopinion.metrics.per_class_f1.per_class_f1 import per_class_figures
from secondopinion.training import load_recipe, train
from secondopinion.training.baseline import tfidf_classifier
from secondopinion.training.data import TrainingData, load_data
from secondopinion.training.folds import Folds
from secondopinion.training.recipe import DatasetSpec
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
    """Both phases and the rule on fold 1, and Deaths with and without a report number."""
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

    numbered = report_number(data, rows, systems)
    write_json(arguments.output / "bench_fold1.json", {"results": results, "report_number": numbered})


def all_folds(data: TrainingData, arguments: argparse.Namespace) -> None:
    """Train phase 1 on every fold, so that each Death with a report number is counted."""
    run = train("maude_tfidf", data, arguments.output / "maude_tfidf")
    rows = np.arange(len(data.ids))
    systems = {"keyword rule": keyword_rule(data, rows), "TF-IDF + LR": predicted_by(run, data, rows)}
    print(f"\nall {len(rows)} rows, out of fold; F1 [95%]")
    print(HEADER)
    for name, predicted in systems.items():
        print(line(name, figures(data, rows, predicted)))
    report_number(data, rows, systems)


def report_number(data: TrainingData, rows: np.ndarray, systems: dict[str, np.ndarray]) -> dict:
    """Show Deaths with a report number apart: those without were picked by their event type."""
    known = np.array([meta["report_number"] is not None for meta in data.dataset.select(rows)["meta"]])
    death = data.label_names.index("Death")
    is_death = data.labels[rows] == death
    print(f"\nDeaths with a report number: {(known & is_death).sum()}, without: {(~known & is_death).sum()}")
    print(f"{'':<34}{'recall, with':>14}{'without':>10}{'precision and F1 of Death among rows with one':>48}")
    numbered = {}
    for name, predicted in systems.items():
        said = predicted == death
        hits = (said & is_death & known).sum()
        numbered[name] = {
            "recall_with": float(said[known & is_death].mean()),
            "recall_without": float(said[~known & is_death].mean()),
            "precision_with": float(hits / max((said & known).sum(), 1)),
            "f1_with": float(2 * hits / max((said & known).sum() + (is_death & known).sum(), 1)),
        }
        shown = numbered[name]
        print(
            f"{name:<34}{shown['recall_with']:>14.3f}{shown['recall_without']:>10.3f}"
            f"{shown['precision_with']:>40.3f}{shown['f1_with']:>8.3f}"
        )
    return numbered


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


def devices(data: TrainingData, arguments: argparse.Namespace) -> dict[str, np.ndarray]:
    """Leave one device group out after another; returns TF-IDF's predictions of each."""
    sources = {"TF-IDF + LR": data}
    if arguments.unguarded:
        other = load_data(DatasetSpec(path=arguments.unguarded))
        if sorted(other.ids.tolist()) != sorted(data.ids.tolist()):
            raise SystemExit("--unguarded must hold the same reports")
        sources["TF-IDF + LR, no guards"] = other
    splits = held_out_devices(data, arguments.smallest)
    print(
        f"\nleave one device group out, TF-IDF + LR trained on all other rows; "
        f"{len(splits)} groups of ≥ {arguments.smallest} rows (* macro over the classes that a group holds)"
    )
    print(f"{'device group':<58}{'rows':>6}{'Deaths':>8}{'macro F1*':>11}{'Death F1':>10}{'keyword':>9}")
    predictions: dict[str, list[np.ndarray]] = {"keyword rule": [], **{name: [] for name in sources}}
    for name, rows, held_out in splits:
        predictions["keyword rule"].append(keyword_rule(data, held_out))
        for system, source in sources.items():
            predictions[system].append(tfidf_without(source, data, rows, held_out, arguments.output))
        device_row(name, data, held_out, predictions["TF-IDF + LR"][-1], predictions["keyword rule"][-1])
    rows = np.concatenate([held_out for _, _, held_out in splits])
    print("pooled over these groups")
    print(HEADER)
    results = {name: figures(data, rows, np.concatenate(parts)) for name, parts in predictions.items()}
    for name, result in results.items():
        print(line(name, result))
    report_number(data, rows, {name: np.concatenate(parts) for name, parts in predictions.items()})
    write_json(arguments.output / "bench_devices.json", results)
    return {name: part for (name, _, _), part in zip(splits, predictions["TF-IDF + LR"], strict=True)}


def tfidf_without(
    source: TrainingData, data: TrainingData, rows: np.ndarray, held_out: np.ndarray, output: Path
) -> np.ndarray:
    """Train TF-IDF on `rows` of `data`, with the texts of `source`, and predict `held_out`."""
    name = pairs_sha1((identifier, "") for identifier in data.ids[held_out])
    stored = output / "devices" / f"tfidf-{source.fingerprint[:12]}-{name[:12]}.npy"
    if stored.exists():
        return np.load(stored)
    place = {identifier: i for i, identifier in enumerate(source.ids.tolist())}
    texts = {
        part: source.texts(np.array([place[i] for i in data.ids[part_rows]]))
        for part, part_rows in (("train", rows), ("test", held_out))
    }
    model = tfidf_classifier(load_recipe("maude_tfidf").model, data.problem)
    model.fit(texts["train"], data.labels[rows], data.groups[rows])
    predicted = model.logits(texts["test"]).argmax(axis=1)
    with atomic_file(stored) as temporary, open(temporary, "wb") as handle:
        np.save(handle, predicted)
    return predicted


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


def encoder_device(data: TrainingData, arguments: argparse.Namespace) -> None:
    """Train the encoder on all other devices and put it beside TF-IDF on one held-out group."""
    from secondopinion.training.encoder import fit_encoder_fold, load_tokenizer
    from secondopinion.training.tokenized_rows import tokenize

    splits = held_out_devices(data, arguments.smallest)
    found = [split for split in splits if split[0] == arguments.device]
    if not found:
        raise SystemExit(f"no device group {arguments.device!r}; the largest are: {[s[0] for s in splits[:5]]}")
    name, rows, held_out = found[0]
    folder = arguments.output / "devices"
    stored = folder / "encoder.npy"
    if not stored.exists():
        keep_pages()
        recipe = load_recipe("maude_offline")
        tokenizer = load_tokenizer(recipe)
        outcome = fit_encoder_fold(
            recipe,
            data,
            tokenize(data, tokenizer, recipe.model.max_length, folder / "cache"),
            tokenizer,
            rows,
            held_out,
            output=folder / "encoder",
            work=folder / "cache" / "encoder",
            label="held-out device",
        )
        write_json(folder / "encoder.json", outcome.facts)
        with atomic_file(stored) as temporary, open(temporary, "wb") as handle:
            np.save(handle, outcome.logits)
    print(f"\nheld-out device group {name!r}: {len(held_out)} rows, {len(rows)} training rows")
    print(HEADER)
    systems = {
        "keyword rule": keyword_rule(data, held_out),
        "TF-IDF + LR": tfidf_without(data, data, rows, held_out, arguments.output),
        "encoder": np.load(stored).argmax(axis=1),
    }
    results = {system: figures(data, held_out, predicted) for system, predicted in systems.items()}
    for system, result in results.items():
        print(line(system, result))
    write_json(arguments.output / "bench_encoder_device.json", results)


PARTS = {"fold": one_fold, "all-folds": all_folds, "devices": devices, "encoder-device": encoder_device}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="data/maude", help="prepared folder")
    parser.add_argument("--output", type=Path, default=Path("runs"), help="where runs are kept")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=["fold"], help="what to measure")
    parser.add_argument("--smallest", type=int, default=200, help="rows a held-out device group must have")
    parser.add_argument("--device", default="VENTILATOR, NON-CONTINUOUS (RESPIRATOR)", help="for encoder-device")
    parser.add_argument("--unguarded", help="the same reports, prepared with every guard off")
    arguments = parser.parse_args()
    print(machine_line())
    recipe = load_recipe("maude_offline").replace(dataset={"path": arguments.data})
    data = load_data(recipe.dataset)
    say(json.dumps(data.describe()["class_counts"]))
    for part in arguments.parts:
        PARTS[part](data, arguments)


if __name__ == "__main__":
    main()
