"""Raw source → data set: one builder a corpus, each with its terms; `prepare` finds it by name."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from secondopinion.core.errors import InputError, closest

CORPORA = {
    "ade_corpus_v2": "sentences of case reports (ADE Corpus V2): does one tell of an adverse effect of a drug?",
    "dragon": "a task of the DRAGON benchmark: reports with labels of any kind, one or several folds",
    "emrqa": "questions about clinical notes (emrQA) with the answer's place and its category",
    "json_cases": "plain JSON cases, {text, label}, with labels of any kind",
    "maude": "FDA device reports (MAUDE) with their severity: Death, Injury, Malfunction, Other",
    "mimic_iv_outcome": "discharge summaries (MIMIC-IV) with the treatment's outcome, by consensus of several experts",
    "squad_form": "any extractive question answering set in SQuAD's form, version 1 or 2, categories if it has them",
    "synthetic_clinical_qa": "authored clinical notes with questions in emrQA's form, from a seeded generator",
    "synthetic_long_cases": "authored case letters, short and long: which of them need urgent review?",
}

SEVERAL_SOURCES = ("dragon",)

__all__ = ["CORPORA", "SEVERAL_SOURCES", "parse_options", "prepare"]


def prepare(corpus: str, source: str | Path | Sequence[str], output: str | Path, **options: Any) -> dict[str, Any]:
    """Make a data set from a raw source and write it to a folder that `datasets.load_dataset` reads.

    Args:
        corpus: a name in `CORPORA`.
        source: a folder, a file, or a word that the corpus knows (MAUDE: `api`, `bulk`, `synthetic`); several folders
            for a corpus in `SEVERAL_SOURCES`.
        output: the folder to write: `README.md`, `prepare.json`, `data/*.parquet`.
        **options: of the corpus's builder configuration; `force=True` makes it anew.

    Returns:
        The facts, as in `prepare.json`: counts, drops by reason, groups, fingerprint, policy.

    Raises:
        InputError: the corpus is unknown, an option is wrong, or the source is damaged.
        DiskFullError: no room was left; the same call continues.
    """
    room = _corpus(corpus)
    if not isinstance(source, str | os.PathLike):
        if len(source) != 1 and corpus not in SEVERAL_SOURCES:
            raise InputError(f"{corpus} takes one source, {len(source)} were given; prepare them one by one")
        source = source[0] if len(source) == 1 else source
    return room.prepare(source, output, **options)


def parse_options(corpus: str, words: Iterable[str], taken: Iterable[str] = ()) -> dict[str, Any]:
    """Return builder options that were given as text, `name=value`, with the types of the builder's configuration.

    Args:
        corpus: a name in `CORPORA`.
        words: such as `min_votes=2`; several values with commas.
        taken: names that were given by other means.

    Raises:
        InputError: the corpus or an option is unknown, an option is there twice, or a value is of the wrong type.

    >>> parse_options("ade_corpus_v2", ["near_duplicates=0.8"])
    {'near_duplicates': 0.8}
    """
    _corpus(corpus)
    from .building import CorpusConfig

    config = next(config for config in CorpusConfig.__subclasses__() if config.corpus == corpus)
    return config.parse_options(words, taken)


def _corpus(corpus: str) -> Any:
    if corpus not in CORPORA:
        raise InputError(f"unknown corpus {corpus!r}; {closest(corpus, CORPORA)}")
    return importlib.import_module(f"{__name__}.{corpus}")
