"""emrQA as a `datasets` builder: the published `data.json` → one Parquet row a question, with spans and a category.

builder = EmrQaBuilder(source="data.json", datasets="medication", sample=0.2)
builder.download_and_prepare(file_format="parquet")
dataset = builder.as_dataset(split="train")
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, ClassVar

import datasets
import pyarrow as pa

from secondopinion.core.errors import InputError
from secondopinion.core.policy import CorpusPolicy

from ..building import CorpusBuilder
from .configuration import EmrQaConfig
from .paragraph_files import ParagraphFile, find_json
from .question_rows import FEATURES, tables
from .sections import SectionReader

HOMEPAGE = "https://github.com/panushri25/emrQA"
CITATION = """@inproceedings{pampari2018emrqa,
  title = {emrQA: A Large Corpus for Question Answering on Electronic Medical Records},
  author = {Pampari, Anusri and Raghavan, Preethi and Liang, Jennifer and Peng, Jian},
  booktitle = {Proceedings of the 2018 Conference on Empirical Methods in Natural Language Processing},
  year = {2018},
  doi = {10.18653/v1/D18-1258}
}"""
AGREEMENT = "n2c2 NLP Research Data Sets Data Use Agreement"
POLICY = CorpusPolicy(
    licence="other",
    text_may_leave_machine=False,
    publish_text=False,
    publish_models=False,
    agreement=AGREEMENT,
    contains_patient_text=True,
)
WANTED = "Give emrQA's data.json, or the folder it is in"


class EmrQaBuilder(CorpusBuilder):
    """Builds the data set of questions about clinical notes; see `EmrQaConfig` for its options.

    The file is read as a stream; one note with its questions at a time is what is in memory.
    """

    BUILDER_CONFIG_CLASS = EmrQaConfig
    policy: ClassVar[CorpusPolicy] = POLICY
    source_hint: ClassVar[str] = "emrQA's data.json. For example: EmrQaBuilder(source='data.json')"

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(
            description="Questions about clinical notes with the answer's place in the note and its category.",
            features=FEATURES,
            homepage=HOMEPAGE,
            citation=CITATION,
            license=POLICY.licence,
        )

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        began = time.perf_counter()
        files = find_json(self.config.source, WANTED, name="data.json")
        if len(files) > 1:
            names = ", ".join(path.name for path in files[:5])
            raise InputError(f"'{self.config.source}' holds {len(files)} .json files ({names}). {WANTED}")
        file = ParagraphFile.open(files[0])
        self._reading = SectionReader(file, self.config, self.config.datasets, self.config.sample)
        self._seconds = time.perf_counter() - began
        return [datasets.SplitGenerator(name="train", gen_kwargs={"reading": self._reading})]

    def _generate_tables(self, reading: SectionReader) -> Iterator[tuple[int, pa.Table]]:
        began = time.perf_counter()
        yield from tables(reading.rows(), reading.tally)
        self._seconds += time.perf_counter() - began
        reading.require_rows()

    def collect_facts(self) -> dict[str, Any]:
        """Return counts of questions, answers, categories, notes and groups."""
        return {"source": "data.json", "synthetic": False, **self._reading.facts(), "reading_seconds": self._seconds}
