"""From a run's out-of-fold predictions, its texts and votes to the rows that a policy is fitted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from ..core.errors import InputError
from ..core.progress import progress
from ..core.run_folder import RunFolder
from ..scoring.batches import token_batches
from .data import TrainingData
from .deferral_parts import require_out_of_fold
from .deferral_recipe import DeferralSpec
from .folds import Folds
from .policy_fitting import DeferralRows
from .problems import require_single_label
from .report import read_predictions

_TOKEN_BUDGET = 32_768


def vote_classes(votes: Sequence[Any], ids: Sequence[str], label_names: Sequence[str]) -> np.ndarray:
    """Return (rows,) the class of each row's vote, −1 where it has none that is usable.

    Args:
        votes: of one expert, in any order; checked by `check_votes`.
        ids: (rows,) in the order wanted.
        label_names: (classes,).
    """
    number = {name: i for i, name in enumerate(label_names)}
    said = {vote.id: number[vote.label] for vote in votes if vote.label is not None}
    return np.array([said.get(identifier, -1) for identifier in ids], dtype=np.int64)


def vote_costs(votes: Sequence[Any], ids: Sequence[str]) -> np.ndarray:
    """Return (rows,) US dollars of each row's vote; 0 where a vote does not say."""
    costs = {vote.id: vote.cost_usd for vote in votes}
    return np.array([costs.get(i) or 0.0 for i in ids], dtype=np.float64)


def gather_rows(
    run: RunFolder,
    data: TrainingData,
    votes: Mapping[str, Sequence[Any]],
    spec: DeferralSpec,
    trust_remote_code: bool = False,
) -> DeferralRows:
    """Return the out-of-fold rows of a run that every expert was asked about, beside the votes.

    Args:
        run: a finished run of an encoder.
        data: what it was trained on.
        votes: expert → votes, checked.
        spec: the recipe's section.
        trust_remote_code: whether code beside the folds' models may run.

    Raises:
        InputError: a prediction is not out of fold, or there is no row that every expert was asked about.
    """
    facts = run.facts
    predictions = read_predictions(run)
    joint = facts.get("joint")
    trained_along = joint is not None and joint["loss"] in spec.policies
    # Below three folds policies are cross-fitted over pseudo-folds, which the folds' own scores are not.
    if spec.embedding or (trained_along and len(facts["folds"]["trained"]) < 3):
        predictions = predictions[predictions["fold"] == run.selected_fold]
    asked = set.intersection(*({vote.id for vote in rows} for rows in votes.values()))
    predictions = predictions[predictions["id"].astype(str).isin(asked)]
    if not len(predictions):
        raise InputError(
            f"no out-of-fold row of {run.path} has a vote of every expert ({', '.join(votes)}); "
            f"collect them with: secondopinion ask {run.path}"
        )
    ids = predictions["id"].astype(str).to_numpy()
    fold = predictions["fold"].to_numpy()
    require_out_of_fold(ids.tolist(), fold.tolist(), Folds.load(run.folds_file))
    names = facts["task"]["label_names"]
    place = {identifier: i for i, identifier in enumerate(data.ids.tolist())}
    rows = np.array([place[identifier] for identifier in ids.tolist()])
    logits = (np.stack(predictions["logits"].to_numpy()) / facts["calibration"]["temperature"]).astype(np.float32)
    columns = [vote_classes(votes[expert], ids, names) for expert in votes]
    features, tokens, feature_names = text_features(run, data, rows, fold, logits, list(votes), spec, trust_remote_code)
    return DeferralRows(
        ids=ids,
        fold=fold,
        groups=None if data.groups is None else data.groups[rows],
        gold=np.array([names.index(name) for name in predictions["gold"]]),
        logits=logits,
        votes=np.stack(columns, axis=1),
        call_costs=np.stack([vote_costs(votes[name], ids) for name in votes], axis=1),
        features=features,
        tokens=tokens,
        label_names=names,
        expert_names=list(votes),
        feature_names=feature_names,
        own_scores=np.stack(predictions["expert_scores"].to_numpy()).astype(np.float32) if trained_along else None,
    )


def text_features(
    run: RunFolder,
    data: TrainingData,
    rows: np.ndarray,
    fold: np.ndarray,
    logits: np.ndarray,
    experts: list[str],
    spec: DeferralSpec,
    trust_remote_code: bool = False,
) -> tuple[np.ndarray, sp.csr_array | None, list[str]]:
    """Return what policies read of each row: features, token counts and the features' names.

    Signals come from the stored logits and traits from token ids, so no encoder runs; only dropout samples and
    embeddings need each fold's model once more.

    Args:
        run: the run.
        data: its data.
        rows: (n,) places in the data.
        fold: (n,) the fold whose model predicted each row.
        logits: (n, classes) calibrated.
        experts: names.
        spec: the recipe's section.
        trust_remote_code: whether code beside the folds' models may run.
    """
    from ..modeling.deferral_policies import feature_names
    from ..modeling.modeling_deferral import sizes

    model, tokenizer = _reader(run.fold_folder(run.selected_fold), experts, spec, trust_remote_code)
    encoded = tokenizer(data.texts(rows), truncation=True)["input_ids"]
    lengths = np.array([len(row) for row in encoded])
    vocab_size, hidden_size = sizes(model.config.classifier_config)
    names = feature_names(model.config, hidden_size)
    features = np.zeros((len(rows), len(names)), dtype=np.float32)
    runs_encoder = bool(spec.mc_dropout_samples or spec.embedding)
    for number in np.unique(fold) if runs_encoder else [None]:
        members = np.arange(len(rows)) if number is None else np.flatnonzero(fold == number)
        if number is not None:
            model, _ = _reader(run.fold_folder(int(number)), experts, spec, trust_remote_code)
        _read(model, tokenizer, encoded, lengths, members, logits, features, runs_encoder)
    return features, token_counts(encoded, vocab_size) if spec.token_weights else None, names


def _reader(folder: Path, experts: list[str], spec: DeferralSpec, trust_remote_code: bool) -> tuple[Any, Any]:
    """Return a deferring model without a policy, and its tokenizer: it reads of a text what the published one will."""
    from ..modeling import DeferralForSequenceClassification
    from ..scoring.engine import classifier_of, load_classifier

    model, tokenizer = load_classifier(folder, trust_remote_code)
    reader = DeferralForSequenceClassification.from_classifier(
        classifier_of(model),
        tokenizer,
        policy="selective",
        expert_names=experts,
        signals=list(spec.signals),
        traits=list(spec.traits),
        embedding=spec.embedding,
        mc_dropout_samples=spec.mc_dropout_samples,
    )
    return reader.eval(), tokenizer


def _read(
    model: Any,
    tokenizer: Any,
    encoded: list[list[int]],
    lengths: np.ndarray,
    members: np.ndarray,
    logits: np.ndarray,
    features: np.ndarray,
    runs_encoder: bool,
) -> None:
    """Fill the features of the rows in `members`."""
    import torch

    budget = 2048 if runs_encoder else _TOKEN_BUDGET
    with torch.inference_mode(), progress(total=len(members), label="reading the texts' traits") as bar:
        for batch in token_batches(lengths[members], budget):
            chosen = members[batch]
            padded = tokenizer.pad({"input_ids": [encoded[i] for i in chosen]}, return_tensors="pt")
            ids, mask = padded["input_ids"].to(model.device), padded["attention_mask"].to(model.device)
            if runs_encoder:
                read = model.read(ids, mask)[2]
            else:
                limit = model.config.max_length
                truncated = mask.sum(dim=1) >= limit if limit else None
                read = model.features(torch.from_numpy(logits[chosen]).to(model.device), ids, mask, truncated)
            features[chosen] = read.float().cpu().numpy()
            bar.update(len(chosen))


def token_counts(encoded: Sequence[Sequence[int]], vocab_size: int) -> sp.csr_array:
    """Return (rows, vocabulary) counts of each token over the root of the row's length, as `PolicyHead` weighs them.

    >>> token_counts([[1, 1, 2, 0]], 3).toarray().tolist()
    [[0.5, 1.0, 0.5]]
    """
    lengths = np.array([len(row) for row in encoded])
    columns = np.concatenate([np.asarray(row, dtype=np.int64) for row in encoded])
    values = np.repeat(1.0 / np.sqrt(np.maximum(lengths, 1)), lengths).astype(np.float32)
    rows = np.repeat(np.arange(len(encoded)), lengths)
    table = sp.csr_array((values, (rows, columns)), shape=(len(encoded), vocab_size))
    table.sum_duplicates()
    return table


def check_run(run: RunFolder) -> None:
    """Raise unless a run can get a deferral policy.

    Raises:
        InputError: its model is no encoder, or it has no calibration.
    """
    facts = run.facts
    require_single_label(facts, run.path)
    kind = facts["model"]["kind"]
    if kind == "tfidf":
        raise InputError(
            f"{run.path} is a run of TF-IDF, whose texts have no token ids for a policy to read; it can be the expert: "
            f"experts: [{{kind: run, name: {facts['name']}, path: {run.path}}}]. Defer from a run of an encoder"
        )
    if facts["recipe"]["model"].get("processor"):
        raise InputError(
            f"{run.path} reads its texts through a processor, which a policy cannot yet; train the same recipe without "
            "model.processor to defer from it"
        )
    if not facts.get("calibration"):
        raise InputError(f"{run.facts_file} records no calibration; train again: it is made at the end of a run")
