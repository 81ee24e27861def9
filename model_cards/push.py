"""From a run folder to a folder or a repository on the Hub: the same tree, whole or not at all."""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from secondopinion.core.errors import InputError
from secondopinion.core.files import PARTIAL, disk_errors, partial_name, replace_folder
from secondopinion.core.run_folder import BASE, RunFolder

from .hub_terms import is_repo_id
from .staging import CARD, MODEL, RepoKind, Tree, build_tree, keep_card

if TYPE_CHECKING:
    from .branches import Branch

FOLDER = "folder:"
# (folder to write into, repository or None, folder's name or None, secrets) → tree
Build = Callable[[Path, str | None, str | None, Sequence[str]], Tree]


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


def push_run(
    run: str | os.PathLike | RunFolder,
    to: str | os.PathLike,
    *,
    private: bool = False,
    token: str | None = None,
    revision: str | None = None,
    agreement: str | None = None,
    create_pr: bool = False,
    dry_run: bool = False,
    force_card: bool = False,
    license: str | None = None,
    language: str = "en",
    dataset_id: str | None = None,
    examples: Sequence[tuple[str, ...]] | None = None,
    benchmark_task: str | None = None,
    folds: bool = False,
    dtypes: Sequence[str] = (),
) -> PushResult:
    """Publish the selected checkpoint of a run, or its deferring system, with its card, plots and facts.

    Beside it, each on a branch of its own (or in a folder `<to>-<branch>`): of a run with LoRA the `adapter` and the
    `base` that it belongs on; on demand every fold, and copies in other types. They are sent first, so that a card
    never tells of what is not there.

    Args:
        run: the run folder.
        to: `namespace/name` on the Hub, or a folder: a path that starts with `./`, `../`, `/` or `~`, an
            existing folder, or `folder:<path>`.
        private: make a new repository private.
        token: for the Hub; by default HF_TOKEN or the one of `hf auth login`.
        revision: branch to commit to; `main` by default.
        agreement: the agreement that permits publishing, where the corpus asks for one.
        create_pr: open a pull request instead of committing.
        dry_run: build and check everything, write nothing.
        force_card: write the card anew, over what was edited by hand in the published one.
        license: of the model, as the Hub spells it (see `card_data` for the default).
        language: ISO 639 code of the texts.
        dataset_id: the data set on the Hub.
        examples: authored (title, text) pairs for the card's widget; (title, question, context) triples where the
            model answers questions.
        benchmark_task: task of the benchmark `dataset_id` that was measured, for `.eval_results/` (see `eval_results`).
        folds: publish each trained fold as well, on branches `fold-1`, `fold-2`, …
        dtypes: publish copies of the model with weights in `bfloat16` or `float16`, on branches of these names.

    Raises:
        InputError: the run cannot be published as it is, or the Hub refused; the message says what to do.
        DiskFullError: no room was left.
    """
    from .branches import branches_of

    run = run if isinstance(run, RunFolder) else RunFolder.open(run)
    card = {"license": license, "language": language, "dataset_id": dataset_id, "examples": examples}
    card["benchmark_task"] = benchmark_task
    options = {"own": run.path, "private": private, "token": token, "create_pr": create_pr, "dry_run": dry_run}
    options["force_card"] = force_card
    build, one_branch = _run_builder(run, agreement, **card), bool(revision or create_pr)
    if one_branch and (folds or dtypes):
        raise InputError(
            "revision and create_pr are for one branch, but folds and copies in another dtype go to branches of their "
            "own: leave one or the other out"
        )
    beside = [] if one_branch else branches_of(run, run.facts, folds=folds, dtypes=dtypes)
    if not beside:
        return deliver(build, MODEL, to, revision=revision, **options)
    deliver(build, MODEL, to, **options | {"dry_run": True})  # what is wrong is said before anything is sent
    results, tags = [], {}
    for branch in beside:
        make = _branch_builder(run, branch, agreement, base_revision=tags.get(BASE), **card)
        place = _beside(to, branch.name)
        results.append(deliver(make, MODEL, place, revision=None if place != to else branch.name, **options))
        tags[branch.name] = results[-1].tag
    return dataclasses.replace(deliver(build, MODEL, to, **options), branches=tuple(results))


def publish(
    run: RunFolder,
    to: str | os.PathLike,
    *,
    agreement: str | None = None,
    dry_run: bool = False,
    force_card: bool = False,
    **card: object,
) -> PushResult:
    """Write the tree of a push into a folder; an older one is replaced as a whole.

    Args:
        run: a finished run.
        to: the folder; it must be new, empty or an earlier push.
        agreement: the agreement that permits publishing, where the corpus asks for one.
        dry_run: build and check everything, write nothing.
        force_card: write the card anew, over what was edited by hand in the published one.
        **card: `license`, `language`, `dataset_id`, `examples` as in `card_data`.

    Raises:
        InputError: the run cannot be published as it is, or the folder holds something else.
        DiskFullError: no room was left.
    """
    target = Path(to).expanduser()
    return _to_folder(_run_builder(run, agreement, **card), MODEL, target, run.path, dry_run, force_card)


def deliver(
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
) -> PushResult:
    """Publish a tree to the Hub or a folder.

    Args:
        build: writes the tree into a folder, for a repository or, with None, for a folder of a name; with secrets that
            must not be in it.
        kind: of repository.
        to: as in `push_run`.
        own: folder that the tree comes from, which may not be written to.
        private: make a new repository private.
        token: for the Hub.
        revision: branch to commit to.
        create_pr: open a pull request instead of committing.
        dry_run: build and check everything, write nothing.
        force_card: write the card anew, over what was edited by hand in the published one.

    Raises:
        InputError: it cannot be published as it is, or the Hub refused.
        DiskFullError: no room was left.
    """
    folder = as_folder(to)
    if folder is not None:
        if private or revision or create_pr:
            raise InputError(f"private, revision and create_pr are for the Hub, but {to} is a folder; leave them out")
        return _to_folder(build, kind, folder, own, dry_run, force_card)
    return _to_hub(
        build,
        kind,
        _repo_id(str(to)),
        private=private,
        token=token,
        branch=revision or "main",
        create_pr=create_pr,
        dry_run=dry_run,
        force_card=force_card,
    )


def _run_builder(run: RunFolder, agreement: str | None, **card: object) -> Build:
    def build(root: Path, repo_id: str | None, folder_name: str | None, secrets: Sequence[str]) -> Tree:
        named = {} if folder_name is None else {"folder_name": folder_name}
        return build_tree(run, root, repo_id=repo_id, agreement=agreement, secrets=secrets, **named, **card)

    return build


def _branch_builder(run: RunFolder, branch: Branch, agreement: str | None, **options: object) -> Build:
    from .branches import build_branch

    def build(root: Path, repo_id: str | None, folder_name: str | None, secrets: Sequence[str]) -> Tree:
        # The lines that load it name the folder of the published model, beside which its own is.
        named = {} if folder_name is None else {"folder_name": folder_name}
        return build_branch(
            run, root, branch, repo_id=repo_id, agreement=agreement, secrets=secrets, **named, **options
        )

    return build


def _beside(to: str | os.PathLike, branch: str) -> str | os.PathLike:
    """Return where a branch goes: into the same repository, or a folder beside the published one."""
    folder = as_folder(to)
    return to if folder is None else folder.with_name(f"{folder.resolve().name}-{branch}")


def _to_folder(
    build: Build, kind: RepoKind, target: Path, own: Path | None, dry_run: bool, force_card: bool
) -> PushResult:
    target = target.expanduser()
    _require_free(target, kind, own)
    name = target.resolve().name
    if dry_run:
        with tempfile.TemporaryDirectory(prefix="secondopinion-") as staging:
            tree = build(Path(staging), None, name, ())
            return _result(tree, str(target), None, False, f"would write {_extent(tree)} to {target}")
    staging = partial_name(target)
    try:
        with disk_errors(target):
            staging.mkdir(parents=True)
            kept = not force_card and (target / CARD).is_file()
            present = (target / CARD).read_text(encoding="utf-8", errors="replace") if kept else None
            tree, told = keep_card(build(staging, None, name, ()), present)
            same = _same_content(tree, target)
            if not same:
                replace_folder(staging, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    for left_by_a_kill in target.parent.glob(f".{target.name}.*{PARTIAL}"):
        shutil.rmtree(left_by_a_kill, ignore_errors=True)
    if same:
        return _result(
            tree, str(target), None, False, _with(f"{target} holds exactly this already: nothing to do", told)
        )
    return _result(tree, str(target), None, True, _with(f"wrote {_extent(tree)} to {target}", told))


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


def _to_hub(
    build: Build,
    kind: RepoKind,
    repo_id: str,
    *,
    private: bool,
    token: str | None,
    branch: str,
    create_pr: bool,
    dry_run: bool,
    force_card: bool,
) -> PushResult:
    from .hub import commit_tree, endpoint, find_token

    secret = token if dry_run else find_token(token)
    with tempfile.TemporaryDirectory(prefix="secondopinion-") as staging:
        tree = build(Path(staging), repo_id, None, [secret] if secret else [])
        if dry_run:
            page = f"{endpoint()}/{kind.path}{repo_id}"
            return _result(tree, page, None, False, f"would push {_extent(tree)} to {page}")
        commit = commit_tree(
            tree, repo_id, token=secret, private=private, branch=branch, create_pr=create_pr, force_card=force_card
        )
    if not commit.changed:
        message = f"{repo_id} holds exactly this already: no commit was made"
    elif create_pr:
        message = f"opened a pull request on {repo_id} with {_extent(tree)}"
    else:
        message = f"pushed {_extent(tree)} to {repo_id} in one commit"
    if not commit.tagged:
        message += f"; the card pins the tag {tree.tag}, which you may not set: ask its owner to, on {commit.oid}"
    return _result(tree, commit.url, commit.oid, commit.changed, _with(message, commit.kept))


def _require_free(target: Path, kind: RepoKind, own: Path | None) -> None:
    if target.exists() and not target.is_dir():
        raise InputError(f"{target} is a file; give a folder")
    if own is not None:
        inside, own = target.resolve(), own.resolve()
        if inside == own or own in inside.parents or inside in own.parents:
            what = "run folder" if kind is MODEL else "folder that is published"
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
    from secondopinion.core.fingerprint import file_sha256

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
