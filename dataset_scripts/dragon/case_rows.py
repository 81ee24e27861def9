"""Rows of cases with labels of any kind: what the builders of DRAGON's tasks and of plain JSON share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa

from secondopinion.core.errors import InputError
from secondopinion.core.files import atomic_file
from secondopinion.core.fingerprint import RowFingerprint, file_sha256

from ..ade_corpus_v2.grouping import near_copies
from ..building import CorpusBuilder
from .fold_folders import Case
from .labels import LabelColumn, check_widths, learn_labels

SCHEMA_VERSION = 1
BATCH = 1000
TEST_FILE = "test-00001-of-00001.parquet"
META = {name: datasets.Value("string") for name in ("task", "label_kind", "truncation_side")}


@dataclass(frozen=True)
class CaseSet:
    """Cases that are ready to be rows.

    Attributes:
        cases: the labelled ones.
        column: what their labels are.
        labels: (cases,) labels as the column holds them.
        groups: (cases,) what belongs on one side of a split.
        folds: (cases,) in which fold a case is held out; None where nothing says so.
        meta: of every row: task, label_kind, truncation_side.
        tests: cases without a label.
        notes: for prepare.json.
    """

    cases: Sequence[Case]
    column: LabelColumn
    labels: list[Any]
    groups: list[str]
    folds: Sequence[int] | None
    meta: dict[str, str]
    tests: Sequence[Case]
    notes: dict[str, Any]


def label_cases(
    kind: str, cases: Sequence[Case], folds: Sequence[int] | None, label_names: Sequence[str]
) -> tuple[LabelColumn, list[Any]]:
    """Return what the labels are, and each as the column holds it.

    A class must occur among the training cases of every fold: those that the fold does not hold out.

    Raises:
        InputError: labels differ in width, or a class that is held out occurs in no training case.
    """
    labels = [(f"{case.place}, uid {case.id!r}", case.label) for case in cases]
    held_out = sorted(set(folds or ()) - {0})
    if not held_out:
        column = learn_labels(kind, labels, label_names)
        return column, [column.encode(label, place) for place, label in labels]
    for fold in held_out:
        training = [label for label, where in zip(labels, folds, strict=True) if where != fold]
        if not training:
            raise InputError(f"fold {fold} holds every case out; nothing is left to train on")
        column = learn_labels(kind, training, label_names)
        if column.names and isinstance(labels[0][1], list):
            check_widths(labels, len(column.names))
        for (place, label), where in zip(labels, folds, strict=True):
            if where == fold:
                column.encode(label, f"{place} (held out in fold {fold})")
    column = learn_labels(kind, labels, label_names)
    return column, [column.encode(label, place) for place, label in labels]


def group_cases(cases: Sequence[Case], threshold: float | None, own: Sequence[str] | None = None) -> list[str]:
    """Return the group of each case: its own, its id, or the first case of its chain of near copies.

    Args:
        cases: the cases.
        threshold: Jaccard similarity of near copies; None leaves cases apart.
        own: (cases,) groups that were given.
    """
    groups = [case.id for case in cases] if own is None else list(own)
    if threshold is None:
        return groups
    parent = {group: group for group in groups}

    def find(group: str) -> str:
        while parent[group] != group:
            parent[group] = parent[parent[group]]
            group = parent[group]
        return group

    for one, other in near_copies([case.text for case in cases], threshold):
        parent[find(groups[other])] = find(groups[one])
    return [find(group) for group in groups]


class CaseBuilder(CorpusBuilder):
    """A builder whose rows are cases; a corpus says how they are read."""

    def read(self) -> CaseSet:
        """Return the cases of the source."""
        raise NotImplementedError

    def features(self) -> datasets.Features:
        """Return the columns of the rows that were read."""
        columns: dict[str, Any] = {
            "id": datasets.Value("string"),
            "text": datasets.Value("string"),
            "label": self._set.column.feature,
            "group": datasets.Value("string"),
        }
        if self._set.folds is not None:
            columns["fold"] = datasets.Value("int32")
        return datasets.Features({**columns, "meta": META})

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        self._set = self.read()
        self.info.features = self.features()
        self.info.license = self.policy.licence
        return [datasets.SplitGenerator(name="train", gen_kwargs={"given": self._set})]

    def _generate_tables(self, given: CaseSet) -> Iterator[tuple[int, pa.Table]]:
        schema, fingerprint = self.info.features.arrow_schema, RowFingerprint()
        for first in range(0, len(given.cases), BATCH):
            rows = []
            for place, case in enumerate(given.cases[first : first + BATCH], start=first):
                row = {"id": case.id, "text": case.text, "label": given.labels[place], "group": given.groups[place]}
                if given.folds is not None:
                    row["fold"] = given.folds[place]
                fingerprint.update([case.id, case.text, given.labels[place], row.get("fold")])
                rows.append({**row, "meta": given.meta})
            yield first, pa.Table.from_pylist(rows, schema=schema)
        self._fingerprint = fingerprint

    def write_beside(self, data: Path) -> dict[str, Any]:
        """Write the cases without a label as a table of its own; a split of the same table would need labels."""
        if not self._set.tests:
            return {}
        import pyarrow.parquet as pq

        columns = {name: datasets.Value("string") for name in ("id", "text")}
        features = datasets.Features({**columns, "meta": META})
        rows = [{"id": case.id, "text": case.text, "meta": self._set.meta} for case in self._set.tests]
        with atomic_file(data / TEST_FILE) as temporary:
            pq.write_table(pa.Table.from_pylist(rows, schema=features.arrow_schema), temporary)
        path = data / TEST_FILE
        return {f"data/{TEST_FILE}": {"sha256": file_sha256(path), "bytes": path.stat().st_size}}

    def collect_facts(self) -> dict[str, Any]:
        """Return counts of cases, labels, folds and groups."""
        given = self._set
        sizes = Counter(given.groups)
        placed: dict[str, set[int]] = {}
        for group, fold in zip(given.groups, given.folds or (), strict=False):
            placed.setdefault(group, set()).add(fold)
        lengths = sorted(len(case.text) for case in given.cases)
        return {
            "schema_version": SCHEMA_VERSION,
            "source": "json",
            **given.meta,
            "label_names": list(given.column.names),
            "label": given.column.facts(given.labels),
            "class_counts": given.column.counts(given.labels),
            "rows": len(given.cases),
            "test_rows": len(given.tests),
            "read": len(given.cases) + len(given.tests),
            "dropped": {},
            "merged": {},
            "groups": len(sizes),
            "duplicates": {
                "threshold": self.config.near_duplicates,
                "largest_group": max(sizes.values()),
                "groups_of_several": sum(size > 1 for size in sizes.values()),
                "groups_across_folds": sum(len(folds) > 1 for folds in placed.values()),
            },
            "characters": {"median": lengths[len(lengths) // 2], "longest": lengths[-1]},
            "fingerprint": self._fingerprint.hexdigest(),
            **given.notes,
        }
