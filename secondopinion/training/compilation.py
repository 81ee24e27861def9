"""The layers of an encoder compiled in place by `torch.compile`."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Any

import torch

from ..core.errors import InputError
from ..modeling.branching import find_layers
from .training_recipe import TrainingSpec


def check_compiler(settings: TrainingSpec) -> None:
    """Check that there is the C++ compiler that torch would call, where a recipe compiles, before anything is written.

    Raises:
        InputError: there is none.
    """
    if not settings.compile:
        return
    compiler = os.environ.get("CXX") or {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    if shutil.which(compiler) is None:
        raise InputError(
            f"training.compile needs a C++ compiler, and {compiler!r} is not there; install one (Debian: apt-get "
            "install g++), name it in the environment variable CXX, or leave training.compile out"
        )


def compile_layers(encoder: Any, backend: str = "inductor") -> None:
    """Compile each layer of an encoder, in place: one compilation serves them all, and names of weights stay.

    Lengths vary from batch to batch, so shapes are left open. An encoder whose layers are not found is compiled whole.

    Args:
        encoder: branched or not, with or without an adapter.
        backend: of `torch.compile`.
    """
    with torch.device("meta"):  # an encoder with branches is not searched for its layers
        plain = type(encoder)(encoder.config)
    try:
        modules = encoder.get_submodule(find_layers(plain)[0])
    except ValueError:
        modules = [encoder]
    for module in modules:
        module.compile(dynamic=True, backend=backend)


__all__ = ["check_compiler", "compile_layers"]
