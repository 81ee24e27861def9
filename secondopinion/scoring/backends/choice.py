"""Which backend computes a model, and where what it needs is kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...core.errors import InputError, closest
from ...core.files import read_json, write_json
from ...core.fingerprint import file_sha256
from ...core.machine import bf16_supported
from ...core.progress import say
from .backend import PRECISIONS, Backend
from .rivals import chosen_before, quicker
from .torch_backend import DEFERRING, LOGITS, TorchBackend, accepted_inputs

BACKENDS = ("auto", "openvino", "torch")
FOLDER, CONVERTED = "backends", "openvino-float32"


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
    few: bool = False,
) -> Backend:
    """Return what computes a model.

    `auto` takes the quicker of torch and OpenVINO on a CPU where OpenVINO is installed and the architecture converts,
    which is measured once, and torch otherwise; and bfloat16 where the machine multiplies in it. A model with a
    threshold is computed as it was when the threshold was certified, and no other way.

    Args:
        model: a sequence classifier in float32.
        reader: its tokenizer, or its processor.
        cache: for converted forms; see `backend_cache`.
        backend: auto, openvino or torch.
        precision: auto, float32, bfloat16, or int8 (see `quantize`).
        deferring: whether deferral scores and decisions are wanted too.
        certified: {backend, dtype} of the threshold.
        few: so few rows are to be computed that `auto` converts and measures nothing for them.

    Raises:
        InputError: a word is unknown, OpenVINO is asked for and is missing or does not convert the model, int8 is asked
            for and was not made, or a threshold would be used where it was not certified.
    """
    chosen = checked_precision(backend, precision)
    if deferring:
        _require_certified(backend, precision, certified or {})
        return TorchBackend(model, "float32", DEFERRING)
    device = next(model.parameters()).device.type
    if backend == "torch":
        return TorchBackend(model, chosen, LOGITS)
    if device != "cpu":
        if backend == "openvino" or chosen == "int8":
            raise InputError(f"OpenVINO computes on CPUs, the model is on {device}; hide the device, or take torch")
        return TorchBackend(model, chosen, LOGITS)
    return cpu_backend(model, cache, text_inputs(model, reader), LOGITS, backend=backend, precision=chosen, few=few)


def text_inputs(model: Any, reader: Any) -> list[str]:
    """Return the fields that a tokenizer, or a processor, gives and a model takes."""
    takes = accepted_inputs(model)
    return [name for name in reader.model_input_names if name in takes]


def cpu_backend(
    model: Any,
    cache: Path,
    inputs: Sequence[str],
    outputs: Sequence[str],
    *,
    backend: str = "auto",
    precision: str = "float32",
    few: bool = False,
) -> Backend:
    """Return what computes a model of any kind on a CPU; see `open_backend`.

    Args:
        model: in float32.
        cache: for converted forms.
        inputs: fields that the model is given.
        outputs: fields of its output with one entry a row.
        backend: auto or openvino.
        precision: float32, bfloat16 or int8.
        few: whether `auto` converts and measures nothing.
    """
    from . import openvino_backend as ov

    if (ready := ready_backend(cache, backend, precision)) is not None:
        return ready
    if backend == "auto" and not ov.installed():
        return TorchBackend(model, precision, outputs)
    refused = cache / "not-converted.json"
    version = ov.openvino().__version__
    if backend == "auto":
        does_not_convert = refused.exists() and read_json(refused)["openvino"] == version
        slower = chosen_before(cache, precision) == TorchBackend.name
        if few or slower or does_not_convert:
            return TorchBackend(model, precision, outputs)
    try:
        rival = ov.OpenVinoBackend(converted(model, cache, inputs, outputs), precision)
    except InputError as error:
        if backend == "openvino":
            raise
        say(f"{error}; torch computes it")
        write_json(refused, {"openvino": version, "reason": str(error)})
        return TorchBackend(model, precision, outputs)
    if backend == "openvino":
        return rival
    return quicker(TorchBackend(model, precision, outputs), rival, model.config, cache)


def ready_backend(cache: Path, backend: str, precision: str) -> Backend | None:
    """Return what computes a model without its weights in torch, or None where these are needed.

    Args:
        cache: of the model's converted forms.
        backend: auto, openvino or torch.
        precision: float32, bfloat16 or int8.

    Raises:
        InputError: int8 is asked for and was not made.
    """
    from . import openvino_backend as ov

    if backend == "torch":
        return None
    if precision == "int8":
        from .quantization import int8_folder

        return ov.OpenVinoBackend(int8_folder(cache), "int8")
    if not ov.installed() or not _is_converted(cache):
        return None
    if backend == "auto" and chosen_before(cache, precision) != ov.OpenVinoBackend.name:
        return None
    return ov.OpenVinoBackend(cache / CONVERTED, precision)


def checked_precision(backend: str, precision: str) -> str:
    """Return what is computed in: float32, bfloat16 or int8.

    Raises:
        InputError: a word is unknown, or torch is asked for int8.
    """
    if backend not in BACKENDS:
        raise InputError(f"unknown backend {backend!r}; {closest(backend, BACKENDS)}")
    if precision not in ("auto", *PRECISIONS):
        raise InputError(f"unknown precision {precision!r}; {closest(precision, ('auto', *PRECISIONS))}")
    if precision == "int8" and backend == "torch":
        raise InputError("int8 is computed by OpenVINO; give --backend openvino, or leave --backend out")
    if precision == "auto":
        return "bfloat16" if bf16_supported() else "float32"
    return precision


def converted(model: Any, cache: Path, inputs: Sequence[str], outputs: Sequence[str] = LOGITS) -> Path:
    """Return the folder of a model in OpenVINO's form, converting it where that was not done yet.

    Raises:
        InputError: OpenVINO is not installed, or the model does not convert.
    """
    from . import openvino_backend as ov

    if _is_converted(cache):
        return cache / CONVERTED
    say("converting the model to OpenVINO, once; it is kept for the next time")
    return ov.convert(model, cache / CONVERTED, inputs, outputs)


def _is_converted(cache: Path) -> bool:
    from . import openvino_backend as ov

    version = ov.openvino().__version__
    record = cache / CONVERTED / "conversion.json"
    return record.exists() and read_json(record)["openvino"] == version


def _require_certified(backend: str, precision: str, certified: dict[str, Any]) -> None:
    own = (certified.get("backend", "torch"), certified.get("dtype", "float32"))
    wanted = ("torch" if backend == "auto" else backend, "float32" if precision == "auto" else precision)
    if wanted != own:
        raise InputError(
            f"the threshold of this model was certified with {own[0]} in {own[1]}, and says nothing of {wanted[0]} in "
            f"{wanted[1]}: scores differ, and with them what is deferred. Leave --backend and --precision out, or "
            "score the classifier alone with --no-defer"
        )


__all__ = [
    "BACKENDS",
    "backend_cache",
    "checked_precision",
    "converted",
    "cpu_backend",
    "open_backend",
    "ready_backend",
    "text_inputs",
    "user_cache",
    "weights_name",
]
