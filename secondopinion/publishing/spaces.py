"""Spaces as folders: what one is made of, and one that is ready for the Hub."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..core.errors import InputError, closest
from ..core.files import atomic_folder, write_json
from ..model_cards.delivery import PushResult

PACKAGE = Path(__file__).resolve().parents[1]

# Modules of other rooms that a Space imports, copied as a package with the siblings that they import.
_CLEANING = {"cleaning": ("dataset_scripts", "maude/text.py")}
SHARED = {
    "maude_severity": _CLEANING,
    "deferral_console": {**_CLEANING, "severity": ("spaces", "maude_severity/readers.py")},
    "clinical_qa": {**_CLEANING, "severity": ("spaces", "maude_severity/readers.py")},
    "long_cases": {**_CLEANING, "severity": ("spaces", "maude_severity/readers.py")},
    "second_opinion": {**_CLEANING, "severity": ("spaces", "maude_severity/readers.py")},
}
# Modules of another Space that stand beside a Space's own, as they do there.
BESIDE = {
    "second_opinion": [
        f"deferral_console/{name}.py" for name in ("curve", "examples", "panels", "styles", "system", "why")
    ],
}
LANDING = "second_opinion"
_SIBLING = re.compile(r"^from \.(\w+) import ", re.MULTILINE)


def room(name: str) -> Path:
    """Return the folder of a room such as `spaces`, in a checkout or in an installed wheel.

    Raises:
        InputError: the installation lacks it.
    """
    for folder in (PACKAGE / name, PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise InputError(f"this installation has no {name}/; install secondopinion again")


def space_names() -> list[str]:
    """Return the names of the Spaces that can be started."""
    return sorted(path.parent.name for path in room("spaces").glob("*/app.py"))


def require_space(name: str) -> None:
    """Raise unless there is a Space of this name.

    Raises:
        InputError: there is none.
    """
    if name not in space_names():
        raise InputError(f"there is no Space {name!r}; {closest(name, space_names())}")


def stage_space(name: str, folder: Path) -> None:
    """Copy a Space, what all Spaces share, and what it shares with other rooms into an existing folder.

    Raises:
        InputError: there is no such Space.
    """
    require_space(name)
    spaces = room("spaces")
    beside = [spaces / file for file in BESIDE.get(name, ())]
    for path in sorted([*spaces.glob("*.py"), *beside, *(spaces / name).iterdir()]):
        if path.is_file() and path.suffix in (".py", ".md", ".txt"):
            shutil.copyfile(path, folder / path.name)
    for package, (origin, file) in SHARED.get(name, {}).items():
        (folder / package).mkdir()
        (folder / package / "__init__.py").touch()
        for module in with_siblings(room(origin) / file):
            shutil.copyfile(module, folder / package / module.name)


def with_siblings(module: Path) -> list[Path]:
    """Return a module and all modules that it imports by a single dot, directly or through one another."""
    found = [module]
    for path in found:
        siblings = (path.with_name(f"{name}.py") for name in _SIBLING.findall(path.read_text(encoding="utf-8")))
        found.extend(sibling for sibling in siblings if sibling not in found)
    return found


def read_links(given: Iterable[str]) -> dict[str, str]:
    """Return {Space: where it runs} of words such as `clinical_qa=my-team/notes`.

    Raises:
        InputError: one is no such pair, or a Space is named twice.

    >>> read_links(["clinical_qa=my-team/notes"])
    {'clinical_qa': 'my-team/notes'}
    """
    links: dict[str, str] = {}
    for word in given:
        name, equals, where = word.partition("=")
        if not (name and equals and where):
            raise InputError(f"--link {word!r} is no link; give NAME=namespace/name, clinical_qa=my-team/notes say")
        if name in links:
            raise InputError(f"--link names {name} twice, {links[name]} and {where}; leave one of both out")
        links[name] = where
    return links


def require_links(links: Mapping[str, str]) -> None:
    """Raise unless each link is from a Space that the landing page shows to where it can run.

    Raises:
        InputError: there is no such Space, or it is neither an id on the Hub nor an address.
    """
    others = [name for name in space_names() if name != LANDING]
    for name, where in links.items():
        if name not in others:
            raise InputError(f"{LANDING} links no Space {name!r}; {closest(name, others)}")
        address = urlsplit(where)
        if not (address.scheme in ("http", "https") and address.netloc) and not _is_hub_id(where):
            raise InputError(
                f"the link of {name} is {where!r}; give namespace/name of the Space on the Hub, or an http address"
            )


def publish_space(
    name: str,
    to_folder: str | os.PathLike,
    model_id: str,
    baseline_id: str | None = None,
    *,
    revision: str | None = None,
    baseline_revision: str | None = None,
    trust_remote_code: bool = False,
    links: Mapping[str, str] | None = None,
) -> Path:
    """Write a Space as the folder that the Hub runs, whole or not at all.

    Args:
        name: of the Space.
        to_folder: written anew.
        model_id: the model's id on the Hub.
        baseline_id: the phase-1 model's id on the Hub.
        revision: the model's commit; pin it where its code is trusted.
        baseline_revision: the phase-1 model's commit.
        trust_remote_code: whether the Space may run code of the model's repository.
        links: other Space → its id on the Hub, or its address; of `second_opinion` alone, which shows them.

    Returns:
        `to_folder`.

    Raises:
        InputError: there is no such Space, an id is a path of this machine, or a link is none.
    """
    require_space(name)
    if links and name != LANDING:
        raise InputError(f"{name} links no other Spaces; {LANDING} does, or leave the links out")
    require_links(links or {})
    for value in filter(None, (model_id, baseline_id)):
        if not _is_hub_id(value):
            raise InputError(
                f"{value!r} is not a Hub id (namespace/name), and a Space on the Hub cannot read this "
                "machine's folders; push the model first, then give the id that it got"
            )
    chosen = {
        "space": name,
        "model": model_id,
        "revision": revision,
        "baseline": baseline_id,
        "baseline_revision": baseline_revision,
        "trust_remote_code": trust_remote_code,
        "links": dict(sorted(links.items())) if links else None,
    }
    with atomic_folder(to_folder) as folder:
        stage_space(name, folder)
        write_json(folder / "space.json", {key: value for key, value in chosen.items() if value is not None})
        _name_models(folder / "README.md", [value for value in (model_id, baseline_id) if value])
    return Path(to_folder)


def _is_hub_id(value: str) -> bool:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(value)
    except HFValidationError:
        return False
    return "/" in value and not Path(value).exists()


def _name_models(readme: Path, models: list[str]) -> None:
    from huggingface_hub.repocard import RepoCard

    card = RepoCard(readme.read_text(encoding="utf-8"))
    card.data.models = models
    readme.write_text(str(card), encoding="utf-8")


def push_space(
    name: str,
    to: str | os.PathLike,
    model: str,
    baseline: str | None = None,
    *,
    model_revision: str | None = None,
    baseline_revision: str | None = None,
    trust_remote_code: bool = False,
    links: Mapping[str, str] | None = None,
    **options: Any,
) -> PushResult:
    """Publish a Space of this project, wired to a model on the Hub.

    Args:
        name: of the Space.
        to: `namespace/name` on the Hub, or a folder, as in `push_run`.
        model: the model's id on the Hub.
        baseline: the phase-1 model's id; of `maude_severity` alone.
        model_revision: branch, tag or commit of the model that the Space shows.
        baseline_revision: of the baseline.
        trust_remote_code: let the Space run the code in the model's repository, which it needs where this package is
            not installed; give a `model_revision` then.
        links: other Space → its id on the Hub, or its address; of `second_opinion` alone, which shows them.
        **options: `private`, `token`, `revision`, `create_pr`, `dry_run` as in `push_run`.

    Raises:
        InputError: there is no such Space, the model is no id on the Hub, a link is none, or the Hub refused.
    """
    from ..model_cards import push_space_folder

    with tempfile.TemporaryDirectory(prefix="secondopinion-") as staging:
        staged = publish_space(
            name,
            Path(staging) / name,
            model,
            baseline,
            revision=model_revision,
            baseline_revision=baseline_revision,
            trust_remote_code=trust_remote_code,
            links=links,
        )
        return push_space_folder(staged, to, **options)
