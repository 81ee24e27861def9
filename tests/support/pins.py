"""The versions that requirements.txt pins: those that the tests pass with."""

from __future__ import annotations

from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements.txt"


def pins() -> dict[str, str]:
    """Return name → version, names in their normal form.

    Raises:
        ValueError: a line pins nothing.
    """
    found = {}
    for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, _, version = line.partition("==")
            if not version:
                raise ValueError(f"requirements.txt: {line!r} is not pinned; write {name}==VERSION")
            found[name.lower().replace("_", "-")] = version
    return found
