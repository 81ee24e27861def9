"""An int8 form of a run's model, accepted by what it costs on rows that the model never saw."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.files import read_json
from ..core.run_folder import RunFolder
from ..scoring.backends.choice import backend_cache, converted, text_inputs
from ..scoring.backends.openvino_backend import OpenVinoBackend
from ..scoring.backends.quantization import calibration_batches, quantize
from ..scoring.batch_runner import BatchRunner
from ..scoring.classifier import open_classifier
from ..scoring.scorer import Scorer
from .asking import run_data
from .data import TrainingData
from .folds import Folds
from .problems import problem_of_task
from .selection import LOWER_IS_BETTER

CALIBRATION_ROWS = 300
MAX_LOSS = 0.002
RESAMPLES = 2000


@dataclass(frozen=True)
class _Subject:
    """A model that is quantized.

    Attributes:
        source: the folder of its float32 form.
        batches: that activations are calibrated on.
        held_out: how many rows it is measured on.
        compare: float32 form, int8 form → {figure, float32, int8, low, high (of int8 minus float32), same_label}.
    """

    source: Path
    batches: Sequence[dict[str, np.ndarray]]
    held_out: int
    compare: Callable[[OpenVinoBackend, OpenVinoBackend], dict[str, Any]]


def quantize_run(
    run: RunFolder | str | os.PathLike,
    data: str | os.PathLike | TrainingData | None = None,
    *,
    max_loss: float = MAX_LOSS,
    calibration_rows: int = CALIBRATION_ROWS,
    trust_remote_code: bool = False,
) -> dict[str, Any]:
    """Make the int8 form of a run's selected fold, for `score` or `extract --precision int8`, and say what it costs.

    Activations are calibrated on rows that the fold was trained on; the cost is measured on its held-out rows, against
    float32, in the problem's main figure (macro F1 of classes, the selection's figure of questions).

    Args:
        run: a finished run of an encoder, or of questions and answers.
        data: what it was trained on, if it was moved.
        max_loss: how much of the figure may be lost; beyond it nothing is kept.
        calibration_rows: texts, or windows of notes, to calibrate on.
        trust_remote_code: whether code that lies beside an adopted model may run.

    Returns:
        {figure, float32, int8, loss, low, high (of int8 minus float32, 95%), rows, same_label, max_loss}; of questions
        `same_label` is the share with the same answer.

    Raises:
        InputError: the run is of another kind, its data is not found, OpenVINO or nncf is not installed, or more is
            lost than may be.
    """
    run = run if isinstance(run, RunFolder) else RunFolder.open(run)
    kind = run.facts["model"]["kind"]
    if kind not in _SUBJECTS:
        raise InputError(f"{run.path} is a run of kind {kind}; int8 is for encoders that classify or answer questions")
    if calibration_rows < 1:
        raise InputError(f"{calibration_rows} rows to calibrate on; give at least 1, better some hundreds")
    cache = backend_cache(run.path, run.fold_folder(run.selected_fold))
    subject = _SUBJECTS[kind](run, data, cache, calibration_rows, trust_remote_code)

    def accept(small: OpenVinoBackend) -> dict[str, Any]:
        said = subject.compare(OpenVinoBackend(subject.source), small)
        figure, before, after = said["figure"], said["float32"], said["int8"]
        lost = (after - before) if figure in LOWER_IS_BETTER else (before - after)
        if lost > max_loss:
            raise InputError(
                f"int8 loses {lost:.4f} {figure} on {subject.held_out:,} held-out rows ({before:.4f} in float32, "
                f"{after:.4f} in int8), more than the {max_loss:g} that may be lost; nothing was kept. Calibrate on "
                "more rows (--rows), allow more (--max-loss), or stay with float32"
            )
        return {**said, "loss": float(lost), "rows": subject.held_out, "max_loss": max_loss}

    folder = quantize(subject.source, cache, subject.batches, accept)
    return read_json(folder / "conversion.json")["measured"]


def _classifier(
    run: RunFolder,
    data: str | os.PathLike | TrainingData | None,
    cache: Path,
    calibration_rows: int,
    trust_remote_code: bool,
) -> _Subject:
    facts, fold = run.facts, run.selected_fold
    rows = run_data(run, data)
    trained, held_out = _rows(run, rows)
    if "origin" in facts:
        trained = held_out
    problem = problem_of_task(facts["task"])
    gold = problem.align(rows.problem, rows.labels, rows.name)[held_out]
    groups = None if rows.groups is None else rows.groups[held_out]
    model, reader = open_classifier(run.fold_folder(fold), trust_remote_code=trust_remote_code)
    model = model.cpu()
    source = converted(model, cache, text_inputs(model, reader))
    length, texts = facts["model"]["max_length"], rows.texts(held_out)

    def logits(backend: OpenVinoBackend) -> np.ndarray:
        scorer = Scorer(backend, reader, length)
        try:
            return scorer.score(texts).outputs["logits"].astype(np.float64)
        finally:
            scorer.close()

    def compare(plain: OpenVinoBackend, small: OpenVinoBackend) -> dict[str, Any]:
        whole, eighth = logits(plain), logits(small)
        figure = problem.main
        apart = problem.lift(gold, eighth, whole, groups)[figure]
        return {
            "figure": figure,
            "float32": float(problem.figures(gold, whole)[figure]),
            "int8": float(problem.figures(gold, eighth)[figure]),
            "low": float(apart["low"]),
            "high": float(apart["high"]),
            "same_label": float((whole.argmax(axis=1) == eighth.argmax(axis=1)).mean()),
        }

    chosen = np.sort(_drawn(trained, calibration_rows))
    return _Subject(source, calibration_batches(reader, rows.texts(chosen), length), len(held_out), compare)


def _answerer(run: RunFolder, data: Any, cache: Path, calibration_rows: int, trust_remote_code: bool) -> _Subject:
    from transformers import AutoTokenizer

    from ..modeling.window_collator import padding
    from ..scoring.questions.answerer import converted_answerer
    from .question_answering.deferral import question_data
    from .question_answering.figures import differences
    from .question_answering.model import load_model
    from .question_answering.prediction import Predictor
    from .question_answering.windows import windows_in, windows_of
    from .recipe import load_recipe

    recipe, fold = load_recipe(run.facts["recipe"]), run.selected_fold
    rows = question_data(run, data)
    trained, held_out = _rows(run, rows)
    model = load_model(run.fold_folder(fold)).cpu()
    tokenizer = AutoTokenizer.from_pretrained(run.fold_folder(fold))
    source = converted_answerer(model, tokenizer, cache)
    windows = windows_of(rows, tokenizer, recipe.model)
    predictor = Predictor(windows, tokenizer, held_out, label="held-out questions")

    def answers(backend: OpenVinoBackend) -> Any:
        runner = BatchRunner(backend)
        try:
            return predictor(model, runner.run)[0]
        finally:
            runner.close()

    def compare(plain: OpenVinoBackend, small: OpenVinoBackend) -> dict[str, Any]:
        whole, eighth = answers(plain), answers(small)
        found = differences(rows, held_out, eighth, whole, RESAMPLES)
        figure = run.facts["selection"]["rule"]["metric"]
        apart = found[figure if figure in found else next(iter(found))]
        return {
            "figure": figure if figure in found else next(iter(found)),
            "float32": float(apart["b"]),
            "int8": float(apart["a"]),
            "low": float(apart["low"]),
            "high": float(apart["high"]),
            "same_label": float(np.mean((whole.start == eighth.start) & (whole.end == eighth.end))),
        }

    fill = padding(tokenizer)
    batches = [
        windows.padded(
            [window],
            padding_side=tokenizer.padding_side,
            pad_token_id=fill["input_ids"],
            pad_token_type_id=fill["token_type_ids"],
        )
        for window in _drawn(windows_in(windows, trained), calibration_rows)
    ]
    return _Subject(source, batches, len(held_out), compare)


def _rows(run: RunFolder, data: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return (training rows, held-out rows) of the selected fold."""
    folds = Folds.load(run.folds_file).for_data(data.ids.tolist(), data.fingerprint, run.folds_file)
    return folds.rows(run.selected_fold)


def _drawn(rows: np.ndarray, number: int) -> np.ndarray:
    return np.random.default_rng(13).permutation(np.asarray(rows))[:number]


_SUBJECTS = {"pooled_encoder": _classifier, "multitask_qa": _answerer}

__all__ = ["quantize_run"]
