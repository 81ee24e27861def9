"""A run's figures, or its selected model measured on other data."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.files import write_json
from ..core.run_folder import RunFolder, now
from ..scoring.engine import load_classifier, score_columns, score_texts
from .data import TrainingData, load_data
from .problems import problem_of_task
from .recipe import DatasetSpec


def evaluate_run(
    run: RunFolder | str | os.PathLike,
    data: str | os.PathLike | TrainingData | None = None,
    *,
    split: str = "train",
    votes: Sequence[str | os.PathLike] | None = None,
    dtype: str = "float32",
    trust_remote_code: bool = False,
) -> dict[str, Any]:
    """Return what run.json records, or the figures of the run's selected fold on other data.

    The data must not have been trained on: rows whose ids the run knows are refused.

    Args:
        run: a finished run, or its folder.
        data: prepared folder or a data set on the Hub; out-of-fold figures when left out.
        split: its split.
        votes: files of experts' votes for that data; the record then says what the deferring system does on it.
        dtype: of the weights of a run of questions, `float32` or `bfloat16`; a classifier is measured in float32.
        trust_remote_code: whether code that lies beside an adopted model may run.

    Returns:
        run.json's facts; with `data`, a record of the same form for one figure set, also written to
        `evaluations/<name>-<fingerprint>.json` in the run folder.

    Raises:
        InputError: the run or the data do not fit.
    """
    run = run if isinstance(run, RunFolder) else RunFolder.open(run)
    facts = run.facts
    answers = facts["model"]["kind"] == "multitask_qa"
    if dtype not in ("float32", *(["bfloat16"] if answers else [])):
        raise InputError(
            f"dtype is {dtype!r}; a run of questions is measured in float32 or bfloat16, a classifier in float32"
        )
    if data is None:
        if votes:
            raise InputError("votes belong to other data; give it with --data, or make the run defer with them")
        return facts
    if answers:
        from .question_answering.evaluation import evaluate_answers

        if votes:
            raise InputError("votes are on classes; a run of questions and answers takes none")
        return evaluate_answers(run, data, split=split, dtype=dtype)
    if not isinstance(data, TrainingData):
        with tempfile.TemporaryDirectory(prefix="secondopinion-") as cache:
            loaded = load_data(DatasetSpec(path=os.fspath(data), split=split), Path(cache))
            return evaluate_run(run, loaded, votes=votes, trust_remote_code=trust_remote_code)
    problem = problem_of_task(facts["task"]).measuring(facts["selection"]["rule"]["metric"])
    gold = problem.align(data.problem, data.labels, data.name)
    refuse_training_rows(run, data)
    logits = predict_run(run, data.texts(), trust_remote_code=trust_remote_code).astype(np.float64)
    record = {
        "name": f"{facts['name']} on {data.name}",
        "measured_at": now(),
        "fold": run.selected_fold,
        "dataset": data.describe(),
        "task": facts["task"],
        "model": facts["model"],
        "summary": {"out_of_fold": problem.out_of_fold(gold, logits, data.groups)},
        "missed": problem.missed(facts["selection"]["rule"]["label"], gold, logits),
    }
    if votes:
        record["deferral"] = evaluate_system(run, data, votes, trust_remote_code)
    write_json(run.path / "evaluations" / f"{data.name.replace('/', '--')}-{data.fingerprint}.json", record)
    return record


def evaluate_system(
    run: RunFolder, data: TrainingData, votes: Sequence[str | os.PathLike], trust_remote_code: bool = False
) -> dict[str, Any]:
    """Return what the published deferring system does on other data, with votes for its rows.

    Args:
        run: with a deferring system.
        data: rows that the run was not trained on.
        votes: files of votes of the system's experts.
        trust_remote_code: whether code that lies beside an adopted model may run.

    Returns:
        `deferral` of run.json with the `figures` of this data.

    Raises:
        InputError: the run defers nothing, or votes of an expert are missing or do not fit.
    """
    from ..experts import check_votes, read_votes
    from .asking import by_expert
    from .deferral_report import measure_system

    facts = run.facts
    if not facts.get("deferral") or not run.system_folder.is_dir():
        raise InputError(f"{run.path} is no deferring system; make it one with: secondopinion defer {run.path}")
    model, tokenizer = load_classifier(run.system_folder, trust_remote_code)
    if model.config.threshold_record != facts["deferral"]["threshold"]:
        raise InputError(
            f"{run.system_folder} and {run.facts_file} are of two different calls of defer, one of which was cut off; "
            f"run it again: secondopinion defer {run.path}"
        )
    names = facts["task"]["label_names"]
    given: dict[str, Any] = {}
    for path in votes:
        given |= by_expert(read_votes(path))
    lacking = [name for name in model.config.expert_names if name not in given]
    if lacking:
        raise InputError(
            f"the system asks {', '.join(model.config.expert_names)}, but the files hold votes of "
            f"{', '.join(given) or 'nobody'}; give votes of {', '.join(lacking)}"
        )
    for name in model.config.expert_names:
        check_votes(given[name], data.ids.tolist(), names)
    columns = ("logits", "deferral_score", "deferred", "expert")
    said = score_columns(model, tokenizer, data.texts(), columns)
    figures = measure_system(facts["deferral"], data, names, said, {n: given[n] for n in model.config.expert_names})
    return {**facts["deferral"], "figures": figures}


def predict_run(
    run: RunFolder, texts: list[str], fold: int | None = None, trust_remote_code: bool = False
) -> np.ndarray:
    """Return the calibrated logits of texts by one fold's model (the selected one by default): (rows, classes)."""
    folder = run.fold_folder(fold or run.selected_fold)
    if run.facts["model"]["kind"] == "tfidf":
        from .baseline import TfidfClassifier

        model = TfidfClassifier.load(folder)
        return model.logits(texts) / model.temperature
    return score_texts(*load_classifier(folder, trust_remote_code), texts)


def refuse_training_rows(run: RunFolder, data: Any) -> None:
    """Raise unless the rows are none of those that the run was trained on.

    Args:
        run: a finished run.
        data: rows with `ids`, `fingerprint` and `name`.

    Raises:
        InputError: some are.
    """
    from .folds import Folds

    split = Folds.load(run.folds_file)
    known = set(split.ids)
    numbered = data.ids.tolist() == [str(i) for i in range(len(data.ids))]  # no ids of their own
    shared = 0 if numbered else sum(1 for identifier in data.ids.tolist() if identifier in known)
    if data.fingerprint == split.dataset_fingerprint or shared:
        raise InputError(
            f"{shared} of {len(data.ids)} rows of {data.name} took part in the run's folds, so figures on them would "
            "flatter the model. Give other data; for these rows leave --data out: the out-of-fold figures are theirs"
        )
