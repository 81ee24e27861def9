"""A run published whole: data, model, metrics, a Space that shows the model, and a Collection of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from ..model_cards.delivery import PushResult, as_folder
from .metrics import push_metric
from .spaces import LANDING, push_space, require_links


def push_all(
    run: str | os.PathLike,
    to: str,
    *,
    private: bool = False,
    token: str | None = None,
    dry_run: bool = False,
    force_card: bool = False,
    agreement: str | None = None,
    license: str | None = None,
    dtypes: Sequence[str] = (),
    links: Mapping[str, str] | None = None,
) -> list[PushResult | str]:
    """Publish a run whole: data, model, metrics, a Space that shows the model, and a Collection of them.

    Of the model each trained fold is a branch, and the selected one is `main`. The model goes to `to`, its data to
    `<to>-data`, its Space to `<to>-space`, and metrics under their own names. With links there is a landing page too,
    `second_opinion` at `<to>-start`, that leads to them and to the run's own Space. What the corpus's terms keep, and
    what is not there, is left out and said. Each is one commit, none where nothing changed; cut off, the same call goes
    on.

    Args:
        run: a finished run.
        to: `namespace/name` on the Hub.
        private: make new repositories and the collection private.
        token: for the Hub.
        dry_run: build and check everything, send nothing.
        force_card: write cards anew, over what was edited by hand in the published ones.
        agreement: the agreement that permits publishing the model, where the corpus asks for one.
        license: of the model.
        dtypes: copies of the model on branches of their own, as in `push_run`.
        links: other Space of this project → its id on the Hub, or its address.

    Returns:
        What each push did, sentences on what was left out, and the collection's address.

    Raises:
        InputError: something cannot be published, or the Hub refused.
    """
    from ..core.policy import CorpusPolicy
    from ..core.run_folder import RunFolder
    from ..model_cards import push_dataset, push_run
    from ..model_cards.hub import collect, find_token

    if as_folder(to) is not None:
        raise InputError(
            f"push all makes a collection on the Hub, but {to} is a folder; push model, dataset and metric there one "
            "by one"
        )
    folder = RunFolder.open(run)
    space = space_of(folder.facts)
    require_links(links or {})
    if links and space in (None, "clinical_qa"):
        raise InputError(
            f"links are shown by {LANDING}, which begins with a model that classifies texts, and {folder.path} holds "
            f"none; leave them out, and give them to: secondopinion push space {LANDING} --model … --link …"
        )
    facts, common = folder.facts, {"private": private, "token": token, "dry_run": dry_run, "force_card": force_card}
    done: list[PushResult | str] = []
    items: list[tuple[str, str, str]] = []
    data = folder.local.get("data")
    dataset_id = None
    if not CorpusPolicy.from_dict(facts["dataset"]["policy"]).publish_text:
        done.append(f"data: the terms of {facts['dataset']['name']} keep its rows where they are")
    elif not data or not (Path(data) / "prepare.json").is_file():
        done.append("data: the run was not trained on a prepared folder that is still there")
    else:
        dataset_id = f"{to}-data"
        done.append(push_dataset(data, dataset_id, **common))
        items.append((dataset_id, "dataset", "What it was trained and measured on"))
    own = {"agreement": agreement, "license": license, "dtypes": dtypes}
    model = push_run(folder, to, folds=len(facts["folds"]["trained"]) > 1, dataset_id=dataset_id, **own, **common)
    done.append(model)
    items.insert(0, (to, "model", f"{facts['name']}: {facts['selection']['reason']}"[:500]))
    namespace = to.split("/")[0]
    for name in metrics_of(facts):
        done.append(push_metric(name, f"{namespace}/{name}", **common))
        items.append((f"{namespace}/{name}", "space", "What it was measured by"))
    if space is None:
        done.append("Space: none of this project shows a model of this kind")
    else:
        wiring = {"model_revision": model.tag, "trust_remote_code": any(name.endswith(".py") for name in model.files)}
        own = links if space == LANDING else None
        done.append(push_space(space, f"{to}-space", to, links=own, **wiring, **common))
        items.append((f"{to}-space", "space", "Try it"))
        if links and space != LANDING:
            joined = {space: f"{to}-space", **links}
            done.append(push_space(LANDING, f"{to}-start", to, links=joined, **wiring, **common))
            items.append((f"{to}-start", "space", "Begin here: it leads to the other pages"))
    if dry_run:
        return done
    title = facts["name"].replace("_", " ")
    about = "A model with its data, metrics and a page to try it; made with secondopinion"
    url = collect(title, about, items, namespace, token=find_token(token), private=private)
    return [*done, f"collection: {url}"]


def metrics_of(facts: Mapping[str, Any]) -> list[str]:
    """Return which metrics of this project a run's figures come from.

    >>> metrics_of({"model": {"kind": "tfidf"}, "task": {"problem_type": "single_label_classification"}})
    ['per_class_f1']
    """
    if facts["model"]["kind"] == "multitask_qa":
        return ["clinical_qa"]
    own = ["per_class_f1"] if facts["task"]["problem_type"] == "single_label_classification" else ["dragon"]
    return [*own, "deferral_rate"] if facts.get("deferral") else own


def space_of(facts: Mapping[str, Any]) -> str | None:
    """Return which Space shows a run's model, or None.

    >>> space_of({"model": {"kind": "multitask_qa"}})
    'clinical_qa'
    """
    model = facts["model"]
    if model["kind"] == "multitask_qa":
        return "clinical_qa"
    if facts["task"]["problem_type"] != "single_label_classification":
        return None
    if model["kind"] == "tfidf":
        return "second_opinion"
    if facts.get("deferral"):
        return "deferral_console"
    if model.get("processor"):
        return "long_cases"
    severity = {"Death", "Injury", "Malfunction"} <= set(facts["task"]["label_names"])
    return "maude_severity" if severity else "second_opinion"
