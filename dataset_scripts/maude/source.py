"""Where reports come from: what a source is, and which of the four a path or word means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from secondopinion.core.errors import InputError, closest

KINDS = ("bulk", "api", "pages", "raw", "synthetic")
OPENFDA = "https://api.fda.gov"
RAW_FILES = ("mdrfoi", "foitext", "foidev", "patient", "device")


class DamagedSource(InputError):
    """A file or page ends early or is not what it should be; what was read before is still good.

    `how_far` says where the reading stopped, without any text of a report.
    """

    def __init__(self, name: str, how_far: str, advice: str = "") -> None:
        super().__init__(f"{name}: {how_far}. {advice}".strip())
        self.how_far = how_far


@dataclass
class Unit:
    """A piece of a source that is read whole or again: a partition, a page.

    Attributes:
        name: as it is recorded; no folder in it.
        identity: plain data that changes when the piece changes; a finished piece with equal identity is not
            read again.
        records: gives the records, one by one; raises `DamagedSource` where the piece breaks off.
        notes: filled while reading; kept with the piece (`sha256`, `bytes`, the next page's address).
    """

    name: str
    identity: Mapping[str, Any]
    records: Callable[[], Iterator[Any]]
    notes: dict[str, Any] = field(default_factory=dict)


class Source(Protocol):
    """A source of reports."""

    kind: str
    left_out: list[str]

    def units(self) -> Iterator[Unit]:
        """Yield the pieces in order; when the next is asked for, the notes of the one before are filled."""
        ...


def detect(source: str | Path, kind: str | None = None) -> tuple[str, list[Path], list[str]]:
    """Return (kind, files in order, names of files left out) of what a person gave as the source.

    A folder that holds several kinds is read as the first of bulk (`*.json.zip`), pages (`*.json`), raw
    (`foitext*.txt`); the rest is named as left out. `kind` overrides the choice.

    Args:
        source: a file, a folder, or one of the words `api`, `bulk` (openFDA's download index), `synthetic`.
        kind: one of `KINDS`.

    Raises:
        InputError: nothing readable is there.
    """
    if kind is not None and kind not in KINDS:
        raise InputError(f"unknown kind of source {kind!r}; {closest(kind, KINDS)}")
    word = str(source)
    if word in ("api", "bulk", "synthetic") and not Path(word).exists():
        if kind not in (None, word):
            raise InputError(f"source {word!r} is of kind {word!r}, not {kind!r}; leave the kind out")
        return word, [], []
    path = Path(source).expanduser()
    if not path.exists():
        raise InputError(
            f"source {word!r} does not exist. Give a folder or file (openFDA's *.json.zip, saved API pages "
            "*.json, FDA's mdrfoi/foitext/foidev files), or one of: api, bulk, synthetic"
        )
    files = (
        sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith(".")) if path.is_dir() else [path]
    )
    found: dict[str, list[Path]] = {"bulk": [], "pages": [], "raw": []}
    for file in files:
        if (one := _kind_of_file(file)) is not None:
            found[one].append(file)
    if kind in (None, "bulk", "pages", "raw"):
        for candidate in (kind,) if kind else found:
            if candidate == "raw" and not any(p.name.lower().startswith("foitext") for p in found["raw"]):
                continue
            if chosen := found[candidate]:
                return (
                    candidate,
                    chosen,
                    [p.name for k, rest in found.items() if k != candidate for p in rest],
                )
    expected = {
        "bulk": "*.json.zip",
        "pages": "*.json with results[]",
        "raw": "foitext*.txt (and mdrfoi*.txt, foidev*.txt)",
    }
    wanted = expected.get(kind or "", "openFDA's *.json.zip, saved API pages *.json, or FDA's foitext*.txt")
    raise InputError(f"nothing to read in {word!r}: expected {wanted}")


def _kind_of_file(path: Path) -> str | None:
    name = path.name.lower()
    if name.startswith(RAW_FILES) and name.endswith((".txt", ".zip")) and not name.endswith(".json.zip"):
        return "raw"
    if name.endswith(".zip"):
        return "bulk"
    return "pages" if name.endswith(".json") else None
