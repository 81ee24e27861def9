"""Metrics and Spaces of this project, staged and published."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..core.errors import InputError, closest
from ..core.files import write_json
from ..model_cards.push import PushResult, as_folder
from .space import publish_space, require_space, room

KINDS = {"model": "runs/NAME", "dataset": "data/NAME", "metric": "NAME", "space": "NAME", "all": "runs/NAME"}


def metric_names() -> list[str]:
    """Return the names of the metrics that can be published."""
    return sorted(path.parent.name for path in room("metrics").glob("*/app.py"))


def push_metric(name: str, to: str | os.PathLike, **options: Any) -> PushResult:
    """Publish a metric as the Space that `evaluate.load("namespace/name")` reads, with its page.

    Args:
        name: of the metric.
        to: `namespace/name` on the Hub, the name being the metric's own; or a folder, as in `push_run`.
        **options: `private`, `token`, `revision`, `create_pr`, `dry_run` as in `push_run`.

    Raises:
        InputError: there is no such metric, the repository has another name, or the Hub refused.
    """
    from ..model_cards import push_space_folder

    if name not in metric_names():
        raise InputError(f"there is no metric {name!r}; {closest(name, metric_names())}")
    if as_folder(to) is None and str(to).rpartition("/")[2] != name:
        raise InputError(
            f"evaluate finds a metric by its repository's name: push {name} to {str(to).split('/')[0]}/{name}, not {to}"
        )
    with tempfile.TemporaryDirectory(prefix="secondopinion-") as staging:
        staged = Path(staging) / name
        staged.mkdir()
        for path in sorted((room("metrics") / name).iterdir()):
            if path.is_file() and path.suffix in (".py", ".md", ".txt") and path.name != "__init__.py":
                shutil.copyfile(path, staged / path.name)
        write_json(staged / "space.json", {"metric": name, "secondopinion": version("secondopinion")})
        return push_space_folder(staged, to, **options)


def push_space(
    name: str,
    to: str | os.PathLike,
    model: str,
    baseline: str | None = None,
    *,
    model_revision: str | None = None,
    baseline_revision: str | None = None,
    trust_remote_code: bool = False,
    **options: Any,
) -> PushResult:
    """Publish a Space of this project, wired to a model on the Hub.

    Args:
        name: of the Space.
        to: `namespace/name` on the Hub, or a folder, as in `push_run`.
        model: the model's id on the Hub.
        baseline: the phase-1 model's id; of `maude_severity` alone.
        model_revision: branch, tag or commit of the model that the Space shows.
        baseline_revision: of the baseline.
        trust_remote_code: let the Space run the code in the model's repository, which it needs where this package is
            not installed; give a `model_revision` then.
        **options: `private`, `token`, `revision`, `create_pr`, `dry_run` as in `push_run`.

    Raises:
        InputError: there is no such Space, the model is no id on the Hub, or the Hub refused.
    """
    from ..model_cards import push_space_folder

    require_space(name)
    with tempfile.TemporaryDirectory(prefix="secondopinion-") as staging:
        staged = publish_space(
            name,
            Path(staging) / name,
            model,
            baseline,
            revision=model_revision,
            baseline_revision=baseline_revision,
            trust_remote_code=trust_remote_code,
        )
        return push_space_folder(staged, to, **options)


def push_all(
    run: str | os.PathLike,
    to: str,
    *,
    private: bool = False,
    token: str | None = None,
    dry_run: bool = False,
    agreement: str | None = None,
    license: str | None = None,
) -> list[PushResult | str]:
    """Publish a run whole: data, model, metrics, a Space that shows the model, and a Collection of them.

    The model goes to `to`, its data to `<to>-data`, its Space to `<to>-space`, and metrics under their own names. What
    the corpus's terms keep, and what is not there, is left out and said. Each is one commit, none where nothing
    changed; cut off, the same call goes on.

    Args:
        run: a finished run.
        to: `namespace/name` on the Hub.
        private: make new repositories and the collection private.
        token: for the Hub.
        dry_run: build and check everything, send nothing.
        agreement: the agreement that permits publishing the model, where the corpus asks for one.
        license: of the model.

    Returns:
        What each push did, sentences on what was left out, and the collection's address.

    Raises:
        InputError: something cannot be published, or the Hub refused.
    """
    from ..core.policy import CorpusPolicy
    from ..core.run_folder import RunFolder
    from ..model_cards import push_dataset, push_run
    from ..model_cards.hub import collect, find_token

    if as_folder(to) is not None:
        raise InputError(
            f"push all makes a collection on the Hub, but {to} is a folder; push model, dataset and metric there one "
            "by one"
        )
    folder = RunFolder.open(run)
    facts, common = folder.facts, {"private": private, "token": token, "dry_run": dry_run}
    done: list[PushResult | str] = []
    items: list[tuple[str, str, str]] = []
    data = folder.local.get("data")
    dataset_id = None
    if not CorpusPolicy.from_dict(facts["dataset"]["policy"]).publish_text:
        done.append(f"data: the terms of {facts['dataset']['name']} keep its rows where they are")
    elif not data or not (Path(data) / "prepare.json").is_file():
        done.append("data: the run was not trained on a prepared folder that is still there")
    else:
        dataset_id = f"{to}-data"
        done.append(push_dataset(data, dataset_id, **common))
        items.append((dataset_id, "dataset", "What it was trained and measured on"))
    model = push_run(folder, to, agreement=agreement, license=license, dataset_id=dataset_id, **common)
    done.append(model)
    items.insert(0, (to, "model", f"{facts['name']}: {facts['selection']['reason']}"[:500]))
    namespace = to.split("/")[0]
    for name in metrics_of(facts):
        done.append(push_metric(name, f"{namespace}/{name}", **common))
        items.append((f"{namespace}/{name}", "space", "What it was measured by"))
    space = space_of(facts)
    if space is None:
        done.append("Space: none of this project shows a model of this kind")
    else:
        wiring = {"model_revision": model.tag, "trust_remote_code": facts["model"]["kind"] != "tfidf"}
        done.append(push_space(space, f"{to}-space", to, **wiring, **common))
        items.append((f"{to}-space", "space", "Try it"))
    if dry_run:
        return done
    title = facts["name"].replace("_", " ")
    about = "A model with its data, metrics and a page to try it; made with secondopinion"
    url = collect(title, about, items, namespace, token=find_token(token), private=private)
    return [*done, f"collection: {url}"]


def metrics_of(facts: Mapping[str, Any]) -> list[str]:
    """Return which metrics of this project a run's figures come from.

    >>> metrics_of({"model": {"kind": "tfidf"}, "task": {"problem_type": "single_label_classification"}})
    ['per_class_f1']
    """
    if facts["model"]["kind"] == "multitask_qa":
        return ["clinical_qa"]
    own = ["per_class_f1"] if facts["task"]["problem_type"] == "single_label_classification" else ["dragon"]
    return [*own, "deferral_rate"] if facts.get("deferral") else own


def space_of(facts: Mapping[str, Any]) -> str | None:
    """Return which Space shows a run's model, or None.

    >>> space_of({"model": {"kind": "multitask_qa"}})
    'clinical_qa'
    """
    model = facts["model"]
    if model["kind"] == "multitask_qa":
        return "clinical_qa"
    if model["kind"] == "tfidf" or facts["task"]["problem_type"] != "single_label_classification":
        return None
    if facts.get("deferral"):
        return "deferral_console"
    if model.get("processor"):
        return "long_cases"
    return "maude_severity" if {"Death", "Injury", "Malfunction"} <= set(facts["task"]["label_names"]) else None


def push_kind(
    what: str,
    source: str | None,
    to: str,
    common: Mapping[str, Any],
    of_model: Mapping[str, Any],
    of_space: Mapping[str, Any],
) -> PushResult | list[PushResult | str]:
    """Publish what two words of a command line name; a single one is a run.

    Args:
        what: one of `KINDS`, or a run folder.
        source: a run folder, a prepared data set, or a metric's or Space's name.
        to: where to.
        common: options of all kinds.
        of_model: options of a model alone.
        of_space: options of a Space alone.

    Raises:
        InputError: the kind is unknown, something is missing, or an option is of another kind.
    """
    if source is None and what not in KINDS:
        what, source = "model", what
    if what not in KINDS:
        raise InputError(f"{what!r} is nothing that can be pushed; {closest(what, KINDS)}")
    if source is None:
        raise InputError(f"push {what} needs to know which: secondopinion push {what} {KINDS[what]} --to {to or '…'}")
    if not to:
        raise InputError("push needs --to namespace/name for the Hub, or --to ./folder")
    for kind, options in (("model", of_model), ("space", of_space)):
        given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
        if what == "all":
            given = [name for name in given if name not in ("--agreement", "--license")]
        if given and kind != what:
            raise InputError(f"{given[0]} is for push {kind}, not for push {what}; leave it out")
    if what == "all":
        if common["revision"] or common["create_pr"]:
            raise InputError("push all commits to main everywhere; leave --revision and --create-pr out")
        kept = {name: common[name] for name in ("private", "dry_run")}
        return push_all(source, to, **kept, agreement=of_model["agreement"], license=of_model["license"])
    if what == "model":
        from ..model_cards import push_run

        return push_run(source, to, **of_model, **common)
    if what == "dataset":
        from ..model_cards import push_dataset

        return push_dataset(source, to, **common)
    if what == "metric":
        return push_metric(source, to, **common)
    if not of_space["model"]:
        raise InputError("push space needs the model that it shows: --model namespace/name, as it is on the Hub")
    return push_space(source, to, **of_space, **common)
