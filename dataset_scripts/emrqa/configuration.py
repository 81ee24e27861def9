"""What the emrQA builder reads, and what it makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from datasets import Version

from secondopinion.core.errors import InputError, closest

from ..building import CorpusConfig

DATASETS = ("medication", "relations", "risk", "smoking", "obesity")
TITLES = {"medications": "medication", "relation": "relations", "risk-dataset": "risk", "heart-disease-risk": "risk"}
CHOICES = {
    "span": ("entity", "line"),
    "paraphrases": ("first", "all", "sample"),
    "split": ("note", "template", "logical_form"),
    "categories": ("on", "off"),
}


@dataclass
class ReadingOptions:
    """What becomes of a question and its answers; every corpus in emrQA's form has these.

    Attributes:
        span: the answer is its `entity`, or the whole evidence `line`.
        paraphrases: of a question's paraphrases the `first`, `all` (a row each), or one drawn for each (`sample`).
        max_answer_words: longer answers are left out.
        split: what a row's group is, which stays on one side of a split: the `note`, the question's `template`, or its
            `logical_form`, which all paraphrases of a template share.
        categories: label rows with the five categories (`on`), or leave them unlabelled (`off`).
        alpha: weight of the logical form in a soft label; the rest is for linked concepts.
        umls: who links concepts: `off`, `scispacy`, `medspacy`, or a table of terms (`terms.tsv`).
        seed: of everything that is drawn.
    """

    span: str = "entity"
    paraphrases: str = "first"
    max_answer_words: int | None = None
    split: str = "note"
    categories: str = "on"
    alpha: float = 0.7
    umls: str = "off"
    seed: int = 13

    def check(self) -> None:
        """Raise unless each option is one that there is.

        Raises:
            InputError: one is not; says what is.
        """
        for name, choices in CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                raise InputError(f"{name} is {value!r}; expected one of: {', '.join(choices)}")
        if self.max_answer_words is not None and self.max_answer_words < 1:
            raise InputError(f"max_answer_words is {self.max_answer_words}; give at least 1, or leave it out")
        if not 0 <= self.alpha <= 1:
            raise InputError(f"alpha is {self.alpha}; give a weight from 0 to 1")


@dataclass
class EmrQaConfig(CorpusConfig, ReadingOptions):
    """What to read and what to make of it; see also `ReadingOptions`.

    Attributes:
        source: the published `data.json`, one sub-dataset of it as a file, or a folder with `data.json`.
        datasets: the sub-datasets that are read, by title; all that the file holds when empty.
        sample: the share of a sub-dataset's questions that is kept, drawn without replacement.
    """

    corpus: ClassVar[str] = "emrqa"
    files: ClassVar[tuple[str, ...]] = ("source", "umls")

    version: Version | str | None = field(default_factory=lambda: Version("1.0.0"))
    datasets: tuple[str, ...] = ()
    sample: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        given = self.datasets.split(",") if isinstance(self.datasets, str) else self.datasets
        self.datasets = tuple(dict.fromkeys(dataset_name(name) for name in given if name.strip()))
        self.check()
        if not 0 < self.sample <= 1:
            raise InputError(f"sample is {self.sample}; give a share above 0 and at most 1")


def dataset_name(title: str) -> str:
    """Return the name of a sub-dataset from its title.

    >>> dataset_name(" risk-dataset"), dataset_name("medication")
    ('risk', 'medication')
    """
    name = title.strip().lower()
    return TITLES.get(name, name)


def choose_datasets(wanted: tuple[str, ...], there: list[str]) -> set[int]:
    """Return the places of the sub-datasets that are wanted.

    Args:
        wanted: their names; all when empty.
        there: the names that the file holds.

    Raises:
        InputError: the file does not hold one.
    """
    for name in wanted:
        if name not in there:
            known = sorted({*there, *DATASETS})
            raise InputError(f"the file holds no sub-dataset {name!r}, only {', '.join(there)}; {closest(name, known)}")
    return {place for place, name in enumerate(there) if not wanted or name in wanted}
