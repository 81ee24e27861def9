"""Metrics as the Spaces that `evaluate.load` reads."""

from __future__ import annotations

import os
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..core.errors import InputError, closest
from ..core.files import write_json
from ..model_cards.delivery import PushResult, as_folder
from .spaces import room


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
