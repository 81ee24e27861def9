"""What the MAUDE builder reads, and what it makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import ClassVar

import datasets

from secondopinion.core.errors import InputError, closest

from ..building import CorpusConfig
from .duplicates import THRESHOLD
from .records import NARRATIVES, TextOptions
from .source import OPENFDA

_CHOICES = {
    "redaction": ("mark", "drop", "keep"),
    "names": ("mask", "keep"),
    "boilerplate": ("drop", "keep"),
    "casing": ("lower", "keep"),
}


@dataclass
class MaudeConfig(CorpusConfig):
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

    corpus: ClassVar[str] = "maude"
    not_in_the_rows: ClassVar[frozenset[str]] = CorpusConfig.not_in_the_rows | {
        "api_key",
        "work_dir",
        "retries",
        "backoff",
    }

    version: datasets.Version | str | None = field(default_factory=lambda: datasets.Version("1.0.0"))
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
