"""Answers that were paid for, on disk: nothing is asked twice, and what was spent is summed from here.

One SQLite file. An attempt is written down before its request is sent, and its answer before anything rests on it; each
write is flushed to the disk. What a killed run had under way counts as spent at its highest possible cost, since nobody
knows whether it was charged. One process at a time holds the file.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from ..core.errors import DiskFullError, InputError

_APPLICATION_ID = 0x5E0C0D0F
_VERSION = 1
_TABLES = """
CREATE TABLE answers (key TEXT PRIMARY KEY, account TEXT NOT NULL, prompt_sha1 TEXT, label TEXT, probabilities TEXT,
    input_tokens INTEGER, output_tokens INTEGER, cost_usd REAL, latency_s REAL, error TEXT, raw TEXT, answered_at TEXT);
CREATE TABLE attempts (id INTEGER PRIMARY KEY, key TEXT NOT NULL, account TEXT NOT NULL, usd REAL NOT NULL);
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


@dataclass(frozen=True)
class StoredAnswer:
    """A finished answer. `key` names the request, `account` who is charged; the rest is as in `Vote`."""

    key: str
    account: str
    prompt_sha1: str | None = None
    label: str | None = None
    probabilities: list[float] | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    latency_s: float | None = None
    error: str | None = None
    raw: str | None = None
    answered_at: str | None = None


_COLUMNS = tuple(item.name for item in fields(StoredAnswer))


@dataclass(frozen=True)
class Attempt:
    """A request that is about to be sent, and the most it can cost."""

    id: int
    key: str
    account: str
    usd: float


@dataclass(frozen=True)
class Settled:
    """How an attempt ended: with an answer; without one and free of charge; or perhaps charged (`lost`)."""

    attempt: Attempt
    answer: StoredAnswer | None = None
    lost: bool = False


class VoteStore:
    """The answers of one or more experts. Open it with `open_store`, which shares it within the process.

    Args:
        path: of the file, made when missing and readable by its owner only; None keeps everything in memory.

    Raises:
        InputError: the file is no store, is damaged, comes from a newer version, or another process holds it.
    """

    def __init__(self, path: str | os.PathLike | None = None) -> None:
        self.path = Path(path) if path is not None else None
        self._lock = threading.RLock()
        self._claims: set[str] = set()
        self._fresh: dict[str, int] = {}
        self.writes = 0
        self._reserved: dict[str, float] = defaultdict(float)
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        self._connection = sqlite3.connect(
            self.path or ":memory:", timeout=1.0, isolation_level=None, check_same_thread=False
        )
        try:
            with self._errors():
                self._open()
        except BaseException:
            self._connection.close()
            raise

    def _open(self) -> None:
        run = self._connection.execute
        run("PRAGMA locking_mode=EXCLUSIVE")
        run("PRAGMA journal_mode=WAL")
        run("PRAGMA synchronous=FULL")
        run("BEGIN EXCLUSIVE")
        application, version = (run(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
        if not run("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            for statement in filter(str.strip, _TABLES.split(";")):
                run(statement)
            run(f"PRAGMA application_id={_APPLICATION_ID}")
            run(f"PRAGMA user_version={_VERSION}")
        elif application != _APPLICATION_ID or version > _VERSION:
            raise InputError(
                f"{self.path} is not a store of votes that this version reads; name another file, and it will be made"
            )
        run("COMMIT")
        self._next = (run("SELECT max(id) FROM attempts").fetchone()[0] or 0) + 1
        self._spent: dict[str, float] = defaultdict(float)
        for table, column in (("answers", "cost_usd"), ("attempts", "usd")):
            for account, usd in run(f"SELECT account, total({column}) FROM {table} GROUP BY account"):
                self._spent[account] += usd

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise InputError(
                    f"another process is asking with the store {self.path}; wait until it is done, or give this one "
                    "another store"
                ) from None
            if "full" in str(error):
                raise DiskFullError(
                    f"no room left on the disk for {self.path}. What was there before is untouched. Free some space "
                    "and run the same command again: it continues"
                ) from None
            raise InputError(f"the store {self.path} cannot be written ({error})") from None
        except sqlite3.DatabaseError as error:
            raise InputError(
                f"{self.path} is not a store of votes, or it is damaged ({error}). Restore it from a copy, or move it "
                "away: then everything is asked, and paid, anew"
            ) from None

    def close(self) -> None:
        """Fold the journal into the file and let it go."""
        with self._lock:
            self._connection.close()

    def each(self, keys: Sequence[str]) -> Iterator[StoredAnswer]:
        """Yield the answers that are there for these keys, 500 in memory at a time."""
        for start in range(0, len(keys), 500):
            part = list(keys[start : start + 500])
            query = f"SELECT {', '.join(_COLUMNS)} FROM answers WHERE key IN ({','.join('?' * len(part))})"
            with self._lock, self._errors():
                rows = self._connection.execute(query, part).fetchall()
            for row in rows:
                values = dict(zip(_COLUMNS, row, strict=True))
                if values["probabilities"] is not None:
                    values["probabilities"] = json.loads(values["probabilities"])
                yield StoredAnswer(**values)

    def spent_usd(self, account: str) -> float:
        """Return what `account` has spent through this file in all runs, doubtful attempts at their highest cost."""
        with self._lock:
            return self._spent[account]

    def reserve(self, key: str, account: str, usd: float, cap: float | None = None) -> Attempt | None:
        """Set `usd` aside for a request, or return None when spent and set aside would then pass `cap`."""
        with self._lock:
            if cap is not None and self._spent[account] + self._reserved[account] + usd > cap:
                return None
            self._reserved[account] += usd
            self._next += 1
            return Attempt(self._next - 1, key, account, usd)

    def claim(self, key: str, since: int) -> bool | None:
        """Take the right to ask `key`: True; False while another call has it; None when it got an answer after `since`.

        `since` is the number of `writes` when the caller looked for the answer.
        """
        with self._lock:
            if key in self._claims:
                return False
            if self._fresh.get(key, -1) > since:
                return None
            self._claims.add(key)
            return True

    def release(self, key: str) -> None:
        """Give back the right that `claim` gave."""
        with self._lock:
            self._claims.discard(key)

    def write(self, entries: Iterable[Attempt | Settled]) -> None:
        """Write attempts and how they ended in one transaction; when this returns, they are on the disk.

        Raises:
            DiskFullError: no room is left.
            InputError: the file can no longer be written.
        """
        entries = list(entries)
        with self._lock, self._errors():
            run = self._connection.execute
            run("BEGIN IMMEDIATE")
            try:
                for entry in entries:
                    if isinstance(entry, Attempt):
                        run("INSERT INTO attempts VALUES (?, ?, ?, ?)", (entry.id, entry.key, entry.account, entry.usd))
                    else:
                        self._settle(entry)
                run("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    run("ROLLBACK")
                raise
            self.writes += 1
            for entry in entries:
                if isinstance(entry, Settled):
                    self._count(entry)

    def _settle(self, entry: Settled) -> None:
        run, answer = self._connection.execute, entry.answer
        if not entry.lost:
            run("DELETE FROM attempts WHERE id = ?", (entry.attempt.id,))
        if answer is None:
            return
        # An answer that is asked for anew replaces the old one, whose price was paid all the same.
        run(
            "INSERT INTO attempts SELECT ?, key, account, cost_usd FROM answers WHERE key = ? AND cost_usd > 0",
            (self._next, answer.key),
        )
        self._next += 1
        shares = json.dumps(answer.probabilities) if answer.probabilities is not None else None
        values = [shares if name == "probabilities" else getattr(answer, name) for name in _COLUMNS]
        run(f"INSERT OR REPLACE INTO answers VALUES ({', '.join('?' * len(_COLUMNS))})", values)

    def _count(self, entry: Settled) -> None:
        account, answer = entry.attempt.account, entry.answer
        self._reserved[account] -= entry.attempt.usd
        if entry.lost:
            self._spent[account] += entry.attempt.usd
        if answer is not None:
            self._spent[account] += answer.cost_usd or 0.0
            self._fresh[answer.key] = self.writes

    def note(self, name: str) -> str | None:
        """Return what was noted under a name."""
        with self._lock, self._errors():
            row = self._connection.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def write_note(self, name: str, value: str) -> None:
        """Note something for later runs."""
        with self._lock, self._errors():
            self._connection.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, value))


_SHARED: dict[Path, tuple[VoteStore, int]] = {}
_SHARED_LOCK = threading.Lock()


@contextlib.contextmanager
def open_store(path: str | os.PathLike) -> Iterator[VoteStore]:
    """Yield the store at `path`, open as long as anyone in this process uses it.

    Raises:
        InputError: see `VoteStore`.

    >>> import tempfile
    >>> with open_store(tempfile.mkdtemp() + "/votes.sqlite") as store:
    ...     attempt = store.reserve("k", "tiny", 0.02, cap=1.0)
    ...     store.write([attempt])
    ...     store.write([Settled(attempt, StoredAnswer("k", "tiny", label="yes", cost_usd=0.01))])
    ...     [answer.label for answer in store.each(["k", "other"])], store.spent_usd("tiny")
    (['yes'], 0.01)
    """
    name = Path(path).expanduser().resolve()
    with _SHARED_LOCK:
        store, users = _SHARED.get(name, (None, 0))
        store = store or VoteStore(name)
        _SHARED[name] = (store, users + 1)
    try:
        yield store
    finally:
        with _SHARED_LOCK:
            users = _SHARED[name][1] - 1
            if users:
                _SHARED[name] = (store, users)
            else:
                del _SHARED[name]
                store.close()
