"""Hugging Face plugins for clinical text: train, check, publish and demonstrate models.

The package loads nothing heavy by itself: each name below is imported from its room on first use.

>>> import secondopinion
>>> secondopinion.__version__
'0.1.0'
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_EXPORTS = {
    "MaudeBuilder": "secondopinion.dataset_scripts.maude",
    "Folds": "secondopinion.training.folds",
    "PooledEncoderConfig": "secondopinion.modeling",
    "PooledEncoderForSequenceClassification": "secondopinion.modeling",
    "Recipe": "secondopinion.training.recipe",
    "RunFolder": "secondopinion.core.run_folder",
    "evaluate_run": "secondopinion.training",
    "load_recipe": "secondopinion.training.recipe",
    "make_folds": "secondopinion.training.folds",
    "prepare": "secondopinion.dataset_scripts",
    "push_run": "secondopinion.model_cards",
    "train": "secondopinion.training",
}

__all__ = ["__version__", *sorted(_EXPORTS)]


def __getattr__(name: str) -> Any:
    """Import an exported name from its room the first time it is asked for."""
    if name not in _EXPORTS:
        raise AttributeError(f"module 'secondopinion' has no attribute {name!r}; it has: {', '.join(__all__)}")
    value = getattr(importlib.import_module(_EXPORTS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
