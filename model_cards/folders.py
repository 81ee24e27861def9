"""Data sets, metrics and Spaces: folders that are ready as they are, checked once more and published in one commit."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from secondopinion.core.errors import InputError
from secondopinion.core.files import PARTIAL, disk_errors, read_json
from secondopinion.core.policy import CorpusPolicy

from .delivery import Build, PushResult, Staged, deliver
from .hub_terms import LICENCES
from .privacy import refuse_machine
from .tree import CARD, RepoKind, Tree, content_tag, published_files
from .validate import front_matter

PREPARED, WIRING = "prepare.json", "space.json"
NOT_PUBLISHED = ("__pycache__", ".gradio", ".cache")


def dataset_file(path: str) -> bool:
    """Whether a push of a data set writes files of this name.

    >>> dataset_file("data/train-00000-of-00001.parquet"), dataset_file("notes.txt")
    (True, False)
    """
    return path in (CARD, PREPARED) or path.startswith("data/")


def space_file(path: str) -> bool:
    """Whether a push of a Space or a metric writes files of this name.

    >>> space_file("severity/readers.py"), space_file("requirements.txt"), space_file("LICENSE")
    (True, True, False)
    """
    return path in (CARD, WIRING, "requirements.txt") or path.endswith((".py", ".csv"))


DATASET = RepoKind("dataset", PREPARED, dataset_file, "data")
SPACE = RepoKind("space", WIRING, space_file, "space")


def push_dataset(folder: str | os.PathLike, to: str | os.PathLike, **options: Any) -> PushResult:
    """Publish a prepared data set: Parquet files, card, and the facts of how it was made.

    Args:
        folder: what `secondopinion prepare` wrote.
        to: `namespace/name` on the Hub, or a folder, as in `push_run`.
        **options: `private`, `token`, `revision`, `create_pr`, `dry_run` as in `push_run`.

    Raises:
        InputError: it is no prepared data set, the corpus's terms forbid it, its card or a file is not fit to be
            published, or the Hub refused.
        DiskFullError: no room was left.
    """
    folder = Path(folder).expanduser()
    if not (folder / PREPARED).is_file():
        raise InputError(
            f"{folder} is not a prepared data set: it holds no {PREPARED}. Make one with: secondopinion prepare CORPUS "
            f"--output {folder}"
        )
    facts = read_json(folder / PREPARED)
    CorpusPolicy.from_dict(facts["policy"]).require_publish_text(facts["corpus"])

    def build(root: Path, repo_id: str | None, folder_name: str | None) -> Tree:
        title = f"{facts['corpus']}: {facts['rows']:,} rows"
        description = f"Fingerprint {facts['fingerprint']}, made with secondopinion {facts.get('version', '')}".rstrip()
        return folder_tree(folder, root, DATASET, title, description)

    return _deliver(build, DATASET, folder, to, **options)


def push_space_folder(folder: str | os.PathLike, to: str | os.PathLike, **options: Any) -> PushResult:
    """Publish a folder that the Hub runs as a Gradio Space: a demonstration, or a metric with its page.

    Args:
        folder: with `app.py`, `README.md` with a Space's metadata, `requirements.txt` and `space.json`, which says what
            it is and which model it shows.
        to: `namespace/name` on the Hub, or a folder, as in `push_run`.
        **options: `private`, `token`, `revision`, `create_pr`, `dry_run` as in `push_run`.

    Raises:
        InputError: a file is missing or not fit to be published, or the Hub refused.
        DiskFullError: no room was left.
    """
    folder = Path(folder).expanduser()
    missing = [name for name in ("app.py", CARD, "requirements.txt", WIRING) if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{folder} is no Space that can be published: it lacks {', '.join(missing)}")
    wiring = read_json(folder / WIRING)

    def build(root: Path, repo_id: str | None, folder_name: str | None) -> Tree:
        name = wiring.get("metric") or wiring.get("space") or folder.name
        shown = f"{wiring['model']} at {wiring.get('revision') or 'main'}" if wiring.get("model") else None
        title = f"{name}: {'shows ' + shown if shown else 'metric and page'}"
        return folder_tree(folder, root, SPACE, title, "")

    return _deliver(build, SPACE, folder, to, **options)


def _deliver(build: Build, kind: RepoKind, folder: Path, to: str | os.PathLike, **options: Any) -> PushResult:
    def check(trees: Sequence[Staged]) -> None:
        refuse_machine(trees, folder)

    return deliver(build, check, kind, to, own=folder, **options)


def folder_tree(folder: Path, root: Path, kind: RepoKind, title: str, description: str) -> Tree:
    """Copy what is published of a folder into `root`.

    Args:
        folder: where the files are; those whose names `kind` does not write are left out.
        root: an empty folder.
        kind: of repository.
        title: of the commit.
        description: of the commit.

    Raises:
        InputError: the card's metadata is not valid.
        DiskFullError: no room was left.
    """
    names, left_out = [], []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if path.name.endswith(PARTIAL) or any(part in NOT_PUBLISHED for part in path.parts):
            continue
        (names if kind.is_ours(name) else left_out).append(name)
    _require_card(folder / CARD, kind, names)
    with disk_errors(root):
        for name in names:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, root / name)
        files = published_files(root, names)
    return Tree(root, tuple(files), content_tag(files, kind), kind, title, description, tuple(left_out), folder)


def _require_card(path: Path, kind: RepoKind, names: Sequence[str]) -> None:
    """Raise unless the card's metadata can be read and says what its kind of repository needs."""
    try:
        front = front_matter(path.read_text(encoding="utf-8") if path.is_file() else "")
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    licence = front.get("license")
    if licence is not None and licence not in LICENCES:
        raise InputError(f"{path}: license is {licence!r}, which the Hub does not know; write it as in apache-2.0")
    if kind is SPACE:
        if front.get("sdk") != "gradio" or front.get("app_file", "app.py") not in names:
            raise InputError(f"{path}: a Space needs sdk: gradio and an app_file that is there, in its metadata")
        return
    for config in front.get("configs") or []:
        for part in config.get("data_files") or []:
            pattern = part.get("path") if isinstance(part, Mapping) else part
            if not any(Path(name).match(str(pattern)) for name in names):
                raise InputError(f"{path}: configs names {pattern}, but no file of that name is there")
    if not front.get("configs"):
        raise InputError(
            f"{path}: its metadata has no configs, so that load_dataset would have to guess; prepare it anew"
        )
