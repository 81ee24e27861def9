"""An int8 form of a run's model, accepted by what it costs on rows that the model never saw."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.files import read_json
from ..core.run_folder import RunFolder
from ..scoring.backends.choice import backend_cache, converted
from ..scoring.backends.openvino_backend import OpenVinoBackend
from ..scoring.backends.quantization import quantize
from ..scoring.classifier import open_classifier
from ..scoring.scorer import Scorer
from .asking import run_data
from .data import TrainingData
from .folds import Folds
from .problems import problem_of_task
from .selection import LOWER_IS_BETTER

CALIBRATION_ROWS = 300
MAX_LOSS = 0.002


def quantize_run(
    run: RunFolder | str | os.PathLike,
    data: str | os.PathLike | TrainingData | None = None,
    *,
    max_loss: float = MAX_LOSS,
    calibration_rows: int = CALIBRATION_ROWS,
    trust_remote_code: bool = False,
) -> dict[str, Any]:
    """Make the int8 form of a run's selected fold, for `score --precision int8`, and say what it costs.

    Activations are calibrated on rows that the fold was trained on; the cost is measured on its held-out rows, against
    float32, in the problem's main figure (macro F1 of classes).

    Args:
        run: a finished run of an encoder.
        data: what it was trained on, if it was moved.
        max_loss: how much of the figure may be lost; beyond it nothing is kept.
        calibration_rows: texts to calibrate on.
        trust_remote_code: whether code that lies beside an adopted model may run.

    Returns:
        {figure, float32, int8, loss, low, high (of int8 minus float32, 95%), rows, same_label, max_loss}.

    Raises:
        InputError: the run is of another kind, its data is not found, OpenVINO or nncf is not installed, or more is
            lost than may be.
    """
    run = run if isinstance(run, RunFolder) else RunFolder.open(run)
    facts = run.facts
    if facts["model"]["kind"] != "pooled_encoder":
        raise InputError(f"{run.path} is a run of kind {facts['model']['kind']}; int8 is for encoders that classify")
    if calibration_rows < 1:
        raise InputError(f"{calibration_rows} rows to calibrate on; give at least 1, better some hundreds")
    rows = run_data(run, data)
    fold = run.selected_fold
    trained, held_out = Folds.load(run.folds_file).rows(fold)
    if "origin" in facts:
        trained = held_out
    problem = problem_of_task(facts["task"])
    gold = problem.align(rows.problem, rows.labels, rows.name)[held_out]
    model, reader = open_classifier(run.fold_folder(fold), trust_remote_code=trust_remote_code)
    model = model.cpu()
    cache = backend_cache(run.path, run.fold_folder(fold))
    source = converted(model, reader, cache)
    length = facts["model"]["max_length"]
    texts = rows.texts(held_out)

    def logits(backend: OpenVinoBackend) -> np.ndarray:
        scorer = Scorer(backend, reader, length)
        try:
            return scorer.score(texts).outputs["logits"].astype(np.float64)
        finally:
            scorer.close()

    def accept(small: OpenVinoBackend) -> dict[str, Any]:
        whole, eighth = logits(OpenVinoBackend(source)), logits(small)
        figure = problem.main
        before, after = (problem.figures(gold, found)[figure] for found in (whole, eighth))
        lost = (after - before) if figure in LOWER_IS_BETTER else (before - after)
        apart = problem.lift(gold, eighth, whole, None if rows.groups is None else rows.groups[held_out])[figure]
        if lost > max_loss:
            raise InputError(
                f"int8 loses {lost:.4f} {figure} on {len(held_out):,} held-out rows ({before:.4f} in float32, "
                f"{after:.4f} in int8), more than the {max_loss:g} that may be lost; nothing was kept. Calibrate on "
                "more rows (--rows), allow more (--max-loss), or stay with float32"
            )
        return {
            "figure": figure,
            "float32": float(before),
            "int8": float(after),
            "loss": float(lost),
            "low": float(apart["low"]),
            "high": float(apart["high"]),
            "rows": len(held_out),
            "same_label": float((whole.argmax(axis=1) == eighth.argmax(axis=1)).mean()),
            "max_loss": max_loss,
        }

    chosen = np.random.default_rng(13).permutation(np.asarray(trained))[:calibration_rows]
    folder = quantize(source, cache, reader, rows.texts(np.sort(chosen)), length, accept)
    return read_json(folder / "conversion.json")["measured"]


__all__ = ["quantize_run"]
