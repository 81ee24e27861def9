"""A pipeline that answers questions, from a run folder, a model's folder or the Hub."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..core.errors import InputError, closest
from ..core.fingerprint import file_sha256
from ..core.run_folder import RunFolder

DTYPES = ("bfloat16", "float16", "float32")


def load_answerer(
    model: str | os.PathLike,
    *,
    dtype: str = "float32",
    revision: str | None = None,
    trust_remote_code: bool = False,
    token: str | bool | None = None,
) -> tuple[Any, dict[str, Any]]:
    """Return a "clinical-question-answering" pipeline and what names its model.

    Args:
        model: a finished run (its selected fold), a model's folder, or a model on the Hub.
        dtype: of the weights: float32, bfloat16 or float16.
        revision: branch, tag or commit on the Hub.
        trust_remote_code: whether code in the repository may run; not needed for the classes of this package.
        token: for models that are gated.

    Returns:
        The pipeline, on the GPU where there is one, and {model, weights_sha256 or revision, dtype}.

    Raises:
        InputError: nothing is there, or it answers no questions.
    """
    import torch
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    from ..modeling import ClinicalQuestionAnsweringPipeline

    if dtype not in DTYPES:
        raise InputError(f"unknown dtype {dtype!r}; {closest(dtype, DTYPES)}")
    path = Path(model).expanduser()
    if (path / "run.json").exists():
        run = RunFolder.open(path)
        if (kind := run.facts["model"]["kind"]) != "multitask_qa":
            raise InputError(f"{model} is a run of kind {kind}, which answers no questions; give one of multitask_qa")
        path = run.fold_folder(run.selected_fold)
    location = str(path) if path.is_dir() else str(model)
    hub = {"revision": revision, "trust_remote_code": trust_remote_code, "token": token}
    try:
        loaded = AutoModelForQuestionAnswering.from_pretrained(location, dtype=getattr(torch, dtype), **hub)
        tokenizer = AutoTokenizer.from_pretrained(location, **hub)
    except (OSError, ValueError) as error:
        raise InputError(f"{model} cannot be used to answer questions: {error}") from error
    if loaded.config.model_type != "multitask_qa":
        raise InputError(
            f"{model} is a {loaded.config.model_type} model; extraction needs a multitask_qa one, as "
            "'secondopinion train --config recipes/clinical_qa_offline.yaml' makes"
        )
    if "span" not in loaded.config.tasks:
        raise InputError(
            f"{model} was trained for {', '.join(loaded.config.tasks)} alone and finds no answers; give a model whose "
            "tasks hold 'span'"
        )
    weights = path / "model.safetensors"
    named = (
        {"weights_sha256": file_sha256(weights)}
        if weights.exists()
        else {"revision": getattr(loaded.config, "_commit_hash", None) or revision}
    )
    device = 0 if torch.cuda.is_available() else -1
    pipe = ClinicalQuestionAnsweringPipeline(model=loaded, tokenizer=tokenizer, device=device)
    return pipe, {"model": Path(model).name if path.is_dir() else str(model), "dtype": dtype, **named}


__all__ = ["load_answerer"]
