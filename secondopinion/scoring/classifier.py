"""A classifier or regressor with what reads its texts, from a run folder, a model's folder or the Hub."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from ..core.files import read_json
from ..core.run_folder import RunFolder
from .engine import classifier_of, load_classifier

OWN = ("pooled_encoder", "deferral")
ARCHITECTURE = "ForSequenceClassification"


def open_classifier(
    model: str | os.PathLike,
    *,
    revision: str | None = None,
    trust_remote_code: bool = False,
    token: str | bool | None = None,
    whole: bool = False,
) -> tuple[Any, Any]:
    """Return a model in fp32, on the GPU where there is one, and its tokenizer or processor.

    Of a deferring model the classifier is returned, calibrated as the whole is.

    Args:
        model: a finished run (its selected fold), a model's folder, or a model on the Hub.
        revision: branch, tag or commit on the Hub.
        trust_remote_code: whether code in the repository may run; not needed for the classes of this package.
        token: for models that are gated.
        whole: return a deferring model with its policy.

    Raises:
        InputError: nothing is there, or it neither classifies texts nor predicts numbers of them.
    """
    folder = model_folder(model, revision, token)
    if not (folder / "config.json").is_file():
        raise InputError(f"{model} holds no config.json; give a run folder, a model's folder, or a model on the Hub")
    config = read_json(folder / "config.json")
    if not isinstance(config, dict):
        raise InputError(f"{folder / 'config.json'} is no model's configuration")
    try:
        if config.get("model_type") in OWN:
            loaded, reader = load_classifier(folder, trust_remote_code)
        else:
            loaded, reader = _stock(model, folder, config, trust_remote_code)
    except (OSError, ValueError) as error:
        raise InputError(f"{model} cannot be used to score texts: {error}") from error
    return (loaded if whole else classifier_of(loaded)).eval(), reader


def model_folder(model: str | os.PathLike, revision: str | None = None, token: str | bool | None = None) -> Path:
    """Return the folder of a model: of a run its selected fold, of one on the Hub where it was downloaded to.

    Args:
        model: a finished run, a model's folder, or a model on the Hub.
        revision: branch, tag or commit on the Hub.
        token: for models that are gated.

    Raises:
        InputError: nothing is there, or the run is of another kind.
    """
    path = Path(model).expanduser()
    if (path / "run.json").exists() and not (path / "config.json").exists():
        run = RunFolder.open(path)
        kind = run.facts["model"]["kind"]
        if kind == "multitask_qa":
            raise InputError(f"{model} is a run of questions; use: secondopinion extract {model} --questions FILE")
        if kind != "pooled_encoder":
            raise InputError(f"{model} is a run of kind {kind}; scoring needs a trained encoder (pooled_encoder)")
        return run.fold_folder(run.selected_fold)
    if path.is_dir():
        return path
    return hub_folder(model, revision, token)


def hub_folder(model: str | os.PathLike, revision: str | None = None, token: str | bool | None = None) -> Path:
    """Return where a model on the Hub was downloaded to.

    Args:
        model: its name.
        revision: branch, tag or commit.
        token: for models that are gated.

    Raises:
        InputError: nothing is there.
    """
    if Path(model).is_absolute() or str(model).startswith((".", "~")) or str(model).count("/") != 1:
        raise InputError(f"{model} does not exist; give a run folder, a model's folder, or namespace/name on the Hub")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    wanted = ["*.json", "*.jinja", "*.safetensors", "*.txt", "*.model", "*.py", "README.md"]
    try:
        return Path(snapshot_download(str(model), revision=revision, token=token, allow_patterns=wanted))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        raise InputError(
            f"{model!r} is neither a folder here nor a model that can be loaded from the Hub ({type(error).__name__})"
        ) from None


def _stock(model: str | os.PathLike, folder: Path, config: dict[str, Any], trust_remote_code: bool) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    architectures = config.get("architectures") or []
    if not any(str(name).endswith(ARCHITECTURE) for name in architectures):
        found = ", ".join(map(str, architectures)) or "of no architecture"
        raise InputError(
            f"{model} is a {config.get('model_type', 'nameless')} model ({found}); scoring needs one whose "
            f"architecture ends in {ARCHITECTURE}"
        )
    options = {"trust_remote_code": trust_remote_code}
    loaded = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32, **options)
    tokenizer = AutoTokenizer.from_pretrained(folder, **options)
    return loaded.cuda() if torch.cuda.is_available() else loaded, tokenizer


__all__ = ["hub_folder", "model_folder", "open_classifier"]
