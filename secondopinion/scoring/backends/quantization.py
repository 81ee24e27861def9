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
    reader: Any,
    texts: Sequence[str],
    max_length: int | None,
    accept: Callable[[OpenVinoBackend], dict[str, Any]],
) -> Path:
    """Make a model's int8 form, and keep it if it is good enough.

    Activations are calibrated on texts, as transformers are best quantized (`nncf.quantize`, `ModelType.TRANSFORMER`).

    Args:
        source: the folder of the float32 form, as `convert` wrote it.
        cache: of the model; the form is kept in `openvino-int8`.
        reader: its tokenizer, or its processor.
        texts: a few hundred of those that it was trained on.
        max_length: tokens read of each.
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
    encoded = TextEncoder(reader, max_length)(texts)
    pad = Padder(reader)
    batches = [
        {name: value for name, value in pad(encoded, rows).items() if name in inputs}
        for rows in token_batches(encoded.lengths, CALIBRATION_TOKENS)
    ]
    order = np.random.default_rng(13).permutation(len(batches))
    model = ov.Core().read_model(source / "openvino_model.xml")
    # Its bars go to standard output, which is for results.
    with contextlib.redirect_stdout(sys.stderr):
        small = nncf.quantize(
            model,
            nncf.Dataset([batches[place] for place in order]),
            model_type=nncf.ModelType.TRANSFORMER,
            subset_size=len(batches),
            # Three times as slow as the quick way, for half as many labels that change.
            fast_bias_correction=False,
        )
    record = read_json(source / "conversion.json")
    with atomic_folder(cache / FOLDER) as temporary:
        ov.save_model(small, temporary / "openvino_model.xml")
        write_json(temporary / "conversion.json", record | {"calibration_texts": len(texts)})
        said = accept(OpenVinoBackend(temporary, "int8"))
        write_json(temporary / "conversion.json", record | {"calibration_texts": len(texts), "measured": said})
    return cache / FOLDER


__all__ = ["int8_folder", "quantize"]
