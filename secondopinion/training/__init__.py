"""Recipe → folds → training → run folder.

>>> from secondopinion.training import load_recipe
>>> load_recipe("maude_offline").model.pooling
'cls_mean_concat'
"""

from __future__ import annotations

import importlib
from typing import Any

_EXPORTS = {
    "Folds": "folds",
    "Recipe": "recipe",
    "TfidfClassifier": "baseline",
    "evaluate_run": "evaluate",
    "load_recipe": "recipe",
    "make_folds": "folds",
    "train": "run",
}

__all__ = sorted(_EXPORTS)


def __getattr__(name: str) -> Any:
    """Import an exported name from its module the first time it is asked for."""
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_EXPORTS[name]}"), name)
