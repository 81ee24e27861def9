"""What reading 1,024 tokens brings over 512, piece by piece: the ablation on synthetic long cases, and on MTSamples.

    python benchmarks/bench_long_cases.py --folder /var/tmp/long --seeds 13 14 15
    python benchmarks/bench_long_cases.py --folder /var/tmp/long --set mtsamples --source mtsamples.jsonl.gz

`cases`: the authored letters of `prepare synthetic_long_cases` (400 for training, 100 held out), every variant of
`secondopinion ablate` with the recipe `dragon_offline`, and the published first experiments. Half of the letters are
above 512 wordpieces, and three in four of those state what decides beyond wordpiece 512 alone. Before them: what TF-IDF
with logistic regression makes of the whole letters and of their first 512 tokens, and the most that a reader of those
can reach. `mtsamples`: specialties of real notes, the commonest ones, near-copies (MinHash of runs of three words, as
the MAUDE builder has it) on one side of a fold; the same recipe at 512 and at 1,024 tokens, nothing else changed.

All figures come with their intervals and with the rows that they are resolved to. The same command continues.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import Counter
from pathlib import Path

import numpy as np
from common import machine_line

from secondopinion.core.machine import keep_pages
from secondopinion.dataset_scripts import prepare
from secondopinion.dataset_scripts.maude.duplicates import THRESHOLD, Signer
from secondopinion.dataset_scripts.maude.shingles import word_hashes
from secondopinion.training import load_recipe
from secondopinion.training.ablation import ablate, ablation_markdown
from secondopinion.training.ablation.lengths import text_lengths
from secondopinion.training.data import load_data
from secondopinion.training.recipe import DatasetSpec, Recipe


def words_alone(recipe: Recipe, data: Path) -> None:
    """Print what a bag of words makes of the letters, and the most that a reader of 512 tokens can reach."""
    import datasets
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from transformers import AutoTokenizer

    from secondopinion.training.encoders import resolve_encoder

    rows = datasets.load_dataset(str(data), split="train")
    fold, label = np.array(rows["fold"]), np.array(rows["label"])
    tokenizer = AutoTokenizer.from_pretrained(resolve_encoder(recipe.model).location)
    offsets = tokenizer(rows["text"][:], truncation=True, max_length=512, return_offsets_mapping=True)["offset_mapping"]
    ends = np.array([max(end for _, end in one) for one in offsets])
    heads = [text[:end] for text, end in zip(rows["text"], ends, strict=True)]
    for name, texts in (("whole letters", rows["text"][:]), ("first 512 tokens", heads)):
        own = np.array(texts, dtype=object)
        model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), min_df=2), LogisticRegression(C=3, max_iter=1000))
        model.fit(own[fold == 0], label[fold == 0])
        print(f"TF-IDF + logistic regression, {name}: accuracy {model.score(own[fold == 1], label[fold == 1]):.3f}")
    seen = np.array([meta["evidence_end"] for meta in rows["meta"]]) <= ends
    most = np.where(seen, 1.0, 0.5)[fold == 1].mean()
    print(
        f"the most that a reader of the first 512 tokens can expect: {most:.3f} ({(~seen).mean():.0%} cannot be seen)"
    )


def save_notes(source: Path, folder: Path, notes: int, specialties: int, seed: int) -> Path:
    """Write notes of the commonest specialties with groups of near-copies as a data set."""
    import datasets

    if (folder / "train.parquet").exists():
        return folder
    with gzip.open(source, "rt", encoding="utf-8") as handle:
        rows = [json.loads(line) for line in handle]
    common = [name for name, _ in Counter(row["specialty"].strip() for row in rows).most_common(specialties)]
    rows = [row for row in rows if row["specialty"].strip() in common]
    chosen = np.sort(np.random.default_rng(seed).permutation(len(rows))[:notes])
    rows = [rows[place] for place in chosen]
    sign = Signer()
    signatures = np.stack([sign(word_hashes(row["text"])[1]) for row in rows])
    leader = np.arange(len(rows))
    for place, signature in enumerate(signatures):
        for other in np.flatnonzero((signatures[:place] == signature).mean(axis=1) >= THRESHOLD):
            leader[leader == leader[place]] = leader[other]
    features = datasets.Features(
        {
            "id": datasets.Value("string"),
            "text": datasets.Value("string"),
            "label": datasets.ClassLabel(names=sorted(common)),
            "group": datasets.Value("string"),
        }
    )
    columns = {
        "id": [row["id"] for row in rows],
        "text": [row["text"] for row in rows],
        "label": [row["specialty"].strip() for row in rows],
        "group": [rows[place]["id"] for place in leader],
    }
    folder.mkdir(parents=True, exist_ok=True)
    datasets.Dataset.from_dict(columns, features=features).to_parquet(folder / "train.parquet")
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="data, runs and figures; kept")
    parser.add_argument("--set", choices=("cases", "mtsamples"), default="cases")
    parser.add_argument("--config", default="dragon_offline", help="the recipe with all factors on")
    parser.add_argument("--seeds", type=int, nargs="+", default=[13])
    parser.add_argument("--variants", nargs="+", default=["single", "first-experiments"])
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--source", type=Path, help="mtsamples.jsonl.gz")
    parser.add_argument("--notes", type=int, default=600)
    parser.add_argument("--specialties", type=int, default=6)
    parser.add_argument(
        "--train-folds", type=int, nargs="+", default=[1, 2], help="of the five folds of the notes, those trained"
    )
    parser.add_argument("--epochs", type=int, help="in place of the recipe's, to see it work")
    parser.add_argument(
        "--lengths", type=int, nargs=2, default=[512, 1024], help="tokens without and with more context"
    )
    arguments = parser.parse_args()
    keep_pages()
    print(machine_line(), flush=True)
    recipe = load_recipe(arguments.config)
    if arguments.epochs:
        recipe = recipe.replace(training={"epochs": arguments.epochs})
    short, long = arguments.lengths
    recipe = recipe.replace(model={"max_length": long})
    if arguments.set == "cases":
        data = arguments.folder / "cases"
        prepare("synthetic_long_cases", "synthetic", data, cases=arguments.cases)
        words_alone(recipe, data)
        factors = {"context": {"model.max_length": [short, long]}}
        options = {"factors": factors, "variants": arguments.variants}
    else:
        if arguments.source is None:
            parser.error("--set mtsamples needs --source mtsamples.jsonl.gz")
        data = save_notes(arguments.source, arguments.folder / "notes", arguments.notes, arguments.specialties, 13)
        recipe = recipe.replace(
            name="mtsamples",
            folds={"strategy": "stratified_group", "n_splits": 5, "train": arguments.train_folds},
        )
        options = {"baseline": recipe.replace(model={"max_length": short}), "length_split": short}
    rows = load_data(DatasetSpec(path=str(data)))
    lengths, unit = text_lengths(recipe, rows)
    print(
        f"{len(rows.ids)} texts, {len(np.unique(rows.groups))} groups, classes {rows.describe()['class_counts']}; "
        f"median {np.median(lengths):.0f} {unit}, {(lengths > short).mean():.0%} above {short}, "
        f"{(lengths > long).mean():.0%} above {long}",
        flush=True,
    )
    facts = ablate(recipe, data, arguments.folder / f"{arguments.set}-ablation", seeds=arguments.seeds, **options)
    print(ablation_markdown(facts))
    for name, size in facts["slice_rows"].items():
        if size:
            print(f"resolution, {name}: one row of {size} is {1 / size:.4f} of accuracy")


if __name__ == "__main__":
    main()
