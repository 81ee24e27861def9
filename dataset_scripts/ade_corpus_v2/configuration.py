"""What the ADE Corpus V2 builder reads, and what it makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import datasets

from secondopinion.core.errors import InputError

from ..building import CorpusConfig


@dataclass
class AdeCorpusV2Config(CorpusConfig):
    """What to read and what to make of it.

    Attributes:
        source: a folder or a zip archive that holds `DRUG-AE.rel`, `ADE-NEG.txt` and, for the doses,
            `DRUG-DOSE.rel`.
        near_duplicates: Jaccard similarity of two sentences' runs of three words from which their articles share
            a group.
        skip_damaged: leave damaged lines out and count them, instead of stopping at the first.
    """

    corpus: ClassVar[str] = "ade_corpus_v2"

    version: datasets.Version | str | None = field(default_factory=lambda: datasets.Version("1.0.0"))
    near_duplicates: float = 0.7
    skip_damaged: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.near_duplicates <= 1:
            raise InputError(f"near_duplicates is {self.near_duplicates}; give a share above 0 and at most 1")
