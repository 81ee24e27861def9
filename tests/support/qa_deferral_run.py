"""A finished run of questions with real predictions of a tiny random model, and experts' answers to its questions."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from qa_run import authored_rows, build_qa_run, save_qa_model

from secondopinion.core.run_folder import RunFolder
from secondopinion.training.folds import Folds
from secondopinion.training.qa_recipe import AnswerDatasetSpec
from secondopinion.training.question_answering.data import load_questions
from secondopinion.training.question_answering.evaluation import answer_rows
from secondopinion.training.question_answering.report import write_predictions

FOLDS = 3


def build_deferral_run(folder: Path) -> tuple[RunFolder, Any]:
    """Write a run with predictions.parquet, as training leaves it, and return it with its data.

    Every fold has the same random model; it finds no answer anywhere, which is right where there is none.

    Args:
        folder: where to; it holds `run` and `run-data` after.
    """
    model = save_qa_model(folder / "model", no_answer_threshold=-1.0, no_answer_record=None)
    run = RunFolder(build_qa_run(folder / "run", model, single=(), resamples=20))
    data = load_questions(AnswerDatasetSpec(path=run.local["data"]))
    fold = np.arange(len(data)) // 4 % FOLDS + 1
    facts = {name: value for name, value in run.facts.items() if name != "schema_version"}
    facts["dataset"]["fingerprint"] = data.fingerprint
    facts["recipe"]["resamples"] = 100
    facts["no_answer"]["threshold"] = -1.0
    run.write_facts(facts)
    Folds(fold, data.ids.tolist(), "stratified_group", FOLDS, 13, data.fingerprint).save(run.folds_file)
    answers = answer_rows(run, data, 1)
    order = np.concatenate([np.flatnonzero(fold == number) for number in range(1, FOLDS + 1)])
    write_predictions(run, data, order, fold[order], answers.take(order))
    return run, data


def save_answers(path: Path, answers: Mapping[str, str], **columns: Mapping[str, Any]) -> Path:
    """Write experts' answers as CSV: id, answer and further columns by id."""
    with open(path, "w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["id", "answer", *columns])
        writer.writerows([i, text, *(column[i] for column in columns.values())] for i, text in answers.items())
    return path


def gold_answers() -> dict[str, str]:
    """Return {id: the true answer, "" for none}."""
    return {row["id"]: "".join(row["answers"]["text"]) for row in authored_rows()}
