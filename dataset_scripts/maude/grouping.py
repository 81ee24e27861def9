"""Staged rows → which of them count (one a report key) and which belong together (`group`)."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from secondopinion.core.files import disk_errors
from secondopinion.core.progress import progress

from .duplicates import (
    BANDS,
    THRESHOLD,
    BucketIndex,
    Forest,
    SignatureFile,
    band_hashes,
    join_buckets,
    join_similar,
    on_disk,
)
from .staging import BATCH, Staging

_CHUNK = 1 << 13


@dataclass
class Groups:
    """The result, row by row in the order of reading.

    Attributes:
        alive: (rows,) whether the row is the last one read with its report key.
        leader: (rows,) the row whose id names the group: the smallest id in it.
        ids: (rows,) ids as bytes.
        repeated: rows that a later row with the same key replaced.
        groups: number of groups.
        facts: for prepare.json.
    """

    alive: np.ndarray
    leader: np.ndarray
    ids: np.ndarray
    repeated: int
    groups: int
    facts: dict[str, Any]

    def names(self, rows: np.ndarray) -> list[str]:
        """Return the group names of (n,) rows."""
        return [name.decode() for name in np.asarray(self.ids[np.asarray(self.leader[rows])]).tolist()]


def group_rows(staging: Staging, threshold: float = THRESHOLD) -> Groups:
    """Find repeated keys, equal texts, reports of one event and near copies; everything large stays on disk.

    Args:
        staging: the rows.
        threshold: share of equal MinHash minima from which two texts are near copies.
    """
    folder = staging.folder / "index"
    with disk_errors(folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        rows = staging.rows
        ids, alive = _load_ids(staging, folder, rows)
        repeated = _keep_last(staging, folder, alive)

        forest = Forest(folder / "parent", rows)
        alive_rows = int(sum(int(alive[s : s + _CHUNK].sum()) for s in range(0, rows, _CHUNK)))
        trees = [alive_rows]
        texts, events = BucketIndex(folder / "texts", rows), BucketIndex(folder / "events", rows)
        for first, table in staging.tables(["text_hash", "event_hash"]):
            numbers = np.arange(first, first + table.num_rows, dtype=np.uint64)
            living = np.asarray(alive[first : first + table.num_rows])
            text_hash = table["text_hash"].to_numpy()
            texts.add(text_hash[living], numbers[living], numbers[living])
            known = living & ~np.asarray(table["event_hash"].is_null())
            event_hash = table["event_hash"].fill_null(0).to_numpy().astype(np.uint64)
            events.add(event_hash[known], numbers[known], numbers[known])
        compared = on_disk(folder / "compared", bool, rows)
        compared[:] = alive
        for hashes, members in texts:
            compared[join_buckets(forest, hashes, members)] = False
        trees.append(forest.trees(alive))
        for hashes, members in events:
            join_buckets(forest, hashes, members)
        trees.append(forest.trees(alive))
        _join_near_copies(staging, folder, forest, compared, threshold)
        trees.append(forest.trees(alive))
        leader, largest, several, inside = _leaders(folder, forest, ids, alive)
    return Groups(
        alive,
        leader,
        ids,
        repeated,
        trees[3],
        {
            "exact": trees[0] - trees[1],
            "same_event": trees[1] - trees[2],
            "near": trees[2] - trees[3],
            "largest_group": largest,
            "groups_of_several": several,
            "rows_in_groups_of_several": inside,
            "threshold": threshold,
            "bands": BANDS,
        },
    )


def _load_ids(staging: Staging, folder: Path, rows: int) -> tuple[np.ndarray, np.ndarray]:
    width = 1
    for _, table in staging.tables(["id"]):
        width = max(width, *(len(value.encode()) for value in table["id"].to_pylist()))
    ids = on_disk(folder / "ids", f"S{width}", rows)
    alive = on_disk(folder / "alive", bool, rows)
    for first, table in staging.tables(["id"]):
        ids[first : first + table.num_rows] = [value.encode() for value in table["id"].to_pylist()]
        alive[first : first + table.num_rows] = True
    return ids, alive


def _keep_last(staging: Staging, folder: Path, alive: np.ndarray) -> int:
    """Mark all but the last row of each report key as replaced; returns how many."""
    index = BucketIndex(folder / "keys", len(alive))
    for first, table in staging.tables(["id_hash"]):
        numbers = np.arange(first, first + table.num_rows, dtype=np.uint64)
        index.add(table["id_hash"].to_numpy(), numbers, numbers)
    replaced = 0
    for hashes, rows in index:
        last = np.concatenate((hashes[1:] != hashes[:-1], [True]))
        alive[rows[~last]] = False
        replaced += int((~last).sum())
    return replaced


def _join_near_copies(staging: Staging, folder: Path, forest: Forest, compared: np.ndarray, threshold: float) -> None:
    """Join rows whose signatures nearly agree; `compared` marks one row of each set of equal texts."""
    combined = folder / "minima"
    with open(combined, "wb") as out:
        for path in staging.signatures():
            with open(path, "rb") as part:
                shutil.copyfileobj(part, out, 1 << 20)
    rows = staging.rows
    candidates = BucketIndex(folder / "bands", rows * BANDS)
    signatures = SignatureFile(combined)
    try:
        for first, table in progress(
            staging.tables(["text_hash"]),
            total=-(-rows // BATCH),
            label="looking for near copies",
            unit="batch",
        ):
            chosen = np.flatnonzero(compared[first : first + table.num_rows])
            hashes = band_hashes(signatures.read(first, first + table.num_rows)[chosen])
            order = np.repeat(table["text_hash"].to_numpy()[chosen], BANDS)
            candidates.add(hashes.ravel(), order, np.repeat(chosen + first, BANDS).astype(np.uint64))
        join_similar(forest, candidates, signatures, threshold)
    finally:
        signatures.close()


def _leaders(folder: Path, forest: Forest, ids: np.ndarray, alive: np.ndarray) -> tuple[np.ndarray, int, int, int]:
    """Return (rows,) leaders, the size of the largest group, groups of several rows, and rows in those."""
    rows = forest.rows
    leader = on_disk(folder / "leader", np.int64, rows)
    size = on_disk(folder / "size", np.int64, rows)
    for start in range(0, rows, _CHUNK):
        leader[start : start + _CHUNK] = np.arange(start, min(start + _CHUNK, rows))
    for start in range(0, rows, _CHUNK):
        numbers = np.arange(start, min(start + _CHUNK, rows))
        numbers = numbers[np.asarray(alive[numbers])]
        roots = forest.find(numbers)
        np.add.at(size, roots, 1)
        for row, root in zip(numbers[roots != numbers].tolist(), roots[roots != numbers].tolist(), strict=True):
            if _smaller(ids[row], ids[leader[root]]):
                leader[root] = row
    largest = several = inside = 0
    for start in range(0, rows, _CHUNK):
        numbers = np.arange(start, min(start + _CHUNK, rows))
        leader[numbers] = leader[forest.find(numbers)]
        sizes = np.asarray(size[numbers])
        largest = max(largest, int(sizes.max(initial=0)))
        several += int((sizes > 1).sum())
        inside += int(sizes[sizes > 1].sum())
    return leader, largest, several, inside


def _smaller(a: bytes, b: bytes) -> bool:
    """Order ids as numbers where both are, else by length and bytes; the shorter first."""
    return (len(a), a) < (len(b), b)
