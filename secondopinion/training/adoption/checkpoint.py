"""A folder that `save_pretrained` wrote: found, looked through, loaded and copied."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.errors import InputError
from ...core.files import atomic_folder, read_json, write_json
from ...core.fingerprint import file_sha256
from ...scoring.classifier import ARCHITECTURE, OWN, model_folder

TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")
COPIED = (*TOKENIZER_FILES, "*.safetensors", "*.safetensors.index.json", "*.py", "*.jinja", "merges.txt")
SETTINGS = (
    "added_tokens.json",
    "config.json",
    "generation_config.json",
    "special_tokens_map.json",
    "tokenizer_config.json",
)
PICKLES = ("*.bin", "*.pt", "*.ckpt", "*.h5", "*.msgpack")
REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
ANSWERING = "ForQuestionAnswering"


@dataclass(frozen=True)
class Checkpoint:
    """A sequence classifier on disk, with its tokenizer.

    Attributes:
        source: what the caller gave.
        folder: where it lies.
        config: what its config.json holds.
        named: what may be told of where it came from: `{repository, revision}`, or `{folder}` by its last part.
    """

    source: str
    folder: Path
    config: dict[str, Any]
    named: dict[str, str]

    @property
    def name(self) -> str:
        """The last part of its name."""
        return self.named.get("folder") or self.named["repository"].rpartition("/")[2]

    @property
    def own_code(self) -> bool:
        """Whether it loads by code that lies beside its weights."""
        return bool(self.config.get("auto_map")) and self.config.get("model_type") not in OWN

    def files(self) -> list[Path]:
        """Return the files that are the model and its tokenizer; a Trainer's state and pickles are none of them."""
        found = {path for pattern in (*COPIED, *SETTINGS) for path in self.folder.glob(pattern) if path.is_file()}
        return sorted(found)

    def weights_sha256(self) -> dict[str, str]:
        """Return {file: SHA-256} of the weights."""
        return {path.name: file_sha256(path) for path in self.files() if path.suffix == ".safetensors"}

    def said(self) -> dict[str, str]:
        """Return `base_model` and `license` as far as the checkpoint's card or configuration names them."""
        from huggingface_hub import ModelCard

        found = {"base_model": self.config.get("_name_or_path")}
        card = self.folder / "README.md"
        if card.is_file():
            try:
                data = ModelCard.load(card).data.to_dict()
            except (ValueError, OSError):
                data = {}
            found |= {name: data[name] for name in ("base_model", "license") if isinstance(data.get(name), str)}
        base = found["base_model"] or ""
        if not REPOSITORY.fullmatch(base) or Path(base).exists():
            del found["base_model"]
        return found

    def copy(self, target: Path, label_names: Sequence[str], max_length: int | None) -> list[str]:
        """Copy model and tokenizer, whole or not at all; the weights byte for byte.

        What is changed on the way: outputs get their names, the tokenizer the number of tokens that the model holds,
        and paths of this machine are cleared.

        Args:
            target: the folder to write.
            label_names: (outputs,) names in the order of the logits.
            max_length: tokens that a text is cut to; None leaves the tokenizer as it is.

        Returns:
            What was changed, one clause each.
        """
        with atomic_folder(target) as temporary:
            for path in self.files():
                shutil.copyfile(path, temporary / path.name)
            numbers = {name: number for number, name in enumerate(label_names)}
            named = {str(number): name for name, number in numbers.items()}
            changed = []
            if {str(key): str(name) for key, name in (self.config.get("id2label") or {}).items()} != named:
                changed.append("outputs named in config.json")
            config = {**self.config, "id2label": named, "label2id": numbers}
            write_json(temporary / "config.json", _without_paths(config))
            settings = temporary / "tokenizer_config.json"
            told = read_json(settings) if settings.is_file() else {}
            if max_length is not None and told.get("model_max_length") != max_length:
                changed.append(f"model_max_length of the tokenizer set to {max_length}")
                told["model_max_length"] = max_length
            write_json(settings, _without_paths(told))
        return changed


def find_checkpoint(
    source: str | os.PathLike, *, revision: str | None = None, trust_remote_code: bool = False
) -> Checkpoint:
    """Return a checkpoint after checking that it can be adopted, before anything of it is loaded.

    Args:
        source: its folder, or its name on the Hub.
        revision: branch, tag or commit on the Hub.
        trust_remote_code: whether code that lies beside the weights may run.

    Raises:
        InputError: nothing is there, it is a run of this project, no classifier, no safetensors, or lacks its
            tokenizer.
    """
    path = Path(source).expanduser()
    if (path / "run.json").exists():
        verb = "secondopinion push" if not (path / "config.json").exists() else "secondopinion verify"
        raise InputError(
            f"{source} was made by this project and has its figures already ({path / 'run.json'}); nothing is to be "
            f"adopted. Use it as it is: {verb} {source}" + (" --to namespace/name" if verb.endswith("push") else "")
        )
    local = path.is_dir()
    folder = model_folder(source, revision, None)
    if (folder / "adapter_config.json").is_file():
        raise InputError(
            f"{source} is an adapter (adapter_config.json) without its base. Merge it first, in Python: "
            f"AutoPeftModelForSequenceClassification.from_pretrained({str(source)!r}).merge_and_unload()"
            ".save_pretrained('merged'), save the tokenizer beside it, and adopt 'merged'"
        )
    if not (folder / "config.json").is_file():
        raise InputError(f"{source} holds no config.json{_nearby(folder)}")
    config = read_json(folder / "config.json")
    if not isinstance(config, dict):
        raise InputError(f"{folder / 'config.json'} is no model's configuration")
    named = {"folder": folder.resolve().name} if local else {"repository": str(source), "revision": folder.name}
    checkpoint = Checkpoint(str(source), folder, config, named)
    _require_classifier(checkpoint)
    _require_weights(checkpoint)
    if (folder / "processor_config.json").is_file():
        raise InputError(f"{source} reads its texts through a processor; adopt takes models that read by a tokenizer")
    if not any(next(folder.glob(pattern), None) for pattern in TOKENIZER_FILES):
        raise InputError(
            f"{source} holds no tokenizer (none of {', '.join(TOKENIZER_FILES)}): nobody could give it a text. Save "
            "the one that it was trained with beside it: AutoTokenizer.from_pretrained(BASE_MODEL)"
            f".save_pretrained({str(source)!r})"
        )
    if checkpoint.own_code and not trust_remote_code:
        raise InputError(
            f"{source} loads by code that lies beside its weights ({_code(checkpoint)}); read that code, and if you "
            "trust it, give --trust-remote-code"
        )
    return checkpoint


def load_checkpoint(checkpoint: Checkpoint, *, trust_remote_code: bool = False) -> Any:
    """Return the model in fp32, on the GPU where there is one, with every weight from the checkpoint.

    Raises:
        InputError: it cannot be loaded, or weights are missing or of other shapes than the configuration says.
    """
    import torch
    from transformers import AutoModelForSequenceClassification

    from ... import modeling  # noqa: F401  (registers this project's classes)

    try:
        model, loading = AutoModelForSequenceClassification.from_pretrained(
            checkpoint.folder, dtype=torch.float32, output_loading_info=True, trust_remote_code=trust_remote_code
        )
    except Exception as error:  # code of others may raise anything
        raise InputError(f"{checkpoint.source} cannot be loaded: {type(error).__name__}: {error}") from error
    missing = sorted(loading["missing_keys"])
    if missing:
        raise InputError(
            f"{checkpoint.source} lacks {len(missing)} weights of {type(model).__name__} (first: {missing[0]}), which "
            "would be drawn at random: was its head trained? Give the checkpoint as it was after training"
        )
    model = model.cuda() if torch.cuda.is_available() else model
    return model.eval()


def _require_classifier(checkpoint: Checkpoint) -> None:
    config, source = checkpoint.config, checkpoint.source
    architectures = [str(name) for name in config.get("architectures") or []]
    if config.get("model_type") == "deferral":
        raise InputError(f"{source} is a deferring system of this project; push the run that `defer` made it in")
    if any(name.endswith(ANSWERING) for name in architectures):
        raise InputError(
            f"{source} answers questions ({', '.join(architectures)}); adopt measures classifiers and regressions. "
            "Train its encoder by a recipe of model.kind multitask_qa: secondopinion train --config clinical_qa_offline"
        )
    if not any(name.endswith(ARCHITECTURE) for name in architectures):
        found = ", ".join(architectures) or "of no architecture"
        raise InputError(
            f"{source} is a {config.get('model_type', 'nameless')} model ({found}), expected one whose architecture "
            f"ends in {ARCHITECTURE}. An encoder without a head is trained by a recipe: secondopinion train"
        )


def _require_weights(checkpoint: Checkpoint) -> None:
    folder, source = checkpoint.folder, checkpoint.source
    present = {path.name for path in folder.glob("*.safetensors")}
    if not present:
        pickled = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern) if "arg" not in path.name)
        found = f"its weights are in {pickled[0]}, which" if pickled else "pytorch_model.bin, if that is what it has,"
        raise InputError(
            f"{source} holds no *.safetensors: {found} can run code when it is loaded. Convert it, in Python: "
            f"AutoModelForSequenceClassification.from_pretrained({str(source)!r}).save_pretrained('converted'), and "
            "the same with AutoTokenizer; then adopt 'converted'"
        )
    for index in folder.glob("*.safetensors.index.json"):
        lacking = sorted(set(read_json(index).get("weight_map", {}).values()) - present)
        if lacking:
            raise InputError(
                f"{source} lacks {', '.join(lacking)}, named in {index.name}: it was not copied whole; copy it again"
            )


def _nearby(folder: Path) -> str:
    """Return which folders inside may have been meant."""
    inside = sorted(path.parent.name for path in folder.glob("*/config.json")) if folder.is_dir() else []
    if inside:
        return f"; give a checkpoint inside it: {', '.join(str(folder / name) for name in inside[-3:])}"
    return ". Give the folder that Trainer.save_model or save_pretrained wrote, or a model on the Hub"


def _code(checkpoint: Checkpoint) -> str:
    found = sorted(path.name for path in checkpoint.folder.glob("*.py"))
    return ", ".join(found) or ", ".join(map(str, checkpoint.config["auto_map"].values()))


def _without_paths(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings whose `name_or_path` names no folder of this machine."""
    cleared = dict(settings)
    for key in ("_name_or_path", "name_or_path"):
        if key in cleared and not REPOSITORY.fullmatch(str(cleared[key])):
            cleared[key] = ""
    return cleared
