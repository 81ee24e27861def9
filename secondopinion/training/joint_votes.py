"""Votes on the rows that a classifier is trained on: what a joint loss learns from, found before it is trained."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.run_folder import RunFolder
from .asking import by_expert, prompt_of, refuse_own_gold, run_votes, votes_file
from .data import TrainingData
from .deferral_recipe import ExpertSpec, LlmExpertSpec, RecordedExpertSpec, RunExpertSpec
from .deferral_report import public_name, votes_sha1
from .deferral_rows import vote_classes
from .recipe import Recipe

NO_USABLE_VOTE = -100.0


@dataclass(frozen=True)
class JointVotes:
    """What a joint loss is told of each row.

    A row takes part in an expert's deferral logit only where that expert gave a usable vote; one without any usable
    vote takes part with the classification loss alone. A row that an expert was never asked about is an error.

    Attributes:
        right: (rows, experts) float32: 1 where the vote is the true class, 0 where it is another, −100 where it is
            unusable.
        votes: expert → its votes, in the order of the deferral logits.
        facts: what run.json records of each expert; no text, no path.
    """

    right: np.ndarray
    votes: dict[str, Any]
    facts: list[dict[str, Any]]


def joint_votes(
    run: RunFolder, recipe: Recipe, data: TrainingData, files: Sequence[str | os.PathLike] | None = None
) -> JointVotes:
    """Find the votes that a recipe's `joint` section learns from.

    Each expert's are taken from the files that are given, else from where the recipe says (`recorded`, `run`), else
    from the run folder, where an earlier call left them.

    Args:
        run: the run that is about to be trained, or is continued.
        recipe: with a `joint` section.
        data: the rows.
        files: files of votes.

    Raises:
        InputError: votes are missing for an expert or for rows, or they do not fit the rows.
    """
    from ..experts import check_votes

    names = recipe.joint.expert_names(recipe.experts)
    specs = {spec.name: spec for spec in recipe.experts}
    given = _given(files or (), names)
    found: dict[str, Any] = {}
    for name in names:
        votes = given.get(name) or _recorded(specs[name], run, data)
        prompt = prompt_of(specs[name], data).sha1 if isinstance(specs[name], LlmExpertSpec) else None
        check_votes(votes, data.ids.tolist(), data.label_names, prompt_sha1=prompt)
        _require_all(name, specs[name], votes, data)
        found[name] = votes
    refuse_own_gold(data, names)
    said = np.stack([vote_classes(found[name].rows, data.ids, data.label_names) for name in names], axis=1)
    right = np.where(said < 0, NO_USABLE_VOTE, said == data.labels[:, None]).astype(np.float32)
    facts = [_facts(specs[name], found[name], column) for name, column in zip(names, right.T, strict=True)]
    return JointVotes(right, found, facts)


def _given(files: Sequence[str | os.PathLike], names: Sequence[str]) -> dict[str, Any]:
    from ..experts import read_votes

    given: dict[str, Any] = {}
    for path in map(Path, files):
        own = by_expert(read_votes(path.expanduser()))
        twice = sorted(own.keys() & given.keys())
        if twice:
            raise InputError(f"{path} holds votes of {twice[0]!r}, and so does another file; give each expert once")
        given |= own
    unknown = sorted(given.keys() - set(names))
    if unknown:
        raise InputError(
            f"--votes holds votes of {', '.join(map(repr, unknown))}, but the recipe trains with {', '.join(names)}; "
            "give the expert the name that the votes have (the column expert, or the file's own name)"
        )
    return given


def _recorded(spec: ExpertSpec, run: RunFolder, data: TrainingData) -> Any:
    from ..experts import read_votes
    from ..experts.votes import Votes

    if isinstance(spec, RunExpertSpec) and spec.path:
        return Votes(run_votes(spec, data.label_names, data.fingerprint), {"name": spec.name, "kind": "run"})
    if isinstance(spec, RecordedExpertSpec) and spec.path:
        votes = by_expert(read_votes(Path(spec.path).expanduser()))
        if len(votes) > 1 and spec.name not in votes:
            raise InputError(
                f"{spec.path} holds votes of {', '.join(votes)}, and {spec.name!r} is not among them; give the expert "
                "the name of one of them"
            )
        return votes.get(spec.name) or next(iter(votes.values()))
    own = votes_file(run, spec.name)
    if own.is_file():
        return read_votes(own)
    if isinstance(spec, RunExpertSpec | RecordedExpertSpec):
        raise InputError(
            f"no votes of {spec.name!r}, which the joint loss learns from: its entry in the recipe lacks 'path'. Add "
            "it, or give a file of its votes: secondopinion train … --votes FILE"
        )
    raise InputError(
        f"no votes of {spec.name!r}, which the joint loss learns from. {_first(spec)} Then give them to the training: "
        f"secondopinion train … --votes RUN/votes/{own.name}"
    )


def _first(spec: ExpertSpec) -> str:
    return (
        "It is asked about the rows of a finished run, so train one on the same data first (without joint; a bag of "
        f"words will do) and run: secondopinion ask RUN --config THIS_RECIPE --expert {spec.name}"
    )


def _require_all(name: str, spec: ExpertSpec, votes: Any, data: TrainingData) -> None:
    asked = {vote.id for vote in votes.rows}
    missing = [identifier for identifier in data.ids.tolist() if identifier not in asked]
    if not missing:
        return
    what = {
        "run": f"Train all folds of that run: secondopinion train … --output {spec.name}'s folder",
        "recorded": "Add them to the file, with an empty label where the expert gave no usable answer",
    }.get(spec.kind, f"Ask about them first, without --limit: secondopinion ask RUN --expert {name}")
    raise InputError(
        f"{len(missing)} of {len(data.ids)} rows have no vote of {name!r} (first id: {missing[0]!r}), and the joint "
        f"loss learns from every training row. {what}"
    )


def _facts(spec: ExpertSpec, votes: Any, right: np.ndarray) -> dict[str, Any]:
    usable = right >= 0
    return {
        "name": spec.name,
        "kind": spec.kind,
        "model": public_name(votes.facts.get("model")),
        "prompt_name": votes.facts.get("prompt_name"),
        "prompt_sha1": votes.facts.get("prompt_sha1"),
        "votes": {"asked": len(right), "usable": int(usable.sum()), "unusable": int((~usable).sum())},
        "votes_sha1": votes_sha1(votes),
        "right": float(right[usable].mean()),
    }
