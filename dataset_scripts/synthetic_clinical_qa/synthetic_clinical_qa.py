"""Authored clinical notes with questions as a `datasets` builder: generated, written in emrQA's form, read as emrQA is.

builder = SyntheticClinicalQaBuilder(notes=300, split="template")
builder.download_and_prepare(file_format="parquet")
dataset = builder.as_dataset(split="train")
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import datasets
import pyarrow as pa

from secondopinion.core.errors import InputError
from secondopinion.core.fingerprint import file_sha256
from secondopinion.core.policy import CorpusPolicy

from ..building import CorpusBuilder
from ..emrqa.paragraph_files import ParagraphFile
from ..emrqa.question_rows import FEATURES, tables
from ..emrqa.sections import SectionReader
from .configuration import SyntheticClinicalQaConfig
from .data_json import write_data_json
from .semantic_types import write_table
from .templates import Template, authored_templates, read_templates

POLICY = CorpusPolicy(
    licence="cc0-1.0",
    text_may_leave_machine=True,
    publish_text=True,
    publish_models=True,
    contains_patient_text=False,
)
# emrQA states no licence for its templates, so what holds them is not published.
POLICY_OF_PUBLIC_TEMPLATES = replace(POLICY, licence="other", publish_text=False)


class SyntheticClinicalQaBuilder(CorpusBuilder):
    """Generates notes with questions and reads them as emrQA is read; see `SyntheticClinicalQaConfig`."""

    BUILDER_CONFIG_CLASS = SyntheticClinicalQaConfig
    policy: ClassVar[CorpusPolicy] = POLICY
    source_hint: ClassVar[str] = "the word 'synthetic'"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.config.templates:
            self.policy = POLICY_OF_PUBLIC_TEMPLATES

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(
            description="Authored clinical notes with questions, the answer's place in the note and its category.",
            features=FEATURES,
            license=(POLICY_OF_PUBLIC_TEMPLATES if self.config.templates else POLICY).licence,
        )

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        self._templates, self._template_facts = _find_templates(self.config.templates)
        return [datasets.SplitGenerator(name="train", gen_kwargs={"config": self.config})]

    def _generate_tables(self, config: SyntheticClinicalQaConfig) -> Iterator[tuple[int, pa.Table]]:
        began = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="synthetic-clinical-qa-") as folder:
            path, table = Path(folder) / "data.json", Path(folder) / "terms.tsv"
            write_table(table)
            self._generated = write_data_json(
                path,
                self._templates,
                notes=config.notes,
                questions=config.questions,
                unanswerable=config.unanswerable,
                synonyms=config.synonyms,
                seed=config.seed,
            )
            self._generated["seconds"] = round(time.perf_counter() - began, 3)
            reading = SectionReader(ParagraphFile.open(path), config.reading(table))
            self._forms = FormTally()
            yield from tables(map(self._forms.count, reading.rows()), reading.tally)
            reading.require_rows()
            self._reading = reading.facts()
        self._seconds = time.perf_counter() - began - self._generated["seconds"]

    def collect_facts(self) -> dict[str, Any]:
        """Return counts of what was generated, and of questions, answers, categories, notes and groups."""
        return {
            "source": "generated",
            "synthetic": True,
            **self._reading,
            "generated": self._generated,
            "template_files": self._template_facts,
            "category_from_logical_form_alone": self._forms.share(),
            "files": {
                **self._reading["files"],
                **{name: facts for name, facts in self._template_facts.items() if "bytes" in facts},
            },
            "reading_seconds": self._seconds,
        }


class FormTally:
    """How well a question's logical form alone tells the category, whatever the note says.

    >>> tally = FormTally()
    >>> meta = {"logical_form": "ConditionEvent (x) OR SymptomEvent (x)"}
    >>> for probs in ((0.7, 0, 0.3, 0, 0), (0.3, 0, 0.7, 0, 0), (1, 0, 0, 0, 0)):
    ...     _ = tally.count({"category_probs": probs, "meta": meta})
    >>> tally.share()
    0.6667
    """

    def __init__(self) -> None:
        self._tops: dict[str, Counter[int]] = {}
        self._rows = 0

    def count(self, row: dict[str, Any]) -> dict[str, Any]:
        """Count a row and return it; rows with several most probable categories count for each of them."""
        probs = row["category_probs"]
        if any(probs):
            self._rows += 1
            best = max(probs)
            tops = (place for place, prob in enumerate(probs) if best - prob < 1e-9)
            self._tops.setdefault(row["meta"]["logical_form"] or "", Counter()).update(tops)
        return row

    def share(self) -> float | None:
        """Return the share of rows that a table from logical form to its commonest category gets right."""
        right = sum(max(tops.values()) for tops in self._tops.values())
        return round(right / self._rows, 4) if self._rows else None


def _find_templates(paths: tuple[str, ...]) -> tuple[list[Template], dict[str, dict[str, Any]]]:
    """Return the templates of files, or our own, and what is known of them by file."""
    if not paths:
        own = authored_templates()
        return own, {"authored": _counts(own, {})}
    found: dict[str, Template] = {}
    facts: dict[str, dict[str, Any]] = {}
    for given in paths:
        path = Path(given).expanduser()
        if path.name in facts:
            raise InputError(f"templates names two files {path.name!r}; rename one of them")
        templates, left_out = read_templates(path)
        found |= {template.logical_form: template for template in templates}
        facts[path.name] = {
            **_counts(templates, left_out),
            "bytes": path.stat().st_size,
            "sha256": file_sha256(path),
        }
    return list(found.values()), facts


def _counts(templates: list[Template], left_out: Mapping[str, int]) -> dict[str, Any]:
    return {
        "templates": len(templates),
        "questions": sum(len(template.paraphrases) for template in templates),
        "left_out": dict(sorted(left_out.items())),
    }
