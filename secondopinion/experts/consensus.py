"""One label from the votes of several experts, and how much of an expert's accuracy is its own echo.

Gold made from the experts' own votes flatters them: each agrees with a consensus that holds its own vote. So an
expert is scored against a consensus made without it, and the difference is reported as leakage.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.errors import InputError, closest
from .vote_matrix import VoteMatrix, vote_matrix

# What each method is called in crowd-kit; None is computed here.
METHODS = {
    "majority": None,
    "weighted": None,
    "dawid_skene": "DawidSkene",
    "one_coin_dawid_skene": "OneCoinDawidSkene",
    "wawa": "Wawa",
    "mmsr": "MMSR",
    "glad": "GLAD",
    "zero_based_skill": "ZeroBasedSkill",
}
TIES = ("null", "order", "weight")
LEAST_EXPERTS = {"mmsr": 3}
# Scores of classes closer than this are a tie: sums of weights differ by rounding with the order of summation.
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Consensus:
    """One label a row.

    Attributes:
        method: how it was made.
        labels: id → class; None on a tie that no rule breaks, or with too few votes. Sorted by id.
        shares: id → the winner's share of the votes (or its probability); None where there is no label.
        facts: counts of rows, of labels, of ties, of rows with too few votes; experts, and those without any vote.
    """

    method: str
    labels: dict[str, str | None]
    shares: dict[str, float | None]
    facts: dict[str, Any]


def consensus_labels(
    votes: Iterable[Any],
    method: str = "majority",
    *,
    label_names: Sequence[str] | None = None,
    min_votes: int = 1,
    ties: str = "null",
    order: Sequence[str] | None = None,
    weights: Mapping[str, float] | None = None,
    **settings: Any,
) -> Consensus:
    """Return one label a row from the votes of several experts; unusable votes are left out.

    `dawid_skene` (Dawid & Skene 1979), `one_coin_dawid_skene` (Zhang et al. 2016), `wawa` (worker agreement with
    aggregate), `mmsr` (Ma & Olshevsky 2020), `glad` (Whitehill et al. 2009) and `zero_based_skill` are crowd-kit's.
    All of them take the experts' errors for independent given the truth, and overcount experts that err together:
    see `agreement_figures` for how far that holds.

    Args:
        votes: `Vote`s or mappings with id, expert and label; flat, or one list an expert.
        method: one of `METHODS`.
        label_names: the classes; by default all that were voted for.
        min_votes: rows with fewer usable votes get None, and take no part in any estimate.
        ties: what happens when the best classes are level: `null` (no label), `order` (the class of the first expert
            in `order` that voted for one of them), `weight` (the one with the larger sum of `weights`; None if level).
        order: names of experts, most trusted first.
        weights: name → weight ≥ 0 of every expert, for `weighted` and for `ties="weight"`.
        settings: given to crowd-kit's method, such as `n_iter`.

    Raises:
        InputError: an unknown method or rule; no usable vote at all; missing weights; too few experts for the method;
            crowd-kit is not installed.

    >>> said = {"a": ["yes", "yes", "no"], "b": ["no", "yes", None]}
    >>> votes = [{"id": str(i), "expert": e, "label": y} for e, ys in said.items() for i, y in enumerate(ys)]
    >>> consensus_labels(votes).labels
    {'0': None, '1': 'yes', '2': 'no'}
    >>> consensus_labels(votes, ties="order", order=["b", "a"]).labels["0"]
    'no'
    """
    matrix = vote_matrix(votes, label_names)
    return _consensus(matrix, method, _Rules(min_votes, ties, order, weights), settings)


def leave_one_out(votes: Iterable[Any], method: str = "majority", **options: Any) -> dict[str, Consensus]:
    """Return for each expert the consensus of all the others, over the same rows.

    Args:
        votes, method, options: as for `consensus_labels`; `min_votes` counts the votes of the others.

    Raises:
        InputError: as for `consensus_labels`; fewer than two experts have a usable vote.
    """
    matrix = vote_matrix(votes, options.pop("label_names", None))
    return _leave_one_out(matrix, method, _rules(options), options)


def expert_figures(
    votes: Iterable[Any], method: str = "majority", gold: Mapping[str, str | None] | None = None, **options: Any
) -> dict[str, Any]:
    """Return how often each expert is right by the consensus of all, by that of the others, and by gold.

    Args:
        votes, method, options: as for `consensus_labels`.
        gold: id → true class, where it is known by other means.

    Returns:
        `experts`: for each, in order of name, `usable` votes of `rows`, and accuracies `{value, rows}` (value None
        on no rows): `plain` (consensus of all), `leave_one_out` (of the others), `gold`; `leakage` = plain −
        leave-one-out as each would be published, and `leakage_same_rows` over the rows that both label (the first
        also holds the rows that the expert's own vote decides). `consensus`: its accuracy by gold, and labelled rows.
        `mean_leakage` over the experts.

    Raises:
        InputError: as for `leave_one_out`.
    """
    matrix = vote_matrix(votes, options.pop("label_names", None))
    rules = _rules(options)
    plain = _codes(matrix, _consensus(matrix, method, rules, options))
    others = _leave_one_out(matrix, method, rules, options)
    truth = None if gold is None else matrix.gold_codes(gold)
    experts = []
    for j, name in enumerate(matrix.experts):
        said, without = matrix.codes[:, j], _codes(matrix, others[name])
        both = (plain >= 0) & (without >= 0)
        figures = {
            "expert": name,
            "rows": len(said),
            "usable": int((said >= 0).sum()),
            "plain": _accuracy(said, plain),
            "leave_one_out": _accuracy(said, without),
            "gold": None if truth is None else _accuracy(said, truth),
        }
        figures["leakage"] = _difference(figures["plain"], figures["leave_one_out"])
        same = _accuracy(said, np.where(both, plain, -1)), _accuracy(said, np.where(both, without, -1))
        figures["leakage_same_rows"] = _difference(*same)
        experts.append(figures)
    leakages = [figures["leakage"] for figures in experts if figures["leakage"] is not None]
    return {
        "method": method,
        "experts": experts,
        "consensus": {
            "rows": len(plain),
            "labelled": int((plain >= 0).sum()),
            "gold": None if truth is None else _accuracy(plain, truth),
        },
        "mean_leakage": float(np.mean(leakages)) if leakages else None,
    }


class _Rules:
    """Which rows get a label, and how ties are broken."""

    def __init__(
        self,
        min_votes: int = 1,
        ties: str = "null",
        order: Sequence[str] | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        if ties not in TIES:
            raise InputError(f"ties is one of {', '.join(TIES)}; got {ties!r} ({closest(str(ties), TIES)})")
        if min_votes < 1:
            raise InputError(f"min_votes is at least 1; got {min_votes}")
        if ties == "order" and not order:
            raise InputError("ties='order' needs order=[names of experts, most trusted first]")
        self.min_votes, self.ties, self.order, self.weights = min_votes, ties, list(order or ()), weights

    def weights_of(self, matrix: VoteMatrix) -> np.ndarray:
        """Return (J,) weights.

        Raises:
            InputError: an expert has none, or one is negative or not a number.
        """
        missing = [name for name in matrix.experts if name not in (self.weights or {})]
        if missing:
            raise InputError(f"no weight for {missing}; pass weights={{name: weight}} for every expert")
        weights = np.array([float(self.weights[name]) for name in matrix.experts])
        if not np.isfinite(weights).all() or (weights < 0).any():
            raise InputError(f"weights are finite and not negative; got {dict(self.weights)}")
        return weights

    def break_tie(self, matrix: VoteMatrix, row: int, best: np.ndarray) -> int:
        """Return the class for a row whose classes `best` are level, -1 for none."""
        if self.ties == "order":
            for name in self.order:
                if name in matrix.experts and (said := matrix.codes[row, matrix.experts.index(name)]) in best:
                    return int(said)
        elif self.ties == "weight":
            single = VoteMatrix(matrix.ids[row : row + 1], matrix.experts, matrix.classes, matrix.codes[row : row + 1])
            sums = single.weighted(self.weights_of(matrix))[0][best]
            if (sums > sums.max() - TOLERANCE).sum() == 1:
                return int(best[sums.argmax()])
        return -1


def _rules(options: dict[str, Any]) -> _Rules:
    """Take the rules out of the options; what is left belongs to the method."""
    return _Rules(**{name: options.pop(name) for name in ("min_votes", "ties", "order", "weights") if name in options})


def _consensus(matrix: VoteMatrix, method: str, rules: _Rules, settings: Mapping[str, Any]) -> Consensus:
    if method not in METHODS:
        raise InputError(f"no method {method!r}; {closest(method, METHODS)}")
    if settings and METHODS[method] is None:
        raise InputError(f"{method!r} has no settings; got {sorted(settings)}")
    usable = (matrix.codes >= 0).sum(axis=1)
    if not usable.any():
        raise InputError(
            f"none of the {len(matrix.experts)} experts has a usable vote on any of {len(matrix.ids)} rows; "
            "look at the votes' `error` column, then ask again"
        )
    voted = np.flatnonzero(usable >= rules.min_votes)
    silent = [name for name, column in zip(matrix.experts, matrix.codes.T, strict=True) if (column < 0).all()]
    part = VoteMatrix([matrix.ids[i] for i in voted], matrix.experts, matrix.classes, matrix.codes[voted])
    scores = _scores(part, method, rules, settings) if len(voted) else np.zeros((0, len(matrix.classes)))
    labels: dict[str, str | None] = dict.fromkeys(matrix.ids)
    shares: dict[str, float | None] = dict.fromkeys(matrix.ids)
    tied = 0
    for i, row in enumerate(part.ids):
        total = scores[i].sum()
        if not np.isfinite(total) or total <= 0:
            continue
        share = scores[i] / total
        best = np.flatnonzero(share > share.max() - TOLERANCE)
        tied += len(best) > 1
        winner = int(best[0]) if len(best) == 1 else rules.break_tie(part, i, best)
        if winner >= 0:
            labels[row], shares[row] = matrix.classes[winner], float(share[winner])
    facts = {
        "rows": len(matrix.ids),
        "labelled": sum(label is not None for label in labels.values()),
        "ties": int(tied),
        "ties_rule": rules.ties,
        "too_few_votes": int(len(matrix.ids) - len(voted)),
        "min_votes": rules.min_votes,
        "experts": matrix.experts,
        "experts_without_votes": silent,
    }
    return Consensus(method, labels, shares, facts)


def _leave_one_out(matrix: VoteMatrix, method: str, rules: _Rules, settings: Mapping[str, Any]) -> dict[str, Consensus]:
    voting = int((matrix.codes >= 0).any(axis=0).sum())
    if voting < 2:
        raise InputError(
            f"leaving one expert out needs at least two with usable votes; {voting} of {len(matrix.experts)} have any"
        )
    return {name: _consensus(matrix.without(name), method, rules, settings) for name in matrix.experts}


def _scores(matrix: VoteMatrix, method: str, rules: _Rules, settings: Mapping[str, Any]) -> np.ndarray:
    """Return (n, K) scores ≥ 0 of the classes."""
    if method == "weighted":
        return matrix.weighted(rules.weights_of(matrix))
    counts = matrix.counts
    voting = int((matrix.codes >= 0).any(axis=0).sum())
    # Where nobody disagrees there is nothing to estimate, and some methods divide by zero.
    if method == "majority" or voting == 1 or (counts > 0).sum(axis=1).max() == 1:
        return counts.astype(float)
    least = LEAST_EXPERTS.get(method, 2)
    if voting < least:
        raise InputError(
            f"{method!r} needs at least {least} experts with usable votes, got {voting} "
            "(leave-one-out makes them one fewer); use method='majority'"
        )
    return _crowd_kit(matrix, method, settings)


def _crowd_kit(matrix: VoteMatrix, method: str, settings: Mapping[str, Any]) -> np.ndarray:
    try:
        import crowdkit.aggregation
    except ImportError:
        raise InputError(f"method {method!r} needs crowd-kit: pip install 'secondopinion[deferral]'") from None
    import pandas

    rows, columns = np.nonzero(matrix.codes >= 0)
    data = pandas.DataFrame({"task": rows, "worker": columns, "label": matrix.codes[rows, columns]})
    try:
        aggregation = getattr(crowdkit.aggregation, METHODS[method])(**settings)
    except TypeError as error:
        raise InputError(f"{method!r} does not take these settings: {error}") from None
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            fitted = aggregation.fit(data)
    except (ValueError, TypeError, ArithmeticError, RuntimeError) as error:
        raise InputError(
            f"{method!r} found no estimate from these votes ({type(error).__name__}); use method='majority'"
        ) from error
    if method in ("wawa", "zero_based_skill", "mmsr"):
        # The skills are weights of a majority vote; crowd-kit's own `predict` fails with scikit-learn 1.9.
        skills = fitted.skills_.reindex(range(len(matrix.experts))).fillna(0.0).to_numpy()
        return matrix.weighted(np.nan_to_num(skills, posinf=0.0).clip(0.0))
    scores = np.zeros((len(matrix.ids), len(matrix.classes)))
    scores[np.ix_(fitted.probas_.index, fitted.probas_.columns)] = fitted.probas_.to_numpy()
    return scores


def _codes(matrix: VoteMatrix, agreed: Consensus) -> np.ndarray:
    """Return (n,) int64: the class of each row by a consensus, -1 for none."""
    return np.array([-1 if (y := agreed.labels[row]) is None else matrix.classes.index(y) for row in matrix.ids])


def _accuracy(said: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    rows = (said >= 0) & (truth >= 0)
    return {"value": float((said[rows] == truth[rows]).mean()) if rows.any() else None, "rows": int(rows.sum())}


def _difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> float | None:
    return None if one["value"] is None or other["value"] is None else one["value"] - other["value"]
