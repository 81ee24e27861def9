"""One call from a checkpoint that was trained elsewhere to a run folder; a killed call continues where it was."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import InputError
from ...core.files import read_json, write_json
from ...core.machine import keep_pages
from ...core.progress import say
from ...core.run_folder import RunFolder, now
from ..data import TrainingData
from ..folds import GIVEN, Folds
from ..problems.reading import main_figure
from ..recipe import EncoderSpec, FoldSpec, Recipe
from ..selection import MAIN, SelectionRule
from .checkpoint import Checkpoint, find_checkpoint, load_checkpoint
from .measuring import measure_rows, token_limit
from .origin import read_notes, statement
from .outputs import measured_problem
from .overlap import trained_rows
from .report import write_adopted
from .rows import held_out_folds, load_rows, stricter_policy, without


def adopt(
    checkpoint: str | os.PathLike,
    data: str | os.PathLike,
    output: str | os.PathLike | None = None,
    *,
    split: str | None = None,
    config: str | None = None,
    rows: str | os.PathLike | None = None,
    fold: int | None = None,
    labels: Sequence[str] | None = None,
    metric: str = MAIN,
    label: str | None = None,
    max_length: int | None = None,
    trained_on: str | os.PathLike | None = None,
    trained_split: str | None = None,
    training_notes: str | os.PathLike | None = None,
    base_model: str | None = None,
    base_license: str | None = None,
    license: str | None = None,
    description: str = "",
    revision: str | None = None,
    trust_remote_code: bool = False,
    resamples: int = 2000,
) -> RunFolder:
    """Measure a sequence classifier that was trained elsewhere, and write a run folder that can be published.

    The checkpoint is copied, its weights byte for byte. Called again with the same output it continues: what is
    measured stays so, while description, licence and notes may change.

    Args:
        checkpoint: folder that `Trainer.save_model` or `save_pretrained` wrote, or a model on the Hub.
        data: prepared folder, or a data set on the Hub, with rows that the model was never trained on.
        output: the run folder; `runs/<the checkpoint's name>` by default.
        split: of the data; `test`, or the only one, by default.
        config: configuration of the data, where it has several.
        rows: file with the ids of the rows that the model never saw, one a line; all of the split by default.
        fold: in place of it, the number in the data's column `fold` that marks them.
        labels: what the model's outputs are, in their order, where its configuration does not name them.
        metric: the main figure; by default what the data, or the kind of problem, names.
        label: a class whose missed rows are told of.
        max_length: tokens that a text is cut to; what model and tokenizer hold by default.
        trained_on: what the model was trained on, if it is at hand: rows that occur in it are left out.
        trained_split: its split; `train`, or the only one, by default.
        training_notes: YAML file with what the owner says of the training.
        base_model: the encoder's name on the Hub, for the card.
        base_license: of the encoder.
        license: of the model; what the checkpoint's own card says by default.
        description: one sentence for the card.
        revision: of a checkpoint on the Hub.
        trust_remote_code: whether code beside the checkpoint may run.
        resamples: bootstrap resamples for intervals.

    Raises:
        InputError: checkpoint, data or output do not fit; the message says what to do.
    """
    found = find_checkpoint(checkpoint, revision=revision, trust_remote_code=trust_remote_code)
    notes = None if training_notes is None else read_notes(Path(training_notes).expanduser())
    run = RunFolder(output or Path("runs") / re.sub(r"[^\w.-]+", "-", found.name))
    inside, own = run.path.resolve(), found.folder.resolve()
    if inside == own or own in inside.parents or inside in own.parents:
        raise InputError(f"{run.path} is the checkpoint itself, inside it or around it; give another --run")
    keep_pages()
    with tempfile.TemporaryDirectory(prefix="secondopinion-") as cache:
        known, spec = load_rows(data, Path(cache) / "held-out", split=split, config=config)
        chosen_by = "rows" if rows is not None else "fold" if fold is not None else "split"
        folds, fold = held_out_folds(known, rows, fold)
        model = load_checkpoint(found, trust_remote_code=trust_remote_code)
        problem, gold = measured_problem(model.config, known, labels, found.source)
        rule = problem.settle(SelectionRule(metric=metric, label=label), "--metric", main_figure(known.facts))
        rule = problem.settle(replace(rule, label=rule.label or label), "--label")
        problem = problem.measuring(rule.metric)
        seen, compared = None, None
        if trained_on is not None:
            trained, _ = load_rows(trained_on, Path(cache) / "trained", split=trained_split, preferred="train")
            folds, compared = _without_trained(folds, fold, known, trained)
            seen = trained
        limit = token_limit(found, model, max_length)
        said = found.said()
        recipe = Recipe(
            name=run.name,
            dataset=spec,
            model=EncoderSpec(encoder=base_model or said.get("base_model") or found.name, max_length=limit or 0),
            folds=FoldSpec(n_splits=folds.n_splits, strategy=GIVEN, train=[fold]),
            selection=rule,
            license=license or said.get("license"),
            resamples=resamples,
        )
        origin = {
            "trained": "elsewhere",
            "checkpoint": found.named,
            "weights_sha256": found.weights_sha256(),
            "own_code": found.own_code,
            "measured": {
                "data": known.name,
                "split": spec.split,
                "rows": int((folds.fold == fold).sum()),
                "of": len(known.ids),
                "chosen_by": chosen_by,
            },
            "trained_on": compared,
            "training_notes": notes,
        }
        _claim(run, folds, {"weights_sha256": origin["weights_sha256"], "task": problem.task(), "max_length": limit})
        say(f"{found.name}: {origin['measured']['rows']:,} rows of {known.name} are measured")
        origin["changed"] = _place(run, found, fold, problem.label_names, limit)
        measured = measure_rows(run, model, known, folds, fold, found.own_code)
        text = " ".join(part for part in (description.strip(), statement(origin)) if part)
        write_adopted(
            run,
            recipe.replace(description=text),
            known,
            folds,
            fold,
            problem=problem,
            gold=gold,
            measured=measured,
            model=_model_facts(model, base_model or said.get("base_model"), base_license, limit),
            origin=origin,
            policy=stricter_policy(known, seen),
        )
    run.write_local({"data": os.fspath(data), "checkpoint": found.source})
    shutil.rmtree(run.path / "cache", ignore_errors=True)
    return run


def _without_trained(
    folds: Folds, fold: int, data: TrainingData, trained: TrainingData
) -> tuple[Folds, dict[str, Any]]:
    """Return folds without the held-out rows that a model was trained on, and what was found."""
    _, rows = folds.rows(fold)
    found = trained_rows(data, rows, trained)
    leave = np.any(list(found.values()), axis=0)
    counts = {name: int(each.sum()) for name, each in found.items()}
    if leave.all():
        raise InputError(
            f"all {len(rows):,} rows of {data.name} are among the {len(trained.ids):,} that the model was trained on, "
            f"or nearly so ({_told(counts)}); figures on them would flatter it. Give rows that were held out"
        )
    if leave.any():
        say(
            f"{leave.sum():,} of {len(rows):,} rows are left out, for the model was trained on them or on nearly the "
            f"same ({_told(counts)})"
        )
    described = trained.describe()
    return without(folds, data, rows[leave]), {
        **{name: described[name] for name in ("name", "fingerprint", "rows", "policy")},
        "overlap": {**counts, "compared": len(rows), "left_out": int(leave.sum())},
    }


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {n:,}" for name, n in counts.items() if n)


def _claim(run: RunFolder, folds: Folds, model: dict[str, Any]) -> None:
    """Record what is measured on what, or check that the output is of the same adoption.

    Raises:
        InputError: the folder holds something else.
    """
    wanted = {**model, "dataset_fingerprint": folds.dataset_fingerprint, "folds_sha1": folds.sha1}
    run.path.mkdir(parents=True, exist_ok=True)
    run.clean()
    path = run.path / "adoption.json"
    if not path.exists():
        if any(entry.name != "cache" for entry in run.path.iterdir()):
            raise InputError(f"{run.path} holds something other than this adoption; give another --run")
        write_json(path, {**wanted, "started_at": now()})
    stored = read_json(path)
    changed = [name.replace("_", " ") for name, value in wanted.items() if stored.get(name) != value]
    if changed:
        raise InputError(f"{run.path} was begun with another {', another '.join(changed)}; give another --run")
    folds.save(run.folds_file)


def _place(run: RunFolder, found: Checkpoint, fold: int, names: Sequence[str], limit: int | None) -> list[str]:
    """Copy the checkpoint into the run, once, and return what was changed on the way."""
    path = run.path / "cache" / "changed.json"
    folder = run.fold_folder(fold)
    if run.facts_file.exists() and folder.is_dir():
        return run.facts["origin"]["changed"]
    if path.exists() and folder.is_dir():
        return read_json(path)
    changed = found.copy(folder, names, limit)
    write_json(path, changed)
    return changed


def _model_facts(model: Any, base_model: str | None, base_license: str | None, limit: int | None) -> dict[str, Any]:
    """Return `model` of run.json; the kind is that of all encoders with a head, the class says which this is."""
    return {
        "kind": EncoderSpec.kind,
        "class": type(model).__name__,
        "base_model": base_model,
        "base_model_sha256": None,
        "base_license": base_license,
        "parameters": model.num_parameters(),
        "max_length": limit,
        "pooling": None,
        "class_weights": None,
        "adapter": None,
    }
