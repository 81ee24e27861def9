"""Authored long case letters as a `datasets` builder.

builder = SyntheticLongCasesBuilder(cases=500, late=0.75)
builder.download_and_prepare(file_format="parquet")
dataset = builder.as_dataset(split="train")
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar

import datasets
import pyarrow as pa

from secondopinion.core.fingerprint import RowFingerprint
from secondopinion.core.policy import CorpusPolicy

from ..building import CorpusBuilder
from ..maude.synthetic import units
from .cases import write_cases
from .configuration import SyntheticLongCasesConfig
from .findings import LABELS

POLICY = CorpusPolicy(
    licence="cc0-1.0",
    text_may_leave_machine=True,
    publish_text=True,
    publish_models=True,
    contains_patient_text=False,
)
FEATURES = datasets.Features(
    {
        "id": datasets.Value("string"),
        "text": datasets.Value("string"),
        "label": datasets.ClassLabel(names=list(LABELS)),
        "group": datasets.Value("string"),
        "fold": datasets.Value("int32"),
        "meta": {
            "specialty": datasets.Value("string"),
            "finding": datasets.Value("string"),
            "named": datasets.Value("string"),
            "value": datasets.Value("float64"),
            "unit": datasets.Value("string"),
            "threshold": datasets.Value("float64"),
            "evidence_start": datasets.Value("int32"),
            "evidence_end": datasets.Value("int32"),
            "evidence_share": datasets.Value("float64"),
            "evidence_units": datasets.Value("int32"),
            "evidence_sentences": datasets.Value("int32"),
            "units": datasets.Value("int32"),
            "long": datasets.Value("bool"),
        },
    }
)


class SyntheticLongCasesBuilder(CorpusBuilder):
    """Generates letters, each with a class that one measurement decides; see `SyntheticLongCasesConfig`."""

    BUILDER_CONFIG_CLASS = SyntheticLongCasesConfig
    policy: ClassVar[CorpusPolicy] = POLICY
    source_hint: ClassVar[str] = "the word 'synthetic'"

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(
            description="Authored case letters, short and long, whose class one measurement among many decides.",
            features=FEATURES,
            license=POLICY.licence,
        )

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        return [datasets.SplitGenerator(name="train", gen_kwargs={"config": self.config})]

    def _generate_tables(self, config: SyntheticLongCasesConfig) -> Iterator[tuple[int, pa.Table]]:
        self._rows: list[dict[str, Any]] = []
        fingerprint = RowFingerprint()
        for number, (fold, letter) in enumerate(
            write_cases(config.cases, config.held_out, config.long, config.late, config.distraction, config.seed)
        ):
            start, end = letter.evidence
            row = {
                "id": f"long-case-{number:05d}",
                "text": letter.text,
                "label": LABELS.index(letter.label),
                "group": f"long-case-{number:05d}",
                "fold": fold,
                "meta": {
                    "specialty": letter.specialty,
                    "finding": letter.finding,
                    "named": letter.name,
                    "value": letter.value,
                    "unit": letter.unit,
                    "threshold": letter.threshold,
                    "evidence_start": start,
                    "evidence_end": end,
                    "evidence_share": round(start / len(letter.text), 4),
                    "evidence_units": units(letter.text[:end]),
                    "evidence_sentences": letter.sentences,
                    "units": units(letter.text),
                    "long": letter.long,
                },
            }
            fingerprint.update([row["id"], row["text"], letter.label])
            self._rows.append(row)
        self._fingerprint = fingerprint.hexdigest()
        yield 0, pa.Table.from_pylist(self._rows, schema=FEATURES.arrow_schema)

    def collect_facts(self) -> dict[str, Any]:
        """Return counts of classes, folds, lengths, places and specialties."""
        rows, metas = self._rows, [row["meta"] for row in self._rows]
        classes = Counter(row["label"] for row in rows)
        lengths = sorted(meta["units"] for meta in metas)
        return {
            "source": "generated",
            "synthetic": True,
            "read": len(rows),
            "rows": len(rows),
            "dropped": {},
            "class_counts": {name: classes[place] for place, name in enumerate(LABELS)},
            "label_names": list(LABELS),
            "groups": len(rows),
            "fingerprint": self._fingerprint,
            "folds": {str(fold): count for fold, count in sorted(Counter(row["fold"] for row in rows).items())},
            "long": sum(meta["long"] for meta in metas),
            "beyond_512": sum(meta["evidence_units"] > 512 for meta in metas),
            "units": {"smallest": lengths[0], "median": round(statistics.median(lengths)), "largest": lengths[-1]},
            "specialties": dict(sorted(Counter(meta["specialty"] for meta in metas).items())),
            "findings": dict(sorted(Counter(meta["finding"] for meta in metas).items())),
            "files": {},
        }
