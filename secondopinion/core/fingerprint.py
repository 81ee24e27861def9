"""Names for data by its content: the same rows give the same name in any order, on any machine."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from typing import Any


def file_sha256(path: str | os.PathLike) -> str:
    """Return the SHA-256 of a file, read in pieces of 1 MiB."""
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        while piece := handle.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def pairs_sha1(pairs: Iterable[tuple[str, Any]]) -> str:
    """Return the SHA-1 over sorted (id, value) pairs: the identity of a split into folds.

    >>> pairs_sha1([("b", 2), ("a", 1)]) == pairs_sha1([("a", 1), ("b", 2)])
    True
    """
    digest = hashlib.sha1()
    for identifier, value in sorted((str(i), str(v)) for i, v in pairs):
        digest.update(json.dumps([identifier, value], ensure_ascii=False).encode())
        digest.update(b"\n")
    return digest.hexdigest()


class RowFingerprint:
    """A fingerprint over rows that does not depend on their order and needs constant memory.

    The SHA-256 of each row are added modulo 2^256 (a multiset hash; Bellare & Micciancio 1997, AdHash).

    >>> one, two = RowFingerprint(), RowFingerprint()
    >>> for row in (["1", "fever"], ["2", "cough"]): one.update(row)
    >>> for row in (["2", "cough"], ["1", "fever"]): two.update(row)
    >>> one.hexdigest() == two.hexdigest(), one.rows
    (True, 2)
    """

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def update(self, row: Any) -> None:
        """Add one row: anything that JSON can write."""
        encoded = json.dumps(row, ensure_ascii=False, sort_keys=True).encode("utf-8", "surrogatepass")
        self._sum = (self._sum + int.from_bytes(hashlib.sha256(encoded).digest())) % (1 << 256)
        self.rows += 1

    def hexdigest(self) -> str:
        """Return 32 hexadecimal digits that name the rows and their number."""
        return hashlib.sha256(f"{self.rows}:{self._sum:064x}".encode()).hexdigest()[:32]


def dataset_fingerprint(ids: Iterable[str], texts: Iterable[str], labels: Iterable[Any]) -> str:
    """Return the fingerprint of a classification data set: its ids, texts and label names."""
    fingerprint = RowFingerprint()
    for row in zip(ids, texts, labels, strict=True):
        fingerprint.update([str(row[0]), row[1], row[2]])
    return fingerprint.hexdigest()
