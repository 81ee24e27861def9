"""The texts of openFDA's reports as they come, for models that are to classify them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .bulk import read_zip
from .records import TextOptions, narrative_of, parse_key


def partition_texts(path: Path, **options: Any) -> Iterator[tuple[str | None, str | None]]:
    """Yield the key and the text of every report of a partition, null where it has none.

    Args:
        path: a `.zip` of openFDA's device/event.
        **options: fields of `TextOptions`; what is no field of it, as in the options that `prepare` recorded, counts
            for nothing here.

    Raises:
        DamagedSource: the file was cut off, or is none of openFDA's.
    """
    own = {field.name for field in dataclasses.fields(TextOptions)}
    chosen = {name: value for name, value in options.items() if name in own}
    if "narratives" in chosen:
        chosen["narratives"] = tuple(chosen["narratives"])
    settings = TextOptions(**chosen)
    for record in read_zip(path, path.name):
        if not isinstance(record, Mapping):
            yield None, None
            continue
        told = narrative_of(record, settings)
        yield parse_key(record.get("mdr_report_key")) or None, None if isinstance(told, str) else told.text


__all__ = ["partition_texts"]
