"""A tree goes to a folder or to the Hub, whole or not at all; it can be looked at before it goes."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from secondopinion.core.errors import InputError
from secondopinion.core.files import PARTIAL, disk_errors, partial_name, replace_folder
from secondopinion.core.fingerprint import file_sha256

from .hub_terms import is_repo_id
from .tree import CARD, RepoKind, Tree, keep_card

FOLDER = "folder:"
# (folder to write into, repository or None, folder's name or None) → tree
Build = Callable[[Path, str | None, str | None], Tree]


@dataclass(frozen=True)
class PushResult:
    """What a push did.

    Attributes:
        url: of the commit or pull request; the folder's path for a folder.
        commit: the commit that holds the files; None for a folder and a dry run.
        changed: whether the repository or folder holds something now that it did not when the push began.
        tag: the name of this content; on the Hub a tag that the card's loading lines pin.
        files: what is published, sorted.
        size: bytes of all files.
        left_out: files of the checkpoint that were not published.
        message: what happened, in a sentence.
        branches: what was published beside it, each on a branch of its own.
    """

    url: str
    commit: str | None
    changed: bool
    tag: str
    files: tuple[str, ...]
    size: int
    left_out: tuple[str, ...]
    message: str
    branches: tuple[PushResult, ...] = ()

    def __str__(self) -> str:
        """Return what a terminal shows: what happened, where, and what was not published."""
        lines = [*(one.message for one in self.branches), self.message] + ([self.url] if self.commit else [])
        if self.left_out:
            lines.append(f"not published: {', '.join(self.left_out)}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Staged:
    """A tree that was built and can be sent.

    Attributes:
        tree: what is published.
        repo_id: `namespace/name` on the Hub; None for a folder.
        secrets: strings that must not be in it: the token that it is sent with.
        send: publishes it.
    """

    tree: Tree
    repo_id: str | None
    secrets: tuple[str, ...]
    send: Callable[[], PushResult]


def deliver(
    build: Build, check: Callable[[list[Staged]], None], kind: RepoKind, to: str | os.PathLike, **options: Any
) -> PushResult:
    """Publish a tree to the Hub or a folder.

    Args:
        build: as of `staged`.
        check: raises where the tree holds what must not be published.
        kind: of repository.
        to: as in `push_run`.
        **options: those of `staged`.

    Raises:
        InputError: it cannot be published as it is, or the Hub refused.
        DiskFullError: no room was left.
    """
    with staged(build, kind, to, **options) as one:
        check([one])
        return one.send()


@contextmanager
def staged(
    build: Build,
    kind: RepoKind,
    to: str | os.PathLike,
    *,
    own: Path | None = None,
    private: bool = False,
    token: str | None = None,
    revision: str | None = None,
    create_pr: bool = False,
    dry_run: bool = False,
    force_card: bool = False,
) -> Iterator[Staged]:
    """Build a tree in a folder of its own, from where it can be sent until the end.

    Args:
        build: writes the tree into a folder, for a repository or, with None, for a folder of a name.
        kind: of repository.
        to: as in `push_run`.
        own: folder that the tree comes from, which may not be written to.
        private: make a new repository private.
        token: for the Hub.
        revision: branch to commit to.
        create_pr: open a pull request instead of committing.
        dry_run: build everything, and send nothing.
        force_card: write the card anew, over what was edited by hand in the published one.

    Raises:
        InputError: it cannot be published there.
        DiskFullError: no room was left.
    """
    folder = as_folder(to)
    if folder is not None:
        if private or revision or create_pr:
            raise InputError(f"private, revision and create_pr are for the Hub, but {to} is a folder; leave them out")
        target = folder.expanduser()
        _require_free(target, kind, own)
        with _room_beside(target, dry_run) as root:
            with disk_errors(target):
                tree = build(root, None, target.resolve().name)
            yield Staged(tree, None, (), partial(_to_folder, tree, target, dry_run, force_card))
        return
    from .hub import find_token

    repo_id, secret = _repo_id(str(to)), token if dry_run else find_token(token)
    options = {"private": private, "branch": revision or "main", "create_pr": create_pr, "force_card": force_card}
    with tempfile.TemporaryDirectory(prefix="secondopinion-") as root:
        tree = build(Path(root), repo_id, None)
        send = partial(_to_hub, tree, repo_id, secret, dry_run, **options)
        yield Staged(tree, repo_id, (secret,) if secret else (), send)


@contextmanager
def _room_beside(target: Path, dry_run: bool) -> Iterator[Path]:
    """Yield an empty folder that can take the place of `target`; in a dry run one that nobody sees."""
    if dry_run:
        with tempfile.TemporaryDirectory(prefix="secondopinion-") as root:
            yield Path(root)
        return
    root = partial_name(target)
    try:
        with disk_errors(target):
            root.mkdir(parents=True)
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _to_folder(tree: Tree, target: Path, dry_run: bool, force_card: bool) -> PushResult:
    if dry_run:
        return _result(tree, str(target), None, False, f"would write {_extent(tree)} to {target}")
    with disk_errors(target):
        kept = not force_card and (target / CARD).is_file()
        present = (target / CARD).read_text(encoding="utf-8", errors="replace") if kept else None
        tree, told = keep_card(tree, present)
        same = _same_content(tree, target)
        if not same:
            replace_folder(tree.root, target)
    for left_by_a_kill in target.parent.glob(f".{target.name}.*{PARTIAL}"):
        shutil.rmtree(left_by_a_kill, ignore_errors=True)
    if same:
        return _result(
            tree, str(target), None, False, _with(f"{target} holds exactly this already: nothing to do", told)
        )
    return _result(tree, str(target), None, True, _with(f"wrote {_extent(tree)} to {target}", told))


def _to_hub(
    tree: Tree, repo_id: str, token: str | None, dry_run: bool, *, create_pr: bool, **options: Any
) -> PushResult:
    from .hub import commit_tree, endpoint

    if dry_run:
        page = f"{endpoint()}/{tree.kind.path}{repo_id}"
        return _result(tree, page, None, False, f"would push {_extent(tree)} to {page}")
    commit = commit_tree(tree, repo_id, token=token, create_pr=create_pr, **options)
    if not commit.changed:
        message = f"{repo_id} holds exactly this already: no commit was made"
    elif create_pr:
        message = f"opened a pull request on {repo_id} with {_extent(tree)}"
    else:
        message = f"pushed {_extent(tree)} to {repo_id} in one commit"
    if not commit.tagged:
        message += f"; the card pins the tag {tree.tag}, which you may not set: ask its owner to, on {commit.oid}"
    return _result(tree, commit.url, commit.oid, commit.changed, _with(message, commit.kept))


def as_folder(to: str | os.PathLike) -> Path | None:
    """Return the folder that `to` names, or None when it names a repository.

    >>> as_folder("./model"), as_folder("ann/model")
    (PosixPath('model'), None)
    """
    if not isinstance(to, str):
        return Path(to)
    if to.startswith(FOLDER):
        return Path(to.removeprefix(FOLDER)).expanduser()
    if to in (".", "..", "~") or to.startswith(("./", "../", "/", "~/", ".\\", "..\\")) or Path(to).is_dir():
        return Path(to).expanduser()
    return None


def _repo_id(to: str) -> str:
    if is_repo_id(to):
        return to
    if "/" not in to:
        hint = f"write namespace/{to or 'name'} for the Hub, or ./{to or 'name'} for a folder"
    elif to.count("/") > 1 or to.endswith("/"):
        hint = f"write ./{to} if a folder is meant"
    else:
        hint = "letters, digits, '-', '_' and '.' are allowed, 96 characters at most, no '--' and no '..'"
    raise InputError(f"{to!r} is not a repository on the Hub (namespace/name): {hint}")


def _require_free(target: Path, kind: RepoKind, own: Path | None) -> None:
    if target.exists() and not target.is_dir():
        raise InputError(f"{target} is a file; give a folder")
    if own is not None:
        inside, own = target.resolve(), own.resolve()
        if inside == own or own in inside.parents or inside in own.parents:
            what = "run folder" if kind.repo_type == "model" else "folder that is published"
            raise InputError(f"{target} is the {what} itself, inside it or around it; give another folder")
    if not target.is_dir():
        return
    others = sorted(
        path.relative_to(target).as_posix()
        for path in target.rglob("*")
        if not path.is_dir() and not kind.is_ours(path.relative_to(target).as_posix())
    )
    present = any(target.iterdir())
    if others or (present and not (target / kind.marker).exists()):
        example = f" ({others[0]} for one)" if others else ""
        raise InputError(f"{target} holds something other than an earlier push{example}: give a new folder")


def _same_content(tree: Tree, target: Path) -> bool:
    if not target.is_dir():
        return False
    present = {path.relative_to(target).as_posix(): path for path in target.rglob("*") if path.is_file()}
    if present.keys() != {file.path for file in tree.files}:
        return False
    return all(
        present[file.path].stat().st_size == file.size and file_sha256(present[file.path]) == file.sha256
        for file in tree.files
    )


def _with(message: str, told: str) -> str:
    return f"{message}; {told}" if told else message


def _extent(tree: Tree) -> str:
    return f"{len(tree.files)} files ({tree.size / 2**20:,.1f} MiB)"


def _result(tree: Tree, url: str, commit: str | None, changed: bool, message: str) -> PushResult:
    files = tuple(file.path for file in tree.files)
    return PushResult(url, commit, changed, tree.tag, files, tree.size, tree.left_out, message)
