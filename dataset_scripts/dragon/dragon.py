"""A task of the DRAGON benchmark as a `datasets` builder: `nlp-*.json` files → one Parquet row a case.

builder = DragonBuilder(source="Task101_Example_sl_bin_clf-fold0")
builder.download_and_prepare(file_format="parquet")
dataset = builder.as_dataset(split="train")
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, ClassVar

import datasets

from .case_rows import CaseBuilder, CaseSet, group_cases, label_cases
from .configuration import DragonConfig
from .fold_folders import find_folds, join_folds
from .tasks import (
    EPSILON,
    EPSILONS,
    R_SMAPE,
    SEPARATE,
    TERMS,
    figure_of,
    is_public,
    judged_by_benchmark,
    language_of,
)

HOMEPAGE = "https://dragon.grand-challenge.org"
CITATION = """@article{bosma2025dragon,
  title = {The {DRAGON} benchmark for clinical {NLP}},
  author = {Bosma, Joeran S. and Dercksen, Koen and Builtjes, Luc and others},
  journal = {npj Digital Medicine},
  volume = {8},
  pages = {289},
  year = {2025},
  doi = {10.1038/s41746-025-01626-x}
}"""


class DragonBuilder(CaseBuilder):
    """Builds a data set of one task of DRAGON, with one or several of its folds; see `DragonConfig`."""

    BUILDER_CONFIG_CLASS = DragonConfig
    policy = TERMS["private"]
    source_hint: ClassVar[str] = (
        "the folder of a fold, with nlp-task-configuration.json in it. "
        'For example: DragonBuilder(source="Task101_Example_sl_bin_clf-fold0")'
    )

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(
            description="Clinical reports of one task of the DRAGON benchmark, with labels and folds.",
            homepage=HOMEPAGE,
            citation=CITATION,
        )

    def read(self) -> CaseSet:
        """Return the cases of all folds that were given."""
        began = time.perf_counter()
        config = self.config
        joined = join_folds(find_folds((config.source, *config.also), config.task))
        task = joined.task
        column, labels = label_cases(task.kind, joined.cases, joined.folds, config.label_names)
        public = is_public(task.task, (case.id for case in (*joined.cases, *joined.tests)))
        terms = config.terms if config.terms != "auto" else "public" if public else "private"
        self.policy = TERMS[terms] if config.licence is None else replace(TERMS[terms], licence=config.licence)
        figure = figure_of(task.task, task.kind, config.ordinal)
        metric: dict[str, Any] = {
            "figure": figure,
            "by_the_benchmark": config.ordinal is None and (figure[-5:] != "kappa" or judged_by_benchmark(task.task)),
            "average": "macro" if task.task in SEPARATE else "pooled",
        }
        if figure == R_SMAPE:
            metric["epsilon"] = EPSILONS.get(task.task, EPSILON)
        return CaseSet(
            joined.cases,
            column,
            labels,
            group_cases(joined.cases, config.near_duplicates),
            joined.folds,
            {"task": task.task, "label_kind": task.kind, "truncation_side": task.truncation_side},
            joined.tests,
            {
                **joined.facts,
                "input_name": task.input_name,
                "metric": metric,
                "terms": terms,
                "public_example": public,
                "synthetic": public,
                "language": config.language or language_of(task.task) or "en",
                "files": joined.files,
                "reading_seconds": time.perf_counter() - began,
            },
        )
