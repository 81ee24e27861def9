"""MIMIC-IV treatment outcome as a `datasets` builder: discharge summaries with the consensus of several experts.

builder = MimicIvOutcomeBuilder(source="discharge.csv.gz", votes=["a.parquet", "b.parquet", "c.parquet"])
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
from secondopinion.core.progress import progress, say

from ..building import CorpusBuilder
from .configuration import MimicIvOutcomeConfig
from .gold import Gold, Golds, read_gold
from .notes import NoteFile, find_notes
from .sections import SectionFinder

HOMEPAGE = "https://physionet.org/content/mimic-iv-note/"
CITATION = """@misc{johnson2023mimicivnote,
  title = {MIMIC-IV-Note: Deidentified free-text clinical notes},
  author = {Johnson, Alistair and Pollard, Tom and Horng, Steven and Celi, Leo Anthony and Mark, Roger},
  year = {2023},
  publisher = {PhysioNet},
  doi = {10.13026/1n74-ne17}
}"""
AGREEMENT = "PhysioNet Credentialed Health Data Use Agreement 1.5.0"
POLICY = CorpusPolicy(
    licence="other",
    text_may_leave_machine=False,
    publish_text=False,
    publish_models=False,
    agreement=AGREEMENT,
    contains_patient_text=True,
)
SCHEMA_VERSION = 1
BATCH = 500
NO_VOTE, REPEATED = "votes: none", "repeated note_id"
NO_SUBJECT, NO_SECTION, EMPTY = "no subject_id", "sections: none found", "text: empty"
_META = ("subject_id", "hadm_id", "note_type", "note_seq", "charttime", "storetime")


class MimicIvOutcomeBuilder(CorpusBuilder):
    """Builds the treatment-outcome data set; see `MimicIvOutcomeConfig` for its options.

    Notes are read as a stream; votes and one row's text at a time are what is in memory.
    """

    BUILDER_CONFIG_CLASS = MimicIvOutcomeConfig
    policy: ClassVar[CorpusPolicy] = POLICY
    source_hint: ClassVar[str] = (
        "MIMIC-IV-Note's discharge.csv.gz. For example: "
        'MimicIvOutcomeBuilder(source="discharge.csv.gz", votes=["one.parquet", "two.parquet", "three.parquet"])'
    )

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(
            description="Discharge summaries of MIMIC-IV: how did the treatment turn out? Labels by consensus.",
            features=datasets.Features(
                {
                    "id": datasets.Value("string"),
                    "text": datasets.Value("string"),
                    "label": datasets.ClassLabel(names=list(self.config.label_names)),
                    "group": datasets.Value("string"),
                    "meta": {
                        **{name: datasets.Value("string") for name in _META},
                        "sections": datasets.List(datasets.Value("string")),
                        "truncated": datasets.Value("bool"),
                        "votes": datasets.List({"expert": datasets.Value("string"), "label": datasets.Value("string")}),
                        "usable_votes": datasets.Value("int32"),
                        "agreement": datasets.Value("float64"),
                        "share": datasets.Value("float64"),
                    },
                }
            ),
            homepage=HOMEPAGE,
            citation=CITATION,
            license=POLICY.licence,
        )

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        config = self.config
        file = NoteFile(find_notes(config.source), config.skip_damaged)
        golds = read_gold(
            config.votes,
            config.label_names,
            method=config.consensus,
            min_votes=config.min_votes,
            min_share=config.min_share,
            leave_out=config.leave_out,
        )
        self._file, self._golds = file, golds
        return [datasets.SplitGenerator(name="train", gen_kwargs={"file": file, "golds": golds})]

    def _generate_tables(self, file: NoteFile, golds: Golds) -> Iterator[tuple[int, pa.Table]]:
        began = time.perf_counter()
        self._tally = tally = _Tally()
        rows: list[dict[str, Any]] = []
        schema, batch = self.info.features.arrow_schema, 0
        for row in self._rows(file, golds, tally):
            tally.add(row, self.config.label_names)
            rows.append(row)
            if len(rows) == BATCH:
                yield batch, pa.Table.from_pylist(rows, schema=schema)
                rows, batch = [], batch + 1
        if rows:
            yield batch, pa.Table.from_pylist(rows, schema=schema)
        tally.seconds = time.perf_counter() - began
        self._check_found(file, golds, tally)

    def _rows(self, file: NoteFile, golds: Golds, tally: _Tally) -> Iterator[dict[str, Any]]:
        finder = None if self.config.whole_note else SectionFinder(self.config.sections)
        with progress(total=self.config.limit, label="reading notes", unit="note") as bar:
            for note in file:
                bar.update(1)
                row = self._row(note, golds.notes.get(note["note_id"]), finder, tally)
                if isinstance(row, str):
                    tally.dropped[row] += 1
                else:
                    yield row
                if file.read == self.config.limit:
                    return

    def _row(
        self, note: dict[str, str], gold: Gold | None, finder: SectionFinder | None, tally: _Tally
    ) -> dict[str, Any] | str:
        """Return the row of a note, or the reason why there is none."""
        if gold is None:
            return NO_VOTE
        if note["note_id"] in tally.met:
            return REPEATED
        tally.met.add(note["note_id"])
        if gold.reason is not None:
            return gold.reason
        if not note["subject_id"].strip():
            return NO_SUBJECT
        found = finder.find(note["text"]) if finder else {}
        if finder and not found and self.config.missing_sections == "drop":
            return NO_SECTION
        text = "\n".join(f"{name}: {words}" for name, words in found.items()) or " ".join(note["text"].split())
        if not text:
            return EMPTY
        return {
            "id": note["note_id"],
            "text": text[: self.config.max_characters],
            "label": gold.label,
            "group": note["subject_id"].strip(),
            "meta": {
                **{name: note[name] or None for name in _META},
                "sections": list(found),
                "truncated": len(text) > self.config.max_characters,
                "votes": [{"expert": expert, "label": label} for expert, label in gold.votes],
                "usable_votes": gold.usable,
                "agreement": gold.agreement,
                "share": gold.share,
            },
        }

    def _check_found(self, file: NoteFile, golds: Golds, tally: _Tally) -> None:
        """Tell of voted notes that the file does not hold.

        Raises:
            InputError: it holds none of them, or no row is left.
        """
        unmet = len(golds.notes) - len(tally.met)
        if not tally.met:
            raise InputError(
                f"none of the {len(golds.notes):,} notes that were voted on is among the {file.read:,} notes of "
                f"{file.path.name}. The id of a vote must be the note_id, such as 10000032-DS-21"
            )
        if unmet and self.config.limit is None:
            say(f"{unmet:,} of {len(golds.notes):,} notes that were voted on are not in {file.path.name}")
        if not tally.rows:
            reasons = "; ".join(f"{count:,} {reason}" for reason, count in sorted(tally.dropped.items()))
            raise InputError(
                f"none of the {file.read:,} notes has both a consensus and a text ({reasons}). Lower min_votes or "
                "min_share, or read other sections (sections, missing_sections)"
            )

    def collect_facts(self) -> dict[str, Any]:
        """Return counts of notes, votes, sections and groups, and how far the experts agree."""
        file, golds, tally, config = self._file, self._golds, self._tally, self.config
        return {
            "schema_version": SCHEMA_VERSION,
            "source": "discharge",
            "synthetic": False,
            "label_names": list(config.label_names),
            "rows": tally.rows,
            "class_counts": {name: tally.labels[i] for i, name in enumerate(config.label_names)},
            "read": file.read,
            "dropped": dict(sorted(tally.dropped.items())),
            "truncated_texts": tally.truncated,
            "sections": {} if config.whole_note else {name: tally.sections[name] for name in config.sections},
            "rows_without_sections": tally.rows - tally.with_sections,
            "groups": len(tally.groups),
            "duplicates": {"largest_group": max(tally.groups.values(), default=0)},
            "votes": {**golds.facts, "notes_not_in_source": len(golds.notes) - len(tally.met)},
            "mean_agreement": tally.agreement / tally.rows,
            "unanimous_rows": tally.unanimous,
            "fingerprint": tally.fingerprint.hexdigest(),
            "files": {
                file.path.name: {
                    "rows": file.read,
                    "complete": file.damage is None and config.limit is None,
                    "damage": file.damage,
                    **file.notes,
                },
                **golds.files,
            },
            "reading_seconds": tally.seconds,
        }


class _Tally:
    """Counts while rows are written."""

    def __init__(self) -> None:
        self.rows = self.truncated = self.with_sections = self.unanimous = 0
        self.agreement = self.seconds = 0.0
        self.met: set[str] = set()
        self.dropped: Counter[str] = Counter()
        self.labels: Counter[int] = Counter()
        self.sections: Counter[str] = Counter()
        self.groups: Counter[str] = Counter()
        self.fingerprint = RowFingerprint()

    def add(self, row: dict[str, Any], label_names: tuple[str, ...]) -> None:
        """Count one final row."""
        meta = row["meta"]
        self.rows += 1
        self.truncated += meta["truncated"]
        self.with_sections += bool(meta["sections"])
        self.sections.update(meta["sections"])
        self.unanimous += meta["agreement"] == 1
        self.agreement += meta["agreement"]
        self.labels[row["label"]] += 1
        self.groups[row["group"]] += 1
        self.fingerprint.update([row["id"], row["text"], label_names[row["label"]]])
