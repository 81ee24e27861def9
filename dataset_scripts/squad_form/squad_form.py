"""SQuAD's form as a `datasets` builder: any extractive set → one Parquet row a question, categories if it has them.

builder = SquadFormBuilder(source="covid-qa-train.json")
builder.download_and_prepare(file_format="parquet")
dataset = builder.as_dataset(split="train")
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import datasets
import pyarrow as pa

from secondopinion.core.errors import InputError
from secondopinion.core.progress import progress

from ..building import CorpusBuilder
from ..emrqa.paragraph_files import ParagraphFile, find_json
from ..emrqa.question_rows import FEATURES, QuestionTally, tables
from .configuration import TERMS, SquadFormConfig
from .reading import SquadReader

CITATION = """@inproceedings{rajpurkar2018know,
  title = {Know What You Don't Know: Unanswerable Questions for {SQuAD}},
  author = {Rajpurkar, Pranav and Jia, Robin and Liang, Percy},
  booktitle = {Proceedings of the 56th Annual Meeting of the Association for Computational Linguistics},
  year = {2018},
  doi = {10.18653/v1/P18-2124}
}"""
WANTED = "Give a .json file in SQuAD's form, or a folder of such files"


class SquadFormBuilder(CorpusBuilder):
    """Builds a data set of questions from files in SQuAD's form; see `SquadFormConfig` for its options."""

    BUILDER_CONFIG_CLASS = SquadFormConfig
    source_hint: ClassVar[str] = "a .json file in SQuAD's form. For example: SquadFormBuilder(source='train.json')"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.policy = replace(TERMS[self.config.terms], licence=self.config.licence)

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(
            description="Questions with the answer's place in a text, from files in SQuAD's form.",
            features=FEATURES,
            citation=CITATION,
            license=self.config.licence,
        )

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        began = time.perf_counter()
        paths = find_json(self.config.source, WANTED)
        names = [path.name for path in paths]
        if repeated := [name for name, count in Counter(names).items() if count > 1]:
            raise InputError(f"two files are named {repeated[0]!r}; give the folder of one of them")
        self._files = [ParagraphFile.open(path) for path in paths]
        self._tally = QuestionTally()
        self._reader = SquadReader(self.config, self._tally)
        self._seconds = time.perf_counter() - began
        return [datasets.SplitGenerator(name="train", gen_kwargs={"files": self._files})]

    def _generate_tables(self, files: list[ParagraphFile]) -> Iterator[tuple[int, pa.Table]]:
        began = time.perf_counter()
        yield from tables(self._rows(files), self._tally)
        self._seconds += time.perf_counter() - began
        if not self._tally.rows:
            reasons = "; ".join(f"{count:,} {reason}" for reason, count in sorted(self._tally.dropped.items()))
            raise InputError(
                f"none of the {self._tally.read:,} questions became a row ({reasons or 'no questions'}). Where answers "
                "are not at their offsets, repair=true moves them to the nearest place with their text"
            )

    def _rows(self, files: list[ParagraphFile]) -> Iterator[dict[str, Any]]:
        total = sum(section.paragraphs for file in files for section in file.sections)
        with progress(total=total, label="reading paragraphs", unit="paragraph") as bar:
            for file in files:
                for section, path, paragraph in file.paragraphs():
                    bar.update(1)
                    place = path if len(files) == 1 else f"{file.path.name}: {path}"
                    yield from self._reader.rows(section, place, paragraph, file.path.stem)

    def collect_facts(self) -> dict[str, Any]:
        """Return counts of questions, answers, categories and documents."""
        facts = self._tally.facts()
        return {
            "source": "json",
            "synthetic": False,
            **facts,
            "split": "document",
            "categories": {"sources": sorted(set(facts["category_sources"]) - {"none"})},
            "repeated_ids": self._reader.repeated_ids,
            "contexts_of_another_document": self._reader.groups.shared,
            "files": {
                file.path.name: {"rows": sum(s.questions for s in file.sections), "complete": True, **file.notes}
                for file in self._files
            },
            "reading_seconds": self._seconds,
        }
