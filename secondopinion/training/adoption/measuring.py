"""The logits of held-out rows by a model that was trained elsewhere, piece by piece; what is done is kept."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import InputError
from ...core.files import atomic_file, read_json
from ...core.progress import say
from ...core.run_folder import RunFolder
from ...modeling.sequence_limit import longest_sequence
from ...scoring.engine import predict_logits
from ..data import TrainingData
from ..folds import Folds
from .checkpoint import Checkpoint

PIECE = 2048
FACTS = ("truncated_share", "parameters", "measuring_seconds")


def token_limit(found: Checkpoint, model: Any, max_length: int | None) -> int | None:
    """Return the tokens that a text is cut to, after checking that tokenizer and model fit each other.

    Raises:
        InputError: the tokenizer cannot be loaded, cannot pad, or has more tokens than the model; or the length is
            more than the model holds.
    """
    tokenizer = _tokenizer(found.folder, found.source, found.own_code)
    if tokenizer.pad_token is None:
        raise InputError(
            f"the tokenizer of {found.source} has no padding token, so texts cannot be read several at a time; set the "
            "one it was trained with (tokenizer.pad_token = …, model.config.pad_token_id = …) and save both again"
        )
    vocabulary = model.get_input_embeddings().num_embeddings
    if len(tokenizer) > vocabulary:
        raise InputError(
            f"the tokenizer of {found.source} has {len(tokenizer):,} tokens, the model {vocabulary:,} embeddings: they "
            "do not belong together. Save the tokenizer that the model was trained with into its folder"
        )
    holds = longest_sequence(model.config)
    if max_length is not None and (max_length < 1 or (holds and max_length > holds)):
        raise InputError(f"--max-length is {max_length}, but {found.source} holds {holds} tokens; give 1 to {holds}")
    return max_length or longest_sequence(model.config, tokenizer)


def _tokenizer(folder: Path, source: str, trust_remote_code: bool) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=trust_remote_code)
    except Exception as error:  # code of others may raise anything
        raise InputError(f"the tokenizer of {source} cannot be loaded: {type(error).__name__}: {error}") from error


def measure_rows(
    run: RunFolder, model: Any, data: TrainingData, folds: Folds, fold: int, trust_remote_code: bool = False
) -> dict[str, Any]:
    """Write the logits of the held-out rows, piece by piece, and return `FACTS` about them.

    Args:
        run: with the copied checkpoint as its fold.
        model: the same one, loaded.
        data: all rows.
        folds: their folds.
        fold: the one that is measured.
        trust_remote_code: whether the tokenizer's own code may run.

    Raises:
        InputError: a logit is not a finite number.
    """
    facts_file, logits_file = run.fold_facts_file(fold), run.fold_logits_file(fold)
    if facts_file.exists() and logits_file.exists():
        say("measured already, kept")
        stored = read_json(facts_file)
        return {name: stored[name] for name in FACTS}
    _, rows = folds.rows(fold)
    tokenizer = _tokenizer(run.fold_folder(fold), str(run.path), trust_remote_code)
    pieces, seconds = [], 0.0
    for start in range(0, len(rows), PIECE):
        part = rows[start : start + PIECE]
        path = run.path / "cache" / f"rows-{start}.npz"
        if not path.exists():
            began = time.perf_counter()
            encoded = tokenizer(data.texts(part), truncation=True)
            lengths = np.array([len(ids) for ids in encoded["input_ids"]])
            inputs = [{name: encoded[name][i] for name in encoded} for i in range(len(part))]
            label = f"rows {start + 1:,} to {start + len(part):,} of {len(rows):,}"
            logits = predict_logits(model, tokenizer, inputs, lengths=lengths, label=label)
            with atomic_file(path) as temporary, open(temporary, "wb") as handle:
                np.savez(handle, logits=logits, lengths=lengths, seconds=time.perf_counter() - began)
        with np.load(path) as stored:
            pieces.append((stored["logits"], stored["lengths"]))
            seconds += float(stored["seconds"])
    logits, lengths = (np.concatenate(column) for column in zip(*pieces, strict=True))
    broken = int((~np.isfinite(logits)).any(axis=1).sum())
    if broken:
        raise InputError(
            f"{broken:,} of {len(rows):,} rows have a logit that is not finite: it diverged in training, or is damaged"
        )
    with atomic_file(logits_file) as temporary, open(temporary, "wb") as handle:
        np.save(handle, logits.astype(np.float32))
    limit = tokenizer.model_max_length
    return {
        "truncated_share": float((lengths >= limit).mean()),
        "parameters": model.num_parameters(),
        "measuring_seconds": round(seconds, 1),
    }
