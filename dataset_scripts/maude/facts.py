"""What is counted while rows are written: classes, dates, and how far labels and narratives disagree."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..preparing import peak_memory_mb
from .labels import LABEL_NAMES
from .records import REPEATED_KEY
from .source import Source
from .staging import Staging

_DEATH = LABEL_NAMES.index("Death")


class Tally:
    """Counts over the rows that are written."""

    def __init__(self) -> None:
        self.rows = self.dated = 0
        self.labels: Counter[int] = Counter()
        self.first: str | None = None
        self.last: str | None = None
        self.by_keyword: Counter[tuple[int, bool]] = Counter()
        self.by_outcome: Counter[tuple[int, bool | None]] = Counter()
        self.both: Counter[int] = Counter()

    def add(self, table: pa.Table) -> None:
        """Count one table of final rows."""
        labels = table["label"].to_pylist()
        meta = table["meta"].combine_chunks()
        keyword, outcome = (
            pc.struct_field(meta, name).to_pylist() for name in ("death_by_keyword", "death_by_outcome")
        )
        dates = pc.struct_field(meta, "date_received").drop_null()
        self.rows += len(labels)
        self.labels.update(labels)
        self.by_keyword.update(zip(labels, keyword, strict=True))
        self.by_outcome.update(zip(labels, outcome, strict=True))
        self.both.update(n for n, k, o in zip(labels, keyword, outcome, strict=True) if k and o)
        if len(dates):
            span = pc.min_max(dates).as_py()
            self.first = min(filter(None, (self.first, span["min"])))
            self.last = max(filter(None, (self.last, span["max"])))
            self.dated += len(dates)

    def facts(self) -> dict[str, Any]:
        """Return rows, class counts, dates and label noise."""
        return {
            "rows": self.rows,
            "class_counts": {name: self.labels[i] for i, name in enumerate(LABEL_NAMES)},
            "date_range": [self.first, self.last] if self.first else None,
            "rows_without_date": self.rows - self.dated,
            "label_noise": {
                "keyword": self._noise(self.by_keyword),
                "outcome_code": {
                    "rows_with_an_outcome": sum(n for (_, v), n in self.by_outcome.items() if v is not None),
                    **self._noise(self.by_outcome),
                },
                "keyword_and_outcome_filed_otherwise": {
                    name: self.both[i] for i, name in enumerate(LABEL_NAMES) if i != _DEATH
                },
            },
        }

    def _noise(self, counts: Counter) -> dict[str, Any]:
        """Compare "tells of a death" with the label; precision and recall take the label as the truth."""
        told_otherwise = {name: counts[i, True] for i, name in enumerate(LABEL_NAMES) if i != _DEATH}
        agreed, untold = counts[_DEATH, True], counts[_DEATH, False]
        told = agreed + sum(told_otherwise.values())
        return {
            "tells_of_death": told,
            "filed_as_death": agreed,
            "filed_otherwise": told_otherwise,
            "share_filed_otherwise": (told - agreed) / told if told else None,
            "filed_as_death_but_does_not_tell": untold,
            "precision": agreed / told if told else None,
            "recall": agreed / (agreed + untold) if agreed + untold else None,
        }


def source_facts(staging: Staging, source: Source, repeated: int) -> dict[str, Any]:
    """Return what was read: totals, drops by reason, and each file with its state."""
    dropped: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    for unit in staging.done:
        dropped.update(unit["dropped"])
        unknown.update(unit["unknown_event_types"])
    if repeated:
        dropped[REPEATED_KEY] = repeated
    read = sum(unit["read"] for unit in staging.done)
    seconds = sum(unit["seconds"] for unit in staging.done)
    return {
        "read": read,
        "dropped": dict(sorted(dropped.items())),
        "unknown_event_types": dict(sorted(unknown.items())),
        "truncated_narratives": sum(unit["truncated"] for unit in staging.done),
        "left_out": sorted(source.left_out),
        "files": {
            unit["name"]: {
                "rows": unit["read"],
                "complete": unit["complete"],
                "damage": unit["damage"],
                **{k: v for k, v in unit["notes"].items() if k != "next"},
            }
            for unit in staging.done
        },
        "reading_seconds": seconds,
        "peak_memory_mb": peak_memory_mb(),
    }
