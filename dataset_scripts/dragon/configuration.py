"""What the builder of DRAGON's tasks reads, and what it makes of it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

import datasets

from secondopinion.core.errors import InputError

from ..building import CorpusConfig
from .tasks import TERMS


@dataclass
class DragonConfig(CorpusConfig):
    """What to read and what to make of it.

    Attributes:
        source: the folder of one fold (its four `nlp-*.json` files), or a folder of such folders: then all folds of
            one task are read.
        also: further folders of folds of the same task.
        task: which task, where the source holds folders of several: the beginning of its folders' names.
        label_names: with commas; of several labels their names, of classes all of them in order (of a binary label:
            false's first).
        ordinal: whether classes have an order, which decides the figure; by default what the benchmark says of the
            task, and for one that it does not know, no.
        near_duplicates: Jaccard similarity of two texts' runs of three words from which their cases share a group;
            without it each case is its own group.
        terms: `auto` (public for the benchmark's public examples, else private), `public` (the text may be sent and
            published), `unknown` (the text stays here, a model may be published), or `private` (neither).
        licence: as the Hub spells it; by default that of the terms.
        language: of the texts, as the Hub spells it; by default what is known of the task.
    """

    corpus: ClassVar[str] = "dragon"
    files: ClassVar[tuple[str, ...]] = ("source", "also")

    version: datasets.Version | str | None = field(default_factory=lambda: datasets.Version("1.0.0"))
    also: tuple[str, ...] = ()
    task: str | None = None
    label_names: tuple[str, ...] = ()
    ordinal: bool | None = None
    near_duplicates: float | None = None
    terms: str = "auto"
    licence: str | None = None
    language: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.also = several(self.also)
        self.label_names = several(self.label_names)
        check_options(self.near_duplicates, self.terms, ("auto", *TERMS), self.licence)


def several(given: str | os.PathLike | Iterable[str | os.PathLike]) -> tuple[str, ...]:
    """Return words that were given one by one, or with commas.

    >>> several("mild, severe"), several(["a,b"])
    (('mild', 'severe'), ('a,b',))
    """
    if isinstance(given, str):
        return tuple(word.strip() for word in given.split(",") if word.strip())
    return (os.fspath(given),) if isinstance(given, os.PathLike) else tuple(map(os.fspath, given))


def check_options(near_duplicates: float | None, terms: str, known: Iterable[str], licence: str | None) -> None:
    """Raise InputError where an option that builders of cases share is out of range."""
    if near_duplicates is not None and not 0 < near_duplicates <= 1:
        raise InputError(f"near_duplicates is {near_duplicates}; give a share above 0 and at most 1, or leave it out")
    if terms not in known:
        raise InputError(f"terms is {terms!r}; expected one of: {', '.join(known)}")
    if licence is not None and not licence.strip():
        raise InputError("licence is empty; name one as the Hub spells it, such as apache-2.0, or leave it out")
