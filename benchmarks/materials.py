"""What the benchmarks measure on: shared data where they lie beside the checkout, authored data elsewhere."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import NamedTuple

from secondopinion.core.errors import InputError
from secondopinion.core.files import atomic_file, write_json
from secondopinion.core.progress import say
from secondopinion.dataset_scripts import prepare

REPORTS = 5000
AUTHORED = "authored, synthetic"


class Material(NamedTuple):
    """Where something lies, and what a reader of the results is told of it."""

    path: Path
    told: str


class Materials:
    """Data and a trained model, each made when a benchmark first asks for it, and found again later.

    Args:
        shared: the folder of shared data; what is not there is authored.
        work: where things are made.
        run: a finished run of an encoder over device reports, in place of one that is trained here.
        reports: prepared device reports, in place of those that are prepared here.
    """

    def __init__(self, shared: Path, work: Path, run: Path | None = None, reports: Path | None = None) -> None:
        self.shared, self.run, self.prepared = shared, run and run.resolve(), reports and reports.resolve()
        self.work = work / ("shared" if (shared / "maude").is_dir() else "authored")

    def __getitem__(self, name: str) -> Material:
        """Return `raw_reports`, `reports`, `encoder`, `int8_encoder`, `notes` or `questions`, made at first call."""
        return getattr(self, f"_{name}")()

    def _raw_reports(self) -> Material:
        if (self.shared / "maude").is_dir():
            return Material(self.shared / "maude", "openFDA's device reports")
        from secondopinion.dataset_scripts.maude.synthetic import write_partition

        folder = self.work / "raw"
        if not list(folder.glob("*.zip")):
            write_partition(folder, reports=REPORTS)
        return Material(folder, f"device reports ({AUTHORED})")

    def _reports(self) -> Material:
        if self.prepared is not None:
            return Material(self.prepared, "device reports, as given")
        source, folder = self["raw_reports"], self.work / "reports"
        if not (folder / "prepare.json").exists():
            prepare("maude", source.path, folder, limit=REPORTS)
        return Material(folder, f"{REPORTS:,} of {source.told}" if "openFDA" in source.told else source.told)

    def _encoder(self) -> Material:
        if self.run is not None:
            return Material(self.run, "an encoder fine-tuned on device reports, as given")
        from secondopinion.training import load_recipe, train

        say("training the model that is measured: one fold, one epoch")
        recipe = load_recipe("maude_offline").replace(training={"epochs": 1})
        run = train(recipe, self["reports"].path, self.work / "run", folds=[1])
        return Material(run.path, "MiniLM (22M parameters), fine-tuned on them")

    def _int8_encoder(self) -> Material:
        """The same, with its int8 form where that costs little enough F1."""
        from secondopinion.training.quantization import quantize_run

        run = self["encoder"]
        if not any((run.path / "backends").glob("*/openvino-int8")):
            try:
                quantize_run(run.path, None if self.run else self["reports"].path)
            except InputError as refused:
                say(f"int8 is left out: {refused}")
        return run

    def _notes(self) -> Material:
        shared, authored = self.shared / "mtsamples.jsonl.gz", self.work / "notes.jsonl.gz"
        if shared.exists():
            return Material(shared, "transcribed notes (mtsamples)")
        if not authored.exists():
            with atomic_file(authored) as temporary, gzip.open(temporary, "wt", encoding="utf-8") as file:
                for row in self._authored("synthetic_long_cases"):
                    file.write(json.dumps({"text": row["text"]}) + "\n")
        return Material(authored, f"long cases ({AUTHORED})")

    def _questions(self) -> Material:
        shared, authored = self.shared / "covid_qa", self.work / "questions"
        if shared.is_dir():
            return Material(shared, "COVID-QA")
        if not (authored / "covid-qa-train.json").exists():
            asked = [
                {
                    "context": row["context"],
                    "qas": [
                        {
                            "id": row["id"],
                            "question": row["question"],
                            "answers": [
                                {"text": text, "answer_start": start}
                                for text, start in zip(
                                    row["answers"]["text"], row["answers"]["answer_start"], strict=True
                                )
                            ],
                        }
                    ],
                }
                for row in self._authored("synthetic_clinical_qa")
                if row["answers"]["text"]
            ]
            write_json(authored / "covid-qa-train.json", {"version": "1.1", "data": [{"paragraphs": asked}]})
        return Material(authored, f"notes with questions ({AUTHORED})")

    def _authored(self, corpus: str) -> list[dict]:
        import pyarrow.parquet as pq

        folder = self.work / corpus
        prepare(corpus, "synthetic", folder)
        return [row for file in sorted((folder / "data").glob("*.parquet")) for row in pq.read_table(file).to_pylist()]
