"""Held-out rows that a model was trained on after all: the same id, the same text, or nearly the same.

Nearly the same as in `dataset_scripts/maude`: MinHash (Broder 1997; `datasketch`) over runs of three words, a Jaccard
similarity of 0.7 or more by 128 minima, candidates from 25 bands of 5.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from ...core.errors import InputError
from ...core.progress import progress
from ..data import TrainingData

THRESHOLD = 0.7
NUM_MINIMA, BANDS = 128, (25, 5)
SHINGLE = 3
_WORD = re.compile(r"\w+")


def trained_rows(data: TrainingData, rows: np.ndarray, trained_on: TrainingData) -> dict[str, np.ndarray]:
    """Return which of some rows occur in what a model was trained on.

    Args:
        data: the rows' data.
        rows: (n,) the rows, as indices.
        trained_on: what the model was trained on.

    Returns:
        `same_id`, `same_group`, `same_text` and `near_text`, each (n,) bool; a row that is the same is not near
        besides. Ids and groups are compared only within one corpus, ids only where the rows have ids of their own.

    Raises:
        InputError: both are the same data.

    >>> import datasets
    >>> from secondopinion.training.data import from_dataset
    >>> from secondopinion.training.recipe import DatasetSpec
    >>> texts = ["the pump alarmed and stopped", "no leak was seen", "The pump ALARMED, and stopped."]
    >>> parts = [
    ...     from_dataset(datasets.Dataset.from_dict({"text": own, "label": ["a", "b"]}), DatasetSpec(), name="notes")
    ...     for own in (texts[:2], ["all went well", texts[2]])
    ... ]
    >>> trained_rows(parts[0], np.arange(2), parts[1])["same_text"].tolist()
    [True, False]
    """
    if data.fingerprint == trained_on.fingerprint:
        raise InputError(
            f"{data.name} is the very data that the model was trained on (fingerprint {data.fingerprint}): figures on "
            "it would flatter it. Give rows that were held out, with --data, --split, --rows or --fold"
        )
    same_corpus = data.name == trained_on.name
    ids, groups = data.ids[rows], None if data.groups is None else data.groups[rows]
    own_ids = same_corpus and not _numbered(data.ids) and not _numbered(trained_on.ids)
    grouped = same_corpus and groups is not None and trained_on.groups is not None
    nothing = np.zeros(len(rows), dtype=bool)
    words = [_WORD.findall(text.lower()) for text in data.texts(rows)]
    same, near = _texts(words, trained_on)
    return {
        "same_id": np.isin(ids, trained_on.ids) if own_ids else nothing,
        "same_group": np.isin(groups, trained_on.groups) if grouped else nothing,
        "same_text": same,
        "near_text": near & ~same,
    }


def _numbered(ids: np.ndarray) -> bool:
    """Return whether ids are the rows' numbers, which two data sets always share."""
    return ids.tolist() == [str(number) for number in range(len(ids))]


def _texts(words: list[list[str]], trained_on: TrainingData) -> tuple[np.ndarray, np.ndarray]:
    """Return which texts, as words, occur in the training data, and which occur there nearly the same."""
    from datasketch import MinHashLSH

    same, near = np.zeros(len(words), dtype=bool), np.zeros(len(words), dtype=bool)
    index = MinHashLSH(threshold=THRESHOLD, num_perm=NUM_MINIMA, params=BANDS)
    signatures, rows_of = [], {}
    for row, text in enumerate(words):
        signatures.append(_signature(text))
        index.insert(row, signatures[row])
        rows_of.setdefault(" ".join(text), []).append(row)
    with progress(total=len(trained_on.ids), label="comparing with the training data") as bar:
        for text in trained_on.dataset[trained_on.text_column]:
            own = _WORD.findall(text.lower())
            same[rows_of.get(" ".join(own), [])] = True
            signature = _signature(own)
            for row in index.query(signature):
                near[row] |= signatures[row].jaccard(signature) >= THRESHOLD
            bar.update()
    return same, near


def _signature(words: list[str]) -> Any:
    from datasketch import MinHash

    sketch = MinHash(num_perm=NUM_MINIMA)
    runs = {" ".join(words[i : i + SHINGLE]) for i in range(max(1, len(words) - SHINGLE + 1))}
    sketch.update_batch([run.encode("utf-8", "surrogatepass") for run in runs])
    return sketch
