"""FDA device reports (MAUDE) as a `datasets` builder: raw source → Parquet rows with a severity class.

builder = MaudeBuilder(source="device-event-0001-of-0003.json.zip")
builder.download_and_prepare(file_format="parquet")
dataset = builder.as_dataset(split="train")
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa

from secondopinion.core.errors import InputError, closest
from secondopinion.core.files import write_json
from secondopinion.core.fingerprint import RowFingerprint
from secondopinion.core.policy import CorpusPolicy
from secondopinion.core.progress import progress

from .duplicates import THRESHOLD
from .facts import Tally, source_facts
from .grouping import Groups, group_rows
from .labels import LABEL_NAMES
from .records import NARRATIVES, TextOptions
from .source import OPENFDA, Source
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
_CHOICES = {
    "redaction": ("mark", "drop", "keep"),
    "names": ("mask", "keep"),
    "boilerplate": ("drop", "keep"),
    "casing": ("lower", "keep"),
}
_NOT_IN_THE_ROWS = frozenset(
    {"name", "version", "data_dir", "data_files", "description", "api_key", "work_dir", "retries", "backoff"}
)


@dataclass
class MaudeConfig(datasets.BuilderConfig):
    """What to read and what to make of it.

    Attributes:
        source: a folder or file, or `api`, `bulk` (openFDA's download index) or `synthetic`.
        kind: overrides what `source` is taken for: `bulk`, `api`, `pages`, `raw`, `synthetic`.
        narratives: kinds of text to join, in this order: `description`, `evaluation`, `additional`.
        limit: read at most this many reports (of any source), labelled or not.
        redaction: redaction marks: `mark` them in one neutral form, `drop` them, or `keep` them as written.
        names: `mask` or `keep` makers' names and the report's own brand.
        boilerplate: `drop` or `keep` administrative sentences of makers' templates.
        casing: `lower` or `keep`; most reports are in capitals, newer ones are not.
        max_characters: longer narratives are cut there, and counted.
        near_duplicates: share of equal MinHash minima (it estimates the Jaccard similarity) from which two
            texts belong to one group.
        skip_damaged: keep what is readable of a damaged file instead of stopping.
        search: openFDA query for `api`, such as `device.generic_name:pump`.
        page_size: reports a page of the API, at most 1,000.
        partitions: of the download index, those whose name holds this or fits the pattern (`2019*`).
        base_url: of openFDA.
        api_key: for openFDA; else the environment's OPENFDA_API_KEY. Never recorded.
        reports: number of reports of `synthetic`.
        seed: of `synthetic`.
        work_dir: where unfinished work is kept, and stays; by default in the cache, until the work is done.
        retries: how often a request is tried again.
        backoff: seconds before the first retry.
    """

    version: datasets.Version | str | None = field(default_factory=lambda: datasets.Version("1.0.0"))
    source: str = ""
    kind: str | None = None
    narratives: tuple[str, ...] = ("description",)
    limit: int | None = None
    redaction: str = "mark"
    names: str = "mask"
    boilerplate: str = "drop"
    casing: str = "lower"
    max_characters: int = 100_000
    near_duplicates: float = THRESHOLD
    skip_damaged: bool = False
    search: str | None = None
    page_size: int = 1000
    partitions: str | None = None
    base_url: str = OPENFDA
    api_key: str | None = None
    reports: int = 800
    seed: int = 13
    work_dir: str | None = None
    retries: int = 6
    backoff: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.source = os.fspath(self.source)
        if isinstance(self.narratives, str):
            self.narratives = tuple(self.narratives.replace("+", ",").split(","))
        self.narratives = tuple(dict.fromkeys(n.strip() for n in self.narratives))
        for narrative in self.narratives or ("",):
            if narrative not in NARRATIVES:
                raise InputError(f"unknown kind of narrative {narrative!r}; {closest(narrative, NARRATIVES)}")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise InputError(f"{name} is {getattr(self, name)!r}; expected one of: {', '.join(choices)}")
        if self.limit is not None and self.limit < 1:
            raise InputError(f"limit is {self.limit}; give at least 1, or leave it out to read everything")
        if not 1 <= self.page_size <= 1000:
            raise InputError(f"page_size is {self.page_size}; openFDA gives 1 to 1,000 reports a page")
        if not 0 < self.near_duplicates <= 1:
            raise InputError(f"near_duplicates is {self.near_duplicates}; give a share above 0 and at most 1")
        if self.max_characters < 1:
            raise InputError(f"max_characters is {self.max_characters}; give at least 1")

    @property
    def text_options(self) -> TextOptions:
        """The fields that decide what becomes of a narrative."""
        return TextOptions(**{f.name: getattr(self, f.name) for f in fields(TextOptions)})

    def options(self) -> dict[str, Any]:
        """Return what decides the rows, for prepare.json: no key, of a local source the last part."""
        kept = {k: v for k, v in asdict(self).items() if k not in _NOT_IN_THE_ROWS}
        kept["narratives"] = list(self.narratives)
        kept["source"] = Path(self.source).name if self.source else ""
        return kept

    def create_config_id(self, config_kwargs: dict, custom_features: datasets.Features | None = None) -> str:
        """Return the cache folder's name: never with the API key, new when a local source changes."""
        kept = {k: v for k, v in config_kwargs.items() if k not in _NOT_IN_THE_ROWS or k == "name"}
        if "narratives" in kept:
            kept["narratives"] = "+".join(self.narratives)
        if "source" in kept:
            kept["source"] = _state_of(self.source)
        kept = {k: v for k, v in kept.items() if v is not None}
        return super().create_config_id(kept, custom_features)


def _state_of(source: str) -> str:
    path = Path(source).expanduser()
    if not path.exists():
        return source
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    state = [(p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in files]
    return datasets.fingerprint.Hasher.hash([str(path.resolve()), state])


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


class MaudeBuilder(datasets.ArrowBasedBuilder):
    """Builds the device-report severity data set; see `MaudeConfig` for its options.

    After `download_and_prepare` the facts (counts, drops by reason, duplicates, label noise, fingerprint) are
    in `facts`, and in `prepare.json` beside the data.
    """

    BUILDER_CONFIG_CLASS = MaudeConfig
    DEFAULT_WRITER_BATCH_SIZE = 1000
    facts: dict[str, Any] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        check_options(name for name in kwargs if name not in _BUILDER_ARGUMENTS)
        super().__init__(*args, **kwargs)
        if not self.config.source:
            raise InputError(
                "MaudeBuilder needs a source: a folder or file, or one of api, bulk, synthetic. "
                'For example: MaudeBuilder(source="synthetic")'
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
        from .openers import open_source

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

    def _download_and_prepare(self, dl_manager: Any, verification_mode: Any, **kwargs: Any) -> None:
        super()._download_and_prepare(dl_manager, verification_mode, **kwargs)
        self.facts = {
            "schema_version": SCHEMA_VERSION,
            "corpus": "maude",
            "config": self.config.name,
            "source": self._source.kind,
            "options": self.config.options(),
            "label_names": list(LABEL_NAMES),
            **self._tally.facts(),
            "groups": self._groups.groups,
            "duplicates": self._groups.facts,
            "fingerprint": self._fingerprint.hexdigest(),
            "policy": POLICY.as_dict(),
            "synthetic": self._source.kind == "synthetic",
            **source_facts(self._staging, self._source, self._groups.repeated),
        }
        write_json(Path(self._output_dir) / "prepare.json", self.facts)

    def download_and_prepare(self, output_dir: str | None = None, **kwargs: Any) -> None:
        """Read the source and write the data; see `datasets.DatasetBuilder.download_and_prepare`.

        Raises:
            InputError: nothing is there to read, or it is damaged; finished pieces are kept for the next try.
            DiskFullError: no room was left; likewise.
        """
        try:
            super().download_and_prepare(output_dir, **kwargs)
        except datasets.exceptions.DatasetGenerationError as error:
            cause = error.__cause__ or error.__context__
            raise (cause if isinstance(cause, OSError | InputError) else error) from None
        stored = Path(self._output_dir) / "prepare.json"
        if self.facts is None and stored.exists():
            from secondopinion.core.files import read_json

            self.facts = read_json(stored)
        if not self.config.work_dir:
            shutil.rmtree(self.work_folder, ignore_errors=True)

    def as_dataset(self, split: Any = None, in_memory: bool = False) -> datasets.Dataset | datasets.DatasetDict:
        """Return what was prepared, Arrow or Parquet; see `datasets.DatasetBuilder.as_dataset`."""
        if self._file_format != "parquet":
            return super().as_dataset(split=split, in_memory=in_memory)
        rows = datasets.Dataset.from_parquet(
            sorted(map(str, Path(self._output_dir).glob("*.parquet"))),
            split=split or "train",
            features=FEATURES,
            cache_dir=self._cache_dir_root,
            keep_in_memory=in_memory,
        )
        return rows if split is not None else datasets.DatasetDict(train=rows)


_BUILDER_ARGUMENTS = frozenset(
    {"cache_dir", "dataset_name", "config_name", "hash", "base_path", "info", "features", "token", "repo_id"}
    | {"data_files", "data_dir", "storage_options", "writer_batch_size", "config_id"}
)


def check_options(names: Iterable[str]) -> None:
    """Raise unless every name is a field of `MaudeConfig`.

    Raises:
        InputError: one is not; names the closest.
    """
    known = {f.name for f in fields(MaudeConfig)}
    for name in names:
        if name not in known:
            raise InputError(f"unknown option {name!r} of the MAUDE builder; {closest(name, known)}")


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
