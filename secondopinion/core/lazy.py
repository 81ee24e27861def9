"""Exports that are imported the first time somebody asks for them, so that importing a package stays quick."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazy_exports(package: str, exports: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` for a package (PEP 562).

    Args:
        package: its name.
        exports: the module that each exported name comes from; relative to the package where it starts with a dot.

    >>> get, names = lazy_exports("secondopinion.core", {"closest": ".errors"})
    >>> get("closest").__module__
    'secondopinion.core.errors'
    """

    def get(name: str) -> Any:
        if name not in exports:
            known = ", ".join(sorted(exports))
            raise AttributeError(f"module {package!r} has no attribute {name!r}; it has: {known}")
        value = getattr(importlib.import_module(exports[name], package), name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *exports})

    return get, names
