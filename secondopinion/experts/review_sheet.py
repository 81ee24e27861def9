"""Review in a spreadsheet: rows of a queue as CSV, and the filled-in CSV back into the queue."""

from __future__ import annotations

import csv
import io
import os
import re
import sys
from pathlib import Path

from ..core.errors import InputError
from ..core.files import atomic_file
from .review_queue import ReviewQueue

COLUMNS = ("id", "text", "classes", "classifier", "score", "why", "label", "note")
WEEK_S = 7 * 86400.0
CANNOT_SAY = "?"

# A spreadsheet runs a cell that starts like this as a formula (OWASP, "CSV Injection"); a quote in front stops it.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


def export_sheet(
    queue: ReviewQueue, path: str | os.PathLike, reviewer: str, limit: int | None = None, lease_s: float = WEEK_S
) -> int:
    """Write unanswered rows as CSV for one person to fill in; return how many.

    The rows are lent to that person meanwhile, so nobody else is handed them. The file is readable by its owner alone.

    Args:
        queue: where the rows wait.
        path: of the CSV file; written whole or not at all.
        reviewer: who fills it in: a class in the column `label`, or `?` for "cannot say".
        limit: rows at most.
        lease_s: seconds that the rows are lent for.

    Raises:
        InputError: `reviewer` is empty.
        DiskFullError: no room is left.
    """
    rows = queue.take(reviewer, limit, lease_s)
    with atomic_file(path) as temporary:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        # The byte-order mark tells spreadsheets that the file is UTF-8.
        with open(handle, "w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL)
            writer.writerow(COLUMNS)
            for row in rows:
                score = "" if row.score is None else f"{row.score:.6g}"
                cells = [row.id, row.text, " | ".join(row.label_names), row.answer or "", score, row.why or "", "", ""]
                writer.writerow([_harmless(cell) for cell in cells])
    return len(rows)


def import_sheet(queue: ReviewQueue, path: str | os.PathLike, reviewer: str) -> int:
    """Take the answers of a filled-in CSV into the queue, all or none; return how many are new.

    Rows with an empty `label` are left waiting. Only `id`, `label` and `note` are read; the delimiter may be a comma,
    a semicolon or a tab, as the spreadsheet saved it.

    Raises:
        InputError: the file is missing or has no such columns; a row is not in the queue, is lent to somebody else or
            stands there twice; a label is none of its classes.
    """
    answers, seen = [], set()
    for number, row in enumerate(_read(Path(path)), 2):
        label, note = _original(row["label"] or "").strip(), _original(row.get("note") or "").strip()
        if not label:
            continue
        id = _original(row["id"] or "")
        if id in seen:
            raise InputError(f"{path}, row {number}: {id!r} has an answer further up already; keep one of them")
        seen.add(id)
        answers.append((id, None if label == CANNOT_SAY else label, reviewer, note or None))
    return queue.answer_all(answers)


def _read(path: Path) -> list[dict[str, str]]:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    first = text.partition("\n")[0]
    csv.field_size_limit(sys.maxsize)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    try:
        rows = list(reader)
    except csv.Error as error:
        raise InputError(f"{path} is not CSV ({error}); save the sheet as CSV again") from None
    missing = [name for name in ("id", "label") if name not in (reader.fieldnames or ())]
    if missing:
        raise InputError(f"{path} lacks the column {missing[0]!r}; keep the header line: {', '.join(COLUMNS)}")
    return rows


def _harmless(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _original(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
