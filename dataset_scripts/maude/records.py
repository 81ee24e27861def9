"""One report as openFDA or the raw files give it → one row, or the reason why there is none."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .labels import label_of, outcome_words, tells_of_death
from .text import Boilerplate, Casing, Names, Redaction, clean_narrative, is_named, join_narratives

NARRATIVES = {
    "description": "Description of Event or Problem",
    "evaluation": "Manufacturer Evaluation Summary",
    "additional": "Additional Manufacturer Narrative",
}
_KIND_OF = {
    **{words.lower(): kind for kind, words in NARRATIVES.items()},
    "d": "description",
    "e": "evaluation",
    "n": "additional",
}
_REPORT_SOURCES = {
    "P": "Voluntary report",
    "U": "User Facility report",
    "D": "Distributor report",
    "M": "Manufacturer report",
}

NO_KEY = "no mdr_report_key"
NOT_A_RECORD = "not a record"
NO_NARRATIVE = "narrative: none of the chosen kinds"
EMPTY_NARRATIVE = "narrative: empty"
REPEATED_KEY = "repeated mdr_report_key"

_DATE_FORMATS = ("%Y%m%d", "%m/%d/%Y", "%Y-%m-%d", "%d-%b-%Y", "%d-%b-%y", "%Y/%m/%d", "%m-%d-%Y", "%m/%d/%y")
_SPACE = re.compile(r"\s+")
_TIME = re.compile(r"[ T]\d.*")


@dataclass(frozen=True)
class TextOptions:
    """What becomes of a narrative; the fields are those of `MaudeConfig`."""

    narratives: tuple[str, ...] = ("description",)
    redaction: Redaction = "mark"
    names: Names = "mask"
    boilerplate: Boilerplate = "drop"
    casing: Casing = "lower"
    max_characters: int = 100_000


@dataclass
class Row:
    """A labelled report.

    Attributes:
        columns: `id`, `text`, `label` (a name) and the fields of `meta`.
        event_key: of the event, "" where the source leaves it blank.
        truncated: whether the narrative was cut at `max_characters`.
    """

    columns: dict[str, Any]
    event_key: str
    truncated: bool


def parse_date(value: object) -> str | None:
    """Return a date as YYYY-MM-DD, None when it is blank or no date.

    >>> parse_date("20101231"), parse_date("10/08/2009"), parse_date("08-OCT-2009"), parse_date("soon")
    ('2010-12-31', '2009-10-08', '2009-10-08', None)
    """
    text = str(value or "").strip()
    text = _TIME.sub("", text)
    if len(text) == 8 and text.isdigit():
        year, month, day = int(text[:4]), int(text[4:6]), int(text[6:])
        try:
            return dt.date(year, month, day).isoformat()
        except ValueError:
            return None
    for known in _DATE_FORMATS if text else ():
        try:
            return dt.datetime.strptime(text.title(), known).date().isoformat()
        except ValueError:
            continue
    return None


def parse_key(value: object) -> str:
    """Return a report key without the blanks and the `.0` that raw files add.

    >>> parse_key(" 123.0")
    '123'
    """
    return re.sub(r"\.0*$", "", str(value if value is not None else "").strip())


def field(record: Mapping[str, Any], name: str) -> str:
    """Return a field as one clean string; a list is joined by "; "."""
    value = record.get(name)
    if isinstance(value, list):
        value = "; ".join(str(part) for part in value if part)
    return _SPACE.sub(" ", str(value)).strip() if value not in (None, "") else ""


def _dicts(value: Any) -> Sequence[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


@dataclass(frozen=True)
class Narrative:
    """What a report tells.

    Attributes:
        text: cleaned.
        kinds: of the narratives that it was joined from.
        truncated: whether it was cut at `max_characters`.
    """

    text: str
    kinds: list[str]
    truncated: bool


def narrative_of(record: Mapping[str, Any], options: TextOptions) -> Narrative | str:
    """Return the text of a report, or the reason why it has none.

    Args:
        record: as for `convert`; its event type does not matter.
        options: choice and cleaning of narratives.
    """
    parts, kinds = [], []
    filed = [
        (_KIND_OF.get(str(n.get("text_type_code") or "").strip().lower()), n) for n in _dicts(record.get("mdr_text"))
    ]
    for kind in options.narratives:
        found = [str(n.get("text") or "") for k, n in filed if k == kind]
        if found:
            kinds.append(kind)
            parts.extend(found)
    if not kinds:
        return NO_NARRATIVE
    text = join_narratives(parts)
    truncated = len(text) > options.max_characters

    brand, generic, manufacturer = _names(record, next(iter(_dicts(record.get("device"))), {}))
    text = clean_narrative(
        text[: options.max_characters],
        brand=brand,
        manufacturer=manufacturer,
        generic=generic,
        redaction=options.redaction,
        names=options.names,
        boilerplate=options.boilerplate,
        casing=options.casing,
    )
    if not any(character.isalnum() for character in text):
        return EMPTY_NARRATIVE
    return Narrative(text, kinds, truncated)


def _names(record: Mapping[str, Any], device: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return brand, generic name and manufacturer."""
    manufacturer = field(device, "manufacturer_d_name") or field(record, "manufacturer_name")
    return field(device, "brand_name"), field(device, "generic_name"), manufacturer


def convert(record: Any, partition: str, options: TextOptions) -> Row | str:
    """Return the row of a report, or the reason why it has none.

    Args:
        record: one element of openFDA's `results[]` (or the same shape built from the raw files).
        partition: name of the file or page it came from.
        options: choice and cleaning of narratives.
    """
    if not isinstance(record, Mapping):
        return NOT_A_RECORD
    key = parse_key(record.get("mdr_report_key"))
    if not key:
        return NO_KEY
    label, reason = label_of(record.get("event_type"))
    if label is None:
        return str(reason)

    told = narrative_of(record, options)
    if isinstance(told, str):
        return told
    text, kinds, truncated = told.text, told.kinds, told.truncated
    device = next(iter(_dicts(record.get("device"))), {})
    brand, generic, manufacturer = _names(record, device)

    patients = _dicts(record.get("patient"))
    outcomes: list[Any] = []
    for patient in patients:
        value = patient.get("sequence_number_outcome")
        outcomes.extend(value if isinstance(value, list) else [value])
    outcomes = outcome_words(outcomes)
    group = next((name.upper() for name in (generic, brand) if is_named(name)), "UNKNOWN")
    source = field(record, "report_source_code")
    return Row(
        columns={
            "id": key,
            "text": text,
            "label": label,
            "meta": {
                "event_key": parse_key(record.get("event_key")) or None,
                "report_number": field(record, "report_number") or None,
                "date_received": parse_date(record.get("date_received")),
                "device_group": group,
                "brand_name": brand or None,
                "generic_name": generic or None,
                "manufacturer": manufacturer or None,
                "product_code": field(device, "device_report_product_code") or None,
                "report_source": _REPORT_SOURCES.get(source.upper(), source) or None,
                "narratives": "+".join(kinds),
                "outcomes": outcomes,
                "death_by_keyword": tells_of_death(text),
                "death_by_outcome": ("Death" in outcomes) if outcomes else None,
                "partition": partition,
            },
        },
        event_key=parse_key(record.get("event_key")),
        truncated=truncated,
    )
