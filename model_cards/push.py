"""From a run folder to a folder or a repository on the Hub: the same tree, whole or not at all."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from secondopinion.core.errors import InputError
from secondopinion.core.run_folder import BASE, RunFolder

from .delivery import Build, PushResult, Staged, as_folder, deliver, staged
from .privacy import refuse_private
from .staging import MODEL, build_tree, require_code
from .tree import Tree

if TYPE_CHECKING:
    from .branches import Branch


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
    one_branch = bool(revision or create_pr)
    if one_branch and (folds or dtypes):
        raise InputError(
            "revision and create_pr are for one branch, but folds and copies in another dtype go to branches of their "
            "own: leave one or the other out"
        )
    beside = [] if one_branch else branches_of(run, run.facts, folds=folds, dtypes=dtypes)
    with ExitStack() as stack:
        make = _run_builder(run, agreement, **card)
        main = stack.enter_context(staged(make, MODEL, to, revision=revision, **options))
        branches: dict[str, Staged] = {}
        for branch in beside:
            base = branches[BASE].tree.tag if BASE in branches else None
            make = _branch_builder(run, branch, agreement, base_revision=base, **card)
            place = _beside(to, branch.name)
            own_branch = None if place != to else branch.name
            branches[branch.name] = stack.enter_context(staged(make, MODEL, place, revision=own_branch, **options))
        _check(run, [main, *branches.values()])
        sent = tuple(one.send() for one in branches.values())
        return dataclasses.replace(main.send(), branches=sent)


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

    options = {"own": run.path, "dry_run": dry_run, "force_card": force_card}
    return deliver(_run_builder(run, agreement, **card), partial(_check, run), MODEL, Path(to), **options)


def _check(run: RunFolder, trees: Sequence[Staged]) -> None:
    refuse_private(trees, run)
    for one in trees:
        require_code(one.tree)


def _run_builder(run: RunFolder, agreement: str | None, **card: object) -> Build:
    def build(root: Path, repo_id: str | None, folder_name: str | None) -> Tree:
        return build_tree(run, root, repo_id=repo_id, agreement=agreement, folder_name=folder_name, **card)

    return build


def _branch_builder(run: RunFolder, branch: Branch, agreement: str | None, **options: object) -> Build:
    from .branches import build_branch

    def build(root: Path, repo_id: str | None, folder_name: str | None) -> Tree:
        # The lines that load it name the folder of the published model, beside which its own is.
        named = {"agreement": agreement, "folder_name": folder_name}
        return build_branch(run, root, branch, repo_id=repo_id, **named, **options)

    return build


def _beside(to: str | os.PathLike, branch: str) -> str | os.PathLike:
    """Return where a branch goes: into the same repository, or a folder beside the published one."""
    folder = as_folder(to)
    return to if folder is None else folder.with_name(f"{folder.resolve().name}-{branch}")
