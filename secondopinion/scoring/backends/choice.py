"""Which backend computes a model, and where what it needs is kept."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from ...core.errors import InputError, closest
from ...core.files import read_json, write_json
from ...core.fingerprint import file_sha256
from ...core.machine import bf16_supported
from ...core.progress import say
from .backend import PRECISIONS, Backend
from .torch_backend import DEFERRING, LOGITS, TorchBackend

BACKENDS = ("auto", "openvino", "torch")
FOLDER = "backends"


def user_cache() -> Path:
    """Return where what belongs to models outside a run is kept: `$XDG_CACHE_HOME/secondopinion`, or ~/.cache."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "secondopinion" / FOLDER


def backend_cache(model: str | os.PathLike, folder: Path) -> Path:
    """Return the folder for converted forms of a model: in its run, or in the user's cache.

    Args:
        model: as it was named.
        folder: of its weights.
    """
    run = Path(model).expanduser()
    place = run / FOLDER if (run / "run.json").exists() and not (run / "config.json").exists() else user_cache()
    return place / weights_name(folder)


def weights_name(folder: Path) -> str:
    """Return 16 hexadecimal digits that name the weights and the configuration of a model's folder."""
    digest = hashlib.sha256()
    for path in sorted([*folder.glob("*.safetensors"), folder / "config.json"]):
        digest.update(f"{path.name} {file_sha256(path)}\n".encode())
    return digest.hexdigest()[:16]


def open_backend(
    model: Any,
    reader: Any,
    cache: Path,
    *,
    backend: str = "auto",
    precision: str = "auto",
    deferring: bool = False,
    certified: dict[str, Any] | None = None,
) -> Backend:
    """Return what computes a model.

    `auto` takes OpenVINO on a CPU where it is installed and the architecture converts, torch otherwise; and bfloat16
    where the machine multiplies in it. A model with a threshold is computed as it was when the threshold was certified,
    and no other way.

    Args:
        model: a sequence classifier in float32.
        reader: its tokenizer, or its processor.
        cache: for converted forms; see `backend_cache`.
        backend: auto, openvino or torch.
        precision: auto, float32, bfloat16, or int8 (see `quantize`).
        deferring: whether deferral scores and decisions are wanted too.
        certified: {backend, dtype} of the threshold.

    Raises:
        InputError: a word is unknown, OpenVINO is asked for and is missing or does not convert the model, int8 is asked
            for and was not made, or a threshold would be used where it was not certified.
    """
    if backend not in BACKENDS:
        raise InputError(f"unknown backend {backend!r}; {closest(backend, BACKENDS)}")
    if precision not in ("auto", *PRECISIONS):
        raise InputError(f"unknown precision {precision!r}; {closest(precision, ('auto', *PRECISIONS))}")
    if deferring:
        _require_certified(backend, precision, certified or {})
        return TorchBackend(model, "float32", DEFERRING)
    device = next(model.parameters()).device.type
    chosen = precision
    if precision == "auto":
        chosen = "bfloat16" if bf16_supported() else "float32"
    if backend == "torch":
        if chosen == "int8":
            raise InputError("int8 is computed by OpenVINO; give --backend openvino, or leave --backend out")
        return TorchBackend(model, chosen, LOGITS)
    if device != "cpu":
        if backend == "openvino" or chosen == "int8":
            raise InputError(f"OpenVINO computes on CPUs, the model is on {device}; hide the device, or take torch")
        return TorchBackend(model, chosen, LOGITS)
    from . import openvino_backend as ov

    if chosen == "int8":
        from .quantization import int8_folder

        return ov.OpenVinoBackend(int8_folder(cache), "int8")
    if backend == "auto" and not ov.installed():
        return TorchBackend(model, chosen, LOGITS)
    refused = cache / "not-converted.json"
    version = ov.openvino().__version__
    if backend == "auto" and refused.exists() and read_json(refused)["openvino"] == version:
        return TorchBackend(model, chosen, LOGITS)
    try:
        return ov.OpenVinoBackend(converted(model, reader, cache), chosen)
    except InputError as error:
        if backend == "openvino":
            raise
        say(f"{error}; torch computes it")
        write_json(refused, {"openvino": version, "reason": str(error)})
        return TorchBackend(model, chosen, LOGITS)


def converted(model: Any, reader: Any, cache: Path) -> Path:
    """Return the folder of a model in OpenVINO's form, converting it where that was not done yet.

    Raises:
        InputError: OpenVINO is not installed, or the model does not convert.
    """
    from . import openvino_backend as ov

    folder = cache / "openvino-float32"
    version = ov.openvino().__version__
    record = folder / "conversion.json"
    if record.exists() and read_json(record)["openvino"] == version:
        return folder
    takes = TorchBackend(model).inputs
    say("converting the model to OpenVINO, once; it is kept for the next time")
    return ov.convert(model, folder, tuple(name for name in reader.model_input_names if name in takes))


def _require_certified(backend: str, precision: str, certified: dict[str, Any]) -> None:
    own = (certified.get("backend", "torch"), certified.get("dtype", "float32"))
    wanted = ("torch" if backend == "auto" else backend, "float32" if precision == "auto" else precision)
    if wanted != own:
        raise InputError(
            f"the threshold of this model was certified with {own[0]} in {own[1]}, and says nothing of {wanted[0]} in "
            f"{wanted[1]}: scores differ, and with them what is deferred. Leave --backend and --precision out, or "
            "score the classifier alone with --no-defer"
        )


__all__ = ["BACKENDS", "backend_cache", "converted", "open_backend", "user_cache", "weights_name"]
