"""Fine-tune on one fold's training rows, choose its no-answer threshold, predict its held-out rows."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...core.files import read_json, write_json
from ...core.run_folder import BASE
from ...modeling.qa_windows import Windows
from ..arguments import micro_batch_budget, training_arguments
from ..compilation import compile_layers
from ..encoder import epoch_facts, fit_and_save
from ..encoder_model import keep_base, lora_adapter
from ..frozen_weights import freeze
from ..qa_recipe import QuestionAnsweringRecipe
from ..trainer import SaveEvery
from .answers import AnswerRows
from .category_calibration import category_temperature
from .data import QuestionAnsweringData
from .figures import best_span_scores, measure
from .folds import validation_split
from .model import HEADS, build_model, load_model
from .no_answer import choose_threshold
from .prediction import Predictor
from .windows import training_windows, window_facts, windows_in

HISTORY = ("f1", "exact", "category_macro_f1", "category_accuracy", "joint_accuracy")


@dataclass(frozen=True)
class AnswerOutcome:
    """A trained fold: the answers to its held-out rows, and facts for run.json."""

    answers: AnswerRows
    facts: dict[str, Any]


def fit_answer_fold(
    recipe: QuestionAnsweringRecipe,
    data: QuestionAnsweringData,
    windows: Windows,
    tokenizer: Any,
    rows: np.ndarray,
    held_out: np.ndarray,
    *,
    output: Path,
    work: Path,
    label: str,
    reads_context: bool = True,
) -> AnswerOutcome | None:
    """Fine-tune on `rows`, save the best epoch to `output` and answer `held_out`.

    A share of `rows` is set aside: on it the epoch is picked by the recipe's `monitor`, then, by the model as loaded
    back from `output` in fp32, the category's temperature and the no-answer threshold are chosen; both are saved in
    its configuration. The held-out rows are answered once, by that model.

    Args:
        recipe: of the model.
        data: all rows.
        windows: of all rows.
        tokenizer: saved beside the weights.
        rows: training rows, as indices.
        held_out: held-out rows, as indices.
        output: folder of the model; written whole or not at all.
        work: folder for checkpoints; a killed training continues from the last one, and it is removed at the end.
        label: of the progress bar.
        reads_context: False where `windows` are of the questions alone.

    Returns:
        The outcome; None on every process but the first.
    """
    from transformers import EarlyStoppingCallback

    from ...modeling.window_collator import WindowCollator
    from .trainer import QuestionAnsweringTrainer

    spec, settings = recipe.model, recipe.training
    grouped = recipe.folds.strategy != "stratified"
    training, validation = validation_split(data, rows, settings.validation_share, settings.seed, grouped)
    chosen = training_windows(windows, training, spec.negative_windows, settings.seed, spec.tasks)
    model = build_model(recipe, reads_context=reads_context)
    parameters = model.num_parameters()
    encoder, frozen = model.encoder, freeze(model.encoder, spec.frozen_layers, spec.frozen_embeddings)
    if spec.lora:
        keep_base(model, output.with_name(BASE))
        model = lora_adapter(model, spec.lora, "encoder.", [name for name in HEADS if hasattr(model, name)])
    if spec.gradient_checkpointing:
        model.gradient_checkpointing_enable()
    if settings.compile:
        compile_layers(encoder)
    arguments = training_arguments(settings, work, ["start_positions", "end_positions", "category_probs"])
    budget = micro_batch_budget(settings)
    validate = Predictor(windows, tokenizer, validation, bf16=arguments.bf16)

    def epoch_figures(trained: Any) -> dict[str, float]:
        answers, losses = validate(trained.get_base_model() if spec.lora else trained)
        figures = measure(data, validation, answers, thresholds=False)
        shown = {name: float(figures[name]) for name in HISTORY if name in figures}
        return {"monitor": settings.monitor.value(figures), **shown, **losses}

    lengths = windows.lengths[chosen]
    trainer = QuestionAnsweringTrainer(
        model=model,
        args=arguments,
        train_dataset=windows.take(chosen),
        eval_dataset=windows.take(windows_in(windows, validation)),
        processing_class=tokenizer,
        data_collator=WindowCollator(tokenizer),
        callbacks=[EarlyStoppingCallback(settings.early_stopping_patience), SaveEvery(settings.checkpoint_minutes)],
        measure=epoch_figures,
        lengths=lengths.tolist(),
        length_grouped=settings.length_grouped,
        step_tokens=settings.step_tokens,
        micro_batch_tokens=budget,
        label=label,
    )
    trained, resumed = fit_and_save(trainer, tokenizer, output, work, merge_adapter=spec.lora is not None)
    if trained is None:
        return None
    saved = load_model(output)
    chosen_on_validation = _choose(recipe, data, saved, Predictor(windows, tokenizer, validation), output)
    answers, _ = Predictor(windows, tokenizer, held_out, label=f"{label}: held-out rows")(saved)
    facts = {
        **_history(trainer.state.log_history, recipe),
        "rows": {"train": len(training), "validation": len(validation), "held_out": len(held_out)},
        "windows": window_facts(windows, chosen),
        "tokens_per_second": round(trainer.tokens_seen / trainer.train_seconds, 1) if trainer.train_seconds else None,
        "parameters": parameters,
        **({"frozen_parameters": frozen} if frozen else {}),
        "bf16": arguments.bf16,
        "micro_batch_tokens": budget,
        **chosen_on_validation,
        "task_weights": _task_weights(saved),
        "resumed": resumed,
        "processes": trainer.args.world_size,
    }
    shutil.rmtree(work, ignore_errors=True)
    return AnswerOutcome(answers, facts)


def _choose(
    recipe: QuestionAnsweringRecipe, data: QuestionAnsweringData, model: Any, validate: Predictor, folder: Path
) -> dict[str, Any]:
    """Choose threshold and temperature on the validation rows and write them into model and configuration."""
    tasks, found = recipe.model.tasks, {}
    answers, _ = validate(model)
    if "span" in tasks:
        scores = best_span_scores(data, validate.rows, answers)
        objective = "f1" if recipe.training.monitor.metric in ("f1", "category_macro_f1") else "exact"
        record = choose_threshold(
            answers.null_odds[scores["rows"]], scores[objective], scores["unanswerable"], objective=objective
        )
        model.config.no_answer_threshold, model.config.no_answer_record = record["threshold"], record
        found["no_answer"] = record
        if recipe.model.category_from == "span":  # which span the category is read from hangs on the threshold
            answers, _ = validate(model)
    if "category" in tasks:
        model.config.category_temperature = category_temperature(data, validate.rows, answers)
        found["category_temperature"] = model.config.category_temperature
    names = ("no_answer_threshold", "no_answer_record", "category_temperature")
    changed = {name: getattr(model.config, name) for name in names}
    write_json(folder / "config.json", {**read_json(folder / "config.json"), **changed})
    return found


def _history(log: list[dict[str, float]], recipe: QuestionAnsweringRecipe) -> dict[str, Any]:
    """Return per-epoch validation figures, the best epoch and whether it was the last that was allowed."""
    history = [
        {
            "epoch": round(entry["epoch"]),
            **{
                name.removeprefix("eval_"): float(value)
                for name, value in entry.items()
                if name.startswith("eval_") and isinstance(value, int | float)
            },
        }
        for entry in log
        if "eval_monitor" in entry
    ]
    return epoch_facts(history, recipe.training.epochs, recipe.training.monitor)


def _task_weights(model: Any) -> dict[str, float]:
    """Return what each task's loss was multiplied by at the end: fixed, or exp(−log variance) as learnt."""
    if model.config.task_weighting != "uncertainty":
        return {task: float(model.config.task_weights[task]) for task in model.config.tasks}
    values = model.uncertainty_weighting.log_variances.items()
    return {task: round(float((-value.detach()).exp()), 4) for task, value in values}
