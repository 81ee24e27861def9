"""Texts as hashed runs of three words, the unit in which two texts are compared."""

from __future__ import annotations

import hashlib
import re
import zlib

import numpy as np

_WORD = re.compile(r"[a-z0-9]+")
_DIGITS = re.compile(r"\d+")
_MIX = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], dtype=np.uint64)


def word_hashes(text: str) -> tuple[int, np.ndarray]:
    """Return (a 64-bit hash of the normalised text, (shingles,) 32-bit hashes of its runs of three words).

    Normalised: lower-case words, no punctuation. In the shingles every number is the same number, because
    template letters differ in dates and serial numbers only.
    """
    normal = " ".join(_WORD.findall(text.lower()))
    exact = stable_hash(normal)
    words = _DIGITS.sub("0", normal).encode().split(b" ")
    hashes = np.fromiter(map(zlib.crc32, words), dtype=np.uint64, count=len(words))
    if len(hashes) < 3:
        return exact, np.array([zlib.crc32(b" ".join(words))], dtype=np.uint64)
    with np.errstate(over="ignore"):
        mixed = hashes[:-2] * _MIX[0] + hashes[1:-1] * _MIX[1] + hashes[2:] * _MIX[2]
        mixed ^= mixed >> np.uint64(29)
        mixed *= _MIX[1]
    return exact, mixed >> np.uint64(32)


def stable_hash(value: str) -> int:
    """Return a 64-bit hash of a string that is the same in every process."""
    return int.from_bytes(hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
