"""Rows that wait for a person, and what people answered: one SQLite file that only its owner can read."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..core.errors import DiskFullError, InputError
from .votes import Vote

FILE = "reviews.sqlite"
VERSION = 1
LEASE_S = 1800.0
CANNOT_SAY = "the reviewer could not say"

_SCHEMA = """
CREATE TABLE rows (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    text TEXT NOT NULL,
    label_names TEXT NOT NULL,
    answer TEXT,
    score REAL,
    why TEXT,
    lease_by TEXT,
    lease_until REAL NOT NULL DEFAULT 0
);
CREATE TABLE answers (
    number INTEGER PRIMARY KEY,
    row INTEGER NOT NULL REFERENCES rows (number),
    label TEXT,
    reviewer TEXT NOT NULL,
    note TEXT,
    answered_at TEXT NOT NULL
);
CREATE INDEX answers_of_row ON answers (row, number);
"""
_WAITING = "NOT EXISTS (SELECT 1 FROM answers WHERE answers.row = rows.number)"
_LATEST = "answers.number = (SELECT MAX(number) FROM answers AS other WHERE other.row = rows.number)"
# The row that most needs a second opinion comes first; sorting by a NULL alone keeps the order of arrival.
_ORDER = "score IS NULL, score DESC, number"


@dataclass(frozen=True)
class ReviewRow:
    """A text that a person is asked about.

    Attributes:
        id: of the row.
        text: what is to be judged; not shown by `repr`, so that it does not reach a log by accident.
        label_names: the classes to choose from.
        answer: the classifier's own class.
        score: its deferral score; higher rows are handed out first.
        why: why it was deferred, in a few words.
    """

    id: str
    text: str = field(repr=False)
    label_names: tuple[str, ...]
    answer: str | None = None
    score: float | None = None
    why: str | None = None


class ReviewQueue:
    """A queue of rows for people. Threads and processes may share it; every call is one transaction.

    A row is handed to one person at a time: `next` lends it for a while, and when that time is over without an answer
    it may go to somebody else. Answers can be corrected; all are kept, the latest counts.

    Args:
        path: an SQLite file, or a folder to hold one; made where it does not exist, readable by its owner alone.
        lease_s: seconds that a row is lent for.
        clock: gives the time in seconds since 1970.

    Raises:
        InputError: the file is no review queue.
        DiskFullError: no room is left.

    >>> import tempfile
    >>> queue = ReviewQueue(tempfile.mkdtemp())
    >>> queue.add([{"id": "r1", "text": "Pump stopped, patient died.", "label_names": ["Death", "Other"]}])
    1
    >>> queue.next("ann").id, queue.next("bob")
    ('r1', None)
    >>> queue.answer("r1", "Death", "ann")
    >>> [(vote.label, vote.answered_by) for vote in queue.votes()], queue.pending()
    ([('Death', 'ann')], [])
    """

    def __init__(
        self, path: str | os.PathLike, lease_s: float = LEASE_S, clock: Callable[[], float] = time.time
    ) -> None:
        path = Path(path)
        self.path = path / FILE if path.is_dir() or not path.suffix else path
        self.lease_s, self._clock = lease_s, clock
        self.path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        if self.path.stat().st_mode & 0o077:
            self.path.chmod(0o600)
        with self._transaction() as database:
            version = database.execute("PRAGMA user_version").fetchone()[0]
            tables = database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
            if version == 0 and not tables:
                for statement in _SCHEMA.split(";"):
                    database.execute(statement)
                database.execute(f"PRAGMA user_version = {VERSION}")
            elif version != VERSION:
                raise InputError(f"{self.path} is an SQLite file, but no review queue of version {VERSION}")

    def add(self, rows: Iterable[ReviewRow | Mapping[str, Any]]) -> int:
        """Put rows into the queue, all or none; return how many are new.

        A row that is there already keeps its answers; what is new of `answer`, `score` and `why` is taken over.

        Raises:
            InputError: a field is missing or unknown, or the id is there already with another text or other classes.
        """
        rows = [_review_row(row) for row in rows]
        with self._transaction() as database:
            new = 0
            for row in rows:
                names = json.dumps(list(row.label_names), ensure_ascii=False)
                known = database.execute("SELECT text, label_names FROM rows WHERE id = ?", [row.id]).fetchone()
                if known is None:
                    database.execute(
                        "INSERT INTO rows (id, text, label_names, answer, score, why) VALUES (?, ?, ?, ?, ?, ?)",
                        [row.id, row.text, names, row.answer, row.score, row.why],
                    )
                    new += 1
                elif known != (row.text, names):
                    raise InputError(
                        f"row {row.id!r} is in the queue with another text or other classes; "
                        "use another queue, or ids of their own for other rows"
                    )
                else:
                    database.execute(
                        "UPDATE rows SET answer = COALESCE(?, answer), score = COALESCE(?, score), "
                        "why = COALESCE(?, why) WHERE id = ?",
                        [row.answer, row.score, row.why, row.id],
                    )
        return new

    def next(self, reviewer: str) -> ReviewRow | None:
        """Lend `reviewer` the row that most needs an answer, or the one they still hold; None when none is free."""
        rows = self.take(reviewer, 1, self.lease_s)
        return rows[0] if rows else None

    def take(self, reviewer: str, limit: int | None, lease_s: float) -> list[ReviewRow]:
        """Lend `reviewer` up to `limit` unanswered rows (None: all that are free) for `lease_s` seconds.

        Those they still hold come first.

        Raises:
            InputError: `reviewer` is empty.
        """
        reviewer, now = _person(reviewer), self._clock()
        with self._transaction() as database:
            rows = database.execute(
                f"SELECT number, id, text, label_names, answer, score, why FROM rows WHERE {_WAITING} "
                f"AND (lease_by = ? OR lease_until <= ?) "
                f"ORDER BY NOT (lease_by IS ? AND lease_until > ?), {_ORDER} LIMIT ?",
                [reviewer, now, reviewer, now, -1 if limit is None else limit],
            ).fetchall()
            database.executemany(
                "UPDATE rows SET lease_by = ?, lease_until = MAX(?, CASE WHEN lease_by = ? THEN lease_until ELSE 0 END)"
                " WHERE number = ?",
                [(reviewer, now + lease_s, reviewer, row[0]) for row in rows],
            )
        return [ReviewRow(row[1], row[2], tuple(json.loads(row[3])), *row[4:]) for row in rows]

    def answer(self, id: str, label: str | None, reviewer: str, note: str | None = None) -> None:
        """Record what a person answered, also as a correction; `label` None says that they cannot tell.

        Raises:
            InputError: the row is not in the queue or is lent to somebody else, or the label is none of its classes.
        """
        self.answer_all([(id, label, reviewer, note)])

    def answer_all(self, answers: Iterable[tuple[str, str | None, str, str | None]]) -> int:
        """Record (id, label, reviewer, note) of many rows, all or none; return how many say something new.

        An answer that repeats the row's latest one, by the same person, is not recorded again.

        Raises:
            InputError: as for `answer`.
        """
        now, new = self._clock(), 0
        when = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds")
        with self._transaction() as database:
            for id, label, reviewer, note in answers:
                reviewer = _person(reviewer)
                row = database.execute(
                    "SELECT number, label_names, lease_by, lease_until FROM rows WHERE id = ?", [id]
                ).fetchone()
                if row is None:
                    raise InputError(f"row {id!r} is not in the queue; add it first")
                number, names, lease_by, lease_until = row
                if label is not None and label not in json.loads(names):
                    raise InputError(f"the answer to row {id!r} is none of its classes: {', '.join(json.loads(names))}")
                if lease_by not in (None, reviewer) and lease_until > now:
                    raise InputError(
                        f"row {id!r} is with {lease_by!r} for another {lease_until - now:.0f} s; let them answer first"
                    )
                latest = database.execute(
                    "SELECT label, reviewer, note FROM answers WHERE row = ? ORDER BY number DESC LIMIT 1", [number]
                ).fetchone()
                if latest == (label, reviewer, note):
                    continue
                database.execute(
                    "INSERT INTO answers (row, label, reviewer, note, answered_at) VALUES (?, ?, ?, ?, ?)",
                    [number, label, reviewer, note, when],
                )
                database.execute("UPDATE rows SET lease_by = NULL, lease_until = 0 WHERE number = ?", [number])
                new += 1
        return new

    def pending(self) -> list[str]:
        """Return the ids of rows without an answer, in the order they are handed out."""
        with self._transaction() as database:
            return [row[0] for row in database.execute(f"SELECT id FROM rows WHERE {_WAITING} ORDER BY {_ORDER}")]

    def votes(self, expert: str = "person") -> list[Vote]:
        """Return the latest answer to each answered row, in the order the rows were added; the note is its `raw`."""
        with self._transaction() as database:
            rows = database.execute(
                "SELECT id, label, note, reviewer, answered_at FROM rows "
                f"JOIN answers ON answers.row = rows.number AND {_LATEST} ORDER BY rows.number"
            ).fetchall()
        return [
            Vote(
                id,
                expert,
                label,
                error=None if label is not None else CANNOT_SAY,
                raw=note,
                answered_by=reviewer,
                answered_at=when,
            )
            for id, label, note, reviewer, when in rows
        ]

    def history(self, id: str) -> list[dict[str, str | None]]:
        """Return every answer to a row, oldest first: label, reviewer, note, answered_at."""
        names = ("label", "reviewer", "note", "answered_at")
        with self._transaction() as database:
            rows = database.execute(
                f"SELECT {', '.join(f'answers.{name}' for name in names)} FROM answers "
                "JOIN rows ON answers.row = rows.number WHERE rows.id = ? ORDER BY answers.number",
                [id],
            ).fetchall()
        return [dict(zip(names, row, strict=True)) for row in rows]

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that holds the write lock; what it did counts only if no error is raised."""
        try:
            with contextlib.closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as database:
                database.execute("BEGIN IMMEDIATE")
                try:
                    yield database
                except BaseException:
                    database.execute("ROLLBACK")
                    raise
                database.execute("COMMIT")
        except UnicodeEncodeError:
            raise InputError("a text holds half a surrogate pair, which no file can hold; clean it first") from None
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                raise DiskFullError(errno.ENOSPC, f"no room left on the disk while writing {self.path}") from error
            raise InputError(
                f"{self.path} cannot be used as a review queue ({error}); is it damaged, or held by another program?"
            ) from error


def _review_row(row: ReviewRow | Mapping[str, Any]) -> ReviewRow:
    if not isinstance(row, ReviewRow):
        known = {item.name for item in fields(ReviewRow)}
        wrong = sorted({"id", "text", "label_names"} - set(row)) + sorted(set(row) - known)
        if wrong:
            raise InputError(
                f"a row for review holds id, text, label_names and may hold answer, score, why; "
                f"missing or unknown: {', '.join(map(str, wrong))}"
            )
        row = ReviewRow(**row)
    names: Sequence[str] = row.label_names
    if isinstance(names, str) or len(names) < 2 or not isinstance(row.text, str):
        raise InputError(f"row {row.id!r} needs a text, and label_names with at least two classes; got {names!r}")
    score = None if row.score is None else float(row.score)
    return ReviewRow(str(row.id), row.text, tuple(map(str, names)), row.answer, score, row.why)


def _person(reviewer: str) -> str:
    name = reviewer.strip() if isinstance(reviewer, str) else ""
    if not name:
        raise InputError("say who reviews: a name that is not empty")
    return name
