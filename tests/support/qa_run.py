"""Small finished runs of a question-answering model: random weights, authored rows, figures by the suite's metric."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from secondopinion.core.files import read_json, write_json
from secondopinion.core.fingerprint import pairs_sha1
from secondopinion.core.machine import hardware, package_versions
from secondopinion.core.policy import CorpusPolicy
from secondopinion.core.run_folder import RunFolder
from secondopinion.metrics.clinical_qa.clinical_qa import flatten, paired_qa_differences, qa_figures
from secondopinion.modeling import CATEGORIES
from secondopinion.training.qa_recipe import AnswerRule
from secondopinion.training.selection import select
from secondopinion.training.summary import summarise

ROWS = 240
ALONE = {"span_only": ["span"], "category_only": ["category"], "question_only": ["category"]}
THRESHOLD, TEMPERATURE = 0.1, 1.4
DRUGS = ["aspirin", "warfarin", "digoxin", "insulin", "morphine", "heparin"]
NOTE = (
    "The ward recorded a quiet night for bed {bed}. {drug} was given at {hour} and the pulse settled to {pulse} beats. "
    "Breathing stayed easy on air, and the family was told of the plan by the night nurse in charge."
)
QUESTIONS = {
    "Diagnosis": "what does the doctor think that bed {bed} suffers from",
    "Medication": "which medicine was handed to bed {bed} during that night",
    "Symptoms": "what did bed {bed} complain of before falling asleep",
    "Procedure": "which operation was bed {bed} prepared for on the ward",
    "Lab Reports": "how fast was the pulse of bed {bed} after the dose",
}
POLICY = CorpusPolicy("other", False, False, publish_models=True, contains_patient_text=True)


def authored_rows() -> list[dict[str, Any]]:
    """Return rows as `prepare` writes them: two thirds have an answer, one in twelve has no category."""
    rows = []
    for i in range(ROWS):
        drug, pulse = DRUGS[i % len(DRUGS)].capitalize(), str(58 + i % 40)
        note = NOTE.format(bed=i // 4, drug=drug, hour=f"{i % 24:02d}:00", pulse=pulse)
        category = CATEGORIES[(i * 7 + i // 5) % 5]
        answer = {"Medication": drug, "Lab Reports": f"{pulse} beats", "Procedure": "Breathing stayed easy"}.get(
            category
        )
        answer = "a quiet night" if answer is None and i % 2 else answer
        rows.append(
            {
                "id": f"Q{i:04d}",
                "title": f"note {i // 4}",
                "context": note,
                "question": QUESTIONS[category].format(bed=i // 4),
                "answers": {"text": [answer] if answer else [], "answer_start": [note.index(answer)] if answer else []},
                "category_probs": [float(name == category and i % 12 > 0) for name in CATEGORIES],
                "category_source": "logical_form" if i % 12 else "",
                "span_labelled": True,
                "group": f"note-{i // 4}",
            }
        )
    return rows


def save_qa_model(folder: Path, **settings: Any) -> Path:
    """Save a tiny random model with a tokenizer of words, the code and the pipeline beside it."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, PreTrainedTokenizerFast

    from secondopinion.modeling import MultiTaskQAConfig, MultiTaskQAForQuestionAnswering

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = {word.strip(".,{}").lower() for text in (NOTE, *QUESTIONS.values()) for word in text.split()} | set(DRUGS)
    vocabulary = {word: i for i, word in enumerate([*special, ".", ",", *sorted(words - {""})])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")],
    )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special, strict=True))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **names).save_pretrained(folder)
    torch.manual_seed(3)
    encoder = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.4,
    )
    own = {"max_length": 32, "doc_stride": 8, "max_question_length": 12, "max_answer_length": 6}
    own |= {"no_answer_threshold": THRESHOLD, "no_answer_record": no_answer_record()}
    config = MultiTaskQAConfig(
        encoder_config=encoder,
        category_temperature=TEMPERATURE,
        **{**own, **settings},
    )
    MultiTaskQAForQuestionAnswering(config).save_pretrained(folder)
    return folder


def no_answer_record() -> dict[str, Any]:
    """Return how the threshold was chosen, as training writes it."""
    return {
        "objective": "f1",
        "chosen_on": "validation rows of the fold",
        "rows": 48,
        "has_answer": 32,
        "unanswerable": 16,
        "threshold": THRESHOLD,
        "value": 0.61,
        "value_always": 0.5,
        "value_never": 1 / 3,
        "scale": 1.5,
        "bias": -0.5,
    }


def no_answer_facts() -> dict[str, Any]:
    """Return `no_answer` of run.json."""
    fared = {"rows": 240, "unanswerable": 48, "ece": 0.07, "brier": 0.14, "bins": []}
    return {**no_answer_record(), "fold": 2, "calibration": fared}


def calibration() -> dict[str, Any]:
    """Return `calibration` of run.json."""
    return {
        "method": "temperature scaling of the category, on each fold's validation rows",
        "temperature": TEMPERATURE,
        "ece": {"before": 0.06, "after": 0.03},
        "brier": {"before": 0.21, "after": 0.2},
        "nll": {"before": 0.5, "after": 0.45},
        "bins": {"count": 15, "before": [], "after": []},
        "cross_fitted": True,
        "rows": 220,
    }


def build_qa_run(
    path: Path,
    model: Path,
    *,
    trained: list[int] | None = None,
    synthetic: bool = False,
    single: tuple[str, ...] = tuple(ALONE),
    tasks: tuple[str, ...] = ("span", "category"),
    resamples: int = 200,
) -> Path:
    """Write a finished run and return its folder; `local.json` says where its rows lie.

    Args:
        path: the run folder.
        model: folder of the model; copied for every trained fold.
        trained: the trained folds of three; all by default.
        synthetic: what the data says of itself.
        single: single-task baselines.
        tasks: what the model was trained for.
        resamples: of the intervals.
    """
    import shutil

    import datasets

    rows, draw = authored_rows(), np.random.default_rng(5)
    trained = trained or [1, 2, 3]
    fold_of = np.arange(ROWS) // 4 % 3 + 1
    held_out = [row for row, fold in zip(rows, fold_of, strict=True) if fold in trained]
    ours = _answers(rows, draw, tasks, 0.75, 0.85)
    run = RunFolder(path)
    data = path.parent / f"{path.name}-data"
    data.mkdir(parents=True)
    datasets.Dataset.from_list(rows).to_parquet(data / "train.parquet")
    results = []
    for fold in trained:
        shutil.copytree(model, run.fold_folder(fold))
        mine = [row for row, own in zip(rows, fold_of, strict=True) if own == fold]
        results.append(_fold(fold, qa_figures(_of(ours, mine), mine), len(mine)))
    rule = AnswerRule("f1" if "span" in tasks else "category_accuracy")
    groups = [row["group"] for row in held_out]
    pooled = qa_figures(_of(ours, held_out), held_out, groups=groups, n_resamples=resamples)
    alone = {}
    for name in single:
        theirs = _of(_answers(rows, draw, ALONE[name], 0.72, 0.84), held_out)
        alone[name] = {
            "figures": qa_figures(theirs, held_out, groups=groups, n_resamples=resamples),
            "folds": trained,
            "difference": paired_qa_differences(
                _of(ours, held_out), theirs, held_out, groups=groups, n_resamples=resamples
            ),
        }
    config = read_json(model / "config.json")
    facts = {
        "name": path.name,
        "created_at": "2026-01-02T03:04:05+00:00",
        "finished_at": "2026-01-02T04:04:05+00:00",
        "code_revision": None,
        "recipe": _recipe(path.name, tasks, single, config),
        "task": {"problem_type": "multitask_qa", "label_names": list(CATEGORIES), "tasks": list(tasks)},
        "model": _model(config),
        "dataset": _dataset(rows, synthetic),
        "folds": {
            "strategy": "stratified_group",
            "n_splits": 3,
            "seed": 13,
            "sha1": pairs_sha1(zip([row["id"] for row in rows], fold_of.tolist(), strict=True)),
            "sizes": [int((fold_of == fold).sum()) for fold in (1, 2, 3)],
            "trained": trained,
        },
        "fold_results": results,
        "summary": {**summarise([flatten(result["figures"]) for result in results]), "out_of_fold": pooled},
        "selection": {**select(rule, results), "decided_at": "2026-01-02T04:04:00+00:00"},
        "no_answer": no_answer_facts() if "span" in tasks else None,
        "calibration": calibration() if "category" in tasks else None,
        "single_task": alone,
        "environment": {"packages": package_versions(), "hardware": hardware(), "bf16": False},
        "durations": {"report_after_seconds": 300.0},
        "plots": _plots(run.plots),
    }
    write_json(run.folds_file, {**facts["folds"], "assignment": {row["id"]: 1 for row in rows}})
    run.write_local({"data": str(data)})
    write_json(run.facts_file, {"schema_version": 1, **facts})
    return path


def _answers(
    rows: list[dict[str, Any]], draw: np.random.Generator, tasks: Any, span_skill: float, category_skill: float
) -> dict[str, dict[str, Any]]:
    """Return {id: what a system with this share of right answers says}."""
    said = {}
    for row in rows:
        own: dict[str, Any] = {"id": row["id"]}
        if "span" in tasks:
            right = draw.random() < span_skill
            text = "".join(row["answers"]["text"])
            own["prediction_text"] = text if right else "the night nurse" if text else "quiet"
        if "category" in tasks:
            true = int(np.argmax(row["category_probs"])) if any(row["category_probs"]) else 0
            own["category"] = CATEGORIES[true if draw.random() < category_skill else int(draw.integers(5))]
        said[row["id"]] = own
    return said


def _of(said: dict[str, dict[str, Any]], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [said[row["id"]] for row in rows]


def _fold(fold: int, figures: dict[str, Any], size: int) -> dict[str, Any]:
    best = 2 if fold != 2 else 1
    return {
        "fold": fold,
        "figures": figures,
        "seconds": 60.0,
        "rows": {"train": 112, "validation": 48, "held_out": size},
        "windows": {
            "training": 400,
            "with_answer": 200,
            "without_answer": 200,
            "all": 700,
            "cut_questions": 0,
            "lost_answers": 7,
        },
        "epochs": 2,
        "best_epoch": best,
        "epoch_cap": 2,
        "peaked_at_cap": best == 2,
        "monitor": "highest answer F1",
        "monitor_value": 0.6,
        "no_answer": no_answer_record(),
        "category_temperature": TEMPERATURE,
    }


def _recipe(name: str, tasks: Any, single: Any, config: dict[str, Any]) -> dict[str, Any]:
    sizes = ("num_shared_layers", "max_length", "doc_stride", "max_question_length", "max_answer_length")
    return {
        "name": name,
        "description": "Questions about authored ward notes.",
        "dataset": {"path": "emrqa", "split": "train"},
        "model": {
            "kind": "multitask_qa",
            "encoder": "tiny",
            "tasks": list(tasks),
            "single_task": list(single),
            **{key: config[key] for key in sizes},
        },
        "training": {"learning_rate": 3e-5, "epochs": 2, "batch_size": 16},
        "folds": {"n_splits": 3, "strategy": "stratified_group", "seed": 13, "train": None},
        "selection": {"metric": "f1", "label": None, "mode": "max"},
        "baseline": None,
    }


def _model(config: dict[str, Any]) -> dict[str, Any]:
    same = ("category_from", "category_pooling", "doc_stride", "max_answer_length", "max_length", "max_question_length")
    return {
        "kind": "multitask_qa",
        "class": "MultiTaskQAForQuestionAnswering",
        "parameters": 60_000,
        "base_model": "sentence-transformers/all-MiniLM-L6-v2",
        "base_license": "apache-2.0",
        "category_targets": "soft",
        "num_layers": config["encoder_config"]["num_hidden_layers"],
        **{key: config[key] for key in (*same, "num_shared_layers", "reads_context", "task_weighting", "task_weights")},
        "adapter": None,
    }


def _dataset(rows: list[dict[str, Any]], synthetic: bool) -> dict[str, Any]:
    labelled = [row for row in rows if any(row["category_probs"])]
    counts = {name: sum(row["category_probs"][i] == 1 for row in labelled) for i, name in enumerate(CATEGORIES)}
    pairs = [_pair("logical_form", "lexicon", 150), _pair("logical_form", "umls", 0)]
    return {
        "name": "emrqa",
        "config": None,
        "source": "authored rows",
        "fingerprint": "0123456789abcdef0123456789abcdef",
        "rows": len(rows),
        "class_counts": {**counts, "unlabelled": len(rows) - len(labelled)},
        "category_sources": {"logical_form": len(labelled) - 40, "logical_form+lexicon": 40},
        "soft_categories": 0,
        "unanswerable": sum(not row["answers"]["text"] for row in rows),
        "span_unlabelled": 0,
        "groups": len({row["group"] for row in rows}),
        "date_range": None,
        "policy": POLICY.as_dict(),
        "synthetic": synthetic,
        "facts": {
            "dropped": {"answer: not in the note": 3},
            "options": {"source": "data.json", "split": "note", "span": "entity", "alpha": 0.7},
            "split": "note",
            "categories": {"agreement": {"pairs": pairs}},
        },
    }


def _pair(one: str, other: str, rows: int) -> dict[str, Any]:
    found = {"agreement": 0.91, "kappa": 0.88} if rows else {"agreement": None, "kappa": None, "reason": "no rows"}
    return {"sources": [one, other], "rows": rows, "tied": rows // 15, "tied_overlap": None, "table": [], **found}


def _plots(folder: Path) -> list[str]:
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(2, 2))
    figure.subplots().plot([0, 1])
    figure.savefig(folder / "category_confusion.png", metadata={"Software": None})
    return ["category_confusion.png"]
