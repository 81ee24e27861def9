"""A pipeline that answers questions, from a run folder, a model's folder or the Hub."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ...core.errors import InputError
from ...core.fingerprint import file_sha256
from ...core.run_folder import RunFolder
from ..backends import Backend
from ..backends.choice import backend_cache, checked_precision, converted, cpu_backend
from ..backends.torch_backend import accepted_inputs
from ..batch_runner import BatchRunner
from ..classifier import hub_folder

WINDOW_OUTPUTS = {"span": ("start_logits", "end_logits"), "category": ("category_logits",)}


def load_answerer(
    model: str | os.PathLike,
    *,
    backend: str = "torch",
    precision: str = "float32",
    revision: str | None = None,
    trust_remote_code: bool = False,
    token: str | bool | None = None,
) -> tuple[Any, dict[str, Any]]:
    """Return a "clinical-question-answering" pipeline and what names its model.

    Args:
        model: a finished run (its selected fold), a model's folder, or a model on the Hub.
        backend: torch, openvino, or auto for the quicker of the two; see `cpu_backend`.
        precision: float32, bfloat16, float16 (torch alone), or int8 after `quantize`.
        revision: branch, tag or commit on the Hub.
        trust_remote_code: whether code in the repository may run; not needed for the classes of this package.
        token: for models that are gated.

    Returns:
        The pipeline, on the GPU where there is one, and {model, weights_sha256 or revision, backend, precision}.

    Raises:
        InputError: nothing is there, it answers no questions, a word is unknown, OpenVINO or its form of the model is
            missing, or a policy would be used with another backend than the one it was fitted with.
    """
    import torch
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    from ...modeling import ClinicalQuestionAnsweringPipeline

    # Half precision is torch's on GPUs alone.
    half = precision == "float16" and backend == "torch"
    chosen = precision if half else checked_precision(backend, precision)
    # A GPU is torch's; int8 is OpenVINO's on every machine.
    if backend == "auto" and chosen != "int8" and torch.cuda.is_available():
        backend = "torch"
    path = Path(model).expanduser()
    if (path / "run.json").exists():
        run = RunFolder.open(path)
        if (kind := run.facts["model"]["kind"]) != "multitask_qa":
            raise InputError(f"{model} is a run of kind {kind}, which answers no questions; give one of multitask_qa")
        path = run.fold_folder(run.selected_fold)
    if backend != "torch" and not path.is_dir():
        # A converted form is of weights that are known.
        path = hub_folder(model, revision, token)
    location = str(path) if path.is_dir() else str(model)
    hub = {"revision": revision, "trust_remote_code": trust_remote_code, "token": token}
    try:
        weights_in = getattr(torch, chosen if backend == "torch" else "float32")
        loaded = AutoModelForQuestionAnswering.from_pretrained(location, dtype=weights_in, **hub)
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
    if loaded.deferral is not None and (backend == "openvino" or chosen != "float32"):
        raise InputError(
            f"the policy of {model} was fitted to what torch gives in float32, and says nothing of {backend} in "
            f"{chosen}; leave --backend and --precision out"
        )
    run, name, device = None, "torch", 0 if torch.cuda.is_available() else -1
    if backend != "torch" and loaded.deferral is None:
        cache = backend_cache(model, path)
        computes = answering_backend(loaded, tokenizer, cache, backend=backend, precision=chosen)
        run, name, device = BatchRunner(computes, cache=cache).run, computes.name, -1
    pipe = ClinicalQuestionAnsweringPipeline(model=loaded, tokenizer=tokenizer, device=device, run=run)
    named |= {"backend": name, "precision": chosen}
    return pipe, {"model": Path(model).name if Path(model).expanduser().is_dir() else str(model), **named}


def answering_backend(
    model: Any, tokenizer: Any, cache: Path, *, backend: str = "auto", precision: str = "float32"
) -> Backend:
    """Return what computes a model's logits of windows on a CPU; see `cpu_backend`.

    Args:
        model: that answers questions, in float32.
        tokenizer: its own.
        cache: for converted forms.
        backend: auto or openvino.
        precision: float32, bfloat16 or int8.
    """
    inputs, outputs = _fields(model, tokenizer)
    return cpu_backend(model, cache, inputs, outputs, backend=backend, precision=precision)


def converted_answerer(model: Any, tokenizer: Any, cache: Path) -> Path:
    """Return the folder of a model that answers questions in OpenVINO's form; see `converted`."""
    return converted(model, cache, *_fields(model, tokenizer))


def _fields(model: Any, tokenizer: Any) -> tuple[list[str], list[str]]:
    """Return what the model takes of a window, and what it gives."""
    given = {*tokenizer.model_input_names, "span_mask"}
    inputs = [name for name in accepted_inputs(model) if name in given]
    return inputs, [name for task in model.config.tasks for name in WINDOW_OUTPUTS[task]]


__all__ = ["answering_backend", "converted_answerer", "load_answerer"]
