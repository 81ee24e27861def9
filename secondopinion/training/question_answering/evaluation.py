"""A run's selected model on other questions."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ...core.files import write_json
from ...core.run_folder import RunFolder, now
from ..evaluate import refuse_training_rows
from ..qa_recipe import AnswerDatasetSpec, QuestionAnsweringSpec
from ..recipe import load_recipe
from .answers import AnswerRows
from .data import QuestionAnsweringData, load_questions
from .figures import measure
from .model import load_model
from .prediction import Predictor
from .windows import windows_of

RESAMPLES = 2000


def evaluate_answers(
    run: RunFolder,
    data: str | os.PathLike | QuestionAnsweringData,
    *,
    split: str = "train",
    dtype: str = "float32",
) -> dict[str, Any]:
    """Return the figures of a run's selected model on rows that it was not trained on.

    Args:
        run: a finished run.
        data: prepared folder, a data set on the Hub, or rows; columns are called as in the run's recipe.
        split: its split.
        dtype: of the model's weights, `float32` or `bfloat16`.

    Returns:
        A record of run.json's form for one figure set, also written to `evaluations/<name>-<fingerprint>.json`.

    Raises:
        InputError: rows took part in the run, or hold nothing to measure by.
    """
    if not isinstance(data, QuestionAnsweringData):
        with tempfile.TemporaryDirectory(prefix="secondopinion-") as cache:
            trained_on = load_recipe(run.facts["recipe"]).dataset
            columns = {"id_column": trained_on.id_column, "group_column": trained_on.group_column}
            loaded = load_questions(AnswerDatasetSpec(path=os.fspath(data), split=split, **columns), Path(cache))
            return evaluate_answers(run, loaded, dtype=dtype)
    refuse_training_rows(run, data)
    facts, fold = run.facts, run.selected_fold
    rows = np.arange(len(data))
    answers = answer_rows(run, data, fold, dtype)
    record = {
        "name": f"{facts['name']} on {data.name}",
        "measured_at": now(),
        "fold": fold,
        "dtype": dtype,
        "dataset": data.describe(),
        "task": facts["task"],
        "model": facts["model"],
        "no_answer": facts["no_answer"],
        "summary": {"out_of_fold": measure(data, rows, answers, n_resamples=RESAMPLES)},
    }
    write_json(run.path / "evaluations" / f"{data.name.replace('/', '--')}-{data.fingerprint}.json", record)
    return record


def answer_rows(run: RunFolder, data: QuestionAnsweringData, fold: int, dtype: str = "float32") -> AnswerRows:
    """Return what one fold's model answers to all rows, with its own threshold and temperature.

    Args:
        run: a finished run.
        data: the rows.
        fold: which fold's model.
        dtype: of its weights, `float32` or `bfloat16`.
    """
    spec = load_recipe(run.facts["recipe"]).model
    return answers_of(run.fold_folder(fold), data, spec, np.arange(len(data)), dtype)


def answers_of(
    folder: Path,
    data: QuestionAnsweringData,
    spec: QuestionAnsweringSpec,
    rows: np.ndarray,
    dtype: str = "float32",
) -> AnswerRows:
    """Return what a saved model answers to some rows, with its own threshold and temperature.

    Args:
        folder: of the model and its tokenizer.
        data: all rows.
        spec: sizes of windows, as in the recipe that it was trained by.
        rows: which of them to answer, as sorted indices.
        dtype: of its weights, `float32` or `bfloat16`.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    windows = windows_of(data, tokenizer, spec)
    answers, _ = Predictor(windows, tokenizer, rows, label="answering")(load_model(folder, dtype))
    return answers
