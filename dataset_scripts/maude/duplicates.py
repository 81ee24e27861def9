"""Who says the same: exact copies, near copies and reports of one event become one group.

The index lives on disk. Rows are compared by MinHash (Broder 1997; `datasketch`): 128 minima over hashed
runs of three words estimate the Jaccard similarity of two texts. Locality-sensitive hashing (25 bands of 5
minima) finds the candidates; a candidate counts when the two signatures agree in at least `THRESHOLD` of
their minima. In each bucket a row is compared with the bucket's first row and with the row before it, so that
a thousand copies of a template letter cost two thousand comparisons and not half a million.

Chain rule: groups are connected components. If A is a near copy of B and B of C, all three are one group,
also where A and C alone would fall short of the threshold.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

NUM_MINIMA, BANDS, BAND_ROWS = 128, 25, 5
THRESHOLD = 0.7
SIGNATURE_BYTES = NUM_MINIMA * 4
_ENTRIES_A_PARTITION = 1 << 17
_CHUNK = 1 << 14


def _identity(value: int) -> int:
    return value


class Signer:
    """Turns hashed shingles into MinHash signatures of 128 unsigned 32-bit minima."""

    def __init__(self, seed: int = 1) -> None:
        from datasketch import MinHash

        self._make = MinHash
        self._arguments = {"num_perm": NUM_MINIMA, "seed": seed, "hashfunc": _identity, "scheme": "affine32"}
        self._permutations = MinHash(**self._arguments).permutations

    def __call__(self, shingles: np.ndarray) -> np.ndarray:
        """Return the (128,) signature of the (shingles,) hashes."""
        sketch = self._make(**self._arguments, permutations=self._permutations)
        sketch.update_batch(shingles)
        return sketch.hashvalues.astype(np.uint32, copy=False)


def on_disk(path: Path, dtype: npt.DTypeLike, rows: int) -> np.memmap:
    """Return a new (rows,) array of zeros that lives in a file.

    Raises:
        OSError: there is no room for it (a sparse file would end the process later, by a signal).
    """
    size = np.dtype(dtype).itemsize * max(rows, 1)
    with open(path, "wb") as handle:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(handle.fileno(), 0, size)
        else:
            handle.truncate(size)
    return np.memmap(path, dtype=dtype, mode="r+", shape=(max(rows, 1),))


class BucketIndex:
    """A multimap from a 64-bit hash to rows, on disk, read back partition by partition.

    Args:
        folder: where the partitions are kept; made anew.
        entries: how many entries will come, about; a partition is to hold 3 MiB of them.
    """

    _entry = np.dtype([("hash", "<u8"), ("order", "<u8"), ("row", "<u8")])

    def __init__(self, folder: Path, entries: int) -> None:
        import shutil

        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.folder = folder
        self.partitions = 1 << max(0, (entries // _ENTRIES_A_PARTITION)).bit_length()

    def add(self, hashes: np.ndarray, order: np.ndarray, rows: np.ndarray) -> None:
        """Add (n,) hashes of (n,) rows; the smallest `order` comes first in a bucket."""
        if not len(hashes):
            return
        part = (hashes >> np.uint64(40)) % np.uint64(self.partitions)
        by_part = np.argsort(part, kind="stable")
        entries = np.empty(len(hashes), dtype=self._entry)
        entries["hash"], entries["order"], entries["row"] = hashes[by_part], order[by_part], rows[by_part]
        present, start = np.unique(part[by_part], return_index=True)
        for number, piece in zip(present.tolist(), np.split(entries, start[1:]), strict=True):
            with open(self.folder / f"{number:05d}", "ab") as handle:
                handle.write(piece.data)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield (hashes, rows) of each partition, sorted by hash, order, row; single entries left out."""
        for path in sorted(self.folder.iterdir()):
            entries = np.fromfile(path, dtype=self._entry)
            entries = entries[np.lexsort((entries["row"], entries["order"], entries["hash"]))]
            hashes = entries["hash"]
            same = hashes[1:] == hashes[:-1]
            shared = np.zeros(len(hashes), dtype=bool)
            shared[1:] |= same
            shared[:-1] |= same
            if shared.any():
                yield hashes[shared], entries["row"][shared].astype(np.int64)


class Forest:
    """Union-find over rows, its parents in a memory-mapped file; a root is the smallest row of its tree."""

    def __init__(self, path: Path, rows: int) -> None:
        self.parent = on_disk(path, np.int64, rows)
        self.rows = rows
        for start in range(0, rows, _CHUNK):
            self.parent[start : start + _CHUNK] = np.arange(start, min(start + _CHUNK, rows))

    def find(self, rows: np.ndarray) -> np.ndarray:
        """Return the roots of (n,) rows, shortening their paths."""
        roots = np.asarray(self.parent[rows])
        while True:
            above = np.asarray(self.parent[roots])
            if np.array_equal(above, roots):
                break
            roots = above
        self.parent[rows] = roots
        return roots

    def union(self, left: np.ndarray, right: np.ndarray) -> None:
        """Join (n,) rows with (n,) rows, pair by pair."""
        while len(left):
            a, b = self.find(left), self.find(right)
            apart = a != b
            left, right, a, b = left[apart], right[apart], a[apart], b[apart]
            np.minimum.at(self.parent, np.maximum(a, b), np.minimum(a, b))

    def trees(self, alive: np.ndarray) -> int:
        """Return the number of trees among the rows that are alive."""
        return sum(
            int(
                (np.asarray(self.parent[s : s + _CHUNK]) == np.arange(s, min(s + _CHUNK, self.rows)))[
                    alive[s : s + _CHUNK]
                ].sum()
            )
            for s in range(0, self.rows, _CHUNK)
        )


class SignatureFile:
    """Signatures of rows, (rows, 128) unsigned 32-bit integers in one file, never in memory as a whole."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDONLY)

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return the (stop − start, 128) signatures of consecutive rows."""
        data = os.pread(self._handle, (stop - start) * SIGNATURE_BYTES, start * SIGNATURE_BYTES)
        return np.frombuffer(data, dtype=np.uint32).reshape(-1, NUM_MINIMA)

    def gather(self, rows: np.ndarray) -> np.ndarray:
        """Return the (n, 128) signatures of any rows; close neighbours are read together."""
        wanted, inverse = np.unique(rows, return_inverse=True)
        result = np.empty((len(wanted), NUM_MINIMA), dtype=np.uint32)
        breaks = np.flatnonzero(np.diff(wanted) > 32) + 1
        start = 0
        for stop in [*breaks.tolist(), len(wanted)]:
            for s in range(start, stop, 1024):
                span = wanted[s : min(s + 1024, stop)]
                if len(span):
                    result[s : s + len(span)] = self.read(int(span[0]), int(span[-1]) + 1)[span - span[0]]
            start = stop
        return result[inverse]


def band_hashes(signatures: np.ndarray) -> np.ndarray:
    """Return (rows, 25) 64-bit hashes, one for each band of 5 minima."""
    bands = signatures[:, : BANDS * BAND_ROWS].reshape(-1, BANDS, BAND_ROWS).astype(np.uint64)
    hashes = np.broadcast_to(np.arange(1, BANDS + 1, dtype=np.uint64), bands.shape[:2]).copy()
    for column in range(BAND_ROWS):
        hashes = (hashes ^ bands[:, :, column]) * np.uint64(0x9E3779B97F4A7C15)
        hashes ^= hashes >> np.uint64(32)
    return hashes


def bucket_pairs(hashes: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs (first row of the bucket, row) and (row before, row) of sorted buckets."""
    starts = np.concatenate(([True], hashes[1:] != hashes[:-1]))
    first = np.maximum.accumulate(np.where(starts, np.arange(len(rows)), 0))
    member = np.flatnonzero(~starts)
    return np.concatenate((rows[first[member]], rows[member - 1])), np.concatenate((rows[member], rows[member]))


def join_buckets(forest: Forest, hashes: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Join all rows of each bucket (equal texts, or one event); returns those after the first of a bucket."""
    starts = np.concatenate(([True], hashes[1:] != hashes[:-1]))
    later = np.flatnonzero(~starts)
    forest.union(rows[later - 1], rows[later])
    return rows[later]


def join_similar(forest: Forest, index: BucketIndex, signatures: SignatureFile, threshold: float = THRESHOLD) -> None:
    """Join the candidates of each bucket whose signatures agree in at least `threshold` of their minima."""
    for hashes, rows in index:
        left, right = bucket_pairs(hashes, rows)
        for start in range(0, len(left), _CHUNK):
            a, b = left[start : start + _CHUNK], right[start : start + _CHUNK]
            apart = forest.find(a) != forest.find(b)
            a, b = a[apart], b[apart]
            for s in range(0, len(a), 4096):
                x, y = a[s : s + 4096], b[s : s + 4096]
                agree = (signatures.gather(x) == signatures.gather(y)).mean(axis=1) >= threshold
                forest.union(x[agree], y[agree])
