"""ADE Corpus V2 as a `datasets` builder: raw files → one Parquet row a sentence, with its relations.

builder = AdeCorpusV2Builder(source="ADE-Corpus-V2")
builder.download_and_prepare(file_format="parquet")
dataset = builder.as_dataset(split="train")
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar

import datasets
import pyarrow as pa

from secondopinion.core.errors import InputError
from secondopinion.core.fingerprint import RowFingerprint
from secondopinion.core.policy import CorpusPolicy

from ..building import CorpusBuilder
from .configuration import AdeCorpusV2Config
from .grouping import Groups, group_sentences
from .lines import read_files
from .sentences import LABEL_NAMES, Collected, collect, relation_rows

HOMEPAGE = "https://www.sciencedirect.com/science/article/pii/S1532046412000615"
CITATION = """@article{gurulingappa2012development,
  title = {Development of a benchmark corpus to support the automatic extraction of drug-related adverse effects from medical case reports},
  author = {Gurulingappa, Harsha and Rajput, Abdul Mateen and Roberts, Angus and Fluck, Juliane and Hofmann-Apitius, Martin and Toldo, Luca},
  journal = {Journal of Biomedical Informatics},
  volume = {45},
  number = {5},
  pages = {885--892},
  year = {2012},
  doi = {10.1016/j.jbi.2012.04.008}
}"""  # noqa: E501
POLICY = CorpusPolicy(
    licence="unknown",
    text_may_leave_machine=True,
    publish_text=False,
    publish_models=True,
    contains_patient_text=False,
)
SCHEMA_VERSION = 1
BATCH = 1000
_SPAN = {
    "text": datasets.Value("string"),
    "start": datasets.Value("int32"),
    "end": datasets.Value("int32"),
    "document_start": datasets.Value("int32"),
    "document_end": datasets.Value("int32"),
}
FEATURES = datasets.Features(
    {
        "id": datasets.Value("string"),
        "text": datasets.Value("string"),
        "label": datasets.ClassLabel(names=list(LABEL_NAMES)),
        "group": datasets.Value("string"),
        "meta": {
            "pubmed_id": datasets.Value("string"),
            "pubmed_ids": datasets.List(datasets.Value("string")),
            "relations": datasets.List({"pubmed_id": datasets.Value("string"), "adverse_effect": _SPAN, "drug": _SPAN}),
            "doses": datasets.List({"pubmed_id": datasets.Value("string"), "dose": _SPAN, "drug": _SPAN}),
            "also_negative": datasets.Value("bool"),
        },
    }
)


class AdeCorpusV2Builder(CorpusBuilder):
    """Builds the data set of sentences on adverse drug effects; see `AdeCorpusV2Config` for its options."""

    BUILDER_CONFIG_CLASS = AdeCorpusV2Config
    policy: ClassVar[CorpusPolicy] = POLICY
    source_hint: ClassVar[str] = (
        "a folder or zip archive with DRUG-AE.rel, DRUG-DOSE.rel and ADE-NEG.txt. "
        'For example: AdeCorpusV2Builder(source="ADE-Corpus-V2")'
    )

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(
            description="Sentences of medical case reports: does one tell of an adverse effect of a drug?",
            features=FEATURES,
            homepage=HOMEPAGE,
            citation=CITATION,
            license=POLICY.licence,
        )

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        began = time.perf_counter()
        self._files = read_files(self.config.source, self.config.skip_damaged)
        collected = collect(self._files)
        if not collected.sentences:
            raise InputError("the source holds no sentence that can be read")
        groups = group_sentences(collected.sentences, self.config.near_duplicates)
        self._collected, self._groups = collected, groups
        self._seconds = time.perf_counter() - began
        return [datasets.SplitGenerator(name="train", gen_kwargs={"collected": collected, "groups": groups})]

    def _generate_tables(self, collected: Collected, groups: Groups) -> Iterator[tuple[int, pa.Table]]:
        schema, fingerprint = FEATURES.arrow_schema, RowFingerprint()
        labels: Counter[int] = Counter()
        places: Counter[bool] = Counter()
        for first in range(0, len(collected.sentences), BATCH):
            rows = []
            for place, sentence in enumerate(collected.sentences[first : first + BATCH], start=first):
                relations, doses = relation_rows(sentence)
                spans = [row[part] for row in (*relations, *doses) for part in row if part != "pubmed_id"]
                places.update(span["start"] is not None for span in spans)
                labels[sentence.label] += 1
                fingerprint.update([sentence.id, sentence.text, LABEL_NAMES[sentence.label]])
                rows.append(
                    {
                        "id": sentence.id,
                        "text": sentence.text,
                        "label": sentence.label,
                        "group": groups.names[place],
                        "meta": {
                            "pubmed_id": sentence.pubmed_ids[0],
                            "pubmed_ids": sentence.pubmed_ids,
                            "relations": relations,
                            "doses": doses,
                            "also_negative": sentence.negative and bool(sentence.relations),
                        },
                    }
                )
            yield first, pa.Table.from_pylist(rows, schema=schema)
        self._labels, self._places, self._fingerprint = labels, places, fingerprint

    def collect_facts(self) -> dict[str, Any]:
        """Return counts of lines, sentences, conflicts, places and groups."""
        files, collected = self._files, self._collected
        dropped = collected.dropped.copy()
        for file in files.values():
            dropped.update(file.damaged)
        sentences = collected.sentences
        return {
            "schema_version": SCHEMA_VERSION,
            "source": "raw",
            "synthetic": False,
            "label_names": list(LABEL_NAMES),
            "rows": len(sentences),
            "class_counts": {name: self._labels[i] for i, name in enumerate(LABEL_NAMES)},
            "read": sum(file.read for file in files.values()),
            "dropped": dict(sorted(dropped.items())),
            "merged": dict(sorted(collected.merged.items())),
            "conflicts": {
                "positive_and_negative": collected.both,
                "near_copies_labelled_otherwise": self._groups.facts["near_copies_labelled_otherwise"],
            },
            "relations": sum(len(s.relations) for s in sentences),
            "doses": sum(len(s.doses) for s in sentences),
            "rows_with_a_dose": sum(bool(s.doses) for s in sentences),
            "places": {"found": self._places[True], "not_settled": self._places[False]},
            "groups": len(set(self._groups.names)),
            "duplicates": self._groups.facts,
            "fingerprint": self._fingerprint.hexdigest(),
            "files": {
                name: {"rows": file.read, "damaged": sum(file.damaged.values()), **file.notes}
                for name, file in files.items()
            },
            "reading_seconds": self._seconds,
        }
