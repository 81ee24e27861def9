"""Which rows belong together: by class, by length, and by what the data say of a row (date, device, maker)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.errors import InputError, closest
from ..data import TrainingData

LENGTH, YEAR = "length", "year"
_DATE = re.compile(r"(\d{4})-?\d{2}-?\d{2}")
UNKNOWN = "not known"
_OTHER = "other ({count:,} values)"


@dataclass(frozen=True)
class Slice:
    """Some of the rows.

    Attributes:
        by: what they have in common.
        value: in words.
        rows: (rows,) whether each is one of them.
    """

    by: str
    value: str
    rows: np.ndarray


def slices_of(
    by: Sequence[str],
    properties: Mapping[str, np.ndarray],
    data: TrainingData | None,
    rows: np.ndarray | None,
    *,
    most: int,
    least: int,
) -> list[Slice]:
    """Return the slices of the rows by each of some properties.

    Args:
        by: one of `properties`, `length` (in words, thirds), `year` (of the one date among the columns), or a column,
            or a field of `meta`; a part of a name is enough where one name has it. Dates become years, numbers thirds.
        properties: name → (rows,) what is known without the data.
        data: the rows with their texts, for all others.
        rows: (rows,) their places in `data`.
        most: values of a property that are kept, those with the most rows; the others are one slice.
        least: rows that a slice has at least; smaller ones are left out.

    Raises:
        InputError: a name is unknown or stands for several, or there is no data.
    """
    found: list[Slice] = []
    for name in by:
        if name in properties:
            values = [(str(value),) for value in properties[name]]
        else:
            if data is None:
                raise InputError(f"slices by {name!r} need the rows themselves; give them with --data")
            values = _values(name, data, rows, list(properties))
        found += _cut(name, values, most, least)
    return found


def _values(name: str, data: TrainingData, rows: np.ndarray, properties: list[str]) -> list[tuple[str, ...]]:
    if name == LENGTH:
        return _thirds(np.array([len(text.split()) for text in data.texts(rows)]), " words")
    column = list(_column(name, data, rows, properties))
    known = [value for value in column if value not in (None, "", [])]
    if known and all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
        numbers = np.array([np.nan if value is None else value for value in column], dtype=np.float64)
        if len(np.unique(numbers[~np.isnan(numbers)])) > 8:
            return _thirds(numbers, "")
    dated = bool(known) and all(isinstance(value, str) and _DATE.match(value) for value in known)
    if name == YEAR and not dated:
        raise InputError(f"the column for {YEAR!r} holds no dates such as 2026-01-31")
    return [_words(value, dated) for value in column]


def _column(name: str, data: TrainingData, rows: np.ndarray, properties: list[str]) -> Iterator[Any]:
    chosen = data.dataset.select(rows)
    fields = {column: (column, None) for column in chosen.column_names if column not in (data.text_column, "meta")}
    if "meta" in chosen.column_names and isinstance(chosen.features["meta"], dict):
        fields |= {field: ("meta", field) for field in chosen.features["meta"]}
    if name == YEAR:
        wanted = [field for field in fields if "date" in field or field == YEAR]
    else:
        wanted = [name] if name in fields else [field for field in fields if name in field]
    if len(wanted) != 1:
        known = ", ".join([*properties, LENGTH, *fields])
        hint = f"it stands for {', '.join(wanted)}" if wanted else closest(name, [*properties, LENGTH, YEAR, *fields])
        raise InputError(f"no single column {name!r} to make slices by ({hint}); known: {known}")
    column, field = fields[wanted[0]]
    for value in chosen[column]:
        yield value if field is None else (value or {}).get(field)


def _words(value: Any, dated: bool) -> tuple[str, ...]:
    if value in (None, "", []):
        return (UNKNOWN,)
    if isinstance(value, list):
        return tuple(dict.fromkeys(str(one) for one in value))
    return (_DATE.match(value)[1],) if dated else (str(value),)


def _thirds(numbers: np.ndarray, unit: str) -> list[tuple[str, ...]]:
    low, high = np.quantile(numbers[~np.isnan(numbers)], [1 / 3, 2 / 3], method="lower")
    names = [f"up to {low:,g}{unit}", f"above {low:,g}, up to {high:,g}{unit}", f"above {high:,g}{unit}"]
    return [(UNKNOWN,) if np.isnan(number) else (names[int(number > low) + int(number > high)],) for number in numbers]


def _cut(name: str, values: Sequence[tuple[str, ...]], most: int, least: int) -> Iterator[Slice]:
    """Yield a slice for each of the commonest values, in the order of the words, then one for the others."""
    places: dict[str, list[int]] = {}
    for place, several in enumerate(values):
        for value in several:
            places.setdefault(value, []).append(place)
    commonest = sorted(places, key=lambda value: (-len(places[value]), value))
    kept = commonest if len(commonest) <= most else commonest[: most - 1]
    rest = commonest[len(kept) :]
    grouped = [(value, places[value]) for value in sorted(kept, key=_order)]
    if rest:
        grouped.append((_OTHER.format(count=len(rest)), sorted({place for value in rest for place in places[value]})))
    for value, own in grouped:
        if len(own) >= least:
            rows = np.zeros(len(values), dtype=bool)
            rows[own] = True
            yield Slice(name, value, rows)


def _order(value: str) -> tuple[int, str]:
    """Thirds from low to high, words by the alphabet, what is not known last."""
    if value == UNKNOWN:
        return 3, value
    return (0 if value.startswith("up to ") else 1 if ", up to " in value else 2), value
