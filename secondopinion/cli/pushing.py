"""What two words of a command line publish."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.errors import InputError, closest
from ..model_cards.delivery import PushResult

KINDS = {"model": "runs/NAME", "dataset": "data/NAME", "metric": "NAME", "space": "NAME", "all": "runs/NAME"}


def push_kind(
    what: str,
    source: str | None,
    to: str,
    common: Mapping[str, Any],
    of_model: Mapping[str, Any],
    of_space: Mapping[str, Any],
) -> PushResult | list[PushResult | str]:
    """Publish what two words of a command line name; a single one is a run.

    Args:
        what: one of `KINDS`, or a run folder.
        source: a run folder, a prepared data set, or a metric's or Space's name.
        to: where to.
        common: options of all kinds.
        of_model: options of a model alone.
        of_space: options of a Space alone.

    Raises:
        InputError: the kind is unknown, something is missing, or an option is of another kind.
    """
    if source is None and what not in KINDS:
        what, source = "model", what
    if what not in KINDS:
        raise InputError(f"{what!r} is nothing that can be pushed; {closest(what, KINDS)}")
    if source is None:
        raise InputError(f"push {what} needs to know which: secondopinion push {what} {KINDS[what]} --to {to or '…'}")
    if not to:
        raise InputError("push needs --to namespace/name for the Hub, or --to ./folder")
    for kind, options in (("model", of_model), ("space", of_space)):
        given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
        if what == "all":
            given = [name for name in given if name not in ("--agreement", "--license", "--dtype", "--link")]
        if given and kind != what:
            raise InputError(f"{given[0]} is for push {kind}, not for push {what}; leave it out")
    from ..publishing import push_all, push_metric, push_space
    from ..publishing.spaces import read_links

    links = read_links(of_space["link"])
    if what == "all":
        if common["revision"] or common["create_pr"]:
            raise InputError("push all commits to main everywhere; leave --revision and --create-pr out")
        kept = {name: common[name] for name in ("private", "dry_run", "force_card")}
        own = {"agreement": of_model["agreement"], "license": of_model["license"], "dtypes": of_model["dtype"]}
        return push_all(source, to, links=links, **kept, **own)
    if what == "model":
        from ..model_cards import push_run

        own = {name: value for name, value in of_model.items() if name != "dtype"}
        return push_run(source, to, **own, dtypes=of_model["dtype"], **common)
    if what == "dataset":
        from ..model_cards import push_dataset

        return push_dataset(source, to, **common)
    if what == "metric":
        return push_metric(source, to, **common)
    if not of_space["model"]:
        raise InputError("push space needs the model that it shows: --model namespace/name, as it is on the Hub")
    own = {name: value for name, value in of_space.items() if name != "link"}
    return push_space(source, to, links=links, **own, **common)
