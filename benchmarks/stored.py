"""Stored results: one file a benchmark, with the machine, the versions, the command and the day."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from common import Result
from registry import FULL

from secondopinion.core.files import write_json
from secondopinion.core.machine import hardware, package_versions

FOLDER = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Stored:
    """What a benchmark found on one machine.

    Attributes:
        benchmark: its name.
        size: quick or full.
        command: that measures it again, with words in place of this machine's paths.
        data: what it was measured on.
        results: rows of the table.
        seconds: that it took.
        measured: the day.
        machine: processor, cores, memory, accelerators.
        versions: of the packages that decide a speed.
    """

    benchmark: str
    size: str
    command: str
    data: list[str]
    results: list[Result]
    seconds: float = 0.0
    measured: str = ""
    machine: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def stands_for(self, wanted: Stored) -> bool:
        """Whether what is wanted need not be measured again: as large or larger, same machine, versions and data."""
        same = all(getattr(self, name) == getattr(wanted, name) for name in ("machine", "versions", "data"))
        return same and (self.size == FULL or (self.size, self.command) == (wanted.size, wanted.command))


def versions() -> dict[str, str]:
    """Return the versions that decide a speed, of the packages that are installed."""
    found = package_versions()
    for name in ("openvino", "pyarrow", "ray"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def this_machine() -> dict[str, Any]:
    """Return processor, cores, memory and accelerators; no name of a host or a user."""
    import torch  # noqa: F401 - loaded, it tells of accelerators

    return hardware()


def save(stored: Stored, folder: Path = FOLDER) -> Path:
    """Write what a benchmark found, in the place of what it found before."""
    path = folder / f"{stored.benchmark}.json"
    write_json(path, {**asdict(stored), "measured": stored.measured or dt.date.today().isoformat()})
    return path


def load(names: Iterable[str] | None = None, folder: Path = FOLDER) -> dict[str, Stored]:
    """Return name → what is stored, in the order of `names`, or of the files."""
    found = {}
    for name in names if names is not None else sorted(path.stem for path in folder.glob("*.json")):
        path = folder / f"{name}.json"
        if path.exists():
            told = json.loads(path.read_text(encoding="utf-8"))
            found[name] = Stored(**{**told, "results": [Result(**row) for row in told["results"]]})
    return found
