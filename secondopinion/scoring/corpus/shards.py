"""A corpus cut into shards: what is scored, written and, after a stop, skipped as a whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

from ...core.errors import InputError, closest
from ...core.progress import progress, say
from .sources import Source

ROWS_PER_SHARD = 4096


@dataclass(frozen=True)
class Piece:
    """Some rows of one source.

    Attributes:
        source: its place in the corpus.
        first: row of the source.
        rows: how many.
    """

    source: int
    first: int
    rows: int


@dataclass(frozen=True)
class Shard:
    """Rows that follow one another in the corpus.

    Attributes:
        number: of the shard, from 0.
        pieces: of one source or of several.
    """

    number: int
    pieces: tuple[Piece, ...]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(piece.rows for piece in self.pieces)


@dataclass(frozen=True)
class Plan:
    """How a corpus is cut.

    Attributes:
        sources: in order.
        shards: in order.
        unreadable: source → what is wrong with it; none of its rows is in a shard.
        rows_per_shard: of all but the last.
        limit: only the first so many rows; None for all.
    """

    sources: Sequence[Source]
    shards: list[Shard]
    unreadable: dict[str, str]
    rows_per_shard: int
    limit: int | None = None

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(shard.rows for shard in self.shards)

    def identities(self) -> dict[int, list[Any]]:
        """Return number → the state of the files of each shard and the rows that it has of them: plain data."""
        known: dict[int, dict[str, Any]] = {}
        found: dict[int, list[Any]] = {}
        for shard in self.shards:
            for piece in shard.pieces:
                if piece.source not in known:
                    known[piece.source] = self.sources[piece.source].identity()
            found[shard.number] = [[known[piece.source], piece.first, piece.rows] for piece in shard.pieces]
        return found

    def runs(self) -> list[list[Shard]]:
        """Return shards in groups that are best read by one reader, one after the other.

        Shards of sources that can be read from any row on are groups of their own; those of a source that cannot, a
        compressed file say, are one group, for otherwise its beginning would be read again for each of them.
        """
        groups: list[list[Shard]] = []
        last: int | None = None
        for shard in self.shards:
            begins = shard.pieces[0]
            if groups and begins.first and not self.sources[begins.source].seekable and last == begins.source:
                groups[-1].append(shard)
            else:
                groups.append([shard])
            last = shard.pieces[-1].source
        return groups


def plan_shards(
    sources: Sequence[Source],
    *,
    rows_per_shard: int = ROWS_PER_SHARD,
    limit: int | None = None,
    skip_unreadable: bool = False,
) -> Plan:
    """Count the rows of every source and cut them into shards; small files share one.

    Each source is opened, and those without a row count of their own are read once, so that what cannot be read is
    told before an hour is spent.

    Args:
        sources: as `open_sources` gives them.
        rows_per_shard: rows that are scored and written together.
        limit: only the first so many rows.
        skip_unreadable: leave out sources that cannot be read.

    Raises:
        InputError: sources cannot be read, or there is no row.
    """
    if limit is not None and limit < 1:
        raise InputError(f"limit is {limit}; give at least 1, or leave it out")
    if rows_per_shard < 1:
        raise InputError(f"a shard of {rows_per_shard} rows; give at least 1")
    shards: list[Shard] = []
    pieces: list[Piece] = []
    unreadable: dict[str, str] = {}
    room, left = rows_per_shard, limit
    for number, source in enumerate(progress(sources, label="reading", unit="file", delay=2.0)):
        if left == 0:
            break
        try:
            rows = source.count()
        except (InputError, OSError) as error:
            unreadable[source.name] = str(error)
            continue
        rows = rows if left is None else min(rows, left)
        left = None if left is None else left - rows
        first = 0
        while first < rows:
            taken = min(room, rows - first)
            pieces.append(Piece(number, first, taken))
            first, room = first + taken, room - taken
            if not room:
                shards.append(Shard(len(shards), tuple(pieces)))
                pieces, room = [], rows_per_shard
    if pieces:
        shards.append(Shard(len(shards), tuple(pieces)))
    if unreadable and not skip_unreadable:
        first_one = next(iter(unreadable.values()))
        raise InputError(
            f"{len(unreadable)} of {len(sources)} files cannot be read: {', '.join(list(unreadable)[:5])}"
            f"{' …' if len(unreadable) > 5 else ''} (the first: {first_one}). Mend them, or leave them out with "
            "--skip-unreadable"
        )
    for name in unreadable:
        say(f"left out, it cannot be read: {name}")
    if not shards:
        raise InputError(f"{', '.join(source.name for source in sources[:5])}: there is no row to score")
    return Plan(sources, shards, unreadable, rows_per_shard, limit)


@dataclass
class Rows:
    """Rows as they were read.

    Attributes:
        ids: (rows,).
        texts: (rows,) null where a row has none.
        kept: column → (rows,) values that are copied to the output.
    """

    ids: list[str] = field(default_factory=list)
    texts: list[str | None] = field(default_factory=list)
    kept: dict[str, list[Any]] = field(default_factory=dict)


class ShardReader:
    """Reads the rows of shards; shards that follow one another are read without seeking.

    Args:
        sources: of the plan.
        id_column: ids; where a row has none, the source's name and the row's number stand in.
        text_column: texts.
        keep: columns that are copied to the output: with their types where the first source has types, classes by
            their names, anything else as text.
    """

    def __init__(self, sources: Sequence[Source], id_column: str, text_column: str, keep: Sequence[str] = ()) -> None:
        self.sources, self.id_column, self.text_column, self.keep = sources, id_column, text_column, tuple(keep)
        found = sources[0].column_types(self.keep) if sources else {}
        self.types = {name: kind for name, kind in found.items() if not isinstance(kind, list)}
        classes = {name: kind for name, kind in found.items() if isinstance(kind, list)}
        self.kept = {
            name: partial(_as_class, classes[name]) if name in classes else _as_is if name in found else _as_text
            for name in self.keep
        }
        self._open: tuple[int, int, Iterator[dict[str, Any]]] | None = None

    def read(self, shard: Shard, rows_at_once: int = 256, characters_at_once: int = 1 << 24) -> Iterator[Rows]:
        """Yield the rows of a shard, a few at a time, so that long texts do not pile up.

        Raises:
            InputError: a row cannot be read, a column is missing, or a text is of another type.
        """
        part, characters = Rows(), 0
        for piece in shard.pieces:
            for number, row in self._rows(piece):
                text = self._text(row, self.sources[piece.source].name, number)
                identifier = row.get(self.id_column)
                part.ids.append(
                    f"{self.sources[piece.source].name}:{number}" if identifier is None else str(identifier)
                )
                part.texts.append(text)
                for name in self.keep:
                    if name not in row:
                        raise InputError(
                            f"{self.sources[piece.source].name}: row {number} has no column {name!r} to keep; "
                            f"{closest(name, row)}"
                        )
                    part.kept.setdefault(name, []).append(self.kept[name](row[name]))
                characters += len(text or "")
                if len(part.ids) >= rows_at_once or characters >= characters_at_once:
                    yield part
                    part, characters = Rows(), 0
        if part.ids:
            yield part

    def _rows(self, piece: Piece) -> Iterator[tuple[int, dict[str, Any]]]:
        name = self.sources[piece.source].name
        source, place, rows = self._open or (None, 0, iter(()))
        self._open = None
        ahead = piece.first - place
        if source != piece.source or ahead < 0 or (ahead and self.sources[piece.source].seekable):
            rows = self.sources[piece.source].rows(piece.first)
        else:
            next(islice(rows, ahead, ahead), None)
        for number in range(piece.first, piece.first + piece.rows):
            row = next(rows, None)
            if row is None:
                raise InputError(f"{name} has only {number} rows now; it was changed while it was read")
            yield number, row
        self._open = (piece.source, piece.first + piece.rows, rows)

    def _text(self, row: dict[str, Any], name: str, number: int) -> str | None:
        if self.text_column not in row:
            raise InputError(
                f"{name}: row {number} has no column {self.text_column!r} for the text; "
                f"{closest(self.text_column, row)}. Name it with --text-column"
            )
        text = row[self.text_column]
        if text is None or isinstance(text, str):
            return text if text and text.strip() else None
        raise InputError(
            f"{name}: the text of row {number} is of type {type(text).__name__}; expected a text. Name the column of "
            "the texts with --text-column"
        )


def _as_is(value: Any) -> Any:
    return value


def _as_class(names: Sequence[str], value: int | None) -> str | None:
    return None if value is None or value < 0 else names[value]


def _as_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


__all__ = ["Piece", "Plan", "Rows", "Shard", "ShardReader", "plan_shards"]
