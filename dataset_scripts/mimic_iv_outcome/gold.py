"""Votes of several experts → one label a note, or the reason why it has none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from secondopinion.core.errors import InputError, closest
from secondopinion.core.fingerprint import file_sha256
from secondopinion.experts.agreement import krippendorff_alpha
from secondopinion.experts.consensus import consensus_labels, expert_figures
from secondopinion.experts.vote_matrix import VoteMatrix, vote_matrix
from secondopinion.experts.votes import Vote, read_votes

TOO_FEW = "votes: too few that are usable"
TIE = "votes: tie"
LOW_SHARE = "votes: share of the winner too small"
ENDINGS = (".parquet", ".csv", ".jsonl")


@dataclass(frozen=True)
class Gold:
    """What the votes say of one note.

    Attributes:
        label: the class; None where there is no consensus.
        reason: why there is none.
        votes: (expert, class or None) of all who were asked and count.
        usable: how many of them gave a class.
        agreement: share of the usable votes that are for the label.
        share: of the winner by the consensus method: the same for `majority`, a probability for others.
    """

    label: int | None
    reason: str | None
    votes: tuple[tuple[str, str | None], ...]
    usable: int
    agreement: float | None
    share: float | None


@dataclass(frozen=True)
class Golds:
    """All notes that were voted on, by note id, and counts for prepare.json."""

    notes: dict[str, Gold]
    facts: dict[str, Any]
    files: dict[str, dict[str, Any]]


def read_gold(
    paths: Sequence[str],
    label_names: Sequence[str],
    *,
    method: str = "majority",
    min_votes: int = 3,
    min_share: float = 0.5,
    leave_out: Sequence[str] = (),
) -> Golds:
    """Read votes and settle on one label a note.

    Args:
        paths: files of votes, or folders of such files.
        label_names: the classes.
        method: of `secondopinion.experts.consensus`; ties give no label.
        min_votes: usable votes that a note needs.
        min_share: share that the winner needs.
        leave_out: names of experts whose votes do not count.

    Raises:
        InputError: no votes are there, they are damaged, two of one expert are for one note, a label is no class, or
            an expert to be left out has no votes.
    """
    votes, files = _read(paths)
    experts = sorted({vote.expert for vote in votes})
    for name in leave_out:
        if name not in experts:
            raise InputError(f"no votes of {name!r}, which is to be left out; {closest(name, experts)}")
    counted = [vote for vote in votes if vote.expert not in leave_out]
    if not counted:
        raise InputError(f"leave_out names every expert there is ({', '.join(experts)}); keep some to make the labels")
    matrix = vote_matrix(counted, label_names)
    agreed = consensus_labels(counted, method, label_names=label_names, min_votes=min_votes)
    asked: dict[str, list[tuple[str, str | None]]] = {note: [] for note in matrix.ids}
    for vote in sorted(counted, key=lambda vote: vote.expert):
        asked[vote.id].append((vote.expert, vote.label))
    notes = {}
    for note, counts in zip(matrix.ids, matrix.counts.tolist(), strict=True):
        label, share, usable = agreed.labels[note], agreed.shares[note], sum(counts)
        reason = TOO_FEW if usable < min_votes else TIE if label is None else LOW_SHARE if share < min_share else None
        number = None if reason else matrix.classes.index(label)
        agreement = None if reason else counts[number] / usable
        notes[note] = Gold(number, reason, tuple(asked[note]), usable, agreement, None if reason else share)
    facts = {
        "experts": {name: _expert(name, votes, label_names, name not in leave_out) for name in experts},
        "read": len(votes),
        "notes": len(notes),
        "notes_with_a_label": sum(gold.reason is None for gold in notes.values()),
        "notes_without_a_label": dict(sorted(Counter(g.reason for g in notes.values() if g.reason).items())),
        "krippendorff_alpha": krippendorff_alpha(counted, label_names),
        "unanimous_share": _unanimous(matrix),
        "against_consensus": _against_consensus(counted, label_names, method, min_votes),
    }
    return Golds(notes, facts, files)


def _read(paths: Sequence[str]) -> tuple[list[Vote], dict[str, dict[str, Any]]]:
    chosen: list[Path] = []
    for given in paths:
        path = Path(given).expanduser()
        found = sorted(p for p in path.iterdir() if p.suffix.lower() in ENDINGS) if path.is_dir() else [path]
        if not found:
            raise InputError(f"'{given}' holds no votes: no file in it ends in {', '.join(ENDINGS)}")
        chosen += found
    if not chosen:
        raise InputError(
            "the labels are made from votes: give their files with votes=[...] (--votes, once for each file). "
            "A votes file has the columns id (the note_id), expert and label"
        )
    repeated = [name for name, count in Counter(path.name for path in chosen).items() if count > 1]
    if repeated:
        raise InputError(f"two votes files are named {repeated[0]!r}; give each a name of its own")
    votes, files = [], {}
    for path in chosen:
        rows = read_votes(path).rows
        votes += rows
        files[path.name] = {"rows": len(rows), "bytes": path.stat().st_size, "sha256": file_sha256(path)}
    return votes, files


def _expert(name: str, votes: Sequence[Vote], label_names: Sequence[str], counts: bool) -> dict[str, Any]:
    labels = Counter(vote.label for vote in votes if vote.expert == name)
    unusable = labels.pop(None, 0)
    return {
        "votes": sum(labels.values()) + unusable,
        "unusable": unusable,
        "labels": {label: labels[label] for label in label_names},
        "counts": counts,
    }


def _unanimous(matrix: VoteMatrix) -> float | None:
    """Return the share of the notes with at least two usable votes whose votes are all for one class."""
    several = matrix.counts[matrix.counts.sum(axis=1) >= 2]
    return float(np.mean((several > 0).sum(axis=1) == 1)) if len(several) else None


def _against_consensus(
    votes: Sequence[Vote], label_names: Sequence[str], method: str, min_votes: int
) -> dict[str, Any] | None:
    """Return each expert's accuracy by the consensus, and by that of the others; None for a single expert.

    The others are one fewer, so `min_votes` is one less for them, and at least one.
    """
    if len({vote.expert for vote in votes if vote.label is not None}) < 2:
        return None
    try:
        figures = expert_figures(votes, method, label_names=label_names, min_votes=max(1, min_votes - 1))
    except InputError:
        return None
    return {
        one["expert"]: {"all": one["plain"]["value"], "others": one["leave_one_out"]["value"]}
        for one in figures["experts"]
    }
