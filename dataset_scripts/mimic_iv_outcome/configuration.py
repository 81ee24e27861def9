"""What the MIMIC-IV outcome builder reads, and what it makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import datasets

from secondopinion.core.errors import InputError, closest
from secondopinion.experts.consensus import METHODS

from ..building import CorpusConfig

_MISSING = ("drop", "whole")


@dataclass
class MimicIvOutcomeConfig(CorpusConfig):
    """What to read and what to make of it.

    Attributes:
        source: MIMIC-IV-Note's `discharge.csv.gz`, or a folder it is in.
        votes: files of votes (Parquet, CSV or JSON Lines; `id` is the `note_id`), or folders of such files.
        label_names: the classes, in the order of their numbers.
        consensus: how votes become one label: `majority`, or a method of `secondopinion.experts.consensus` that needs
            no weights. A tie gives no label.
        min_votes: notes with fewer usable votes are left out.
        min_share: notes whose winning class has a smaller share of the votes (or probability) are left out.
        leave_out: experts whose votes do not count, so that they can be judged by the others.
        sections: of the summary, joined in this order; `all` reads the whole note. The first come first because
            encoders cut long texts at their end.
        missing_sections: `drop` notes with none of the sections, or read the `whole` note.
        max_characters: longer texts are cut there, and counted.
        limit: read at most this many notes.
        skip_damaged: keep what is readable of a damaged file instead of stopping.
    """

    corpus: ClassVar[str] = "mimic_iv_outcome"
    files: ClassVar[tuple[str, ...]] = ("source", "votes")

    version: datasets.Version | str | None = field(default_factory=lambda: datasets.Version("1.0.0"))
    votes: tuple[str, ...] = ()
    label_names: tuple[str, ...] = ("poor", "good")
    consensus: str = "majority"
    min_votes: int = 3
    min_share: float = 0.5
    leave_out: tuple[str, ...] = ()
    sections: tuple[str, ...] = ("Discharge Condition", "Discharge Disposition", "Brief Hospital Course")
    missing_sections: str = "drop"
    max_characters: int = 20_000
    limit: int | None = None
    skip_damaged: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("votes", "label_names", "leave_out", "sections"):
            value = getattr(self, name)
            given = value.split(",") if isinstance(value, str) else [str(item) for item in value]
            setattr(self, name, tuple(dict.fromkeys(item.strip() for item in given if item.strip())))
        if len(self.label_names) < 2:
            raise InputError(f"label_names is {list(self.label_names)}; give at least two classes, such as poor,good")
        methods = [name for name in METHODS if name != "weighted"]
        if self.consensus not in methods:
            raise InputError(f"unknown consensus {self.consensus!r}; {closest(self.consensus, methods)}")
        if self.min_votes < 1:
            raise InputError(f"min_votes is {self.min_votes}; give at least 1")
        if not 0 <= self.min_share <= 1:
            raise InputError(f"min_share is {self.min_share}; give a share from 0 to 1")
        if not self.sections:
            raise InputError("sections is empty; name sections such as 'Brief Hospital Course', or all")
        if self.missing_sections not in _MISSING:
            raise InputError(f"missing_sections is {self.missing_sections!r}; expected one of: {', '.join(_MISSING)}")
        if self.max_characters < 1:
            raise InputError(f"max_characters is {self.max_characters}; give at least 1")
        if self.limit is not None and self.limit < 1:
            raise InputError(f"limit is {self.limit}; give at least 1, or leave it out to read everything")

    @property
    def whole_note(self) -> bool:
        """Whether no section is looked for."""
        return len(self.sections) == 1 and self.sections[0].casefold() == "all"
