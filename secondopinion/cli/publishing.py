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

KINDS = {"model": "runs/NAME", "dataset": "data/NAME", "metric": "NAME", "space": "NAME"}


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


def push_kind(
    what: str,
    source: str | None,
    to: str,
    common: Mapping[str, Any],
    of_model: Mapping[str, Any],
    of_space: Mapping[str, Any],
) -> PushResult:
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
        if given and kind != what:
            raise InputError(f"{given[0]} is for push {kind}, not for push {what}; leave it out")
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
