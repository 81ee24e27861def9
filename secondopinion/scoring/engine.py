"""Logits for many texts: sorted by length, batched under a token budget, returned in the order given."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.files import read_json
from ..core.progress import progress
from .batches import padding_multiple

CPU_TOKEN_BUDGET, GPU_TOKEN_BUDGET = 2048, 32768


def load_classifier(folder: str | os.PathLike, trust_remote_code: bool = False) -> tuple[Any, Any]:
    """Return the model of a folder in fp32, on the GPU where there is one, and its tokenizer.

    A fold that was trained together with a policy holds a deferring model; `logits` are its classifier's. One that was
    trained with a processor holds that too, and it stands where the tokenizer stands. One that was trained elsewhere
    holds a model of transformers' own, or of code that lies beside it.

    Args:
        folder: the model's.
        trust_remote_code: whether such code may run.

    Raises:
        InputError: the model loads by code of its own, which may not run.
    """
    import torch
    from transformers import AutoModelForSequenceClassification

    kind = _own_kinds().get(_readable(folder, trust_remote_code))
    trusted = {"trust_remote_code": trust_remote_code}
    model = (kind or AutoModelForSequenceClassification).from_pretrained(folder, dtype=torch.float32, **trusted)
    return model.cuda() if torch.cuda.is_available() else model, _reader(folder, trust_remote_code)


def load_config(folder: str | os.PathLike, trust_remote_code: bool = False) -> tuple[Any, Any]:
    """Return a model's configuration and its tokenizer or processor, as `load_classifier` would, without its weights.

    Args:
        folder: the model's.
        trust_remote_code: whether code that lies beside it may run.

    Raises:
        InputError: the model loads by code of its own, which may not run.
    """
    from transformers import AutoConfig

    kind = _own_kinds().get(_readable(folder, trust_remote_code))
    loads = AutoConfig if kind is None else kind.config_class
    config = loads.from_pretrained(folder, trust_remote_code=trust_remote_code)
    return config, _reader(folder, trust_remote_code)


def _own_kinds() -> dict[str, Any]:
    from .. import modeling

    return {
        modeling.DeferralConfig.model_type: modeling.DeferralForSequenceClassification,
        modeling.PooledEncoderConfig.model_type: modeling.PooledEncoderForSequenceClassification,
    }


def _readable(folder: str | os.PathLike, trust_remote_code: bool) -> str | None:
    """Return the type of a model whose code, if it has its own, may run."""
    config = read_json(Path(folder) / "config.json")
    kind = config.get("model_type")
    # A deferring model of this project's may hold a classifier that is not.
    theirs = (config.get("classifier_config") or {}) if kind in _own_kinds() else config
    if theirs.get("auto_map") and not trust_remote_code:
        raise InputError(
            f"{folder} holds a model that loads by code of its own, which lies beside it; read that code, and if you "
            "trust it, give --trust-remote-code"
        )
    return kind


def _reader(folder: str | os.PathLike, trust_remote_code: bool) -> Any:
    from transformers import AutoTokenizer

    from .. import modeling

    reads = modeling.ClinicalProcessor if (Path(folder) / "processor_config.json").exists() else AutoTokenizer
    return reads.from_pretrained(folder, trust_remote_code=trust_remote_code)


def classifier_of(model: Any) -> Any:
    """Return the classifier inside a deferring model, calibrated as the model is; another model as it is."""
    if model.config.model_type != "deferral":
        return model
    # A classifier that was trained elsewhere has no temperature, and none is fitted to it.
    if model.config.temperature != 1.0:
        model.classifier.config.temperature *= model.config.temperature
    return model.classifier


def predict_columns(
    model: Any,
    tokenizer: Any,
    encoded: Any,
    columns: Sequence[str],
    *,
    lengths: Sequence[int],
    token_budget: int | None = None,
    label: str = "scoring",
) -> dict[str, np.ndarray]:
    """Return fields of the model's output for tokenised rows.

    Args:
        model: a sequence classifier; put into evaluation mode.
        tokenizer: or processor; pads a batch on its own side.
        encoded: rows with `input_ids` (a tokenised `datasets.Dataset`, or a list of dicts).
        columns: fields of the output with one entry a row, such as `logits` and `deferral_score`.
        lengths: (rows,) tokens of each row.
        token_budget: tokens a batch, padding included; by default 2,048 on CPU and 32,768 on a GPU.
        label: of the progress bar.

    Returns:
        Column → (rows, …) array in the order of `encoded`; empty where there are no rows.
    """
    from .backends.torch_backend import TorchBackend
    from .backends.tuning import Batching
    from .batch_runner import BatchRunner, RowOutputs

    backend = TorchBackend(model, outputs=columns)
    budget = token_budget or (CPU_TOKEN_BUDGET if backend.device == "cpu" else GPU_TOKEN_BUDGET)
    names = [name for name in tokenizer.model_input_names if name in _columns(encoded)]
    multiple = padding_multiple(model)
    padding = {"pad_to_multiple_of": multiple} if multiple > 1 else {}

    def give(rows: np.ndarray) -> dict[str, np.ndarray]:
        features = [{name: encoded[int(row)][name] for name in names} for row in rows]
        padded = tokenizer.pad(features, return_tensors="np", **padding)
        return {name: np.asarray(value) for name, value in padded.items()}

    runner, outputs = BatchRunner(backend, multiple=multiple, batching=Batching(budget, 1)), RowOutputs(len(lengths))
    try:
        with progress(total=len(lengths), label=label) as bar:
            runner.run(np.asarray(lengths), give, outputs, advance=bar.update)
    finally:
        runner.close()
    return outputs.found


def predict_logits(
    model: Any,
    tokenizer: Any,
    encoded: Any,
    *,
    lengths: Sequence[int],
    token_budget: int | None = None,
    label: str = "scoring",
) -> np.ndarray:
    """Return the logits of tokenised rows.

    Args:
        model: a sequence classifier; put into evaluation mode.
        tokenizer: or processor; pads a batch on its own side.
        encoded: rows with `input_ids` (a tokenised `datasets.Dataset`, or a list of dicts).
        lengths: (rows,) tokens of each row.
        token_budget: tokens a batch, padding included; by default 2,048 on CPU and 32,768 on a GPU.
        label: of the progress bar.

    Returns:
        (rows, labels) float32, in the order of `encoded`.
    """
    options = {"lengths": lengths, "token_budget": token_budget, "label": label}
    found = predict_columns(model, tokenizer, encoded, ["logits"], **options)
    return found.get("logits", np.zeros((0, model.config.num_labels), dtype=np.float32))


def _columns(encoded: Any) -> Sequence[str]:
    return encoded.column_names if hasattr(encoded, "column_names") else list(encoded[0]) if len(encoded) else []


def score_texts(
    model: Any, tokenizer: Any, texts: Sequence[str], *, max_length: int | None = None, **options: Any
) -> np.ndarray:
    """Return the logits of texts: (rows, labels) float32, in the order given.

    Args:
        model: a sequence classifier.
        tokenizer: its tokenizer, or its processor.
        texts: any number of texts.
        max_length: tokens kept of each text; by default what the tokenizer allows.
        **options: of `predict_logits`.
    """
    rows = _tokenized(tokenizer, texts, max_length)
    return predict_logits(model, tokenizer, rows, lengths=[len(row["input_ids"]) for row in rows], **options)


def score_columns(
    model: Any, tokenizer: Any, texts: Sequence[str], columns: Sequence[str], *, max_length: int | None = None
) -> dict[str, np.ndarray]:
    """Return fields of the model's output for texts, in the order given; see `predict_columns`."""
    rows = _tokenized(tokenizer, texts, max_length)
    return predict_columns(model, tokenizer, rows, columns, lengths=[len(row["input_ids"]) for row in rows])


def _tokenized(tokenizer: Any, texts: Sequence[str], max_length: int | None) -> list[dict[str, list[int]]]:
    encoded = tokenizer(list(texts), truncation=True, max_length=max_length) if len(texts) else {"input_ids": []}
    return [{name: encoded[name][i] for name in encoded} for i in range(len(texts))]
