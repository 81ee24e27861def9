"""Plain JSON cases as a `datasets` builder: `[{"text", "label"}]` → one Parquet row a case.

builder = JsonCasesBuilder(source="cases.json")
builder.download_and_prepare(file_format="parquet")
dataset = builder.as_dataset(split="train")
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import datasets

from secondopinion.core.dragon_form import case_id, case_text, json_kind, read_cases
from secondopinion.core.errors import InputError, closest
from secondopinion.core.fingerprint import file_sha256

from ..dragon.case_rows import CaseBuilder, CaseSet, group_cases, label_cases
from ..dragon.fold_folders import Case
from ..dragon.labels import check_label, infer_kind
from ..dragon.tasks import EPSILON, R_SMAPE, TERMS, figure_of
from .configuration import JsonCasesConfig


class JsonCasesBuilder(CaseBuilder):
    """Builds a data set of plain JSON cases; see `JsonCasesConfig` for its options."""

    BUILDER_CONFIG_CLASS = JsonCasesConfig
    source_hint: ClassVar[str] = 'a JSON file of cases. For example: JsonCasesBuilder(source="cases.json")'

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.policy = replace(TERMS[self.config.terms], licence=self.config.licence)

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(description="Cases with labels, from a JSON file.", license=self.config.licence)

    def read(self) -> CaseSet:
        """Return the cases of the file."""
        began = time.perf_counter()
        config, path = self.config, Path(self.config.source).expanduser()
        if path.is_dir():
            raise InputError(f"{path} is a folder; give one file. A task of DRAGON: secondopinion prepare dragon")
        rows = read_cases(path)
        if not rows:
            raise InputError(f"{path} holds no case")
        places = [f"{path.name}[{number}]" for number in range(len(rows))]
        raw = [_label(row, place, config.label_field) for row, place in zip(rows, places, strict=True)]
        kind = config.label_kind or infer_kind(raw)
        cases, made = [], 0
        for number, (row, place, label) in enumerate(zip(rows, places, raw, strict=True)):
            name = case_id(row, place, config.id_field)
            made += name is None
            cases.append(
                Case(
                    name or f"{path.stem}-{number}",
                    _text(row, place, config.text_field),
                    check_label(kind, label, f"{place}.{config.label_field}"),
                    place,
                )
            )
        _no_repeats(cases, config.id_field)
        folds = _folds(rows, places, config.fold_field)
        column, labels = label_cases(kind, cases, folds, config.label_names)
        figure = figure_of("", kind, config.ordinal)
        given = [
            case_id(row, place, config.group_field) or case.id
            for row, place, case in zip(rows, places, cases, strict=True)
        ]
        return CaseSet(
            cases,
            column,
            labels,
            group_cases(cases, config.near_duplicates, given),
            folds,
            {"task": config.task or path.stem, "label_kind": kind, "truncation_side": config.truncation_side},
            [],
            {
                "metric": {
                    "figure": figure,
                    "average": "pooled",
                    **({"epsilon": EPSILON} if figure == R_SMAPE else {}),
                },
                "terms": config.terms,
                "synthetic": config.synthetic,
                "language": config.language,
                "ids_made": made,
                "groups_given": sum(row.get(config.group_field) is not None for row in rows),
                "held_out": None if folds is None else {str(k): n for k, n in sorted(Counter(folds).items()) if k},
                "repeated_texts": len(cases) - len({case.text for case in cases}),
                "files": {
                    path.name: {"rows": len(rows), "sha256": file_sha256(path), "bytes": path.stat().st_size},
                },
                "reading_seconds": time.perf_counter() - began,
            },
        )


def _label(row: dict[str, Any], place: str, name: str) -> Any:
    if name not in row:
        raise InputError(f"{place} has no {name!r} for its label; {closest(name, row)}, or give label_field")
    if row[name] is None:
        raise InputError(f"{place}.{name} is {json_kind(None)}; label the case, or leave it out")
    return row[name]


def _text(row: dict[str, Any], place: str, name: str) -> str:
    if isinstance(row.get(name), list):
        return case_text({"text_parts": row[name]}, place, "text_parts")
    return case_text(row, place, name)


def _no_repeats(cases: Sequence[Case], field: str) -> None:
    seen: dict[str, str] = {}
    for case in cases:
        if (other := seen.setdefault(case.id, case.place)) != case.place:
            raise InputError(f"{case.place} has the {field} {case.id!r} of {other}; give each case its own")


def _folds(rows: Sequence[dict[str, Any]], places: Sequence[str], name: str) -> list[int] | None:
    if not any(name in row for row in rows):
        return None
    folds = []
    for row, place in zip(rows, places, strict=True):
        fold = row.get(name)
        if isinstance(fold, bool) or not isinstance(fold, int) or fold < 0:
            came = f"{fold}" if isinstance(fold, int) and not isinstance(fold, bool) else json_kind(fold)
            raise InputError(
                f"{place}.{name} is {came}, expected the number of the fold that holds the case out, from 1, or 0 for "
                "a case that is always trained on"
            )
        folds.append(fold)
    if not any(folds):
        raise InputError(f"{name} is 0 in every case, so that no fold holds a case out; leave the field out")
    return folds
