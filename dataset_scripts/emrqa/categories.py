"""The category of a question's answer: logical form first, then UMLS, then a lexicon.

Soft labels, each with the source it came from, and how far the sources agree where several speak.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any

from secondopinion.core.errors import InputError

from .caching import cached
from .lexicon import Lexicon
from .linkers import find_linker
from .logical_forms import OUTSIDE, CategoryPrior, category_prior
from .soft_labels import CATEGORIES, NO_EVIDENCE, soft_target
from .umls import Linker, link_evidence

__all__ = ["CATEGORIES", "SOURCES", "CategoryLabel", "CategoryLabeller"]

SOURCES = ("logical_form", "umls", "lexicon")


@dataclass(frozen=True, slots=True)
class CategoryLabel:
    """A soft label.

    Attributes:
        probs: over `CATEGORIES`, summing to 1; all zeros where nothing is known.
        source: the sources it came from, such as `logical_form+umls`; empty where nothing is known.
        reason: why the logical form gave nothing; None where it gave the label, or a part of it.
    """

    probs: tuple[float, ...]
    source: str
    reason: str | None = None

    @property
    def labelled(self) -> bool:
        """Whether the row takes part in the category task."""
        return bool(self.source)


class CategoryLabeller:
    """Labels answers, row after row, and counts what it met.

    The target is `soft_labels.soft_target` of the logical form and of what the linker finds in the answers. The
    lexicon is asked for the label only where both are silent; its opinion of other rows serves `agreement`. A logical
    form whose events are outside the five categories (family history, smoking, …) is not silent: its rows get no
    label, whatever the others say.

    Args:
        alpha: weight of the logical form against the links, from 0 to 1.
        linker: who finds UMLS concepts: an object with a `link` method, `scispacy`, `medspacy`, or the path of a
            `.tsv` table; None for nobody.
        lexicon: whether to ask the lexicon.

    Raises:
        InputError: alpha is not from 0 to 1, no linker has that name, or what it needs is not there.

    >>> labeller = CategoryLabeller()
    >>> labeller.label("Why is she on aspirin?", ["angina"], "MedicationEvent (|m|) given {ConditionEvent (x)}")
    CategoryLabel(probs=(1.0, 0.0, 0.0, 0.0, 0.0), source='logical_form', reason=None)
    >>> labeller.label("What does she take?", ["lisinopril 10 mg"], None).source
    'lexicon'
    >>> labeller.label("What is her name?", ["Jo"], None).probs
    (0.0, 0.0, 0.0, 0.0, 0.0)
    >>> labeller.facts()["by_source"]
    {'lexicon': 1, 'logical_form': 1, 'unlabelled': 1}
    """

    def __init__(self, alpha: float = 0.7, linker: Linker | str | None = None, lexicon: bool = True) -> None:
        if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not 0 <= alpha <= 1:
            raise InputError(f"alpha is {alpha!r}; give the weight of the logical form, a number from 0 to 1")
        if not isinstance(lexicon, bool):
            raise InputError(f"lexicon is {lexicon!r}; give true or false")
        if linker is not None and not isinstance(linker, str) and not callable(getattr(linker, "link", None)):
            raise InputError(f"linker is a {type(linker).__name__} without a method link(text); give one, or its name")
        self.alpha = float(alpha)
        self.linker = find_linker(linker) if isinstance(linker, str) else linker
        self.lexicon = Lexicon() if lexicon else None
        self._priors: dict[str, CategoryPrior] = {}
        self._evidence: dict[str, tuple[float, ...]] = {}
        self._sources: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._tops: Counter[tuple[int, ...]] = Counter()
        self._mass = [0.0] * len(CATEGORIES)
        self._opinions: Counter[tuple[tuple[int, ...], ...]] = Counter()

    def label(self, question: str, answers: Sequence[str], logical_form: str | None = None) -> CategoryLabel:
        """Return the label of one row.

        Args:
            question: as asked.
            answers: texts of all its answers; none for an unanswerable question.
            logical_form: of the question, filled in or a template; None where there is none.
        """
        answers = (answers,) if isinstance(answers, str) else answers
        prior = cached(self._priors, logical_form or "", category_prior)
        linked = self._linked(answers)
        read = self.lexicon.label(question, answers) if self.lexicon else None
        label = self._combine(prior, linked, read)
        self._count(label)
        self._opinions[_top(prior.weights), _top(linked), _top(read)] += 1
        return label

    def facts(self) -> dict[str, Any]:
        """Return counts of the rows so far.

        Returns:
            `rows`; `by_source` (with `unlabelled`); `by_category`: rows by their most probable category, where several
            are, by all their names; `mass`: sums of the probabilities; `logical_form_reasons`: why it gave nothing;
            `alpha`, `linker`, `lexicon`.
        """
        tops = {" or ".join(CATEGORIES[place] for place in top): rows for top, rows in self._tops.items()}
        return {
            "rows": self._sources.total(),
            "by_source": dict(sorted(self._sources.items())),
            "by_category": dict(sorted(tops.items())),
            "mass": {name: round(total, 6) for name, total in zip(CATEGORIES, self._mass, strict=True)},
            "logical_form_reasons": dict(sorted(self._reasons.items())),
            "alpha": self.alpha,
            "linker": type(self.linker).__name__ if self.linker is not None else None,
            "lexicon": self.lexicon is not None,
        }

    def agreement(self) -> dict[str, Any]:
        """Return how far each two sources agree on the rows so far where both speak.

        Returns:
            `categories`, and `pairs`, each with `sources` (two names); `rows` where both speak; `tied`: those of them
            where one has several most probable categories, left out of the following figures; `tied_overlap`: the
            share of the tied rows where both have one in common; `table`: counts by the first source's category
            (rows) and the second's (columns); `agreement`: share on the diagonal; `kappa` (Cohen 1960), and `reason`
            where that is None.
        """
        pairs = [self._pair(one, other) for one, other in combinations(range(len(SOURCES)), 2)]
        return {"categories": list(CATEGORIES), "pairs": pairs}

    def _combine(
        self, prior: CategoryPrior, linked: tuple[float, ...] | None, read: tuple[float, ...] | None
    ) -> CategoryLabel:
        if prior.reason == OUTSIDE:
            used = []
        elif prior.weights and linked:
            used = [name for name, share in (("logical_form", self.alpha), ("umls", 1 - self.alpha)) if share]
        else:
            used = [name for name, weights in zip(SOURCES, (prior.weights, linked, read), strict=True) if weights][:1]
        if not used:
            return CategoryLabel(NO_EVIDENCE, "", prior.reason)
        probs = read if used == ["lexicon"] else soft_target(prior.weights, linked, self.alpha)
        return CategoryLabel(probs, "+".join(used), prior.reason)

    def _count(self, label: CategoryLabel) -> None:
        self._sources[label.source or "unlabelled"] += 1
        if label.labelled:
            self._tops[_top(label.probs)] += 1
            self._mass = [total + prob for total, prob in zip(self._mass, label.probs, strict=True)]
        if label.reason:
            self._reasons[label.reason] += 1

    def _linked(self, answers: Sequence[str]) -> tuple[float, ...] | None:
        if self.linker is None:
            return None
        evidence = [cached(self._evidence, answer, self._link) for answer in answers]
        total = tuple(map(sum, zip(*evidence, strict=True)))
        return total if any(total) else None

    def _link(self, text: str) -> tuple[float, ...]:
        return link_evidence(text, self.linker.link(text)) if text.strip() else NO_EVIDENCE

    def _pair(self, one: int, other: int) -> dict[str, Any]:
        size = len(CATEGORIES)
        table = [[0] * size for _ in range(size)]
        tied = overlapping = 0
        for tops, rows in self._opinions.items():
            first, second = tops[one], tops[other]
            if len(first) == len(second) == 1:
                table[first[0]][second[0]] += rows
            elif first and second:
                tied += rows
                overlapping += rows if set(first) & set(second) else 0
        single = sum(map(sum, table))
        facts = {
            "sources": [SOURCES[one], SOURCES[other]],
            "rows": single + tied,
            "tied": tied,
            "tied_overlap": overlapping / tied if tied else None,
            "table": table,
        }
        return {**facts, **_kappa(table)}


def _kappa(table: Sequence[Sequence[int]]) -> dict[str, Any]:
    """κ = (p_o − p_e) / (1 − p_e), p_e from the margins of the table."""
    total = sum(map(sum, table))
    if not total:
        return {"agreement": None, "kappa": None, "reason": "no row has one category of each"}
    observed = sum(row[place] for place, row in enumerate(table)) / total
    expected = (
        sum(sum(row) * sum(column) for row, column in zip(table, zip(*table, strict=True), strict=True)) / total**2
    )
    if expected == 1:
        reason = "both always said the same one category, so agreement by chance is total as well"
        return {"agreement": observed, "kappa": None, "reason": reason}
    return {"agreement": observed, "kappa": (observed - expected) / (1 - expected), "reason": None}


@lru_cache(maxsize=100_000)
def _top(weights: tuple[float, ...] | None) -> tuple[int, ...]:
    """Return the places of the largest weights; several where they are equal, none where nothing is known."""
    if not weights:
        return ()
    best = max(weights)
    return tuple(place for place, weight in enumerate(weights) if math.isclose(weight, best, rel_tol=1e-9))
