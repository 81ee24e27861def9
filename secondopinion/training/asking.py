"""Asking experts for votes on a run's out-of-fold rows, and reading back what they answered."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..core.errors import InputError, closest
from ..core.policy import CorpusPolicy
from ..core.run_folder import RunFolder
from .data import TrainingData, load_data
from .deferral_recipe import (
    ExpertSpec,
    LlmExpertSpec,
    ModelExpertSpec,
    PersonExpertSpec,
    RecordedExpertSpec,
    RunExpertSpec,
    expert_specs,
)
from .problems import require_single_label
from .recipe import Recipe, load_recipe
from .report import read_predictions

PROMPTS = {"maude": "maude_severity", "ade_corpus_v2": "ade", "mimic_iv_outcome": "mimic_outcome"}
LOCAL_KINDS = (RecordedExpertSpec, RunExpertSpec)


def ask(
    run: RunFolder | str | os.PathLike,
    experts: Sequence[str] | None = None,
    *,
    data: str | os.PathLike | TrainingData | None = None,
    recipe: Recipe | str | os.PathLike | None = None,
    specs: Sequence[ExpertSpec] | None = None,
    limit: int | None = None,
    only_deferred: bool = False,
) -> dict[str, dict[str, Any]]:
    """Ask experts about a run's out-of-fold rows and write their votes to the run folder.

    Called again it continues: what a language model has answered is never asked, nor paid, twice.

    Args:
        run: a finished run, or its folder.
        experts: names of the recipe's experts; all by default.
        data: what the run was trained on; by default where it was then.
        recipe: whose `experts` are asked; the run's own by default.
        specs: experts in place of a recipe's.
        limit: ask about so many rows only, the first by the SHA-1 of their id.
        only_deferred: ask only about rows that the run's deferring system defers (for people, whose time is short).

    Returns:
        Expert → counts: rows asked, usable votes, cost, and where the votes lie.

    Raises:
        InputError: there is no such expert, the corpus does not let its text go there, or an expert cannot be used.
    """
    run = run if isinstance(run, RunFolder) else RunFolder.open(run)
    require_single_label(run.facts, run.path)
    data = run_data(run, data)
    if specs is None:
        specs = stated_recipe(run, recipe).experts
    chosen = choose_experts(specs, experts)
    ids, texts = _rows_to_ask(run, data, limit, only_deferred)
    return {name: _ask_one(run, spec, data, ids, texts) for name, spec in chosen.items()}


def choose_experts(specs: Sequence[ExpertSpec], names: Sequence[str] | None) -> dict[str, ExpertSpec]:
    """Return the named experts, or all.

    Raises:
        InputError: there are none, or no expert has the name.
    """
    known = expert_specs(list(specs))
    if not known:
        raise InputError(
            "the recipe names no expert; add one to it, for example  experts: [{kind: llm, name: qwen, "
            "model: Qwen/Qwen3-4B, base_url: 'http://127.0.0.1:8000/v1'}]  and pass it with --config"
        )
    for name in names or ():
        if name not in known:
            raise InputError(f"the recipe names no expert {name!r}; {closest(name, known)}")
    return {name: known[name] for name in names or known}


def stated_recipe(run: RunFolder, recipe: Recipe | str | os.PathLike | None = None) -> Recipe:
    """Return the recipe that is given, or the one that the run was trained by, with its paths on this machine."""
    if recipe is not None:
        return recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    stored = load_recipe(run.facts["recipe"])
    local = run.local.get("experts") or {}
    return stored.replace(experts=[replace(spec, **local.get(spec.name, {})) for spec in stored.experts])


def run_data(run: RunFolder, data: str | os.PathLike | TrainingData | None = None) -> TrainingData:
    """Return what a run was trained on, checked against its fingerprint.

    Raises:
        InputError: it is not found, or it changed.
    """
    facts = run.facts
    if not isinstance(data, TrainingData):
        location = os.fspath(data) if data is not None else run.local.get("data")
        if location is None:
            raise InputError(f"{run.path} does not say where its data lies on this machine; give it with --data")
        data = load_data(replace(load_recipe(facts["recipe"]).dataset, path=location))
    if data.fingerprint != facts["dataset"]["fingerprint"]:
        raise InputError(
            f"{run.path} was trained on data with fingerprint {facts['dataset']['fingerprint']}, this has "
            f"{data.fingerprint}: votes and predictions would not belong to the same rows. Give the run's own data"
        )
    return data


def votes_file(run: RunFolder, name: str) -> Path:
    """Return where an expert's votes lie."""
    return run.votes_folder / f"{name.replace('/', '--')}.parquet"


def votes_of_run(
    run: RunFolder,
    recipe: Recipe,
    data: TrainingData,
    files: Sequence[str | os.PathLike] | None = None,
) -> dict[str, Any]:
    """Return expert → checked votes, with the facts of who gave them.

    Args:
        run: the run.
        recipe: whose experts count; every file in the run's folder of votes where it names none.
        data: the run's data.
        files: files of votes in place of the run's.

    Raises:
        InputError: votes are missing, damaged, of unknown rows or classes, or made with another prompt.
    """
    from ..experts import check_votes, read_votes

    names = run.facts["task"]["label_names"]
    known = expert_specs(recipe.experts)
    if files:
        paths = [Path(path).expanduser() for path in files]
        absent = [str(path) for path in paths if not path.is_file()]
        if absent:
            raise InputError(f"there is no file {absent[0]}; --votes names Parquet, CSV or JSONL files of votes")
    elif known:
        for name, spec in known.items():
            if not votes_file(run, name).exists() and isinstance(spec, LOCAL_KINDS):
                ask(run, [name], data=data, recipe=recipe)
        paths = [votes_file(run, name) for name in known]
    else:
        paths = sorted(run.votes_folder.glob("*.parquet"))
    missing = [path.stem for path in paths if not path.exists()]
    if missing or not paths:
        who = f" of {', '.join(missing)}" if missing else ""
        raise InputError(
            f"{run.path} has no votes{who}; collect them with: secondopinion ask {run.path}, or give files with --votes"
        )
    found: dict[str, Any] = {}
    for path in paths:
        for name, votes in by_expert(read_votes(path)).items():
            spec = known.get(name)
            expected = prompt_of(spec, data).sha1 if isinstance(spec, LlmExpertSpec) else None
            check_votes(votes, data.ids.tolist(), names, prompt_sha1=expected)
            if name in found:
                raise InputError(f"{path} holds votes of {name!r}, and so does another file; give each expert once")
            found[name] = _priced(votes, getattr(spec, "cost_per_call_usd", 0.0))
    refuse_own_gold(data, list(found))
    return found


def _priced(votes: Any, per_call: float) -> Any:
    """Return votes that do not say what they cost with the recipe's price of a call."""
    if not per_call:
        return votes
    rows = [vote if vote.cost_usd is not None else replace(vote, cost_usd=per_call) for vote in votes.rows]
    return replace(votes, rows=rows)


def refuse_own_gold(data: TrainingData, experts: Sequence[str]) -> None:
    """Raise where the labels were made from the votes of an expert that is asked: it would be scored against itself.

    Raises:
        InputError: naming the expert, and how to make labels without it.
    """
    made_by = (data.facts.get("votes") or {}).get("experts") or {}
    for name in experts:
        if made_by.get(name, {}).get("counts"):
            raise InputError(
                f"the labels of {data.name} are a consensus in which {name!r} voted, so it would be scored against its "
                f"own votes. Prepare the data without it: secondopinion prepare {data.name} -o leave_out={name} …, "
                "train on that, and ask it then"
            )


def by_expert(votes: Any) -> dict[str, Any]:
    """Return the votes of each expert in a file that may hold several."""
    names = list(dict.fromkeys(vote.expert for vote in votes.rows))
    if len(names) < 2:
        return {names[0] if names else votes.facts.get("name", "expert"): votes}
    return {
        name: type(votes)([vote for vote in votes.rows if vote.expert == name], {**votes.facts, "name": name})
        for name in names
    }


def build_expert(spec: ExpertSpec, run: RunFolder, data: TrainingData) -> Any:
    """Return the expert that a recipe's entry describes.

    Raises:
        InputError: a setting is missing, or the corpus does not let its text go there.
    """
    from .. import experts

    names = run.facts["task"]["label_names"]
    policy = CorpusPolicy.from_dict(run.facts["dataset"]["policy"])
    if isinstance(spec, LlmExpertSpec):
        _require(spec, "model")
        prices = spec.prices
        return experts.LlmExpert(
            spec.model,
            names,
            name=spec.name,
            base_url=spec.base_url,
            provider=spec.provider,
            api_key_env=spec.api_key_env,
            prompt=prompt_of(spec, data),
            probabilities=spec.probabilities,
            structured=spec.structured,
            concurrency=spec.concurrency,
            requests_per_minute=spec.requests_per_minute,
            timeout_s=spec.timeout_s,
            max_retries=spec.max_retries,
            temperature=spec.temperature,
            max_tokens=spec.max_tokens,
            seed=spec.seed,
            prices=None if prices is None else experts.Price(prices.input_per_million, prices.output_per_million),
            spending_cap_usd=spec.spending_cap_usd,
            allow_remote=spec.allow_remote,
            redactor=experts.Redactor() if spec.redact else None,
            policy=policy,
            store=votes_file(run, spec.name).with_suffix(".sqlite"),
        )
    if isinstance(spec, ModelExpertSpec):
        _require(spec, "model")
        return experts.ModelExpert(
            spec.model,
            names,
            name=spec.name,
            label_map=spec.label_map,
            revision=spec.revision,
            trust_remote_code=spec.trust_remote_code,
        )
    if isinstance(spec, PersonExpertSpec):
        queue = Path(spec.queue).expanduser() if spec.queue else run.votes_folder / f"{spec.name}.queue.sqlite"
        return experts.PersonExpert(experts.ReviewQueue(queue), names, name=spec.name)
    if isinstance(spec, RecordedExpertSpec):
        _require(spec, "path")
        return experts.RecordedExpert(Path(spec.path).expanduser(), names, name=spec.name, ids=data.ids.tolist())
    _require(spec, "path")
    fingerprint = run.facts["dataset"]["fingerprint"]
    return experts.RecordedExpert(run_votes(spec, names, fingerprint), names)


def prompt_of(spec: LlmExpertSpec, data: TrainingData) -> Any:
    """Return the prompt that a language model is asked with: the recipe's, else the corpus's, else the generic one."""
    from ..experts import find_prompt

    name = spec.prompt or PROMPTS.get(data.name, "generic")
    prompt = find_prompt({"name": name, **spec.prompt_texts} if spec.prompt_texts else name)
    return prompt.for_classes(data.label_names, verbalised=spec.probabilities == "verbalised")


def run_votes(spec: RunExpertSpec, label_names: Sequence[str], fingerprint: str) -> list[Any]:
    """Return the out-of-fold predictions of another run as votes.

    Args:
        spec: of the expert.
        label_names: (classes,) that it must have.
        fingerprint: of the data that it must have been trained on.

    Raises:
        InputError: it has other data or other classes, so that its predictions are of something else.
    """
    from ..experts import Vote

    other = RunFolder.open(Path(spec.path).expanduser())
    facts = other.facts
    if facts["task"]["label_names"] != list(label_names):
        raise InputError(
            f"expert {spec.name!r}, {other.path}, has the classes {facts['task']['label_names']}, not those of this "
            f"data: {list(label_names)}"
        )
    if facts["dataset"]["fingerprint"] != fingerprint:
        raise InputError(
            f"expert {spec.name!r}, {other.path}, was trained on other data than this: its predictions are of other "
            "rows. Train it on the same data"
        )
    table = read_predictions(other)
    columns = (table["id"].astype(str), table["label"], table["probabilities"])
    return [
        Vote(id=identifier, expert=spec.name, label=label, probabilities=[float(p) for p in shares])
        for identifier, label, shares in zip(*columns, strict=True)
    ]


def _require(spec: ExpertSpec, name: str) -> None:
    if getattr(spec, name) is None:
        raise InputError(f"expert {spec.name!r} of kind {spec.kind!r} lacks {name!r}; add it to the recipe")


def _rows_to_ask(
    run: RunFolder, data: TrainingData, limit: int | None, only_deferred: bool
) -> tuple[list[str], list[str]]:
    import hashlib

    import numpy as np

    predictions = read_predictions(run)
    if only_deferred:
        if "deferred" not in predictions:
            raise InputError(f"{run.path} defers nothing yet; make it a deferring system first: secondopinion defer")
        predictions = predictions[predictions["deferred"].fillna(False).astype(bool)]
    held_out = set(predictions["id"].astype(str))
    rows = [i for i, identifier in enumerate(data.ids.tolist()) if identifier in held_out]
    if limit is not None:
        if limit < 1:
            raise InputError(f"limit is {limit}; ask about 1 row or more")
        rows = sorted(rows, key=lambda i: hashlib.sha1(data.ids[i].encode()).hexdigest())[:limit]
    return data.ids[rows].tolist(), data.texts(np.array(rows))


def _earlier(path: Path, votes: Sequence[Any], facts: Mapping[str, Any]) -> list[Any]:
    """Return the votes of other rows that are on file and were asked for in the same way."""
    from ..experts import read_votes

    if not path.exists():
        return []
    before = read_votes(path)
    if any(before.facts.get(key) != facts.get(key) for key in ("dataset_fingerprint", "prompt_sha1", "model", "kind")):
        return []
    asked = {vote.id for vote in votes}
    return [vote for vote in before.rows if vote.id not in asked]


def _ask_one(run: RunFolder, spec: ExpertSpec, data: TrainingData, ids: list[str], texts: list[str]) -> dict[str, Any]:
    from ..experts import write_votes
    from ..experts.asking import ExpertStopped
    from ..experts.person import WAITING
    from ..experts.recorded import NO_VOTE

    run.votes_folder.mkdir(parents=True, exist_ok=True)
    expert = build_expert(spec, run, data)
    stopped: ExpertStopped | None = None
    try:
        votes = expert(texts, ids)
    except ExpertStopped as error:
        votes, stopped = getattr(error, "votes", []), error
    votes = [replace(vote, expert=spec.name) for vote in votes if vote.error not in (WAITING, NO_VOTE)]
    known: Any = getattr(expert, "facts", {})
    facts: Mapping[str, Any] = {
        **(known() if callable(known) else known),
        "name": spec.name,
        "kind": spec.kind,
        "label_names": data.label_names,
        "dataset_fingerprint": data.fingerprint,
    }
    path = votes_file(run, spec.name)
    if stopped is None and isinstance(spec, LlmExpertSpec) and not any(vote.answered_at for vote in votes):
        reasons = ", ".join(f"{reason} ({n})" for reason, n in Counter(v.error for v in votes).most_common(3))
        raise InputError(
            f"{spec.name} answered none of {len(votes)} rows: {reasons}. Is the endpoint up, and is its address right? "
            "The same command asks again"
        )
    if votes or stopped is None:
        write_votes(path, [*votes, *_earlier(path, votes, facts)], facts)
    if stopped is not None:
        raise stopped
    # Equal texts are asked and paid once, so an expert that counts says more than the sum over rows.
    costs = [vote.cost_usd for vote in votes if vote.cost_usd is not None]
    paid = getattr(expert, "summary", {}).get("spent_usd", sum(costs)) if costs else None
    return {
        "asked": len(votes),
        "usable": sum(vote.label is not None for vote in votes),
        "cost_usd": paid,
        "path": path,
    }
