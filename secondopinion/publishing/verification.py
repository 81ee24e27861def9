"""Is a published model what its card says? Downloaded, and computed again."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.card import Card
from ..core.errors import InputError
from ..core.files import read_json
from .claim import Claim

if TYPE_CHECKING:
    from ..model_cards.tree import PublishedFile

TAG = re.compile(r"""revision=["'](run-[0-9a-f]{12})["']""")
# Lines of a card that hold the repository's name or the tag.
NAMED = re.compile(
    r"from_pretrained|skops\.io\.load|snapshot_download|hf_hub_download|pipeline\(|The tag |revision=|secondopinion "
)
TOLERANCE = 0.002


def verify(
    model: str | os.PathLike,
    data: str | os.PathLike | None = None,
    *,
    revision: str | None = None,
    token: str | None = None,
    tolerance: float = TOLERANCE,
    trust_remote_code: bool = False,
) -> list[Claim]:
    """Download a published model and compute again what it claims.

    Always: every file against the tag that the card pins, the folds' SHA-1, the card's figures and text against
    `run.json`, and that nothing is in it that must not be published. With the data: its fingerprint, the folds made
    anew from it, and the figures of the published fold, predicted again by the published weights on the rows that they
    never saw.

    Args:
        model: `namespace/name` on the Hub, or a folder that `push` wrote.
        data: the prepared data, for all that depends on it.
        revision: branch, tag or commit on the Hub.
        token: for private repositories.
        tolerance: how far a figure may be off, for another processor rounds otherwise.
        trust_remote_code: whether code of others that lies beside an adopted model may run; figures need it.

    Returns:
        The claims in that order.

    Raises:
        InputError: nothing is there, or it was not published by this project.
    """
    folder = _download(str(model), revision, token)
    described = any((folder / name).is_file() for name in ("config.json", "adapter_config.json"))
    if not described or not (folder / "run.json").is_file():
        raise InputError(f"{model} is no model that push published: it lacks run.json or config.json")
    facts, card = read_json(folder / "run.json"), folder / "README.md"
    text = card.read_text(encoding="utf-8") if card.is_file() else ""
    # On a branch stands another model than the card tells of; its own card holds no figures.
    card_claims = [] if "revision" in facts else _card(folder, text, facts)
    files = _published(folder)
    claims = [_files(files, text), _nothing_private(files), *card_claims, *_folds(folder, facts)]
    if data is None:
        return claims
    from .recomputation import recompute

    return [*claims, *recompute(folder, facts, data, tolerance, trust_remote_code)]


def _download(model: str, revision: str | None, token: str | None) -> Path:
    from ..model_cards.delivery import as_folder
    from ..model_cards.hub import endpoint, hub_errors

    folder = as_folder(model)
    if folder is not None:
        if not folder.is_dir():
            raise InputError(
                f"there is no folder {folder}; give a folder that push wrote, or namespace/name on the Hub"
            )
        return folder
    from huggingface_hub import snapshot_download

    with hub_errors(model, endpoint(), "downloading it"):
        return Path(snapshot_download(model, revision=revision, token=token, endpoint=endpoint()))


def _published(folder: Path) -> list[PublishedFile]:
    from ..model_cards.staging import MODEL
    from ..model_cards.tree import published_files

    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return published_files(folder, filter(MODEL.is_ours, names))


def _files(files: Sequence[PublishedFile], text: str) -> Claim:
    from ..model_cards.staging import MODEL, is_content
    from ..model_cards.tree import content_tag

    own = [file for file in files if is_content(file.path)]
    found, pinned = content_tag(own, MODEL), set(TAG.findall(text))
    if len(pinned) != 1:
        return Claim("files", None, f"the card pins no single content; {len(own)} files have {found}")
    (said,) = pinned
    if found == said:
        return Claim("files", True, f"{len(own)} files, weights among them, have the content {said} that the card pins")
    return Claim("files", False, f"the card pins {said}, but the {len(own)} files have {found}: a file was changed")


def _nothing_private(files: Sequence[PublishedFile]) -> Claim:
    from ..model_cards.leaks import leaks

    found = [leak for file in files for leak in leaks(file.source, file.path, content=file.content)]
    told = f"{len(found)} found; {found[0]}" if found else "no path of a machine, token, pickle or half a file"
    return Claim("nothing private", not found, told)


def _card(folder: Path, text: str, facts: Mapping[str, Any]) -> list[Claim]:
    """Return whether the card's figures, and its text, follow from run.json."""
    from jinja2 import TemplateError

    from ..model_cards.data import CardData
    from ..model_cards.limits import derive_limits
    from ..model_cards.render import render_card
    from ..model_cards.validate import front_matter

    try:
        front = front_matter(text)
        data = CardData(
            repo_id=None,
            location="",
            revision=None,
            license=front["license"],
            license_name=front.get("license_name"),
            language=(front.get("language") or ["en"])[0],
            dataset_id=next(iter(front.get("datasets") or []), None),
            examples=tuple(tuple(map(str, example.values())) for example in front.get("widget") or []),
            facts=dict(facts),
            config=read_json(folder / "config.json"),
            limits=tuple(derive_limits(facts)),
        )
        said, found = (_metrics(metadata) for metadata in (front, data.metadata()))
    except (InputError, KeyError, TypeError, ValueError, AttributeError) as error:
        return [Claim("figures on the card", False, f"they cannot be read beside run.json: {error}")]
    wrong = sorted(name for name in said.keys() | found.keys() if said.get(name) != found.get(name))
    if wrong:
        one = wrong[0]
        told = f"{len(wrong)} differ: {one} is {said.get(one)}, by run.json {found.get(one)}"
    else:
        told = f"all {len(said)} in its metadata are those of run.json"
    figures = Claim("figures on the card", not wrong, told)
    try:
        written = _sections(render_card(data))
    except (TemplateError, KeyError, TypeError) as error:
        return [figures, Claim("text of the card", None, f"this version cannot write it from run.json: {error}")]
    own = _sections(text)
    changed = [name for name in written if own.get(name) != written[name]]
    if changed:
        told = f"other than this version writes it, by hand perhaps, in: {', '.join(changed)}"
        return [figures, Claim("text of the card", None, told)]
    return [figures, Claim("text of the card", True, f"its {len(written)} sections are those that run.json gives")]


def _metrics(metadata: Mapping[str, Any]) -> dict[str, float]:
    return {
        f"{metric['type']}: {metric['name']}": metric["value"]
        for model in metadata["model-index"]
        for result in model["results"]
        for metric in result["metrics"]
    }


def _sections(text: str) -> dict[str, str]:
    """Return {heading: text} of a card, without what names the repository and its tag."""
    return {
        section.heading: "\n".join(line for line in section.text.splitlines() if not NAMED.search(line)).strip()
        for section in Card.parse(text).sections
        if section.level > 1
    }


def _folds(folder: Path, facts: Mapping[str, Any]) -> list[Claim]:
    from ..training.folds import Folds

    said = facts["folds"]["sha1"]
    if not (folder / "folds.json").is_file():
        return [Claim("folds", None, "the terms of the data keep folds.json back; with --data they are made anew")]
    try:
        found = Folds.load(folder / "folds.json").sha1
    except InputError as error:
        return [Claim("folds", False, str(error).replace(str(folder), "."))]
    if found != said:
        return [Claim("folds", False, f"folds.json has SHA-1 {found}, run.json says {said}")]
    return [Claim("folds", True, f"SHA-1 {said}")]
