"""What must stay here, looked for in all that is about to be published, before any of it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from secondopinion.core.errors import InputError
from secondopinion.core.run_folder import RunFolder

from .delivery import Staged
from .leaks import leaks, read_words
from .row_leaks import row_texts
from .vote_leaks import answer_pieces, expert_keys, quoted_answers


def refuse_private(staged: Sequence[Staged], run: RunFolder) -> None:
    """Raise if a file of what is published of a run holds what must stay here; rows and votes are read once for all.

    Args:
        staged: the trees, their cards too.
        run: where they come from.

    Raises:
        InputError: a path, login name or token, a part of an expert's answer, or words of a row.
    """
    found = machine_leaks(staged, expert_keys(run.facts))
    # A file that is no text or no JSON is among the leaks already, and cannot be read any further.
    if not found:
        files = [file for one in staged for file in one.tree.files]
        said = [(file.path, read_words(file.source, file.path, file.content)) for file in files]
        pieces = answer_pieces(run.votes_folder)
        found = [leak for name, words in said for leak in quoted_answers(words, name, pieces)]
        found += row_texts(said, run)
    refuse_leaks(found, run.path)


def refuse_machine(staged: Sequence[Staged], source: Path) -> None:
    """Raise if a file of what is published of a folder holds what must not be published.

    Raises:
        InputError: a path, login name or token.
    """
    refuse_leaks(machine_leaks(staged), source)


def machine_leaks(staged: Sequence[Staged], keys: Sequence[str] = ()) -> list[str]:
    """Return what `leaks` finds in the files of trees, which must hold neither keys nor the token in use."""
    found: list[str] = []
    for one in staged:
        options = {"repo_id": one.repo_id, "secrets": [*one.secrets, *keys]}
        for file in one.tree.files:
            found += leaks(file.source, file.path, content=file.content, **options)
    return found


def refuse_leaks(found: Sequence[str], source: Path) -> None:
    """Raise if anything was found that must not be published.

    Raises:
        InputError: with the first ten.
    """
    found = list(dict.fromkeys(found))
    if found:
        shown = "\n".join(f"- {leak}" for leak in found[:10]) + ("\n- …" if len(found) > 10 else "")
        raise InputError(f"nothing was published: {source} holds what must stay here:\n{shown}")
