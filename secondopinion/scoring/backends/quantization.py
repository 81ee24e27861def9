"""Weights and activations in eight bits: calibrated on texts, accepted by what they cost in F1."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import InputError
from ...core.files import atomic_folder, read_json, write_json
from ..batches import token_batches
from ..encoding import Padder, TextEncoder
from .openvino_backend import OpenVinoBackend, openvino

FOLDER = "openvino-int8"
CALIBRATION_TOKENS = 1024


def int8_folder(cache: Path) -> Path:
    """Return the folder of a model's int8 form.

    Raises:
        InputError: none was made, or by another version of OpenVINO.
    """
    folder = cache / FOLDER
    made_by = read_json(folder / "conversion.json")["openvino"] if (folder / "conversion.json").exists() else None
    if made_by != openvino().__version__:
        found = "none was made" if made_by is None else f"the one at hand was made by OpenVINO {made_by}"
        raise InputError(
            f"int8 needs a calibrated form of the model, and {found}; make it from the run and its data: "
            "secondopinion quantize RUN"
        )
    return folder


def quantize(
    source: Path,
    cache: Path,
    batches: Sequence[dict[str, np.ndarray]],
    accept: Callable[[OpenVinoBackend], dict[str, Any]],
) -> Path:
    """Make a model's int8 form, and keep it if it is good enough.

    Activations are calibrated as transformers are best quantized (`nncf.quantize`, `ModelType.TRANSFORMER`).

    Args:
        source: the folder of the float32 form, as `convert` wrote it.
        cache: of the model; the form is kept in `openvino-int8`.
        batches: inputs of the model for a few hundred of the texts that it was trained on.
        accept: is given the int8 form and returns what its record says of it; raises what refuses it.

    Raises:
        InputError: OpenVINO or nncf is not installed, or `accept` refuses.
    """
    ov = openvino()
    os.environ.setdefault("NNCF_CI", "1")  # its telemetry off
    try:
        import nncf
    except ImportError as error:
        raise InputError(f"nncf is not installed; pip install 'secondopinion[openvino]' ({error})") from None
    nncf.set_log_level("ERROR")
    inputs = OpenVinoBackend(source).inputs
    order = np.random.default_rng(13).permutation(len(batches))
    given = [{name: batches[place][name] for name in inputs} for place in order]
    model = ov.Core().read_model(source / "openvino_model.xml")
    # Its bars go to standard output, which is for results.
    with contextlib.redirect_stdout(sys.stderr):
        small = nncf.quantize(
            model,
            nncf.Dataset(given),
            model_type=nncf.ModelType.TRANSFORMER,
            subset_size=len(given),
            # Three times as slow as the quick way, for half as many labels that change.
            fast_bias_correction=False,
        )
    record = read_json(source / "conversion.json") | {"calibration_batches": len(batches)}
    with atomic_folder(cache / FOLDER) as temporary:
        ov.save_model(small, temporary / "openvino_model.xml")
        write_json(temporary / "conversion.json", record)
        said = accept(OpenVinoBackend(temporary, "int8"))
        write_json(temporary / "conversion.json", record | {"measured": said})
    return cache / FOLDER


def calibration_batches(reader: Any, texts: Sequence[str], max_length: int | None) -> list[dict[str, np.ndarray]]:
    """Return texts as the small batches that `quantize` calibrates on.

    Args:
        reader: tokenizer or processor of the model.
        texts: of those that it was trained on.
        max_length: tokens read of each.
    """
    encoded, pad = TextEncoder(reader, max_length)(texts), Padder(reader)
    return [pad(encoded, rows) for rows in token_batches(encoded.lengths, CALIBRATION_TOKENS)]


__all__ = ["calibration_batches", "int8_folder", "quantize"]
