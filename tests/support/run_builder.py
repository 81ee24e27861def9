"""Small finished runs: a tiny random model, seeded predictions, and facts computed by the project's own code."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from secondopinion.core.files import write_json
from secondopinion.core.fingerprint import pairs_sha1
from secondopinion.core.machine import hardware, package_versions
from secondopinion.core.policy import CorpusPolicy
from secondopinion.core.run_folder import RunFolder
from secondopinion.metrics.per_class_f1.per_class_f1 import per_class_figures
from secondopinion.training.calibration import calibrate
from secondopinion.training.selection import SelectionRule, select
from secondopinion.training.summary import lift, missed, out_of_fold, summarise

LABELS = ["Death", "Injury", "Malfunction", "Other"]
VOCABULARY = "pump alarm stopped patient died harm lead fracture battery low nothing unclear report device"
WORDS = VOCABULARY.split()
ROWS = 240


def save_model(kind: str, folder: Path) -> Path:
    """Save a tiny model: `pooled_encoder` and `bert` are random and seeded, `tfidf` is fitted on authored words."""
    folder.mkdir(parents=True)
    if kind == "tfidf":
        return _save_tfidf(folder)
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: i for i, word in enumerate([*special, *sorted(set(WORDS))])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special, strict=True))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **names).save_pretrained(folder)
    torch.manual_seed(0)
    classes = {"id2label": dict(enumerate(LABELS)), "label2id": {name: i for i, name in enumerate(LABELS)}}
    tiny = {
        "vocab_size": len(vocabulary),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 64,
    }
    if kind == "bert":
        BertForSequenceClassification(BertConfig(**tiny, **classes)).save_pretrained(folder)
        return folder
    from secondopinion.modeling import PooledEncoderConfig, PooledEncoderForSequenceClassification

    config = PooledEncoderConfig(encoder_config=BertConfig(**tiny), temperature=1.3, **classes)
    PooledEncoderForSequenceClassification(config).save_pretrained(folder)
    return folder


def _save_tfidf(folder: Path) -> Path:
    from secondopinion.training.baseline import TfidfClassifier

    texts = ["patient died pump stopped", "harm lead fracture", "battery low alarm", "nothing unclear report"] * 4
    TfidfClassifier(LABELS, min_df=2).fit(texts, [0, 1, 2, 3] * 4).save(folder)
    return folder


def build_run(
    path: Path,
    kind: str,
    model: Path,
    *,
    n_splits: int = 5,
    trained: list[int] | None = None,
    synthetic: bool = False,
    baseline: bool = True,
    deferral: bool = False,
) -> Path:
    """Write a finished run and return its folder.

    Args:
        path: the run folder.
        kind: `pooled_encoder`, `bert` (reported as a pooled encoder) or `tfidf`.
        model: folder of the model; copied for every trained fold.
        n_splits: number of folds.
        trained: the trained folds; all by default.
        synthetic: what the data says of itself.
        baseline: whether to compare with a worse system.
        deferral: whether to make a deferring system of a `pooled_encoder`, with an expert's votes (see `deferral_run`).
    """
    trained = trained or list(range(1, n_splits + 1))
    draw = np.random.default_rng(7)
    gold = draw.choice(4, size=ROWS, p=[0.15, 0.3, 0.45, 0.1])
    fold_of = np.arange(ROWS) % n_splits + 1
    logits = draw.normal(size=(ROWS, 4)) + 2.5 * np.eye(4)[gold]
    weaker = (draw.normal(size=(ROWS, 4)) + 1.5 * np.eye(4)[gold]).argmax(axis=1)
    held_out = np.isin(fold_of, trained)
    said = logits.argmax(axis=1)
    rule = SelectionRule(metric="f1", label="Death")
    results = []
    for fold in trained:
        rows = fold_of == fold
        figures = per_class_figures(gold[rows].tolist(), said[rows].tolist(), range(4), LABELS)
        results.append({"fold": fold, "figures": figures, "seconds": 60.0, **_fold_facts(kind, fold, rows)})
    run = RunFolder(path)
    for fold in trained:
        shutil.copytree(model, run.fold_folder(fold))
    truth, ours, theirs = gold[held_out].tolist(), said[held_out].tolist(), weaker[held_out].tolist()
    pooled = out_of_fold(truth, ours, LABELS, n_resamples=200)
    ids = [f"R{i:04d}" for i in range(ROWS)]
    facts = {
        "name": path.name,
        "created_at": "2026-01-02T03:04:05+00:00",
        "finished_at": "2026-01-02T04:04:05+00:00",
        "code_revision": None,
        "recipe": _recipe(kind, path.name, n_splits),
        "task": {"problem_type": "single_label_classification", "label_names": LABELS},
        "model": _model(kind),
        "dataset": {
            "name": "maude",
            "config": None,
            "source": "authored rows",
            "fingerprint": "0123456789abcdef0123456789abcdef",
            "rows": ROWS,
            "class_counts": {name: int((gold == i).sum()) for i, name in enumerate(LABELS)},
            "groups": ROWS - 12,
            "date_range": None if synthetic else ["2019-03-01", "2024-11-30"],
            "policy": CorpusPolicy("cc0-1.0", True, True, True, contains_patient_text=False).as_dict(),
            "synthetic": synthetic,
            "facts": {"dropped": {"no_label": 3, "no_text": 1}, "label_noise": {"tells_of_death": 2}},
        },
        "folds": {
            "strategy": "stratified_group",
            "n_splits": n_splits,
            "seed": 13,
            "sha1": pairs_sha1(zip(ids, fold_of.tolist(), strict=True)),
            "sizes": [int((fold_of == k).sum()) for k in range(1, n_splits + 1)],
            "trained": trained,
        },
        "fold_results": results,
        "summary": {**summarise([result["figures"] for result in results]), "out_of_fold": pooled},
        "missed": missed("Death", truth, ours, LABELS),
        "selection": {**select(rule, results), "decided_at": "2026-01-02T04:04:00+00:00"},
        "calibration": calibrate(logits[held_out], gold[held_out], fold_of[held_out]),
        "baseline": None,
        "environment": {"packages": package_versions(), "hardware": hardware(), "bf16": False},
        "durations": {"report_after_seconds": 300.0},
        "plots": _plots(run.plots, pooled["confusion_matrix"]),
    }
    if baseline:
        facts["baseline"] = {
            "name": "maude_tfidf",
            "kind": "tfidf",
            "rows_compared": len(truth),
            "summary": {"out_of_fold": out_of_fold(truth, theirs, LABELS, n_resamples=200)},
            "missed": missed("Death", truth, theirs, LABELS),
            "lift": lift(truth, ours, theirs, LABELS, n_resamples=200),
        }
    assignment = dict(zip(ids, fold_of.tolist(), strict=True))
    fingerprint = {"dataset_fingerprint": facts["dataset"]["fingerprint"]}
    write_json(run.folds_file, {**facts["folds"], **fingerprint, "assignment": assignment})
    run.write_local({"data": str(path / "data")})
    write_json(run.facts_file, {"schema_version": 1, **facts})
    if deferral:
        from deferral_run import add_deferral

        add_deferral(run, gold, logits, fold_of, held_out, WORDS)
    return path


def copy_run(template: Path, path: Path, change: Callable[[dict[str, Any]], Any] | None = None) -> RunFolder:
    """Copy a run under another name; `change` may alter its facts, also into ones that no training writes."""
    shutil.copytree(template, path)
    run = RunFolder(path)
    facts = {**run.facts, "name": path.name}
    facts["recipe"]["name"] = path.name
    if change is not None:
        change(facts)
    write_json(run.facts_file, facts)
    return run


def _fold_facts(kind: str, fold: int, rows: np.ndarray) -> dict[str, Any]:
    counts = {"train": int((~rows).sum()), "validation": 0, "held_out": int(rows.sum())}
    if kind == "tfidf":
        return {"rows": counts}
    best = 3 if fold != 2 else 2
    return {
        "rows": counts,
        "epochs": 3,
        "best_epoch": best,
        "epoch_cap": 3,
        "peaked_at_cap": best == 3,
        "monitor": "highest macro_f1",
        "monitor_value": 0.8,
        "truncated_share": 0.12,
        "tokens_per_second": 1000.0,
    }


def _recipe(kind: str, name: str, n_splits: int) -> dict[str, Any]:
    model = (
        {"kind": "tfidf", "ngram_max": 2, "regularization": 1.0}
        if kind == "tfidf"
        else {"kind": "pooled_encoder", "encoder": "tiny", "pooling": "cls_mean_concat", "max_length": 64}
    )
    recipe = {
        "name": name,
        "description": "Severity of device reports.",
        "dataset": {"path": "maude", "split": "train"},
        "model": model,
        "folds": {"n_splits": n_splits, "strategy": "stratified_group", "seed": 13, "train": None},
        "selection": {"metric": "f1", "label": "Death", "mode": "max"},
        "baseline": None,
    }
    if kind != "tfidf":
        recipe["training"] = {"learning_rate": 2e-5, "epochs": 3, "batch_size": 16, "accumulation_steps": 2}
    return recipe


def _model(kind: str) -> dict[str, Any]:
    if kind == "tfidf":
        return {"kind": "tfidf", "class": "TfidfClassifier", "parameters": None, "base_model": None}
    return {
        "kind": "pooled_encoder",
        "class": "PooledEncoderForSequenceClassification",
        "parameters": 30_000,
        "base_model": "sentence-transformers/all-MiniLM-L6-v2",
        "base_license": "apache-2.0",
        "max_length": 64,
        "pooling": "cls_mean_concat",
        "class_weights": "inverse_frequency",
        "adapter": None,
    }


def _plots(folder: Path, matrix: dict[str, Any]) -> list[str]:
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    for name in ("calibration.png", "confusion_matrix.png"):
        figure = Figure(figsize=(2, 2))
        figure.subplots().set_title(name)
        figure.axes[0].imshow(matrix["counts"])
        figure.savefig(folder / name, metadata={"Software": None})
    return ["calibration.png", "confusion_matrix.png"]
