"""Is a published model what its card says? Downloaded, and computed again."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.files import read_json

TAG = re.compile(r"""revision=["'](run-[0-9a-f]{12})["']""")
# Lines of a card that hold the repository's name or the tag.
NAMED = re.compile(
    r"from_pretrained|skops\.io\.load|snapshot_download|hf_hub_download|pipeline\(|The tag |revision=|secondopinion "
)
TOLERANCE = 0.002


@dataclass(frozen=True)
class Claim:
    """Something that a published model says of itself.

    Attributes:
        name: what it is about.
        holds: whether it was found so; None where it could not be looked at.
        told: what was found, in a sentence.
    """

    name: str
    holds: bool | None
    told: str


def verify(
    model: str | os.PathLike,
    data: str | os.PathLike | None = None,
    *,
    revision: str | None = None,
    token: str | None = None,
    tolerance: float = TOLERANCE,
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

    Returns:
        The claims in that order.

    Raises:
        InputError: nothing is there, or it was not published by this project.
    """
    folder = _download(str(model), revision, token)
    if not (folder / "run.json").is_file() or not (folder / "config.json").is_file():
        raise InputError(f"{model} is no model that push published: it lacks run.json or config.json")
    facts, card = read_json(folder / "run.json"), folder / "README.md"
    text = card.read_text(encoding="utf-8") if card.is_file() else ""
    claims = [_files(folder, text), _nothing_private(folder), *_card(folder, text, facts), *_folds(folder, facts)]
    return claims if data is None else [*claims, *_data(folder, facts, data, tolerance)]


def _download(model: str, revision: str | None, token: str | None) -> Path:
    from ..model_cards.hub import endpoint, hub_errors
    from ..model_cards.push import as_folder

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


def _files(folder: Path, text: str) -> Claim:
    from ..model_cards.staging import CARD, MODEL, content_tag, published_files

    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    own = [name for name in names if MODEL.is_ours(name) and name != CARD]
    found, pinned = content_tag(published_files(folder, own), MODEL), set(TAG.findall(text))
    if len(pinned) != 1:
        return Claim("files", None, f"the card pins no single content; {len(own)} files have {found}")
    (said,) = pinned
    if found == said:
        return Claim("files", True, f"{len(own)} files, weights among them, have the content {said} that the card pins")
    return Claim("files", False, f"the card pins {said}, but the {len(own)} files have {found}: a file was changed")


def _nothing_private(folder: Path) -> Claim:
    from ..model_cards.leaks import leaks
    from ..model_cards.staging import MODEL

    found = [
        leak
        for path in sorted(folder.rglob("*"))
        if path.is_file() and MODEL.is_ours(path.relative_to(folder).as_posix())
        for leak in leaks(path, path.relative_to(folder).as_posix())
    ]
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
    body = text.split("---\n", 2)[-1]
    kept = "\n".join(line for line in body.splitlines() if not NAMED.search(line))
    parts = re.split(r"^## (.+)$", kept, flags=re.MULTILINE)
    return {heading.strip(): part.strip() for heading, part in zip(parts[1::2], parts[2::2], strict=True)}


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


def _data(folder: Path, facts: Mapping[str, Any], data: str | os.PathLike, tolerance: float) -> list[Claim]:
    from ..training.data import load_data
    from ..training.recipe import DatasetSpec

    if facts["model"]["kind"] == "multitask_qa":
        told = "questions are not looked at here; measure the model with: secondopinion evaluate RUN --data DATA"
        return [Claim("data", None, told)]
    stored = facts["recipe"]["dataset"]
    with tempfile.TemporaryDirectory(prefix="secondopinion-") as cache:
        rows = load_data(DatasetSpec(**{**stored, "path": os.fspath(data)}), Path(cache))
        said = facts["dataset"]["fingerprint"]
        if rows.fingerprint != said:
            told = f"{rows.name} has fingerprint {rows.fingerprint} ({len(rows.ids):,} rows), run.json says {said}"
            return [Claim("data", False, told + f" ({facts['dataset']['rows']:,} rows): it is other data")]
        claims = [Claim("data", True, f"{len(rows.ids):,} rows, fingerprint {said}")]
        split = _folds_anew(facts, rows)
        same = split.sha1 == facts["folds"]["sha1"]
        told = f"made anew from the data, they have SHA-1 {split.sha1}"
        claims.append(Claim("folds of the data", same, told + ("" if same else f", not {facts['folds']['sha1']}")))
        return [*claims, _figures(folder, facts, rows, split, tolerance)] if same else claims


def _folds_anew(facts: Mapping[str, Any], rows: Any) -> Any:
    from ..training.folds import GIVEN, fold_column, given_folds, make_folds

    spec, ids = facts["folds"], rows.ids.tolist()
    if spec["strategy"] == GIVEN:
        return given_folds(ids, fold_column(rows.dataset), rows.groups, dataset_fingerprint=rows.fingerprint)
    return make_folds(
        ids,
        rows.problem.strata(
            rows.labels, rows.groups if spec["strategy"] == "stratified_group" else None, spec["n_splits"]
        ),
        rows.groups,
        n_splits=spec["n_splits"],
        strategy=spec["strategy"],
        seed=spec["seed"],
        dataset_fingerprint=rows.fingerprint,
    )


def _figures(folder: Path, facts: Mapping[str, Any], rows: Any, split: Any, tolerance: float) -> Claim:
    from ..training.problems.tasks import problem_of_task

    fold = facts["selection"]["fold"]
    _, held_out = split.rows(fold)
    problem = problem_of_task(facts["task"]).measuring(facts["selection"]["rule"]["metric"])
    gold = problem.align(rows.problem, rows.labels, rows.name)[held_out]
    logits = _predict(folder, facts["model"]["kind"], rows.texts(held_out))
    found = dict(_flat(problem.figures(gold, logits.astype(np.float64))))
    said = dict(_flat(next(one for one in facts["fold_results"] if one["fold"] == fold)["figures"]))
    off = {name: abs(found[name] - value) for name, value in said.items() if name in found}
    worst = max(off, key=off.get)
    name = f"figures of fold {fold}"
    told = f"{len(off)} figures of {len(held_out):,} rows that it never saw, predicted again"
    if off[worst] > tolerance:
        return Claim(name, False, f"{told}: {worst} is {found[worst]:.4f}, run.json says {said[worst]:.4f}")
    return Claim(name, True, f"{told}: none is off by more than {off[worst]:.4f}")


def _predict(folder: Path, kind: str, texts: list[str]) -> np.ndarray:
    if kind == "tfidf":
        from ..training.baseline import TfidfClassifier

        return TfidfClassifier.load(folder).logits(texts)
    from ..scoring.classifier import open_classifier
    from ..scoring.engine import score_texts

    return score_texts(*open_classifier(folder), texts)


def _flat(figures: Mapping[str, Any], where: str = "") -> Iterator[tuple[str, float]]:
    for key, value in figures.items():
        if isinstance(value, Mapping):
            if key not in ("intervals", "confusion_matrix"):
                yield from _flat(value, f"{where}{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{where}{key}", float(value)
