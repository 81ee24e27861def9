"""From a run folder to a folder or a repository on the Hub: the same tree, whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from secondopinion.core.errors import InputError
from secondopinion.core.files import PARTIAL, disk_errors, partial_name, replace_folder
from secondopinion.core.run_folder import RunFolder

from .deferral_words import deferral_summary
from .hub_terms import is_repo_id
from .problem_words import headline_figures
from .question_answering import commit_figures
from .staging import Tree, build_tree, is_ours
from .tables import FIGURE_NAMES

FOLDER = "folder:"


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
    """

    url: str
    commit: str | None
    changed: bool
    tag: str
    files: tuple[str, ...]
    size: int
    left_out: tuple[str, ...]
    message: str

    def __str__(self) -> str:
        """Return what a terminal shows: what happened, where, and what was not published."""
        lines = [self.message] + ([self.url] if self.commit else [])
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
    license: str | None = None,
    language: str = "en",
    dataset_id: str | None = None,
    examples: Sequence[tuple[str, ...]] | None = None,
) -> PushResult:
    """Publish the selected checkpoint of a run, or its deferring system, with its card, plots and facts.

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
        license: of the model, as the Hub spells it (see `card_data` for the default).
        language: ISO 639 code of the texts.
        dataset_id: the data set on the Hub.
        examples: authored (title, text) pairs for the card's widget; (title, question, context) triples where the
            model answers questions.

    Raises:
        InputError: the run cannot be published as it is, or the Hub refused; the message says what to do.
        DiskFullError: no room was left.
    """
    run = run if isinstance(run, RunFolder) else RunFolder.open(run)
    card = {"license": license, "language": language, "dataset_id": dataset_id, "examples": examples}
    folder = as_folder(to)
    if folder is not None:
        if private or revision or create_pr:
            raise InputError(f"private, revision and create_pr are for the Hub, but {to} is a folder; leave them out")
        return publish(run, folder, agreement=agreement, dry_run=dry_run, **card)
    return _push_to_hub(
        run,
        _repo_id(str(to)),
        private=private,
        token=token,
        branch=revision or "main",
        agreement=agreement,
        create_pr=create_pr,
        dry_run=dry_run,
        card=card,
    )


def publish(
    run: RunFolder,
    to: str | os.PathLike,
    *,
    agreement: str | None = None,
    dry_run: bool = False,
    **card: object,
) -> PushResult:
    """Write the tree of a push into a folder; an older one is replaced as a whole.

    Args:
        run: a finished run.
        to: the folder; it must be new, empty or an earlier push.
        agreement: the agreement that permits publishing, where the corpus asks for one.
        dry_run: build and check everything, write nothing.
        **card: `license`, `language`, `dataset_id`, `examples` as in `card_data`.

    Raises:
        InputError: the run cannot be published as it is, or the folder holds something else.
        DiskFullError: no room was left.
    """
    target = Path(to).expanduser()
    _require_free(target, run)
    name = target.resolve().name
    if dry_run:
        with tempfile.TemporaryDirectory(prefix="secondopinion-") as staging:
            tree = build_tree(run, Path(staging), agreement=agreement, folder_name=name, **card)
            return _result(tree, str(target), None, False, f"would write {_extent(tree)} to {target}")
    staging = partial_name(target)
    try:
        with disk_errors(target):
            staging.mkdir(parents=True)
            tree = build_tree(run, staging, agreement=agreement, folder_name=name, **card)
            same = _same_content(tree, target)
            if not same:
                replace_folder(staging, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    for left_by_a_kill in target.parent.glob(f".{target.name}.*{PARTIAL}"):
        shutil.rmtree(left_by_a_kill, ignore_errors=True)
    if same:
        return _result(tree, str(target), None, False, f"{target} holds exactly this already: nothing to do")
    return _result(tree, str(target), None, True, f"wrote {_extent(tree)} to {target}")


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


def _push_to_hub(
    run: RunFolder,
    repo_id: str,
    *,
    private: bool,
    token: str | None,
    branch: str,
    agreement: str | None,
    create_pr: bool,
    dry_run: bool,
    card: dict[str, object],
) -> PushResult:
    from .hub import commit_tree, endpoint, find_token

    secret = token if dry_run else find_token(token)
    with tempfile.TemporaryDirectory(prefix="secondopinion-") as staging:
        tree = build_tree(
            run,
            Path(staging),
            repo_id=repo_id,
            agreement=agreement,
            secrets=[secret] if secret else [],
            **card,
        )
        if dry_run:
            page = f"{endpoint()}/{repo_id}"
            return _result(tree, page, None, False, f"would push {_extent(tree)} to {page}")
        title, description = commit_message(tree)
        commit = commit_tree(
            tree,
            repo_id,
            token=secret,
            title=title,
            description=description,
            private=private,
            branch=branch,
            create_pr=create_pr,
        )
    if not commit.changed:
        message = f"{repo_id} holds exactly this already: no commit was made"
    elif create_pr:
        message = f"opened a pull request on {repo_id} with {_extent(tree)}"
    else:
        message = f"pushed {_extent(tree)} to {repo_id} in one commit"
    if not commit.tagged:
        message += f"; the card pins the tag {tree.tag}, which you may not set: ask its owner to, on {commit.oid}"
    return _result(tree, commit.url, commit.oid, commit.changed, message)


def commit_message(tree: Tree) -> tuple[str, str]:
    """Return title and description of the commit; both say why this checkpoint was selected."""
    facts, selection = tree.card.facts, tree.selection
    title = (
        f"{facts['name']}: fold {selection['fold']} of {facts['folds']['n_splits']}, "
        f"selected for the {tree.card.rule} ({selection['value']:.4f})"
    )
    lines = [selection["reason"]]
    if selection.get("runner_up"):
        lines.append(f"Runner-up: fold {selection['runner_up']['fold']} ({selection['runner_up']['value']:.4f}).")
    mean = facts["summary"]["mean"]
    if tree.card.answers:
        figures = commit_figures(facts)
    else:
        names = {name: FIGURE_NAMES[name] for name in headline_figures(facts)}
        shown = {name: words[0].lower() + words[1:] if words[1].islower() else words for name, words in names.items()}
        figures = ", ".join(f"{words} {mean[name]:.4f}" for name, words in shown.items())
    lines.append(f"Out-of-fold means: {figures}. Tag: {tree.tag}.")
    if tree.card.defers:
        lines.append(deferral_summary(facts))
    return title, "\n\n".join(lines)


def _require_free(target: Path, run: RunFolder) -> None:
    if target.exists() and not target.is_dir():
        raise InputError(f"{target} is a file; give a folder")
    inside, own = target.resolve(), run.path.resolve()
    if inside == own or own in inside.parents or inside in own.parents:
        raise InputError(f"{target} is the run folder itself, inside it or around it; give another folder")
    if not target.is_dir():
        return
    others = sorted(
        path.relative_to(target).as_posix()
        for path in target.rglob("*")
        if not path.is_dir() and not is_ours(path.relative_to(target).as_posix())
    )
    present = any(target.iterdir())
    if others or (present and not (target / "run.json").exists()):
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


def _extent(tree: Tree) -> str:
    return f"{len(tree.files)} files ({tree.size / 2**20:,.1f} MiB)"


def _result(tree: Tree, url: str, commit: str | None, changed: bool, message: str) -> PushResult:
    files = tuple(file.path for file in tree.files)
    return PushResult(url, commit, changed, tree.tag, files, tree.size, tree.left_out, message)
