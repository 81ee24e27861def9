"""The dataset card of MAUDE, from the facts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import datasets

from .. import cards

TEMPLATE = Path(__file__).with_name("README.md")


def write_card(path: Path, facts: Mapping[str, Any], info: datasets.DatasetInfo) -> None:
    """Write README.md of a prepared data set."""
    synthetic = facts["synthetic"]
    front = {
        "pretty_name": "MAUDE device-report severity" + (" (synthetic)" if synthetic else ""),
        "tags": ["medical", "medical-devices", "maude", "openfda", *(["synthetic"] if synthetic else [])],
    }
    cards.write_card(path, facts, info, template=TEMPLATE, front=front)
