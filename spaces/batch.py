"""A table in, the same table scored out, in every Space that reads one text at a time, or a few together.

Nothing is written: an uploaded file is removed as soon as it was read, its rows stay in the server's memory until they
are removed, the page is closed or an hour has passed, and the scored file travels inside the page.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import look
from tables import MAX_ROWS, Table, as_csv, cell, link, read_table, remove

EVERY = 0.5
"""Seconds between two states of a table that is being scored."""
KEPT_SECONDS = 3600
SHOWN_ROWS, SHOWN_CHARACTERS = 8, 80
PROBLEM = "problem"


@dataclass(frozen=True)
class Field:
    """A text that is read of each row.

    Attributes:
        title: what it is called on the page.
        known: names of columns that hold it, in lower case.
        most: characters that are read; a longer one is refused, row by row.
    """

    title: str
    known: tuple[str, ...]
    most: int

    def find(self, columns: tuple[str, ...]) -> str | None:
        """Return the column that holds the text, if its name tells, or if there is no other.

        >>> Field("Report", ("text", "report"), 100).find(("id", "Report", "label"))
        'Report'
        """
        named = {column.strip().lower(): column for column in reversed(columns)}
        found = next((named[name] for name in self.known if name in named), None)
        return columns[0] if found is None and len(columns) == 1 else found


@dataclass(frozen=True)
class Scorer:
    """What a Space makes of one row.

    Attributes:
        fields: the texts that it takes.
        columns: what it adds to a row, in order.
        score: the texts → column → value; raises ValueError for a row that it cannot read, without its text.
        verdict: the column whose values are counted at the end.
        kinds: the values that it may have, as they are shown.
        tones: a colour of the palette for each.
        example: rows to try, column → cell; written for the page.
    """

    fields: tuple[Field, ...]
    columns: tuple[str, ...]
    score: Callable[..., Mapping[str, Any]]
    verdict: str
    kinds: tuple[str, ...]
    tones: tuple[str, ...]
    example: tuple[Mapping[str, str], ...]

    def read(self, texts: list[str]) -> dict[str, Any]:
        """Return column → value of a row; where it cannot be read, what is wrong with it."""
        for one, text in zip(self.fields, texts, strict=True):
            if not text.strip():
                return {PROBLEM: f"{one.title}: empty"}
            if len(text) > one.most:
                return {PROBLEM: f"{one.title}: {len(text):,} characters, more than {one.most:,}"}
        try:
            return dict(self.score(*texts))
        except ValueError as error:
            return {PROBLEM: str(error)}


@dataclass
class Held:
    """What the server holds of a page that is open.

    Attributes:
        table: that was uploaded.
        late: drops it when its time is over.
        ready: whether it is to be scored.
        stopped: set once the rest is not to be read.
    """

    table: Table
    late: threading.Timer
    ready: bool = False
    stopped: threading.Event = field(default_factory=threading.Event)


class Desk:
    """What the tab does, apart from gradio.

    Args:
        scorer: of the Space.
        most: rows of a table.
    """

    def __init__(self, scorer: Scorer, most: int = MAX_ROWS) -> None:
        self.scorer, self.most = scorer, most
        self._held: dict[str, Held] = {}

    def upload(self, page: str, path: str | None) -> tuple[str, tuple[str, ...]]:
        """Take a file for a page, and remove it; return (HTML about it, its columns)."""
        self.forget(page)
        try:
            table = read_table(path, self.most)
        except ValueError as error:
            return self.about(page, look.notice("stop", "The table was not taken.", str(error))), ()
        finally:
            remove([path])
        return self.hold(page, table)

    def hold(self, page: str, table: Table) -> tuple[str, tuple[str, ...]]:
        """Keep a table for a page; return (HTML about it, its columns)."""
        self.forget(page)
        late = threading.Timer(KEPT_SECONDS, self.forget, (page,))
        late.daemon = True
        late.start()
        self._held[page] = Held(table, late)
        return self.about(page), table.columns

    def take_example(self, page: str) -> tuple[str, tuple[str, ...]]:
        """Keep the example for a page; return (HTML about it, its columns)."""
        columns = tuple(self.scorer.example[0])
        rows = tuple(tuple(row[column] for column in columns) for row in self.scorer.example)
        return self.hold(page, Table("example.csv", columns, rows))

    def forget(self, page: str) -> None:
        """Stop what runs for a page, and drop its table."""
        self.stop(page)
        if held := self._held.pop(page, None):
            held.late.cancel()

    def stop(self, page: str) -> None:
        """Let a page's table end after the row that is being read."""
        if held := self._held.get(page):
            held.stopped.set()

    def about(self, page: str, notice: str = "") -> str:
        """Return what is held for a page."""
        held = self._held.get(page)
        if held is None:
            limits = f"Up to {self.most:,} rows and 5 MB, UTF-8, the first line names the columns."
            body = f'<p class="so-note">None yet. {limits}</p>'
        else:
            table = held.table
            shape = f"{len(table.rows):,} row{'' if len(table.rows) == 1 else 's'}, {len(table.columns):,} columns"
            body = f'<p class="so-note">{look.text(table.name)} · {shape}</p>'
        card = f'<section class="so-card" aria-label="Table"><h3>Table</h3>{body}</section>'
        return f'<div class="so">{notice}{card}</div>'

    def answers(self, page: str, chosen: list[str | None]) -> int:
        """Return how many answers a page's table asks for: one a row, none where it cannot be read."""
        return 0 if self._problem(page, chosen) else len(self._held[page].table.rows)

    def _problem(self, page: str, chosen: list[str | None]) -> str:
        held = self._held.get(page)
        if held is None:
            return "There is no table. Upload one, or use the example table."
        for one, column in zip(self.scorer.fields, chosen, strict=True):
            if column not in held.table.columns:
                return f"No column is chosen for the {one.title.lower()}. Choose the one that holds it."
        return ""

    def begin(self, page: str, chosen: list[str | None]) -> str:
        """Return what is shown before the first row is read, or what is wrong."""
        held, problem = self._held.get(page), self._problem(page, chosen)
        if held is not None:
            held.ready = not problem
        if problem:
            return _wrong(problem)
        held.stopped.clear()
        return progress(0, len(held.table.rows))

    def run(self, page: str, chosen: list[str]) -> Iterator[tuple[str, str]]:
        """Yield (how far it is, the scored table once it is there); nothing where `begin` found something wrong."""
        held = self._held.get(page)
        if held is None or not held.ready:
            return
        held.ready = False
        table, shown = held.table, time.monotonic()
        places = [table.columns.index(column) for column in chosen]
        added: list[dict[str, Any]] = []
        for row in table.rows:
            if held.stopped.is_set():
                break
            added.append(self.scorer.read([row[place] for place in places]))
            if time.monotonic() - shown > EVERY:
                shown = time.monotonic()
                yield progress(len(added), len(table.rows)), ""
        done = len(added)
        added += [{PROBLEM: "not read: stopped"} for _ in table.rows[done:]]
        yield self._said(done, added), self._result(table, added)

    def _said(self, done: int, added: list[dict[str, Any]]) -> str:
        wrong = sum(PROBLEM in row for row in added[:done])
        count = f"{done:,} of {len(added):,} rows were read"
        rest = f", {wrong:,} of them in vain: the column {PROBLEM!r} says why." if wrong else "."
        if done < len(added):
            return _page(look.notice("warn", f"Stopped: {count}{rest}", "The file holds them all, the rest unscored."))
        return _page(look.notice("calm", f"Done: {count}{rest}"))

    def _result(self, table: Table, added: list[dict[str, Any]]) -> str:
        names = table.free((*self.scorer.columns, PROBLEM))
        cells = [(*row, *(extra.get(name) for name in names)) for row, extra in zip(table.rows, added, strict=True)]
        file = as_csv((*table.columns, *names.values()), cells, table.delimiter, table.marked)
        counts = Counter(str(row[self.scorer.verdict]) for row in added if row.get(self.scorer.verdict) is not None)
        total = sum(counts.values())
        shares = [(kind, counts[kind] / total if total else None) for kind in self.scorer.kinds]
        bars = look.bars(
            "Table", f"{total:,} rows by {self.scorer.verdict}", shares, self.scorer.tones, empty="No row was scored"
        )
        said = "A cell that a spreadsheet would run as a formula begins with an apostrophe."
        saved = link(file, f"{table.name.rsplit('.', 1)[0]}-scored.csv")
        head = f'<div class="so-above"><span class="so-note">{said}</span>{saved}</div>'
        return f'<div class="so so-scored">{head}{bars}{self._preview(added)}</div>'

    def _preview(self, added: list[dict[str, Any]]) -> str:
        heads = "".join(f'<th scope="col">{look.text(name)}</th>' for name in ("Row", *self.scorer.columns, PROBLEM))
        rows = [
            f'<tr><th scope="row">{number:,}</th>'
            + "".join(f"<td>{look.text(_short(row.get(name)))}</td>" for name in (*self.scorer.columns, PROBLEM))
            + "</tr>"
            for number, row in enumerate(added[:SHOWN_ROWS], start=1)
        ]
        title = f"First {len(rows)} rows" if len(added) > len(rows) else "All rows"
        return (
            f'<section class="so-card"><h3>{title}</h3>'
            f'<div class="so-wide" role="region" aria-label="{title}" tabindex="0">'
            f'<table class="so-figures"><thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
            "</div></section>"
        )


def progress(done: int, total: int) -> str:
    """Return how many rows were read, as a bar that says so to a screen reader as well."""
    line = f"{done:,} of {total:,} rows are read"
    bar = f'<progress max="{total}" value="{done}" aria-label="Rows that are read">{line}</progress>'
    return _page(f'<div class="so-card"><span class="so-note">{line}</span>{bar}</div>')


def _page(content: str) -> str:
    return f'<div class="so">{content}</div>'


def _wrong(line: str) -> str:
    return _page(look.notice("stop", "Nothing was scored.", line))


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    line = " ".join(str(cell(value)).split())
    return line if len(line) <= SHOWN_CHARACTERS else f"{line[: SHOWN_CHARACTERS - 1]}…"
