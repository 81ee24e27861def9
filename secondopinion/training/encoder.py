"""Phase 2: fine-tune an encoder on one fold's training rows."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.files import atomic_folder, disk_errors, read_json
from ..core.run_folder import ADAPTER, BASE
from ..scoring.engine import load_classifier, predict_columns
from .arguments import micro_batch_budget, training_arguments
from .compilation import compile_layers
from .data import TrainingData
from .encoder_model import add_lora, add_tokens, build_model, keep_base, save_adapter
from .encoders import resolve_encoder
from .figures import FoldOutcome
from .folds import inner_split
from .frozen_weights import freeze
from .joint_policy import class_logits, with_policy
from .long_context import load_processor, padding_collator, plain_tokenizer, save_with_processor
from .memory import train_within_memory
from .recipe import EncoderSpec, Recipe
from .selection import SelectionRule
from .trainer import ClassificationTrainer, SaveEvery, StepTrainer, loss_of_rows
from .warning_signs import EpochLosses, losses_of_epochs, parting_sign, tell, truncation_sign, unmasked_sign


def load_tokenizer(recipe: Recipe, recommended_side: str | None = None) -> Any:
    """Return the tokenizer of a recipe's encoder, with `model_max_length` at the recipe's, or its processor around it.

    Args:
        recipe: of a phase-2 model.
        recommended_side: at which the data's maker would cut long texts, where the recipe does not say it.
    """
    from transformers import AutoTokenizer

    spec: EncoderSpec = recipe.model
    tokenizer = AutoTokenizer.from_pretrained(
        resolve_encoder(spec).location, revision=spec.revision, trust_remote_code=spec.trust_remote_code
    )
    if tokenizer.pad_token is None:
        raise InputError(f"the tokenizer of {spec.encoder} has no padding token; choose an encoder that has one")
    tokenizer.model_max_length = spec.max_length
    side = spec.truncation_side or recommended_side
    if side is not None and side != tokenizer.truncation_side:
        tokenizer.truncation_side = side
    return load_processor(spec, tokenizer)


def fit_encoder_fold(
    recipe: Recipe,
    data: TrainingData,
    encoded: Any,
    tokenizer: Any,
    rows: np.ndarray,
    held_out: np.ndarray,
    *,
    output: Path,
    work: Path,
    label: str,
    expert_right: np.ndarray | None = None,
) -> FoldOutcome | None:
    """Fine-tune on `rows`, save the best epoch to `output` and predict `held_out`.

    The epoch is picked by the recipe's `monitor`, measured on a share of `rows` set aside; the held-out rows are
    predicted once, by the model as loaded back from `output` in fp32.

    Args:
        recipe: of a phase-2 model.
        data: all rows.
        encoded: the same rows, tokenised (see `tokenized_rows.tokenize`).
        tokenizer: or processor; saved beside the weights.
        rows: training rows, as indices.
        held_out: held-out rows, as indices.
        output: folder of the model; written whole or not at all.
        work: folder for checkpoints; a killed training continues from the last one, and it is removed at the end.
        label: of the progress bar.
        expert_right: (all rows, experts) how right each expert is, −100 without a usable vote; for a recipe with a
            `joint` section, by which a policy is trained along.

    Returns:
        The outcome; None on every process but the first.
    """
    from transformers import EarlyStoppingCallback

    spec, settings = recipe.model, recipe.training
    labels = data.labels[rows]
    groups = None if data.groups is None or recipe.folds.strategy == "stratified" else data.groups[rows]
    strata = data.problem.inner_strata(labels, groups, settings.validation_share)
    training, validation = inner_split(strata, groups, settings.validation_share, settings.seed)
    lengths = np.asarray(encoded["length"][:])
    validation = validation[np.argsort(-lengths[rows[validation]], kind="stable")]
    model = build_model(recipe, data, labels[training])
    config = model.config
    if spec.processor is not None:
        add_tokens(model, tokenizer)
    columns = ["logits"]
    if recipe.joint is not None:
        model, columns = with_policy(model, tokenizer, recipe), ["logits", "expert_scores"]
        name = f"{data.fingerprint}-{label.replace(' ', '-')}-votes"
        encoded = encoded.add_column("expert_right", expert_right.tolist(), new_fingerprint=name)
    parameters = model.num_parameters()
    encoder = (model if recipe.joint is None else model.classifier).encoder
    frozen = freeze(encoder, spec.frozen_layers, spec.frozen_embeddings)
    if spec.lora:
        keep_base(model, output.with_name(BASE))
        model = add_lora(model, recipe)
    if spec.gradient_checkpointing:
        model.gradient_checkpointing_enable()
    if settings.compile:
        compile_layers(encoder)

    arguments = training_arguments(settings, work, ["labels"])
    budget = micro_batch_budget(settings)

    beside = data.problem.shown[0]

    def measure(prediction: Any) -> dict[str, float]:
        figures = data.problem.figures(prediction.label_ids, np.asarray(prediction.predictions, dtype=np.float64))
        # Of a policy that is trained along, the Trainer's own mean over batches stands.
        loss = {} if recipe.joint else {"loss": loss_of_rows(config, prediction.predictions, prediction.label_ids)}
        return {"monitor": settings.monitor.value(figures), beside: figures[beside], **loss}

    trainer = ClassificationTrainer(
        model=model,
        args=arguments,
        train_dataset=encoded.select(rows[training]),
        eval_dataset=encoded.select(rows[validation]),
        processing_class=tokenizer,
        data_collator=padding_collator(tokenizer, model),
        compute_metrics=measure,
        preprocess_logits_for_metrics=class_logits,
        callbacks=[
            EarlyStoppingCallback(settings.early_stopping_patience),
            SaveEvery(settings.checkpoint_minutes),
            EpochLosses(label),
        ],
        lengths=lengths[rows[training]].tolist(),
        length_grouped=settings.length_grouped,
        step_tokens=settings.step_tokens,
        micro_batch_tokens=budget,
        label=label,
    )
    truncated = float((lengths[rows] >= spec.max_length).mean())
    signs = [truncation_sign(truncated, spec.max_length, plain_tokenizer(tokenizer).truncation_side)]
    if spec.processor is not None and spec.processor.global_attention and spec.processor.entities is not False:
        unmasked = float((np.asarray(encoded["global_tokens"][:])[rows] <= 1).mean())
        signs.append(unmasked_sign(unmasked))
    if trainer.is_world_process_zero():
        tell(label, *signs)
    trained, resumed = fit_and_save(trainer, tokenizer, output, work, merge_adapter=spec.lora is not None)
    if trained is None:
        return None
    history = history_facts(trainer.state.log_history, settings.epochs, settings.monitor, beside)
    signs.append(parting_sign(history["history"]))
    said = predict_fold(output, encoded.select(held_out), lengths[held_out], label, columns)
    scores = said.get("expert_scores")
    facts = {
        **history,
        "warnings": [sign.as_dict() for sign in signs if sign is not None],
        "rows": {"train": len(training), "validation": len(validation), "held_out": len(held_out)},
        "truncated_share": truncated,
        "tokens_per_second": round(trainer.tokens_seen / trainer.train_seconds, 1) if trainer.train_seconds else None,
        "parameters": parameters,
        **({"frozen_parameters": frozen} if frozen else {}),
        "bf16": arguments.bf16,
        "micro_batch_tokens": budget,
        "class_weights": trained.config.class_weights,
        **({} if scores is None else {"own_deferral_rate": float((scores.max(axis=1) > 0).mean())}),
        "resumed": resumed,
        "processes": trainer.args.world_size,
    }
    shutil.rmtree(work, ignore_errors=True)
    return FoldOutcome(said["logits"], facts, scores)


def fit_and_save(
    trainer: StepTrainer, tokenizer: Any, output: Path, work: Path, *, merge_adapter: bool
) -> tuple[Any, bool]:
    """Train, continuing from the last whole checkpoint, and save the best epoch.

    Args:
        trainer: with its best model at the end.
        tokenizer: or processor; saved beside the weights.
        output: folder of the model; written whole or not at all.
        work: folder for checkpoints.
        merge_adapter: whether the model is one with an adapter, to be saved as a plain one with the adapter beside it.

    Returns:
        The model, None on every process but the first; and whether a checkpoint was continued.
    """
    checkpoint = last_whole_checkpoint(work)
    with disk_errors(work):
        train_within_memory(trainer, checkpoint)
    trained = trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
    trainer.accelerator.wait_for_everyone()
    if not trainer.is_world_process_zero():
        return None, checkpoint is not None
    with atomic_folder(output) as temporary:
        if merge_adapter:
            save_adapter(trained, temporary / ADAPTER)
            trained = trained.merge_and_unload()
        if plain_tokenizer(tokenizer) is tokenizer:
            trained.save_pretrained(temporary)
            tokenizer.save_pretrained(temporary)
        else:
            save_with_processor(trained, tokenizer, temporary)
    return trained, checkpoint is not None


def last_whole_checkpoint(work: Path) -> str | None:
    """Return the newest checkpoint that was written to its end; half-written ones are removed.

    The Trainer writes `trainer_state.json` last, so a readable one means that the rest is there.
    """
    for folder in sorted(work.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[-1]), reverse=True):
        try:
            read_json(folder / "trainer_state.json")
        except InputError:
            shutil.rmtree(folder)
        else:
            return str(folder)
    return None


def predict_fold(
    folder: Path, encoded: Any, lengths: np.ndarray, label: str, columns: Sequence[str] = ("logits",)
) -> dict[str, np.ndarray]:
    """Return fields of the fp32 output that a stranger who loads `folder` would get: name → (rows, …)."""
    model, tokenizer = load_classifier(folder)
    return predict_columns(model, tokenizer, encoded, columns, lengths=lengths, label=f"{label}: held-out rows")


def history_facts(
    log: list[dict[str, float]], epoch_cap: int, monitor: SelectionRule, beside: str = "macro_f1"
) -> dict[str, Any]:
    """Return per-epoch losses and validation figures, the best epoch and whether it was the last that was allowed.

    Args:
        log: the Trainer's.
        epoch_cap: epochs at most.
        monitor: the rule that picked the epoch.
        beside: the figure that was measured beside the rule's.
    """
    evaluations = [entry for entry in log if "eval_monitor" in entry]
    history = [
        {"monitor": float(entry["eval_monitor"]), beside: float(entry[f"eval_{beside}"]), **losses}
        for entry, losses in zip(evaluations, losses_of_epochs(log), strict=True)
    ]
    return epoch_facts(history, epoch_cap, monitor)


def epoch_facts(history: list[dict[str, Any]], epoch_cap: int, monitor: SelectionRule) -> dict[str, Any]:
    """Return per-epoch `history` ({epoch, monitor, …}) with the best epoch and whether it was the last allowed."""
    best = (max if monitor.mode == "max" else min)(history, key=lambda entry: entry["monitor"])
    return {
        "epochs": history[-1]["epoch"],
        "best_epoch": best["epoch"],
        "epoch_cap": epoch_cap,
        "peaked_at_cap": best["epoch"] == epoch_cap,
        "monitor": f"{'highest' if monitor.mode == 'max' else 'lowest'} {monitor.title}",
        "monitor_value": best["monitor"],
        "history": history,
    }
