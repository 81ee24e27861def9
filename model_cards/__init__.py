"""From the facts of a run to a card, and from a run folder to a folder or a repository on the Hub.

>>> from secondopinion.model_cards import push_run
>>> push_run("runs/maude_offline", "./published")  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import Any

_EXPORTS = {
    "CardData": "data",
    "PushResult": "push",
    "card_data": "data",
    "publish": "push",
    "push_run": "push",
    "render_card": "render",
    "validate_card": "validate",
}

__all__ = sorted(_EXPORTS)


def __getattr__(name: str) -> Any:
    """Import an exported name the first time it is asked for."""
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has: {', '.join(__all__)}")
    value = getattr(importlib.import_module(f".{_EXPORTS[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
