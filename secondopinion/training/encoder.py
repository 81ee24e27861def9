"""Phase 2: fine-tune an encoder on one fold's training rows."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.files import atomic_folder, disk_errors, read_json
from ..metrics.confusion import flatten
from ..modeling import PooledEncoderForSequenceClassification, inverse_frequency_weights
from ..scoring.engine import load_classifier, predict_columns
from .arguments import micro_batch_budget, training_arguments
from .data import TrainingData
from .encoders import resolve_encoder
from .figures import FoldOutcome, class_figures
from .folds import inner_split
from .joint_policy import class_logits, with_policy
from .recipe import EncoderSpec, LoraSpec, Recipe
from .selection import SelectionRule
from .trainer import ClassificationTrainer, SaveEvery, StepTrainer


def tokenize(data: TrainingData, tokenizer: Any, max_length: int, cache: Path) -> Any:
    """Return the tokenised rows, made once for all folds and epochs and kept in `cache` while the run lasts.

    Columns: those of the tokenizer, `length` (tokens) and `labels`.
    """
    import datasets

    def encode(batch: dict[str, list]) -> dict[str, list]:
        encoded = tokenizer(batch[data.text_column], truncation=True, max_length=max_length)
        return {**encoded, "length": [len(ids) for ids in encoded["input_ids"]]}

    datasets.disable_progress_bars()
    cache.mkdir(parents=True, exist_ok=True)
    encoded = data.dataset.map(
        encode,
        batched=True,
        remove_columns=data.dataset.column_names,
        cache_file_name=str(cache / f"tokens-{max_length}-{data.fingerprint}.arrow"),
        new_fingerprint=f"{data.fingerprint}-{max_length}",
    )
    return encoded.add_column("labels", data.labels.tolist(), new_fingerprint=f"{data.fingerprint}-{max_length}-labels")


def load_tokenizer(recipe: Recipe) -> Any:
    """Return the tokenizer of a recipe's encoder, with `model_max_length` at the recipe's."""
    from transformers import AutoTokenizer

    spec: EncoderSpec = recipe.model
    tokenizer = AutoTokenizer.from_pretrained(
        resolve_encoder(spec).location, revision=spec.revision, trust_remote_code=spec.trust_remote_code
    )
    if tokenizer.pad_token is None:
        raise InputError(f"the tokenizer of {spec.encoder} has no padding token; choose an encoder that has one")
    tokenizer.model_max_length = spec.max_length
    return tokenizer


def build_model(recipe: Recipe, data: TrainingData, labels: np.ndarray, problem_type: str) -> Any:
    """Return the pretrained encoder with a fresh head, class weights from `labels` (training rows,)."""
    import torch
    from transformers import set_seed

    spec: EncoderSpec = recipe.model
    encoder = resolve_encoder(spec)
    set_seed(recipe.training.seed)
    weights = None
    if spec.class_weights == "inverse_frequency":
        weights = inverse_frequency_weights(np.bincount(labels, minlength=len(data.label_names)).tolist())
    try:
        model = PooledEncoderForSequenceClassification.from_encoder(
            encoder.location,
            revision=spec.revision,
            trust_remote_code=spec.trust_remote_code,
            encoder_overrides={} if torch.cuda.is_available() else cpu_overrides(encoder.location, spec),
            pooling=spec.pooling,
            classifier_dropout=spec.classifier_dropout,
            class_weights=weights,
            id2label=dict(enumerate(data.label_names)),
            label2id={name: i for i, name in enumerate(data.label_names)},
            problem_type=problem_type,
        )
    except (OSError, ValueError) as error:
        raise InputError(f"the encoder {spec.encoder} cannot be used: {error}") from error
    longest = getattr(model.config.encoder_config, "max_position_embeddings", None)
    if longest and spec.max_length > longest:
        raise InputError(
            f"max_length is {spec.max_length}, but {spec.encoder} has positions for {longest} tokens; "
            "lower max_length, or choose an encoder for longer texts"
        )
    return model


def cpu_overrides(location: str, spec: EncoderSpec) -> dict[str, Any]:
    """Return encoder settings for training on a CPU: attention dropout forces a slow path of attention there."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(location, revision=spec.revision, trust_remote_code=spec.trust_remote_code)
    names = ("attention_probs_dropout_prob", "attention_dropout")
    return {name: 0.0 for name in names if getattr(config, name, None)}


def add_lora(model: Any, recipe: Recipe) -> Any:
    """Wrap a model in a LoRA adapter on every linear layer of its encoder; head and policy are trained in full.

    Raises:
        InputError: `peft` is not installed.
    """
    if recipe.joint is None:
        return lora_adapter(model, recipe.model.lora, "encoder.", ["classifier"], task_type="SEQ_CLS")
    # For SEQ_CLS peft trains whatever is called "classifier" in full: around a policy that is encoder and head.
    return lora_adapter(model, recipe.model.lora, "classifier.encoder.", ["classifier.classifier", "policy.head"])


def lora_adapter(model: Any, spec: LoraSpec, encoder: str, heads: list[str], task_type: str | None = None) -> Any:
    """Wrap a model in a LoRA adapter on every linear layer of its encoder.

    Args:
        model: to wrap.
        spec: rank, scale and dropout.
        encoder: what the names of the encoder's modules begin with.
        heads: modules that are trained in full.
        task_type: as peft names it.

    Raises:
        InputError: `peft` is not installed.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError:
        raise InputError("a recipe with 'lora' needs peft: pip install 'secondopinion[peft]'") from None
    from torch import nn

    config = LoraConfig(
        task_type=task_type,
        r=spec.r,
        lora_alpha=spec.alpha,
        lora_dropout=spec.dropout,
        target_modules=[n for n, m in model.named_modules() if isinstance(m, nn.Linear) and n.startswith(encoder)],
        modules_to_save=heads,
    )
    return get_peft_model(model, config)


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
    problem_type: str = "single_label_classification",
    expert_right: np.ndarray | None = None,
) -> FoldOutcome | None:
    """Fine-tune on `rows`, save the best epoch to `output` and predict `held_out`.

    The epoch is picked by the recipe's `monitor`, measured on a share of `rows` set aside; the held-out rows are
    predicted once, by the model as loaded back from `output` in fp32.

    Args:
        recipe: of a phase-2 model.
        data: all rows.
        encoded: the same rows, tokenised (see `tokenize`).
        tokenizer: saved beside the weights.
        rows: training rows, as indices.
        held_out: held-out rows, as indices.
        output: folder of the model; written whole or not at all.
        work: folder for checkpoints; a killed training continues from the last one, and it is removed at the end.
        label: of the progress bar.
        problem_type: as transformers names it.
        expert_right: (all rows, experts) how right each expert is, −100 without a usable vote; for a recipe with a
            `joint` section, by which a policy is trained along.

    Returns:
        The outcome; None on every process but the first.
    """
    from transformers import DataCollatorWithPadding, EarlyStoppingCallback

    spec, settings = recipe.model, recipe.training
    labels = data.labels[rows]
    groups = None if data.groups is None or recipe.folds.strategy == "stratified" else data.groups[rows]
    training, validation = inner_split(labels, groups, settings.validation_share, settings.seed)
    lengths = np.asarray(encoded["length"][:])
    validation = validation[np.argsort(-lengths[rows[validation]], kind="stable")]
    model = build_model(recipe, data, labels[training], problem_type)
    columns = ["logits"]
    if recipe.joint is not None:
        model, columns = with_policy(model, tokenizer, recipe), ["logits", "expert_scores"]
        name = f"{data.fingerprint}-{label.replace(' ', '-')}-votes"
        encoded = encoded.add_column("expert_right", expert_right.tolist(), new_fingerprint=name)
    parameters = model.num_parameters()
    if spec.lora:
        model = add_lora(model, recipe)
    if spec.gradient_checkpointing:
        model.gradient_checkpointing_enable()

    arguments = training_arguments(settings, work, ["labels"])
    budget = micro_batch_budget(settings)

    def measure(prediction: Any) -> dict[str, float]:
        predicted = prediction.predictions.argmax(axis=-1)
        figures = flatten(class_figures(prediction.label_ids, predicted, data.label_names))
        return {"monitor": settings.monitor.value(figures), "macro_f1": figures["macro_f1"]}

    trainer = ClassificationTrainer(
        model=model,
        args=arguments,
        train_dataset=encoded.select(rows[training]),
        eval_dataset=encoded.select(rows[validation]),
        processing_class=tokenizer,
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=measure,
        preprocess_logits_for_metrics=class_logits,
        callbacks=[
            EarlyStoppingCallback(settings.early_stopping_patience),
            SaveEvery(settings.checkpoint_minutes),
        ],
        lengths=lengths[rows[training]].tolist(),
        length_grouped=settings.length_grouped,
        micro_batch_tokens=budget,
        label=label,
    )
    trained, resumed = fit_and_save(trainer, tokenizer, output, work, merge_adapter=spec.lora is not None)
    if trained is None:
        return None
    said = predict_fold(output, encoded.select(held_out), lengths[held_out], label, columns)
    scores = said.get("expert_scores")
    facts = {
        **history_facts(trainer.state.log_history, settings.epochs, settings.monitor),
        "rows": {"train": len(training), "validation": len(validation), "held_out": len(held_out)},
        "truncated_share": float((lengths[rows] >= spec.max_length).mean()),
        "tokens_per_second": round(trainer.tokens_seen / trainer.train_seconds, 1) if trainer.train_seconds else None,
        "parameters": parameters,
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
        tokenizer: saved beside the weights.
        output: folder of the model; written whole or not at all.
        work: folder for checkpoints.
        merge_adapter: whether the model is one with an adapter, to be saved as a plain one.

    Returns:
        The model, None on every process but the first; and whether a checkpoint was continued.
    """
    checkpoint = last_whole_checkpoint(work)
    with disk_errors(work):
        trainer.train(resume_from_checkpoint=checkpoint)
    trained = trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
    trainer.accelerator.wait_for_everyone()
    if not trainer.is_world_process_zero():
        return None, checkpoint is not None
    if merge_adapter:
        trained = trained.merge_and_unload()
    with atomic_folder(output) as temporary:
        trained.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
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


def history_facts(log: list[dict[str, float]], epoch_cap: int, monitor: SelectionRule) -> dict[str, Any]:
    """Return per-epoch validation figures, the best epoch and whether it was the last that was allowed."""
    evaluations = [entry for entry in log if "eval_monitor" in entry]
    history = [
        {
            "epoch": round(entry["epoch"]),
            "monitor": float(entry["eval_monitor"]),
            "macro_f1": float(entry["eval_macro_f1"]),
            "validation_loss": float(entry["eval_loss"]),
        }
        for entry in evaluations
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
