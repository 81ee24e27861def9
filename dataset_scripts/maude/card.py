"""The dataset card of MAUDE, from the facts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import datasets

from secondopinion.core.files import atomic_file

from .. import cards

TEMPLATE = Path(__file__).with_name("README.md")


def write_card(path: Path, facts: Mapping[str, Any], info: datasets.DatasetInfo) -> None:
    """Write README.md of a prepared data set."""
    with atomic_file(path) as temporary:
        temporary.write_text(render_card(facts, info), encoding="utf-8")


def render_card(facts: Mapping[str, Any], info: datasets.DatasetInfo) -> str:
    """Return the card's text; the same facts give the same bytes."""
    synthetic = facts["synthetic"]
    front = {
        "pretty_name": "MAUDE device-report severity" + (" (synthetic)" if synthetic else ""),
        "tags": ["medical", "medical-devices", "maude", "openfda", *(["synthetic"] if synthetic else [])],
    }
    return cards.render_card(TEMPLATE, facts, info, front)
