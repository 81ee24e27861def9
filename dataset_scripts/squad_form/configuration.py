"""What the builder of SQuAD's form reads, and what it makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import datasets

from secondopinion.core.errors import InputError
from secondopinion.core.policy import CorpusPolicy

from ..building import CorpusConfig

TERMS = {
    "public": CorpusPolicy("unknown", True, True, True, contains_patient_text=False),
    "unknown": CorpusPolicy("unknown", False, False, True),
    "private": CorpusPolicy("unknown", False, False, False),
}


@dataclass
class SquadFormConfig(CorpusConfig):
    """What to read and what to make of it.

    Attributes:
        source: a file in SQuAD's form, or a folder whose `.json` files are all read, in the order of their names.
        repair: answers that are not at their offset move to the nearest place with exactly their text; without it
            they are dropped. Either way they are counted.
        max_answer_words: longer answers are left out.
        terms: `public` (the text may be sent and published), `unknown` (the text stays here, a model may be
            published), or `private` (neither).
        licence: as the Hub spells it, such as `apache-2.0`.
    """

    corpus: ClassVar[str] = "squad_form"

    version: datasets.Version | str | None = field(default_factory=lambda: datasets.Version("1.0.0"))
    repair: bool = False
    max_answer_words: int | None = None
    terms: str = "unknown"
    licence: str = "unknown"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.terms not in TERMS:
            raise InputError(f"terms is {self.terms!r}; expected one of: {', '.join(TERMS)}")
        if self.max_answer_words is not None and self.max_answer_words < 1:
            raise InputError(f"max_answer_words is {self.max_answer_words}; give at least 1, or leave it out")
        if not self.licence.strip():
            raise InputError("licence is empty; name one as the Hub spells it, such as apache-2.0, or leave it out")
