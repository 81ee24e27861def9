"""Made-up texts with several labels, factors or numbers, which a few words give away."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tiny_encoder import VOCABULARY

from secondopinion.core.files import write_json

FINDINGS = ["death", "injury", "failed"]
SIZES = {"small": 1.0, "large": 8.0}


def save_cases(folder: Path, kind: str, rows: int = 120, seed: int = 0, **facts: object) -> Path:
    """Write a data set of one kind: `multi_label`, `factors`, `regression` or `regressions`.

    Rows come in groups of two; a label in twenty of `multi_label`, `factors` and `regressions` is not known.
    """
    import datasets

    random = np.random.default_rng([seed, len(kind)])
    holds = random.random((rows, 3)) < [0.3, 0.5, 0.2]
    texts = []
    for own in holds:
        words = list(random.choice(VOCABULARY.split()[15:], random.integers(3, 9)))
        texts.append(" ".join(random.permutation(words + [w for w, held in zip(FINDINGS, own, strict=True) if held])))
    value = 1.0 + 4 * holds[:, 0] + 2 * holds[:, 1] + random.normal(0, 0.1, rows)
    unknown = random.random(rows) < 0.05
    string, number = datasets.Value("string"), datasets.Value("float64")
    labels, feature, named = {
        "multi_label": (
            [[int(a), None if gap else int(b), int(c)] for (a, b, c), gap in zip(holds, unknown, strict=True)],
            datasets.List(datasets.Value("int64")),
            {"names": FINDINGS},
        ),
        "factors": (
            [
                ["yes" if a else "no", None if gap else ("both" if b and c else "one" if b or c else "none")]
                for (a, b, c), gap in zip(holds, unknown, strict=True)
            ],
            datasets.List(string),
            {"names": ["fatal", "extent"], "factors": [["no", "yes"], ["none", "one", "both"]]},
        ),
        "regression": (value.tolist(), number, {"names": ["size"]}),
        "regressions": (
            [[a, None if gap else -a] for a, gap in zip(value.tolist(), unknown, strict=True)],
            datasets.List(number),
            {"names": ["size", "score"]},
        ),
    }[kind]
    features = {"id": string, "text": string, "label": feature, "group": string, "fold": datasets.Value("int32")}
    columns = {
        "id": [f"{kind}-{seed}-{i}" for i in range(rows)],
        "text": texts,
        "label": labels,
        "group": [f"g{i // 2}" for i in range(rows)],
        "fold": [(i // 2) % 3 for i in range(rows)],
    }
    folder.mkdir(parents=True, exist_ok=True)
    table = datasets.Dataset.from_dict(columns, features=datasets.Features(features))
    table.to_parquet(folder / "train.parquet")
    write_json(folder / "prepare.json", {"corpus": folder.name, "label": named, **facts})
    return folder
