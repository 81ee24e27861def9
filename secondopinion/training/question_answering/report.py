"""The end of a run of questions and answers: figures with intervals, calibration, baselines, plots, run.json."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.files import atomic_file, read_json
from ...core.machine import code_revision, hardware, package_versions
from ...core.run_folder import RunFolder, now
from ...modeling.configuration_multitask_qa import CATEGORIES
from ..encoders import resolve_encoder
from ..folds import Folds
from ..qa_recipe import QuestionAnsweringRecipe
from ..selection import select
from .answers import AnswerRows
from .category_calibration import category_calibration
from .data import QuestionAnsweringData
from .figures import measure, score, summary
from .no_answer import probability_calibration
from .single_task import single_task_facts


def write_answer_report(
    run: RunFolder, recipe: QuestionAnsweringRecipe, data: QuestionAnsweringData, split: Folds, *, seconds: float
) -> dict[str, Any]:
    """Gather the finished folds of a run into predictions, calibration, selection, plots and run.json.

    Args:
        run: with at least one finished fold.
        recipe: that the folds were trained by.
        data: that they were trained on.
        split: the folds.
        seconds: that this call of `train` took so far.

    Returns:
        What run.json holds.
    """
    trained = list(run.finished_folds())
    results = [read_json(run.fold_facts_file(fold)) for fold in trained]
    rows = np.concatenate([split.rows(fold)[1] for fold in trained])
    fold_of = np.concatenate([np.full(split.sizes[fold - 1], fold) for fold in trained])
    by_fold = {fold: AnswerRows.load(run.fold_answers_file(fold)) for fold in trained}
    answers = AnswerRows.concatenate(list(by_fold.values()))
    write_predictions(run, data, rows, fold_of, answers)

    selection = select(recipe.selection, results)
    chosen = next(result for result in results if result["fold"] == selection["fold"])
    facts = {
        "name": recipe.name,
        "created_at": read_json(run.path / "recipe.json")["started_at"],
        "finished_at": now(),
        "code_revision": code_revision(),
        "recipe": recipe.as_dict(),
        "task": {
            "problem_type": "multitask_qa",
            "label_names": list(CATEGORIES),
            "tasks": list(recipe.model.tasks),
        },
        "model": model_facts(run, recipe, results),
        "dataset": data.describe(),
        "folds": {**split.facts(), "trained": trained},
        "fold_results": results,
        "summary": {
            **summary([result["figures"] for result in results]),
            "out_of_fold": measure(data, rows, answers, n_resamples=recipe.resamples),
        },
        "selection": selection,
        "no_answer": no_answer_facts(data, rows, answers, chosen),
        "calibration": None
        if answers.category_probabilities is None
        else category_calibration(data, rows, answers, chosen["category_temperature"]),
        "single_task": single_task_facts(run, data, split, trained, by_fold, recipe.resamples),
        "environment": {"packages": package_versions(), "hardware": hardware(), "bf16": bool(results[0]["bf16"])},
        "durations": {
            "report_after_seconds": round(seconds, 1),
            "folds": {str(result["fold"]): result["seconds"] for result in results},
        },
    }
    from .plots import write_answer_plots

    facts["plots"] = write_answer_plots(run.plots, facts)
    run.write_facts(facts)
    return facts


def model_facts(run: RunFolder, recipe: QuestionAnsweringRecipe, results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return `model` of run.json."""
    spec = recipe.model
    encoder = resolve_encoder(spec.source)
    config = read_json(run.fold_folder(results[0]["fold"]) / "config.json")
    kept = ("max_length", "doc_stride", "max_question_length", "max_answer_length", "category_from")
    return {
        "kind": spec.kind,
        "class": "MultiTaskQAForQuestionAnswering",
        "base_model": encoder.base_model,
        "base_model_sha256": encoder.sha256,
        "base_license": encoder.base_license,
        "parameters": results[0]["parameters"],
        **{name: results[0][name] for name in ("frozen_parameters",) if name in results[0]},
        "tasks": list(spec.tasks),
        "num_shared_layers": config["num_shared_layers"],
        "num_layers": config["encoder_config"].get("num_hidden_layers", config["encoder_config"].get("n_layers")),
        **{name: getattr(spec, name) for name in kept},
        "category_pooling": spec.category_pooling,
        "category_targets": spec.category_targets,
        "task_weighting": spec.task_weighting,
        "task_weights": results[0]["task_weights"],
        "negative_windows": spec.negative_windows,
        "adapter": None if spec.lora is None else {"type": "lora", "r": spec.lora.r, "alpha": spec.lora.alpha},
    }


def no_answer_facts(
    data: QuestionAnsweringData, rows: np.ndarray, answers: AnswerRows, chosen: dict[str, Any]
) -> dict[str, Any] | None:
    """Return `no_answer` of run.json: the published fold's threshold, and how its probability fares out of fold.

    Args:
        data: all rows.
        rows: out of fold, as indices.
        answers: to them.
        chosen: facts of the published fold.
    """
    if answers.start is None:
        return None
    known = np.flatnonzero(data.span_labelled[rows])
    unanswerable = data.unanswerable[rows[known]]
    calibration = None
    if unanswerable.any() and not unanswerable.all():
        calibration = probability_calibration(answers.no_answer_probability[known], unanswerable)
    return {**chosen["no_answer"], "fold": chosen["fold"], "calibration": calibration}


def write_predictions(
    run: RunFolder, data: QuestionAnsweringData, rows: np.ndarray, fold_of: np.ndarray, answers: AnswerRows
) -> None:
    """Write predictions.parquet: offsets, scores and probabilities of each held-out row; no text."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    scores = score(data, rows, answers)
    columns: dict[str, Any] = {"id": data.ids[rows].tolist(), "fold": fold_of}
    if answers.start is not None:
        columns |= {
            "prediction_start": answers.start.astype(np.int64),
            "prediction_end": answers.end.astype(np.int64),
            "best_start": answers.best_start.astype(np.int64),
            "best_end": answers.best_end.astype(np.int64),
        }
        names = ("score", "null_odds", "no_answer_probability", "span_probability", "n_best_margin", "no_answer_margin")
        columns |= {name: getattr(answers, name).astype(np.float32) for name in names}
    if answers.category_probabilities is not None:
        columns["category_probabilities"] = answers.category_probabilities.astype(np.float32).tolist()
        columns["category"] = np.array(CATEGORIES)[answers.category_probabilities.argmax(axis=1)].tolist()
        columns["category_entropy"] = answers.category_entropy.astype(np.float32)
    spans = [data.answers[row] for row in rows.tolist()]
    lists = pa.list_(pa.int64())
    columns |= {
        "gold_starts": pa.array([[start for start, _ in each] for each in spans], type=lists),
        "gold_ends": pa.array([[end for _, end in each] for each in spans], type=lists),
        "gold_category_probs": data.category_probs[rows].tolist(),
        "span_labelled": data.span_labelled[rows],
        **{name: pa.array(scores[name], type=pa.float64()) for name in ("exact", "f1")},
        **{name: pa.array(scores[name], type=pa.bool_()) for name in ("category_right", "joint")},
    }
    with atomic_file(run.predictions_file) as temporary:
        pq.write_table(pa.table(columns), temporary)
