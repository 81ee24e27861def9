"""A model as OpenVINO runs it on a CPU: converted once, checked against torch, kept beside the model."""

from __future__ import annotations

import sys
import threading
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import InputError
from ...core.files import atomic_folder, read_json, write_json
from ...core.machine import cpu_count, usable_threads
from ...modeling.sequence_limit import longest_sequence
from ..batches import inner_config, padding_multiple
from .openvino_attention import add_padding, hides_padding_alone

NEEDED = "OpenVINO is not installed; pip install 'secondopinion[openvino]', or give --backend torch"
# Of logits in float32, between the converted model and torch; both sum in another order.
TOLERANCE = 1e-4
CHECKED_BATCHES = ((1, 7), (3, 33), (2, 128))
# OpenVINO makes kernels for each shape it meets, which takes longer than a batch; the matrix units of processors work
# in tiles of 16 rows besides.
WIDTH_STEP = 16
# A width that such a share of the tokens has gets kernels of its own once they are so many, as where most texts are cut
# to what the model reads. That is 6 to 12% quicker in bf16 and int8, and little in float32; it takes a fifth of a
# second and the weights once more in memory.
OWN_KERNELS, OWN_SHARE = 131_072, 0.5


def openvino() -> Any:
    """Return the module, with its telemetry off.

    Raises:
        InputError: it is not installed.
    """
    # It would tell its maker's server of each import and conversion; without this module it does not.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino as found
    except ImportError as error:
        raise InputError(f"{NEEDED} ({error})") from None
    return found


def installed() -> bool:
    """Whether OpenVINO can be imported."""
    import importlib.util

    return importlib.util.find_spec("openvino") is not None


class OpenVinoBackend:
    """A converted model; see `Backend`.

    Args:
        folder: as `convert` wrote it.
        precision: float32 or bfloat16 of a model with weights in float32; int8 of a quantized one.

    Attributes:
        multiple: of which the model makes its input's length one.
        width_step: of which batches are made a multiple as wide, so that few shapes are met.

    Raises:
        InputError: OpenVINO is not installed, or the folder holds no converted model.
    """

    name, device = "openvino", "cpu"
    # OpenVINO's bindings set themselves up in the first inference of a process, and two threads that do so at once can
    # wait for each other for ever: one holds Python's lock, the other the one of the set-up.
    _alone, _set_up = threading.Lock(), False

    def __init__(self, folder: Path, precision: str = "float32") -> None:
        self._openvino = openvino()
        self.folder, self.precision = folder, precision
        record = read_json(folder / "conversion.json")
        self.inputs, self.outputs = tuple(record["inputs"]), tuple(record["outputs"])
        self.multiple = record.get("multiple", 1)
        self._padding, self._widest = record.get("pad_token_id"), record.get("widest", 0)
        self.width_step = WIDTH_STEP if self._padding is not None and "attention_mask" in self.inputs else 1
        self._record = record
        self._core = self._openvino.Core()
        self._model: Any = None
        self._compiled: Any = None
        self._commonest: tuple[int, Any] | None = None
        self._tokens: Counter[int] = Counter()
        self._own = threading.local()

    def prepare(self, streams: int) -> None:
        """Compile the model for so many threads."""
        self._settings = {
            "PERFORMANCE_HINT": "LATENCY" if streams == 1 else "THROUGHPUT",
            "NUM_STREAMS": str(streams),
            "INFERENCE_NUM_THREADS": str(usable_threads()),
            # Processes that share the cores would all be bound to the first ones.
            "ENABLE_CPU_PINNING": "YES" if usable_threads() == cpu_count() else "NO",
            # What int8 leaves unquantized too is float32: in bf16 OpenVINO 2026.4 lets padding into short rows of it.
            "INFERENCE_PRECISION_HINT": "bf16" if self.precision == "bfloat16" else "f32",
        }
        if self._model is None:
            self._model = self._core.read_model(str(self.folder / "openvino_model.xml"))
            if self.precision == "bfloat16" and self._record.get("hides_padding_alone"):
                add_padding(self._model)
        self._compiled = self._core.compile_model(self._model, "CPU", self._settings)
        self._commonest, self._tokens = None, Counter()
        self._own = threading.local()

    def expect(self, tokens: Mapping[int, int]) -> None:
        """Compile the model once more for the width of most tokens, once they are many."""
        if self.precision == "float32" or self._commonest is not None or not tokens:
            return
        for width, number in tokens.items():
            self._tokens[self._final(width)] += number
        width, number = self._tokens.most_common(1)[0]
        if number >= max(OWN_KERNELS, OWN_SHARE * self._tokens.total()):
            model = self._model.clone()
            over_tokens = [entry.any_name for entry in model.inputs if len(entry.partial_shape) == 2]
            model.reshape({name: [-1, width] for name in over_tokens})
            self._commonest = width, self._core.compile_model(model, "CPU", self._settings)

    def enter(self) -> None:
        """Make this thread's request."""
        self._own.request = self._compiled.create_infer_request()

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the outputs of a batch."""
        if OpenVinoBackend._set_up:
            return self._infer(batch)
        with OpenVinoBackend._alone:
            found = self._infer(batch)
            OpenVinoBackend._set_up = True
        return found

    def _infer(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        batch = self.widened(batch)
        request = self._request(batch["input_ids"].shape[1])
        request.infer(batch, share_inputs=True)
        return {name: request.get_tensor(name).data.copy() for name in self.outputs}

    def _request(self, width: int) -> Any:
        if self._commonest is None or width != self._commonest[0]:
            return self._own.request
        if not hasattr(self._own, "commonest"):
            self._own.commonest = self._commonest[1].create_infer_request()
        return self._own.commonest

    def _final(self, width: int) -> int:
        return min(-(-width // self.width_step) * self.width_step, max(self._widest, width))

    def widened(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return a batch padded on the right to a multiple of `width_step`, as far as the model reads.

        The mask hides what is added, whichever side the tokenizer pads; outputs over tokens are as much wider.
        """
        width = batch["input_ids"].shape[1]
        wanted = self._final(width)
        if wanted == width:
            return batch
        fill = {"input_ids": self._padding}
        return {
            name: np.pad(values, ((0, 0), (0, wanted - width)), constant_values=fill.get(name, 0))
            for name, values in batch.items()
        }

    def facts(self) -> dict[str, Any]:
        """Return name, precision, device, version and how far the outputs are from torch's."""
        return {
            "name": self.name,
            "precision": self.precision,
            "device": self.device,
            "version": self._openvino.__version__,
            "difference_from_torch": self._record["difference"],
        }


def convert(model: Any, folder: Path, inputs: Sequence[str], outputs: Sequence[str] = ("logits",)) -> Path:
    """Convert a model, check that it gives the same, and keep it.

    Args:
        model: on the CPU, in float32.
        folder: to write: `openvino_model.xml`, `openvino_model.bin` and `conversion.json`.
        inputs: fields that the model is given.
        outputs: fields of its output with one entry a row.

    Raises:
        InputError: OpenVINO is not installed, the architecture does not convert, or the converted model gives other
            numbers than torch (by more than 1e-4).
    """
    import torch

    ov = openvino()
    model = model.eval()

    class Outputs(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *given: Any) -> Any:
            output = self.model(**dict(zip(inputs, given, strict=True)))
            return tuple(output[name] for name in outputs)

    random = np.random.default_rng(13)
    try:
        # Tracing warns of every shape that Python looks at; whether that matters is what the check below is for.
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            example = example_batch(model.config, inputs, 2, 16, random)
            given = tuple(torch.from_numpy(value) for value in example.values())
            converted = ov.convert_model(Outputs().eval(), example_input=given)
    # What a converter cannot do it says in errors of its own, of many kinds.
    except Exception as error:
        raise InputError(
            f"{type(model).__name__} does not convert to OpenVINO ({type(error).__name__}); give --backend torch"
        ) from error
    for port, name in zip(converted.inputs, inputs, strict=True):
        port.get_tensor().set_names({name})
        port.get_node().set_friendly_name(name)
        port.get_node().set_partial_shape(ov.PartialShape([-1, -1]))
    for port, name in zip(converted.outputs, outputs, strict=True):
        port.get_tensor().set_names({name})
    converted.validate_nodes_and_infer_types()
    widest = longest_sequence(model.config) or 0
    with atomic_folder(folder) as temporary:
        ov.save_model(converted, temporary / "openvino_model.xml", compress_to_fp16=False)
        record = {
            "inputs": list(inputs),
            "outputs": list(outputs),
            "multiple": padding_multiple(model),
            "pad_token_id": getattr(inner_config(model.config), "pad_token_id", None),
            "widest": widest,
            "hides_padding_alone": hides_padding_alone(ov.Core(), converted, widest),
            "openvino": ov.__version__,
            "difference": 0.0,
        }
        write_json(temporary / "conversion.json", record)
        record["difference"] = difference_from_torch(model, OpenVinoBackend(temporary))
        if not record["difference"] <= TOLERANCE:
            raise InputError(
                f"{type(model).__name__}, converted to OpenVINO, gives logits that differ by "
                f"{record['difference']:.2g} from torch's, more than {TOLERANCE:g}; give --backend torch"
            )
        write_json(temporary / "conversion.json", record)
    return folder


def difference_from_torch(model: Any, backend: OpenVinoBackend) -> float:
    """Return the largest difference in an output of a converted model from torch's, over batches of several shapes."""
    import torch

    backend.prepare(1)
    backend.enter()
    random = np.random.default_rng(14)
    worst = 0.0
    for rows, width in CHECKED_BATCHES:
        batch = example_batch(model.config, backend.inputs, rows, width, random)
        with torch.inference_mode():
            plain = model(**{name: torch.from_numpy(value) for name, value in batch.items()})
        found = backend(batch)
        for name in backend.outputs:
            said = plain[name].numpy()
            # Outputs over tokens are as wide as the backend made the batch.
            same = found[name][tuple(map(slice, said.shape))]
            worst = max(worst, float(np.abs(said - same).max()))
    return worst


def example_batch(
    config: Any, inputs: Sequence[str], rows: int, width: int, random: np.random.Generator
) -> dict[str, np.ndarray]:
    """Return random tokens with some padding."""
    inner = inner_config(config)
    # Some encoders count positions from the one after the padding token's.
    most = getattr(inner, "max_position_embeddings", width + 1) - (getattr(inner, "pad_token_id", None) or 0) - 1
    width = max(1, min(width, most))
    lengths = np.sort(random.integers(max(1, width // 2), width + 1, rows))[::-1]
    lengths[0] = width
    mask = (np.arange(width) < lengths[:, None]).astype(np.int64)
    ids = random.integers(0, inner.vocab_size, (rows, width)) * mask
    values = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    everywhere = (np.arange(width) == 0) | (random.random((rows, width)) < 0.1)
    values["global_attention_mask"] = everywhere.astype(np.int64) * mask
    # As of a question and a context: the answer may lie in the second half.
    values["span_mask"] = (np.arange(width) >= width // 2).astype(np.int64) * mask
    return {name: values[name] for name in inputs}


__all__ = ["OpenVinoBackend", "convert", "difference_from_torch", "example_batch", "installed", "openvino"]
