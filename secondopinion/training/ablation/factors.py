"""Factors: named changes of a recipe, each with the values that it has without it and with it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.errors import InputError, closest
from ..recipe import Recipe, load_recipe

# What the published baseline has in place of the optimised recipe's settings; its learning rate is twice as high.
BASELINE: dict[str, dict[str, Any]] = {
    "context": {"model.max_length": 512},
    "learning-rate": {"training.learning_rate": lambda rate: 2 * rate},
    "epochs": {"training.epochs": 5},
    "scheduler": {"training.scheduler": "linear"},
    "entity-mask": {"model.processor.entities": False},
    "normalisation": {"model.processor.measurements": False},
    "abbreviations": {"model.processor.abbreviations": False},
}
OTHER = "other-settings"
SECTIONS = ("model", "training")
_ARROW = "->"


@dataclass(frozen=True)
class Factor:
    """A named change of a recipe.

    Attributes:
        name: of the factor.
        off: {dotted key: value} without it, as the baseline has it.
        on: {dotted key: value} with it; the same keys.
    """

    name: str
    off: Mapping[str, Any]
    on: Mapping[str, Any]


def factors_of(
    recipe: Recipe,
    baseline: Recipe | None = None,
    given: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Factor]:
    """Return the factors in which a recipe differs from its baseline.

    Without a `baseline`, the settings of `BASELINE` stand for it, as far as the recipe has other ones. With one, its
    values stand; settings that belong to no factor are one together (`other-settings`).

    Args:
        recipe: with all factors on.
        baseline: with all factors off.
        given: further factors, or others in place of those of the same name: {name: {dotted key: value, or
            [without, with]}}. Where one value is given the baseline keeps the recipe's own.

    Raises:
        InputError: a key is no setting of the model or its training, or nothing differs.

    >>> given = {"context": {"model.max_length": 64}}
    >>> [factor.name for factor in factors_of(load_recipe("maude_offline"), given=given)]
    ['context', 'learning-rate', 'epochs']
    """
    ours = _settings(recipe)
    theirs = None if baseline is None else _settings(baseline)
    found: dict[str, Factor] = {}
    for name, settings in BASELINE.items():
        off = {key: _baseline_value(key, value, ours, theirs) for key, value in settings.items()}
        on = {key: _value(ours, key) for key in settings}
        off = {key: value for key, value in off.items() if on[key] not in (None, value) and value is not None}
        if off and not (name == "entity-mask" and _value(ours, "model.processor.global_attention") is False):
            found[name] = Factor(name, off, {key: on[key] for key in off})
    if theirs is not None:
        found |= _others(ours, theirs)
    for name, settings in (given or {}).items():
        found[name] = _given(name, settings, ours)
    if not found:
        raise InputError(
            "no factor to switch: the recipe has the baseline's settings throughout. Give --baseline RECIPE, or "
            "factors such as --factor context=model.max_length:1024"
        )
    order = [*BASELINE, *(name for name in found if name not in BASELINE)]
    return [found[name] for name in order if name in found]


def changed_recipe(recipe: Recipe, changes: Mapping[str, Any], name: str | None = None) -> Recipe:
    """Return a recipe with other values, checked as a recipe is.

    Args:
        recipe: to change.
        changes: {dotted key: value}.
        name: of the new one; the same when left out.

    Raises:
        InputError: a key is unknown, or a value is of the wrong type.

    >>> changed_recipe(load_recipe("maude_offline"), {"model.max_length": 64}).model.max_length
    64
    """
    plain = dataclasses.asdict(recipe)
    for key, value in changes.items():
        *path, last = key.split(".")
        place = plain
        for part in path:
            place[part] = place.get(part) or {}
            if not isinstance(place[part], dict):
                raise InputError(f"{key}: {part} is a value, not a section of the recipe")
            place = place[part]
        place[last] = value
    if name is not None:
        plain["name"] = name
    if plain["model"]["kind"] == "tfidf" and any(key.startswith("training.") for key in changes):
        raise InputError("a recipe of kind tfidf has no training section; give factors of its model")
    return load_recipe(plain)


def parse_factors(words: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Read factors as they are written on the command line: `name=key:value`, `name=key:without->with`, with commas.

    Raises:
        InputError: a word has another form, or a name is there twice.

    >>> parse_factors(["context=model.max_length:512->1024", "rate=training.learning_rate:1e-4,training.warmup:0"])
    {'context': {'model.max_length': [512, 1024]}, 'rate': {'training.learning_rate': '1e-4', 'training.warmup': 0}}
    """
    import yaml

    found: dict[str, dict[str, Any]] = {}
    for word in words:
        name, equals, rest = word.partition("=")
        pairs = [pair.partition(":") for pair in rest.split(",")]
        if not (equals and name.strip() and all(key.strip() and value.strip() for key, _, value in pairs)):
            raise InputError(f"factor {word!r} cannot be read; write it as name=model.max_length:1024")
        if name.strip() in found:
            raise InputError(f"factor {name.strip()!r} is given twice; put its keys together, with commas between them")
        found[name.strip()] = {}
        for key, _, value in pairs:
            sides = [yaml.safe_load(side) for side in value.split(_ARROW)]
            found[name.strip()][key.strip()] = sides[0] if len(sides) == 1 else sides
    return found


def read_factors(path: str | os.PathLike) -> dict[str, dict[str, Any]]:
    """Read factors from a YAML file: `name: {dotted key: value, or [without, with]}`.

    Raises:
        InputError: the file is missing or holds something else.
    """
    import yaml

    try:
        value = yaml.safe_load(Path(path).expanduser().read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(value, dict) or not all(isinstance(settings, dict) and settings for settings in value.values()):
        raise InputError(f"{path} holds no factors; write them as 'context: {{model.max_length: [512, 1024]}}'")
    return {str(name): {str(key): item for key, item in settings.items()} for name, settings in value.items()}


def _settings(recipe: Recipe) -> dict[str, Any]:
    plain = dataclasses.asdict(recipe)
    return {section: plain[section] for section in SECTIONS[: 1 if recipe.model.kind == "tfidf" else 2]}


def _given(name: str, settings: Mapping[str, Any], ours: dict[str, Any]) -> Factor:
    off, on = {}, {}
    for key, value in settings.items():
        section = key.split(".")[0]
        if section not in SECTIONS or "." not in key:
            hint = closest(section, SECTIONS)
            raise InputError(
                f"factor {name!r}: {key!r} is no setting of the model or its training ({hint}); rows and folds must "
                "stay the same, write it as model.max_length or training.epochs"
            )
        sides = list(value) if isinstance(value, list | tuple) and len(value) == 2 else [_value(ours, key), value]
        off[key], on[key] = sides
    return Factor(name, off, on)


def _others(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Factor]:
    """Return what differs and belongs to no factor, as one."""
    named = {key for settings in BASELINE.values() for key in settings}
    flat_ours, flat_theirs = _flat(ours), _flat(theirs)
    keys = sorted(
        key
        for key in flat_ours.keys() & flat_theirs.keys()
        if key.split(".")[0] in SECTIONS and key not in named and flat_ours[key] != flat_theirs[key]
    )
    if not keys:
        return {}
    return {OTHER: Factor(OTHER, {key: flat_theirs[key] for key in keys}, {key: flat_ours[key] for key in keys})}


def _baseline_value(key: str, value: Any, ours: dict[str, Any], theirs: dict[str, Any] | None) -> Any:
    if theirs is not None and _value(theirs, key) is not None:
        return _value(theirs, key)
    if callable(value):
        own = _value(ours, key)
        return None if own is None else value(own)
    return value


def _value(plain: Any, key: str) -> Any:
    for part in key.split("."):
        plain = plain.get(part) if isinstance(plain, dict) else None
    return plain


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {prefix: value}
    return {k: v for key, item in value.items() for k, v in _flat(item, f"{prefix}.{key}".lstrip(".")).items()}
