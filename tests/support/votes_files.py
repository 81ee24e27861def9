"""Votes of made-up experts on made-up reports, a run they are asked about, and rows that policies are fitted on."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

SIGNALS, TRAITS, VOCABULARY = ["margin", "entropy", "predicted_class"], ["length", "truncated"], 21


def save_votes(
    path: Path, ids: Sequence[str], gold: Sequence[str], *, right: float = 0.9, unusable: float = 0.02, seed: int = 1
) -> Path:
    """Write votes that are right, unusable, or of any class, by lot."""
    draw = np.random.default_rng(seed)
    classes = sorted(set(gold))
    with open(path, "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["id", "expert", "label", "cost_usd"])
        for identifier, label in zip(ids, gold, strict=True):
            luck = draw.random()
            said = label if luck < right else "" if luck < right + unusable else str(draw.choice(classes))
            writer.writerow([identifier, path.stem, said, 0.001])
    return path


def trained_run(tmp_path_factory: Any, rows: int = 480) -> Path:
    """Return a folder with `reports`, a `run` of three folds of a weak tiny encoder, and the votes of a good panel and
    a novice; made once in a session, not to be changed.
    """
    from tiny_encoder import report_classes, save_encoder, save_reports

    from secondopinion.training import load_recipe, train

    root = tmp_path_factory.getbasetemp() / "trained-run"
    if root.exists():
        return root
    save_encoder(root / "encoder")
    save_reports(root / "reports", rows)
    ids, gold = [f"r{i}" for i in range(rows)], report_classes(rows).tolist()
    save_votes(root / "panel.csv", ids, gold)
    save_votes(root / "novice.csv", ids, gold, right=0.5, seed=2)
    recipe = {
        "name": "tiny",
        "folds": {"n_splits": 3},
        "resamples": 50,
        "training": {"epochs": 3, "learning_rate": 3e-3, "bf16": False, "validation_share": 0.2},
        "model": {"encoder": str(root / "encoder"), "max_length": 32},
    }
    train(load_recipe(recipe), root / "reports", root / "run")
    return root


def padded(encoded: Sequence[Sequence[int]], left: bool = False) -> tuple[Any, Any]:
    """Return (rows, longest) token ids with zeros as padding, and their mask."""
    import torch

    width = max(map(len, encoded))
    ids = [[*[0] * (width - len(row)), *row] if left else [*row, *[0] * (width - len(row))] for row in encoded]
    mask = [[0] * (width - len(row)) + [1] * len(row) if left else [1] * len(row) for row in encoded]
    return torch.tensor(ids), torch.tensor([[*row, *[0] * (width - len(row))] for row in mask])


def policy_rows(rows: int = 150, experts: int = 1, folds: int = 5, seed: int = 0) -> tuple[Any, list[list[int]]]:
    """Return `DeferralRows` of three classes and the texts' token ids.

    The first expert is right where the text holds token 7, the others by lot; a tenth of the votes is unusable.
    """
    import torch

    from secondopinion.modeling import DeferralConfig, PooledEncoderConfig
    from secondopinion.modeling.deferral_policies import DeferralFeatures, feature_names
    from secondopinion.training.deferral_rows import token_counts
    from secondopinion.training.policy_fitting import DeferralRows

    draw = np.random.default_rng(seed)
    gold = draw.choice(3, rows, p=[0.5, 0.3, 0.2])
    logits = (draw.normal(size=(rows, 3)) + 1.5 * np.eye(3)[gold]).astype(np.float32)
    encoded = [draw.integers(4, VOCABULARY, draw.integers(3, 15)).tolist() for _ in range(rows)]
    knows = np.array([7 in row for row in encoded])
    right = np.stack([knows if j == 0 else draw.random(rows) < 0.6 for j in range(experts)], axis=1)
    votes = np.where(right, gold[:, None], (gold[:, None] + 1) % 3)
    votes[draw.random(votes.shape) < 0.1] = -1
    config = DeferralConfig(classifier_config=PooledEncoderConfig(num_labels=3), signals=SIGNALS, traits=TRAITS)
    ids, mask = padded(encoded)
    truncated = mask.sum(dim=1) >= 14
    features = DeferralFeatures(config, VOCABULARY)(torch.from_numpy(logits), ids, mask, truncated).numpy()
    return DeferralRows(
        ids=np.array([f"p{i}" for i in range(rows)]),
        fold=np.arange(rows) % folds + 1,
        groups=np.array([f"g{i // 2}" for i in range(rows)]),
        gold=gold,
        logits=logits,
        votes=votes,
        call_costs=np.full((rows, experts), 0.001),
        features=features,
        tokens=token_counts(encoded, VOCABULARY),
        label_names=["a", "b", "c"],
        expert_names=["panel", "novice", "model"][:experts],
        feature_names=feature_names(config),
    ), encoded
