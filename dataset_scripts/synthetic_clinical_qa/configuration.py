"""What the generator of clinical questions makes."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from typing import ClassVar

from datasets import Version

from secondopinion.core.errors import InputError

from ..building import CorpusConfig
from ..emrqa.configuration import ReadingOptions

SOURCE = "synthetic"
AUTHORED_TABLE = "authored"
MOST_NOTES, MOST_QUESTIONS = 99_999, 60


@dataclass
class SyntheticClinicalQaConfig(CorpusConfig, ReadingOptions):
    """How many notes and questions, and what becomes of them; see also `ReadingOptions`.

    Attributes:
        source: the word `synthetic`.
        notes: how many.
        questions: of a note, at most: a short one may not tell enough for so many.
        unanswerable: share of questions without an answer, from 0 to 0.9.
        synonyms: share of questions in other words than the note's ("high blood pressure" for hypertension).
        templates: files of emrQA's public templates (`templates-all.csv`); our own when empty.
        umls: as in `ReadingOptions`; also `authored`, the semantic types of what the generator writes.
        paraphrases: as in `ReadingOptions`; one drawn for each question unless said otherwise.
    """

    corpus: ClassVar[str] = "synthetic_clinical_qa"
    files: ClassVar[tuple[str, ...]] = ("templates",)

    version: Version | str | None = field(default_factory=lambda: Version("1.0.0"))
    source: str = SOURCE
    notes: int = 120
    questions: int = 12
    unanswerable: float = 0.2
    synonyms: float = 0.3
    templates: tuple[str, ...] = ()
    umls: str = AUTHORED_TABLE
    paraphrases: str = "sample"

    def __post_init__(self) -> None:
        super().__post_init__()
        given = self.templates
        given = given.split(",") if isinstance(given, str) else [given] if isinstance(given, os.PathLike) else given
        paths = (os.fspath(path).strip() for path in given)
        self.templates = tuple(dict.fromkeys(path for path in paths if path))
        self.check()
        if self.source != SOURCE:
            raise InputError(
                f"source is {self.source!r}; notes are generated, so give the word {SOURCE!r}. Notes of your own in "
                "emrQA's form are read by: secondopinion prepare emrqa --source FILE"
            )
        for name, most in (("notes", MOST_NOTES), ("questions", MOST_QUESTIONS)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
                raise InputError(f"{name} is {value!r}; give a whole number from 1 to {most:,}")
        for name, most in (("unanswerable", 0.9), ("synonyms", 1.0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
                raise InputError(f"{name} is {value!r}; give a share from 0 to {most:g}")

    def reading(self, table: str | os.PathLike) -> ReadingOptions:
        """Return how the generated file is read.

        Args:
            table: the path of the table of semantic types that stands for `authored`.
        """
        options = {item.name: getattr(self, item.name) for item in fields(ReadingOptions)}
        return ReadingOptions(**{**options, "umls": os.fspath(table) if self.umls == AUTHORED_TABLE else self.umls})
