"""FDA device reports (MAUDE) as a `datasets` builder: raw source → Parquet rows with a severity class.

builder = MaudeBuilder(source="device-event-0001-of-0003.json.zip")
builder.download_and_prepare(file_format="parquet")
dataset = builder.as_dataset(split="train")
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import datasets
import numpy as np
import pyarrow as pa

from secondopinion.core.errors import InputError
from secondopinion.core.fingerprint import RowFingerprint
from secondopinion.core.policy import CorpusPolicy
from secondopinion.core.progress import progress

from ..building import CorpusBuilder
from .configuration import MaudeConfig
from .facts import Tally, source_facts
from .grouping import Groups, group_rows
from .labels import LABEL_NAMES
from .openers import open_source
from .source import Source
from .staging import META, Staging

HOMEPAGE = "https://open.fda.gov/apis/device/event/"
CITATION = (
    "U.S. Food and Drug Administration: Manufacturer and User Facility Device Experience (MAUDE) database, "
    "by way of openFDA. https://open.fda.gov/apis/device/event/"
)
POLICY = CorpusPolicy(
    licence="cc0-1.0",
    text_may_leave_machine=True,
    publish_text=True,
    publish_models=True,
    contains_patient_text=True,
)
SCHEMA_VERSION = 1
FEATURES = datasets.Features(
    {
        "id": datasets.Value("string"),
        "text": datasets.Value("string"),
        "label": datasets.ClassLabel(names=list(LABEL_NAMES)),
        "group": datasets.Value("string"),
        "meta": {
            part.name: datasets.List(datasets.Value("string"))
            if pa.types.is_list(part.type)
            else datasets.Value("bool" if pa.types.is_boolean(part.type) else "string")
            for part in META
        },
    }
)


class MaudeBuilder(CorpusBuilder):
    """Builds the device-report severity data set; see `MaudeConfig` for its options.

    After `download_and_prepare` the facts (counts, drops by reason, duplicates, label noise, fingerprint) are
    in `facts`, and in `prepare.json` beside the data.
    """

    BUILDER_CONFIG_CLASS = MaudeConfig
    policy: ClassVar[CorpusPolicy] = POLICY
    source_hint: ClassVar[str] = (
        'a folder or file, or one of api, bulk, synthetic. For example: MaudeBuilder(source="synthetic")'
    )

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(
            description="FDA medical-device reports with their severity: Death, Injury, Malfunction, Other.",
            features=FEATURES,
            homepage=HOMEPAGE,
            citation=CITATION,
            license=POLICY.licence,
        )

    @property
    def work_folder(self) -> Path:
        """Where unfinished work is kept."""
        if self.config.work_dir:
            return Path(self.config.work_dir)
        return Path(self._cache_dir_root) / "maude-work" / self.config_id

    def source(self) -> Source:
        """Return the source that the configuration names."""
        return open_source(self.config, self.work_folder)

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        config = self.config
        staging = Staging(self.work_folder, {"schema_version": SCHEMA_VERSION, **config.options()})
        source = self.source()
        staging.read(source, config.text_options, config.limit, config.skip_damaged)
        if not staging.rows:
            raise InputError(_nothing_left(staging))
        groups = group_rows(staging, config.near_duplicates)
        self._source, self._staging, self._groups = source, staging, groups
        return [datasets.SplitGenerator(name="train", gen_kwargs={"staging": staging, "groups": groups})]

    def _generate_tables(self, staging: Staging, groups: Groups) -> Iterator[tuple[int, pa.Table]]:
        tally, fingerprint = Tally(), RowFingerprint()
        schema = FEATURES.arrow_schema
        tables = staging.tables(["id", "text", "label", "meta"])
        for first, table in progress(tables, label="writing rows", unit="batch"):
            numbers = np.arange(first, first + table.num_rows)
            living = np.flatnonzero(groups.alive[numbers])
            if not len(living):
                continue
            table = table.take(living)
            table = table.append_column("group", pa.array(groups.names(numbers[living])))
            table = table.select(schema.names).cast(schema)
            tally.add(table)
            for row in zip(*(table[c].to_pylist() for c in ("id", "text", "label")), strict=True):
                fingerprint.update([row[0], row[1], LABEL_NAMES[row[2]]])
            yield first, table
        self._tally, self._fingerprint = tally, fingerprint

    def collect_facts(self) -> dict[str, Any]:
        """Return counts, dates, duplicates and label noise of the rows that were just written."""
        return {
            "schema_version": SCHEMA_VERSION,
            "source": self._source.kind,
            "label_names": list(LABEL_NAMES),
            **self._tally.facts(),
            "groups": self._groups.groups,
            "duplicates": self._groups.facts,
            "fingerprint": self._fingerprint.hexdigest(),
            "synthetic": self._source.kind == "synthetic",
            **source_facts(self._staging, self._source, self._groups.repeated),
        }

    def download_and_prepare(self, output_dir: str | None = None, **kwargs: Any) -> None:
        """Read the source and write the data; see `datasets.DatasetBuilder.download_and_prepare`.

        Raises:
            InputError: nothing is there to read, or it is damaged; finished pieces are kept for the next try.
            DiskFullError: no room was left; likewise.
        """
        super().download_and_prepare(output_dir, **kwargs)
        if not self.config.work_dir:
            shutil.rmtree(self.work_folder, ignore_errors=True)


def _nothing_left(staging: Staging) -> str:
    dropped: Counter[str] = Counter()
    for facts in staging.done:
        dropped.update(facts["dropped"])
    read = sum(facts["read"] for facts in staging.done)
    if not read:
        return "the source holds no reports"
    reasons = "; ".join(f"{count:,} {reason}" for reason, count in sorted(dropped.items()))
    return (
        f"none of the {read:,} reports that were read has both a label and a narrative ({reasons}). "
        "Raw files need mdrfoi*.txt for the labels; other kinds of text are chosen with narratives"
    )
