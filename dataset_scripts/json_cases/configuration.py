"""What the builder of plain JSON cases reads, and what it makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import datasets

from secondopinion.core.dragon_form import KINDS, SIDES
from secondopinion.core.errors import InputError, closest

from ..building import CorpusConfig
from ..dragon.configuration import check_options, several
from ..dragon.tasks import TERMS


@dataclass
class JsonCasesConfig(CorpusConfig):
    """What to read and what to make of it.

    Attributes:
        source: a JSON file: a list of `{"text", "label"}`, or `{"cases": [...]}`; or JSON Lines (`.jsonl`).
        text_field: of a case; a list there is joined by newlines.
        label_field: of a case.
        id_field: of a case; where it is missing, an id is made of the file's name and the case's number.
        group_field: of a case; what belongs on one side of a split. Cases without one are groups of their own.
        fold_field: of a case; in which fold it is held out, from 1, or 0 for one that every fold trains on.
        label_kind: one of the benchmark's kinds; by default what the labels look like.
        label_names: with commas; of several labels their names, of classes all of them in order.
        ordinal: whether classes have an order, which decides the figure.
        task: what the task is called; by default the file's name.
        truncation_side: which side of a text that is too long is cut.
        near_duplicates: Jaccard similarity of two texts' runs of three words from which their cases share a group.
        terms: `public` (the text may be sent and published), `unknown` (the text stays here, a model may be
            published), or `private` (neither).
        licence: as the Hub spells it, such as `cc-by-4.0`.
        language: of the texts, as the Hub spells it.
        synthetic: whether the cases were made up.
    """

    corpus: ClassVar[str] = "json_cases"

    version: datasets.Version | str | None = field(default_factory=lambda: datasets.Version("1.0.0"))
    text_field: str = "text"
    label_field: str = "label"
    id_field: str = "id"
    group_field: str = "group"
    fold_field: str = "fold"
    label_kind: str | None = None
    label_names: tuple[str, ...] = ()
    ordinal: bool = False
    task: str | None = None
    truncation_side: str = "right"
    near_duplicates: float | None = None
    terms: str = "private"
    licence: str = "unknown"
    language: str = "en"
    synthetic: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.label_names = several(self.label_names)
        check_options(self.near_duplicates, self.terms, tuple(TERMS), self.licence)
        if self.label_kind is not None and self.label_kind not in KINDS:
            raise InputError(f"label_kind is {self.label_kind!r}; {closest(self.label_kind, KINDS)}")
        if self.truncation_side not in SIDES:
            raise InputError(f"truncation_side is {self.truncation_side!r}; expected one of {', '.join(SIDES)}")
