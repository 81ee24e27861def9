"""Waiting for a training in another process to have something to continue from."""

from __future__ import annotations

import json
from pathlib import Path


def has_whole_checkpoint(work: Path) -> bool:
    """Return whether a checkpoint is there whose last file was written to its end."""
    for path in work.glob("checkpoint-*/trainer_state.json"):
        try:
            json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        return True
    return False
