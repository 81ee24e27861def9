"""Variants: which factors are on in each of the recipes that are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.errors import InputError, closest
from .factors import Factor

BASELINE, FULL, ONLY, WITHOUT = "baseline", "full", "-only", "without-"
# The published stress test: what comes of the baseline when nothing stops it.
OVERFIT = "overfit-15-epochs"
OVERFIT_CHANGES = {"training.epochs": 15, "training.early_stopping_patience": 15}
GROUPS = {
    "single": "the baseline, each factor alone, and all together",
    "leave-one-out": "all factors but one, each in turn",
    "first-experiments": f"the published ones: {BASELINE}, context{ONLY}, {OVERFIT}",
}


@dataclass(frozen=True)
class Variant:
    """One of the recipes that are compared.

    Attributes:
        name: also its folder's.
        factors: those that are on.
        changes: {dotted key: value} of the recipe.
    """

    name: str
    factors: tuple[str, ...]
    changes: Mapping[str, Any]


def variants_of(factors: Sequence[Factor], wanted: Sequence[str] = ("single",)) -> list[Variant]:
    """Return the variants by name or by group, the baseline first; what is the same twice is there once.

    Args:
        factors: see `factors_of`.
        wanted: names of variants, or of `GROUPS`.

    Raises:
        InputError: a name is unknown.

    >>> two = [Factor("context", {"model.max_length": 512}, {"model.max_length": 1024})]
    >>> two += [Factor("epochs", {"training.epochs": 5}, {"training.epochs": 8})]
    >>> [variant.name for variant in variants_of(two, ["single", "leave-one-out"])]
    ['baseline', 'context-only', 'epochs-only', 'full']
    """
    names = [factor.name for factor in factors]
    known = {BASELINE: _variant(BASELINE, factors, [])}
    known |= {name + ONLY: _variant(name + ONLY, factors, [name]) for name in names}
    known[FULL] = _variant(FULL, factors, names)
    known |= {WITHOUT + name: _variant(WITHOUT + name, factors, [n for n in names if n != name]) for name in names}
    known[OVERFIT] = Variant(OVERFIT, (), {**known[BASELINE].changes, **OVERFIT_CHANGES})
    groups = {
        "single": [BASELINE, *(name + ONLY for name in names), FULL],
        "leave-one-out": [BASELINE, FULL, *(WITHOUT + name for name in names)],
        "first-experiments": [name for name in (BASELINE, "context" + ONLY, OVERFIT) if name in known],
    }
    asked = {BASELINE}
    for word in wanted:
        if word not in groups and word not in known:
            raise InputError(f"no variant {word!r}; {closest(word, [*groups, *known])}")
        asked |= set(groups.get(word, [word]))
    chosen: dict[str, Variant] = {}
    for name, variant in sorted(known.items(), key=lambda item: item[0] not in (BASELINE, FULL)):
        same = next((other for other in chosen.values() if other.changes == variant.changes), None)
        if name in asked and same is None:
            chosen[name] = variant
    return [chosen[name] for name in known if name in chosen]


def _variant(name: str, factors: Sequence[Factor], on: Sequence[str]) -> Variant:
    changes: dict[str, Any] = {}
    for factor in factors:
        changes |= factor.on if factor.name in on else factor.off
    return Variant(name, tuple(on), changes)
