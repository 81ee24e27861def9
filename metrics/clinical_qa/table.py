"""Tables of questions as people paste them: CSV with a header, JSON lines, or a JSON list."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from typing import Any

COLUMNS = {
    "id": ("id", "ids", "qid", "question_id"),
    "prediction_text": ("prediction_text", "prediction", "predicted_answer", "answer_predicted"),
    "answers": ("answers", "answer", "gold", "gold_answer", "gold_answers", "reference"),
    "category": ("category", "predicted_category"),
    "category_probabilities": ("category_probabilities",),
    "gold_category": ("gold_category", "true_category", "category_gold"),
    "category_probs": ("category_probs",),
    "no_answer_probability": ("no_answer_probability", "no_answer", "na_prob"),
    "span_labelled": ("span_labelled",),
    "group": ("group", "groups", "note", "note_id"),
}
PREDICTED = ("prediction_text", "category", "category_probabilities", "no_answer_probability")
TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def parse_table(
    text: str, categories: tuple[str, ...], most: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[str] | None]:
    """Return predictions, references and groups (None without such a column), as `qa_figures` takes them.

    In a CSV table several gold answers, and several gold categories of equal weight, are separated by `|`; an empty
    cell of gold answers is an unanswerable question. In JSON each row holds the same fields; `answers` may be a list of
    texts or {"text": [...], "answer_start": [...]}.

    Args:
        text: the table.
        categories: names of the categories.
        most: rows that are taken.

    Raises:
        ValueError: the text is no such table; the message names the line or row.

    >>> table = "id,prediction,answers\\nq1,rash,rash|a red rash\\nq2,,\\n"
    >>> predictions, references, _ = parse_table(table, ("Symptoms",), 10)
    >>> predictions[1], references[0]["answers"]
    ({'id': 'q2', 'prediction_text': ''}, {'text': ['rash', 'a red rash']})
    """
    start = text.lstrip("\ufeff \t\r\n")
    if not start:
        raise ValueError("The table is empty: paste a header and a line for each question")
    rows = _json_rows(start) if start[0] in "[{" else _csv_rows(text.lstrip("\ufeff"))
    if not rows:
        raise ValueError("The table has a header and no rows")
    if len(rows) > most:
        raise ValueError(f"The table has {len(rows):,} rows; this page takes {most:,}: load the metric instead")
    predictions, references, groups = [], [], []
    for place, (where, row) in enumerate(rows, start=1):
        row_id = row.get("id")
        common = {"id": str(place) if row_id in (None, "") else row_id}
        predictions.append(common | {name: row[name] for name in PREDICTED if name in row})
        references.append(common | _reference(row, categories, where))
        groups.append(row.get("group"))
    if all(group is None for group in groups):
        return predictions, references, None
    if any(group in (None, "") for group in groups):
        raise ValueError("Some rows lack a group: give every row one, or none")
    return predictions, references, [str(group) for group in groups]


def _reference(row: Mapping[str, Any], categories: tuple[str, ...], where: str) -> dict[str, Any]:
    answers = row.get("answers")
    if isinstance(answers, str):
        answers = [answers] if answers else []
    reference: dict[str, Any] = {"answers": {"text": answers} if isinstance(answers, list) else answers}
    labelled = row.get("span_labelled")
    reference["span_labelled"] = answers is not None if labelled is None else labelled
    reference["category_probs"] = row.get("category_probs")
    gold = row.get("gold_category") or []
    if gold:
        names = [gold] if isinstance(gold, str) else gold
        unknown = [name for name in names if name not in categories]
        if unknown:
            raise ValueError(f"{where}: the gold category is none of {', '.join(categories)}")
        reference["category_probs"] = [(name in names) / len(set(names)) for name in categories]
    return reference


def _json_rows(text: str) -> list[tuple[str, dict[str, Any]]]:
    try:
        if text[0] == "[":
            rows = [(f"Row {at}", row) for at, row in enumerate(json.loads(text), start=1)]
        else:
            lines = enumerate(text.splitlines(), start=1)
            rows = [(f"Line {at}", json.loads(line)) for at, line in lines if line.strip()]
    except (json.JSONDecodeError, RecursionError) as error:
        place = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise ValueError(
            f"This is neither JSON lines nor a JSON list{place}: give one object for each question"
        ) from None
    for where, row in rows:
        if not isinstance(row, dict):
            raise ValueError(f"{where} is a {type(row).__name__}: give an object for each question")
    places = _places({name for _, row in rows for name in row})
    return [(where, {role: row[name] for role, name in places.items() if name in row}) for where, row in rows]


def _csv_rows(text: str) -> list[tuple[str, dict[str, Any]]]:
    delimiter = max("\t;,", key=text.lstrip().splitlines()[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    header = [cell.strip().lower() for cell in lines[0][1]]
    places = {role: header.index(name) for role, name in _places(set(header)).items()}
    rows = []
    for number, cells in lines[1:]:
        where = f"Line {number}"
        if len(cells) <= max(places.values()):
            raise ValueError(f"{where} lacks a value: {len(header)} columns were expected")
        row = {}
        for role, at in places.items():
            value = READ[role](cells[at].strip(), where) if role in READ else cells[at].strip()
            row |= {} if value is None else {role: value}
        rows.append((where, row))
    return rows


def _places(names: set[str]) -> dict[str, str]:
    """Return {role: the name under which the table has it}."""
    found = {role: name for role, known in COLUMNS.items() for name in reversed(known) if name in names}
    if "answers" not in found and not {"gold_category", "category_probs"} & found.keys():
        raise ValueError("The table lacks what is true: name a column answers, or gold_category")
    if not {"prediction_text", "category", "category_probabilities"} & found.keys():
        raise ValueError("The table lacks what the model said: name a column prediction_text, or category")
    return found


def _number(cell: str, where: str) -> float | None:
    try:
        return float(cell) if cell else None
    except ValueError:
        raise ValueError(f"{where}: the no-answer probability is no number") from None


def _numbers(cell: str, where: str) -> list[float] | None:
    try:
        return [float(part) for part in cell.strip("[]").replace("|", " ").replace(",", " ").split()] or None
    except ValueError:
        raise ValueError(f"{where}: the probabilities are no numbers; give five, with spaces between") from None


def _truth(cell: str, where: str) -> bool | None:
    if cell and cell.lower() not in TRUTH:
        raise ValueError(f"{where}: span_labelled is neither true nor false")
    return TRUTH.get(cell.lower())


def _texts(cell: str, where: str) -> list[str]:
    return [part.strip() for part in cell.split("|") if part.strip()]


READ: dict[str, Callable[[str, str], Any]] = {
    "answers": _texts,
    "gold_category": _texts,
    "category": lambda cell, where: cell or None,
    "no_answer_probability": _number,
    "category_probabilities": _numbers,
    "category_probs": _numbers,
    "span_labelled": _truth,
}
